/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: results. Out: tables for people, the paper's Table 1, JSON and CSV.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/files.h"
#include "tools/json.h"
#include "tools/network.h"
#include "evaluation.h"

void evaluation_row_name(const Evaluation *e, size_t row, char *text, size_t size)
{
    if (e->models > 1)
        snprintf(text, size, "%s %s", e->row[row].model, e->row[row].method_text);
    else
        snprintf(text, size, "%s", e->row[row].method_text);
}

int evaluation_figures(const Evaluation *e, size_t measure, size_t side, Figure *figure)
{
    int error = 0;
    for (size_t row = 0; row < e->results.rows && !error; row++)
        error = results_figure(&e->results, row, side, measure, e->resamples, e->settings.seed, &figure[row]);
    return error ? say_failure("out of memory") : STATUS_OK;
}

// --------------------------------------------------------------------------------------------------------- for people

static void print_figure(const Figure *figure)
{
    if (isnan(figure->value))
        printf("  %-22s", "-");
    else if (isnan(figure->low))
        printf("  %-22.4f", figure->value);
    else
        printf("  %.4f [%.4f, %.4f]", figure->value, figure->low, figure->high);
}

static void print_measure(const Evaluation *e, size_t measure, const Figure *figure, const Figure *inverse)
{
    const Measure *m = e->results.measure[measure];
    double rank[MOST_MODELS * MOST_METHODS];
    char name[400];

    printf("\n%s (%s is better): %s\n", m->name, m->better > 0 ? "higher" : "lower", m->summary);
    results_rank(figure, e->results.rows, m->better, rank);
    const int of_network = m->needs & IS_OF_NETWORK;
    for (size_t row = 0; row < e->results.rows; row += of_network ? e->methods : 1) {
        evaluation_row_name(e, row, name, sizeof(name));
        printf("  %-28s", of_network ? e->row[row].model : name);
        print_figure(&figure[row]);
        printf("  n %zu", figure[row].n);
        if (figure[row].has_threshold)
            for (int b = 0; b < m->bounds; b++)
                printf("%s%.3f", b ? ", " : "  at ", figure[row].threshold[b]);
        if (inverse && !of_network && !isnan(inverse[row].value))
            printf("  inverse %.4f", inverse[row].value);
        if (e->results.rows > 1 && !of_network && !isnan(rank[row]))
            printf("  rank %g", rank[row]);
        printf("\n");
    }
}

static void print_heading(const Evaluation *e)
{
    const Dataset *d = &e->dataset;

    printf("%s: %zu pictures and classes (%s), %zu classes\n", e->arguments->argument[0], d->count, d->form,
           d->classes);
    for (size_t row = 0; row < e->results.rows; row += e->methods)
        printf("network %s, %s, layer %s\n", e->row[row].model, e->row[row].sha256[0] ? e->row[row].sha256 : "built in",
               e->row[row].layer);
    printf("maps bilinear, lowest to highest value as 0 to 1, of the %s; boxes at %g of the maximum; intervals 95 %%, "
           "bootstrap of %d\n", e->guess ? "best guess" : "true class", e->settings.threshold, e->resamples);
    if (e->broken || d->skipped)
        printf("left out: %zu pictures that cannot be read, %zu entries\n", e->broken, d->skipped);
    for (size_t i = 0; i < d->complaints; i++)
        printf("  %s\n", d->complaint[i]);
    for (size_t row = 0; row < e->results.rows; row++)
        if (e->unfit[row])
            printf("%s: %s\n", e->row[row].method_text, e->unfit[row]);
}

int report_print(Evaluation *e)
{
    Figure *figure = calloc(2 * e->results.rows, sizeof(*figure)), *inverse = figure + e->results.rows;
    int status = figure ? STATUS_OK : say_failure("out of memory");

    if (!status)
        print_heading(e);
    for (size_t m = 0; m < e->results.measures && !status; m++) {
        status = evaluation_figures(e, m, 0, figure);
        if (!status && e->results.controls)
            status = evaluation_figures(e, m, 1, inverse);
        if (!status)
            print_measure(e, m, figure, e->results.controls ? inverse : NULL);
    }
    if (e->done)
        printf("\n%zu maps measured in %.1f s on %d threads; %.1f %% of their time in reading pictures and keeping "
               "results\n", e->done, e->seconds, e->threads_used,
               100 * fmax(0, 1 - e->network_seconds / (e->seconds * e->threads_used)));
    free(figure);
    return status;
}

// ------------------------------------------------------------------------------------------------------------- Table 1

// Selvaraju et al. 2017, Table 1: errors in percent on the validation set of ILSVRC.
static const struct {
    const char *network, *method;
    double cls1, cls5, loc1, loc5;
} paper[] = {
    { "vgg16", "gradient", 30.38, 10.89, 61.12, 51.46 },    { "vgg16", "cmwp", 30.38, 10.89, 70.92, 63.04 },
    { "vgg16", "gradcam", 30.38, 10.89, 56.51, 46.41 },     { "vgg16", "cam", 33.40, 12.20, 57.20, 45.14 },
    { "alexnet", "cmwp", 44.2, 20.8, 92.6, 89.2 },          { "alexnet", "gradcam", 44.2, 20.8, 68.3, 56.6 },
    { "googlenet", "gradcam", 31.9, 11.3, 60.09, 49.34 },   { "googlenet", "cam", 31.9, 11.3, 60.09, 49.34 },
};

static const char *const table1_names[][2] = {
    { "gradient", "Backprop" }, { "cmwp", "c-MWP" }, { "gradcam", "Grad-CAM" }, { "cam", "CAM" },
};

static const char *printed_name(const char *method)
{
    for (size_t i = 0; i < sizeof(table1_names) / sizeof(table1_names[0]); i++)
        if (!strcmp(method, table1_names[i][0]))
            return table1_names[i][1];
    return method;
}

// Letters and digits alone, small: "VGG-16" and "vgg16.bin" begin alike.
static int is_network(const char *name, const char *wanted)
{
    for (; *name && *wanted; name++) {
        const char small = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
        if (small == '-' || small == '_')
            continue;
        if (small != *wanted++)
            return 0;
    }
    return !*wanted;
}

static void print_percent(const Figure *figure)
{
    if (isnan(figure->value))
        printf(" %8s", "-");
    else
        printf(" %8.2f", 100 * figure->value);
}

int report_table1(Evaluation *e)
{
    static const char *const order[] = { "top1_error", "top5_error", "loc_top1_error", "loc_top5_error" };
    Figure *figure = calloc(4 * e->results.rows, sizeof(*figure));
    int status = figure ? STATUS_OK : say_failure("out of memory");

    for (size_t k = 0; k < 4 && !status; k++)
        for (size_t m = 0; m < e->results.measures && !status; m++)
            if (!strcmp(e->results.measure[m]->name, order[k]))
                status = evaluation_figures(e, m, 0, figure + k * e->results.rows);
    if (status)
        return status;
    print_heading(e);
    printf("\nerror in %%, on %zu pictures; this is the paper's table only for the 50,000 of ILSVRC's validation set\n"
           "\n"
           "%-12s %-10s %8s %8s %8s %8s   the paper's\n"
           "%-12s %-10s %8s %8s %8s %8s\n", e->dataset.count, "", "", "class", "class", "place", "place", "", "",
           "top-1", "top-5", "top-1", "top-5");
    for (size_t row = 0; row < e->results.rows; row++) {
        const char *method = e->row[row].method_text;
        printf("%-12.12s %-10.10s", e->row[row].model, printed_name(method));
        for (size_t k = 0; k < 4; k++)
            print_percent(&figure[k * e->results.rows + row]);
        for (size_t i = 0; i < sizeof(paper) / sizeof(paper[0]); i++)
            if (!strcmp(paper[i].method, method) && is_network(e->row[row].model, paper[i].network))
                printf("   %.2f %.2f %.2f %.2f", paper[i].cls1, paper[i].cls5, paper[i].loc1, paper[i].loc5);
        printf("\n");
    }
    free(figure);
    return STATUS_OK;
}

// ---------------------------------------------------------------------------------------------------------- JSON, CSV

static void write_figure(Json *json, const char *key, const Measure *measure, const Figure *figure)
{
    json_open(json, key, '{');
    json_number(json, "value", figure->value);
    json_number(json, "low", figure->low);
    json_number(json, "high", figure->high);
    json_integer(json, "n", (long long)figure->n);
    if (figure->has_threshold) {
        json_open(json, "thresholds", '[');
        for (int b = 0; b < measure->bounds; b++)
            json_number(json, NULL, figure->threshold[b]);
        json_close(json, ']');
    }
}

static int write_row(Evaluation *e, Json *json, size_t row)
{
    const Row *r = &e->row[row];
    Figure figure, inverse, difference;
    int error = 0;

    json_open(json, NULL, '{');
    json_string(json, "model", r->model);
    json_string(json, "sha256", r->sha256);
    json_string(json, "layer", r->layer);
    json_string(json, "method", r->method_text);
    if (e->unfit[row])
        json_string(json, "unfit", e->unfit[row]);
    json_open(json, "measures", '{');
    for (size_t m = 0; m < e->results.measures && !error; m++) {
        const Measure *measure = e->results.measure[m];
        error = results_figure(&e->results, row, 0, m, e->resamples, e->settings.seed, &figure);
        write_figure(json, measure->name, measure, &figure);
        if (e->results.controls && !(measure->needs & IS_OF_NETWORK) && !error) {
            error = results_figure(&e->results, row, 1, m, e->resamples, e->settings.seed, &inverse);
            write_figure(json, "inverse", measure, &inverse);
            json_close(json, '}');
        }
        if (row && !error) {
            error = results_difference(&e->results, row, 0, m, e->resamples, e->settings.seed, &difference);
            write_figure(json, "less_first", measure, &difference);
            json_close(json, '}');
        }
        json_close(json, '}');
    }
    json_close(json, '}');
    json_close(json, '}');
    return error ? say_failure("out of memory") : STATUS_OK;
}

static int write_ranks(Evaluation *e, Json *json)
{
    Figure *figure = calloc(e->results.rows, sizeof(*figure));
    double rank[MOST_MODELS * MOST_METHODS], sum[MOST_MODELS * MOST_METHODS] = { 0 };
    size_t counted = 0;
    int status = figure ? STATUS_OK : say_failure("out of memory");

    json_open(json, "ranks", '{');
    for (size_t m = 0; m < e->results.measures && !status; m++) {
        if (e->results.measure[m]->needs & IS_OF_NETWORK)
            continue;
        status = evaluation_figures(e, m, 0, figure);
        results_rank(figure, e->results.rows, e->results.measure[m]->better, rank);
        json_open(json, e->results.measure[m]->name, '[');
        for (size_t row = 0; row < e->results.rows; row++) {
            json_number(json, NULL, rank[row]);
            sum[row] += rank[row];
        }
        json_close(json, ']');
        counted++;
    }
    json_open(json, "mean", '[');
    for (size_t row = 0; row < e->results.rows; row++)
        json_number(json, NULL, counted ? sum[row] / (double)counted : NAN);
    json_close(json, ']');
    json_close(json, '}');
    free(figure);
    return status;
}

int report_json(Evaluation *e, FILE *out)
{
    Json json = { out, 0, 0 };
    int status = STATUS_OK;

    json_open(&json, NULL, '{');
    json_string(&json, "dataset", e->arguments->argument[0]);
    json_string(&json, "form", e->dataset.form);
    json_integer(&json, "items", (long long)e->dataset.count);
    json_integer(&json, "unreadable", (long long)e->broken);
    json_integer(&json, "skipped", (long long)e->dataset.skipped);
    json_open(&json, "complaints", '[');
    for (size_t i = 0; i < e->dataset.complaints; i++)
        json_string(&json, NULL, e->dataset.complaint[i]);
    json_close(&json, ']');
    json_open(&json, "settings", '{');
    json_string(&json, "class", e->guess ? "best guess" : "true");
    json_string(&json, "normalisation", "lowest to highest value as 0 to 1");
    json_string(&json, "interpolation", "bilinear");
    json_number(&json, "threshold", e->settings.threshold);
    json_number(&json, "margin", e->settings.margin);
    json_integer(&json, "steps", e->settings.steps);
    json_integer(&json, "patch", e->settings.patch);
    json_integer(&json, "patch_step", e->settings.patch_step);
    json_number(&json, "noise", e->settings.noise);
    json_integer(&json, "seed", (long long)e->settings.seed);
    json_integer(&json, "resamples", e->resamples);
    json_close(&json, '}');
    json_open(&json, "rows", '[');
    for (size_t row = 0; row < e->results.rows && !status; row++)
        status = write_row(e, &json, row);
    json_close(&json, ']');
    if (!status && e->results.rows > 1)
        status = write_ranks(e, &json);
    json_close(&json, '}');
    return status;
}

static void write_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

int report_csv(Evaluation *e, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return say_failure("out of memory");
    fputs("model,method,file,class", out);
    for (size_t m = 0; m < e->results.measures; m++)
        if (!e->results.measure[m]->fill)
            fprintf(out, ",%s", e->results.measure[m]->name);
    fputc('\n', out);
    for (size_t row = 0; row < e->results.rows; row++)
        for (size_t i = 0; i < e->dataset.count; i++) {
            if (*results_state(&e->results, row, i) != DONE)
                continue;
            fprintf(out, "%s,%s,", e->row[row].model, e->row[row].method_text);
            write_quoted(out, e->dataset.item[i].file);
            fputc(',', out);
            write_quoted(out, e->dataset.class_of[e->dataset.item[i].class_index].name);
            for (size_t m = 0; m < e->results.measures; m++) {
                const double value = results_value(&e->results, row, i, 0)[m];
                if (!e->results.measure[m]->fill)
                    isnan(value) ? fputc(',', out) : fprintf(out, ",%.9g", value);
            }
            fputc('\n', out);
        }
    const int status = fclose(out) ? say_failure("out of memory") : file_save(path, text, size);
    free(text);
    return status;
}
