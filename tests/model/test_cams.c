/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps of formulas over activations A and gradients G, against the formulas as they are printed, in double, on A and G
 * as the public interface shows them; and what must hold between methods.
 */
#include "method.h"
#include "ops/check.h"

#include <errno.h>

enum { CELLS = 25, CHANNELS = 6, CLASSES = 4 };

// A layer without a ReLU, so that A has both signs, and behind it more than pooling: G differs from cell to cell.
static const char curved[] =
    "input x 1x3x7x7; a = Conv(x, %6x3x3x3, %6); r = Relu(a); q = Conv(r, %8x6x3x3, %8); s = Sigmoid(q);"
    "p = GlobalAveragePool(s); f = Flatten(p); logits = Gemm(f, %4x8, %4) transB=1; output logits";
static const char pooled[] =
    "input x 1x3x7x7; c = Conv(x, %6x3x3x3, %6); a = Relu(c); p = GlobalAveragePool(a); f = Flatten(p);"
    "logits = Gemm(f, %4x6, %4) transB=1; output logits";

typedef struct Setup {
    GradcamModel *model;
    GradcamContext *context;
    float picture[3 * 49];
    double a[CELLS][CHANNELS], g[CELLS][CHANNELS];      // of the class
} Setup;

static int map_of(Setup *setup, const char *text, int class, float *map)
{
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    const GradcamMethod method = method_named(text);
    return gradcam_context_map(setup->context, &target, &method, map, SIZE_MAX, NULL);
}

static void open_setup(Setup *setup, const char *text, int class)
{
    Graph *graph = graph_create(17);
    const GradcamSettings settings = { .layer = "a", .threads = 1 };
    float *picture = setup->picture, map[CELLS];
    const float *a, *g;
    Random random = { 17 };
    graph_add(graph, text);
    random_floats(&random, picture, 3 * 49, -1, 1);
    REQUIRE(open_graph(&setup->model, graph, &(GradcamModelOptions){ .labels = "none" }) == 0);
    graph_free(graph);
    REQUIRE(gradcam_context_open(&setup->context, setup->model, &settings) == 0);
    REQUIRE(gradcam_context_forward_float(setup->context, picture) == 0);
    REQUIRE(map_of(setup, "gradcam", class, map) == 0);
    REQUIRE(gradcam_context_tensors(setup->context, &a, &g) == 0);
    for (int i = 0; i < CELLS; i++)
        for (int k = 0; k < CHANNELS; k++) {
            setup->a[i][k] = a[i * CHANNELS + k];
            setup->g[i][k] = g[i * CHANNELS + k];
        }
}

static void close_setup(Setup *setup)
{
    gradcam_context_close(&setup->context);
    gradcam_model_close(&setup->model);
}

static void check_map(Setup *setup, const char *method, int class, const double *want)
{
    float map[CELLS];
    double most = 0;
    CHECK_INT(map_of(setup, method, class, map), 0);
    for (int i = 0; i < CELLS; i++)
        most = fmax(most, fabs(want[i]));
    CHECK(most > 0);
    for (int i = 0; i < CELLS; i++)
        if (!(fabs(map[i] - want[i]) <= 2e-6 * most))
            fail("%s, cell %d: %g, not %g", method, i, map[i], want[i]);
}

static double positive(double x)
{
    return x > 0 ? x : 0;
}

static void weighted(const Setup *setup, const double *weight, double *want)
{
    for (int i = 0; i < CELLS; i++) {
        want[i] = 0;
        for (int k = 0; k < CHANNELS; k++)
            want[i] += weight[k] * setup->a[i][k];
    }
}

static void rectify(double *want)
{
    for (int i = 0; i < CELLS; i++)
        want[i] = positive(want[i]);
}

static void weights_by_channel(void)
{
    Setup setup;
    double mean[CHANNELS] = { 0 }, plus[CHANNELS] = { 0 }, x[CHANNELS] = { 0 }, rare[CHANNELS] = { 0 }, want[CELLS];
    open_setup(&setup, curved, 2);
    for (int k = 0; k < CHANNELS; k++) {
        double sum = 0, square = 0;
        for (int i = 0; i < CELLS; i++)
            sum += setup.a[i][k];
        for (int i = 0; i < CELLS; i++) {
            const double a = setup.a[i][k], g = setup.g[i][k], g2 = g * g, g3 = g2 * g;
            mean[k] += g / CELLS;
            plus[k] += g != 0 ? g2 / (2 * g2 + sum * g3 + 1e-6) * positive(g) : 0;
            x[k] += g * a / (sum + 1e-7);
            square += (a - sum / CELLS) * (a - sum / CELLS) / CELLS;
        }
        for (int i = 0; i < CELLS; i++)
            rare[k] += setup.a[i][k] > sum / CELLS + 1.5 * sqrt(square) ? 1.0 / CELLS : 0;
    }
    weighted(&setup, mean, want);
    check_map(&setup, "signed", 2, want);
    rectify(want);
    check_map(&setup, "gradcam", 2, want);
    weighted(&setup, plus, want);
    rectify(want);
    check_map(&setup, "gradcam++", 2, want);
    weighted(&setup, x, want);
    rectify(want);
    check_map(&setup, "xgradcam", 2, want);
    weighted(&setup, rare, want);
    rectify(want);
    check_map(&setup, "fem/deviations=1.5", 2, want);
    close_setup(&setup);
}

static void weights_by_cell(void)
{
    Setup setup;
    double hires[CELLS] = { 0 }, element[CELLS] = { 0 }, layer[CELLS] = { 0 };
    open_setup(&setup, curved, 1);
    for (int i = 0; i < CELLS; i++)
        for (int k = 0; k < CHANNELS; k++) {
            hires[i] += setup.g[i][k] * setup.a[i][k];
            element[i] += positive(setup.g[i][k] * setup.a[i][k]);
            layer[i] += positive(setup.g[i][k]) * setup.a[i][k];
        }
    rectify(hires);
    rectify(layer);
    check_map(&setup, "hirescam", 1, hires);
    check_map(&setup, "elementwise", 1, element);
    check_map(&setup, "layercam", 1, layer);
    close_setup(&setup);
}

// The same picture without a gradient, for any class; rectified, with the largest magnitude kept.
static void components(void)
{
    Setup setup;
    float one[CELLS], other[CELLS], most = 0;
    open_setup(&setup, curved, 0);
    static const char *const methods[] = { "eigencam", "kpcacam", "fem" };
    for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
        CHECK_INT(map_of(&setup, methods[m], 0, one), 0);
        CHECK_INT(map_of(&setup, methods[m], 3, other), 0);
        CHECK(!memcmp(one, other, sizeof(one)));
    }
    static const char *const of_class[] = { "eigengradcam", "seg-eigen" };
    for (size_t m = 0; m < sizeof(of_class) / sizeof(of_class[0]); m++) {
        CHECK_INT(map_of(&setup, of_class[m], 0, one), 0);
        CHECK_INT(map_of(&setup, of_class[m], 3, other), 0);
        CHECK(memcmp(one, other, sizeof(one)));
        for (int i = 0; i < CELLS; i++) {
            CHECK(one[i] >= 0);
            most = fmaxf(most, one[i]);
        }
        CHECK(most > 0);
    }
    close_setup(&setup);
}

// Pooling and one linear layer behind a rectified layer.
static void identities(void)
{
    Setup setup;
    float cam[CELLS], map[CELLS];
    double want[CELLS];
    open_setup(&setup, pooled, 3);
    CHECK_INT(map_of(&setup, "cam", 3, cam), 0);
    for (int i = 0; i < CELLS; i++)
        want[i] = cam[i] / (double)CELLS;
    check_map(&setup, "signed", 3, want);
    rectify(want);
    static const char *const same[] = { "gradcam", "hirescam", "xgradcam" };
    for (size_t m = 0; m < sizeof(same) / sizeof(same[0]); m++)
        check_map(&setup, same[m], 3, want);
    CHECK_INT(map_of(&setup, "layercam", 3, map), 0);
    for (int i = 0; i < CELLS; i++)
        want[i] = map[i];
    check_map(&setup, "elementwise", 3, want);
    close_setup(&setup);
    open_setup(&setup, curved, 3);
    CHECK_INT(map_of(&setup, "cam", 3, cam), -ENOTSUP);
    close_setup(&setup);
}

// Every word of every option, alone, where the network has what the method needs: a method that is made by another must
// not hand it options that mean something else there.
static void words(void)
{
    Setup setup;
    const GradcamMethodInfo *info;
    int class = 1;
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    open_setup(&setup, curved, class);
    for (size_t i = 0; (info = gradcam_method_at(i)); i++)
        for (size_t k = 0; k < info->options; k++)
            for (size_t w = 0; info->option[k].words && info->option[k].words[w]; w++) {
                GradcamMethod method = method_named(info->name);
                float map[CELLS * CHANNELS + 3 * 49];
                method.value[k] = (double)w;
                int error = gradcam_context_map(setup.context, &target, &method, map, SIZE_MAX, NULL);
                CHECK(!error || method_refused(&method, error));
            }
    close_setup(&setup);
}

// Finer-CAM by a base is the base's map of the finer score.
static void finer_bases(void)
{
    static const char *const bases[] = { "gradcam", "gradcam++", "xgradcam", "hirescam", "elementwise", "layercam" };
    Setup setup;
    int class = 1;
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1, .score = "finer" };
    open_setup(&setup, curved, class);
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        char text[64];
        float map[CELLS], want[CELLS];
        snprintf(text, sizeof(text), "finercam/base=%s", bases[i]);
        const GradcamMethod base = method_named(bases[i]);
        CHECK_INT(map_of(&setup, text, class, map), 0);
        CHECK_INT(gradcam_context_map(setup.context, &target, &base, want, SIZE_MAX, NULL), 0);
        CHECK(!memcmp(map, want, sizeof(map)));
    }
    close_setup(&setup);
}

// Mirror images and scalings: each variant's map, turned back and scaled to 0..1, and the mean of all. What the context
// tells afterwards is of the picture again.
static void variants(const char *method, const char *each)
{
    enum { SIDE = 7, MAP = 5 };
    Setup setup;
    const float factors[] = { 0.9f, 1, 1.1f };
    float changed[3 * 49], map[CELLS], before[CELLS], after[CELLS], ranked[CELLS];
    double want[CELLS] = { 0 };
    open_setup(&setup, curved, 2);
    const int top = gradcam_context_top(setup.context, 0);
    for (int v = 0; v < 6; v++) {
        for (int i = 0; i < 3 * 49; i++)
            changed[i] = setup.picture[v % 2 ? i - i % SIDE + SIDE - 1 - i % SIDE : i] * factors[v / 2];
        REQUIRE(gradcam_context_forward_float(setup.context, changed) == 0);
        CHECK_INT(map_of(&setup, each, top, map), 0);
        float least = INFINITY, most = -INFINITY;
        for (int i = 0; i < CELLS; i++) {
            least = fminf(least, map[i]);
            most = fmaxf(most, map[i]);
        }
        for (int i = 0; i < CELLS && most > least; i++)
            want[v % 2 ? i - i % MAP + MAP - 1 - i % MAP : i] += (map[i] - least) / (most - least + 1e-7) / 6;
    }
    REQUIRE(gradcam_context_forward_float(setup.context, setup.picture) == 0);
    CHECK_INT(map_of(&setup, each, top, before), 0);
    check_map(&setup, method, top, want);
    CHECK_INT(map_of(&setup, method, top, map), 0);
    CHECK_INT(gradcam_context_top(setup.context, 0), top);
    const GradcamTarget targets[] = { { .name = "" }, { .name = "", .rank = 1 } };
    const GradcamMethod asked = method_named(method);
    float two[2 * CELLS];
    GradcamMapInfo info[2];
    CHECK_INT(gradcam_context_map(setup.context, &targets[0], &asked, ranked, SIZE_MAX, info), 0);
    CHECK(!memcmp(ranked, map, sizeof(map)));
    CHECK_INT(info[0].class_index, top);
    CHECK_INT(gradcam_context_maps(setup.context, targets, 2, &asked, two, 2 * CELLS, info), 0);
    CHECK(!memcmp(two, map, sizeof(map)));
    CHECK_INT(info[1].class_index, gradcam_context_top(setup.context, 1));
    CHECK_INT(map_of(&setup, each, top, after), 0);
    CHECK(!memcmp(before, after, sizeof(before)));
    close_setup(&setup);
}

static void smoothed_by_variants(void)
{
    variants("gradcam/smooth=aug", "gradcam");
    variants("gradcam++/smooth=aug+eigen", "gradcam++/smooth=eigen");
    variants("hirescam/smooth=aug", "hirescam");
    variants("layercam/scale=tanh/smooth=aug", "layercam/scale=tanh");
    variants("finercam/base=layercam/smooth=aug", "finercam/base=layercam");
}

int main(void)
{
    RUN(weights_by_channel);
    RUN(weights_by_cell);
    RUN(components);
    RUN(identities);
    RUN(words);
    RUN(finer_bases);
    RUN(smoothed_by_variants);
    return end_cases();
}
