/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Transpose: y[i_0, i_1, ..] = x[j] with j[perm[k]] = i[k]; dx is dy the other way round. It works on strides, so that
 * input and output may lie in memory as they like: with the channels last on one side only, it often moves nothing at
 * all, which a plan sees (plan/layout.c). Beside it the two changes of layout that a plan puts in: the same tensor,
 * other strides.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <string.h>

typedef struct TransposeParams {
    int perm[GCAM_MAX_RANK];
} TransposeParams;

// Without `perm` the dimensions are turned around; with `last_two`, which chains are made with, those two.
int gcam_infer_transpose(const GcamInfer *infer, GcamShape *shape, int perm[GCAM_MAX_RANK])
{
    int64_t asked[GCAM_MAX_RANK];
    unsigned seen = 0;
    int error = gcam_infer_arity(infer, 1, 1);
    if (error)
        return error;
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    int n = gcam_infer_ints(infer, "perm", -1, asked);
    if (n < 0 && n != -ENOENT)
        return n;
    if (n >= 0 && n != from->rank)
        return gcam_infer_bad(infer, "permutes %d of %d dimensions", n, from->rank);
    const int last_two = n < 0 && gcam_node_int(infer->node, "last_two", 0) && from->rank > 1;
    *shape = *from;
    for (int i = 0; i < from->rank; i++) {
        const int turned = !last_two ? from->rank - 1 - i : i < from->rank - 2 ? i : 2 * from->rank - 3 - i;
        perm[i] = gcam_infer_axis(infer, n >= 0 ? asked[i] : turned, from->rank);
        if (perm[i] < 0)
            return perm[i];
        seen |= 1u << perm[i];
        shape->dim[i] = from->dim[perm[i]];
    }
    return seen == (1u << from->rank) - 1 ? 0 : gcam_infer_bad(infer, "its permutation names a dimension twice");
}

static int transpose_infer(GcamInfer *infer)
{
    TransposeParams *params = gcam_infer_alloc(infer, sizeof(*params));
    GcamShape shape;
    int error = params ? gcam_infer_transpose(infer, &shape, params->perm) : -ENOMEM;
    if (error)
        return error;
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

static GcamMove transpose_move(const GcamRun *run, const GcamStep *step)
{
    const TransposeParams *params = step->node->params;
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = gcam_move_between(&y->shape, x, y);
    ptrdiff_t stride[GCAM_MAX_RANK];
    memcpy(stride, move.from, sizeof(stride));
    for (int i = 0; i < move.rank; i++)
        move.from[i] = stride[params->perm[i]];
    return move;
}

static void transpose_forward(const GcamRun *run, const GcamStep *step)
{
    GcamMove move = transpose_move(run, step);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

static void transpose_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = transpose_move(run, step), move = gcam_move_reverse(&forward);
    (void)input;
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

static const int *transpose_order(const GcamNode *node)
{
    return ((const TransposeParams *)node->params)->perm;
}

static int transpose_moves_rows(const GcamStep *step, const GcamValue *values)
{
    int last = values[step->input[0]].shape.rank - 1;
    return transpose_order(step->node)[last] == last;
}

const GcamOp gcam_op_transpose = {
    .type = "Transpose", .layout = GCAM_LAYOUT_FREE, .flags = GCAM_OP_READS, .infer = transpose_infer,
    .forward = transpose_forward, .backward = transpose_backward,
    .excite = transpose_backward, .range = GCAM_RANGE_FIRST, .order = transpose_order,
    .moves_rows = transpose_moves_rows,
};

// The layout differs, the shape does not.
static void layout_forward(const GcamRun *run, const GcamStep *step)
{
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = gcam_move_between(&y->shape, x, y);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

static void layout_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const GcamValue *x = &run->value[step->input[input]], *y = &run->value[step->output[0]];
    GcamMove move = gcam_move_between(&y->shape, y, x);
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_to_last = {
    .type = "ToChannelsLast", .layout = GCAM_LAYOUT_LAST, .flags = GCAM_OP_RELAYOUT, .forward = layout_forward,
    .backward = layout_backward, .excite = layout_backward,
};
const GcamOp gcam_op_to_plain = {
    .type = "ToChannelsFirst", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_RELAYOUT, .forward = layout_forward,
    .backward = layout_backward, .excite = layout_backward,
};
