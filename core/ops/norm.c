/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Normalisations.
 *
 *     BatchNormalization, x [N, C, ..], constants of C: at inference an affine map of each channel,
 *         y = gamma (x - mean) / sqrt(variance + epsilon) + beta = scale x + shift        dx = scale dy
 *     LayerNormalization over the dimensions from `axis` on, n elements, with z = (x - mean(x)) / std(x):
 *         y = scale z + bias        dx = (g - mean(g) - z mean(g z)) / std(x), g = scale dy
 *     LRN across channels (Krizhevsky et al. 2012, section 3.3), with base = bias + alpha / size * sum of x^2 around c:
 *         y = x base^-beta        dx_c = dy_c base_c^-beta - 2 alpha beta / size x_c sum over d of dy_d y_d / base_d
 *
 * A BatchNormalization behind a convolution never runs: a plan folds it in.
 */
#include "ops.h"

#include "base/mem.h"
#include "kernels/kernels.h"
#include "excitation.h"
#include "lanes.h"
#include "part.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define ROWS 8                  // rows of channels that one thread takes at a time

// ------------------------------------------------------------------------------------------------- BatchNormalization

// Four constants, each of a number for each channel.
static int batch_norm_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 5, 5);
    if (error)
        return error;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    if (gcam_node_int(infer->node, "training_mode", 0))
        return gcam_infer_unsupported(infer, "is as in training, which takes mean and variance from a batch of "
                                             "pictures: export the network in its evaluation mode");
    if (x->rank < 2)
        return gcam_infer_unsupported(infer, "an input of %d dimensions", x->rank);
    for (int i = 1; i < 5; i++) {
        const GcamValue *value = gcam_infer_input(infer, i);
        if (!value->data || gcam_shape_count(&value->shape) != x->dim[1])
            return gcam_infer_bad(infer, "'%s' is not a constant for each of %zu channels", value->name, x->dim[1]);
    }
    return gcam_infer_output(infer, 0, x);
}

// At inference y = scale * x + shift: gamma / sqrt(variance + epsilon), and beta less that times the mean.
static void batch_norm_affine(const GcamNode *node, const GcamValue *values, float *scale, float *shift)
{
    const GcamValue *gamma = &values[node->input[1]], *beta = &values[node->input[2]];
    const GcamValue *mean = &values[node->input[3]], *variance = &values[node->input[4]];
    double epsilon = gcam_node_float(node, "epsilon", 1e-5f);
    for (size_t c = 0, n = gcam_shape_count(&gamma->shape); c < n; c++) {
        double s = gcam_constant_double(gamma, c) / sqrt(gcam_constant_double(variance, c) + epsilon);
        if (scale)
            scale[c] = (float)s;
        shift[c] = (float)(gcam_constant_double(beta, c) - s * gcam_constant_double(mean, c));
    }
}

// state: scale, then shift, of each channel
static int batch_norm_prepare(GcamStep *step, const GcamValue *values, int threads)
{
    size_t channels = values[step->input[0]].shape.dim[1];
    float *affine = step->state = gcam_alloc(2 * channels, sizeof(*affine));
    (void)threads;
    if (!affine)
        return -ENOMEM;
    batch_norm_affine(step->node, values, affine, affine + channels);
    return 0;
}

static void free_state(GcamStep *step)
{
    gcam_free(step->state);
    step->state = NULL;
}

// Memory is rows x channels x inner: channels last has inner 1, plain order has inner = H * W.
typedef struct AffineJob {
    const GcamStep *step;
    const float *x;
    float *y;
    GcamStretches floats;
    size_t channels, inner;
    int backward;
} AffineJob;

static float activate(float x, const GcamStep *step)
{
    if (step->act == GCAM_ACT_RELU)
        return x > 0 ? x : 0;
    return step->act == GCAM_ACT_CLIP ? (x < step->lo ? step->lo : x > step->hi ? step->hi : x) : x;
}

static void affine_rows(void *opaque, size_t index, int thread)
{
    const AffineJob *job = opaque;
    const float *restrict scale = job->step->state, *restrict shift = scale + job->channels;
    size_t channels = job->channels, row = channels * job->inner, count;
    size_t first = gcam_piece(&job->floats, ROWS * row, index, &count);
    (void)thread;
    for (size_t at = first; at < first + count; at += row) {
        const float *x = job->x + at;
        float *restrict y = job->y + at;
        if (job->inner == 1 && !job->backward && job->step->act == GCAM_ACT_RELU)
            for (size_t c = 0; c < channels; c++) {
                float v = x[c] * scale[c] + shift[c];
                y[c] = v > 0 ? v : 0;
            }
        else
            for (size_t c = 0; c < channels; c++)
                for (size_t i = 0; i < job->inner; i++)
                    y[c * job->inner + i] = job->backward
                        ? x[c * job->inner + i] * scale[c]
                        : activate(x[c * job->inner + i] * scale[c] + shift[c], job->step);
    }
}

// Forward and backward: rows are cut among threads.
static void affine(const GcamRun *run, const GcamStep *step, const float *x, float *y, int backward)
{
    const GcamValue *value = &run->value[step->input[0]];
    size_t count = gcam_shape_count(&value->shape), channels = value->shape.dim[1];
    size_t inner = value->channels_last ? 1 : count / (value->shape.dim[0] * channels);
    AffineJob job = { step, x, y, gcam_part_floats(run, value), channels, inner, backward };
    gcam_threads_run(run->pool, gcam_pieces(&job.floats, ROWS * channels * inner), affine_rows, &job);
}

static void batch_norm_forward(const GcamRun *run, const GcamStep *step)
{
    affine(run, step, run->data[step->input[0]], run->data[step->output[0]], 0);
}

// dx = scale * dy
static void batch_norm_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    (void)input;
    affine(run, step, run->grad[step->output[0]], dx, 1);
}

const GcamOp gcam_op_batch_norm = {
    .type = "BatchNormalization", .layout = GCAM_LAYOUT_LAST, .infer = batch_norm_infer,
    .prepare = batch_norm_prepare, .release = free_state, .forward = batch_norm_forward,
    .backward = batch_norm_backward,
    .excite = gcam_excite_same, .reach = gcam_reach_same, .takes = GCAM_TAKES_ACTIVATION,
    .affine = batch_norm_affine,
};

// ------------------------------------------------------------------------------------------------- LayerNormalization

typedef struct LayerNormParams {
    size_t rows, size;
    float epsilon;
} LayerNormParams;

static int layer_norm_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 3);
    LayerNormParams *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    int axis = gcam_infer_axis(infer, gcam_node_int(infer->node, "axis", -1), x->rank);
    if (axis < 0)
        return axis;
    *params = (LayerNormParams){ 1, 1, gcam_node_float(infer->node, "epsilon", 1e-5f) };
    for (int i = 0; i < x->rank; i++)
        *(i < axis ? &params->rows : &params->size) *= x->dim[i];
    for (int i = 1; i < infer->node->inputs; i++) {
        const GcamValue *value = gcam_infer_input(infer, i);
        if (value && (!value->data || gcam_shape_count(&value->shape) != params->size))
            return gcam_infer_unsupported(infer, "'%s' is not a constant of %zu elements", value->name, params->size);
    }
    infer->node->params = params;
    return gcam_infer_output(infer, 0, x);
}

// state: scale, then bias, of each element of a row
static int layer_norm_prepare(GcamStep *step, const GcamValue *values, int threads)
{
    const LayerNormParams *p = step->node->params;
    float *state = step->state = gcam_calloc(2 * p->size, sizeof(*state));
    (void)threads;
    if (!state)
        return -ENOMEM;
    for (int i = 1; i < step->inputs && i < 3; i++)
        for (size_t j = 0; step->input[i] >= 0 && j < p->size; j++)
            state[(size_t)(i - 1) * p->size + j] = (float)gcam_constant_double(&values[step->input[i]], j);
    return 0;
}

// In double, for rows may be long and far from zero.
static void moments(const float *x, size_t n, float epsilon, float *mean, float *inverse)
{
    double m = gcam_sum(x, n) / (double)n;
    *mean = (float)m;
    *inverse = (float)(1 / sqrt(gcam_sum_squares(x, m, n) / (double)n + epsilon));
}

typedef struct LayerNormJob {
    const LayerNormParams *params;
    const float *state, *x, *dy;
    float *out;
} LayerNormJob;

// With g = scale * dy and z = (x - mean) / std: dx = (g - mean(g) - z * mean(g z)) / std.
static void layer_norm_row_backward(const LayerNormJob *job, size_t row)
{
    size_t n = job->params->size;
    const float *x = job->x + row * n, *dy = job->dy + row * n, *scale = job->state;
    float *restrict dx = job->out + row * n, mean, inverse;
    moments(x, n, job->params->epsilon, &mean, &inverse);
    for (size_t i = 0; i < n; i++)
        dx[i] = scale[i] * dy[i];
    float sum = (float)(gcam_sum(dx, n) / (double)n);
    float product = (float)((gcam_sum_products(dx, x, n) / (double)n - (double)mean * sum) * inverse);
    for (size_t i = 0; i < n; i++)
        dx[i] = (dx[i] - sum - (x[i] - mean) * inverse * product) * inverse;
}

static void layer_norm_rows(void *opaque, size_t index, int thread)
{
    const LayerNormJob *job = opaque;
    size_t n = job->params->size, rows = gcam_rows_at_a_time(n), first = index * rows;
    size_t last = first + rows < job->params->rows ? first + rows : job->params->rows;
    (void)thread;
    for (size_t row = first; row < last; row++)
        if (job->dy)
            layer_norm_row_backward(job, row);
        else
            gcam_kernels()->layer_norm(job->out + row * n, job->x + row * n, job->state, job->state + n,
                                       job->params->epsilon, n);
}

static void layer_norm(const GcamRun *run, LayerNormJob *job)
{
    size_t rows = gcam_rows_at_a_time(job->params->size);
    gcam_threads_run(run->pool, (job->params->rows + rows - 1) / rows, layer_norm_rows, job);
}

static void layer_norm_forward(const GcamRun *run, const GcamStep *step)
{
    LayerNormJob job = { step->node->params, step->state, run->data[step->input[0]], NULL, run->data[step->output[0]] };
    layer_norm(run, &job);
}

static void layer_norm_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    LayerNormJob job = { step->node->params, step->state, run->data[step->input[0]], run->grad[step->output[0]], dx };
    (void)input;
    layer_norm(run, &job);
}

// Along the last dimension alone.
static int layer_norm_by_rows(const GcamNode *node, const GcamValue *values)
{
    const GcamShape *x = &values[node->input[0]].shape;
    int64_t axis = gcam_node_int(node, "axis", -1);
    return axis == -1 || axis == x->rank - 1;
}

const GcamOp gcam_op_layer_norm = {
    .type = "LayerNormalization", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_NEEDS_X | GCAM_OP_NORMALIZES,
    .infer = layer_norm_infer, .prepare = layer_norm_prepare, .release = free_state,
    .forward = layer_norm_forward, .backward = layer_norm_backward, .by_rows = layer_norm_by_rows,
};

// ---------------------------------------------------------------------------------------------------------------- LRN

typedef struct LrnParams {
    size_t rows, channels;
    int size;
    float alpha, beta, bias;
} LrnParams;

static int lrn_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 1);
    LrnParams *p = gcam_infer_alloc(infer, sizeof(*p));
    if (error || !p)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    int64_t size = gcam_node_int(infer->node, "size", 0);
    if (x->rank != 4 || size < 1 || size > 1 << 20)
        return gcam_infer_bad(infer, "size %lld over %d dimensions", (long long)size, x->rank);
    *p = (LrnParams){ x->dim[0] * x->dim[2] * x->dim[3], x->dim[1], (int)size,
                      gcam_node_float(infer->node, "alpha", 1e-4f), gcam_node_float(infer->node, "beta", 0.75f),
                      gcam_node_float(infer->node, "bias", 1) };
    infer->node->params = p;
    return gcam_infer_output(infer, 0, x);
}

typedef struct LrnJob {
    const LrnParams *params;
    const float *x, *y, *dy;
    float *out;
    GcamStretches floats;
} LrnJob;

// The channels around c, as ONNX counts them: floor((size - 1) / 2) before, ceil((size - 1) / 2) after.
static void lrn_window(const LrnParams *p, size_t c, size_t *first, size_t *last)
{
    size_t before = (size_t)(p->size - 1) / 2, after = (size_t)p->size / 2;
    *first = c > before ? c - before : 0;
    *last = c + after < p->channels ? c + after + 1 : p->channels;
}

// bias + alpha / size * sum of squares over the window
static float lrn_base(const LrnParams *p, const float *x, size_t c)
{
    size_t first, last;
    float sum = 0;
    lrn_window(p, c, &first, &last);
    for (size_t i = first; i < last; i++)
        sum += x[i] * x[i];
    return p->bias + p->alpha / (float)p->size * sum;
}

// base^-beta, for the usual powers by roots.
static float lrn_factor(const LrnParams *p, float base)
{
    if (p->beta == 0.75f)
        return 1.0f / (sqrtf(base) * sqrtf(sqrtf(base)));
    return p->beta == 0.5f ? 1.0f / sqrtf(base) : p->beta == 1.0f ? 1.0f / base : powf(base, -p->beta);
}

static void lrn_row(void *opaque, size_t row, int thread)
{
    const LrnJob *job = opaque;
    const LrnParams *p = job->params;
    size_t count, at = gcam_piece(&job->floats, p->channels, row, &count);
    const float *x = job->x + at;
    (void)thread;
    for (size_t c = 0; c < p->channels; c++)
        job->out[at + c] = x[c] * lrn_factor(p, lrn_base(p, x, c));
}

// dx_c = dy_c base_c^-beta - 2 alpha beta / size * x_c * sum over the d whose window holds c of dy_d y_d / base_d
static void lrn_row_backward(void *opaque, size_t row, int thread)
{
    const LrnJob *job = opaque;
    const LrnParams *p = job->params;
    const float *x = job->x + row * p->channels, *y = job->y + row * p->channels, *dy = job->dy + row * p->channels;
    float *dx = job->out + row * p->channels;
    (void)thread;
    for (size_t c = 0; c < p->channels; c++)
        dx[c] = dy[c] * lrn_factor(p, lrn_base(p, x, c));
    for (size_t d = 0; d < p->channels; d++) {
        size_t first, last;
        float share = 2 * p->alpha * p->beta / (float)p->size * dy[d] * y[d] / lrn_base(p, x, d);
        lrn_window(p, d, &first, &last);
        for (size_t c = first; c < last; c++)
            dx[c] -= share * x[c];
    }
}

static void lrn_forward(const GcamRun *run, const GcamStep *step)
{
    LrnJob job = { step->node->params, run->data[step->input[0]], NULL, NULL, run->data[step->output[0]],
                   gcam_part_floats(run, &run->value[step->output[0]]) };
    gcam_threads_run(run->pool, gcam_pieces(&job.floats, job.params->channels), lrn_row, &job);
}

static void lrn_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    LrnJob job = { step->node->params, run->data[step->input[0]], run->data[step->output[0]],
                   run->grad[step->output[0]], dx, { 0 } };
    (void)input;
    gcam_threads_run(run->pool, job.params->rows, lrn_row_backward, &job);
}

const GcamOp gcam_op_lrn = {
    .type = "LRN", .layout = GCAM_LAYOUT_LAST, .flags = GCAM_OP_NEEDS_X | GCAM_OP_NEEDS_Y,
    .infer = lrn_infer, .forward = lrn_forward, .backward = lrn_backward, .reach = gcam_reach_same,
};
