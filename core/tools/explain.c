/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam explain: pictures in; maps, overlays and what the network saw out. One network, context and
 * scaler serve all pictures. A picture that fails is said and passed over; the exit status tells.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/enum_names.h"
#include "explain.h"
#include "files.h"
#include "methods.h"
#include "network.h"
#include "picture.h"

static const Option options[] = {
    { "model", 'm', "FILE",
      "the network: an .onnx or .bin file, or the name of one that was fetched (default: the small one that is built "
      "in)" },
    { "class", 'c', "CLASS",
      "what to look for: a name, a group such as dog, an index, several joined by | , auto for "
      "the best guess, auto3 for the best three, all for each of up to 64; or another score: dog - cat, prob(dog), "
      "logprob(dog), rest(dog), finer(dog), -(dog), sum, mean or max of a tensor's elements, "
      "sum(fc@0/3/5..9) (default auto); may be repeated" },
    METHOD_OPTION,
    { "out", 'o', "FILE",
      "write the picture with the map on it: .png, .jpg ...; a directory, or a name with {name}, for several pictures; "
      "several classes are drawn in one picture, or in one each with a directory or {class}; - is stdout" },
    { "sheet", 0, "FILE",
      "write a contact sheet: the picture by each of the classes, with captions; a directory, or a name with "
      "{name}, for several pictures" },
    { "methods", 0, "A,B,...",
      "on the sheet, each class by these methods, with their options behind slashes; all: by every method" },
    { "map", 0, "FILE",
      "write the raw map as .npy, float32, rows x columns of the layer (or of pixels), not normalised, or as "
      ".csv; also a directory or pattern" },
    { "scores", 0, "FILE",
      "write the scores of all classes, before a softmax or sigmoid at the end, as .npy, float32, 1 x classes, or "
      "as .csv; also a directory or pattern" },
    { "csv", 0, "FILE",
      "write a table of all scores and probabilities of all pictures: a row for each picture and class; - is stdout" },
    { "seen", 0, "FILE",
      "write what the network saw of the picture, before mean and std: its size, cut and bars, as .png ...; also a "
      "directory or pattern" },
    { "probability", 0, "HOW",
      "how scores become probabilities: softmax, sigmoid, given (they are such), none or auto, as "
      "the graph tells (default auto)" },
    { "json", 0, NULL, "print results as JSON" },
    { "fit", 0, "HOW",
      "how the picture gets the network's shape: stretch, crop (the middle) or pad (default stretch)" },
    { "input", 0, "NAME=VALUES",
      "a further input of the network: numbers separated by commas, or a .npy file of its shape; may be "
      "repeated" },
    { "threads", 0, "N", "threads, 0 to 256; 0 is one per processor (default 0)" },
    { "precision", 0, "NAME", "f32, or bf16: large products of bfloat16, where the processor has that (default f32)" },
    { 0 }
};

static const char *const precisions[] = { "f32", "bf16", NULL };
static const char *const fits[] = { "stretch", "crop", "pad", NULL };

// ---------------------------------------------------------------------------------------------------- set-up

static int is_stdout(const char *path)
{
    return path && !strcmp(path, "-");
}

static int read_options(Explain *e)
{
    const Arguments *a = e->arguments;
    const char *probabilities[GCAM_PROBABILITIES + 1] = { NULL };
    int status;

    for (int i = 0; i < GCAM_PROBABILITIES; i++)
        probabilities[i] = gradcam_probability_name(i);
    if ((status = draw_open(&e->draw, a)) || (status = option_choice(a, "fit", fits, &e->fit)) ||
        (status = option_choice(a, "precision", precisions, &e->precision)) ||
        (status = option_choice(a, "probability", probabilities, &e->probability)) ||
        (status = option_integer(a, "threads", 0, 256, &e->threads)) || (status = method_read(a, &e->method)) ||
        (status = draw_set_method(&e->draw, e->method.info)))
        return status;
    e->out = option_value(a, "out");
    e->map_out = option_value(a, "map");
    e->sheet_out = option_value(a, "sheet");
    e->scores_out = option_value(a, "scores");
    e->seen_out = option_value(a, "seen");
    e->csv_out = option_value(a, "csv");
    e->as_json = option_given(a, "json");
    if ((status = explain_read_methods(e)))
        return status;
    const int to_stdout = is_stdout(e->out) + is_stdout(e->map_out) + is_stdout(e->sheet_out) +
                          is_stdout(e->scores_out) + is_stdout(e->seen_out) + is_stdout(e->csv_out);
    e->silent = to_stdout > 0;
    if (to_stdout > 1)
        return say_usage("explain", "only one file can go to stdout");
    if (e->as_json && e->silent)
        return say_usage("explain", "--json and a file cannot both go to stdout");
    return STATUS_OK;
}

const char *explain_model_path(const Explain *e)
{
    return option_value(e->arguments, "model");
}

static int open_network(Explain *e)
{
    char what[256], *classes = option_joined(e->arguments, "class", '|');
    int status = network_open(&e->model, e->arguments, explain_model_path(e), NULL, &e->log), error = 0;

    if (!status) {
        error = gradcam_targets_resolve(&e->targets, e->model, classes ? classes : "auto", &e->log.log);
        snprintf(what, sizeof(what), "class \"%s\"", classes ? classes : "auto");
    }
    free(classes);
    if (status || error)
        return status ? status : say_library(&e->log, error, what);
    const GradcamSettings settings = {
        .size = sizeof(settings), .log = e->log.log, .layer = option_value(e->arguments, "layer"), .method = e->method,
        .threads = e->threads, .precision = (enum GradcamPrecision)e->precision,
        .probability = (enum GradcamProbability)e->probability, .targets = e->targets,
    };
    error = gradcam_context_open(&e->context, e->model, &settings);
    if (error) {
        snprintf(what, sizeof(what), "cannot run %s", network_name(explain_model_path(e)));
        return say_library(&e->log, error, what);
    }
    return STATUS_OK;
}

static int open_buffers(Explain *e)
{
    const GradcamModelInfo *info = gradcam_model_info(e->model);
    const GradcamPreprocessing *p = &info->preprocessing;
    uint8_t pad[3];

    for (int c = 0; c < info->channels; c++)    // bars that are zero for the network
        pad[c] = (uint8_t)lrintf(fminf(fmaxf(p->mean[p->bgr && info->channels == 3 ? 2 - c : c], 0.0f), 255.0f));
    e->pixels = malloc((size_t)info->width * info->height * info->channels);
    gradcam_context_map_size(e->context, &e->method, &e->columns, &e->rows);
    e->maps = malloc(e->targets->count * e->columns * e->rows * sizeof(*e->maps));
    e->infos = calloc(e->targets->count, sizeof(*e->infos));
    e->places = calloc(e->targets->count, sizeof(*e->places));
    e->shown = malloc(e->targets->count * e->columns * e->rows * sizeof(*e->shown));
    if (!e->pixels || !e->maps || !e->infos || !e->places || !e->shown ||
        gcam_scaler_create(&e->scaler, e->fit, info->channels, pad) < 0)
        return say_failure("out of memory");
    for (size_t i = 0; i < e->targets->count; i++) {
        e->infos[i].size = sizeof(*e->infos);
        e->places[i].size = sizeof(*e->places);
    }
    return STATUS_OK;
}

// -------------------------------------------------------------------------------------------------- pictures

// `count` maps of the picture, from the target at `index` on.
Maps explain_get_maps(const Explain *e, const AVFrame *frame, size_t index, size_t count)
{
    const GradcamModelInfo *info = gradcam_model_info(e->model);
    Maps maps = { e->shown + index * e->columns * e->rows, e->places + index, count, e->columns, e->rows,
                  { 0, 0, 0, 0 } };

    gcam_scaler_region(e->fit, frame, 0, info->width, info->height, &maps.region);
    return maps;
}

static int write_drawing(Explain *e, const AVFrame *frame, const char *path, const Maps *maps, const char *out)
{
    AVFrame *drawn = NULL;
    int status = draw_maps(&e->draw, &drawn, frame, path, maps);

    if (!status)
        status = picture_write(out, drawn);
    av_frame_free(&drawn);
    return status;
}

// All classes in one picture.
static int write_joint(Explain *e, const AVFrame *frame, const char *path)
{
    const Maps maps = explain_get_maps(e, frame, 0, e->targets->count);
    const char *out;
    int status = names_make(&e->names, e->out, path, "", 0, ".png", &out);

    if (!status)
        status = write_drawing(e, frame, path, &maps, out);
    if (!status && e->as_json)
        json_string(&e->json, "out", out);
    return status;
}

const char *explain_target_name(const Explain *e, size_t index)
{
    const GradcamTarget *target = gradcam_targets_at(e->targets, index);
    const int class_index = e->infos[index].class_index;
    char digits[16] = "";

    // A class that was asked for by its index has a name all the same.
    if (target->count == 1)
        snprintf(digits, sizeof(digits), "%d", target->classes[0]);
    if (class_index < 0 || (target->count && strcmp(target->name, digits)))
        return target->name;
    return gradcam_model_label(e->model, class_index);
}

static int explain_target(Explain *e, const AVFrame *frame, const char *path, size_t index)
{
    const GradcamTarget *target = gradcam_targets_at(e->targets, index);
    const int several = e->targets->count > 1;
    Result r = { .target = target, .picture = path, .frame = frame, .info = e->infos[index],
                 .map = e->maps + index * e->columns * e->rows, .place = &e->places[index] };
    const Maps maps = explain_get_maps(e, frame, index, 1);
    int status = STATUS_OK;

    r.name = explain_target_name(e, index);
    r.region = maps.region;
    if (e->map_out)
        status = names_make(&e->names, e->map_out, path, r.name, several, ".npy", &r.map_out);
    if (!status && e->map_out)
        status = map_save(r.map_out, r.map, e->rows, e->columns);
    if (!status && e->out && !e->joint)
        status = names_make(&e->names, e->out, path, r.name, several, ".png", &r.out);
    if (!status && e->out && !e->joint)
        status = write_drawing(e, frame, path, &maps, r.out);
    if (status)
        return status;
    progress_hide();
    e->has_preprocessed |= !npy_is_name(path);
    explain_print(e, &r);
    return STATUS_OK;
}

static int make_maps(Explain *e, const char *path)
{
    const size_t size = (size_t)e->columns * e->rows;
    const size_t room = e->targets->count * (size_t)e->columns * (size_t)e->rows;
    int error = gradcam_context_maps(e->context, e->targets->target, e->targets->count, &e->method, e->maps, room,
                                     e->infos);

    for (size_t i = 0; !error && i < e->targets->count; i++)
        error = draw_scale(&e->draw, e->maps + i * size, e->columns, e->rows, e->shown + i * size, &e->places[i]);
    return error ? say_library(&e->log, error, path) : STATUS_OK;
}

// A .npy in the place of a picture is the network's input as it is.
static int explain_array(Explain *e, const char *path, AVFrame **frame)
{
    float *data;
    int status = explain_read_array(path, gradcam_model_picture(e->model), &data);

    if (!status)
        status = explain_picture_of_array(e, data, frame);
    if (!status) {
        gradcam_context_restart(e->context);
        const int error = gradcam_context_forward_float(e->context, data);
        status = error ? say_library(&e->log, error, path) : make_maps(e, path);
    }
    free(data);
    return status;
}

static int run_network(Explain *e, const AVFrame *frame, const char *path)
{
    const GradcamModelInfo *info = gradcam_model_info(e->model);
    const ptrdiff_t stride = (ptrdiff_t)info->width * info->channels;
    int error = gcam_scaler_run(e->scaler, frame, e->pixels, stride, info->width, info->height);

    if (error < 0)
        return say_failure("cannot scale %s: %s", path, av_err2str(error));
    gradcam_context_restart(e->context);
    error = gradcam_context_forward(e->context, e->pixels, stride);
    if (error)
        return say_library(&e->log, error, path);
    const int status = e->seen_out ? explain_write_seen(e, path) : STATUS_OK;
    return status ? status : make_maps(e, path);
}

// What is made of all classes together. Returns a failure before, or its own.
static int write_pictures(Explain *e, const AVFrame *frame, const char *path, int status)
{
    const int joint = e->joint ? write_joint(e, frame, path) : STATUS_OK;
    const int sheet = e->sheet_out ? explain_write_sheet(e, frame, path) : STATUS_OK;

    return status ? status : joint ? joint : sheet;
}

static int write_scores(Explain *e, const char *path, const char **out)
{
    size_t classes;
    const float *scores = gradcam_context_logits(e->context, &classes);
    const int status = names_make(&e->names, e->scores_out, path, "", 0, ".npy", out);

    return status ? status : map_save(*out, scores, 1, (int)classes);
}

static int explain_picture(Explain *e, const char *path)
{
    AVFrame *frame = NULL;
    int status = npy_is_name(path) ? explain_array(e, path, &frame) : picture_read(&frame, path);

    if (!status && !npy_is_name(path))
        status = run_network(e, frame, path);
    if (status) {
        av_frame_free(&frame);
        return status;
    }
    const char *scores_out = NULL;
    if ((e->csv_out && (status = explain_add_scores(e, path))) ||
        (e->scores_out && (status = write_scores(e, path, &scores_out)))) {
        av_frame_free(&frame);
        return status;
    }
    if (e->as_json) {
        json_open(&e->json, NULL, '{');
        json_string(&e->json, "picture", path);
        json_integer(&e->json, "width", frame->width);
        json_integer(&e->json, "height", frame->height);
        if (scores_out)
            json_string(&e->json, "scores_file", scores_out);
        json_open(&e->json, "maps", '[');
    }
    for (size_t i = 0; i < e->targets->count; i++) {
        const int failed = explain_target(e, frame, path, i);
        status = failed ? failed : status;
    }
    if (e->as_json)
        json_close(&e->json, ']');
    status = write_pictures(e, frame, path, status);
    if (e->as_json) {
        explain_print_top(e);
        json_close(&e->json, '}');
    }
    av_frame_free(&frame);
    return status;
}

static int explain_pictures(Explain *e)
{
    char text[256];
    int status = STATUS_OK;

    if (e->as_json) {
        json_open(&e->json, NULL, '{');
        json_string(&e->json, "model", gradcam_model_info(e->model)->name);
        explain_print_layers(e);
        json_string(&e->json, "method", gradcam_method_text(&e->method, text, sizeof(text)));
        json_open(&e->json, "pictures", '[');
    }
    progress_begin(e->pictures);
    for (size_t i = 0; i < e->pictures; i++) {
        progress_step(i, e->picture[i]);
        const int failed = explain_picture(e, e->picture[i]);
        status = failed ? failed : status;
    }
    if (e->csv_out) {
        const int failed = explain_write_scores(e);
        status = failed ? failed : status;
    }
    progress_end();
    if (e->as_json) {
        json_close(&e->json, ']');
        json_close(&e->json, '}');
    }
    return status;
}

// A name for a picture that will be written.
static int check_picture(const Explain *e, const char *path)
{
    static const char *const opaque[] = { ".jpg", ".jpeg", ".ppm", ".bmp" };
    const char *ending = path ? strrchr(path, '.') : NULL;

    if (!path || names_is_directory(path))
        return STATUS_OK;
    for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); i++)
        if (ending && e->draw.overlay.output == GRADCAM_OUTPUT_ALPHA && !strcmp(ending, opaque[i]))
            return say_usage("explain", "--output alpha needs a format with alpha, such as .png, not %s", ending);
    return picture_check_name(path) ? STATUS_USAGE : STATUS_OK;
}

static int check_names(Explain *e)
{
    const size_t pictures = e->pictures, classes = e->targets->count;
    int status = names_check("explain", "-o", e->out, pictures, 1);

    e->joint = classes > 1 && e->out && !names_is_directory(e->out) && !strstr(e->out, "{class}");
    if (!status)
        status = names_check("explain", "--map", e->map_out, pictures, classes);
    if (!status)
        status = names_check("explain", "--sheet", e->sheet_out, pictures, 1);
    if (!status)
        status = names_check("explain", "--scores", e->scores_out, pictures, 1);
    if (!status)
        status = names_check("explain", "--seen", e->seen_out, pictures, 1);
    if (!status)
        status = names_check("explain", "--csv", e->csv_out, 1, 1);
    if (!status && e->csv_out && names_is_directory(e->csv_out))
        status = say_usage("explain", "--csv takes the name of a file, not of a directory: %s", e->csv_out);
    if (!status && e->seen_out && !names_is_directory(e->seen_out) && picture_check_name(e->seen_out))
        status = STATUS_USAGE;
    if (!status)
        status = check_picture(e, e->out);
    if (!status && e->sheet_out && !names_is_directory(e->sheet_out) && picture_check_name(e->sheet_out))
        status = STATUS_USAGE;
    if (!status && e->map_out && !names_is_directory(e->map_out) && map_check_name(e->map_out))
        status = STATUS_USAGE;
    if (!status && e->scores_out && !names_is_directory(e->scores_out) && map_check_name(e->scores_out))
        status = STATUS_USAGE;
    return status;
}

static int run_explain(const Arguments *arguments)
{
    Explain e = { .arguments = arguments, .json = { stdout, 0, 0 } };
    int status;

    say_log_init(&e.log, 0);
    if (!(status = read_options(&e)) && !(status = explain_find_pictures(&e)) && !(status = open_network(&e)) &&
        !(status = check_names(&e)) && !(status = open_buffers(&e)) && !(status = explain_set_inputs(&e))) {
        status = explain_pictures(&e);
        if (e.has_preprocessed)
            network_warn(e.model, explain_model_path(&e));
        if (!explain_model_path(&e) && !e.silent)
            say_hint("without -m it is the built-in network, which knows ten drawn shapes only: see gradcam info");
    }
    gcam_scaler_free(&e.scaler);
    gradcam_context_close(&e.context);
    gradcam_targets_free(&e.targets);
    gradcam_model_close(&e.model);
    names_free(&e.names);
    explain_free_files(&e);
    draw_close(&e.draw);
    free(e.sheet_method);
    free(e.pixels);
    free(e.maps);
    free(e.shown);
    free(e.infos);
    free(e.places);
    return status;
}

const Command command_explain = {
    .name = "explain",
    .summary = "show what in a picture speaks for a class",
    .usage = "PICTURE|FOLDER... [OPTION]...",
    .examples =
        "  gradcam explain dog.jpg -o overlay.png        the best guess of the built-in network\n"
        "  gradcam explain dog.jpg -m vgg16.bin -c dog -o overlay.png --map map.npy\n"
        "  gradcam explain cats.jpg -m vgg16.bin -c dog -c cat -o both.png --boxes --json\n"
        "  gradcam explain cats.jpg -m vgg16.bin -c auto5 --sheet sheet.png\n"
        "  gradcam explain cats.jpg -m vgg16.bin -c dog --sheet sheet.png --methods gradcam,layercam\n"
        "  gradcam explain photos/ -m vgg16.bin -o heatmaps/ --output heatmap --csv scores.csv\n"
        "  gradcam explain input.npy -m vgg16.onnx       an array of the network's own shape, as it is\n",
    .options = { options, draw_options, network_options },
    .least = 1,
    .most = (size_t)-1,
    .run = run_explain,
};
