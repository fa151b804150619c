/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A network whose layers pass denormals to each other: they count as zero, forward and backward, for any number of
 * threads and whatever the host's thread makes of them; and the host's thread keeps its ways.
 */
#include "ops/check.h"

#include <fenv.h>

enum { CELLS = 36, CLASSES = 5 };

// The second layer makes 1e-40, of which the next two would make something again.
static const char text[] = "input x 1x3x6x6; a = Conv(x, %8x3x1x1@1e-25:2e-25); ra = Relu(a);"
                           "b = Conv(ra, %8x8x3x3@1e-16:2e-16) pads=[1,1,1,1]; rb = Relu(b);"
                           "c = Conv(rb, %8x8x3x3@1e20:2e20) pads=[1,1,1,1]; rc = Relu(c);"
                           "d = Conv(rc, %8x8x1x1@1e20:2e20); rd = Relu(d);"
                           "p = GlobalAveragePool(rd); f = Flatten(p);"
                           "logits = Gemm(f, %5x8@0.5:1, =0.25) transB=1; output logits";

static volatile float one = 1, small = 1e-10f;

// Whether the calling thread rounds upward and has denormals, as this host likes it.
static int is_host(void)
{
    return one + small > 1 && small * 1e-30f > 0;
}

// The host's, called between operators.
static int ask(void *opaque)
{
    *(int *)opaque &= is_host();
    return 0;
}

static GradcamModel *open_network(void)
{
    GradcamModel *model = NULL;
    Graph *graph = graph_create(17);
    graph_add(graph, text);
    if (open_graph(&model, graph, &(GradcamModelOptions){ .labels = "none" }))
        fail("the network does not open");
    graph_free(graph);
    return model;
}

static void run(const GradcamModel *model, int threads)
{
    int undisturbed = 1;
    const GradcamSettings settings = { .threads = threads, .interrupt = ask, .interrupt_opaque = &undisturbed };
    const GradcamTarget target = { .name = "", .classes = (const int[]){ 2 }, .count = 1 };
    GradcamContext *context;
    float picture[3 * CELLS], map[CELLS];
    size_t count;
    for (int i = 0; i < 3 * CELLS; i++)
        picture[i] = 1;
    REQUIRE(gradcam_context_open(&context, (GradcamModel *)model, &settings) == 0);
    fesetround(FE_UPWARD);
    const int forward = gradcam_context_forward_float(context, picture);
    const int mapped = gradcam_context_map(context, &target, NULL, map, FLOATS(map), NULL);
    undisturbed &= is_host();
    fesetround(FE_TONEAREST);
    CHECK_INT(forward, 0);
    CHECK_INT(mapped, 0);
    CHECK(undisturbed);
    const float *logits = gradcam_context_logits(context, &count);
    REQUIRE(logits && count == CLASSES);
    for (int i = 0; i < CLASSES; i++)
        CHECK(logits[i] == 0.25f);
    gradcam_context_close(&context);
}

static void counts_denormals_as_zero(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
    GradcamModel *model = open_network();
    REQUIRE(model);
    for (int threads = 1; threads <= 3; threads++)
        run(model, threads);
    gradcam_model_close(&model);
#else
    skip("this processor's ways are not known");
#endif
}

int main(void)
{
    RUN(counts_denormals_as_zero);
    return end_cases();
}
