/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Normalisations of groups of channels, each over all its pixels, of x [N, C, ..] in ONNX's own order: a group of n
 * elements lies in one piece, and with z = (x - mean) / s, s^2 = variance + epsilon,
 *
 *     y = scale z + bias        dx = (g - mean(g) - z mean(g z)) / s, g = scale dy
 *
 * InstanceNormalization (Ulyanov et al. 2016): a channel is a group. GroupNormalization (Wu & He 2018): num_groups of
 * them; scale and bias are one for each channel from opset 21 on, before one for each group. MeanVarianceNormalization:
 * over axes 0, 2 and 3 of one picture, a channel is a group too, without scale and bias, and s = std + 1e-9.
 */
#include "ops.h"

#include "base/mem.h"
#include "lanes.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct Params {
    size_t rows, size;          // groups of all pictures, elements of one
    size_t groups, channels;    // of a picture
    float epsilon;
} Params;

static int set_params(GcamInfer *infer, size_t groups, float epsilon)
{
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    if (!params)
        return -ENOMEM;
    *params = (Params){ x->dim[0] * groups, gcam_shape_count(x) / (x->dim[0] * groups), groups, x->dim[1], epsilon };
    infer->node->params = params;
    return gcam_infer_output(infer, 0, x);
}

// Of InstanceNormalization and GroupNormalization, which have constants of a number for each channel or group.
static int scaled_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 3, 3);
    if (error)
        return error;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    if (x->rank < 2)
        return gcam_infer_unsupported(infer, "an input of %d dimensions", x->rank);
    int64_t groups = infer->node->op->data ? gcam_node_int(infer->node, "num_groups", 0) : (int64_t)x->dim[1];
    if (groups < 1 || x->dim[1] % (size_t)groups)
        return gcam_infer_bad(infer, "%zu channels in %lld groups", x->dim[1], (long long)groups);
    for (int i = 1; i < 3; i++) {
        const GcamValue *value = gcam_infer_input(infer, i);
        size_t count = gcam_shape_count(&value->shape);
        if (!value->data)
            return gcam_infer_unsupported(infer, "'%s' depends on the picture", value->name);
        if (count != x->dim[1] && count != (size_t)groups)
            return gcam_infer_bad(infer, "'%s' has %zu elements for %zu channels", value->name, count, x->dim[1]);
    }
    return set_params(infer, (size_t)groups, gcam_node_float(infer->node, "epsilon", 1e-5f));
}

static int mean_variance_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 1);
    int64_t axes[GCAM_MAX_RANK] = { 0, 2, 3 };
    if (error)
        return error;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    int n = gcam_infer_ints(infer, "axes", -1, axes);
    unsigned over = 0;
    if (n < 0 && n != -ENOENT)
        return n;
    for (int i = 0; i < (n < 0 ? 3 : n); i++) {
        int axis = gcam_infer_axis(infer, axes[i], x->rank);
        if (axis < 0)
            return axis;
        over |= 1u << axis;
    }
    const unsigned all = (1u << x->rank) - 1, picture = x->dim[0] == 1 ? over | 1 : over & ~1u;
    if (x->rank < 2 || (over & 1 && x->dim[0] > 1) || ((picture | 1) != all && (picture | 3) != all))
        return gcam_infer_unsupported(infer, "axes other than those of a picture's pixels");
    return set_params(infer, picture & 2 ? 1 : x->dim[1], 0);
}

// state: scale, then bias, of each channel
static int prepare(GcamStep *step, const GcamValue *values, int threads)
{
    const Params *p = step->node->params;
    float *state = step->state = gcam_calloc(2 * p->channels, sizeof(*state));
    (void)threads;
    if (!state)
        return -ENOMEM;
    for (size_t c = 0; c < p->channels; c++)
        state[c] = 1;
    for (int i = 1; i < step->inputs; i++) {
        const GcamValue *value = &values[step->input[i]];
        size_t each = p->channels / gcam_shape_count(&value->shape);
        for (size_t c = 0; c < p->channels; c++)
            state[(size_t)(i - 1) * p->channels + c] = (float)gcam_constant_double(value, c / each);
    }
    return 0;
}

static void release(GcamStep *step)
{
    gcam_free(step->state);
    step->state = NULL;
}

typedef struct Job {
    const Params *params;
    const float *state, *x, *dy;
    float *out;
} Job;

// mean and 1 / s of a group, in double, for it may be long and far from zero.
static void moments(const Params *p, const float *x, float *mean, float *inverse)
{
    double m = gcam_sum(x, p->size) / (double)p->size, variance = gcam_sum_squares(x, m, p->size) / (double)p->size;
    *mean = (float)m;
    *inverse = (float)(1 / (p->epsilon > 0 ? sqrt(variance + p->epsilon) : sqrt(variance) + 1e-9));
}

static void forward_group(const Job *job, size_t row)
{
    const Params *p = job->params;
    const size_t each = p->channels / p->groups, pixels = p->size / each, first = row % p->groups * each;
    const float *x = job->x + row * p->size;
    float *y = job->out + row * p->size, mean, inverse;
    moments(p, x, &mean, &inverse);
    for (size_t c = 0; c < each; c++) {
        const float scale = job->state[first + c], bias = job->state[p->channels + first + c];
        for (size_t i = c * pixels; i < (c + 1) * pixels; i++)
            y[i] = (x[i] - mean) * inverse * scale + bias;
    }
}

static void backward_group(const Job *job, size_t row)
{
    const Params *p = job->params;
    const size_t each = p->channels / p->groups, pixels = p->size / each, first = row % p->groups * each;
    const float *x = job->x + row * p->size, *dy = job->dy + row * p->size;
    float *dx = job->out + row * p->size, mean, inverse;
    moments(p, x, &mean, &inverse);
    for (size_t i = 0; i < p->size; i++)
        dx[i] = job->state[first + i / pixels] * dy[i];
    float sum = (float)(gcam_sum(dx, p->size) / (double)p->size);
    float share = (float)((gcam_sum_products(dx, x, p->size) / (double)p->size - (double)mean * sum) * inverse);
    for (size_t i = 0; i < p->size; i++)
        dx[i] = (dx[i] - sum - (x[i] - mean) * inverse * share) * inverse;
}

static void run_row(void *opaque, size_t row, int thread)
{
    const Job *job = opaque;
    (void)thread;
    if (job->dy)
        backward_group(job, row);
    else
        forward_group(job, row);
}

static void forward(const GcamRun *run, const GcamStep *step)
{
    Job job = { step->node->params, step->state, run->data[step->input[0]], NULL, run->data[step->output[0]] };
    gcam_threads_run(run->pool, job.params->rows, run_row, &job);
}

static void backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    Job job = { step->node->params, step->state, run->data[step->input[0]], run->grad[step->output[0]], dx };
    (void)input;
    gcam_threads_run(run->pool, job.params->rows, run_row, &job);
}

#define NORM(onnx, infer_, is_grouped) \
    { .type = onnx, .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_NEEDS_X, .infer = infer_, .prepare = prepare, \
      .release = release, .forward = forward, .backward = backward, .data = is_grouped }

const GcamOp gcam_op_norm_groups[] = {
    NORM("InstanceNormalization", scaled_infer, NULL),
    NORM("GroupNormalization", scaled_infer, &(const int){ 1 }),
    NORM("MeanVarianceNormalization", mean_variance_infer, NULL),
};
const size_t gcam_op_norm_groups_count = sizeof(gcam_op_norm_groups) / sizeof(gcam_op_norm_groups[0]);
