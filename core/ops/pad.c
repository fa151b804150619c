/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pad: y[i] = x[i - before] inside, in each dimension; amounts below zero cut. Outside it is a constant, and dx is dy
 * where x went; or x again, mirrored at its first and last element (reflect), these themselves (edge) or from the other
 * end on (wrap), and dx is the sum of dy over all copies.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <string.h>

typedef struct PadParams {
    int64_t before[GCAM_MAX_RANK];      // elements put before each dimension, or cut where below zero
    float fill;
    size_t *source[GCAM_MAX_RANK];      // of modes other than constant: the index in x for each in y; else NULL
} PadParams;

static const char *const modes[] = { "constant", "reflect", "edge", "wrap" };
enum Mode { MODE_CONSTANT, MODE_REFLECT, MODE_EDGE, MODE_WRAP };

// The remainder that is not below zero.
static int64_t modulo(int64_t i, int64_t size)
{
    return (i % size + size) % size;
}

// Where a padding by a mode takes index i of a dimension from, which may lie outside of it.
static size_t source_of(enum Mode mode, int64_t i, int64_t size)
{
    if (mode == MODE_WRAP)
        return (size_t)modulo(i, size);
    if (mode == MODE_EDGE || size == 1)
        return (size_t)(i < 0 ? 0 : i >= size ? size - 1 : i);
    int64_t at = modulo(i, 2 * (size - 1));
    return (size_t)(at < size ? at : 2 * (size - 1) - at);
}

static int find_sources(GcamInfer *infer, enum Mode mode, const GcamShape *shape, PadParams *params)
{
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    for (int d = 0; mode != MODE_CONSTANT && d < shape->rank; d++) {
        params->source[d] = gcam_infer_alloc(infer, shape->dim[d] * sizeof(*params->source[d]));
        if (!params->source[d])
            return -ENOMEM;
        for (size_t i = 0; i < shape->dim[d]; i++)
            params->source[d][i] = source_of(mode, (int64_t)i - params->before[d], (int64_t)x->dim[d]);
    }
    return 0;
}

// `pads` are an attribute before opset 11, an input since; from opset 18 on with axes.
static int pad_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 4);
    PadParams *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    const int mode = GCAM_INFER_NAME(infer, "mode", "constant", modes);
    GcamShape shape = gcam_infer_input(infer, 0)->shape;
    if (mode < 0)
        return mode;
    const GcamAttribute *attribute = gcam_node_attribute(infer->node, "pads");
    const GcamValue *input = gcam_infer_input(infer, 1), *fill = gcam_infer_input(infer, 2);
    const GcamValue *axes = gcam_infer_input(infer, 3);
    if ((input && !input->data) || (fill && !fill->data) || (axes && !axes->data))
        return gcam_infer_unsupported(infer, "its padding depends on the picture");
    if (fill && gcam_shape_count(&fill->shape) != 1)
        return gcam_infer_bad(infer, "'%s', what it fills with, is not one number", fill->name);
    size_t n = input ? gcam_shape_count(&input->shape) : attribute ? attribute->int_count : 0;
    int count = axes ? (int)gcam_shape_count(&axes->shape) : shape.rank;
    if (count > shape.rank || n != 2 * (size_t)count)
        return gcam_infer_bad(infer, "%zu paddings for %d dimensions", n, count);
    for (int i = 0; i < count; i++) {
        int axis = gcam_infer_axis(infer, axes ? gcam_constant_int(axes, (size_t)i) : i, shape.rank);
        if (axis < 0)
            return axis;
        int64_t before = input ? gcam_constant_int(input, (size_t)i) : attribute->ints[i];
        int64_t after = input ? gcam_constant_int(input, (size_t)(i + count)) : attribute->ints[i + count];
        int64_t size = (int64_t)shape.dim[axis];
        if (before < -size || after < -size || before > 1 << 20 || after > 1 << 20 || before + after + size < 1)
            return gcam_infer_bad(infer, "pads a dimension of %lld by %lld and %lld", (long long)size,
                                  (long long)before, (long long)after);
        params->before[axis] = before;
        shape.dim[axis] = (size_t)(size + before + after);
    }
    params->fill = fill ? (float)gcam_constant_double(fill, 0) : gcam_node_float(infer->node, "value", 0);
    infer->node->params = params;
    error = gcam_infer_output(infer, 0, &shape);
    return error ? error : find_sources(infer, mode, &shape, params);
}

// The box that lies in both, from x to y.
static GcamMove pad_move(const GcamRun *run, const GcamStep *step)
{
    const PadParams *params = step->node->params;
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = gcam_move_between(&x->shape, x, y);
    for (int i = 0; i < move.rank; i++) {
        ptrdiff_t before = (ptrdiff_t)params->before[i], size = (ptrdiff_t)x->shape.dim[i];
        ptrdiff_t first = before < 0 ? -before : 0, last = (ptrdiff_t)y->shape.dim[i] - before;
        last = last < size ? last : size;
        move.dim[i] = last > first ? (size_t)(last - first) : 0;
        move.from_offset += first * move.from[i];
        move.to_offset += (first + before) * move.to[i];
    }
    return move;
}

// Both values of a padding that repeats x, with their strides, and whether it goes back.
typedef struct Repeat {
    const PadParams *params;
    GcamShape shape;                    // of y
    ptrdiff_t x_stride[GCAM_MAX_RANK], y_stride[GCAM_MAX_RANK];
    int back;
} Repeat;

// The dimensions from `depth` on: y = x, or dx += dy.
static void repeat(const Repeat *job, int depth, float *x, float *y)
{
    if (depth == job->shape.rank) {
        if (job->back)
            *x += *y;
        else
            *y = *x;
        return;
    }
    for (size_t i = 0; i < job->shape.dim[depth]; i++)
        repeat(job, depth + 1, x + (ptrdiff_t)job->params->source[depth][i] * job->x_stride[depth],
               y + (ptrdiff_t)i * job->y_stride[depth]);
}

static void run_repeat(const GcamRun *run, const GcamStep *step, float *x, float *y, int back)
{
    const GcamValue *from = &run->value[step->input[0]], *to = &run->value[step->output[0]];
    Repeat job = { .params = step->node->params, .shape = to->shape, .back = back };
    gcam_value_strides(from, job.x_stride);
    gcam_value_strides(to, job.y_stride);
    repeat(&job, 0, x, y);
}

static void pad_forward(const GcamRun *run, const GcamStep *step)
{
    const PadParams *params = step->node->params;
    GcamMove move = pad_move(run, step);
    float *y = run->data[step->output[0]];
    if (params->source[0]) {
        run_repeat(run, step, run->data[step->input[0]], y, 0);
        return;
    }
    for (size_t i = 0, n = gcam_shape_count(&run->value[step->output[0]].shape); i < n; i++)
        y[i] = params->fill;
    gcam_move(&move, run->pool, run->data[step->input[0]], y);
}

static void pad_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = pad_move(run, step), move = gcam_move_reverse(&forward);
    gcam_clear(run, step->input[input], dx);
    if (((const PadParams *)step->node->params)->source[0])
        run_repeat(run, step, dx, run->grad[step->output[0]], 1);
    else
        gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

// Padding with nothing, as where a picture happens to be a multiple of the windows.
static int pad_moves_rows(const GcamStep *step, const GcamValue *values)
{
    const PadParams *params = step->node->params;
    const GcamShape *x = &values[step->input[0]].shape;
    int moves = gcam_shape_equal(x, &values[step->output[0]].shape);
    for (int i = 0; moves && i < x->rank; i++)
        moves = params->before[i] == 0;
    return moves;
}

const GcamOp gcam_op_pad = {
    .type = "Pad", .layout = GCAM_LAYOUT_ANY, .infer = pad_infer, .forward = pad_forward,
    .backward = pad_backward, .excite = pad_backward, .moves_rows = pad_moves_rows,
};
