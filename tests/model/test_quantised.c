/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One network in float, with quantised numbers between its operators (QDQ), and of quantised operators: its maps are
 * those of the float network with the same weights, dequantised. Activations have 16 bits, so that rounding is small
 * beside what a wrong gradient or unit does. Where a quantiser has left out a ReLU, for its numbers begin at zero, the
 * maps are those of the network with it.
 */
#include "method.h"
#include "ops/check.h"

enum { CELLS = 36, PICTURE = 3 * 12 * 12, CLASSES = 4 };

#define WEIGHTS \
    "input x 1x3x12x12; a = Identity(^i8x5x3x3x3); b = Identity(^i8x6x5x3x3); c = Identity(^i8x4x6);" \
    "sa = Identity(%5@0.01:0.03); sb = Identity(%6@0.01:0.03); fa = DequantizeLinear(a, sa) axis=0;" \
    "fb = DequantizeLinear(b, sb) axis=0; fc = DequantizeLinear(c, =0.02); "

static const char in_float[] = WEIGHTS
    "c1 = Conv(x, fa) pads=[1,1,1,1] strides=[2,2]; r1 = Relu(c1); c2 = Conv(r1, fb) pads=[1,1,1,1]; r2 = Relu(c2);"
    "p = GlobalAveragePool(r2); v = Flatten(p); logits = Gemm(v, fc) transB=1; s = Softmax(logits); output s";

static const char in_pairs[] = WEIGHTS
    "xq = QuantizeLinear(x, =0.0001, ^u16:32768); xd = DequantizeLinear(xq, =0.0001, ^u16:32768);"
    "c1 = Conv(xd, fa) pads=[1,1,1,1] strides=[2,2]; r1 = Relu(c1); q1 = QuantizeLinear(r1, =0.0001, ^u16:0);"
    "d1 = DequantizeLinear(q1, =0.0001, ^u16:0); c2 = Conv(d1, fb) pads=[1,1,1,1];"
    "q2 = QuantizeLinear(c2, =0.0001, ^u16:0); d2 = DequantizeLinear(q2, =0.0001, ^u16:0); p = GlobalAveragePool(d2);"
    "v = Flatten(p); logits = Gemm(v, fc) transB=1; s = Softmax(logits); sq = QuantizeLinear(s, =0.00002, ^u16:0);"
    "sd = DequantizeLinear(sq, =0.00002, ^u16:0); output sd";

static const char in_operators[] = WEIGHTS
    "xq = QuantizeLinear(x, =0.0001, ^u16:32768); q1 = QLinearConv(xq, =0.0001, ^u16:32768, a, sa, ^i8:0, =0.0001, "
    "^u16:0) pads=[1,1,1,1] strides=[2,2]; q2 = QLinearConv(q1, =0.0001, ^u16:0, b, sb, ^i8:0, =0.0001, ^u16:0) "
    "pads=[1,1,1,1]; d2 = DequantizeLinear(q2, =0.0001, ^u16:0); p = GlobalAveragePool(d2); v = Flatten(p);"
    "logits = Gemm(v, fc) transB=1; s = Softmax(logits); output s";

// The map at a layer, NULL for the automatic one, by a method; the logits.
static void run_text(const char *text, const char *name, const char *method_text, float *map, float *logits)
{
    static const int class = 2;
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    const GradcamMethod method = method_named(method_text);
    Messages messages;
    const GradcamModelOptions options = { .log = messages_log(&messages), .labels = "none" };
    float picture[PICTURE];
    Random random = { 5 };
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    Graph *graph = graph_create(17);
    graph->seed = 3;
    graph_add(graph, text);
    if (open_graph(&model, graph, &options) ||
        gradcam_context_open(&context, model, &(GradcamSettings){ .threads = 1, .layer = name }))
        fail("%s", messages.text);
    else {
        const GradcamLayer *layer = gradcam_context_layer(context);
        CHECK_INT(layer->width * layer->height, CELLS);
        CHECK_STR(gradcam_model_info(model)->probabilities, "softmax");
        random_floats(&random, picture, PICTURE, -1, 1);
        CHECK_INT(gradcam_context_forward_float(context, picture), 0);
        size_t count = 0;
        const float *y = gradcam_context_logits(context, &count);
        CHECK_INT((int)count, CLASSES);
        memcpy(logits, y, CLASSES * sizeof(*logits));
        CHECK_INT(gradcam_context_map(context, &target, &method, map, SIZE_MAX, NULL), 0);
    }
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    graph_free(graph);
}

static double difference(const float *got, const float *want, size_t count)
{
    double exact[CELLS];
    for (size_t i = 0; i < count; i++)
        exact[i] = want[i];
    return scaled_difference(got, exact, count);
}

// By network, then: the automatic layer, and one that all of its gradient comes to through rounding.
static const struct {
    const char *text, *layer[2];
} networks[] = {
    { in_float, { NULL, "r1" } }, { in_pairs, { NULL, "d1" } }, { in_operators, { NULL, "q1" } },
};

static void maps_are_those_of_the_float_network(void)
{
    static const char *const methods[] = { "gradcam", "hirescam", "layercam" };
    for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++)
        for (int l = 0; l < 2; l++) {
            float want[CELLS] = { 0 }, scores[CLASSES] = { 0 };
            run_text(networks[0].text, networks[0].layer[l], methods[m], want, scores);
            for (int n = 1; n < 3; n++) {
                float map[CELLS] = { 0 }, logits[CLASSES] = { 0 };
                run_text(networks[n].text, networks[n].layer[l], methods[m], map, logits);
                double off = difference(map, want, CELLS);
                if (!(off < 2e-3))
                    fail("network %d, layer %d, %s: map off by %.2g of the largest", n, l, methods[m], off);
                if (!((off = difference(logits, scores, CLASSES)) < 1e-3))
                    fail("network %d: logits off by %.2g of the largest", n, off);
            }
        }
}

int main(void)
{
    RUN(maps_are_those_of_the_float_network);
    return end_cases();
}
