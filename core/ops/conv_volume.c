/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Conv of values of one or three dimensions, and ConvTranspose of one to three, in ONNX's own order; weights and bias
 * are constants. ConvTranspose is what Conv's gradient is, and its gradient is Conv:
 *
 *     Conv            y = w x + b          dx = w^T dy         w [M, C / groups, kernel ..]
 *     ConvTranspose   y = w^T x + b        dx = w dy           w [C, M / groups, kernel ..]
 *
 * The arithmetic is in tensor/conv/volume.h, which calls the larger side of either x.
 */
#include "volume.h"

#include "tensor/conv/volume.h"

#include <errno.h>
#include <string.h>

typedef struct Params {
    GcamVolume volume;
    int transposed;
} Params;

int gcam_infer_volume(const GcamInfer *infer, const GcamShape *x)
{
    char text[GCAM_SHAPE_TEXT];
    if (x->rank >= 3 && x->rank <= 2 + GCAM_WINDOW_DIMS)
        return 0;
    return gcam_infer_unsupported(infer, "input of shape %s; windows have one to three dimensions",
                                  gcam_shape_text(x, text));
}

void gcam_span_pad(int dims, GcamSpan span[GCAM_WINDOW_DIMS])
{
    const GcamSpan one = { 1, 1, 1, 1, 1, 0, 0 };
    memmove(span + GCAM_WINDOW_DIMS - dims, span, (size_t)dims * sizeof(*span));
    for (int i = 0; i < GCAM_WINDOW_DIMS - dims; i++)
        span[i] = one;
}

GcamShape gcam_span_shape(const GcamShape *x, size_t c, const GcamSpan span[GCAM_WINDOW_DIMS])
{
    GcamShape shape = { x->rank, { x->dim[0], c } };
    for (int i = 2; i < x->rank; i++)
        shape.dim[i] = (size_t)span[GCAM_WINDOW_DIMS - x->rank + i].out;
    return shape;
}

// ------------------------------------------------------------------------------------------------------------ shapes

// Checks weights [first, second, ..] of which `groups` make one, and bias, against x.
static int check_weights(GcamInfer *infer, const Params *params, int64_t groups, size_t *y_channels)
{
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape, *w = &gcam_infer_input(infer, 1)->shape;
    const GcamValue *bias = gcam_infer_input(infer, 2);
    char text[GCAM_SHAPE_TEXT], weights_text[GCAM_SHAPE_TEXT];
    int error = gcam_infer_volume(infer, x);
    if (error)
        return error;
    if (!gcam_infer_input(infer, 1)->data || (bias && !bias->data))
        return gcam_infer_unsupported(infer, "its weights depend on the picture");
    const size_t in = w->rank < 3 ? 0 : params->transposed ? w->dim[0] : w->dim[1] * (size_t)groups;
    const size_t out = w->rank < 3 ? 0 : params->transposed ? w->dim[1] * (size_t)groups : w->dim[0];
    if (w->rank != x->rank || groups < 1 || groups > 1 << 20 || in != x->dim[1] || !out || in % (size_t)groups ||
        out % (size_t)groups || out > 1 << 20 || in > 1 << 20 || !gcam_shape_count(w))
        return gcam_infer_bad(infer, "weights of shape %s in %lld groups do not fit an input of shape %s",
                              gcam_shape_text(w, weights_text), (long long)groups, gcam_shape_text(x, text));
    if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != out))
        return gcam_infer_bad(infer, "bias of shape %s for %zu channels", gcam_shape_text(&bias->shape, text), out);
    *y_channels = out;
    return 0;
}

// What both share: spans, the volume and the output. `read` reads the spans.
static int infer_either(GcamInfer *infer, int transposed,
                        int (*read)(const GcamInfer *, const GcamShape *, const size_t *, GcamSpan *))
{
    int error = gcam_infer_arity(infer, 2, 3);
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    const int64_t groups = gcam_node_int(infer->node, "group", 1);
    GcamSpan span[GCAM_WINDOW_DIMS];
    size_t out = 0;
    if (error || !params)
        return error ? error : -ENOMEM;
    params->transposed = transposed;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    if ((error = check_weights(infer, params, groups, &out)) ||
        (error = read(infer, x, gcam_infer_input(infer, 1)->shape.dim + 2, span)))
        return error;
    for (int i = 0; i < x->rank - 2; i++)
        if ((size_t)span[i].kernel != gcam_infer_input(infer, 1)->shape.dim[2 + i])
            return gcam_infer_bad(infer, "a kernel of %d, of which there are %zu weights", span[i].kernel,
                                  gcam_infer_input(infer, 1)->shape.dim[2 + i]);
    gcam_span_pad(x->rank - 2, span);
    GcamVolume *volume = &params->volume;
    *volume = (GcamVolume){ .n = x->dim[0], .groups = (size_t)groups, .x_c = transposed ? out : x->dim[1],
                            .y_c = transposed ? x->dim[1] : out };
    for (int i = 0; i < GCAM_WINDOW_DIMS; i++) {
        const GcamSpan *s = &span[i];
        volume->span[i] = (GcamVolumeSpan){
            (size_t)(transposed ? s->out : s->in), (size_t)(transposed ? s->in : s->out), (size_t)s->kernel,
            (size_t)s->stride, (size_t)s->dilation, (size_t)s->before,
        };
    }
    infer->node->params = params;
    GcamShape shape = gcam_span_shape(x, out, span);
    return gcam_infer_output(infer, 0, &shape);
}

static int conv_infer(GcamInfer *infer)
{
    return infer_either(infer, 0, gcam_infer_spans);
}

// The padding that makes a transposed window's output that large; the odd one before it, but for SAME_UPPER.
static void pad_to(GcamSpan *span, int64_t whole, int upper)
{
    const int total = whole > span->out ? (int)(whole - span->out) : 0;
    span->before = upper ? total / 2 : total - total / 2;
    span->after = total - span->before;
}

// The output of a transposed window is what `in` windows cover, and output_padding, less the padding; or it is given,
// or, with auto_pad SAME, `stride` times the input, and the padding follows from it.
static int read_transposed(const GcamInfer *infer, const GcamShape *x, const size_t *kernel, GcamSpan *span)
{
    const char *mode = gcam_node_string(infer->node, "auto_pad", "NOTSET");
    const int upper = !strcmp(mode, "SAME_UPPER"), same = upper || !strcmp(mode, "SAME_LOWER"), dims = x->rank - 2;
    int64_t more[GCAM_MAX_RANK] = { 0 }, size[GCAM_MAX_RANK];
    int error = gcam_infer_kernel(infer, x, kernel, span);
    int padded = gcam_infer_ints(infer, "output_padding", -1, more);
    int sized = gcam_infer_ints(infer, "output_shape", -1, size);
    if (error || (padded < 0 && padded != -ENOENT) || (sized < 0 && sized != -ENOENT))
        return error ? error : padded < 0 && padded != -ENOENT ? padded : sized;
    if (!same && strcmp(mode, "VALID") && strcmp(mode, "NOTSET"))
        return gcam_infer_bad(infer, "auto_pad '%s'", mode);
    if ((padded > 0 && padded != dims) || (sized > 0 && sized != dims && sized != dims + 2))
        return gcam_infer_bad(infer, "output_padding of %d numbers and output_shape of %d", padded, sized);
    for (int i = 0; i < dims; i++) {
        GcamSpan *s = &span[i];
        const int64_t given = sized > 0 ? size[sized - dims + i] : same ? (int64_t)s->in * s->stride : 0;
        if (more[i] < 0 || more[i] > 1 << 15)
            return gcam_infer_bad(infer, "output_padding of %lld", (long long)more[i]);
        const int64_t whole = (int64_t)s->stride * (s->in - 1) + more[i] + gcam_span_reach(s);
        if (!strcmp(mode, "VALID"))
            s->before = s->after = 0;
        const int64_t out = sized > 0 || same ? given : whole - s->before - s->after;
        if (out < 1 || out > 1 << 15)
            return gcam_infer_unsupported(infer, "an output dimension of %lld", (long long)out);
        s->out = (int)out;
        if (sized > 0 || same)
            pad_to(s, whole, upper);
    }
    return 0;
}

static int transposed_infer(GcamInfer *infer)
{
    return infer_either(infer, 1, read_transposed);
}

// ----------------------------------------------------------------------------------------------------------- running

static int prepare(GcamStep *step, const GcamValue *values, int threads)
{
    (void)values, (void)threads;
    step->scratch = gcam_volume_scratch(&((const Params *)step->node->params)->volume);
    return step->scratch == SIZE_MAX ? -ENOMEM : 0;
}

static void forward(const GcamRun *run, const GcamStep *step)
{
    const Params *params = step->node->params;
    const float *x = run->data[step->input[0]], *w = run->data[step->input[1]];
    const float *bias = step->inputs > 2 && step->input[2] >= 0 ? run->data[step->input[2]] : NULL;
    const GcamShape *shape = &run->value[step->output[0]].shape;
    float *y = run->data[step->output[0]];
    if (params->transposed)
        gcam_volume_transposed(&params->volume, run->pool, step->type, w, x, y, run->scratch);
    else
        gcam_volume_forward(&params->volume, run->pool, step->type, w, x, y, run->scratch);
    const size_t rows = shape->dim[0] * shape->dim[1], n = gcam_shape_count(shape) / rows;
    for (size_t row = 0; bias && row < rows; row++)
        for (size_t i = 0; i < n; i++)
            y[row * n + i] += bias[row % shape->dim[1]];
}

static void backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const Params *params = step->node->params;
    const float *dy = run->grad[step->output[0]], *w = run->data[step->input[1]];
    if (input)
        return;
    if (params->transposed)
        gcam_volume_forward(&params->volume, run->pool, step->type, w, dy, dx, run->scratch);
    else
        gcam_volume_transposed(&params->volume, run->pool, step->type, w, dy, dx, run->scratch);
}

// A multiplication and an addition for each weight and place of the smaller side.
static double flops(const GcamStep *step, const GcamValue *values)
{
    const GcamVolume *v = &((const Params *)step->node->params)->volume;
    double places = (double)v->n;
    for (int i = 0; i < GCAM_WINDOW_DIMS; i++)
        places *= (double)v->span[i].y;
    return 2 * places * (double)gcam_shape_count(&values[step->input[1]].shape);
}

#define VOLUME(name, rule) \
    { .type = name, .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_WEIGHTS | GCAM_OP_READS, .infer = rule, \
      .prepare = prepare, .forward = forward, .backward = backward, .flops = flops }

const GcamOp gcam_op_conv_volume = VOLUME("Conv", conv_infer);
const GcamOp gcam_op_conv_transpose = VOLUME("ConvTranspose", transposed_infer);
