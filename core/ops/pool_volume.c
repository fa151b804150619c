/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pools of values of one or three dimensions, and LpPool of one to three, in ONNX's own order; windows w of x:
 *
 *     MaxPool        y = max x                 dy goes to the first element of the window that is y
 *     AveragePool    y = sum x / count         dy / count goes to each
 *     LpPool         y = (sum |x|^p)^(1/p)     dx = sign(x) (|x| / y)^(p - 1) dy, 0 where y is
 *
 * count: the elements inside the value or, if count_include_pad, inside the padded one. A global pool is a window of
 * the size of the value. Channels are divided among threads.
 */
#include "volume.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct Params {
    GcamSpan span[GCAM_WINDOW_DIMS];
    int include_pad;
    float p;
    size_t x_count, y_count;    // of a channel
} Params;

// ------------------------------------------------------------------------------------------------------------ shapes

static int infer_any(GcamInfer *infer, int is_global)
{
    int error = gcam_infer_arity(infer, 1, 1);
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    if ((error = gcam_infer_volume(infer, x)))
        return error;
    if (infer->node->outputs > 1 && infer->node->output[1] >= 0)
        return gcam_infer_unsupported(infer, "asks for the indices of maxima");
    if (!is_global && (error = gcam_infer_spans(infer, x, NULL, params->span)))
        return error;
    for (int i = 0; is_global && i < x->rank - 2; i++) {
        const int size = (int)x->dim[2 + i];
        params->span[i] = (GcamSpan){ .in = size, .kernel = size, .out = 1, .stride = 1, .dilation = 1 };
    }
    gcam_span_pad(x->rank - 2, params->span);
    params->include_pad = gcam_node_int(infer->node, "count_include_pad", 0) != 0;
    const GcamAttribute *p = gcam_node_attribute(infer->node, "p");     // an integer; a float in opset 1
    params->p = !p ? 2 : p->i ? (float)p->i : p->f;
    if (!(params->p >= 1 && params->p <= 64))
        return gcam_infer_unsupported(infer, "p of %g", (double)params->p);
    GcamShape shape = gcam_span_shape(x, x->dim[1], params->span);
    params->x_count = gcam_shape_count(x) / (x->dim[0] * x->dim[1]);
    params->y_count = gcam_shape_count(&shape) / (x->dim[0] * x->dim[1]);
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

static int pool_infer(GcamInfer *infer)
{
    return infer_any(infer, 0);
}

static int global_infer(GcamInfer *infer)
{
    return infer_any(infer, 1);
}

// ----------------------------------------------------------------------------------------------------------- windows

// A window's elements, as kernel indices [first, last) of each dimension, and where they lie.
typedef struct Cell {
    ptrdiff_t at[GCAM_WINDOW_DIMS];     // of the window's first element, may lie outside
    int first[GCAM_WINDOW_DIMS], last[GCAM_WINDOW_DIMS];
} Cell;

// Kernel indices whose places, from `at` on, lie in [0, size).
static void clip(ptrdiff_t at, const GcamSpan *span, ptrdiff_t size, int *first, int *last)
{
    const ptrdiff_t step = span->dilation, low = at < 0 ? (-at + step - 1) / step : 0;
    const ptrdiff_t high = size > at ? (size - at + step - 1) / step : 0;
    *first = (int)(low < span->kernel ? low : span->kernel);
    *last = (int)(high < span->kernel ? high : span->kernel);
    if (*last < *first)
        *last = *first;
}

static Cell cell_of(const Params *params, size_t place)
{
    Cell cell;
    for (int i = GCAM_WINDOW_DIMS - 1; i >= 0; i--) {
        const GcamSpan *span = &params->span[i];
        cell.at[i] = (ptrdiff_t)(place % (size_t)span->out) * span->stride - span->before;
        place /= (size_t)span->out;
        clip(cell.at[i], span, span->in, &cell.first[i], &cell.last[i]);
    }
    return cell;
}

// What divides the sum.
static float divisor(const Params *params, const Cell *cell)
{
    float count = 1;
    for (int i = 0; i < GCAM_WINDOW_DIMS; i++) {
        const GcamSpan *span = &params->span[i];
        int first = cell->first[i], last = cell->last[i];
        if (params->include_pad)
            clip(cell->at[i] + span->before, span, (ptrdiff_t)span->in + span->before + span->after, &first, &last);
        count *= (float)(last - first);
    }
    return count;
}

// Runs the body with `at`, the place in the channel, for each element of a window in order.
#define FOR_CELL(params, cell, at, body) \
    for (int d_ = (cell)->first[0]; d_ < (cell)->last[0]; d_++) \
        for (int h_ = (cell)->first[1]; h_ < (cell)->last[1]; h_++) { \
            const GcamSpan *span_ = (params)->span; \
            const ptrdiff_t row_ = (((cell)->at[0] + (ptrdiff_t)d_ * span_[0].dilation) * span_[1].in + \
                                    (cell)->at[1] + (ptrdiff_t)h_ * span_[1].dilation) * span_[2].in + (cell)->at[2]; \
            for (int w_ = (cell)->first[2]; w_ < (cell)->last[2]; w_++) { \
                const ptrdiff_t at = row_ + (ptrdiff_t)w_ * span_[2].dilation; \
                body \
            } \
        }

typedef struct Job {
    const Params *params;
    const float *x, *y, *dy;
    float *out;                 // y, or dx
} Job;

static void max_channel(void *opaque, size_t channel, int thread)
{
    const Job *job = opaque;
    const Params *params = job->params;
    const float *x = job->x + channel * params->x_count;
    (void)thread;
    for (size_t i = 0; i < params->y_count; i++) {
        const Cell cell = cell_of(params, i);
        float most = -INFINITY;
        FOR_CELL(params, &cell, at, if (!(x[at] <= most)) most = x[at];)
        job->out[channel * params->y_count + i] = most;
    }
}

static void max_back_channel(void *opaque, size_t channel, int thread)
{
    const Job *job = opaque;
    const Params *params = job->params;
    const float *x = job->x + channel * params->x_count, *y = job->y + channel * params->y_count;
    float *dx = job->out + channel * params->x_count;
    (void)thread;
    memset(dx, 0, params->x_count * sizeof(*dx));
    for (size_t i = 0; i < params->y_count; i++) {
        const Cell cell = cell_of(params, i);
        FOR_CELL(params, &cell, at, if (x[at] == y[i]) {
            dx[at] += job->dy[channel * params->y_count + i];
            goto next;
        })
    next:;
    }
}

static void average_channel(void *opaque, size_t channel, int thread)
{
    const Job *job = opaque;
    const Params *params = job->params;
    const float *x = job->x + channel * params->x_count;
    (void)thread;
    for (size_t i = 0; i < params->y_count; i++) {
        const Cell cell = cell_of(params, i);
        const float count = divisor(params, &cell);
        double sum = 0;
        FOR_CELL(params, &cell, at, sum += (double)x[at];)
        job->out[channel * params->y_count + i] = count > 0 ? (float)(sum / (double)count) : 0;
    }
}

static void average_back_channel(void *opaque, size_t channel, int thread)
{
    const Job *job = opaque;
    const Params *params = job->params;
    float *dx = job->out + channel * params->x_count;
    (void)thread;
    memset(dx, 0, params->x_count * sizeof(*dx));
    for (size_t i = 0; i < params->y_count; i++) {
        const Cell cell = cell_of(params, i);
        const float count = divisor(params, &cell);
        const float share = count > 0 ? job->dy[channel * params->y_count + i] / count : 0;
        FOR_CELL(params, &cell, at, dx[at] += share;)
    }
}

static void lp_channel(void *opaque, size_t channel, int thread)
{
    const Job *job = opaque;
    const Params *params = job->params;
    const float *x = job->x + channel * params->x_count;
    const double p = (double)params->p;
    (void)thread;
    for (size_t i = 0; i < params->y_count; i++) {
        const Cell cell = cell_of(params, i);
        double sum = 0;
        FOR_CELL(params, &cell, at, sum += p == 2 ? (double)x[at] * (double)x[at] : pow(fabs((double)x[at]), p);)
        job->out[channel * params->y_count + i] = (float)(p == 2 ? sqrt(sum) : pow(sum, 1 / p));
    }
}

static void lp_back_channel(void *opaque, size_t channel, int thread)
{
    const Job *job = opaque;
    const Params *params = job->params;
    const float *x = job->x + channel * params->x_count, *y = job->y + channel * params->y_count;
    const double p = (double)params->p;
    float *dx = job->out + channel * params->x_count;
    (void)thread;
    memset(dx, 0, params->x_count * sizeof(*dx));
    for (size_t i = 0; i < params->y_count; i++) {
        const Cell cell = cell_of(params, i);
        const double dy = (double)job->dy[channel * params->y_count + i];
        if (y[i] == 0)
            continue;
        FOR_CELL(params, &cell, at, {
            const double share = pow(fabs((double)x[at]) / (double)y[i], p - 1);
            dx[at] += (float)(x[at] > 0 ? dy * share : x[at] < 0 ? -dy * share : 0);
        })
    }
}

// ----------------------------------------------------------------------------------------------------------- running

// What a pool does to a channel: there, and back.
typedef struct Kind {
    GcamPoolFn there, back;
} Kind;

static void forward(const GcamRun *run, const GcamStep *step)
{
    Job job = { step->node->params, run->data[step->input[0]], NULL, NULL, run->data[step->output[0]] };
    const GcamShape *x = &run->value[step->input[0]].shape;
    gcam_threads_run(run->pool, x->dim[0] * x->dim[1], ((const Kind *)step->op->data)->there, &job);
}

static void backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    Job job = { step->node->params, run->data[step->input[0]], run->data[step->output[0]], run->grad[step->output[0]],
                dx };
    const GcamShape *x = &run->value[step->input[0]].shape;
    (void)input;
    gcam_threads_run(run->pool, x->dim[0] * x->dim[1], ((const Kind *)step->op->data)->back, &job);
}

static const Kind maximum = { max_channel, max_back_channel }, average = { average_channel, average_back_channel },
                  lp = { lp_channel, lp_back_channel };

#define POOL(name, needs, rule, kind, ...) \
    { .type = name, .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_POOLS | needs, .infer = rule, .forward = forward, \
      .backward = backward, .data = &kind, __VA_ARGS__ }
#define NEEDS_BOTH (GCAM_OP_NEEDS_X | GCAM_OP_NEEDS_Y)

const GcamOp gcam_op_max_pool_volume = POOL("MaxPool", NEEDS_BOTH, pool_infer, maximum, .excite = backward);
const GcamOp gcam_op_average_pool_volume = POOL("AveragePool", 0, pool_infer, average, .excite = backward);
const GcamOp gcam_op_global_max_pool_volume = POOL("GlobalMaxPool", NEEDS_BOTH, global_infer, maximum,
                                                   .excite = backward, .range = GCAM_RANGE_FIRST);
const GcamOp gcam_op_global_average_pool_volume = POOL("GlobalAveragePool", 0, global_infer, average,
                                                       .excite = backward, .range = GCAM_RANGE_FIRST);
const GcamOp gcam_op_lp_pool = POOL("LpPool", NEEDS_BOTH, pool_infer, lp, .range = GCAM_RANGE_UNKNOWN);
const GcamOp gcam_op_global_lp_pool = POOL("GlobalLpPool", NEEDS_BOTH, global_infer, lp, .range = GCAM_RANGE_UNKNOWN);
