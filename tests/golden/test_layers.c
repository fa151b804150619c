/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps of several layers of the small network methods.onnx: what they are made of, how layers are named, and who
 * refuses them. Values of pytorch-grad-cam are in test_methods.
 */
#include "gradcam_picture.h"
#include "gradcam.h"
#include "harness.h"
#include "method.h"

enum { CLASS = 3, SIZE = 12, CELLS = SIZE * SIZE };

static GradcamModel *model;
static float picture[3 * CELLS];

static int open_layers(GradcamContext **context, const char *layer, int threads)
{
    const GradcamSettings settings = { .layer = layer, .threads = threads };
    return gradcam_context_open(context, model, &settings);
}

static int map_of(GradcamContext *context, const GradcamMethod *method, float *map)
{
    static const int class = CLASS;
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    int error = gradcam_context_forward_float(context, picture);
    return error ? error : gradcam_context_map(context, &target, method, map, SIZE_MAX, NULL);
}

static int map_of_layers(const char *layer, int threads, const GradcamMethod *method, float *map, int *width)
{
    GradcamContext *context;
    int height, error = open_layers(&context, layer, threads);
    if (error)
        return error;
    gradcam_context_map_size(context, method, width, &height);
    error = map_of(context, method, map);
    gradcam_context_close(&context);
    return error;
}

// As the header has it.
static void scale(const GradcamMethodInfo *info, float *map, size_t size)
{
    float most = 0;
    if (!info->is_signed) {
        gradcam_map_normalize(map, size);
        return;
    }
    for (size_t i = 0; i < size; i++)
        most = fmaxf(most, fabsf(map[i]));
    for (size_t i = 0; i < size && most > 0; i++)
        map[i] /= most;
}

static void check_mean(const GradcamMethod *method)
{
    static const char *const layer[] = { "a1", "a2", "a3" };
    float whole[CELLS], again[CELLS], sum[CELLS] = { 0 }, one[CELLS], large[CELLS];
    int width;
    if (method->info->of_pixels || method_refused(method, map_of_layers("a1+a2+a3", 1, method, whole, &width)))
        return;
    for (int k = 0; k < 3; k++) {
        CHECK_INT(map_of_layers(layer[k], 1, method, one, &width), 0);
        scale(method->info, one, (size_t)(width * width));
        gradcam_map_resize(one, width, width, large, SIZE * SIZE, SIZE, SIZE);
        for (int i = 0; i < CELLS; i++)
            sum[i] += large[i];
    }
    scale(method->info, sum, CELLS);
    CHECK_INT(map_of_layers("a3+a1+a2+a1", 3, method, again, &width), 0);
    CHECK_INT(width, SIZE);
    CHECK(!memcmp(whole, again, sizeof(whole)));
    for (int i = 0; i < CELLS; i++)
        CHECK_NEAR(whole[i], sum[i], 1e-5);
}

// Those that ask again take one layer.
static void check_method(const GradcamMethod *method)
{
    float map[CELLS];
    int width, error = map_of_layers("a1+a2", 1, method, map, &width);
    int single = map_of_layers("a1", 1, method, map, &width);
    if (error == -ENOTSUP && !single)
        note("of one layer only");
    else if (!error && !single)
        check_mean(method);
    else
        CHECK(method_refused(method, error) || method_refused(method, single));
}

static void check_names(const char *text, const char *first, const char *second)
{
    GradcamContext *context;
    const GradcamLayer *layer;
    REQUIRE(open_layers(&context, text, 1) == 0);
    CHECK_STR(gradcam_context_layer(context)->name, first);
    layer = gradcam_context_layer_at(context, 1);
    CHECK_STR(layer ? layer->name : "", second);
    CHECK(!gradcam_context_layer_at(context, 2));
    gradcam_context_close(&context);
}

static void check_refused(void)
{
    static const struct { const char *layer; int error; } bad[] = {
        { "a1+nothing", -ENOENT }, { "nothing+a1", -ENOENT }, { "a1+", -ENOENT }, { "+a1", -ENOENT }, { "+", -ENOENT },
        { "last3", -ENOENT }, { "last8", -EINVAL }, { "last0", -ENOENT }, { "c1+b1+a1+p1+c2+b2+s2+a2", -EINVAL },
    };
    GradcamContext *context;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_INT(open_layers(&context, bad[i].layer, 1), bad[i].error);
}

// The gradient by the first layer is whole, whatever lies behind it.
static void check_tensors(void)
{
    const GradcamMethod method = method_named("gradcam");
    GradcamContext *one, *two;
    const float *a[2], *g[2];
    float map[CELLS];
    REQUIRE(open_layers(&one, "a1", 1) == 0 && open_layers(&two, "a1+a2", 1) == 0);
    CHECK_INT(map_of(one, &method, map), 0);
    CHECK_INT(map_of(two, &method, map), 0);
    CHECK_INT(gradcam_context_tensors(one, &a[0], &g[0]), 0);
    CHECK_INT(gradcam_context_tensors(two, &a[1], &g[1]), 0);
    for (int i = 0; i < 6 * CELLS; i++) {
        CHECK_NEAR(a[0][i], a[1][i], 1e-5);
        CHECK_NEAR(g[0][i], g[1][i], 1e-5);
    }
    gradcam_context_close(&one);
    gradcam_context_close(&two);
}

int main(void)
{
    const char *source = getenv("SRC");
    char path[4096];
    const GradcamMethodInfo *info;
    begin_case("network");
    snprintf(path, sizeof(path), "%s/tests/golden/methods.onnx", source ? source : ".");
    CHECK_INT(gradcam_model_open(&model, path, NULL), 0);
    if (!model)
        return end_cases();
    for (int i = 0; i < 3 * CELLS; i++)
        picture[i] = (float)((i * 2654435761u >> 24) / 128.0 - 1);
    for (size_t i = 0; (info = gradcam_method_at(i)); i++)
        if (begin_case("layers by %s", info->name)) {
            const GradcamMethod method = method_named(info->name);
            check_method(&method);
        }
    if (begin_case("names of layers")) {
        check_names("last2", "a1", "a3");
        check_names("auto+a1", "a1", "a3");
        check_names("last1", "a3", "");
        check_names("a2", "a2", "");
    }
    if (begin_case("what is no layer"))
        check_refused();
    if (begin_case("tensors of several layers"))
        check_tensors();
    gradcam_model_close(&model);
    return end_cases();
}
