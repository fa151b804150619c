/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Whole small networks, where folding, fusing, layouts and shared memory come into play: each layer of each
 * as the target, its activations and gradients against the reference, so that what is explained is never
 * fused away. Then what must hold between maps: CAM = Grad-CAM, the counterfactual, groups, ranks. (No
 * MaxPool sees a Relu's zeros here: where several elements share the maximum there is no derivative to
 * compare with.)
 */
#include "method.h"
#include "ops/check.h"

#include "base/half.h"
#include "base/enum_names.h"

#include <errno.h>

typedef struct Network {
    const char *name, *text;
    const char *layer;          // the automatic choice, where it is not plain to see
    const char *fused;          // an operator that a plan makes of several nodes, and how often with the automatic
                                // layer
    int fused_count;
} Network;

static const Network networks[] = {
    { "conv, batch norm, relu, residual, concat, pool, gemm",
      "input x 1x3x12x12;"
      "c1 = Conv(x, %6x3x3x3, %6) pads=[1,1,1,1] strides=[2,2];"
      "n1 = BatchNormalization(c1, %6@0.5:1.5, %6, %6, %6@0.5:2); r1 = Relu(n1);"
      "c2 = Conv(r1, %6x6x3x3@-0.4:0.4) pads=[1,1,1,1]; n2 = BatchNormalization(c2, %6, %6, %6, %6@0.5:2);"
      "s2 = Add(n2, r1); r2 = Relu(s2);"
      "c3 = Conv(r2, %4x6x1x1); r3 = Elu(c3); c4 = Conv(r2, %4x6x3x3@-0.4:0.4, %4) pads=[1,1,1,1]; r4 = "
      "Elu(c4);"
      "k = Concat(r3, r4) axis=1; m = MaxPool(k) kernel_shape=[2,2] strides=[2,2];"
      "c5 = Conv(m, %8x8x3x3@-0.4:0.4, %8) pads=[1,1,1,1]; r5 = Relu(c5);"
      "p = GlobalAveragePool(r5); f = Flatten(p); logits = Gemm(f, %7x8, %7) transB=1; output logits", NULL, NULL, 0 },
    { "residual whose both sides are convolutions, activations before the addition",
      "input x 1x3x8x8;"
      "c1 = Conv(x, %4x3x3x3) pads=[1,1,1,1]; r1 = Clip(c1, =0.0, =0.8);"
      "c2 = Conv(r1, %4x4x3x3@-0.4:0.4, %4) pads=[1,1,1,1]; c3 = Conv(r1, %4x4x1x1);"
      "s1 = Add(c2, c3); c4 = Conv(s1, %4x4x1x1); r4 = Relu(c4); s2 = Add(s1, r4); s3 = Add(s2, s2);"
      "p = ReduceMean(s3) axes=[2,3] keepdims=0; logits = MatMul(p, %4x5); output logits", NULL, NULL, 0 },
    { "depthwise, squeeze and excitation, hard swish",
      "input x 1x3x8x8;"
      "c1 = Conv(x, %8x3x3x3) strides=[2,2] pads=[1,1,1,1]; h1 = HardSwish(c1);"
      "d = Conv(h1, %8x1x3x3, %8) group=8 pads=[1,1,1,1]; b = BatchNormalization(d, %8, %8, %8, %8@0.5:2);"
      "h2 = HardSwish(b); g = GlobalAveragePool(h2); e1 = Conv(g, %4x8x1x1, %4); e2 = Relu(e1);"
      "e3 = Conv(e2, %8x4x1x1, %8); e4 = HardSigmoid(e3); s = Mul(h2, e4);"
      "c2 = Conv(s, %8x8x1x1); z = Add(c2, h1); y = Sigmoid(z); t = Mul(z, y);"
      "q = GlobalAveragePool(t); f = Flatten(q); logits = Gemm(f, %8x6, %6); output logits", NULL, NULL, 0 },
    { "batch norm and relu before the convolution, dense concatenation",
      "input x 1x3x8x8;"
      "c0 = Conv(x, %4x3x3x3) pads=[1,1,1,1];"
      "b1 = BatchNormalization(c0, %4, %4, %4, %4@0.5:2); r1 = Relu(b1); c1 = Conv(r1, %3x4x3x3) "
      "pads=[1,1,1,1];"
      "k1 = Concat(c0, c1) axis=1; b2 = BatchNormalization(k1, %7, %7, %7, %7@0.5:2); r2 = Relu(b2);"
      "c2 = Conv(r2, %3x7x3x3) pads=[1,1,1,1]; k2 = Concat(k1, c2) axis=1;"
      "a = AveragePool(k2) kernel_shape=[2,2] strides=[2,2];"
      "b3 = BatchNormalization(a, %10, %10, %10, %10@0.5:2); r3 = Relu(b3);"
      "p = GlobalAveragePool(r3); f = Flatten(p); logits = Gemm(f, %10x6); output logits", NULL, NULL, 0 },
    { "GELU in two spellings, rows added to products, SiLU and HardSwish written out",
      "input x 1x3x6x6;"
      "c1 = Conv(x, %8x3x3x3) pads=[1,1,1,1] strides=[2,2]; g1 = Sigmoid(c1); h1 = Mul(g1, c1);"
      "c2 = Conv(h1, %8x8x1x1); g2 = HardSigmoid(c2) alpha=0.16666667 beta=0.5; h2 = Mul(c2, g2);"
      "t = Transpose(h2) perm=[0,2,3,1]; m1 = MatMul(t, %8x12); a1 = Add(m1, %12);"
      "d1 = Div(a1, =1.41421356); e1 = Erf(d1); o1 = Add(e1, =1.0); p1 = Mul(a1, o1); y1 = Mul(p1, =0.5);"
      "m2 = MatMul(y1, %12x8); a2 = Add(%8, m2); q2 = Mul(=0.5, a2); d2 = Mul(a2, =0.70710678);"
      "e2 = Erf(d2); o2 = Add(=1.0, e2); y2 = Mul(q2, o2); u = Transpose(y2) perm=[0,3,1,2]; s = Add(u, h2);"
      "p = GlobalAveragePool(s); f = Flatten(p); logits = Gemm(f, %8x6, %6); output logits", NULL, NULL, 0 },
    { "channel shuffle",
      "input x 1x3x6x6;"
      "c1 = Conv(x, %8x3x3x3) pads=[1,1,1,1]; l, r = Split(c1) axis=1; c2 = Conv(r, %4x4x1x1, %4); r2 = "
      "Relu(c2);"
      "k = Concat(l, r2) axis=1; v = Reshape(k, #1/2/4/6/6); t = Transpose(v) perm=[0,2,1,3,4];"
      "w = Reshape(t, #1/8/6/6); c3 = Conv(w, %4x4x3x3) group=2; r3 = Relu(c3);"
      "p = ReduceMean(r3) axes=[2,3]; f = Reshape(p, #1/-1); logits = Gemm(f, %4x5); output logits", NULL, NULL, 0 },
    { "branches",
      "input x 1x3x5x4;"
      "c1 = Conv(x, %16x3x1x1); a = Conv(c1, %3x16x1x1, %3); ra = Relu(a); m = MaxPool(c1) kernel_shape=[3,3] "
      "pads=[1,1,1,1]; b = Conv(c1, %16x16x3x3, %16) pads=[1,1,1,1]; d = Conv(c1, %2x16x3x1) pads=[1,0,1,0];"
      "k = Concat(ra, m, b, d) axis=1; c2 = Conv(k, %4x37x1x1); p = GlobalAveragePool(c2); f = Flatten(p);"
      "logits = Gemm(f, %4x5); output logits", NULL, NULL, 0 },
    { "channel shuffles between halves",
      "input x 1x3x6x6;"
      "c1 = Conv(x, %8x3x3x3) pads=[1,1,1,1]; l, r = Split(c1) axis=1; c2 = Conv(r, %4x4x1x1, %4); r2 = Relu(c2);"
      "k = Concat(l, r2) axis=1; v = Reshape(k, #1/2/4/6/6); t = Transpose(v) perm=[0,2,1,3,4]; "
      "w = Reshape(t, #1/8/6/6);"
      "h1 = Slice(w, #0, #4, #1); h2 = Slice(w, #4, #8, #1); c3 = Conv(h2, %4x4x3x3) pads=[1,1,1,1]; r3 = Relu(c3);"
      "k2 = Concat(h1, r3) axis=1; v2 = Reshape(k2, #1/2/4/6/6); t2 = Transpose(v2) perm=[0,2,1,3,4];"
      "w2 = Reshape(t2, #1/8/6/6); h3, h4 = Split(w2) axis=1; c4 = Conv(h4, %4x4x1x1); s = Mul(h3, c4);"
      "c5 = Conv(s, %4x4x3x3); p = ReduceMean(c5) axes=[2,3]; f = Reshape(p, #1/-1); logits = Gemm(f, %4x5);"
      "output logits", NULL, NULL, 0 },
    { "channels last inside, layer norm, attention",
      "input x 1x3x8x8;"
      "c1 = Conv(x, %6x3x2x2, %6) strides=[2,2]; t1 = Transpose(c1) perm=[0,2,3,1];"
      "n1 = LayerNormalization(t1, %6, %6); g1 = MatMul(n1, %6x12); e1 = Erf(g1); g2 = Mul(g1, e1);"
      "m1 = MatMul(g2, %12x6); t2 = Transpose(m1) perm=[0,3,1,2]; s1 = Mul(t2, %6x1x1); z = Add(c1, s1);"
      "c2 = Conv(z, %6x6x1x1); v = Reshape(c2, #6/16); q = MatMul(%16x6, v); u = Transpose(v);"
      "k = MatMul(u, %6x16); a = Add(q, k); h = Softmax(a); o = MatMul(v, h); w = Reshape(o, #1/6/4/4);"
      "c3 = Conv(w, %4x6x1x1); p = GlobalAveragePool(c3); f = Flatten(p); logits = Gemm(f, %4x5); output "
      "logits", NULL, NULL, 0 },
    { "tokens with a class token",
      "input x 1x3x6x8;"
      "c1 = Conv(x, %6x3x2x2, %6) strides=[2,2]; f1 = Reshape(c1, #1/6/12); t1 = Transpose(f1) perm=[0,2,1];"
      "k1 = Concat(%1x1x6, t1) axis=1; s1 = Add(k1, %1x13x6);"
      "n1 = LayerNormalization(s1, %6, %6); q = MatMul(n1, %6x6); k = MatMul(n1, %6x6); kt = Transpose(k) perm=[0,2,1];"
      "v = MatMul(n1, %6x6); a = MatMul(q, kt); h = Softmax(a); o = MatMul(h, v); p1 = MatMul(o, %6x6); "
      "b1 = Add(p1, %6);"
      "s2 = Add(s1, b1); n2 = LayerNormalization(s2, %6, %6); m1 = MatMul(n2, %6x12); g1 = Sigmoid(m1);"
      "m2 = MatMul(g1, %12x6); s3 = Add(s2, m2); n3 = LayerNormalization(s3, %6, %6); c = Gather(n3, #0) axis=1;"
      "f = Reshape(c, #1/6); logits = Gemm(f, %6x5, %5); output logits", "n1", NULL, 0 },
    { "tokens that are merged",
      "input x 1x3x8x8;"
      "c1 = Conv(x, %5x3x2x2) strides=[2,2]; t1 = Transpose(c1) perm=[0,2,3,1]; n1 = LayerNormalization(t1, %5, %5);"
      "w = Reshape(n1, #4/4/5); q = MatMul(w, %5x5); k = MatMul(w, %5x5); kt = Transpose(k) perm=[0,2,1];"
      "a = MatMul(q, kt); h = Softmax(a); o = MatMul(h, w); u = Reshape(o, #1/4/4/5); s1 = Add(t1, u);"
      "e1, e2 = Split(s1) axis=1; d1 = Concat(e1, e2) axis=3; e3, e4 = Split(d1) axis=2; d2 = Concat(e3, e4) axis=3;"
      "m1 = MatMul(d2, %20x6); n2 = LayerNormalization(m1, %6, %6); p = ReduceMean(n2) axes=[1,2] keepdims=0;"
      "logits = Gemm(p, %6x5); output logits", "n1", "Rows", 1 },
    { "attention of windows from one product, positions and a mask added",
      "input x 1x3x8x8;"
      "c1 = Conv(x, %6x3x2x2, %6) strides=[2,2]; t1 = Transpose(c1) perm=[0,2,3,1];"
      "n1 = LayerNormalization(t1, %6, %6);"
      "w = Reshape(n1, #2/8/6); j1 = MatMul(w, %6x18); j2 = Add(j1, %18); j3 = Reshape(j2, #2/8/3/3/2);"
      "j = Transpose(j3) perm=[2,0,3,1,4]; q1 = Gather(j, $0) axis=0; k1 = Gather(j, $1) axis=0;"
      "v = Gather(j, $2) axis=0;"
      "q = Mul(q1, =0.7); kt = Transpose(k1) perm=[0,1,3,2]; a1 = MatMul(q, kt); a2 = Add(a1, %1x3x8x8);"
      "a3 = Reshape(a2, #1/2/3/8/8); a4 = Add(a3, %1x2x1x8x8); a5 = Reshape(a4, #2/3/8/8); h = Softmax(a5) axis=-1;"
      "o = MatMul(h, v); o1 = Transpose(o) perm=[0,2,1,3]; o2 = Reshape(o1, #2/8/6); m1 = MatMul(o2, %6x6);"
      "m2 = Add(m1, %6);"
      "u = Reshape(m2, #1/4/4/6); s1 = Add(t1, u); n2 = LayerNormalization(s1, %6, %6);"
      "p = ReduceMean(n2) axes=[1,2] keepdims=0;"
      "logits = Gemm(p, %6x5); output logits", "n1", "Attention", 1 },
    { "attention of heads, tokens first, both operands scaled, keys of another source, one row added",
      "input x 1x3x6x4;"
      "c1 = Conv(x, %6x3x2x2, %6) strides=[2,2]; f1 = Reshape(c1, #1/6/6); t1 = Transpose(f1) perm=[0,2,1];"
      "n1 = LayerNormalization(t1, %6, %6); r = Transpose(n1) perm=[1,0,2]; j1 = MatMul(r, %6x12); e = MatMul(r, %6x6);"
      "q1, v1 = Split(j1) axis=2; q2 = Reshape(q1, #6/3/2); q3 = Transpose(q2) perm=[1,0,2];"
      "q4 = Reshape(q3, #1/3/6/2);"
      "q = Mul(q4, =0.8); k2 = Reshape(e, #6/3/2); k3 = Transpose(k2) perm=[1,2,0]; k4 = Reshape(k3, #1/3/2/6);"
      "k = Div(k4, =1.3); v2 = Reshape(v1, #6/3/2); v3 = Transpose(v2) perm=[1,0,2]; v = Reshape(v3, #1/3/6/2);"
      "a1 = MatMul(q, k); a2 = Div(a1, =0.9); a3 = Add(%6, a2); h = Softmax(a3) axis=3; o = MatMul(h, v);"
      "o1 = Transpose(o) perm=[2,0,1,3]; o2 = Reshape(o1, #6/6); g = Gemm(o2, %6x6, %6); u = Reshape(g, #6/1/6);"
      "u1 = Transpose(u) perm=[1,0,2]; s = Add(n1, u1); n2 = LayerNormalization(s, %6, %6); p = ReduceMean(n2) axes=[1]"
      " keepdims=0; logits = Gemm(p, %6x5); output logits", "n1", "Attention", 1 },
    { "attention in which one value is keys, values and queries, and logits are multiplied after an addition",
      "input x 1x3x4x4;"
      "c0 = Conv(x, %4x3x1x1, %4); e0 = Elu(c0); c1 = Conv(e0, %4x4x1x1, %4); f1 = Reshape(c1, #1/4/16);"
      "t0 = Transpose(f1) perm=[0,2,1]; t1 = MatMul(t0, %4x4); kt = Transpose(t1) perm=[0,2,1];"
      "a = MatMul(t1, kt); h = Softmax(a) axis=2; o = MatMul(h, t1); s = Add(t1, o); q = MatMul(s, %4x4);"
      "qt = Transpose(q) perm=[0,2,1]; b = MatMul(s, qt); b1 = Add(b, %16x16); b2 = Mul(b1, =0.5);"
      "h2 = Softmax(b2) axis=2;"
      "o2 = MatMul(h2, s); p = ReduceMean(o2) axes=[1] keepdims=0; logits = Gemm(p, %4x5); output logits", NULL,
      "Attention", 1 },
    { "windows of a shifted picture, put together and cropped",
      "input x 1x3x8x8;"
      "c0 = Conv(x, %4x3x1x1, %4); e0 = Elu(c0); c1 = Conv(e0, %5x4x2x2) strides=[2,2];"
      "t1 = Transpose(c1) perm=[0,2,3,1]; n1 = LayerNormalization(t1, %5, %5);"
      "d = Pad(n1, #0/0/0/0/0/0/0/0); a1 = Slice(d, #1, #9, #1); a2 = Slice(d, #0, #1, #1); a = Concat(a1, a2) axis=1;"
      "b1 = Slice(a, #1, #9, #2); b2 = Slice(a, #0, #1, #2); b = Concat(b1, b2) axis=2; v = Reshape(b, #1/2/2/2/2/5);"
      "w = Transpose(v) perm=[0,1,3,2,4,5]; u = Reshape(w, #4/4/5); m1 = MatMul(u, %5x5);"
      "h = Reshape(m1, #1/2/2/2/2/5);"
      "i = Transpose(h) perm=[0,1,3,2,4,5]; j = Reshape(i, #1/4/4/5); k = Slice(j, #0, #3, #1);"
      "r = Slice(t1, #1, #4, #1);"
      "s = Add(r, k); n2 = LayerNormalization(s, %5, %5); p = ReduceMean(n2) axes=[1,2] keepdims=0;"
      "logits = Gemm(p, %5x4); output logits", NULL, "Rows", 2 },
    { "a picture stored channels last",
      "input x 1x8x8x3; m = Sub(x, %3);"
      "t = Transpose(m) perm=[0,3,1,2]; c1 = Conv(t, %4x3x3x3) pads=[1,1,1,1]; r1 = Relu(c1);"
      "c2 = Conv(r1, %4x4x3x3) strides=[2,2]; p = GlobalAveragePool(c2); f = Flatten(p);"
      "logits = Gemm(f, %4x5); output logits", NULL, NULL, 0 },
    { "fully connected head, local response normalisation",
      "input x 1x3x10x10;"
      "c1 = Conv(x, %6x3x3x3, %6); r1 = Elu(c1); l1 = LRN(r1) size=3 alpha=0.1;"
      "m1 = MaxPool(l1) kernel_shape=[3,3] strides=[2,2] ceil_mode=1; c2 = Conv(m1, %6x3x3x3) group=2; r2 = "
      "Relu(c2);"
      "f = Flatten(r2); g1 = Gemm(f, %24x8, %8); r3 = Tanh(g1); g2 = Gemm(r3, %8x6, %6); d = Dropout(g2);"
      "y = Softmax(d) axis=1; output y", NULL, NULL, 0 },
    { "pooling between the layer and fully connected ones",
      "input x 1x3x11x9;"
      "c1 = Conv(x, %6x3x3x3, %6) pads=[1,1,1,1]; m1 = MaxPool(c1) kernel_shape=[3,3] strides=[2,2];"
      "a1 = AveragePool(m1) kernel_shape=[2,2] strides=[1,1]; f = Flatten(a1); "
      "g1 = Gemm(f, %8x72, %8) transB=1 alpha=0.5;"
      "r1 = Tanh(g1); logits = Gemm(r1, %8x6, %6); output logits", NULL, NULL, 0 },
    { "class maps and global pooling",
      "input x 1x3x8x8;"
      "c1 = Conv(x, %6x3x3x3); r1 = LeakyRelu(c1) alpha=0.1; c2 = Conv(r1, %5x6x1x1, %5);"
      "p = GlobalAveragePool(c2); s = Squeeze(p, #2/3); y = Sigmoid(s); output y", NULL, NULL, 0 },
};

static GradcamModel *open_network(const Graph *graph)
{
    Messages messages;
    GradcamModel *model = NULL;
    const GradcamModelOptions options = { .log = messages_log(&messages), .labels = "none" };
    if (open_graph(&model, graph, &options) < 0)
        fail("%s", messages.text);
    return model;
}

static Graph *make_graph(const char *text)
{
    Graph *graph = graph_create(17);
    graph->seed = 3;
    graph_add(graph, text);
    return graph;
}

static void set_picture(Reference *reference, const float *picture)
{
    RefTensor *x = reference_find(reference, "x");
    for (size_t i = 0; i < x->count; i++)
        x->data[i] = picture[i];
}

// How often forward runs an operator.
static int count_steps(GradcamModel *model, const float *picture, const char *op)
{
    const GradcamSettings settings = { .threads = 1 };
    GradcamContext *context = NULL;
    const GradcamProfile *entry;
    int count = 0;
    if (gradcam_context_open(&context, model, &settings) < 0 || gradcam_context_set_profiling(context, 1) < 0 ||
        gradcam_context_forward_float(context, picture) < 0)
        fail("does not run");
    for (size_t i = 0; context && (entry = gradcam_context_profile_at(context, i)); i++)
        count += entry->phase != GRADCAM_PHASE_BACKWARD && !strcmp(entry->op, op);
    gradcam_context_close(&context);
    return count;
}

// Of the network only what is said of it, not its text.
static void check_network(Graph *graph, const Network *network)
{
    Reference *reference = reference_create(graph);
    float *picture = random_picture(reference, "x", -1, 1, 11);
    GradcamModel *model = open_network(graph);
    set_picture(reference, picture);
    reference_run(reference);
    const GradcamLayer *layer;
    const int plain = graph->input[0].dim[1] == 3;
    // A picture stored channels last, the first of the layers, has no ONNX order to compare in.
    size_t layers = !plain;
    for (; model && (layer = gradcam_model_layer_at(model, layers)); layers++)
        check_layer(model, reference, layer->name, picture, usual);
    if (network->layer && model)
        CHECK_STR(gradcam_model_info(model)->layer, network->layer);
    if (network->fused && model)
        CHECK_INT(count_steps(model, picture, network->fused), network->fused_count);
    note("%zu layers", layers);
    CHECK(layers >= 4);
    gradcam_model_close(&model);
    reference_free(reference);
    graph_free(graph);
    free(picture);
}

// Operators on constants that are too rare to be folded, and half floats where others stand.
static void constants_among_operands(void)
{
    static const int64_t dim[] = { 1, 4, 6, 6 };
    uint16_t half[144];
    Graph *graph = make_graph(
        "input x 1x3x6x6; c = Conv(x, %4x3x1x1); k = Conv(%1x3x6x6, %4x3x3x3) pads=[1,1,1,1];"
        "b = BatchNormalization(%1x4x6x6, %4, %4, %4, %4@0.5:2); m = MaxPool(%1x4x8x8) kernel_shape=[3,3];"
        "s = Sigmoid(half); u = Mul(c, s); v = Add(u, k); w = Add(v, b); z = Add(w, m); a = Mul(z, half);"
        "p = GlobalAveragePool(a); f = Flatten(p); g = Gemm(%4x4, weights); logits = MatMul(f, g); output "
        "logits");
    for (int i = 0; i < 144; i++)
        half[i] = gcam_float_to_half((float)(i * 29 % 64) / 32 - 1);
    graph_tensor(graph, "half", 10, 4, dim, half, sizeof(half));
    graph_tensor(graph, "weights", 10, 2, (const int64_t[]){ 4, 4 }, half, 32)->typed = 1;
    check_network(graph, &(Network){ .name = "" });
}

// ----------------------------------------------------------------------------------------- between maps

enum { CELLS = 36, CHANNELS = 4, CLASSES = 5 };

static const char pooled[] =
    "input x 1x3x8x8; c = Conv(x, %4x3x3x3, %4); r = Relu(c); p = GlobalAveragePool(r); f = Flatten(p);"
    "logits = Gemm(f, %5x4, %5) transB=1; output logits";

typedef struct Setup {
    Graph *graph;
    GradcamModel *model;
    GradcamContext *context;
    float picture[3 * 64], map[CELLS];
} Setup;

static void close_setup(Setup *setup)
{
    gradcam_context_close(&setup->context);
    gradcam_model_close(&setup->model);
    graph_free(setup->graph);
}

static int open_setup(Setup *setup, const char *text, const char *layer)
{
    const GradcamSettings settings = { .layer = layer, .threads = 1 };
    Random random = { 5 };
    memset(setup, 0, sizeof(*setup));
    setup->graph = make_graph(text);
    setup->model = open_network(setup->graph);
    random_floats(&random, setup->picture, sizeof(setup->picture) / sizeof(float), -1, 1);
    if (setup->model && gradcam_context_open(&setup->context, setup->model, &settings) == 0 &&
        gradcam_context_forward_float(setup->context, setup->picture) == 0)
        return 1;
    fail("cannot be set up");
    close_setup(setup);
    return 0;
}

static int map_class(Setup *setup, int class_index, const char *text)
{
    const GradcamTarget target = { .name = "", .classes = &class_index, .count = 1 };
    const GradcamMethod method = method_named(text);
    return gradcam_context_map(setup->context, &target, &method, setup->map, SIZE_MAX, NULL);
}

// Pooling and one linear layer after the target: Grad-CAM is CAM, relu(sum_k w_k A_k), divided by the number
// of cells, and so is HiResCAM, whose gradient is the same in each cell.
static void grad_cam_is_cam(void)
{
    Setup setup;
    const float *a, *g;
    if (!open_setup(&setup, pooled, "r"))
        return;
    const float *weights = graph_find(setup.graph, setup.graph->node[4].input[1])->data;
    for (int class = 0; class < CLASSES; class++) {
        float cam[CELLS];
        CHECK_INT(map_class(&setup, class, "gradcam"), 0);
        CHECK_INT(gradcam_context_tensors(setup.context, &a, &g), 0);
        for (int i = 0; i < CELLS; i++) {
            double sum = 0;
            for (int k = 0; k < CHANNELS; k++)
                sum += (double)weights[class * CHANNELS + k] * a[i * CHANNELS + k] / CELLS;
            cam[i] = sum > 0 ? (float)sum : 0;
        }
        check_floats("CAM", setup.map, cam, CELLS, 1e-7, 1e-5);
        CHECK_INT(map_class(&setup, class, "hirescam"), 0);
        check_floats("HiResCAM", setup.map, cam, CELLS, 1e-7, 1e-5);
    }
    close_setup(&setup);
}

// Methods, section 3.3: the counterfactual of class c is Grad-CAM of -y_c. The class weights negated give
// -y_c.
static void counterfactual_is_map_of_minus_y(void)
{
    Setup setup, negated;
    if (!open_setup(&setup, pooled, "r"))
        return;
    char text[sizeof(pooled) + 64];
    snprintf(text, sizeof(text), "%s", pooled);
    strcpy(strstr(text, "; output"), "; minus = Neg(logits); output minus");
    if (open_setup(&negated, text, "r")) {
        for (int class = 0; class < CLASSES; class++) {
            CHECK_INT(map_class(&setup, class, "counterfactual"), 0);
            CHECK_INT(map_class(&negated, class, "gradcam"), 0);
            CHECK(!memcmp(setup.map, negated.map, sizeof(setup.map)));
        }
        close_setup(&negated);
    }
    close_setup(&setup);
}

// A group's score is the log-sum-exp of its logits, so its gradient is theirs weighted by their softmax.
static void group_weighs_by_softmax(void)
{
    static const int group[] = { 0, 2, 3 };
    const GradcamTarget target = { .name = "", .classes = group, .count = 3 };
    Setup setup;
    GradcamMapInfo info = { 0 };
    if (!open_setup(&setup, pooled, "r"))
        return;
    size_t count;
    float want[CELLS * CHANNELS] = { 0 };
    const float *a, *g, *y = gradcam_context_logits(setup.context, &count);
    double sum = 0, all = 0;
    for (int i = 0; i < 3; i++)
        sum += exp(y[group[i]]);
    for (size_t i = 0; i < count; i++)
        all += exp(y[i]);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(map_class(&setup, group[i], "gradcam"), 0);
        CHECK_INT(gradcam_context_tensors(setup.context, &a, &g), 0);
        for (int k = 0; k < CELLS * CHANNELS; k++)
            want[k] += (float)(exp(y[group[i]]) / sum * g[k]);
    }
    CHECK_INT(gradcam_context_map(setup.context, &target, NULL, setup.map, SIZE_MAX, &info), 0);
    CHECK_INT(gradcam_context_tensors(setup.context, &a, &g), 0);
    check_floats("gradient", g, want, CELLS * CHANNELS, 1e-7, 1e-5);
    CHECK_NEAR(info.score, log(sum), 1e-5);
    CHECK_NEAR(info.probability, sum / all, 1e-5);
    CHECK_NEAR(gradcam_context_probability(setup.context, &target), sum / all, 1e-5);
    int best = y[0] > y[2] ? 0 : 2;
    CHECK_INT(info.class_index, y[3] > y[best] ? 3 : best);
    close_setup(&setup);
}

// class=auto: by falling logit, and the map of the class that it finds.
static void ranks_follow_the_logits(void)
{
    Setup setup;
    if (!open_setup(&setup, pooled, "r"))
        return;
    size_t count;
    const float *y = gradcam_context_logits(setup.context, &count);
    int seen[CLASSES] = { 0 };
    for (int rank = 0; rank < CLASSES; rank++) {
        const GradcamTarget target = { .name = "auto", .rank = rank };
        float map[CELLS];
        GradcamMapInfo info = { 0 };
        int top = gradcam_context_top(setup.context, rank);
        REQUIRE(top >= 0 && top < CLASSES && !seen[top]++);
        for (int i = 0; i < CLASSES; i++)
            CHECK(seen[i] || y[i] <= y[top]);
        CHECK_INT(gradcam_context_map(setup.context, &target, NULL, map, FLOATS(map), &info), 0);
        CHECK_INT(info.class_index, top);
        CHECK_NEAR(info.score, y[top], 1e-6);
        CHECK_INT(map_class(&setup, top, "gradcam"), 0);
        CHECK(!memcmp(map, setup.map, sizeof(map)));
        float low = map[0], high = map[0];
        for (int i = 1; i < CELLS; i++) {
            low = fminf(low, map[i]);
            high = fmaxf(high, map[i]);
        }
        CHECK(info.min == low && info.max == high && info.empty == !(high > low));
    }
    CHECK_INT(gradcam_context_top(setup.context, CLASSES), -EINVAL);
    CHECK_INT(gradcam_context_top(setup.context, -1), -EINVAL);
    close_setup(&setup);
}

// Equal logits: the lower index first.
static void ties_go_to_the_lower_index(void)
{
    Setup setup;
    if (!open_setup(&setup,
                    "input x 1x3x8x8; c = Conv(x, %4x3x3x3); g = Conv(c, %1x4x1x1); e = Expand(g, #1/5/6/6);"
                    "p = GlobalAveragePool(e); logits = Flatten(p); output logits",
                    "c"))
        return;
    for (int rank = 0; rank < CLASSES; rank++)
        CHECK_INT(gradcam_context_top(setup.context, rank), rank);
    close_setup(&setup);
}

// Maps of other classes in between, and other pictures, leave no trace.
static void runs_are_repeatable(void)
{
    Setup setup;
    float first[CELLS], other[3 * 64];
    if (!open_setup(&setup, pooled, NULL))
        return;
    CHECK_STR(gradcam_context_layer(setup.context)->name, "r");
    CHECK_INT(map_class(&setup, 1, "gradcam"), 0);
    memcpy(first, setup.map, sizeof(first));
    for (int i = 0; i < 3 * 64; i++)
        other[i] = setup.picture[(i * 7) % (3 * 64)];
    CHECK_INT(map_class(&setup, 2, "counterfactual"), 0);
    CHECK_INT(gradcam_context_forward_float(setup.context, other), 0);
    CHECK_INT(map_class(&setup, 0, "gradcam"), 0);
    CHECK_INT(gradcam_context_forward_float(setup.context, setup.picture), 0);
    CHECK_INT(map_class(&setup, 1, "gradcam"), 0);
    CHECK(!memcmp(first, setup.map, sizeof(first)));
    close_setup(&setup);
}

// With pooling and a linear layer behind the target the gradient of a class is kept from picture to picture: maps are
// those of a context that never saw another, bit for bit.
static void kept_gradients_change_nothing(void)
{
    static const int order[] = { 1, 1, 2, 1, 1, 4, 4 };
    Setup setup, fresh;
    if (!open_setup(&setup, pooled, "r"))
        return;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (!open_setup(&fresh, pooled, "r"))
            break;
        setup.picture[i] = fresh.picture[i] += 1;
        for (size_t k = 0; k < i; k++)
            fresh.picture[k] = setup.picture[k];
        CHECK_INT(gradcam_context_forward_float(setup.context, setup.picture), 0);
        CHECK_INT(gradcam_context_forward_float(fresh.context, fresh.picture), 0);
        CHECK_INT(map_class(&setup, order[i], "gradcam"), 0);
        CHECK_INT(map_class(&fresh, order[i], "gradcam"), 0);
        CHECK(!memcmp(setup.map, fresh.map, sizeof(setup.map)));
        close_setup(&fresh);
    }
    close_setup(&setup);
}

// Behind each layer c, 5 x 8 x 6, something that ends in a product g of 9.
static const char *const behind[] = {
    "m = MaxPool(c) kernel_shape=[3,3] strides=[2,2]; f = Flatten(m); g = Gemm(f, %9x30, %9) transB=1;",
    "m = MaxPool(c) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]; f = Reshape(m, #1/-1); g = MatMul(f, %60x9);",
    "m = MaxPool(c) kernel_shape=[2,2]; n = MaxPool(m) kernel_shape=[3,3]; f = Flatten(n);"
    "g = Gemm(f, %75x9) alpha=-3.0;",
    "m = MaxPool(c) kernel_shape=[2,2] strides=[2,2]; t = Transpose(m) perm=[0,2,3,1]; f = Reshape(t, #1/-1);"
    "g = Gemm(f, %9x60, %9) transB=1;",
    "m = AveragePool(c) kernel_shape=[2,2] strides=[2,2]; t = Transpose(m) perm=[0,2,3,1]; f = Reshape(t, #1/-1);"
    "g = MatMul(f, %60x9);",
    "f = Flatten(c); g = Gemm(f, %9x240, %9) transB=1;",
    "m = AveragePool(c) kernel_shape=[3,3] pads=[1,1,1,1]; f = Flatten(m); g = Gemm(f, %240x9);",
    "t = Transpose(c) perm=[0,3,2,1]; f = Flatten(t); g = Gemm(f, %9x240, %9) transB=1;",
    // Here sums of weights would be wrong: the order of what is flattened, gradients lost in the padding, an activation
    // in between, a second way from the pooling or from the layer, channels that are reshaped.
    "t = Transpose(c) perm=[0,2,1,3]; f = Flatten(t); g = Gemm(f, %9x240, %9) transB=1;",
    "m = AveragePool(c) kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=1; f = Flatten(m); g = Gemm(f, %240x9);",
    "m = AveragePool(c) kernel_shape=[2,2] pads=[0,0,2,2]; f = Flatten(m); g = Gemm(f, %315x9);",
    "s = Tanh(c); m = MaxPool(s) kernel_shape=[2,2] strides=[2,2]; f = Flatten(m); g = Gemm(f, %60x9);",
    "m = MaxPool(c) kernel_shape=[2,2] strides=[2,2]; f = Flatten(m); h = Gemm(f, %60x9); i = Tanh(f);"
    "j = Gemm(i, %60x9); g = Add(h, j);",
    "m = MaxPool(c) kernel_shape=[2,2] strides=[2,2]; f = Flatten(m); h = Gemm(f, %60x9); p = GlobalAveragePool(c);"
    "q = Flatten(p); j = Gemm(q, %5x9); g = Mul(h, j);",
    "m = MaxPool(c) kernel_shape=[2,2] strides=[2,2]; v = Reshape(m, #1/3/20/1); w = MaxPool(v) kernel_shape=[2,1];"
    "f = Flatten(w); g = Gemm(f, %57x9);",
};

enum { SUM_CHANNELS = 5, SUM_CELLS = 48 };

// The map by its definition, from a context's own activations and gradient.
static void map_of_gradient(GradcamContext *context, double sign, float *map)
{
    const float *a, *g;
    CHECK_INT(gradcam_context_tensors(context, &a, &g), 0);
    for (int i = 0; i < SUM_CELLS; i++) {
        double sum = 0;
        for (int k = 0; k < SUM_CHANNELS; k++)
            for (int j = 0; j < SUM_CELLS; j++)
                sum += sign * a[i * SUM_CHANNELS + k] * g[j * SUM_CHANNELS + k] / SUM_CELLS;
        map[i] = sum > 0 ? (float)sum : 0;
    }
}

// A map that was made from sums of weights is that of the whole gradient, of every class and method, on one thread or
// several.
static void sums_of_weights_give_the_map(const char *middle, enum GradcamPrecision precision)
{
    const GradcamSettings settings[2] = { { .layer = "c", .threads = 1, .precision = precision },
                                          { .layer = "c", .threads = 4, .precision = precision } };
    const GradcamMethod counterfactual = method_named("counterfactual");
    GradcamContext *context[2] = { NULL };
    float picture[3 * SUM_CELLS], map[2][SUM_CELLS], want[SUM_CELLS];
    Graph *graph = make_graph("input x 1x3x8x6; c = Conv(x, %5x3x3x3, %5) pads=[1,1,1,1]");
    graph_add(graph, middle);
    graph_add(graph, "r = Relu(g); logits = Gemm(r, %9x4, %4); output logits");
    GradcamModel *model = open_network(graph);
    REQUIRE(model && !gradcam_context_open(&context[0], model, &settings[0]) &&
            !gradcam_context_open(&context[1], model, &settings[1]));
    Random random = { 5 };
    for (int round = 0; round < 24; round++) {
        const int class = round % 4, against = round % 3 == 0;
        const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
        random_floats(&random, picture, 3 * SUM_CELLS, -1, 1);
        for (int i = 0; i < 2; i++) {
            CHECK_INT(gradcam_context_forward_float(context[i], picture), 0);
            CHECK_INT(gradcam_context_map(context[i], &target, against ? &counterfactual : NULL, map[i], SIZE_MAX,
                                          NULL), 0);
        }
        CHECK(!memcmp(map[0], map[1], sizeof(map[0])));
        map_of_gradient(context[round & 1], against ? -1 : 1, want);
        check_floats("map", map[0], want, SUM_CELLS, 1e-5, 1e-5);
    }
    gradcam_context_close(&context[0]);
    gradcam_context_close(&context[1]);
    gradcam_model_close(&model);
    graph_free(graph);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        begin_case("sums of weights: %s", behind[i]);
        for (int precision = 0; precision < GCAM_PRECISIONS; precision++)
            sums_of_weights_give_the_map(behind[i], (enum GradcamPrecision)precision);
    }
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        begin_case("each layer: %s", networks[i].name);
        check_network(make_graph(networks[i].text), &networks[i]);
    }
    RUN(constants_among_operands);
    RUN(grad_cam_is_cam);
    RUN(counterfactual_is_map_of_minus_y);
    RUN(group_weighs_by_softmax);
    RUN(ranks_follow_the_logits);
    RUN(ties_go_to_the_lower_index);
    RUN(runs_are_repeatable);
    RUN(kept_gradients_change_nothing);
    return end_cases();
}
