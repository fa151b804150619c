/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods: how they are written and read, what must hold between their maps, that those which ask the network again
 * leave it as it was, and that connected weights are read once for all scores.
 */
#include "cam/context.h"
#include "method.h"
#include "ops/check.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CELLS = 36, PIXELS = 64, CHANNELS = 4, CLASSES = 5 };

static const char network[] =
    "input x 1x3x8x8; c = Conv(x, %4x3x3x3, %4); r = Relu(c); p = GlobalAveragePool(r); f = Flatten(p);"
    "logits = Gemm(f, %5x4, %5) transB=1; output logits";

typedef struct Setup {
    GradcamModel *model;
    GradcamContext *context;
} Setup;

static void open_setup(Setup *setup, const char *text, const char *layer)
{
    Graph *graph = graph_create(17);
    const GradcamSettings settings = { .layer = layer, .threads = 1 };
    float picture[3 * PIXELS];
    Random random = { 11 };
    *setup = (Setup){ NULL, NULL };
    graph_add(graph, text);
    random_floats(&random, picture, 3 * PIXELS, -1, 1);
    REQUIRE(open_graph(&setup->model, graph, &(GradcamModelOptions){ .labels = "none" }) == 0);
    graph_free(graph);
    REQUIRE(gradcam_context_open(&setup->context, setup->model, &settings) == 0);
    CHECK_INT(gradcam_context_forward_float(setup->context, picture), 0);
}

static void close_setup(Setup *setup)
{
    gradcam_context_close(&setup->context);
    gradcam_model_close(&setup->model);
}

static void map_of(Setup *setup, const char *text, int class, float *map)
{
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    const GradcamMethod method = method_named(text);
    CHECK_INT(gradcam_context_map(setup->context, &target, &method, map, SIZE_MAX, NULL), 0);
}

static void methods_are_read_as_they_are_written(void)
{
    static const char *const good[] = { "gradcam", "smoothgrad", "smoothgrad/samples=20", "reciprocam/mask=gauss",
                                        "smoothgrad/samples=7/noise=0.25" };
    static const char *const bad[] = { "", "grad", "gradcam/", "gradcam/samples=3", "smoothgrad/samples",
                                       "smoothgrad/samples=", "smoothgrad/samples=2.5", "smoothgrad/samples=0",
                                       "smoothgrad/samples=1001", "smoothgrad/noise=nan", "smoothgrad/noise=0x1",
                                       "smoothgrad/noise= 0", "reciprocam/mask=0", "reciprocam/mask=cel",
                                       "gradcam " };
    GradcamMethod method;
    char text[64];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK_INT(gradcam_method_parse(&method, good[i], NULL), 0);
        CHECK_INT(gradcam_method_check(&method), 0);
        CHECK_STR(gradcam_method_text(&method, text, sizeof(text)), good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_INT(gradcam_method_parse(&method, bad[i], NULL), -EINVAL);
        CHECK(method.info == gradcam_method_at(0));
    }
    method = method_named("smoothgrad/samples=3");
    CHECK(method.value[0] == 3 && method.value[1] == 0.15);
    CHECK_STR(gradcam_method_text(&method, text, 13), "smoothgrad/s");
    method.value[0] = 0;
    CHECK_INT(gradcam_method_check(&method), -EINVAL);
    CHECK_INT(gradcam_method_check(NULL), 0);
    CHECK_INT(gradcam_method_check(&(GradcamMethod){ 0 }), 0);
}

// Behind the layer pooling and a linear layer: what one cell alone gives, and all of them together.
static void reciprocal_maps_are_scores_of_cells(void)
{
    Setup setup;
    float map[CELLS], both[CELLS];
    size_t count;
    open_setup(&setup, network, "r");
    const float score = gradcam_context_logits(setup.context, &count)[2];
    double sum = 0, gauss = 0;
    map_of(&setup, "reciprocam", 2, map);
    map_of(&setup, "reciprocam/mask=gauss", 2, both);
    for (int i = 0; i < CELLS; i++)
        sum += map[i];
    // Each has the bias b once: sum_i (b + w A_i) = score + (CELLS - 1) b. The score of nothing is b.
    float least = INFINITY;
    const float *a, *g;
    CHECK_INT(gradcam_context_tensors(setup.context, &a, &g), 0);
    for (int i = 0, dark = 1; i < CELLS; i++, dark = 1) {
        for (int k = 0; k < CHANNELS; k++)
            dark &= a[i * CHANNELS + k] == 0;
        if (dark)
            least = map[i];
    }
    if (isfinite(least))
        CHECK(fabs(sum - score - (CELLS - 1) * (double)least) < 1e-4);
    for (int y = 2, x = 3, i = -1; i <= 1; i++)
        for (int j = -1; j <= 1; j++)
            gauss += (double)map[(y + i) * 6 + x + j] * (i && j ? 1 : i || j ? 2 : 4) / 16;
    CHECK(fabs(gauss - both[2 * 6 + 3]) < 1e-5);        // as the weights add up to 1, so do the biases
    close_setup(&setup);
}

static void without_noise_smoothgrad_is_the_gradient(void)
{
    Setup setup;
    float gradient[PIXELS], smooth[PIXELS], noisy[PIXELS], again[PIXELS];
    open_setup(&setup, network, "r");
    map_of(&setup, "gradient", 1, gradient);
    map_of(&setup, "smoothgrad/samples=2/noise=0", 1, smooth);
    map_of(&setup, "smoothgrad/samples=3", 1, noisy);
    map_of(&setup, "smoothgrad/samples=3", 1, again);
    CHECK(!memcmp(gradient, smooth, sizeof(smooth)));
    CHECK(memcmp(gradient, noisy, sizeof(noisy)) && !memcmp(noisy, again, sizeof(noisy)));
    close_setup(&setup);
}

// Piecewise linear networks have no second derivative: what is left of ShapleyCAM of the logit is Grad-CAM. And methods
// with a score of their own explain that where the target names none.
static void methods_with_scores_of_their_own(void)
{
    static const int class = 1;
    GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    const GradcamMethod shapley = method_named("shapleycam"), finer = method_named("finercam/base=layercam");
    const GradcamMethod gradcam = method_named("gradcam"), layercam = method_named("layercam");
    float map[2][PIXELS];
    Setup setup;
    open_setup(&setup, "input x 1x3x8x8; c = Conv(x, %4x3x3x3, %4); r = Relu(c); d = Conv(r, %6x4x3x3, %6);"
               "e = Relu(d); p = MaxPool(e) kernel_shape=[2,2] strides=[2,2]; f = Flatten(p); "
               "g = Gemm(f, %8x24, %8) transB=1;"
               "h = Relu(g); logits = Gemm(h, %5x8, %5) transB=1; output logits", "r");
    GradcamMapInfo info[2] = { { 0 }, { 0 } };
    CHECK_INT(gradcam_context_map(setup.context, &target, &finer, map[0], SIZE_MAX, &info[0]), 0);
    target.score = "finer";
    CHECK_INT(gradcam_context_map(setup.context, &target, &layercam, map[1], SIZE_MAX, &info[1]), 0);
    CHECK(info[0].score == info[1].score && !memcmp(map[0], map[1], CELLS * sizeof(*map[0])));
    target.score = "logit";
    CHECK_INT(gradcam_context_map(setup.context, &target, &shapley, map[0], SIZE_MAX, &info[0]), 0);
    CHECK_INT(gradcam_context_map(setup.context, &target, &gradcam, map[1], SIZE_MAX, &info[1]), 0);
    CHECK(info[0].score == info[1].score);
    check_floats("ShapleyCAM of a logit", map[0], map[1], CELLS, 1e-6, 1e-5);
    CHECK(info[1].max > 0);
    target.score = NULL;
    CHECK_INT(gradcam_context_map(setup.context, &target, &shapley, map[0], SIZE_MAX, &info[0]), 0);
    CHECK(info[0].score < info[1].score);       // by log p
    close_setup(&setup);
}

// After each method, scores and Grad-CAM are what they were.
static void methods_leave_the_network_as_it_was(const char *layer)
{
    Setup setup;
    float want[PIXELS], map[PIXELS], logits[CLASSES];
    const GradcamMethodInfo *info;
    size_t count;
    open_setup(&setup, network, layer);
    map_of(&setup, "gradcam", 3, want);
    memcpy(logits, gradcam_context_logits(setup.context, &count), sizeof(logits));
    for (size_t i = 0; (info = gradcam_method_at(i)); i++) {
        const GradcamTarget top = { .name = "" };
        const GradcamMethod method = method_named(info->name);
        GradcamMapInfo about = { 0 };
        int error = gradcam_context_map(setup.context, &top, &method, map, FLOATS(map), &about);
        CHECK(!error || method_refused(&method, error));
        if (!error)
            CHECK_INT(about.class_index, gradcam_context_top(setup.context, 0));
        CHECK(!memcmp(logits, gradcam_context_logits(setup.context, &count), sizeof(logits)));
        map_of(&setup, "gradcam", 3, map);
        CHECK(!memcmp(want, map, CELLS * sizeof(*map)));
    }
    close_setup(&setup);
}

// HiResCAM leaves out what an activation of zero makes nothing of; the gradient that is asked for afterwards has it
// all, of one map and of the last of several.
static void gradients_are_whole_after_maps_that_need_less(void)
{
    static const int classes[] = { 1, 3 };
    const GradcamTarget target[] = { { .name = "", .classes = &classes[0], .count = 1 },
                                     { .name = "", .classes = &classes[1], .count = 1 } };
    const GradcamMethod method = method_named("hirescam");
    float map[2 * PIXELS], want[36 * 16];
    const float *a, *g;
    Setup setup;
    open_setup(&setup, "input x 1x3x8x8; c = Conv(x, %16x3x3x3, %16); r = Relu(c);"
               "p = MaxPool(r) kernel_shape=[2,2] strides=[2,2]; f = Flatten(p);"
               "g = Gemm(f, %144x50, %50); h = Relu(g);"
               "logits = Gemm(h, %8x50, %8) transB=1; output logits", "r");
    CHECK(setup.context->plan->can_skip);
    map_of(&setup, "gradcam", 3, map);
    CHECK_INT(gradcam_context_tensors(setup.context, &a, &g), 0);
    memcpy(want, g, sizeof(want));
    size_t only = 0;                            // that count only where A is zero
    for (int i = 0; i < 36 * 16; i++)
        only += g[i] != 0 && a[i] == 0;
    CHECK(only > 0);
    map_of(&setup, "hirescam", 3, map);
    for (int round = 0; round < 2; round++) {
        CHECK_INT(gradcam_context_tensors(setup.context, &a, &g), 0);
        CHECK(!memcmp(want, g, sizeof(want)));
        CHECK_INT(gradcam_context_maps(setup.context, target, 2, &method, map, FLOATS(map), NULL), 0);
    }
    close_setup(&setup);
}

// ------------------------------------------------------------------------------------------------ how weights are read

enum { WINDOW = 64 };                   // pages that can be read at a time

static char *guarded[WINDOW];
static size_t faults, page;

// A page of the weights is read that cannot be: from now on it can, and the one that became so longest ago cannot.
static void on_fault(int signal, siginfo_t *info, void *context)
{
    char *at = (char *)((uintptr_t)info->si_addr / page * page), **slot = &guarded[faults++ % WINDOW];
    (void)signal;
    (void)context;
    if (*slot)
        mprotect(*slot, page, PROT_NONE);
    mprotect(*slot = at, page, PROT_READ | PROT_WRITE);
}

// Pages of weights that are read for `count` maps, as many times as each is come back to.
static size_t pages_read(GradcamContext *context, const GcamRowProduct *product, size_t count, const char *text)
{
    static float maps[8 * PIXELS];
    const GradcamMethod method = method_named(text);
    struct sigaction before, action = { .sa_flags = SA_SIGINFO, .sa_sigaction = on_fault };
    uintptr_t data = (uintptr_t)product->weights, first = (data + page - 1) / page * page;
    size_t bytes = (data + product->out * product->in * sizeof(float)) / page * page - first;
    GradcamTarget target[8];
    static const int classes[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    for (size_t i = 0; i < count; i++)
        target[i] = (GradcamTarget){ .name = "", .classes = &classes[i], .count = 1 };
    CHECK_INT(gradcam_context_maps(context, target, count, &method, maps, FLOATS(maps), NULL), 0);    // allocates
    memset(guarded, 0, sizeof(guarded));
    faults = 0;
    sigaction(SIGSEGV, &action, &before);
    mprotect((void *)first, bytes, PROT_NONE);
    int error = gradcam_context_maps(context, target, count, &method, maps, FLOATS(maps), NULL);
    mprotect((void *)first, bytes, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &before, NULL);
    CHECK_INT(error, 0);
    return faults;
}

static void weights_are_read_once_for_all_scores(const char *head)
{
    char text[512];
    Setup setup;
    GcamRowProduct product = { 0 };
    page = (size_t)sysconf(_SC_PAGESIZE);
    snprintf(text, sizeof(text), "input x 1x3x8x8; c = Conv(x, %%16x3x3x3, %%16) pads=[1,1,1,1]; r = Relu(c);"
             "f = Flatten(r); %s output logits", head);
    open_setup(&setup, text, "r");
    const GcamPlan *plan = setup.context->plan;
    for (int i = 0; i < plan->steps; i++) {
        GcamRowProduct found;
        if (gcam_row_product(&plan->step[i], &found) && found.out * found.in > product.out * product.in)
            product = found;
    }
    REQUIRE(product.weights && product.type == GCAM_F32);
    size_t one = pages_read(setup.context, &product, 1, "hirescam");
    size_t all = pages_read(setup.context, &product, 8, "hirescam");
    CHECK(one >= product.out * product.in * sizeof(float) / page / 8);
    CHECK(all < 2 * product.out * product.in * sizeof(float) / page);
    note("%zu pages of weights, read %zu times for one score, %zu for eight",
         product.out * product.in * sizeof(float) / page, one, all);
    close_setup(&setup);
}

int main(void)
{
    RUN(methods_are_read_as_they_are_written);
    RUN(reciprocal_maps_are_scores_of_cells);
    RUN(without_noise_smoothgrad_is_the_gradient);
    RUN(methods_with_scores_of_their_own);
    RUN(gradients_are_whole_after_maps_that_need_less);
    begin_case("methods leave the network as it was");
    methods_leave_the_network_as_it_was("r");
    begin_case("methods leave the network as it was: explained before the activation");
    methods_leave_the_network_as_it_was("c");
    begin_case("weights [out][in] are read once for all scores");
    weights_are_read_once_for_all_scores("g = Gemm(f, %600x1024@-0.1:0.1, %600) transB=1; h = Relu(g);"
                                         "logits = Gemm(h, %8x600, %8) transB=1;");
    begin_case("weights [in][out] are read once for all scores");
    weights_are_read_once_for_all_scores("g = Gemm(f, %1024x600@-0.1:0.1, %600); h = Relu(g);"
                                         "logits = Gemm(h, %8x600, %8) transB=1;");
    return end_cases();
}
