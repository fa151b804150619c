/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Hardmax: 1 at the first greatest element along a dimension, else 0; dx = 0.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <string.h>

typedef struct Params {
    size_t outer, along, inner;
} Params;

// Before opset 13 all dimensions from the axis on are one.
static int hardmax_infer(GcamInfer *infer)
{
    const int single = infer->graph->opset >= 13, error = gcam_infer_arity(infer, 1, 1);
    Params *p = gcam_infer_alloc(infer, sizeof(*p));
    if (error || !p)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    const int axis = gcam_infer_axis(infer, gcam_node_int(infer->node, "axis", single ? -1 : 1), x->rank);
    if (axis < 0)
        return axis;
    *p = (Params){ .outer = 1, .along = 1, .inner = 1 };
    for (int i = 0; i < x->rank; i++)
        *(i < axis ? &p->outer : i == axis || !single ? &p->along : &p->inner) *= x->dim[i];
    infer->node->params = p;
    return gcam_infer_output(infer, 0, x);
}

static void hardmax_forward(const GcamRun *run, const GcamStep *step)
{
    const Params *p = step->node->params;
    const float *x = run->data[step->input[0]];
    float *y = run->data[step->output[0]];
    memset(y, 0, p->outer * p->along * p->inner * sizeof(*y));
    for (size_t row = 0; row < p->outer * p->inner; row++) {
        const size_t at = row / p->inner * p->along * p->inner + row % p->inner;
        size_t most = at;
        for (size_t i = 1; i < p->along; i++)
            most = x[at + i * p->inner] > x[most] ? at + i * p->inner : most;
        y[most] = 1;
    }
}

static void hardmax_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    gcam_clear(run, step->input[input], dx);
}

const GcamOp gcam_op_hardmax = {
    .type = "Hardmax", .layout = GCAM_LAYOUT_PLAIN, .range = GCAM_RANGE_UNIT, .infer = hardmax_infer,
    .forward = hardmax_forward, .backward = hardmax_backward,
};
