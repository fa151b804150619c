/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam explain: pictures in; maps, overlays and what the network saw out. One network, context and
 * scaler serve all pictures. A picture that fails is said and passed over; the exit status tells.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "files.h"
#include "json.h"
#include "methods.h"
#include "names.h"
#include "network.h"
#include "picture.h"
#include "scale.h"

static const Option options[] = {
    { "model", 'm', "FILE", "the network, .onnx or .bin (default: the small one that is built in)" },
    { "class", 'c', "CLASS",
      "what to look for: a name, a group such as dog, an index, several joined by | , auto for "
      "the best guess, auto3 for the best three; or another score: dog - cat, prob(dog), "
      "logprob(dog), rest(dog), finer(dog), -(dog) (default auto)" },
    METHOD_OPTION,
    { "out", 'o', "FILE",
      "write the picture with the map on it: .png, .jpg ...; a directory, or a name with {name} "
      "and {class}, for several; - is stdout" },
    { "map", 0, "FILE",
      "write the raw map as .npy, float32, rows x columns of the layer (or of pixels), not normalised; also a "
      "directory or pattern" },
    { "json", 0, NULL, "print results as JSON" },
    { "output", 0, "WHAT", "overlay, heatmap (the colours alone) or mask (grey levels) (default overlay)" },
    { "colormap", 0, "NAME",
      "turbo, jet, viridis, inferno, magma, plasma, cividis, hot or gray (default turbo)" },
    { "opacity", 0, "NUMBER", "greatest weight of the colours, 0 to 1 (default 0.6)" },
    { "blend", 0, "heat|flat",
      "weight of the colours: opacity times map^gamma, or opacity everywhere (default heat)" },
    { "gamma", 0, "NUMBER", "exponent of --blend heat, 0.1 to 10 (default 1)" },
    { "fit", 0, "HOW",
      "how the picture gets the network's shape: stretch, crop (the middle) or pad (default stretch)" },
    { "input", 0, "NAME=VALUES",
      "a further input of the network: numbers separated by commas, or a .npy file of its shape; may be "
      "repeated" },
    { "threads", 0, "N", "threads, 0 to 256; 0 is one per processor (default 0)" },
    { "precision", 0, "NAME", "f32, or bf16: large products of bfloat16, where the processor has that (default f32)" },
    { 0 }
};

static const char *const outputs[] = { "overlay", "heatmap", "mask", NULL };
static const char *const blends[] = { "heat", "flat", NULL };
static const char *const precisions[] = { "f32", "bf16", NULL };
static const char *const fits[] = { "stretch", "crop", "pad", NULL };

typedef struct Explain {
    const Arguments *arguments;
    SayLog log;
    const char *out, *map_out;
    GradcamMethod method;
    int fit, threads, precision;
    GradcamOverlaySettings look;
    GradcamModel *model;
    GradcamTargets *targets;
    GradcamContext *context;
    GcamScaler *scaler;
    uint8_t *pixels;            // the picture at the network's size
    float *maps, *shown;        // of each target, raw; of one, normalised
    int columns, rows;          // of maps
    GradcamMapInfo *infos;      // of each target
    Names names;
    Json json;
    int as_json, silent;
} Explain;

// ---------------------------------------------------------------------------------------------------- set-up

static int read_options(Explain *e)
{
    const Arguments *a = e->arguments;
    const char *names[GRADCAM_COLORMAP_COUNT + 1] = { NULL };
    double opacity = 0.6, gamma = 1.0;
    int colormap = GRADCAM_COLORMAP_TURBO, blend = GRADCAM_BLEND_HEAT, output = GRADCAM_OUTPUT_OVERLAY,
        status;

    for (int i = 0; i < GRADCAM_COLORMAP_COUNT; i++)
        names[i] = gradcam_colormap_name(i);
    if ((status = option_choice(a, "colormap", names, &colormap)) ||
        (status = option_choice(a, "blend", blends, &blend)) ||
        (status = option_choice(a, "output", outputs, &output)) ||
        (status = option_choice(a, "fit", fits, &e->fit)) ||
        (status = option_choice(a, "precision", precisions, &e->precision)) ||
        (status = option_number(a, "opacity", 0.0, 1.0, &opacity)) ||
        (status = option_number(a, "gamma", 0.1, 10.0, &gamma)) ||
        (status = option_integer(a, "threads", 0, 256, &e->threads)) || (status = method_read(a, &e->method)))
        return status;
    e->look = (GradcamOverlaySettings){
        .colormap = colormap,
        .blend = blend,
        .output = output,
        .opacity = (float)opacity,
        .gamma = (float)gamma,
    };
    e->out = option_value(a, "out");
    e->map_out = option_value(a, "map");
    e->as_json = option_given(a, "json");
    e->silent = (e->out && !strcmp(e->out, "-")) || (e->map_out && !strcmp(e->map_out, "-"));
    if (e->as_json && e->silent)
        return say_usage("explain", "--json and a file cannot both go to stdout");
    return STATUS_OK;
}

static const char *model_path(const Explain *e)
{
    return option_value(e->arguments, "model");
}

static int open_network(Explain *e)
{
    const char *class_text = option_value(e->arguments, "class");
    char what[256];
    int status = network_open(&e->model, e->arguments, model_path(e), &e->log);

    if (status)
        return status;
    class_text = class_text ? class_text : "auto";
    int error = gradcam_targets_resolve(&e->targets, e->model, class_text, &e->log.log);
    if (error) {
        snprintf(what, sizeof(what), "class \"%s\"", class_text);
        return say_library(&e->log, error, what);
    }
    const GradcamSettings settings = {
        .log = e->log.log, .method = e->method, .threads = e->threads, .precision = (enum GradcamPrecision)e->precision,
    };
    error = gradcam_context_open(&e->context, e->model, &settings);
    if (error) {
        snprintf(what, sizeof(what), "cannot run %s", network_name(model_path(e)));
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
    e->infos = malloc(e->targets->count * sizeof(*e->infos));
    e->shown = malloc((size_t)e->columns * e->rows * sizeof(*e->shown));
    if (!e->pixels || !e->maps || !e->infos || !e->shown ||
        gcam_scaler_create(&e->scaler, e->fit, info->channels, pad) < 0)
        return say_failure("out of memory");
    return STATUS_OK;
}

// Numbers separated by commas.
static int read_numbers(const char *text, const GradcamInput *input, float **data)
{
    size_t count = 0;

    *data = malloc((strlen(text) + 1) * sizeof(**data));
    if (!*data)
        return say_failure("out of memory");
    for (const char *at = text;;) {
        char *end;
        (*data)[count++] = strtof(at, &end);
        if (end == at || (*end && *end != ','))
            return say_usage("explain", "--input takes numbers separated by commas or a .npy file, not \"%s\"", text);
        if (!*end)
            break;
        at = end + 1;
    }
    return count == input->count ? STATUS_OK : say_failure("input \"%s\" has %zu elements, not %zu", input->name,
                                                           input->count, count);
}

static int read_array(const char *path, const GradcamInput *input, float **data)
{
    Array array;
    int status = npy_load(path, &array);

    if (!status)
        status = array_check(&array, input, path);
    *data = array.data;
    return status;
}

static const GradcamInput *find_input(const Explain *e, const char *name, size_t length)
{
    size_t count;
    const GradcamInput *input = gradcam_model_inputs(e->model, &count);

    for (size_t i = 0; i < count; i++)
        if (strlen(input[i].name) == length && !strncmp(input[i].name, name, length))
            return &input[i];
    if (count)
        say_failure("the network has no input \"%.*s\", but \"%s\"", (int)length, name, input[0].name);
    else
        say_failure("the network has no input \"%.*s\", only the picture", (int)length, name);
    return NULL;
}

// One --input NAME=VALUES.
static int set_input(Explain *e, const char *text)
{
    const char *equals = strchr(text, '=');
    float *data = NULL;

    if (!equals)
        return say_usage("explain", "--input takes NAME=VALUES, not \"%s\"", text);
    const GradcamInput *input = find_input(e, text, equals - text);
    if (!input)
        return STATUS_FAILURE;
    int status = (npy_is_name(equals + 1) ? read_array : read_numbers)(equals + 1, input, &data);
    if (!status) {
        const int error = gradcam_context_set_input(e->context, input->name, data, input->count);
        status = error ? say_library(&e->log, error, input->name) : STATUS_OK;
    }
    free(data);
    return status;
}

static int is_input_given(const Explain *e, const char *name)
{
    const size_t length = strlen(name);

    for (size_t i = 0; i < e->arguments->given_count; i++) {
        const GivenOption *given = &e->arguments->given[i];
        if (!strcmp(given->option->name, "input") && !strncmp(given->value, name, length) &&
            given->value[length] == '=')
            return 1;
    }
    return 0;
}

static int set_inputs(Explain *e)
{
    size_t count;
    const GradcamInput *input = gradcam_model_inputs(e->model, &count);

    for (size_t i = 0; i < e->arguments->given_count; i++) {
        const GivenOption *given = &e->arguments->given[i];
        const int status = strcmp(given->option->name, "input") ? STATUS_OK : set_input(e, given->value);
        if (status)
            return status;
    }
    for (size_t i = 0; i < count; i++)
        if (input[i].kind != GRADCAM_INPUT_STATE && !is_input_given(e, input[i].name))
            say_warning("input \"%s\" is not given, and all zeros; use --input %s=VALUES", input[i].name,
                        input[i].name);
    return STATUS_OK;
}

// --------------------------------------------------------------------------------------------------- results

// One map of one picture.
typedef struct Result {
    const GradcamTarget *target;
    const char *picture, *name; // name: of the target, or of the class chosen for it
    const AVFrame *frame;
    GradcamRegion region;
    const float *map;           // raw
    GradcamMapInfo info;
    const char *out, *map_out;  // what was written, or NULL
} Result;

// Where the map is hottest, in pixels of the picture.
static void find_peak(const Explain *e, const Result *r, double *x, double *y)
{
    int best = 0;

    for (int i = 1; i < e->columns * e->rows; i++)
        if (r->map[i] > r->map[best])
            best = i;
    *x = r->region.x + (best % e->columns + 0.5) / e->columns * r->region.width;
    *y = r->region.y + (best / e->columns + 0.5) / e->rows * r->region.height;
}

// One that means something.
static void print_number(const char *name, double value)
{
    if (isfinite(value))
        printf(", %s %.4f", name, value);
}

static const char *score_name(const GradcamTarget *target)
{
    return target->score ? target->score : gradcam_score_at(0)->name;
}

static void print_text(const Explain *e, const Result *r)
{
    double x, y;

    find_peak(e, r, &x, &y);
    if (r->target->count > 1 || r->info.class_index < 0 || strcmp(score_name(r->target), "logit"))
        printf("%s: %s", r->picture, r->name);
    else if (gradcam_model_info(e->model)->labels)
        printf("%s: %s (%d)", r->picture, r->name, r->info.class_index);
    else
        printf("%s: class %d", r->picture, r->info.class_index);
    print_number("probability", r->info.probability);
    print_number("score", r->info.score);
    if (r->info.empty)
        printf(", the map is empty\n");
    else
        printf(", hottest at %.0f,%.0f of %dx%d\n", x, y, r->frame->width, r->frame->height);
}

static void print_json(Explain *e, const Result *r)
{
    Json *json = &e->json;
    double x, y;

    find_peak(e, r, &x, &y);
    json_open(json, NULL, '{');
    json_string(json, "name", r->name);
    json_number(json, "class", r->info.class_index < 0 ? NAN : r->info.class_index);
    if (r->info.class_index >= 0)
        json_string(json, "label", gradcam_model_label(e->model, r->info.class_index));
    json_string(json, "kind", score_name(r->target));
    json_number(json, "probability", r->info.probability);
    json_number(json, "score", r->info.score);
    json_open(json, "map", '{');
    json_integer(json, "width", e->columns);
    json_integer(json, "height", e->rows);
    json_number(json, "min", r->info.min);
    json_number(json, "max", r->info.max);
    json_boolean(json, "empty", r->info.empty);
    if (!r->info.empty) {
        json_open(json, "hottest", '{');
        json_number(json, "x", x);
        json_number(json, "y", y);
        json_close(json, '}');
    }
    json_close(json, '}');
    if (r->out)
        json_string(json, "out", r->out);
    if (r->map_out)
        json_string(json, "map_file", r->map_out);
    json_close(json, '}');
}

static void print_top(Explain *e)
{
    size_t classes;
    const float *logits = gradcam_context_logits(e->context, &classes);

    json_open(&e->json, "top", '[');
    for (int rank = 0; rank < 5 && (size_t)rank < classes; rank++) {
        const int index = gradcam_context_top(e->context, rank);
        const GradcamTarget target = { .name = "", .classes = &index, .count = 1 };
        if (index < 0)
            break;
        json_open(&e->json, NULL, '{');
        json_integer(&e->json, "class", index);
        json_string(&e->json, "label", gradcam_model_label(e->model, index));
        json_number(&e->json, "probability", gradcam_context_probability(e->context, &target));
        json_number(&e->json, "score", logits[index]);
        json_close(&e->json, '}');
    }
    json_close(&e->json, ']');
}

// -------------------------------------------------------------------------------------------------- pictures

static int write_overlay(Explain *e, const Result *r)
{
    GradcamOverlay *overlay = NULL;
    GradcamPicture picture;
    AVFrame *rgb = NULL;
    int status = picture_to_rgb(&rgb, r->frame, r->picture);

    if (status)
        return status;
    memcpy(e->shown, r->map, (size_t)e->columns * e->rows * sizeof(*e->maps));
    gradcam_map_normalize(e->shown, (size_t)e->columns * e->rows);
    int error = gcam_frame_colors(rgb, &e->look);
    if (!error)
        error = gcam_frame_picture(rgb, &picture);
    if (!error)
        error = gradcam_overlay_create(&overlay, &e->look);
    if (!error)
        error = gradcam_overlay_blend(overlay, &picture, e->shown, e->columns, e->rows, &r->region, 0, 1);
    status = error ? say_library(&e->log, error, r->picture) : picture_write(r->out, rgb);
    gradcam_overlay_free(&overlay);
    av_frame_free(&rgb);
    return status;
}

static int explain_target(Explain *e, const AVFrame *frame, const char *path, size_t index)
{
    const GradcamTarget *target = &e->targets->target[index];
    const int several = e->targets->count > 1;
    Result r = { .target = target, .picture = path, .frame = frame, .info = e->infos[index],
                 .map = e->maps + index * e->columns * e->rows };
    int status = STATUS_OK;

    r.name = target->count || r.info.class_index < 0 ? target->name
                                                     : gradcam_model_label(e->model, r.info.class_index);
    gcam_scaler_region(e->fit, frame, gradcam_model_info(e->model)->width,
                       gradcam_model_info(e->model)->height, &r.region);
    if (e->map_out)
        status = names_make(&e->names, e->map_out, path, r.name, several, ".npy", &r.map_out);
    if (!status && e->map_out)
        status = npy_save(r.map_out, r.map, e->rows, e->columns);
    if (!status && e->out)
        status = names_make(&e->names, e->out, path, r.name, several, ".png", &r.out);
    if (!status && e->out)
        status = write_overlay(e, &r);
    if (status)
        return status;
    progress_hide();
    if (e->as_json)
        print_json(e, &r);
    else if (!e->silent)
        print_text(e, &r);
    return STATUS_OK;
}

static int make_maps(Explain *e, const char *path)
{
    const int error = gradcam_context_maps(e->context, e->targets->target, e->targets->count, &e->method, e->maps,
                                           e->infos);

    return error ? say_library(&e->log, error, path) : STATUS_OK;
}

// What pixels an array would have been: its newest frame, at the network's size.
static int picture_of_array(const Explain *e, const float *data, AVFrame **out)
{
    const GradcamInput *p = gradcam_model_picture(e->model);
    const GradcamPreprocessing *how = &gradcam_model_info(e->model)->preprocessing;
    const int is_last = p->layout[strlen(p->layout) - 1] == 'C', all = p->frames * p->channels;
    AVFrame *frame = *out = av_frame_alloc();

    if (!frame)
        return say_failure("out of memory");
    frame->format = AV_PIX_FMT_RGB24;
    frame->width = p->width;
    frame->height = p->height;
    if (av_frame_get_buffer(frame, 0) < 0)
        return say_failure("out of memory");
    for (int i = 0; i < p->width * p->height; i++)
        for (int k = 0; k < 3; k++) {
            const int c = p->channels == 1 ? 0 : how->bgr ? 2 - k : k, at = all - p->channels + c;
            const float x = data[is_last ? i * all + at : at * p->width * p->height + i] * how->std[c] + how->mean[c];
            frame->data[0][i / p->width * frame->linesize[0] + i % p->width * 3 + k] =
                (uint8_t)lrintf(fminf(fmaxf(x, 0), 255));
        }
    return STATUS_OK;
}

// A .npy in the place of a picture is the network's input as it is.
static int explain_array(Explain *e, const char *path, AVFrame **frame)
{
    float *data;
    int status = read_array(path, gradcam_model_picture(e->model), &data);

    if (!status)
        status = picture_of_array(e, data, frame);
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
    const int ret = gcam_scaler_run(e->scaler, frame, e->pixels, stride, info->width, info->height);

    if (ret < 0)
        return say_failure("cannot scale %s: %s", path, av_err2str(ret));
    gradcam_context_restart(e->context);
    const int error = gradcam_context_forward(e->context, e->pixels, stride);
    return error ? say_library(&e->log, error, path) : make_maps(e, path);
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
    if (e->as_json) {
        json_open(&e->json, NULL, '{');
        json_string(&e->json, "picture", path);
        json_integer(&e->json, "width", frame->width);
        json_integer(&e->json, "height", frame->height);
        json_open(&e->json, "maps", '[');
    }
    for (size_t i = 0; i < e->targets->count; i++) {
        const int failed = explain_target(e, frame, path, i);
        status = failed ? failed : status;
    }
    if (e->as_json) {
        json_close(&e->json, ']');
        print_top(e);
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
        json_string(&e->json, "layer", gradcam_context_layer(e->context)->name);
        json_string(&e->json, "method", gradcam_method_text(&e->method, text, sizeof(text)));
        json_open(&e->json, "pictures", '[');
    }
    progress_begin(e->arguments->count);
    for (size_t i = 0; i < e->arguments->count; i++) {
        progress_step(i, e->arguments->argument[i]);
        const int failed = explain_picture(e, e->arguments->argument[i]);
        status = failed ? failed : status;
    }
    progress_end();
    if (e->as_json) {
        json_close(&e->json, ']');
        json_close(&e->json, '}');
    }
    return status;
}

static int check_names(const Explain *e)
{
    const size_t pictures = e->arguments->count, classes = e->targets->count;
    int status = names_check("explain", "-o", e->out, pictures, classes);

    if (!status)
        status = names_check("explain", "--map", e->map_out, pictures, classes);
    if (!status && e->out && !names_is_directory(e->out) && picture_check_name(e->out))
        status = STATUS_USAGE;
    return status;
}

static int run_explain(const Arguments *arguments)
{
    Explain e = { .arguments = arguments, .json = { stdout, 0, 0 } };
    int status;

    say_log_init(&e.log, 0);
    if (!(status = read_options(&e)) && !(status = open_network(&e)) && !(status = check_names(&e)) &&
        !(status = open_buffers(&e)) && !(status = set_inputs(&e)))
        status = explain_pictures(&e);
    gcam_scaler_free(&e.scaler);
    gradcam_context_close(&e.context);
    gradcam_targets_free(&e.targets);
    gradcam_model_close(&e.model);
    names_free(&e.names);
    free(e.pixels);
    free(e.maps);
    free(e.infos);
    free(e.shown);
    return status;
}

const Command command_explain = {
    .name = "explain",
    .summary = "show what in a picture speaks for a class",
    .usage = "PICTURE... [OPTION]...",
    .examples =
        "  gradcam explain dog.jpg -o overlay.png        the best guess of the built-in network\n"
        "  gradcam explain dog.jpg -m vgg16.bin -c dog -o overlay.png --map map.npy\n"
        "  gradcam explain cats.jpg -m vgg16.bin -c 'dog|cat' -o '{class}.png' --json\n"
        "  gradcam explain photos/*.jpg -m vgg16.bin -o heatmaps/ --output heatmap\n"
        "  gradcam explain input.npy -m vgg16.onnx       an array of the network's own shape, as it is\n",
    .options = { options, network_options },
    .least = 1,
    .most = (size_t)-1,
    .run = run_explain,
};
