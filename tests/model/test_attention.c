/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods that read the attention of transformers: what must hold between their maps where there is one block with one
 * head, patches behind registers, and networks that they are not fit for. (tests/golden/test_attention.c has values.)
 */
#include "method.h"
#include "ops/check.h"

enum { CELLS = 12, TOKENS = 15, CLASS = 2 };

// 3 x 4 patches behind a class token, and two registers put between.
static const char registers[] =
    "input x 1x3x6x8; c1 = Conv(x, %6x3x2x2, %6) strides=[2,2]; f1 = Reshape(c1, #1/6/12); t1 = Transpose(f1) "
    "perm=[0,2,1]; k1 = Concat(%1x1x6, t1) axis=1; s1 = Add(k1, %1x13x6);"
    "e1 = Slice(s1, #0, #1, #1); e2 = Slice(s1, #1, #13, #1); k2 = Concat(e1, %1x2x6, e2) axis=1;"
    "n1 = LayerNormalization(k2, %6, %6); q = MatMul(n1, %6x6); k = MatMul(n1, %6x6); kt = Transpose(k) perm=[0,2,1];"
    "v = MatMul(n1, %6x6); a = MatMul(q, kt); h = Softmax(a); o = MatMul(h, v); s2 = Add(k2, o);"
    "n2 = LayerNormalization(s2, %6, %6); c = Gather(n2, #0) axis=1; f = Reshape(c, #1/6);"
    "logits = Gemm(f, %6x5, %5); output logits";

static const char windows[] =
    "input x 1x3x8x8; c1 = Conv(x, %5x3x2x2) strides=[2,2]; t1 = Transpose(c1) perm=[0,2,3,1];"
    "n1 = LayerNormalization(t1, %5, %5); w = Reshape(n1, #4/4/5); q = MatMul(w, %5x5); k = MatMul(w, %5x5);"
    "kt = Transpose(k) perm=[0,2,1]; a = MatMul(q, kt); h = Softmax(a); o = MatMul(h, w); u = Reshape(o, #1/4/4/5);"
    "p = ReduceMean(u) axes=[1,2] keepdims=0; logits = Gemm(p, %5x4); output logits";

static const char convolutions[] =
    "input x 1x3x8x8; c = Conv(x, %4x3x3x3, %4); r = Relu(c); p = GlobalAveragePool(r); f = Flatten(p);"
    "logits = Gemm(f, %5x4, %5) transB=1; output logits";

static int open_text(GradcamModel **model, const char *text)
{
    Graph *graph = graph_create(17);
    graph_add(graph, text);
    int error = open_graph(model, graph, &(GradcamModelOptions){ .labels = "none" });
    graph_free(graph);
    return error;
}

static void map_of(GradcamContext *context, const char *text, float *map)
{
    static const int class = CLASS;
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    const GradcamMethod method = method_named(text);
    CHECK_INT(gradcam_context_map(context, &target, &method, map, SIZE_MAX, NULL), 0);
}

static void maps_of_one_block(void)
{
    const GradcamSettings settings = { .threads = 1 };
    float picture[3 * 48], attention[CELLS], rollout[CELLS], gae[CELLS], legrad[CELLS], again[CELLS], first[CELLS];
    Random random = { 5 };
    GradcamModel *model;
    GradcamContext *context;
    REQUIRE(open_text(&model, registers) == 0 && gradcam_context_open(&context, model, &settings) == 0);
    CHECK_STR(gradcam_context_layer(context)->name, "n1");
    CHECK_INT(gradcam_context_layer(context)->height, 3);
    random_floats(&random, picture, 3 * 48, -1, 1);
    CHECK_INT(gradcam_context_forward_float(context, picture), 0);
    map_of(context, "gradcam", first);
    map_of(context, "attention", attention);
    map_of(context, "rollout", rollout);
    map_of(context, "gae", gae);
    map_of(context, "legrad", legrad);
    map_of(context, "gradcam", again);
    CHECK(!memcmp(first, again, sizeof(first)));
    double sum = 0, most = 0;
    for (int i = 0; i < CELLS; i++) {
        sum += attention[i];
        most = fmax(most, gae[i]);
        CHECK(fabs(rollout[i] - attention[i] / 2) < 1e-6);
    }
    CHECK(sum > 0.1 && sum < 1);                // the rest is the class token's and the registers'
    CHECK(most > 0);
    // Of A only the row of the class token counts: G is zero in the others.
    for (int i = 0; i < CELLS; i++)
        CHECK(fabs((double)gae[i] - (double)TOKENS * legrad[i] * attention[i]) < 1e-5 * most);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
}

static void networks_are_refused(const char *text, const char *says)
{
    Messages messages;
    const GradcamSettings settings = { .threads = 1, .method = method_named("gae"), .log = messages_log(&messages) };
    GradcamModel *model;
    GradcamContext *context;
    REQUIRE(open_text(&model, text) == 0);
    CHECK_INT(gradcam_context_open(&context, model, &settings), -ENOTSUP);
    CHECK(!context && messages.count == 1);
    if (!strstr(messages.text, says) || !strstr(messages.text, "method gae"))
        fail("the log says: %s", messages.text);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
}

int main(void)
{
    RUN(maps_of_one_block);
    begin_case("refused: attention within windows");
    networks_are_refused(windows, "within windows");
    begin_case("refused: convolutions");
    networks_are_refused(convolutions, "no attention");
    return end_cases();
}
