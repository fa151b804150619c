/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Contact sheets. In: a picture that the context has run, and the maps that were made of it. Out: a sheet of the
 * picture with each class on it, or with each class by each of several methods, whose maps are made here.
 */
#include "gradcam_picture.h"
#include "explain.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "sheet.h"

// ------------------------------------------------------------------------------------------------ what is compared

static int add_all(Explain *e)
{
    const GradcamMethodInfo *info;
    size_t count = 0;

    while (gradcam_method_at(count))
        count++;
    e->sheet_method = malloc(count * sizeof(*e->sheet_method));
    if (!e->sheet_method)
        return say_failure("out of memory");
    for (size_t i = 0; (info = gradcam_method_at(i)); i++)
        gradcam_method_parse(&e->sheet_method[i], info->name, NULL);
    e->sheet_methods = count;
    return STATUS_OK;
}

static int add_listed(Explain *e, char *list)
{
    SayLog log;
    char *rest = list;

    say_log_init(&log, 0);
    e->sheet_method = malloc((strlen(list) + 1) * sizeof(*e->sheet_method));
    if (!e->sheet_method)
        return say_failure("out of memory");
    for (char *name; (name = strsep(&rest, ",")); e->sheet_methods++)
        if (gradcam_method_parse(&e->sheet_method[e->sheet_methods], name, &log.log))
            return say_usage("explain", "--methods: %s", log.error);
    return STATUS_OK;
}

int explain_read_methods(Explain *e)
{
    const char *text = option_value(e->arguments, "methods");

    if (!text)
        return STATUS_OK;
    if (!e->sheet_out)
        return say_usage("explain", "--methods are compared on a sheet: use --sheet FILE too");
    if (!strcmp(text, "all"))
        return add_all(e);
    char *list = strdup(text);
    const int status = list ? add_listed(e, list) : say_failure("out of memory");
    free(list);
    return status;
}

// ----------------------------------------------------------------------------------------------------------- tiles

static void describe(const GradcamMapInfo *info, char *note, size_t size)
{
    const char *empty = info->empty ? ", empty" : "";

    if (isfinite(info->probability))
        snprintf(note, size, "p %.3f, score %.2f%s", info->probability, info->score, empty);
    else
        snprintf(note, size, "score %.2f%s", info->score, empty);
}

// The name of a class, without its synonyms.
static void name_target(const Explain *e, size_t index, char *title, size_t size)
{
    const char *name = explain_target_name(e, index);

    snprintf(title, size, "%.*s", (int)strcspn(name, ","), name);
}

static int add_target(Explain *e, Sheet *sheet, const AVFrame *frame, size_t index)
{
    const Maps maps = explain_get_maps(e, frame, index, 1);
    char title[256], note[64];

    name_target(e, index, title, sizeof(title));
    describe(&e->infos[index], note, sizeof(note));
    return sheet_add(sheet, &e->draw, &maps, title, note);
}

// A target's map by another method: `raw` and `shown` have room for it. Where the method does not fit the network or
// its layer, the tile says so.
static int add_method(Explain *e, Sheet *sheet, const AVFrame *frame, size_t index, const GradcamMethod *method,
                      float *raw, float *shown)
{
    Maps maps = explain_get_maps(e, frame, index, 1);
    GradcamMapInfo info = { .size = sizeof(info) };
    GradcamPlace place = { .size = sizeof(place) };
    char title[256], note[256];

    gradcam_method_text(method, title, sizeof(title));
    name_target(e, index, note, sizeof(note));
    gradcam_context_map_size(e->context, method, &maps.width, &maps.height);
    int error = gradcam_context_map(e->context, gradcam_targets_at(e->targets, index), method, raw,
                                    (size_t)maps.width * (size_t)maps.height, &info);
    if (error == -ENOTSUP)
        return sheet_add(sheet, &e->draw, NULL, title, "does not fit");
    if (!error && draw_set_method(&e->draw, method->info))  // each in its own look
        return STATUS_FAILURE;
    if (!error)
        error = draw_scale(&e->draw, raw, maps.width, maps.height, shown, &place);
    if (error)
        return say_library(&e->log, error, title);
    if (info.empty)
        strncat(note, ", empty", sizeof(note) - strlen(note) - 1);
    maps.map = shown;
    maps.place = &place;
    return sheet_add(sheet, &e->draw, &maps, title, note);
}

static int add_methods(Explain *e, Sheet *sheet, const AVFrame *frame)
{
    size_t most = 0;
    int width, height, status = STATUS_OK;

    for (size_t i = 0; i < e->sheet_methods; i++) {
        gradcam_context_map_size(e->context, &e->sheet_method[i], &width, &height);
        most = (size_t)width * height > most ? (size_t)width * height : most;
    }
    float *maps = malloc(2 * most * sizeof(*maps));
    if (!maps)
        return say_failure("out of memory");
    for (size_t index = 0; index < e->targets->count; index++)
        for (size_t i = 0; i < e->sheet_methods && !status; i++)
            status = add_method(e, sheet, frame, index, &e->sheet_method[i], maps, maps + most);
    free(maps);
    return status ? status : draw_set_method(&e->draw, e->method.info);
}

// Of a path.
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

// The picture, each class, and where there are several all of them; or each class by each method.
static int fill(Explain *e, Sheet *sheet, const AVFrame *frame, const char *path)
{
    const size_t count = e->targets->count;
    const Maps all = explain_get_maps(e, frame, 0, count);
    int status = sheet_add(sheet, &e->draw, NULL, last_part(path), last_part(network_name(explain_model_path(e))));

    if (!status && e->sheet_methods)
        return add_methods(e, sheet, frame);
    for (size_t i = 0; !status && i < count; i++)
        status = add_target(e, sheet, frame, i);
    return !status && count > 1 ? sheet_add(sheet, &e->draw, &all, "all classes", "") : status;
}

int explain_write_sheet(Explain *e, const AVFrame *frame, const char *path)
{
    const size_t count = e->targets->count, methods = e->sheet_methods;
    Sheet sheet = { 0 };
    const char *out;
    int status = names_make(&e->names, e->sheet_out, path, "", 0, "-sheet.png", &out);

    if (!status)
        status = sheet_open(&sheet, frame, path, 1 + (methods ? count * methods : count + (count > 1)));
    if (!status)
        status = fill(e, &sheet, frame, path);
    if (!status)
        status = sheet_save(&sheet, out);
    if (!status && e->as_json)
        json_string(&e->json, "sheet", out);
    sheet_close(&sheet);
    return status;
}
