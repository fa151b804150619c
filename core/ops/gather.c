/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Gather: x [outer.., along, inner..] and constant indices [picks..] -> y [outer.., picks.., inner..]:
 * y[o, p, i] = x[o, index[p], i], where an index below zero counts from the end. dx[o, index[p], i] += dy[o, p, i].
 * Values in ONNX's own order.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <string.h>

typedef struct GatherParams {
    GcamGather gather;
    size_t *pick;
} GatherParams;

// The shape of the result; the indices themselves are not looked at.
int gcam_infer_gather(const GcamInfer *infer, GcamShape *shape, GcamGather *gather)
{
    int error = gcam_infer_arity(infer, 2, 2);
    if (error)
        return error;
    const GcamValue *by = gcam_infer_input(infer, 1);
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    if (!by->data)
        return gcam_infer_unsupported(infer, "its indices depend on the picture");
    int axis = gcam_infer_axis(infer, gcam_node_int(infer->node, "axis", 0), from->rank), picked = by->shape.rank;
    if (axis < 0)
        return axis;
    *shape = (GcamShape){ .rank = from->rank - 1 + picked };
    if (shape->rank > GCAM_MAX_RANK)
        return gcam_infer_unsupported(infer, "a result of %d dimensions", shape->rank);
    for (int i = 0; i < shape->rank; i++)
        shape->dim[i] = i < axis ? from->dim[i]
                                 : i < axis + picked ? by->shape.dim[i - axis] : from->dim[i - picked + 1];
    *gather = (GcamGather){ .by = by, .axis = axis, .picks = gcam_shape_count(&by->shape) };
    gcam_shape_split(from, axis, &gather->outer, &gather->along, &gather->inner);
    return 0;
}

int gcam_gather_pick(const GcamInfer *infer, const GcamGather *gather, size_t i, size_t *pick)
{
    int64_t index = gcam_constant_int(gather->by, i);
    index += index < 0 ? (int64_t)gather->along : 0;
    if (index < 0 || index >= (int64_t)gather->along)
        return gcam_infer_bad(infer, "index %lld of %zu", (long long)index, gather->along);
    *pick = (size_t)index;
    return 0;
}

static int gather_infer(GcamInfer *infer)
{
    GatherParams *params = gcam_infer_alloc(infer, sizeof(*params));
    GcamShape shape;
    int error = params ? gcam_infer_gather(infer, &shape, &params->gather) : -ENOMEM;
    if (error)
        return error;
    const GcamGather *gather = &params->gather;
    params->pick = gcam_arena_alloc(&infer->graph->arena, gather->picks + 1, sizeof(*params->pick));
    if (!params->pick)
        return -ENOMEM;
    for (size_t i = 0; i < gather->picks; i++)
        if ((error = gcam_gather_pick(infer, gather, i, &params->pick[i])))
            return error;
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

// Runs of `inner` elements.
static void gather_forward(const GcamRun *run, const GcamStep *step)
{
    const GatherParams *params = step->node->params;
    const GcamGather *p = &params->gather;
    const float *x = run->data[step->input[0]];
    float *y = run->data[step->output[0]];
    for (size_t i = 0; i < p->outer; i++)
        for (size_t j = 0; j < p->picks; j++)
            memcpy(y + (i * p->picks + j) * p->inner, x + (i * p->along + params->pick[j]) * p->inner,
                   p->inner * sizeof(*y));
}

static void gather_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const GatherParams *params = step->node->params;
    const GcamGather *p = &params->gather;
    const float *dy = run->grad[step->output[0]];
    gcam_clear(run, step->input[input], dx);
    for (size_t i = 0; i < p->outer; i++)
        for (size_t j = 0; j < p->picks; j++)
            for (size_t k = 0; k < p->inner; k++)
                dx[(i * p->along + params->pick[j]) * p->inner + k] += dy[(i * p->picks + j) * p->inner + k];
}

// Of a single index: a box of 1 along the axis.
static int gather_box(const GcamStep *step, const GcamValue *values, int output, GcamBox *box)
{
    const GatherParams *params = step->node->params;
    const GcamGather *p = &params->gather;
    (void)output;
    if (p->picks != 1)
        return 0;
    *box = gcam_box_all(&values[step->input[0]].shape);
    box->start[p->axis] = (int64_t)params->pick[0];
    box->shape.dim[p->axis] = 1;
    return 1;
}

const GcamOp gcam_op_gather = {
    .type = "Gather", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_READS | GCAM_OP_PICKS,
    .range = GCAM_RANGE_FIRST, .infer = gather_infer, .forward = gather_forward, .backward = gather_backward,
    .box = gather_box,
};
