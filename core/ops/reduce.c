/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ReduceMean and ReduceSum over any dimensions and layout; Softmax and LogSoftmax along one dimension of values in
 * ONNX's own order.
 *
 *     y = scale * sum of x over `axes`, scale = 1 or 1 / elements        dx = scale * dy, repeated along them
 *     Softmax: y = e^(x - max) / sum        dx = y (dy - sum of dy y)
 *     LogSoftmax: y = x - max - log sum e^(x - max)        dx = dy - e^y sum of dy
 */
#include "reduce.h"

#include "kernels/kernels.h"
#include "lanes.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// ----------------------------------------------------------------------------------------------- ReduceMean, ReduceSum

typedef struct ReduceParams {
    unsigned axes;              // a bit for each dimension that is reduced
    int keep;
    float scale;
} ReduceParams;

// Axes from an attribute or, from opset 13 or 18 on, a constant input; none: all of them.
int gcam_reduce_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 2);
    ReduceParams *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    int64_t axes[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, "axes", 1, axes);
    if (n < 0 && n != -ENOENT)
        return n;
    for (int i = 0; i < n; i++) {
        int axis = gcam_infer_axis(infer, axes[i], x->rank);
        if (axis < 0)
            return axis;
        params->axes |= 1u << axis;
    }
    if (n <= 0 && !gcam_node_int(infer->node, "noop_with_empty_axes", 0))
        params->axes = (1u << x->rank) - 1;
    params->keep = gcam_node_int(infer->node, "keepdims", 1) != 0;
    GcamShape shape = { 0 };
    size_t reduced = 1;
    for (int i = 0; i < x->rank; i++) {
        int drop = params->axes >> i & 1;
        reduced *= drop ? x->dim[i] : 1;
        if (!drop || params->keep)
            shape.dim[shape.rank++] = drop ? 1 : x->dim[i];
    }
    params->scale = strcmp(infer->node->type, "ReduceMean") ? 1.0f : 1.0f / (float)reduced;
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

// The box of x, added up into y.
GcamMove gcam_reduce_move(const GcamRun *run, const GcamStep *step)
{
    const ReduceParams *params = step->node->params;
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = { .rank = x->shape.rank };
    ptrdiff_t stride[GCAM_MAX_RANK];
    memcpy(move.dim, x->shape.dim, sizeof(move.dim));
    gcam_value_strides(x, move.from);
    gcam_value_strides(y, stride);
    for (int i = 0, next = 0; i < move.rank; i++) {
        int drop = params->axes >> i & 1;
        move.to[i] = drop ? 0 : stride[next];
        next += !drop || params->keep;
    }
    return move;
}

static void reduce_forward(const GcamRun *run, const GcamStep *step)
{
    const ReduceParams *params = step->node->params;
    GcamMove move = gcam_reduce_move(run, step);
    size_t count = gcam_shape_count(&run->value[step->output[0]].shape);
    float *y = run->data[step->output[0]];
    memset(y, 0, count * sizeof(*y));
    gcam_move_add(&move, run->data[step->input[0]], y);
    for (size_t i = 0; i < count; i++)
        y[i] *= params->scale;
}

static void reduce_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const ReduceParams *params = step->node->params;
    GcamMove forward = gcam_reduce_move(run, step), move = gcam_move_reverse(&forward);
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
    for (size_t i = 0, n = gcam_shape_count(&run->value[step->input[input]].shape); i < n; i++)
        dx[i] *= params->scale;
}

#define REDUCE(name, ...) \
    { .type = name, .layout = GCAM_LAYOUT_FREE, .infer = gcam_reduce_infer, .forward = reduce_forward, \
      .backward = reduce_backward, .excite = reduce_backward, __VA_ARGS__ }

const GcamOp gcam_op_reduce_mean = REDUCE("ReduceMean", .range = GCAM_RANGE_FIRST);
const GcamOp gcam_op_reduce_sum = REDUCE("ReduceSum", );

// ------------------------------------------------------------------------------------------------ Softmax, LogSoftmax

typedef struct SoftmaxParams {
    size_t outer, along, inner;
} SoftmaxParams;

// From opset 13 along one dimension; before, along all from `axis` on.
static int softmax_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 1), single = infer->graph->opset >= 13;
    SoftmaxParams *p = gcam_infer_alloc(infer, sizeof(*p));
    if (error || !p)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    int axis = gcam_infer_axis(infer, gcam_node_int(infer->node, "axis", single ? -1 : 1), x->rank);
    if (axis < 0)
        return axis;
    *p = (SoftmaxParams){ 1, 1, 1 };
    for (int i = 0; i < x->rank; i++)
        *(i < axis ? &p->outer : i == axis || !single ? &p->along : &p->inner) *= x->dim[i];
    infer->node->params = p;
    return gcam_infer_output(infer, 0, x);
}

// Along the last dimension alone.
static int softmax_by_rows(const GcamNode *node, const GcamValue *values)
{
    const SoftmaxParams *p = node->params;
    const GcamShape *shape = &values[node->input[0]].shape;
    return shape->rank && p->inner == 1 && p->along == shape->dim[shape->rank - 1];
}

typedef struct SoftmaxJob {
    const SoftmaxParams *params;
    const float *x, *dy;        // backward: x is y
    float *out;
    int log;
    size_t rows;                // that one thread takes at a time
} SoftmaxJob;

// One row: `along` elements, `inner` apart.
static void softmax_row(const SoftmaxJob *job, size_t row)
{
    size_t n = job->params->along, step = job->params->inner;
    size_t at = row / step * n * step + row % step;
    const float *x = job->x + at;
    float *y = job->out + at, top = x[0];
    double sum = 0;
    if (step == 1 && !job->log) {
        gcam_kernels()->softmax(y, x, 1, (const float *const[2]){ NULL, NULL }, n);
        return;
    }
    for (size_t i = 1; i < n; i++)
        top = x[i * step] > top ? x[i * step] : top;
    for (size_t i = 0; i < n; i++) {
        float e = expf(x[i * step] - top);
        sum += e;
        y[i * step] = e;
    }
    float scale = (float)(1 / sum), shift = (float)log(sum) + top;
    for (size_t i = 0; i < n; i++)
        y[i * step] = job->log ? x[i * step] - shift : y[i * step] * scale;
}

// Softmax: dx = y (dy - sum dy y); LogSoftmax: dx = dy - e^y sum dy.
static void softmax_row_backward(const SoftmaxJob *job, size_t row)
{
    size_t n = job->params->along, step = job->params->inner;
    size_t at = row / step * n * step + row % step;
    const float *y = job->x + at, *dy = job->dy + at;
    float *dx = job->out + at;
    double sum = 0;
    if (step == 1 && !job->log) {
        float share = (float)gcam_sum_products(dy, y, n);
        for (size_t i = 0; i < n; i++)
            dx[i] = y[i] * (dy[i] - share);
        return;
    }
    for (size_t i = 0; i < n; i++)
        sum += job->log ? dy[i * step] : (double)dy[i * step] * y[i * step];
    for (size_t i = 0; i < n; i++)
        dx[i * step] = job->log ? dy[i * step] - expf(y[i * step]) * (float)sum
                                : y[i * step] * (dy[i * step] - (float)sum);
}

static void softmax_rows(void *opaque, size_t index, int thread)
{
    const SoftmaxJob *job = opaque;
    size_t rows = job->params->outer * job->params->inner, first = index * job->rows;
    size_t last = first + job->rows < rows ? first + job->rows : rows;
    (void)thread;
    for (size_t row = first; row < last; row++)
        if (job->dy)
            softmax_row_backward(job, row);
        else
            softmax_row(job, row);
}

static void softmax(const GcamRun *run, SoftmaxJob *job)
{
    size_t rows = job->params->outer * job->params->inner;
    job->rows = gcam_rows_at_a_time(job->params->along);
    gcam_threads_run(run->pool, (rows + job->rows - 1) / job->rows, softmax_rows, job);
}

static void softmax_forward(const GcamRun *run, const GcamStep *step)
{
    SoftmaxJob job = { step->node->params, run->data[step->input[0]], NULL, run->data[step->output[0]],
                       step->op->data != NULL, 0 };
    softmax(run, &job);
}

static void softmax_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    SoftmaxJob job = { step->node->params, run->data[step->output[0]], run->grad[step->output[0]], dx,
                       step->op->data != NULL, 0 };
    (void)input;
    softmax(run, &job);
}

#define SOFTMAX(name, traits, span, is_log) \
    { .type = name, .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_NEEDS_Y | traits, .range = span, \
      .infer = softmax_infer, .forward = softmax_forward, .backward = softmax_backward, .probabilities = "softmax", \
      .by_rows = softmax_by_rows, .data = is_log }

const GcamOp gcam_op_softmax = SOFTMAX("Softmax", GCAM_OP_SOFTMAX, GCAM_RANGE_UNIT, NULL);
const GcamOp gcam_op_log_softmax = SOFTMAX("LogSoftmax", 0, GCAM_RANGE_UNKNOWN, &(const int){ 1 });
