/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tile: x laid out again and again, a constant number of times along each dimension. A move that reads every element
 * with a stride of 0 along the copies; dx is the sum of dy over them.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>

static int tile_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 2), dims = 0;
    int64_t times[GCAM_MAX_RANK];
    if (error)
        return error;
    int n = gcam_infer_ints(infer, NULL, 1, times);
    if (n < 0)
        return n;
    GcamShape shape = gcam_infer_input(infer, 0)->shape;
    if (n != shape.rank)
        return gcam_infer_bad(infer, "%d numbers of copies for %d dimensions", n, shape.rank);
    for (int i = 0; i < n; i++) {
        if (times[i] < 1 || times[i] > 1 << 20)
            return gcam_infer_bad(infer, "%lld copies", (long long)times[i]);
        dims += times[i] > 1 ? 2 : 1;
        shape.dim[i] *= (size_t)times[i];
    }
    if (dims > GCAM_MAX_RANK)
        return gcam_infer_unsupported(infer, "copies along so many of %d dimensions", n);
    return gcam_infer_output(infer, 0, &shape);
}

static GcamMove tile_move(const GcamRun *run, const GcamStep *step)
{
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    ptrdiff_t from[GCAM_MAX_RANK], to[GCAM_MAX_RANK];
    GcamMove move = { 0 };
    gcam_value_strides(x, from);
    gcam_value_strides(y, to);
    for (int i = 0; i < x->shape.rank; i++) {
        const size_t size = x->shape.dim[i], times = y->shape.dim[i] / size;
        if (times > 1) {
            move.dim[move.rank] = times;
            move.to[move.rank++] = (ptrdiff_t)size * to[i];
        }
        move.dim[move.rank] = size;
        move.from[move.rank] = from[i];
        move.to[move.rank++] = to[i];
    }
    return move;
}

static void tile_forward(const GcamRun *run, const GcamStep *step)
{
    GcamMove move = tile_move(run, step);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

static void tile_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = tile_move(run, step), move = gcam_move_reverse(&forward);
    gcam_clear(run, step->input[input], dx);
    gcam_move_add(&move, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_tile = {
    .type = "Tile", .layout = GCAM_LAYOUT_FREE, .range = GCAM_RANGE_FIRST, .infer = tile_infer,
    .forward = tile_forward, .backward = tile_backward, .excite = tile_backward,
};
