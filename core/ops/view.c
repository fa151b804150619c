/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators that only see the same elements in another shape: Reshape, Flatten, Squeeze, Unsqueeze. y and x are the
 * same bytes, in ONNX's own order, and so are dy and dx: a plan lets them share memory, and runs nothing.
 */
#include "ops.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

// 0 keeps a dimension, -1 is what is left. of_rank, which chains are made with: how many dimensions there must be.
static int reshape_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 2), open = -1;
    if (error)
        return error;
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    int64_t asked[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, "shape", 1, asked), of = (int)gcam_node_int(infer->node, "of_rank", from->rank);
    if (from->rank != of)
        return gcam_infer_unsupported(infer, "an input of %d dimensions instead of %d", from->rank, of);
    if (n < 0)
        return n == -ENOENT ? gcam_infer_bad(infer, "has no shape") : n;
    GcamShape shape = { .rank = n };
    size_t known = 1, count = gcam_shape_count(from);
    for (int i = 0; i < n; i++) {
        if (asked[i] == 0 && !gcam_node_int(infer->node, "allowzero", 0))
            asked[i] = i < from->rank ? (int64_t)from->dim[i] : 0;
        if (asked[i] == -1 && open < 0)
            open = i;
        else if (asked[i] < 0 || gcam_mul(known, (size_t)asked[i], &known) < 0)
            return gcam_infer_bad(infer, "a dimension of %lld", (long long)asked[i]);
        shape.dim[i] = (size_t)asked[i];
    }
    // Exported with a batch of several pictures: run with one, the first dimension follows.
    if (open > 0 && shape.dim[0] > 1 && shape.dim[0] == infer->graph->batch && from->rank && from->dim[0] == 1) {
        known /= shape.dim[0];
        shape.dim[0] = 1;
    }
    if (open >= 0)
        shape.dim[open] = known ? count / known : 0;
    if (open < 0 && n && known != count && known && shape.dim[0] > 1 && known / shape.dim[0] == count)
        shape.dim[0] = 1;
    if (gcam_shape_count(&shape) != count) {
        char a[GCAM_SHAPE_TEXT], b[GCAM_SHAPE_TEXT];
        return gcam_infer_bad(infer, "shape %s becomes %s", gcam_shape_text(from, a), gcam_shape_text(&shape, b));
    }
    return gcam_infer_output(infer, 0, &shape);
}

// Two dimensions: those before the axis, and the others.
static int flatten_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 1);
    if (error)
        return error;
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    int64_t axis = gcam_node_int(infer->node, "axis", 1);
    if (axis < -from->rank || axis > from->rank)
        return gcam_infer_bad(infer, "axis %lld of %d dimensions", (long long)axis, from->rank);
    axis += axis < 0 ? from->rank : 0;
    GcamShape shape = { 2, { 1, 1 } };
    for (int i = 0; i < from->rank; i++)
        shape.dim[i >= axis] *= from->dim[i];
    return gcam_infer_output(infer, 0, &shape);
}

// Axes as a set of bits; those of Unsqueeze count in the result.
static int axes_of(const GcamInfer *infer, int extra, unsigned *set)
{
    int64_t axes[GCAM_MAX_RANK];
    int rank = gcam_infer_input(infer, 0)->shape.rank;
    int n = gcam_infer_ints(infer, "axes", 1, axes);
    *set = 0;
    for (int i = 0; i < n; i++) {
        int axis = gcam_infer_axis(infer, axes[i], extra ? rank + n : rank);
        if (axis < 0)
            return axis;
        *set |= 1u << axis;
    }
    return n;
}

// Drops dimensions of 1: those that are named, or all.
static int squeeze_infer(GcamInfer *infer)
{
    unsigned set;
    int error = gcam_infer_arity(infer, 1, 2);
    if (error)
        return error;
    int n = axes_of(infer, 0, &set);
    if (n < 0 && n != -ENOENT)
        return n;
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    GcamShape shape = { 0 };
    for (int i = 0; i < from->rank; i++) {
        int drop = n < 0 ? from->dim[i] == 1 : (int)(set >> i & 1);
        if (drop && from->dim[i] != 1)
            return gcam_infer_bad(infer, "squeezes a dimension of %zu", from->dim[i]);
        if (!drop)
            shape.dim[shape.rank++] = from->dim[i];
    }
    return gcam_infer_output(infer, 0, &shape);
}

// Puts dimensions of 1 in.
static int unsqueeze_infer(GcamInfer *infer)
{
    unsigned set;
    int error = gcam_infer_arity(infer, 1, 2);
    if (error)
        return error;
    int n = axes_of(infer, 1, &set), next = 0;
    if (n < 0)
        return n == -ENOENT ? gcam_infer_bad(infer, "has no axes") : n;
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    GcamShape shape = { .rank = from->rank + n };
    if (shape.rank > GCAM_MAX_RANK || __builtin_popcount(set) != n)
        return gcam_infer_bad(infer, "%d new dimensions", n);
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = set >> i & 1 ? 1 : from->dim[next++];
    return gcam_infer_output(infer, 0, &shape);
}

// Runs only where the plan could not share memory, and for gradients.
static void view_forward(const GcamRun *run, const GcamStep *step)
{
    memcpy(run->data[step->output[0]], run->data[step->input[0]],
           gcam_shape_count(&run->value[step->input[0]].shape) * sizeof(float));
}

static void view_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    memcpy(dx, run->grad[step->output[0]], gcam_shape_count(&run->value[step->input[input]].shape) * sizeof(*dx));
}

#define VIEW(name, rule) \
    { .type = name, .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_VIEW, .range = GCAM_RANGE_FIRST, .infer = rule, \
      .forward = view_forward, .backward = view_backward, .excite = view_backward }

const GcamOp gcam_op_reshape = VIEW("Reshape", reshape_infer);
const GcamOp gcam_op_flatten = VIEW("Flatten", flatten_infer);
const GcamOp gcam_op_squeeze = VIEW("Squeeze", squeeze_infer);
const GcamOp gcam_op_unsqueeze = VIEW("Unsqueeze", unsqueeze_infer);
