/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Excitation backpropagation, operator by operator: of what lies behind a layer without negative elements every step
 * hands on all that it is given, so that the shares of the layer add up to 1; operators that have no such way back are
 * named. How shares are distributed is compared with PyTorch in tests/golden/test_methods.c.
 */
#include "gradcam.h"
#include "method.h"
#include "ops/check.h"

#include <errno.h>

enum { CELLS = 64 };

// Elements above 0, nearly all: what is 0 has no share to hand on.
#define MEANS "k = AveragePool(r) kernel_shape=[3,3] pads=[1,1,1,1];"

typedef struct Setup {
    GradcamModel *model;
    GradcamContext *context;
    Messages messages;
} Setup;

static void open_setup(Setup *setup, const char *head, const char *layer, const char *method, int threads)
{
    char text[1024];
    float picture[3 * CELLS];
    Random random = { 5 };
    Graph *graph = graph_create(13);
    setup->model = NULL;
    setup->context = NULL;
    GradcamSettings settings = { .layer = layer, .threads = threads, .log = messages_log(&setup->messages) };
    settings.method = method_named(method);
    snprintf(text, sizeof(text), "input x 1x3x8x8; c = Conv(x, %%4x3x3x3, %%4@1:2) pads=[1,1,1,1]; r = Relu(c); %s "
             "output logits", head);
    graph_add(graph, text);
    random_floats(&random, picture, 3 * CELLS, -1, 1);
    REQUIRE(open_graph(&setup->model, graph, &(GradcamModelOptions){ .labels = "none" }) == 0);
    graph_free(graph);
    if (!gradcam_context_open(&setup->context, setup->model, &settings))
        CHECK_INT(gradcam_context_forward_float(setup->context, picture), 0);
}

static void close_setup(Setup *setup)
{
    gradcam_context_close(&setup->context);
    gradcam_model_close(&setup->model);
}

static int map_of(Setup *setup, const char *text, int class, float *map)
{
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    const GradcamMethod method = method_named(text);
    return gradcam_context_map(setup->context, &target, &method, map, SIZE_MAX, NULL);
}

static void shares_add_up(const char *head)
{
    Setup setup;
    float map[CELLS], two[CELLS];
    open_setup(&setup, head, "r", "mwp", 1);
    REQUIRE(setup.context);
    for (int class = 0; class < 3; class++) {
        double sum = 0;
        CHECK_INT(map_of(&setup, "mwp", class, map), 0);
        for (int i = 0; i < CELLS; i++)
            sum += map[i];
        if (fabs(sum - 1) > 1e-4)
            fail("the shares of class %d add up to %g", class, sum);
    }
    close_setup(&setup);
    open_setup(&setup, head, "r", "gradcam", 2);        // asked for afterwards, on two threads
    CHECK_INT(map_of(&setup, "mwp", 2, two), 0);
    CHECK(!memcmp(map, two, sizeof(map)));
    close_setup(&setup);
}

static const struct {
    const char *name, *head;
} steps[] = {
    { "Gemm of one row", "f = Flatten(r); logits = Gemm(f, %3x256, %3) transB=1;" },
    { "Gemm of one row, weights [in][out], alpha below 0", "f = Flatten(r); logits = Gemm(f, %256x3, %3) alpha=-0.5;" },
    { "MatMul of one row", "f = Flatten(r); logits = MatMul(f, %256x3);" },
    { "MatMul of several rows, Reshape, Transpose, ReduceMean",
      MEANS "s = Reshape(k, #1/4/64); t = Transpose(s) perm=[0,2,1]; m = MatMul(t, %4x8@-0.1:1); a = Add(m, %8@0:1);"
      "q = ReduceMean(a) axes=[1] keepdims=0; logits = Gemm(q, %8x3, %3);" },
    { "Conv of stride 2, Relu, GlobalAveragePool",
      "d = Conv(r, %6x4x3x3, %6) strides=[2,2]; e = Relu(d); p = GlobalAveragePool(e); f = Flatten(p);"
      "logits = Gemm(f, %3x6, %3) transB=1;" },
    { "Conv, depthwise and in groups",
      MEANS "d = Conv(k, %4x1x3x3@0.1:1, %4) group=4 pads=[1,1,1,1]; e = Relu(d);"
      "g = Conv(e, %6x2x1x1@-0.2:1) group=2; h = Relu(g); p = GlobalAveragePool(h); f = Flatten(p);"
      "logits = Gemm(f, %3x6, %3) transB=1;" },
    { "Conv, BatchNormalization folded in",
      "d = Conv(r, %4x4x3x3); b = BatchNormalization(d, %4, %4, %4, %4@0.5:1); e = Relu(b);"
      "p = GlobalAveragePool(e); f = Flatten(p); logits = Gemm(f, %3x4, %3) transB=1;" },
    { "BatchNormalization by itself, Add of a constant, Clip",
      MEANS "b = BatchNormalization(k, %4@0.5:1, %4@0.2:1, %4@-1:0, %4@0.5:1); a = Add(b, %1x4x1x1@0.1:1);"
      "e = Clip(a, =0, =2); p = GlobalAveragePool(e); f = Flatten(p); logits = Gemm(f, %3x4, %3) transB=1;" },
    { "Add of two", "d = Conv(r, %4x4x3x3, %4) pads=[1,1,1,1]; a = Add(d, r); e = Relu(a); p = GlobalAveragePool(e);"
      "f = Flatten(p); logits = Gemm(f, %3x4, %3) transB=1;" },
    { "Concat, Split, MaxPool", "s,t = Split(r) axis=1; m = Concat(t, s) axis=1;"
      "q = MaxPool(m) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]; f = Flatten(q);"
      "logits = Gemm(f, %3x64, %3) transB=1;" },
    { "AveragePool with padding, Pad, Squeeze", "q = AveragePool(r) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1];"
      "z = Pad(q, #0/0/1/1/0/0/1/1, =0); p = GlobalMaxPool(z); f = Squeeze(p, #2/3);"
      "logits = Gemm(f, %3x4, %3) transB=1;" },
};

static void others_are_named(void)
{
    Setup setup;
    float map[CELLS], before[CELLS];
    open_setup(&setup, "s = Sigmoid(r); p = GlobalAveragePool(s); f = Flatten(p); logits = Gemm(f, %3x4, %3) transB=1;",
               "r", "mwp", 1);
    CHECK(!setup.context);
    CHECK(strstr(setup.messages.text, "Sigmoid"));
    close_setup(&setup);
    open_setup(&setup, "s = Sigmoid(r); p = GlobalAveragePool(s); f = Flatten(p); logits = Gemm(f, %3x4, %3) transB=1;",
               "r", "gradcam", 1);
    REQUIRE(setup.context);
    CHECK_INT(map_of(&setup, "gradcam", 1, before), 0);
    CHECK_INT(map_of(&setup, "mwp", 1, map), -ENOTSUP);
    CHECK(strstr(setup.messages.text, "Sigmoid"));
    CHECK_INT(map_of(&setup, "gradcam", 1, map), 0);
    CHECK(!memcmp(map, before, sizeof(map)));
    close_setup(&setup);
}

static void without_weights_there_is_no_contrast(void)
{
    Setup setup;
    float map[CELLS];
    open_setup(&setup, "p = GlobalAveragePool(r); logits = Flatten(p);", "r", "cmwp", 1);
    REQUIRE(setup.context);
    CHECK_INT(map_of(&setup, "mwp", 1, map), 0);
    CHECK_INT(map_of(&setup, "cmwp", 1, map), -ENOTSUP);
    CHECK(strstr(setup.messages.text, "'r'"));
    close_setup(&setup);
}

// Each cell has by the weights above 0 what it has by those below: rounding alone is no map.
static void what_is_the_same_is_no_contrast(void)
{
    Setup setup;
    float map[CELLS];
    open_setup(&setup, "d = Conv(r, %3x4x1x1, %3); p = GlobalAveragePool(d); logits = Flatten(p);", "r", "cmwp", 1);
    REQUIRE(setup.context);
    CHECK_INT(map_of(&setup, "cmwp", 1, map), 0);
    for (int i = 0; i < CELLS; i++)
        CHECK(map[i] == 0 || map[i] > 1e-4f);
    close_setup(&setup);
}

// Grad-CAM of a plan that is made for shares, behind maps of shares; the gradient of the same class is not taken for
// what these left.
static void gradients_are_as_ever(void)
{
    const char *head = "p = GlobalAveragePool(r); f = Flatten(p); logits = Gemm(f, %3x4, %3) transB=1;";
    Setup setup;
    float map[CELLS], want[CELLS], shares[CELLS], again[CELLS];
    open_setup(&setup, head, "r", "gradcam", 1);
    CHECK_INT(map_of(&setup, "gradcam", 1, want), 0);
    close_setup(&setup);
    open_setup(&setup, head, "r", "mwp", 1);
    CHECK_INT(map_of(&setup, "mwp", 1, shares), 0);
    CHECK_INT(map_of(&setup, "gradcam", 1, map), 0);
    CHECK(!memcmp(map, want, sizeof(map)));
    CHECK_INT(map_of(&setup, "mwp", 1, again), 0);
    CHECK(!memcmp(shares, again, sizeof(map)));
    CHECK_INT(map_of(&setup, "gradient", 1, map), 0);
    CHECK_INT(map_of(&setup, "mwp", 1, again), 0);
    CHECK(!memcmp(shares, again, sizeof(map)));
    close_setup(&setup);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (begin_case("shares add up: %s", steps[i].name))
            shares_add_up(steps[i].head);
    RUN(others_are_named);
    RUN(without_weights_there_is_no_contrast);
    RUN(what_is_the_same_is_no_contrast);
    RUN(gradients_are_as_ever);
    return end_cases();
}
