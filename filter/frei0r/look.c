/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: pictures of one size in R, G, B, A, one after the other. Out: the same with the heat of the newest map on them.
 *
 * Every stride-th picture is brought to the network's size here, which takes a fraction of a millisecond, and the small
 * one is handed to a stream, whose threads make the map. With `live`, nobody waits for that: the map is shown from the
 * picture on that comes after it is finished, and key frames that find the network busy are left out. Else the picture
 * waits, so that each key frame shows its own map and results do not depend on how fast the machine is: frei0r has no
 * way to hold pictures back.
 */
#include "look.h"
#include "gradcam_picture.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum {
    SHOTS = 3,                  // one under way, one that waits, and the one that is being made
    JUMP = 8,                   // steps between two pictures from which on the host has sought
};

// A picture at the network's size, on its way to it.
typedef struct Shot {
    atomic_int busy;            // the stream has it
    uint8_t *pixels;
} Shot;

// What the host's clock says of a picture.
typedef struct Clock {
    int running;
    double last, step;          // the newest time, and the shortest step so far (0: none), in the host's unit
} Clock;

struct GcamLook {
    int width, height;
    atomic_int said;            // sentences so far
    int failed;                 // nothing is drawn until something else is wished for
    GradcamModel *model;
    GradcamStream *stream;
    GradcamResizer *resizer;
    ptrdiff_t stride;           // bytes of a row of shots
    Shot shot[SHOTS];

    Clock clock;
    int until_key;              // pictures until the next key frame, 0: this one

    GradcamSteadies *steadies;
    GradcamDrawing *drawing;
    float *maps;                // count of map_width x map_height, 0 to 1, two-sided ones from -1
    size_t count, capacity;     // capacity: floats that fit into maps
    int map_width, map_height;
    int two_sided;              // the method's maps have values below 0
    int visible;                // there is something to see in the maps
    int prepared;               // drawing is ready for maps and wish
};

void gcam_say(const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    fprintf(stderr, "gradcam: %s\n", line);
}

static void log_message(void *opaque, enum GradcamLogLevel level, const char *message)
{
    GcamLook *look = opaque;

    if (level > GRADCAM_LOG_WARNING)
        return;
    if (level == GRADCAM_LOG_ERROR)
        look->said++;
    gcam_say("%s", message);
}

int gcam_look_create(GcamLook **out, int width, int height)
{
    GcamLook *look = gcam_calloc(1, sizeof(*look));
    int error = look ? 0 : -ENOMEM;

    *out = NULL;
    if (look) {
        look->width = width;
        look->height = height;
        error = gradcam_steadies_create(&look->steadies);
        if (error >= 0)
            error = gradcam_drawing_create(&look->drawing);
    }
    if (error < 0)
        gcam_look_free(&look);
    *out = look;
    return error;
}

// The stream goes first: its threads use the shots.
static void close_network(GcamLook *look)
{
    gradcam_stream_close(&look->stream);
    gradcam_resizer_free(&look->resizer);
    gradcam_model_close(&look->model);
    for (int i = 0; i < SHOTS; i++) {
        gcam_free(look->shot[i].pixels);
        look->shot[i].pixels = NULL;
    }
}

static void forget_maps(GcamLook *look)
{
    gradcam_steadies_reset(look->steadies);
    look->visible = look->prepared = 0;
    look->until_key = 0;
}

void gcam_look_free(GcamLook **out)
{
    GcamLook *look = out ? *out : NULL;

    if (!look)
        return;
    *out = NULL;
    close_network(look);
    gradcam_steadies_free(&look->steadies);
    gradcam_drawing_free(&look->drawing);
    gcam_free(look->maps);
    gcam_free(look);
}

// -------------------------------------------------------------------------------------------------------- network

static GradcamPicture describe(const GcamLook *look, uint8_t *rgba)
{
    GradcamPicture picture = { .width = look->width, .height = look->height };

    for (int i = 0; i < 3; i++)
        picture.component[i] = (GradcamComponent){
            .data = rgba ? rgba + i : NULL, .stride = 4 * (ptrdiff_t)look->width, .step = 4, .width = look->width,
            .height = look->height, .depth = 8,
        };
    return picture;
}

static int load_shot(void *opaque, int job, void *frame, uint8_t *pixels, ptrdiff_t stride, int width, int height)
{
    const GcamLook *look = opaque;
    const Shot *shot = frame;

    (void)job, (void)width;
    for (int y = 0; y < height; y++)
        memcpy(pixels + y * stride, shot->pixels + y * look->stride, (size_t)look->stride);
    return 0;
}

static void release_shot(void *opaque, void *frame)
{
    Shot *shot = frame;

    (void)opaque;
    atomic_store(&shot->busy, 0);
}

static int make_shots(GcamLook *look)
{
    const GradcamModelInfo *info = gradcam_model_info(look->model);
    const GradcamResizerSettings settings = {
        .picture = describe(look, NULL), .model = GRADCAM_COLOR_RGB,
        .region = { 0, 0, look->width, look->height },
        .width = info->width, .height = info->height, .gray = info->channels == 1,
    };

    look->stride = (ptrdiff_t)info->width * info->channels;
    for (int i = 0; i < SHOTS; i++) {
        look->shot[i].pixels = gcam_alloc((size_t)info->height, (size_t)look->stride);
        if (!look->shot[i].pixels)
            return -ENOMEM;
    }
    return gradcam_resizer_create(&look->resizer, &settings);
}

static int open_network(GcamLook *look, const GcamWish *wish)
{
    const GradcamLog log = { log_message, look };
    const GradcamModelOptions options = { .log = log };
    GradcamStreamSettings settings = {
        .log = log, .jobs = 1, .load = load_shot, .release = release_shot, .opaque = look,
    };
    GradcamTargets *targets;
    int error;

    if ((error = gradcam_method_parse(&settings.method, wish->method, &log)) < 0 ||
        (error = gradcam_model_open(&look->model, *wish->model ? wish->model : NULL, &options)) < 0 ||
        (error = make_shots(look)) < 0 ||
        (error = gradcam_targets_resolve(&targets, look->model, wish->class_text, &log)) < 0)
        return error;
    error = gradcam_stream_open(&look->stream, look->model, targets, &settings);
    gradcam_targets_free(&targets);
    return error;
}

// Another class or method for the network that is open. What is not understood leaves things as they were.
static void change_question(GcamLook *look, const GcamWish *wish, unsigned changed)
{
    const GradcamLog log = { log_message, look };
    GradcamTargets *targets;
    GradcamMethod method;

    if (changed & GCAM_CHANGED_CLASS && gradcam_targets_resolve(&targets, look->model, wish->class_text, &log) >= 0) {
        if (gradcam_stream_set_targets(look->stream, targets) >= 0)
            look->until_key = 0;
        gradcam_targets_free(&targets);
    }
    if (changed & GCAM_CHANGED_METHOD && gradcam_method_parse(&method, wish->method, &log) >= 0 &&
        gradcam_stream_set_method(look->stream, &method) >= 0)
        look->until_key = 0;
}

static int follow(GcamLook *look, const GcamWish *wish, unsigned changed)
{
    if (changed & GCAM_CHANGED_LOOK)
        look->prepared = 0;
    if (look->failed && !(changed & ~GCAM_CHANGED_LOOK))
        return 0;
    if (look->stream && !(changed & GCAM_CHANGED_MODEL)) {
        change_question(look, wish, changed);
        return 0;
    }
    close_network(look);
    forget_maps(look);
    look->failed = 0;
    return open_network(look, wish);
}

// ------------------------------------------------------------------------------------------------------------ maps

// Seconds; *jump tells whether the picture comes right after the one before. Steps of 2 and more are milliseconds: no
// video has a frame every two seconds.
static double read_clock(Clock *clock, double time, int *jump)
{
    const double now = isfinite(time) ? time : clock->last, step = now - clock->last;

    *jump = !clock->running || step < 0 || (clock->step > 0 && step > JUMP * clock->step);
    if (clock->running && step > 0 && (clock->step == 0 || step < clock->step))
        clock->step = step;
    clock->running = 1;
    clock->last = now;
    return clock->step >= 2 ? now / 1000 : now;
}

static int take_result(GcamLook *look, const GcamWish *wish, const GradcamResult *result)
{
    const GradcamSteadySettings settings = { .smooth = wish->smooth };
    const size_t size = (size_t)result->width * (size_t)result->height * result->count;
    int error;

    if (size > look->capacity) {
        gcam_free(look->maps);
        look->maps = gcam_alloc(size, sizeof(*look->maps));
        look->capacity = look->maps ? size : 0;
        if (!look->maps)
            return -ENOMEM;
    }
    look->count = result->count;
    look->map_width = result->width;
    look->map_height = result->height;
    look->prepared = 0;
    look->two_sided = result->method.info && result->method.info->is_signed;
    error = gradcam_steadies_update(look->steadies, &settings, result, look->maps, look->capacity);
    look->visible = error > 0;
    return error;
}

// Hands the picture to the network. *ticket 0: it was busy, which only happens when nobody waits for it.
static int submit(GcamLook *look, const GcamWish *wish, double moment, uint8_t *rgba, uint64_t *ticket)
{
    const GradcamPicture picture = describe(look, rgba);
    Shot *shot = look->shot;
    int error;

    *ticket = 0;
    if (wish->live && !gradcam_stream_idle(look->stream))
        return 0;
    while (shot < look->shot + SHOTS && atomic_load(&shot->busy))
        shot++;
    if (shot == look->shot + SHOTS)
        return 0;
    error = gradcam_resizer_run(look->resizer, &picture, shot->pixels, look->stride);
    if (error < 0)
        return error;
    atomic_store(&shot->busy, 1);
    error = gradcam_stream_submit(look->stream, shot, moment, ticket);
    if (error < 0)
        atomic_store(&shot->busy, 0);
    return error == -EAGAIN ? 0 : error;
}

// The newest map, or the one of this picture when it is a key frame that is waited for.
static int update_maps(GcamLook *look, const GcamWish *wish, double time, uint8_t *rgba)
{
    GradcamResult *result = NULL;
    uint64_t ticket = 0;
    int jump, error = 0;
    const double moment = read_clock(&look->clock, time, &jump);

    if (jump || look->until_key <= 0) {
        if ((error = submit(look, wish, moment, rgba, &ticket)) < 0)
            return error;
        // A key frame that found the network busy is made up for by the next picture.
        look->until_key = ticket ? wish->stride : 0;
    }
    look->until_key--;
    if (wish->live)
        error = gradcam_stream_newest(look->stream, &result);
    else if (ticket)
        error = gradcam_stream_collect(look->stream, ticket, 1, &result);
    if (error == -EAGAIN)
        return 0;
    if (error >= 0 && result)
        error = take_result(look, wish, result);
    gradcam_result_unref(&result);
    return error;
}

static int draw(GcamLook *look, const GcamWish *wish, uint8_t *rgba)
{
    const GradcamOverlaySettings overlay = {
        .size = sizeof(overlay), .colormap = wish->colormap, .opacity = wish->opacity, .gamma = 1,
        .depth = { 8, 8, 8 }, .upsample = GRADCAM_UPSAMPLE_SPLINE, .two_sided = look->two_sided,
    };
    const GradcamDrawingSettings settings = { .size = sizeof(settings), .overlay = &overlay };
    const GradcamPicture picture = describe(look, rgba);
    int error = 0;

    if (!look->visible)
        return 0;
    if (!look->prepared)
        error = gradcam_drawing_prepare(look->drawing, &settings, look->maps, look->count, look->map_width,
                                        look->map_height);
    look->prepared = error >= 0;
    return error < 0 ? error : gradcam_drawing_run(look->drawing, &picture, NULL, NULL, 0, 1);
}

void gcam_look_draw(GcamLook *look, const GcamWish *wish, unsigned changed, double time, uint8_t *rgba)
{
    const int said = look->said;
    int error = changed ? follow(look, wish, changed) : 0;

    if (error >= 0 && !look->failed && (error = update_maps(look, wish, time, rgba)) >= 0)
        error = draw(look, wish, rgba);
    if (error >= 0)
        return;
    if (said == look->said)
        gcam_say("%s", gradcam_strerror(error));
    close_network(look);
    look->failed = 1;
}
