/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The layer that is explained where nobody names one, for each family of networks in small: what a user of PyTorch
 * would point at. (tests/networks/layers.txt has those of real architectures.)
 */
#include "ops/check.h"

#define HEAD(x, channels) "p = ReduceMean(" x ") axes=[1] keepdims=0; logits = Gemm(p, %" channels "x4); output logits"
#define PATCHES "c = Conv(x, %6x3x2x2) strides=[2,2]; f = Reshape(c, #1/6/16); t = Transpose(f) perm=[0,2,1];"
#define ATTENTION(from) "q = MatMul(" from ", %6x6); k = MatMul(" from ", %6x6); kt = Transpose(k) perm=[0,2,1];" \
    "v = MatMul(" from ", %6x6); qk = MatMul(q, kt); a = Softmax(qk); av = MatMul(a, v); o = MatMul(av, %6x6);"

typedef struct Family {
    const char *name, *layer;
    int channels, height, width;
    const char *text;
} Family;

static const Family families[] = {
    { "a convolution's activation, not its pooling", "r", 4, 6, 6,
      "input x 1x3x8x8; c = Conv(x, %4x3x3x3); r = Relu(c); m = MaxPool(r) kernel_shape=[2,2];"
      "p = GlobalAveragePool(m);"
      "f = Flatten(p); logits = Gemm(f, %4x4); output logits" },
    { "not the classes' score maps", "r", 4, 6, 6,
      "input x 1x3x8x8; c = Conv(x, %4x3x3x3); r = Relu(c); s = Conv(r, %5x4x1x1); p = GlobalAveragePool(s);"
      "logits = Flatten(p); output logits" },
    { "score maps where there is nothing else", "s", 5, 6, 6,
      "input x 1x3x8x8; s = Conv(x, %5x3x3x3); p = GlobalAveragePool(s); logits = Flatten(p); output logits" },
    { "the sum of a residual block", "s", 4, 8, 8,
      "input x 1x3x8x8; c = Conv(x, %4x3x1x1); r = Relu(c); d = Conv(r, %4x4x1x1); s = Add(r, d);"
      "p = GlobalAveragePool(s); f = Flatten(p); logits = Gemm(f, %4x4); output logits" },
    { "what a generalised mean is taken of", "r", 4, 6, 6,
      "input x 1x3x8x8; c = Conv(x, %4x3x3x3); r = Relu(c); b = Clip(r, =0.000001); e = Pow(b, =3);"
      "p = GlobalAveragePool(e); w = Pow(p, =0.3333); f = Flatten(w); logits = Gemm(f, %4x4); output logits" },
    { "rows and columns before channels", "r", 4, 8, 8,
      "input x 1x3x8x8; t = Transpose(x) perm=[0,2,3,1]; m = MatMul(t, %3x4); r = Relu(m);"
      "p = ReduceMean(r) axes=[1,2] keepdims=0; logits = Gemm(p, %4x4); output logits" },
    { "tokens that enter the last attention", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "n = LayerNormalization(t, %6, %6);" ATTENTION("n") "s = Add(t, o);"
      "n2 = LayerNormalization(s, %6, %6); m = MatMul(n2, %6x6); s2 = Add(s, m);" HEAD("s2", "6") },
    { "the sum before an attention that is normalised behind", "s", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "m = MatMul(t, %6x6);"
      "s = Add(t, m);" ATTENTION("s") "n = LayerNormalization(o, %6, %6);"
      "s2 = Add(s, n);" HEAD("s2", "6") },
    { "a class token before them", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "l = Concat(%1x1x6, t) axis=1; n = LayerNormalization(l, %6, %6);" ATTENTION("n")
      "s = Add(l, o); g = Gather(s, #0) axis=1; h = Reshape(g, #1/6); logits = Gemm(h, %6x4); output logits" },
    { "a class token behind them", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "l = Concat(t, %1x1x6) axis=1; n = LayerNormalization(l, %6, %6);" ATTENTION("n")
      "s = Add(l, o); g = Gather(s, #16) axis=1; h = Reshape(g, #1/6); logits = Gemm(h, %6x4); output logits" },
    { "registers between", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "l = Concat(%1x1x6, t) axis=1; i = Slice(l, #0, #1, #1); j = Slice(l, #1, #17, #1);"
      "b = Concat(i, %1x3x6, j) axis=1; n = LayerNormalization(b, %6, %6);" ATTENTION("n") "s = Add(b, o);"
      "g = Gather(s, #0) axis=1; h = Reshape(g, #1/6); logits = Gemm(h, %6x4); output logits" },
    { "tokens, not the convolution inside of the last block's perceptron", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "n = LayerNormalization(t, %6, %6);" ATTENTION("n") "s = Add(t, o);"
      "n2 = LayerNormalization(s, %6, %6); m = MatMul(n2, %6x8); mt = Transpose(m) perm=[0,2,1];"
      "mm = Reshape(mt, #1/8/4/4); d = Conv(mm, %8x1x1x1) group=8; e = Reshape(d, #1/8/16);"
      "et = Transpose(e) perm=[0,2,1];"
      "m2 = MatMul(et, %8x6); s2 = Add(s, m2);" HEAD("s2", "6") },
    { "tokens, not the convolution that makes queries", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "n = LayerNormalization(t, %6, %6); nt = Transpose(n) perm=[0,2,1];"
      "nm = Reshape(nt, #1/6/4/4); d = Conv(nm, %6x6x1x1); e = Reshape(d, #1/6/16); u = Transpose(e) perm=[0,2,1];"
      ATTENTION("u") "s = Add(t, o);" HEAD("s", "6") },
    { "a bias that is added from the left", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "n = LayerNormalization(t, %6, %6); w = MatMul(n, %6x6); u = Add(%6, w);"
      "d = MatMul(u, %6x6);" ATTENTION("d") "s = Add(t, o);" HEAD("s", "6") },
    { "the last tokens of mixers", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "tt = Transpose(t) perm=[0,2,1]; y = MatMul(tt, %16x16);"
      "yt = Transpose(y) perm=[0,2,1];"
      "s = Add(t, yt); n = LayerNormalization(s, %6, %6);" HEAD("n", "6") },
    { "the sum, not the convolution inside of a gated block", "s", 6, 4, 4,
      "input x 1x3x8x8; c = Conv(x, %6x3x2x2) strides=[2,2]; t = Transpose(c) perm=[0,2,3,1];"
      "n = LayerNormalization(t, %6, %6); g = MatMul(n, %6x6); i = MatMul(n, %6x6); it = Transpose(i) perm=[0,3,1,2];"
      "d = Conv(it, %6x1x1x1) group=6; dt = Transpose(d) perm=[0,2,3,1]; m = Mul(g, dt); m2 = MatMul(m, %6x6);"
      "s = Add(t, m2); p = ReduceMean(s) axes=[1,2] keepdims=0; logits = Gemm(p, %6x4); output logits" },
    { "one window of all tokens", "n", 6, 4, 4,
      "input x 1x3x8x8; c = Conv(x, %6x3x2x2) strides=[2,2]; t = Transpose(c) perm=[0,2,3,1];"
      "w = Reshape(t, #1/1/16/6);"
      "n = LayerNormalization(w, %6, %6); q = MatMul(n, %6x6); k = MatMul(n, %6x6); kt = Transpose(k) perm=[0,1,3,2];"
      "qk = MatMul(q, kt); a = Softmax(qk); av = MatMul(a, n); o = MatMul(av, %6x6); s = Add(w, o);"
      "p = ReduceMean(s) axes=[1,2] keepdims=0; logits = Gemm(p, %6x4); output logits" },
    { "tokens of tokens (transformer in transformer)", "n", 6, 2, 2,
      "input x 1x3x16x16; c = Conv(x, %2x3x2x2) strides=[2,2]; w = Reshape(c, #1/2/2/4/2/4);"
      "wt = Transpose(w) perm=[0,2,4,3,5,1]; f = Reshape(wt, #1/4/32); l = MatMul(f, %32x6);"
      "t = Concat(%1x1x6, l) axis=1;"
      "n = LayerNormalization(t, %6, %6);" ATTENTION("n") "s = Add(t, o); g = Gather(s, #0) axis=1;"
      "h = Reshape(g, #1/6);"
      "logits = Gemm(h, %6x4); output logits" },
    { "all tokens beside the class in blocks of the class alone", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "m = MatMul(t, %6x6); s = Add(t, m); l0 = Concat(%1x1x6, s) axis=1;"
      "n0 = LayerNormalization(l0, %6, %6); i0 = Gather(n0, #0) axis=1; q0 = MatMul(i0, %6x6);"
      "kt0 = Transpose(n0) perm=[0,2,1]; qk0 = MatMul(q0, kt0); a0 = Softmax(qk0); av0 = MatMul(a0, n0);"
      "y = Add(%1x1x6, av0); l = Concat(y, s) axis=1; n = LayerNormalization(l, %6, %6); i = Gather(n, #0) axis=1;"
      "q = MatMul(i, %6x6); kt = Transpose(n) perm=[0,2,1]; qk = MatMul(q, kt); a = Softmax(qk); v = MatMul(n, %6x6);"
      "av = MatMul(a, v); y2 = Add(y, av); h = Reshape(y2, #1/6); logits = Gemm(h, %6x4); output logits" },
    { "the norm of tokens where earlier ones have a score too", "n", 6, 4, 4,
      "input x 1x3x8x8; " PATCHES "m = MatMul(t, %6x6); s = Add(t, m); n = LayerNormalization(s, %6, %6);"
      "p = ReduceMean(n) axes=[1] keepdims=0; y = Gemm(p, %6x4); p2 = ReduceMean(t) axes=[1] keepdims=0;"
      "y2 = Gemm(p2, %6x4); logits = Add(y, y2); output logits" },
    { "a convolution through which all goes, behind the last attention", "d", 5, 4, 4,
      "input x 1x3x8x8; " PATCHES "n = LayerNormalization(t, %6, %6);" ATTENTION("n") "s = Add(t, o);"
      "st = Transpose(s) perm=[0,2,1]; sm = Reshape(st, #1/6/4/4); d = Conv(sm, %5x6x1x1); p = GlobalAveragePool(d);"
      "g = Flatten(p); logits = Gemm(g, %5x4); output logits" },
};

static void check_family(const Family *family)
{
    Graph *graph = graph_create(17);
    GradcamModel *model = NULL;
    const GradcamModelOptions options = { .labels = "none" };
    graph_add(graph, family->text);
    const int error = open_graph(&model, graph, &options);
    const GradcamLayer *layer;
    if (error)
        fail("error %d", error);
    for (size_t i = 0; !error && (layer = gradcam_model_layer_at(model, i)); i++)
        if (layer->is_auto && (strcmp(layer->name, family->layer) || layer->channels != family->channels ||
                               layer->height != family->height || layer->width != family->width))
            fail("%s of %d x %d x %d, not %s of %d x %d x %d", layer->name, layer->channels,
                 layer->height, layer->width, family->layer, family->channels, family->height, family->width);
    if (!error && strcmp(gradcam_model_info(model)->layer, family->layer))
        fail("'%s', not '%s'", gradcam_model_info(model)->layer, family->layer);
    gradcam_model_close(&model);
    graph_free(graph);
}

// ---------------------------------------------------------------------------------------------------- far from the end

typedef struct Warnings {
    int count;
    char text[512];
} Warnings;

static void take_warning(void *opaque, enum GradcamLogLevel level, const char *message)
{
    Warnings *warnings = opaque;
    if (level == GRADCAM_LOG_WARNING && strstr(message, "lies before")) {
        warnings->count++;
        snprintf(warnings->text, sizeof(warnings->text), "%s", message);
    }
}

// A convolution, then `count` products of vectors.
static void check_depth(int count, const char *layer, int wanted)
{
    Graph *graph = graph_create(17);
    GradcamModel *model = NULL;
    Warnings warnings = { 0 };
    const GradcamModelOptions options = { .labels = "none", .layer = layer, .log = { take_warning, &warnings } };
    char line[96];
    graph_add(graph, "input x 1x3x8x8; c = Conv(x, %4x3x3x3); p = GlobalAveragePool(c); v0 = Flatten(p);");
    for (int i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "v%d = Gemm(v%d, %%4x4);", i + 1, i);
        graph_add(graph, line);
    }
    snprintf(line, sizeof(line), "logits = Gemm(v%d, %%4x4); output logits", count);
    graph_add(graph, line);
    CHECK_INT(open_graph(&model, graph, &options), 0);
    CHECK_INT(warnings.count, wanted);
    if (wanted)
        CHECK(strstr(warnings.text, "'c'") != NULL);
    gradcam_model_close(&model);
    graph_free(graph);
}

static void a_choice_far_from_the_scores_is_said(void)
{
    check_depth(3, NULL, 0);
    check_depth(40, NULL, 1);
    check_depth(40, "c", 0);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        begin_case("%s", families[i].name);
        check_family(&families[i]);
    }
    RUN(a_choice_far_from_the_scores_is_said);
    return end_cases();
}
