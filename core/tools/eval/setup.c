/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What eval and compare set up alike. In: names of measures, files of networks. Out: rows and room for results.
 */
#include <stdlib.h>
#include <string.h>

#include "evaluation.h"
#include "tools/digest.h"
#include "tools/network.h"

static int add_measure(Evaluation *e, const char *name)
{
    const char *names[64] = { NULL };

    for (size_t i = 0; measures[i]; i++) {
        names[i] = measures[i]->name;
        if (strcmp(name, names[i]))
            continue;
        for (size_t m = 0; m < e->results.measures; m++)
            if (e->results.measure[m] == measures[i])
                return STATUS_OK;
        e->results.measure[e->results.measures++] = measures[i];
        return STATUS_OK;
    }
    const char *nearest = find_nearest(name, names), *command = e->arguments->command->name;
    return nearest ? say_usage(command, "--metrics: there is no measure \"%s\", did you mean %s?", name, nearest)
                   : say_usage(command, "--metrics: there is no measure \"%s\"", name);
}

int evaluation_read_measures(Evaluation *e)
{
    const char *text = option_value(e->arguments, "metrics");
    const int all = text && !strcmp(text, "all");
    int status = STATUS_OK;

    if (!text && option_given(e->arguments, "table1"))
        text = "top1_error,top5_error,loc_top1_error,loc_top5_error";
    if (!text || all || !strcmp(text, "cheap")) {
        for (size_t i = 0; measures[i]; i++)
            if (all || !(measures[i]->needs & IS_DEAR))
                e->results.measure[e->results.measures++] = measures[i];
        return STATUS_OK;
    }
    char *list = strdup(text), *save = NULL;
    if (!list)
        return say_failure("out of memory");
    for (char *name = strtok_r(list, ",", &save); name && !status; name = strtok_r(NULL, ",", &save))
        status = add_measure(e, name);
    free(list);
    return status || e->results.measures ? status : say_usage(e->arguments->command->name, "--metrics names none");
}

static int fill_model(Evaluation *e, size_t index)
{
    Row *first = &e->row[index * e->methods];
    const char *path = e->model_path[index], *slash = path ? strrchr(path, '/') : NULL;
    GradcamModel *model;
    int status = network_open(&model, e->arguments, path, NULL, &e->log);

    if (status)
        return status;
    if (path && (status = file_sha256(path, first->sha256))) {
        gradcam_model_close(&model);
        return status;
    }
    snprintf(first->model, sizeof(first->model), "%s", path ? slash ? slash + 1 : path : "built-in");
    char *dot = strrchr(first->model, '.');
    if (path && dot && dot != first->model)
        *dot = 0;
    const char *layer = option_value(e->arguments, "layer");
    snprintf(first->layer, sizeof(first->layer), "%s", layer ? layer : gradcam_model_info(model)->layer);
    gradcam_model_close(&model);
    for (size_t k = 0; k < e->methods; k++) {
        Row *row = first + k;
        if (k) {
            memcpy(row->sha256, first->sha256, sizeof(row->sha256));
            memcpy(row->model, first->model, sizeof(row->model));
            memcpy(row->layer, first->layer, sizeof(row->layer));
        }
        row->model_path = path;
        row->method = e->method[k];
        gradcam_method_text(&row->method, row->method_text, sizeof(row->method_text));
    }
    return STATUS_OK;
}

int evaluation_open(Evaluation *e)
{
    const size_t rows = e->models * e->methods;
    int status = STATUS_OK;

    e->row = calloc(rows, sizeof(*e->row));
    e->unfit = calloc(rows, sizeof(*e->unfit));
    if (!e->row || !e->unfit)
        return say_failure("out of memory");
    for (size_t i = 0; i < e->models && !status; i++)
        status = fill_model(e, i);
    e->results.row = e->row;
    e->results.rows = rows;
    e->results.dataset = &e->dataset;
    return status ? status : results_alloc(&e->results) ? say_failure("out of memory") : STATUS_OK;
}

void evaluation_close(Evaluation *e)
{
    for (size_t i = 0; e->unfit && i < e->results.rows; i++)
        free(e->unfit[i]);
    results_free(&e->results);
    dataset_close(&e->dataset);
    free(e->row);
    free(e->unfit);
}
