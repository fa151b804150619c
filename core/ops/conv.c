/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Conv of pictures (of other values: conv_volume.c): x [N, C, H, W], weights w [M, C / groups, kH, kW] and bias b [M],
 * both constants -> y [N, M, H', W'], channels last:
 *
 *     y[n, m, i, j] = b[m] + sum over c, u, v of w[m, c, u, v] x[n, c, i sH - top + u dH, j sW - left + v dW]
 *     dx[n, c, p, q] = sum over the m, i, j, u, v that read it of w[m, c, u, v] dy[n, m, i, j]
 *
 * The arithmetic is in tensor/conv. In the same pass, where a plan asks for it, y is multiplied and shifted channel by
 * channel (a BatchNormalization, folded into weights and bias), another value is added, and an activation applied; of
 * a ReLU backward takes dy only where y is above zero.
 */
#include "tensor/conv/conv.h"

#include "base/mem.h"
#include "base/sizes.h"
#include "excitation.h"
#include "part.h"
#include "volume.h"

#include <errno.h>
#include <string.h>

typedef struct State {
    GcamConv *forward;
    GcamConvBackward *backward;
    GcamConv *excited[GCAM_EXCITATIONS];        // the same by weights of one sign alone, without bias: for excite
    GcamConvBackward *back[GCAM_EXCITATIONS];
} State;

static const GcamOp *conv_variant(const GcamInfer *infer)
{
    const GcamValue *x = gcam_infer_input(infer, 0);
    return x && x->shape.rank != 4 ? &gcam_op_conv_volume : &gcam_op_conv;
}

// Checks weights and bias against the input; params are the sizes as tensor/conv takes them.
static int conv_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 3);
    GcamConvShape *conv = gcam_infer_alloc(infer, sizeof(*conv));
    if (error || !conv)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape, *w = &gcam_infer_input(infer, 1)->shape;
    const GcamValue *bias = gcam_infer_input(infer, 2);
    int64_t groups = gcam_node_int(infer->node, "group", 1);
    char text[GCAM_SHAPE_TEXT], weights_text[GCAM_SHAPE_TEXT];
    if (w->rank != 4)
        return gcam_infer_bad(infer, "input of shape %s with weights of shape %s", gcam_shape_text(x, text),
                              gcam_shape_text(w, weights_text));
    if (!gcam_infer_input(infer, 1)->data || (bias && !bias->data))
        return gcam_infer_unsupported(infer, "its weights depend on the picture");
    if (groups < 1 || groups > 1 << 20 || w->dim[0] % (size_t)groups || w->dim[1] * (size_t)groups != x->dim[1] ||
        !w->dim[0] || w->dim[0] > 1 << 20 || x->dim[1] > 1 << 20)
        return gcam_infer_bad(infer, "weights of shape %s in %lld groups do not fit an input of shape %s",
                              gcam_shape_text(w, weights_text), (long long)groups, gcam_shape_text(x, text));
    if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != w->dim[0]))
        return gcam_infer_bad(infer, "bias of shape %s for %zu channels", gcam_shape_text(&bias->shape, text),
                              w->dim[0]);
    GcamWindow window;
    if ((error = gcam_infer_window(infer, x, w->dim + 2, &window)))
        return error;
    *conv = (GcamConvShape){
        .n = (int)x->dim[0], .h = window.in_h, .w = window.in_w, .c = (int)x->dim[1],
        .out_c = (int)w->dim[0], .out_h = window.out_h, .out_w = window.out_w,
        .kernel_h = window.kernel_h, .kernel_w = window.kernel_w,
        .stride_h = window.stride_h, .stride_w = window.stride_w,
        .pad_top = window.pad_top, .pad_left = window.pad_left,
        .pad_bottom = window.pad_bottom, .pad_right = window.pad_right,
        .dilation_h = window.dilation_h, .dilation_w = window.dilation_w, .groups = (int)groups,
    };
    infer->node->params = conv;
    GcamShape shape = { 4, { x->dim[0], w->dim[0], (size_t)window.out_h, (size_t)window.out_w } };
    return gcam_infer_output(infer, 0, &shape);
}

static void conv_release(GcamStep *step)
{
    State *state = step->state;
    if (!state)
        return;
    gcam_conv_free(&state->forward);
    gcam_conv_backward_free(&state->backward);
    for (int i = 0; i < GCAM_EXCITATIONS; i++) {
        gcam_conv_free(&state->excited[i]);
        gcam_conv_backward_free(&state->back[i]);
    }
    gcam_free(state);
    step->state = NULL;
}

// Behind z, which is as large as the output.
static size_t excite_scratch(const GcamConvShape *shape, const State *state, int which, int threads)
{
    size_t there = gcam_conv_scratch(state->excited[which], threads);
    size_t back = gcam_conv_backward_scratch(state->back[which], threads);
    size_t count = (size_t)shape->n * shape->out_h * shape->out_w * shape->out_c;
    return gcam_round_line(count) + (there > back ? there : back);
}

// A batch normalization that was folded in passes shares on as they are, whatever it multiplies by: the weights are
// those of the convolution itself.
static int excite_prepare(GcamStep *step, const GcamConvShape *given, const float *w, State *state, int threads)
{
    GcamConvShape shape = *given;
    size_t count = (size_t)shape.out_c * (shape.c / shape.groups) * shape.kernel_h * shape.kernel_w;
    float *signs = step->excites ? gcam_alloc(count, sizeof(*signs)) : NULL;
    int error = step->excites && !signs ? -ENOMEM : 0;
    shape.y_pixel = 0;
    for (int i = 0; i < GCAM_EXCITATIONS && !error; i++) {
        if (!gcam_excitation_wanted(step, i))
            continue;
        gcam_excitation_weights(w, count, 1, i, signs);
        error = gcam_conv_create(&state->excited[i], &shape, signs, NULL, NULL, GCAM_ACT_NONE, 0, 0);
        if (!error)
            error = gcam_conv_backward_create(&state->back[i], &shape, signs, NULL);
        if (!error && excite_scratch(&shape, state, i, threads) > step->scratch)
            step->scratch = excite_scratch(&shape, state, i, threads);
    }
    gcam_free(signs);
    return error;
}

// Packs the weights for the algorithm that the shape asks for; backward too where a gradient is wanted.
static int conv_prepare(GcamStep *step, const GcamValue *values, int threads)
{
    GcamConvShape shape = *(const GcamConvShape *)step->node->params;
    const GcamValue *weights = &values[step->input[1]];
    const GcamValue *bias = step->inputs > 2 && step->input[2] >= 0 ? &values[step->input[2]] : NULL;
    State *state = step->state = gcam_calloc(1, sizeof(*state));
    float *w = gcam_constant_floats(weights), *b = bias && !step->bias ? gcam_constant_floats(bias) : NULL;
    shape.type = step->type;
    shape.y_pixel = (int)step->pixel;
    int error = !state || !w || (bias && !step->bias && !b) ? -ENOMEM : 0;
    if (!error)
        error = gcam_conv_create(&state->forward, &shape, w, step->scale, step->bias ? step->bias : b, step->act,
                                 step->lo, step->hi);
    if (!error && step->in_head)
        error = gcam_conv_backward_create(&state->backward, &shape, w, step->scale);
    if (!error)
        step->scratch = gcam_conv_scratch(state->forward, threads);
    if (!error && step->in_head && gcam_conv_backward_scratch(state->backward, threads) > step->scratch)
        step->scratch = gcam_conv_backward_scratch(state->backward, threads);
    if (!error)
        error = excite_prepare(step, &shape, w, state, threads);
    step->copied = !error;
    gcam_free(w);
    gcam_free(b);
    return error;
}

static void conv_forward(const GcamRun *run, const GcamStep *step)
{
    const State *state = step->state;
    const float *x = run->data[step->input[0]], *add = step->add >= 0 ? run->data[step->add] : NULL;
    float *y = run->data[step->output[0]];
    if (run->part)
        gcam_conv_forward_part(state->forward, run->pool, run->part, x, add, y, run->scratch);
    else
        gcam_conv_forward(state->forward, run->pool, x, add, y, run->scratch);
}

// The outputs whose window, or whose tile's window, meets the change.
static GcamRect conv_reach(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in)
{
    const GcamConvShape *s = step->node->params;
    int tile = gcam_conv_tile(((const State *)step->state)->forward);
    // Of tiles, which only convolutions of stride 1 without dilation are computed in.
    const GcamWindow window = {
        .kernel_h = s->kernel_h + tile - 1, .kernel_w = s->kernel_w + tile - 1, .stride_h = s->stride_h * tile,
        .stride_w = s->stride_w * tile, .dilation_h = s->dilation_h, .dilation_w = s->dilation_w,
        .pad_top = s->pad_top, .pad_left = s->pad_left, .in_h = s->h, .in_w = s->w,
        .out_h = (s->out_h + tile - 1) / tile, .out_w = (s->out_w + tile - 1) / tile,
    };
    if (value == step->add)
        return gcam_reach_same(step, values, value, in);
    GcamRect out = gcam_reach_window(&window, in);
    return (GcamRect){ tile * out.top, tile * out.bottom, tile * out.left, tile * out.right };
}

static void conv_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const State *state = step->state;
    int masks = step->act == GCAM_ACT_RELU && run->rule != GCAM_RULE_DECONVOLUTION;
    (void)input;
    gcam_conv_backward_run(state->backward, run->pool, run->grad[step->output[0]],
                           masks ? run->data[step->output[0]] : NULL, dx, run->scratch);
}

static void conv_excite(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const State *state = step->state;
    const size_t count = gcam_shape_count(&run->value[step->output[0]].shape);
    const int which = gcam_excitation_of(run, step);
    float *z = run->scratch, *scratch = z + gcam_round_line(count);
    gcam_conv_forward(state->excited[which], run->pool, run->data[step->input[input]], NULL, z, scratch);
    gcam_excitation_shares(run->grad[step->output[0]], run->data[step->output[0]], z, count);
    gcam_conv_backward_run(state->back[which], run->pool, z, NULL, dx, scratch);
}

static GcamRect conv_reads(const GcamStep *step, const GcamValue *values, int value, const GcamRect *out)
{
    (void)values;
    return value == step->add ? *out : gcam_conv_part_reads(((const State *)step->state)->forward, out);
}

// A multiplication and an addition for each weight of each output.
static double conv_flops(const GcamStep *step, const GcamValue *values)
{
    const GcamConvShape *shape = step->node->params;
    double taps = (double)shape->kernel_h * shape->kernel_w * shape->c / shape->groups;
    return 2 * taps * (double)gcam_shape_count(&values[step->output[0]].shape);
}

static const char *conv_kernel(const GcamStep *step)
{
    return gcam_conv_algorithm(((const State *)step->state)->forward);
}

const GcamOp gcam_op_conv = {
    .type = "Conv", .layout = GCAM_LAYOUT_LAST, .flags = GCAM_OP_WEIGHTS,
    .takes = GCAM_TAKES_AFFINE | GCAM_TAKES_ADD | GCAM_TAKES_ACTIVATION | GCAM_TAKES_RELU | GCAM_TAKES_PIXEL,
    .variant = conv_variant, .infer = conv_infer, .prepare = conv_prepare,
    .release = conv_release, .forward = conv_forward, .backward = conv_backward,
    .excite = conv_excite, .reach = conv_reach,
    .reads = conv_reads, .flops = conv_flops, .kernel = conv_kernel,
};
