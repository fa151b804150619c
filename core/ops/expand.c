/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Expand: x repeated along dimensions where it has 1, or none, up to a shape that is a constant (broadcasting as ONNX
 * defines it). dx is the sum of dy over all copies.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>

static int expand_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 2);
    int64_t asked[GCAM_MAX_RANK];
    if (error)
        return error;
    int n = gcam_infer_ints(infer, NULL, 1, asked);
    if (n < 0)
        return n;
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    GcamShape shape = { .rank = n > from->rank ? n : from->rank };
    for (int i = 1; i <= shape.rank; i++) {
        size_t a = i <= from->rank ? from->dim[from->rank - i] : 1;
        int64_t b = i <= n ? asked[n - i] : 1;
        if (b < 1 || (a != 1 && b != 1 && (size_t)b != a))
            return gcam_infer_bad(infer, "expands a dimension of %zu to %lld", a, (long long)b);
        shape.dim[shape.rank - i] = a == 1 ? (size_t)b : a;
    }
    return gcam_infer_output(infer, 0, &shape);
}

// x is read with a stride of 0 along what is repeated.
static GcamMove expand_move(const GcamRun *run, const GcamStep *step)
{
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = gcam_move_between(&y->shape, y, y);
    ptrdiff_t stride[GCAM_MAX_RANK];
    gcam_value_strides(x, stride);
    for (int i = 1; i <= move.rank; i++) {
        int own = x->shape.rank - i;
        move.from[move.rank - i] = own < 0 || x->shape.dim[own] == 1 ? 0 : stride[own];
    }
    return move;
}

static void expand_forward(const GcamRun *run, const GcamStep *step)
{
    GcamMove move = expand_move(run, step);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

static void expand_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = expand_move(run, step), move = gcam_move_reverse(&forward);
    gcam_clear(run, step->input[input], dx);
    gcam_move_add(&move, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_expand = {
    .type = "Expand", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_READS, .range = GCAM_RANGE_FIRST,
    .infer = expand_infer, .forward = expand_forward, .backward = expand_backward,
};
