/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The frei0r plugin as a host sees it: loaded by its path, functions by their names. What it draws is compared with
 * what the library draws, step by step.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "frei0r.h"
#include "gradcam_picture.h"
#include "harness.h"
#include "shapes.h"

enum { WIDTH = 160, HEIGHT = 96, SIZE = WIDTH * HEIGHT * 4 };
enum { MODEL, CLASS, METHOD, STRIDE, OPACITY, COLORMAP, SMOOTH, LIVE, PARAMETERS };

static struct {
    __typeof__(f0r_init) *init;
    __typeof__(f0r_get_plugin_info) *info;
    __typeof__(f0r_get_param_info) *param_info;
    __typeof__(f0r_construct) *construct;
    __typeof__(f0r_destruct) *destruct;
    __typeof__(f0r_set_param_value) *set;
    __typeof__(f0r_get_param_value) *get;
    __typeof__(f0r_update) *update;
} f0r;

static uint32_t star[SIZE / 4], heart[SIZE / 4], out[SIZE / 4];

static int load(void)
{
    char path[4096];
    void *object;

    snprintf(path, sizeof(path), "%s/frei0r/gradcam.so", getenv("BUILD"));
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        fail("%s", dlerror());
        return 0;
    }
    f0r.init = dlsym(object, "f0r_init");
    f0r.info = dlsym(object, "f0r_get_plugin_info");
    f0r.param_info = dlsym(object, "f0r_get_param_info");
    f0r.construct = dlsym(object, "f0r_construct");
    f0r.destruct = dlsym(object, "f0r_destruct");
    f0r.set = dlsym(object, "f0r_set_param_value");
    f0r.get = dlsym(object, "f0r_get_param_value");
    f0r.update = dlsym(object, "f0r_update");
    return f0r.init && f0r.info && f0r.param_info && f0r.construct && f0r.destruct && f0r.set && f0r.get &&
           f0r.update && f0r.init() == 1;
}

// A shape left or right of the middle; alpha is other in each pixel.
static void paint(uint32_t *picture, const char *name, int x0)
{
    GcamShapes *shapes;
    uint8_t *at = (uint8_t *)picture;

    if (gcam_shapes_create(&shapes) < 0)
        exit(1);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++, at += 4) {
            const float d = gcam_shape_distance(shapes, gcam_shape_find(name), (x - x0) / 34.0f, (y - 48) / 34.0f);
            at[0] = d < 0 ? 230 : 40;
            at[1] = d < 0 ? 190 : 60;
            at[2] = d < 0 ? 60 : 90;
            at[3] = (uint8_t)(x + y);
        }
    gcam_shapes_free(&shapes);
}

static f0r_instance_t construct(const char *class_text, const char *stride)
{
    f0r_instance_t instance = f0r.construct(WIDTH, HEIGHT);

    if (!instance) {
        fail("no instance");
        exit(end_cases());
    }
    f0r.set(instance, &class_text, CLASS);
    f0r.set(instance, &stride, STRIDE);
    return instance;
}

static void set_text(f0r_instance_t instance, int index, const char *text)
{
    f0r.set(instance, &text, index);
}

static void set_number(f0r_instance_t instance, int index, double number)
{
    f0r.set(instance, &number, index);
}

static int changed(const uint32_t *from)
{
    int n = 0;

    for (int i = 0; i < SIZE / 4; i++)
        n += from[i] != out[i];
    return n;
}

// ------------------------------------------------------------------------------------------------- what is said

static int said_to = -1, real_stderr = -1;

static void listen_to_stderr(void)
{
    fflush(stderr);
    real_stderr = dup(2);
    said_to = open("said", O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(said_to, 2);
}

// What was said since, and the number of its lines.
static const char *hear(int *lines)
{
    static char text[4096];
    ssize_t n;

    dup2(real_stderr, 2);
    close(real_stderr);
    n = pread(said_to, text, sizeof(text) - 1, 0);
    close(said_to);
    text[n > 0 ? n : 0] = 0;
    *lines = 0;
    for (const char *at = text; *at; at++)
        *lines += *at == '\n';
    return text;
}

// -------------------------------------------------------------------------------------------------------- cases

static void introduces_itself(void)
{
    static const char *const name[] = { "model", "class", "method", "stride", "opacity", "colormap", "smooth", "live" };
    static const char *const text[] = { "", "auto", "gradcam", "5", NULL, "turbo", NULL, NULL };
    f0r_plugin_info_t info;
    f0r_instance_t instance = f0r.construct(8, 8);

    f0r.info(&info);
    CHECK_STR(info.name, "gradcam");
    CHECK_INT(info.plugin_type, F0R_PLUGIN_TYPE_FILTER);
    CHECK_INT(info.color_model, F0R_COLOR_MODEL_RGBA8888);
    CHECK_INT(info.frei0r_version, 1);
    REQUIRE(info.num_params == PARAMETERS);
    REQUIRE(instance);
    for (int i = 0; i < PARAMETERS; i++) {
        f0r_param_info_t param = { 0 };
        const char *value = NULL;
        double number = -1;

        f0r.param_info(&param, i);
        CHECK_STR(param.name, name[i]);
        CHECK(param.explanation && strlen(param.explanation) > 10);
        CHECK((param.type == F0R_PARAM_STRING) == !!text[i]);
        f0r.get(instance, text[i] ? (void *)&value : (void *)&number, i);
        if (text[i])
            CHECK_STR(value, text[i]);
        else
            CHECK_NEAR(number, i == OPACITY ? 0.6 : 0, 0);
    }
    f0r.destruct(instance);
    CHECK(!f0r.construct(0, 8));
}

// The same by the library: picture to the network's size, map, from 0 to 1, drawn.
static void draw_by_library(uint32_t *pixels, const char *class_text)
{
    GradcamPicture picture = { .width = WIDTH, .height = HEIGHT };
    const GradcamOverlaySettings overlay = {
        .opacity = 0.6f, .gamma = 1, .depth = { 8, 8, 8 }, .upsample = GRADCAM_UPSAMPLE_SPLINE,
    };
    const GradcamDrawingSettings look = { .overlay = &overlay };
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    GradcamTargets *targets = NULL;
    GradcamResizer *resizer = NULL;
    GradcamDrawing *drawing = NULL;
    uint8_t *input;
    float *map;
    int width, height;

    for (int i = 0; i < 3; i++)
        picture.component[i] = (GradcamComponent){ .data = (uint8_t *)pixels + i, .stride = WIDTH * 4, .step = 4,
                                                   .width = WIDTH, .height = HEIGHT, .depth = 8 };
    REQUIRE(!gradcam_model_open(&model, NULL, NULL) && !gradcam_context_open(&context, model, NULL) &&
            !gradcam_targets_resolve(&targets, model, class_text, NULL));
    const GradcamModelInfo *info = gradcam_model_info(model);
    const GradcamResizerSettings sizes = {
        .picture = picture, .region = { 0, 0, WIDTH, HEIGHT }, .width = info->width, .height = info->height,
    };
    REQUIRE(!gradcam_resizer_create(&resizer, &sizes) && !gradcam_drawing_create(&drawing));
    input = malloc((size_t)info->width * (size_t)info->height * 3);
    gradcam_resizer_run(resizer, &picture, input, info->width * 3);
    REQUIRE(!gradcam_context_forward(context, input, info->width * 3));
    gradcam_context_map_size(context, NULL, &width, &height);
    map = malloc(sizeof(*map) * (size_t)width * (size_t)height);
    REQUIRE(!gradcam_context_map(context, &targets->target[0], NULL, map, (size_t)width * (size_t)height, NULL));
    CHECK(gradcam_map_normalize(map, (size_t)width * (size_t)height) == 1);
    REQUIRE(!gradcam_drawing_prepare(drawing, &look, map, 1, width, height) &&
            !gradcam_drawing_run(drawing, &picture, NULL, NULL, 0, 1));
    free(map);
    free(input);
    gradcam_drawing_free(&drawing);
    gradcam_resizer_free(&resizer);
    gradcam_targets_free(&targets);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
}

static void draws_what_the_library_draws(void)
{
    static uint32_t want[SIZE / 4];
    f0r_instance_t instance = construct("star", "1");

    memcpy(want, star, SIZE);
    draw_by_library(want, "star");
    CHECK(memcmp(want, star, SIZE));
    f0r.update(instance, 0, star, out);
    CHECK(!memcmp(out, want, SIZE));
    for (int i = 0; i < SIZE; i += 4)
        if (((uint8_t *)out)[i + 3] != ((uint8_t *)star)[i + 3])
            fail("alpha of pixel %d was changed", i / 4);
    f0r.destruct(instance);
}

// Between key frames the map stays, whatever is seen; a key frame has its own.
static void follows_the_stride(void)
{
    static uint32_t first[SIZE / 4], own[SIZE / 4];
    f0r_instance_t instance = construct("auto", "3"), other = construct("auto", "1");

    f0r.update(other, 0, heart, own);
    f0r.update(instance, 0, star, first);
    f0r.update(instance, 0.04, heart, out);
    CHECK(memcmp(out, own, SIZE));
    f0r.update(instance, 0.08, star, out);
    CHECK(!memcmp(out, first, SIZE));
    f0r.update(instance, 0.12, star, out);
    CHECK(!memcmp(out, first, SIZE));
    f0r.update(instance, 0.02, heart, out);     // sought: back in time
    CHECK(memcmp(out, heart, SIZE));
    f0r.destruct(instance);
    f0r.destruct(other);
}

static void tells_once_what_is_wrong(void)
{
    f0r_instance_t instance = construct("star", "1");
    const char *said;
    int lines;

    listen_to_stderr();
    for (int i = 0; i < 3; i++) {
        set_text(instance, MODEL, "no such file.onnx");
        set_number(instance, OPACITY, 0.5 + 0.1 * i);
        f0r.update(instance, i * 0.04, star, out);
    }
    said = hear(&lines);
    CHECK_INT(lines, 1);
    CHECK(strstr(said, "gradcam: ") == said && strstr(said, "no such file.onnx"));
    CHECK_INT(changed(star), 0);
    set_text(instance, MODEL, "");
    f0r.update(instance, 0.2, star, out);
    CHECK(changed(star) > 100);
    f0r.destruct(instance);
}

// A value that is not understood while pictures run is told of, and what was before stays.
static void keeps_what_was_before(void)
{
    static uint32_t want[SIZE / 4];
    static const struct { int index; const char *value; } wrong[] = {
        { CLASS, "unicorn" }, { METHOD, "guesscam" }, { STRIDE, "0" }, { COLORMAP, "pink" },
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        f0r_instance_t instance = construct("star", "1");
        const char *said;
        int lines;

        f0r.update(instance, 0, star, want);
        listen_to_stderr();
        set_text(instance, wrong[i].index, wrong[i].value);
        f0r.update(instance, 0.04, star, out);
        f0r.update(instance, 0.08, star, out);
        said = hear(&lines);
        if (lines != 1 || !strstr(said, wrong[i].value))
            fail("of %s was said: %s", wrong[i].value, said);
        CHECK(!memcmp(out, want, SIZE));
        f0r.destruct(instance);
    }
}

static void changes_while_it_runs(void)
{
    static uint32_t want[SIZE / 4];
    f0r_instance_t instance = construct("heart", "100"), fresh = construct("star", "100");

    f0r.update(fresh, 0, star, want);
    f0r.update(instance, 0, star, out);
    set_text(instance, CLASS, "star");
    f0r.update(instance, 0.04, star, out);
    CHECK(!memcmp(out, want, SIZE));
    set_text(instance, COLORMAP, "gray");
    f0r.update(instance, 0.08, star, out);
    CHECK(memcmp(out, want, SIZE));
    set_number(instance, OPACITY, 0);
    f0r.update(instance, 0.12, star, out);
    CHECK_INT(changed(star), 0);
    f0r.destruct(instance);
    f0r.destruct(fresh);
}

// The fourth picture of a video of 25 a second, whose time is told in parts of `second`.
static void smoothed(double smooth, double second, uint32_t *result)
{
    f0r_instance_t instance = construct("star", "1");

    set_number(instance, SMOOTH, smooth);
    for (int i = 0; i < 4; i++)
        f0r.update(instance, i * 0.04 * second, i % 2 ? heart : star, result);
    f0r.destruct(instance);
}

static void knows_seconds_from_milliseconds(void)
{
    static uint32_t plain[SIZE / 4], seconds[SIZE / 4], milliseconds[SIZE / 4];

    smoothed(0, 1, plain);
    smoothed(0.1, 1, seconds);
    smoothed(0.1, 1000, milliseconds);
    CHECK(memcmp(plain, seconds, SIZE));
    CHECK(!memcmp(seconds, milliseconds, SIZE));
}

static void live_shows_the_newest(void)
{
    static uint32_t want[SIZE / 4];
    f0r_instance_t instance = construct("star", "1"), fresh = construct("star", "1");
    const struct timespec pause = { 0, 5000000 };
    int i;

    f0r.update(fresh, 0, star, want);
    set_number(instance, LIVE, 1);
    for (i = 0; i < 6000; i++) {
        f0r.update(instance, i * 0.04, star, out);
        if (changed(star))
            break;
        nanosleep(&pause, NULL);
    }
    CHECK(i < 6000);
    CHECK(!memcmp(out, want, SIZE));
    f0r.destruct(instance);                     // with a map under way
    f0r.destruct(fresh);
}

int main(void)
{
    begin_case("the plugin loads");
    if (!load()) {
        fail("functions are missing");
        return end_cases();
    }
    paint(star, "star", 50);
    paint(heart, "heart", 110);
    RUN(introduces_itself);
    RUN(draws_what_the_library_draws);
    RUN(follows_the_stride);
    RUN(tells_once_what_is_wrong);
    RUN(keeps_what_was_before);
    RUN(changes_while_it_runs);
    RUN(knows_seconds_from_milliseconds);
    RUN(live_shows_the_newest);
    return end_cases();
}
