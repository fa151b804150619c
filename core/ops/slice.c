/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Slice: y[i, j, ..] = x[start_0 + i step_0, start_1 + j step_1, ..] of any dimensions and layout; steps may be below
 * zero. dx is dy at those places, and zero elsewhere.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <string.h>

typedef struct SliceParams {
    int64_t start[GCAM_MAX_RANK], step[GCAM_MAX_RANK];  // of the input
} SliceParams;

// A list of Slice: `count` numbers, `fallback` in each where it is left out and there is one.
static int slice_list(const GcamInfer *infer, const char *name, int input, int count, const int64_t *fallback,
                      int64_t list[GCAM_MAX_RANK])
{
    int n = gcam_infer_ints(infer, name, input, list);
    if (n == -ENOENT && fallback) {
        memcpy(list, fallback, (size_t)count * sizeof(*list));
        n = count;
    }
    if (n == -ENOENT || (n >= 0 && n != count))
        return gcam_infer_bad(infer, "starts, ends, axes and steps do not fit each other");
    return n;
}

// starts, ends, axes and steps: attributes before opset 10, inputs since.
int gcam_infer_slice(const GcamInfer *infer, GcamShape *shape, int64_t start[GCAM_MAX_RANK],
                     int64_t step[GCAM_MAX_RANK])
{
    static const int64_t in_order[GCAM_MAX_RANK] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    static const int64_t ones[GCAM_MAX_RANK] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    int64_t starts[GCAM_MAX_RANK], ends[GCAM_MAX_RANK], axes[GCAM_MAX_RANK], steps[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, "starts", 1, starts), error = n;
    if (n < 0 && n != -ENOENT)
        return n;
    if ((error = slice_list(infer, "ends", 2, n < 0 ? 0 : n, NULL, ends)) < 0 ||
        (error = slice_list(infer, "axes", 3, n, in_order, axes)) < 0 ||
        (error = slice_list(infer, NULL, 4, n, ones, steps)) < 0)
        return error;
    unsigned seen = 0;
    *shape = gcam_infer_input(infer, 0)->shape;
    for (int i = 0; i < shape->rank; i++) {
        start[i] = 0;
        step[i] = 1;
    }
    for (int i = 0; i < n; i++) {
        int axis = gcam_infer_axis(infer, axes[i], shape->rank);
        if (axis < 0)
            return axis;
        if (!steps[i] || seen & 1u << axis)
            return gcam_infer_bad(infer, steps[i] ? "slices axis %d twice" : "a step of 0 along axis %d", axis);
        seen |= 1u << axis;
        start[axis] = gcam_slice_range((int64_t)shape->dim[axis], starts[i], ends[i], steps[i], &shape->dim[axis]);
        step[axis] = shape->dim[axis] > 1 ? steps[i] : 1;       // else any step does, however long
    }
    return 0;
}

// Params are the box that gcam_infer_slice() finds.
static int slice_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 5);
    SliceParams *params = gcam_infer_alloc(infer, sizeof(*params));
    GcamShape shape;
    if (error || !params)
        return error ? error : -ENOMEM;
    if ((error = gcam_infer_slice(infer, &shape, params->start, params->step)))
        return error;
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

// From that box of x, to all of y.
static GcamMove slice_move(const GcamRun *run, const GcamStep *step)
{
    const SliceParams *params = step->node->params;
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = gcam_move_between(&y->shape, x, y);
    for (int i = 0; i < move.rank; i++) {
        move.from_offset += (ptrdiff_t)params->start[i] * move.from[i];
        move.from[i] *= (ptrdiff_t)params->step[i];
    }
    return move;
}

static void slice_forward(const GcamRun *run, const GcamStep *step)
{
    GcamMove move = slice_move(run, step);
    gcam_move_part(&move, run, &run->value[step->output[0]]);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

// A slice of channels leaves pixels where they are.
static GcamRect slice_reach(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in)
{
    const SliceParams *params = step->node->params;
    for (int i = 0; i < values[value].shape.rank; i++)
        if (i != (values[value].channels_last ? 1 : 3) && (params->start[i] || params->step[i] != 1))
            return gcam_rect_all();
    return gcam_reach_same(step, values, value, in);
}

static void slice_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = slice_move(run, step), move = gcam_move_reverse(&forward);
    gcam_clear(run, step->input[input], dx);
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

static int slice_box(const GcamStep *step, const GcamValue *values, int output, GcamBox *box)
{
    const SliceParams *params = step->node->params;
    *box = gcam_box_all(&values[output].shape);
    memcpy(box->start, params->start, sizeof(box->start));
    memcpy(box->step, params->step, (size_t)box->shape.rank * sizeof(box->step[0]));
    return 1;
}

static int slice_moves_rows(const GcamStep *step, const GcamValue *values)
{
    const SliceParams *params = step->node->params;
    const GcamShape *x = &values[step->input[0]].shape, *y = &values[step->output[0]].shape;
    int last = x->rank - 1;
    return params->start[last] == 0 && params->step[last] == 1 && x->dim[last] == y->dim[last];
}

const GcamOp gcam_op_slice = {
    .type = "Slice", .layout = GCAM_LAYOUT_ANY, .range = GCAM_RANGE_FIRST, .infer = slice_infer,
    .forward = slice_forward, .backward = slice_backward,
    .excite = slice_backward, .reach = slice_reach, .box = slice_box, .moves_rows = slice_moves_rows,
};
