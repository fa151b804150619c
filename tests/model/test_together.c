/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps of several targets at once: the bits, and all that is told of them, of each by itself, for heads that go back
 * together all of the way, a part of it, or not at all; by any number of threads; after an interruption too.
 */
#include "method.h"
#include "ops/check.h"

#include <errno.h>

enum { CLASSES = 23, CELLS = 256, MOST = 19 };

static const char trunk[] = "input x 1x3x16x16; c = Conv(x, %16x3x3x3, %16) pads=[1,1,1,1]; r = Relu(c);"
                            "d = Conv(r, %24x16x3x3@-0.2:0.2, %24) pads=[1,1,1,1]; y = Relu(d);";
static const char *const heads[] = {
    // Sums, from weights in both orders.
    "p = MaxPool(y) kernel_shape=[4,4] strides=[4,4]; f = Flatten(p); g = Gemm(f, %100x384@-0.1:0.1, %100) transB=1;"
    "h = Relu(g); i = Gemm(h, %40x100, %40) transB=1 alpha=0.5; j = Relu(i); logits = Gemm(j, %23x40, %23) transB=1;",
    "p = MaxPool(y) kernel_shape=[4,4] strides=[4,4]; f = Flatten(p); g = Gemm(f, %384x100@-0.1:0.1, %100) alpha=2.0;"
    "h = Relu(g); i = Gemm(h, %100x40, %40); j = Relu(i); logits = Gemm(j, %40x23, %23);",
    // Sums of the only product.
    "p = MaxPool(y) kernel_shape=[4,4] strides=[4,4]; q = Sigmoid(p); f = Flatten(q);"
    "logits = Gemm(f, %23x384) transB=1;",
    // No sums: what lies before the products goes back one by one.
    "p = AveragePool(y) kernel_shape=[3,3] strides=[3,3]; f = Flatten(p);"
    "g = Gemm(f, %100x600@-0.1:0.1, %100) transB=1; h = Sigmoid(g); logits = MatMul(h, %100x23);",
    // Two ways from one value, which are added up.
    "p = GlobalAveragePool(y); f = Flatten(p); g = Gemm(f, %100x24, %100) transB=1; h = Relu(g);"
    "i = Gemm(h, %23x100, %23) transB=1; j = Gemm(h, %23x100, %23) transB=1; logits = Mul(i, j);",
    // The same gradient for any picture.
    "p = GlobalAveragePool(y); f = Flatten(p); logits = Gemm(f, %23x24, %23) transB=1;",
    // No product of one row.
    "z = Conv(y, %23x24x1x1, %23); p = GlobalMaxPool(z); logits = Flatten(p);",
};

static int asked, limit;                // how often, and when the answer is yes; 0: never

static int ask(void *opaque)
{
    (void)opaque;
    return ++asked == limit;
}

typedef struct Maps {
    float map[MOST][CELLS];
    GradcamMapInfo info[MOST];
    float gradient[24 * CELLS];         // of the last
} Maps;

// Classes, groups and ranks, in turn.
static void choose_targets(GradcamTarget target[MOST])
{
    static const int classes[] = { 0, 3, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 1, 2, 4, 5, 6, 8 };
    for (size_t i = 0; i < MOST; i++)
        target[i] = i % 3 == 2 ? (GradcamTarget){ .name = "", .rank = (int)i }
                               : (GradcamTarget){ .name = "", .classes = &classes[i % 3 ? 1 : i],
                                                 .count = i % 3 ? 2 + i : 1 };
}

static void read_gradient(GradcamContext *context, Maps *maps)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    const float *a, *g;
    CHECK_INT(gradcam_context_tensors(context, &a, &g), 0);
    memcpy(maps->gradient, g, (size_t)layer->channels * CELLS * sizeof(*g));
}

static void map_alone(GradcamContext *context, const GradcamTarget *target, size_t count, const GradcamMethod *method,
                      Maps *maps)
{
    memset(maps, 0, sizeof(*maps));
    for (size_t i = 0; i < count; i++)
        CHECK_INT(gradcam_context_map(context, &target[i], method, maps->map[i], SIZE_MAX, &maps->info[i]), 0);
    read_gradient(context, maps);
}

static void map_together(GradcamContext *context, const GradcamTarget *target, size_t count,
                         const GradcamMethod *method, Maps *maps)
{
    memset(maps, 0, sizeof(*maps));
    CHECK_INT(gradcam_context_maps(context, target, count, method, maps->map[0], SIZE_MAX, maps->info), 0);
    read_gradient(context, maps);
}

static void compare(GradcamModel *model, const char *layer, const char *name, int threads, const float *picture)
{
    static const size_t counts[] = { 1, 2, 5, MOST, 3 };
    static Maps want, got;
    const GradcamSettings settings = { .threads = threads, .layer = layer, .interrupt = ask };
    GradcamTarget target[MOST];
    GradcamContext *one = NULL, *all = NULL;
    const GradcamMethod method = method_named(name);
    choose_targets(target);
    REQUIRE(gradcam_context_open(&one, model, &settings) == 0 && gradcam_context_open(&all, model, &settings) == 0);
    CHECK_INT(gradcam_context_maps(all, target, 2, &method, got.map[0], SIZE_MAX, NULL), -EINVAL);
    limit = 0;
    CHECK(!gradcam_context_forward_float(one, picture) && !gradcam_context_forward_float(all, picture));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        map_alone(one, target, counts[i], &method, &want);
        map_together(all, target, counts[i], &method, &got);
        CHECK(!memcmp(want.map, got.map, sizeof(want.map)));
        CHECK(!memcmp(want.info, got.info, sizeof(want.info)));
        CHECK(!memcmp(want.gradient, got.gradient, sizeof(want.gradient)));
    }
    CHECK(want.info[0].max > 0 || want.info[1].max > 0 || want.info[2].max > 0);
    for (int i = 1, error = -ECANCELED; error; i++) {           // at each moment in turn
        asked = 0;
        limit = i;
        error = gradcam_context_maps(all, target, 3, &method, got.map[0], SIZE_MAX, got.info);
        CHECK(error == 0 || error == -ECANCELED);
        limit = 0;
        map_together(all, target, 3, &method, &got);
        CHECK(!memcmp(want.map, got.map, sizeof(want.map)));
        CHECK(!memcmp(want.gradient, got.gradient, sizeof(want.gradient)));
    }
    const GradcamTarget wrong[] = { target[0], { .name = "", .classes = (const int[]){ CLASSES }, .count = 1 } };
    CHECK_INT(gradcam_context_maps(all, wrong, 2, &method, got.map[0], SIZE_MAX, NULL), -EINVAL);
    gradcam_context_close(&one);
    gradcam_context_close(&all);
}

static void check_head(const char *head)
{
    GradcamModel *model = NULL;
    float picture[3 * 256];
    Random random = { 4 };
    Graph *graph = graph_create(17);
    graph_add(graph, trunk);
    graph_addf(graph, "%s output logits", head);
    random_floats(&random, picture, 3 * 256, -1, 1);
    REQUIRE(open_graph(&model, graph, &(GradcamModelOptions){ .labels = "none" }) == 0);
    graph_free(graph);
    for (int threads = 1; threads <= 2; threads++) {
        compare(model, "y", "gradcam", threads, picture);
        compare(model, "r", "gradcam", threads, picture);
        compare(model, "y", "hirescam", threads, picture);
        compare(model, "y", "guided", threads, picture);
    }
    gradcam_model_close(&model);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        begin_case("several maps at once: head %zu of %zu", i + 1, sizeof(heads) / sizeof(heads[0]));
        check_head(heads[i]);
    }
    return end_cases();
}
