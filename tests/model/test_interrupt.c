/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A forward or a map that is interrupted, after any number of operators: it ends with -ECANCELED and leaves nothing
 * behind that could be taken for a result, and the next one gives what it would have given without.
 */
#include "ops/check.h"

#include <errno.h>

enum { CELLS = 36 };

static const char text[] = "input x 1x3x6x6; c = Conv(x, %8x3x3x3, %8) pads=[1,1,1,1]; r = Relu(c);"
                           "d = Conv(r, %8x8x3x3@-0.4:0.4) pads=[1,1,1,1]; e = Sigmoid(d); s = Add(e, r);"
                           "p = GlobalAveragePool(s); f = Flatten(p);"
                           "logits = Gemm(f, %5x8, %5) transB=1; output logits";

static int asked, limit;                // how often, and at which time the answer is yes; 0: never

static int ask(void *opaque)
{
    CHECK(opaque == &limit);
    return ++asked == limit;
}

static void open_network(GradcamModel **model, GradcamContext **context, const char *layer)
{
    const GradcamSettings settings = {
        .threads = 1, .layer = layer, .interrupt = ask, .interrupt_opaque = &limit,
    };
    Graph *graph = graph_create(17);

    graph_add(graph, text);
    REQUIRE(open_graph(model, graph, &(GradcamModelOptions){ .labels = "none" }) == 0);
    graph_free(graph);
    REQUIRE(gradcam_context_open(context, *model, &settings) == 0);
}

// Interrupts at each time in turn, forward first, then the map.
static void interrupt_layer(const char *layer)
{
    const GradcamTarget target = { .name = "", .classes = (const int[]){ 2 }, .count = 1 };
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    const GradcamTarget another = { .name = "", .classes = (const int[]){ 3 }, .count = 1 };
    float picture[3 * CELLS], want[CELLS], want_other[CELLS], map[CELLS];
    size_t count;
    Random random = { 5 };

    random_floats(&random, picture, 3 * CELLS, -1, 1);
    open_network(&model, &context, layer);
    limit = asked = 0;
    REQUIRE(gradcam_context_forward_float(context, picture) == 0);
    const int forwards = asked;
    REQUIRE(gradcam_context_map(context, &target, NULL, want, FLOATS(want), NULL) == 0);
    const int all_asked = asked;
    REQUIRE(gradcam_context_map(context, &another, NULL, want_other, FLOATS(want_other), NULL) == 0);
    asked = all_asked;
    const int all = asked;
    CHECK(forwards >= 5);
    CHECK(all > forwards);
    for (int i = 1; i <= all; i++) {
        // Another class, so that its gradient is not there from the last map.
        const GradcamTarget other = { .name = "", .classes = (const int[]){ i % 2 ? 2 : 3 }, .count = 1 };
        asked = 0;
        limit = i;
        const int forward = gradcam_context_forward_float(context, picture);
        CHECK_INT(forward, i <= forwards ? -ECANCELED : 0);
        CHECK((gradcam_context_logits(context, &count) != NULL) == (i > forwards));
        if (i > forwards)
            gradcam_context_map(context, &other, NULL, map, FLOATS(map), NULL);
        else
            CHECK_INT(gradcam_context_map(context, &other, NULL, map, FLOATS(map), NULL), -EINVAL);
        limit = 0;
        CHECK_INT(gradcam_context_forward_float(context, picture), 0);
        CHECK_INT(gradcam_context_map(context, &other, NULL, map, FLOATS(map), NULL), 0);
        CHECK(!memcmp(map, i % 2 ? want : want_other, sizeof(map)));
        CHECK_INT(gradcam_context_map(context, &target, NULL, map, FLOATS(map), NULL), 0);
        CHECK(!memcmp(map, want, sizeof(map)));
    }
    limit = 0;
    asked = 0;
    CHECK_INT(gradcam_context_forward_float(context, picture), 0);
    limit = asked + 1;
    if (layer)                          // whose gradient the picture changes, so that it is computed
        CHECK_INT(gradcam_context_map(context, &target, NULL, map, FLOATS(map), NULL), -ECANCELED);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
}

// What is left of a picture that was interrupted is not used again for the same one.
static void where_pictures_are_compared(void)
{
    const GradcamTarget target = { .name = "", .classes = (const int[]){ 2 }, .count = 1 };
    const GradcamSettings settings = { .threads = 1, .layer = "r", .interrupt = ask, .interrupt_opaque = &limit,
                                       .reuse = 1 };
    GradcamModel *model = NULL;
    GradcamContext *whole = NULL, *context = NULL;
    uint8_t rgb[2][3 * CELLS];
    float want[CELLS], map[CELLS];
    Random random = { 6 };

    random_bytes(&random, rgb, sizeof(rgb));
    open_network(&model, &whole, "r");
    REQUIRE(whole && gradcam_context_open(&context, model, &settings) == 0);
    limit = asked = 0;
    REQUIRE(gradcam_context_forward(whole, rgb[1], 18) == 0);
    const int forwards = asked;
    REQUIRE(gradcam_context_map(whole, &target, NULL, want, FLOATS(want), NULL) == 0);
    for (int i = 1; i <= forwards; i++) {
        limit = 0;
        CHECK_INT(gradcam_context_forward(context, rgb[0], 18), 0);
        asked = 0;
        limit = i;
        CHECK_INT(gradcam_context_forward(context, rgb[1], 18), -ECANCELED);
        limit = 0;
        CHECK_INT(gradcam_context_forward(context, rgb[1], 18), 0);
        CHECK_INT(gradcam_context_map(context, &target, NULL, map, FLOATS(map), NULL), 0);
        CHECK(!memcmp(map, want, sizeof(map)));
    }
    gradcam_context_close(&whole);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
}

static void is_interrupted_anywhere(void)
{
    interrupt_layer("r");
}

// The gradient of the last layer depends on the class alone, and is kept.
static void with_a_kept_gradient(void)
{
    interrupt_layer(NULL);
}

int main(void)
{
    RUN(is_interrupted_anywhere);
    RUN(with_a_kept_gradient);
    RUN(where_pictures_are_compared);
    return end_cases();
}
