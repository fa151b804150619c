/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators on two tensors, element by element, with broadcasting (ONNX, "multidirectional"): y = f(a, b), any layout,
 * either of them a constant or not. Gradients: da = dy * df/da, summed over the dimensions along which a was repeated;
 * db alike.
 *
 * One more of them is a KERNEL line, with f of a and b and its two derivatives, of a, b and y, and a row of
 * gcam_op_binary. The loops run over the output with a stride for each tensor, 0 where it is repeated; neighbours that
 * lie behind each other in all three are one dimension, so that equal shapes are one long row.
 */
#include "excitation.h"
#include "part.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PARALLEL_ELEMENTS 16384

typedef struct Kernel {
    void (*run)(const float *a, ptrdiff_t a_step, const float *b, ptrdiff_t b_step, float *y, size_t n);
    // dx[i] += dy[i] * (derivative by a or b)[i], n elements.
    void (*back[2])(const float *a, ptrdiff_t a_step, const float *b, ptrdiff_t b_step, const float *y,
                    const float *dy, float *dx, ptrdiff_t dx_step, size_t n);
} Kernel;

// The usual steps are spelled out, so that the compiler makes vectors of them.
#define BACK(name, df) \
    static void name(const float *a_, ptrdiff_t a_step, const float *b_, ptrdiff_t b_step, const float *y_, \
                     const float *dy, float *restrict dx, ptrdiff_t dx_step, size_t n) \
    { \
        if (a_step == 1 && b_step == 1 && dx_step == 1) \
            BACK_ROW(df, a_[i], b_[i], dx[i]) \
        else if (a_step == 1 && b_step == 0 && dx_step == 1) \
            BACK_ROW(df, a_[i], *b_, dx[i]) \
        else if (a_step == 0 && b_step == 1 && dx_step == 1) \
            BACK_ROW(df, *a_, b_[i], dx[i]) \
        else if (dx_step == 0) { \
            float sum = 0; \
            BACK_ROW(df, a_[(ptrdiff_t)i * a_step], b_[(ptrdiff_t)i * b_step], sum) \
            *dx += sum; \
        } else \
            BACK_ROW(df, a_[(ptrdiff_t)i * a_step], b_[(ptrdiff_t)i * b_step], dx[(ptrdiff_t)i * dx_step]) \
    }

#define BACK_ROW(df, a_at, b_at, to) \
    for (size_t i = 0; i < n; i++) { \
        float a = a_at, b = b_at, y = y_[i]; \
        (void)a, (void)b, (void)y; \
        to += dy[i] * (df); \
    }

#define KERNEL(name, f, da, db) \
    static void name##_run(const float *a_, ptrdiff_t a_step, const float *b_, ptrdiff_t b_step, float *restrict y, \
                           size_t n) \
    { \
        if (a_step == 1 && b_step == 1) \
            for (size_t i = 0; i < n; i++) { \
                float a = a_[i], b = b_[i]; \
                y[i] = f; \
            } \
        else if (a_step == 1 && b_step == 0) \
            for (size_t i = 0; i < n; i++) { \
                float a = a_[i], b = *b_; \
                y[i] = f; \
            } \
        else if (a_step == 0 && b_step == 1) \
            for (size_t i = 0; i < n; i++) { \
                float a = *a_, b = b_[i]; \
                y[i] = f; \
            } \
        else \
            for (size_t i = 0; i < n; i++) { \
                float a = a_[(ptrdiff_t)i * a_step], b = b_[(ptrdiff_t)i * b_step]; \
                y[i] = f; \
            } \
    } \
    BACK(name##_da, da) \
    BACK(name##_db, db)

KERNEL(add, a + b, 1, 1)
KERNEL(sub, a - b, 1, -1)
KERNEL(mul, a * b, b, a)
KERNEL(div, a / b, 1 / b, -y / b)
KERNEL(pow, b == 2 ? a * a : b == 0.5f ? sqrtf(a) : powf(a, b), b * powf(a, b - 1), a > 0 ? y * logf(a) : 0)
KERNEL(min, a < b ? a : b, a <= b, b < a)
KERNEL(max, a > b ? a : b, a >= b, b > a)
// Steps: 1 where it is so, else 0; no gradient comes through.
KERNEL(equal, a == b, 0, 0)
KERNEL(greater, a > b, 0, 0)
KERNEL(greater_or_equal, a >= b, 0, 0)
KERNEL(less, a < b, 0, 0)
KERNEL(less_or_equal, a <= b, 0, 0)
KERNEL(and, a != 0 && b != 0, 0, 0)
KERNEL(or, a != 0 || b != 0, 0, 0)
KERNEL(xor, (a != 0) != (b != 0), 0, 0)
KERNEL(prelu, a > 0 ? a : a * b, a > 0 ? 1 : b, a > 0 ? 0 : a)

// Before opset 7, Add, Sub, Mul and Div broadcast the second input from `axis` on: its shape is padded accordingly.
static int old_broadcast(GcamInfer *infer, GcamShape *b, int rank)
{
    const GcamNode *node = infer->node;
    if (infer->graph->opset >= 7 || !gcam_node_int(node, "broadcast", 0) || !gcam_node_attribute(node, "axis"))
        return 0;
    int axis = gcam_infer_axis(infer, gcam_node_int(node, "axis", 0), rank);
    if (axis < 0)
        return axis;
    while (b->rank < rank - axis && b->rank < GCAM_MAX_RANK)
        b->dim[b->rank++] = 1;
    return 0;
}

typedef struct Params {
    GcamShape b;                // shape of the second input, as broadcasting sees it
} Params;

// The shape of both, broadcast; what b looks like to broadcasting goes to params.
static int binary_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 2);
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    const GcamShape *a = &gcam_infer_input(infer, 0)->shape, *b = &params->b;
    params->b = gcam_infer_input(infer, 1)->shape;
    if (!strcmp(infer->node->type, "PRelu") && b->rank == 1 && a->rank > 2 && b->dim[0] == a->dim[1] && b->dim[0] > 1)
        while (params->b.rank < a->rank - 1)    // a slope per channel as older exporters write it
            params->b.dim[params->b.rank++] = 1;
    if ((error = old_broadcast(infer, &params->b, a->rank)))
        return error;
    GcamShape shape = { .rank = a->rank > b->rank ? a->rank : b->rank };
    for (int i = 1; i <= shape.rank; i++) {
        size_t p = i <= a->rank ? a->dim[a->rank - i] : 1, q = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (p != q && p != 1 && q != 1) {
            char first[GCAM_SHAPE_TEXT], second[GCAM_SHAPE_TEXT];
            return gcam_infer_bad(infer, "shapes %s and %s do not fit each other", gcam_shape_text(a, first),
                                  gcam_shape_text(b, second));
        }
        shape.dim[shape.rank - i] = p == 1 ? q : p;
    }
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

// The loops over the output, with a stride for y, a and b in each dimension.
typedef struct Loops {
    int rank;
    size_t dim[GCAM_MAX_RANK];
    ptrdiff_t stride[3][GCAM_MAX_RANK];
    ptrdiff_t offset[3];        // of the part that is wanted
} Loops;

// Strides of a tensor of shape `seen` over the dimensions of the output: 0 where it is repeated.
static void broadcast_strides(const GcamValue *value, const GcamShape *seen, int rank, ptrdiff_t *stride)
{
    ptrdiff_t own[GCAM_MAX_RANK];
    GcamValue reshaped = *value;
    if (seen->rank != value->shape.rank)        // padded with ones at the end: same bytes, plain order
        reshaped.shape = *seen;
    gcam_value_strides(&reshaped, own);
    for (int i = 1; i <= rank; i++) {
        int at = seen->rank - i;
        stride[rank - i] = at < 0 || seen->dim[at] == 1 ? 0 : own[at];
    }
}

static void swap_dims(Loops *loops, int a, int b)
{
    size_t dim = loops->dim[a];
    loops->dim[a] = loops->dim[b];
    loops->dim[b] = dim;
    for (int k = 0; k < 3; k++) {
        ptrdiff_t stride = loops->stride[k][a];
        loops->stride[k][a] = loops->stride[k][b];
        loops->stride[k][b] = stride;
    }
}

static void drop_dim(Loops *loops, int at)
{
    for (int i = at; i + 1 < loops->rank; i++)
        swap_dims(loops, i, i + 1);
    loops->rank--;
}

// Over the part of the output that is wanted.
static void restrict_loops(Loops *loops, const GcamRun *run, const GcamValue *y)
{
    for (int k = 0; k < 3; k++) {
        GcamMove move = { .rank = loops->rank };
        memcpy(move.dim, loops->dim, sizeof(move.dim));
        memcpy(move.from, loops->stride[k], sizeof(move.from));
        gcam_move_part(&move, run, y);
        loops->offset[k] = move.from_offset;
        if (k == 2)
            memcpy(loops->dim, move.dim, sizeof(move.dim));
    }
}

// Over the output, or the part of it that is wanted: the largest stride outermost, ones left out, neighbours merged.
static Loops make_loops(const GcamRun *run, const GcamStep *step)
{
    const GcamValue *y = &run->value[step->output[0]], *a = &run->value[step->input[0]];
    const GcamValue *b = &run->value[step->input[1]];
    Loops loops = { .rank = y->shape.rank };
    memcpy(loops.dim, y->shape.dim, sizeof(loops.dim));
    gcam_value_strides(y, loops.stride[0]);
    broadcast_strides(a, &a->shape, loops.rank, loops.stride[1]);
    broadcast_strides(b, &((const Params *)step->node->params)->b, loops.rank, loops.stride[2]);
    restrict_loops(&loops, run, y);
    for (int i = loops.rank - 1; i >= 0; i--)
        if (loops.dim[i] == 1)
            drop_dim(&loops, i);
    for (int i = 1; i < loops.rank; i++)
        for (int j = i; j > 0 && loops.stride[0][j] > loops.stride[0][j - 1]; j--)
            swap_dims(&loops, j, j - 1);
    for (int i = loops.rank - 2; i >= 0; i--) {
        int merges = 1;
        for (int k = 0; k < 3; k++)
            merges &= loops.stride[k][i] == loops.stride[k][i + 1] * (ptrdiff_t)loops.dim[i + 1];
        if (merges) {
            loops.dim[i + 1] *= loops.dim[i];
            drop_dim(&loops, i);
        }
    }
    if (!loops.rank) {
        loops.rank = 1;
        loops.dim[0] = 1;
    }
    return loops;
}

typedef struct Job {
    Loops loops;
    const Kernel *kernel;
    const float *a, *b;
    float *y;                   // backward: the values that were computed, read only
    const float *dy;            // backward, else NULL
    float *dx;
    int input;                  // backward: dx is the gradient by this one
} Job;

// The rows below `depth`; the last dimension is a row.
static void walk(const Job *job, int depth, ptrdiff_t y, ptrdiff_t a, ptrdiff_t b)
{
    const Loops *loops = &job->loops;
    if (depth < loops->rank - 1) {
        for (size_t i = 0; i < loops->dim[depth]; i++)
            walk(job, depth + 1, y + (ptrdiff_t)i * loops->stride[0][depth],
                 a + (ptrdiff_t)i * loops->stride[1][depth], b + (ptrdiff_t)i * loops->stride[2][depth]);
        return;
    }
    if (!job->dy)
        job->kernel->run(job->a + a, loops->stride[1][depth], job->b + b, loops->stride[2][depth], job->y + y,
                         loops->dim[depth]);
    else
        job->kernel->back[job->input](job->a + a, loops->stride[1][depth], job->b + b, loops->stride[2][depth],
                                      job->y + y, job->dy + y, job->dx + (job->input ? b : a),
                                      loops->stride[1 + job->input][depth], loops->dim[depth]);
}

static void run_outer(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    ptrdiff_t i = (ptrdiff_t)index;
    (void)thread;
    walk(job, 1, i * job->loops.stride[0][0], i * job->loops.stride[1][0], i * job->loops.stride[2][0]);
}

// Cuts a single long loop in two, so that threads can share it.
static void divide(Loops *loops)
{
    size_t n = loops->dim[0];
    if (loops->rank != 1 || n % PARALLEL_ELEMENTS)
        return;
    loops->rank = 2;
    loops->dim[1] = PARALLEL_ELEMENTS;
    loops->dim[0] = n / PARALLEL_ELEMENTS;
    for (int k = 0; k < 3; k++) {
        loops->stride[k][1] = loops->stride[k][0];
        loops->stride[k][0] *= PARALLEL_ELEMENTS;
    }
}

// On threads, unless several of them would add to the same elements.
static void run_job(const GcamRun *run, const GcamStep *step, Job *job)
{
    divide(&job->loops);
    if (job->loops.rank > 1 && (!job->dy || job->loops.stride[1 + job->input][0]) &&
        gcam_shape_count(&run->value[step->output[0]].shape) >= PARALLEL_ELEMENTS)
        gcam_threads_run(run->pool, job->loops.dim[0], run_outer, job);
    else
        walk(job, 0, 0, 0, 0);
}

static void binary_forward(const GcamRun *run, const GcamStep *step)
{
    Job job = { make_loops(run, step), step->op->data, run->data[step->input[0]], run->data[step->input[1]],
                run->data[step->output[0]], NULL, NULL, 0 };
    job.y += job.loops.offset[0];
    job.a += job.loops.offset[1];
    job.b += job.loops.offset[2];
    run_job(run, step, &job);
}

static void binary_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    Job job = { make_loops(run, step), step->op->data, run->data[step->input[0]], run->data[step->input[1]],
                run->data[step->output[0]], run->grad[step->output[0]], dx, input };
    memset(dx, 0, gcam_shape_count(&run->value[step->input[input]].shape) * sizeof(*dx));
    run_job(run, step, &job);
}

// Each operand has its share of a sum; a constant one has none, and leaves all to the other.
static void add_excite(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const GcamValue *x = &run->value[step->input[input]], *y = &run->value[step->output[0]];
    if (run->value[step->input[1 - input]].data && gcam_shape_equal(&x->shape, &y->shape))
        gcam_excite_same(run, step, input, dx);
    else
        binary_backward(run, step, input, dx);
}

#define BINARY(onnx, name, ...) \
    { .type = onnx, .layout = GCAM_LAYOUT_ANY, \
      .flags = GCAM_OP_NEEDS_X | GCAM_OP_NEEDS_Y | GCAM_OP_READS | GCAM_OP_ELEMENTWISE, .infer = binary_infer, \
      .forward = binary_forward, .backward = binary_backward, .reach = gcam_reach_same, \
      .data = &(const Kernel){ name##_run, { name##_da, name##_db } }, __VA_ARGS__ }

// Of truth values, which are 1 and 0 where a network runs.
#define TRUTH(onnx, name) BINARY(onnx, name, .range = GCAM_RANGE_UNIT)

const GcamOp gcam_op_binary[] = {
    BINARY("Add", add, .symbol = GCAM_SYMBOL_ADD, .excite = add_excite), BINARY("Sub", sub, .symbol = GCAM_SYMBOL_SUB),
    BINARY("Mul", mul, .symbol = GCAM_SYMBOL_MUL), BINARY("Div", div, .symbol = GCAM_SYMBOL_DIV),
    BINARY("Pow", pow), BINARY("Min", min, .range = GCAM_RANGE_ALL), BINARY("Max", max, .range = GCAM_RANGE_ALL),
    BINARY("PRelu", prelu), TRUTH("Equal", equal), TRUTH("Greater", greater),
    TRUTH("GreaterOrEqual", greater_or_equal), TRUTH("Less", less), TRUTH("LessOrEqual", less_or_equal),
    TRUTH("And", and), TRUTH("Or", or), TRUTH("Xor", xor),
};
const size_t gcam_op_binary_count = sizeof(gcam_op_binary) / sizeof(gcam_op_binary[0]);
