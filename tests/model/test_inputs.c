/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a network takes: which input is the picture and what its dimensions are, pictures that are grey, have no batch,
 * lie channels last or are several frames, and inputs beside the picture.
 */
#include "ops/check.h"

#include <errno.h>

static const GradcamModelOptions nothing = { .labels = "none" };

// ------------------------------------------------------------------------------------------------------------- shapes

static const struct {
    const char *shape, *layout;
    int frames, channels, height, width;
} shapes[] = {
    { "1x3x8x6", "NCHW", 1, 3, 8, 6 },      { "1x1x8x6", "NCHW", 1, 1, 8, 6 },      { "1x8x6x3", "NHWC", 1, 3, 8, 6 },
    { "1x8x6x1", "NHWC", 1, 1, 8, 6 },      { "1x4x8x6", "NCHW", 4, 1, 8, 6 },      { "1x8x6x4", "NHWC", 4, 1, 8, 6 },
    { "1x6x8x7", "NCHW", 2, 3, 8, 7 },      { "1x3x3x3", "NCHW", 1, 3, 3, 3 },      { "3x8x6", "CHW", 1, 3, 8, 6 },
    { "1x8x6", "CHW", 1, 1, 8, 6 },         { "8x6x3", "HWC", 1, 3, 8, 6 },         { "0x0x0x0", "NCHW", 1, 3, 16, 12 },
    { "0x1x0x0", "NCHW", 1, 1, 16, 12 },    { "0x0x0x3", "NHWC", 1, 3, 16, 12 },    { "0x0x8x6", "NCHW", 1, 3, 8, 6 },
    { "0x4x0x0", "NCHW", 4, 1, 16, 12 },    { "2x3x8x6", "NCHW", 1, 3, 8, 6 },      { "0x8x6", "CHW", 1, 1, 8, 6 },
};

static void shapes_of_pictures(void)
{
    const GradcamModelOptions options = { .labels = "none", .width = 12, .height = 16 };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        Graph *graph = graph_create(17);
        GradcamModel *model = NULL;
        graph_addf(graph, "input x %s; r = Relu(x); y = Flatten(r) axis=%d; output y", shapes[i].shape,
                   strlen(shapes[i].layout) == 4);
        int error = open_graph(&model, graph, &options);
        graph_free(graph);
        if (error) {
            fail("%s: %d", shapes[i].shape, error);
            continue;
        }
        const GradcamInput *p = gradcam_model_picture(model);
        if (strcmp(p->layout, shapes[i].layout) || p->frames != shapes[i].frames || p->channels != shapes[i].channels ||
            p->height != shapes[i].height || p->width != shapes[i].width)
            fail("%s is taken as %s, %d x %d channels of %d x %d", shapes[i].shape, p->layout, p->frames, p->channels,
                 p->height, p->width);
        CHECK(p->kind == GRADCAM_INPUT_PICTURE && !strcmp(p->name, "x") && !strcmp(p->type, "float32"));
        CHECK(p->is_open == (strstr(shapes[i].shape, "x0") != NULL && !strstr(shapes[i].shape, "x8")));
        CHECK_INT(gradcam_model_info(model)->channels, p->channels);
        CHECK_INT(gradcam_model_info(model)->frames, p->frames);
        gradcam_model_close(&model);
    }
}

// The picture is the input with the dimensions of one, wherever it stands in the list.
static void picture_among_others(void)
{
    Graph *graph = graph_create(17);
    GradcamModel *model = NULL;
    const GradcamModelOptions options = { .labels = "none" };
    graph_add(graph, "input state 1x64x2x2; input words 5; input image 1x8x8x3; t = Transpose(image) perm=[0,3,1,2];"
                     "c = Conv(t, %64x3x4x4) strides=[4,4]; d = Add(c, state); p = GlobalAveragePool(d);"
                     "f = Flatten(p); g = Gemm(f, %5x64, %5) transB=1; y = Add(g, words); output y");
    REQUIRE(open_graph(&model, graph, &options) == 0);
    graph_free(graph);
    CHECK_STR(gradcam_model_picture(model)->name, "image");
    const GradcamInput *state = gradcam_model_input_at(model, 0), *words = gradcam_model_input_at(model, 1);
    REQUIRE(state && words);
    CHECK(!gradcam_model_input_at(model, 2) && !gradcam_model_input_at(model, SIZE_MAX));
    CHECK_STR(state->name, "state");
    CHECK_STR(words->name, "words");
    CHECK(words->kind == GRADCAM_INPUT_NUMBERS && words->rank == 1 && words->shape[0] == 5);
    gradcam_model_close(&model);
}

// -------------------------------------------------------------------------------------------------------------- pixels

typedef struct Setup {
    GradcamModel *model;
    GradcamContext *context, *fresh;
} Setup;

static void setup_close(Setup *s)
{
    gradcam_context_close(&s->context);
    gradcam_context_close(&s->fresh);
    gradcam_model_close(&s->model);
}

static int setup_open(Setup *s, const char *text, const GradcamPreprocessing *preprocessing)
{
    const GradcamModelOptions options = { .labels = "none", .preprocessing = preprocessing };
    const GradcamSettings settings = { .threads = 1, .reuse = 1 }, plain = { .threads = 1 };
    Graph *graph = graph_create(17);
    *s = (Setup){ 0 };
    graph_add(graph, text);
    int error = open_graph(&s->model, graph, &options);
    graph_free(graph);
    if (error || gradcam_context_open(&s->context, s->model, &settings) ||
        gradcam_context_open(&s->fresh, s->model, &plain)) {
        setup_close(s);
        return -1;
    }
    return 0;
}

// Both contexts have the same logits, bit for bit.
static void check_same(const Setup *s, const char *what)
{
    size_t count = 0, again = 0;
    const float *a = gradcam_context_logits(s->context, &count), *b = gradcam_context_logits(s->fresh, &again);
    if (!a || !b || count != again || memcmp(a, b, count * sizeof(*a)))
        fail("%s: other logits", what);
}

static const char *const gray[] = {
    "input x 1x1x8x6; c = Conv(x, %4x1x3x3, %4); r = Relu(c); p = GlobalAveragePool(r); f = Flatten(p);"
    "y = Gemm(f, %5x4, %5) transB=1; output y",
    "input x 1x8x6x1; t = Transpose(x) perm=[0,3,1,2]; c = Conv(t, %4x1x3x3, %4); r = Relu(c);"
    "p = GlobalAveragePool(r); f = Flatten(p); y = Gemm(f, %5x4, %5) transB=1; output y",
    "input x 1x8x6; u = Unsqueeze(x, #0); c = Conv(u, %4x1x3x3, %4); r = Relu(c);"
    "p = GlobalAveragePool(r); f = Flatten(p); y = Gemm(f, %5x4, %5) transB=1; output y",
};

// Grey pixels are normalised floats with the first mean and std, however the network takes them.
static void gray_pictures(void)
{
    const GradcamPreprocessing p = { { 100, 7, 7 }, { 50, 7, 7 }, 1 };
    for (int i = 0; i < 3; i++) {
        uint8_t pixels[8 * 6];
        float floats[8 * 6];
        Random random = { 5 };
        Setup s;
        REQUIRE(setup_open(&s, gray[i], &p) == 0);
        random_bytes(&random, pixels, sizeof(pixels));
        for (int k = 0; k < 8 * 6; k++)
            floats[k] = ((float)pixels[k] - 100) / 50;
        CHECK_INT(gradcam_context_forward(s.context, pixels, 6), 0);
        CHECK_INT(gradcam_context_forward_float(s.fresh, floats), 0);
        check_same(&s, gray[i]);
        pixels[20] ^= 255;                      // of one pixel only what it reaches is computed
        floats[20] = ((float)pixels[20] - 100) / 50;
        CHECK_INT(gradcam_context_forward(s.context, pixels, 6), 0);
        CHECK_INT(gradcam_context_forward_float(s.fresh, floats), 0);
        check_same(&s, "one pixel changed");
        setup_close(&s);
    }
}

// Channels in the network's order, of a picture without a batch too.
static void colors_without_a_batch(void)
{
    const GradcamPreprocessing p = { { 10, 20, 30 }, { 1, 2, 3 }, 1 };
    static const char *const text[] = {
        "input x 3x4x6; u = Unsqueeze(x, #0); c = Conv(u, %4x3x3x3, %4); r = Relu(c); p = GlobalAveragePool(r);"
        "f = Flatten(p); y = Gemm(f, %5x4, %5) transB=1; output y",
        "input x 4x6x3; u = Unsqueeze(x, #0); t = Transpose(u) perm=[0,3,1,2]; c = Conv(t, %4x3x3x3, %4); r = Relu(c);"
        "p = GlobalAveragePool(r); f = Flatten(p); y = Gemm(f, %5x4, %5) transB=1; output y",
    };
    for (int last = 0; last < 2; last++) {
        uint8_t rgb[4 * 6 * 3];
        float floats[4 * 6 * 3];
        Random random = { 6 };
        Setup s;
        REQUIRE(setup_open(&s, text[last], &p) == 0);
        random_bytes(&random, rgb, sizeof(rgb));
        for (int i = 0; i < 4 * 6; i++)
            for (int c = 0; c < 3; c++)
                floats[last ? 3 * i + c : 24 * c + i] = ((float)rgb[3 * i + 2 - c] - p.mean[c]) / p.std[c];
        CHECK_INT(gradcam_context_forward(s.context, rgb, 18), 0);
        CHECK_INT(gradcam_context_forward_float(s.fresh, floats), 0);
        check_same(&s, last ? "HWC" : "CHW");
        setup_close(&s);
    }
}

// ------------------------------------------------------------------------------------------------------------- frames

enum { FRAMES = 4, WIDTH = 14, PIXELS = 16 * WIDTH };

static uint8_t frame_pixel(int frame, int channel, int i)
{
    return (uint8_t)(frame * 50 + channel * 17 + i * (frame + 3));
}

// What the network sees when the newest frame is `frame` and the first since the restart was `first`.
static void check_stack(const Setup *s, int channels, int first, int frame)
{
    float floats[FRAMES * 3 * PIXELS];
    for (int f = 0; f < FRAMES; f++) {
        int shown = frame - (FRAMES - 1 - f) > first ? frame - (FRAMES - 1 - f) : first;
        for (int c = 0; c < channels; c++)
            for (int i = 0; i < PIXELS; i++)
                floats[(f * channels + c) * PIXELS + i] = frame_pixel(shown, c, i) / 255.0f;
    }
    CHECK_INT(gradcam_context_forward_float(s->fresh, floats), 0);
    check_same(s, channels == 1 ? "grey frames" : "frames in colour");
}

// A network that takes four frames sees the last four, the newest last; before there are so many, the first as often as
// needed.
static void frames_of_a_video(void)
{
    const GradcamPreprocessing unit = { { 0, 0, 0 }, { 255, 255, 255 }, 0 };
    for (int channels = 1; channels <= 3; channels += 2) {
        char text[256];
        Setup s;
        snprintf(text, sizeof(text), "input x 1x%dx16x14; c = Conv(x, %%4x%dx3x3, %%4) pads=[1,1,1,1]; r = Relu(c);"
                 "p = GlobalAveragePool(r); f = Flatten(p); y = Gemm(f, %%5x4, %%5) transB=1; output y",
                 FRAMES * channels, FRAMES * channels);
        REQUIRE(setup_open(&s, text, &unit) == 0);
        CHECK_INT(gradcam_model_info(s.model)->frames, FRAMES);
        CHECK_INT(gradcam_model_info(s.model)->channels, channels);
        for (int frame = 0; frame < 9; frame++) {
            uint8_t pixels[3 * PIXELS];
            for (int i = 0; i < channels * PIXELS; i++)
                pixels[i] = frame_pixel(frame, i % channels, i / channels);
            if (frame == 6)
                gradcam_context_restart(s.context);
            CHECK_INT(gradcam_context_forward(s.context, pixels, WIDTH * channels), 0);
            check_stack(&s, channels, frame < 6 ? 0 : 6, frame);
        }
        setup_close(&s);
    }
}

// ------------------------------------------------------------------------------------------------------ further inputs

// Two pictures and a few numbers: what has been computed of the same picture with other inputs is not its map.
static void inputs_after_the_same_picture(void)
{
    static const char *const names[] = { "other", "age" };
    static const int classes[] = { 1 };
    const GradcamTarget target = { .name = "", .classes = classes, .count = 1 };
    uint8_t rgb[8 * 6 * 3];
    float values[3 * 8 * 6], map[2][8 * 6];
    Random random = { 8 };
    Setup s;
    REQUIRE(setup_open(&s, "input x 1x3x8x6; input other 1x3x8x6; input age 1x4;"
                           "a = Conv(x, %4x3x3x3, %4) pads=[1,1,1,1];"
                           "b = Conv(other, %4x3x3x3, %4) pads=[1,1,1,1]; d = Mul(a, b); r = Relu(d);"
                           "p = GlobalAveragePool(r); f = Flatten(p); m = Mul(f, age); y = Gemm(m, %5x4, %5) transB=1;"
                           "output y", NULL) == 0);
    random_bytes(&random, rgb, sizeof(rgb));
    CHECK_INT(gradcam_context_forward(s.context, rgb, 18), 0);
    for (int i = 0; i < 4; i++) {
        size_t count = i % 2 ? 4 : 3 * 8 * 6;
        random_floats(&random, values, count, -1, 1);
        CHECK_INT(gradcam_context_set_input(s.context, names[i % 2], values, count), 0);
        CHECK_INT(gradcam_context_set_input(s.fresh, names[i % 2], values, count), 0);
        CHECK_INT(gradcam_context_forward(s.context, rgb, 18), 0);
        CHECK_INT(gradcam_context_forward(s.fresh, rgb, 18), 0);
        check_same(&s, names[i % 2]);
        CHECK_INT(gradcam_context_map(s.context, &target, NULL, map[0], SIZE_MAX, NULL), 0);
        CHECK_INT(gradcam_context_map(s.fresh, &target, NULL, map[1], SIZE_MAX, NULL), 0);
        CHECK(!memcmp(map[0], map[1], 8 * 6 * sizeof(float)));
    }
    CHECK_INT(gradcam_context_set_input(s.fresh, "age", (const float[]){ 0.5f, 1, -2, 3 }, 4), 0);
    CHECK_INT(gradcam_context_read_inputs(s.context, "age=0.5/1,-2/3"), 0);
    CHECK_INT(gradcam_context_forward(s.context, rgb, 18), 0);
    CHECK_INT(gradcam_context_forward(s.fresh, rgb, 18), 0);
    check_same(&s, "numbers as text");
    CHECK_INT(gradcam_context_read_inputs(s.context, "age=1/2/3/4|height=1"), -ENOENT);
    CHECK_INT(gradcam_context_read_inputs(s.context, "age=1/2/3"), -EINVAL);
    CHECK_INT(gradcam_context_read_inputs(s.context, "age=1/2/3/4/5"), -EINVAL);
    CHECK_INT(gradcam_context_read_inputs(s.context, "age=1/2/x/4"), -EINVAL);
    CHECK_INT(gradcam_context_read_inputs(s.context, "age=1/2/3/|age=4"), -EINVAL);
    CHECK_INT(gradcam_context_read_inputs(s.context, "age"), -EINVAL);
    CHECK_INT(gradcam_context_set_input(s.context, "age", values, 3), -EINVAL);
    CHECK_INT(gradcam_context_set_input(s.context, "x", values, 3 * 8 * 6), -ENOENT);
    setup_close(&s);
}

// -------------------------------------------------------------------------------------------------------------- states

#define REMEMBERS "input x 1x1x8x6; input %s 1x4; c = Conv(x, %%4x1x3x3, %%4); r = Relu(c); p = GlobalAveragePool(r);" \
                  "f = Flatten(p); a = Gemm(f, %%4x4, %%4) transB=1; b = Gemm(%s, %%4x4, %%4) transB=1;" \
                  "s = Add(a, b); %s = Tanh(s); y = Neg(%s); output y; output %s"

static void make_memory(char *text, size_t size, const char *in, const char *out)
{
    snprintf(text, size, REMEMBERS, in, in, out, out, out);
}

// What the network put out for a picture goes in with the next, until it is told to begin anew; a map between the two
// changes nothing.
static void states_of_a_video(void)
{
    char text[512];
    uint8_t pixels[8 * 6];
    float memory[4] = { 0 }, map[4 * 6 * 6];
    Random random = { 12 };
    Setup s;
    make_memory(text, sizeof(text), "memory_in", "memory_out");
    REQUIRE(setup_open(&s, text, NULL) == 0);
    CHECK_INT(gradcam_model_info(s.model)->states, 1);
    for (int frame = 0; frame < 6; frame++) {
        const GradcamTarget top = { .name = "" };
        size_t count;
        if (frame == 4) {
            gradcam_context_restart(s.context);
            memset(memory, 0, sizeof(memory));
        }
        random_bytes(&random, pixels, sizeof(pixels));
        gradcam_context_restart(s.fresh);       // with the memory that is given, and no other
        CHECK_INT(gradcam_context_set_input(s.fresh, "memory_in", memory, 4), 0);
        CHECK_INT(gradcam_context_forward(s.context, pixels, 6), 0);
        CHECK_INT(gradcam_context_forward(s.fresh, pixels, 6), 0);
        check_same(&s, "a frame");
        const float *logits = gradcam_context_logits(s.context, &count);
        for (int i = 0; i < 4; i++)
            memory[i] = -logits[i];
        CHECK_INT(gradcam_context_map(s.context, &top, NULL, map, SIZE_MAX, NULL), 0);
    }
    setup_close(&s);
}

static void states_by_name(void)
{
    static const struct {
        const char *in, *out, *wanted;
        int states;                 // how many are found, or the error
    } cases[] = {
        { "memory", "memory_out", NULL, 1 },        { "h0", "hn", NULL, 1 },
        { "State.in", "state_next", NULL, 1 },      { "hidden_prev", "new_hidden", NULL, 1 },
        { "question", "answer", NULL, 0 },          { "in", "out", NULL, 0 },
        { "memory", "memory_out", "none", 0 },      { "question", "answer", "question=answer", 1 },
        { "u", "v", "u=y", -EINVAL },               { "u", "v", "u=c", -ENOENT },
        { "u", "v", "v", -ENOENT },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Messages messages;
        const GradcamModelOptions options = { .labels = "none", .states = cases[i].wanted,
                                              .log = messages_log(&messages) };
        Graph *graph = graph_create(17);
        GradcamModel *model = NULL, *again = NULL;
        char text[512];
        make_memory(text, sizeof(text), cases[i].in, cases[i].out);
        graph_add(graph, text);
        int error = open_graph(&model, graph, &options);
        if ((error ? error : gradcam_model_info(model)->states) != cases[i].states)
            fail("%s, %s, %s: %d", cases[i].in, cases[i].out, cases[i].wanted, error);
        if (model && gradcam_model_compile(model, "states.bin", NULL, NULL) == 0 &&
            gradcam_model_open(&again, "states.bin", &nothing) == 0)
            CHECK_INT(gradcam_model_info(again)->states, cases[i].states);
        else
            CHECK(error && messages.count == 1);
        gradcam_model_close(&again);
        gradcam_model_close(&model);
        graph_free(graph);
    }
}

// ---------------------------------------------------------------------------------------------- networks of exporters

// The numbers of an output in expected.json; how many there are.
static size_t expected(const char *json, const char *name, float *out, size_t room)
{
    char key[64];
    size_t count = 0;
    snprintf(key, sizeof(key), "\"%s.onnx\"", name);
    const char *at = strstr(json, key);
    at = at ? strstr(at, "\"first\":") : NULL;
    at = at ? strchr(at, '[') : NULL;
    for (char *end; at && *at != ']' && count < room; at = end, count++) {
        out[count] = strtof(at + 1, &end);
        if (end == at + 1)
            return 0;
        end += strspn(end, " \n");
    }
    return count;
}

static void check_network(const char *name, const char *json)
{
    const GradcamModelOptions options = { .labels = "none", .width = 64, .height = 64 };
    char path[64];
    float want[24];
    size_t classes = 0, count = expected(json, name, want, 24);
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    snprintf(path, sizeof(path), "cases/networks/%s.onnx", name);
    const char *file = shared_file(path);
    if (!file)
        return;
    REQUIRE(count > 0);
    REQUIRE(gradcam_model_open(&model, file, &options) == 0);
    const GradcamInput *picture = gradcam_model_picture(model);
    float *x = malloc(picture->count * sizeof(*x));
    int whole = !strcmp(picture->type, "uint8");
    for (size_t i = 0; x && i < picture->count; i++)
        x[i] = whole ? (float)(i % 7) : sinf(0.7f * (float)i);
    int error = !x ? -ENOMEM : gradcam_context_open(&context, model, NULL);
    if (!error)
        error = gradcam_context_forward_float(context, x);
    const float *logits = error ? NULL : gradcam_context_logits(context, &classes);
    CHECK_INT(error, 0);
    if (logits && classes == count) {
        float got[24];
        for (int i = 0; i < (int)count; i++) {
            const GradcamTarget target = { .name = "", .classes = &i, .count = 1 };
            got[i] = gradcam_model_info(model)->probabilities[0] ? gradcam_context_probability(context, &target)
                                                                 : logits[i];
        }
        check_floats(name, got, want, count, 1e-4, 1e-4);
    } else if (logits) {
        fail("%s: %zu scores, not %zu", name, classes, count);
    }
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    free(x);
}

static void networks_of_exporters(void)
{
    static const char *const names[] = { "gray1", "ch1_28", "atari4", "chw_rank3", "u8nhwc" };
    const char *file = shared_file("cases/networks/expected.json");
    size_t size;
    if (!file)
        return;
    char *json = (char *)read_file(file, &size);
    json = realloc(json, size + 1);
    json[size] = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_network(names[i], json);
    free(json);
}

int main(void)
{
    RUN(shapes_of_pictures);
    RUN(picture_among_others);
    RUN(gray_pictures);
    RUN(colors_without_a_batch);
    RUN(frames_of_a_video);
    RUN(inputs_after_the_same_picture);
    RUN(states_of_a_video);
    RUN(states_by_name);
    RUN(networks_of_exporters);
    return end_cases();
}
