/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CumSum: y[i] is the sum of x up to i along a constant axis, without x[i] itself where it is exclusive, or from i on
 * where it is in reverse. dx is the same sum of dy in the other direction.
 */
#include "ops.h"

#include <errno.h>

typedef struct Params {
    size_t outer, along, inner;
    int exclusive, reverse;
} Params;

static int cumsum_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 2);
    int64_t axis[GCAM_MAX_RANK];
    Params *p = gcam_infer_alloc(infer, sizeof(*p));
    if (error || !p)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    int n = gcam_infer_ints(infer, NULL, 1, axis), at;
    if (n != 1)
        return n < 0 ? n : gcam_infer_bad(infer, "%d axes", n);
    if ((at = gcam_infer_axis(infer, axis[0], x->rank)) < 0)
        return at;
    gcam_shape_split(x, at, &p->outer, &p->along, &p->inner);
    p->exclusive = gcam_node_int(infer->node, "exclusive", 0) != 0;
    p->reverse = gcam_node_int(infer->node, "reverse", 0) != 0;
    infer->node->params = p;
    return gcam_infer_output(infer, 0, x);
}

// Sums of x, forwards or backwards, into y.
static void sum(const Params *p, int reverse, const float *x, float *y)
{
    for (size_t i = 0; i < p->outer * p->inner; i++) {
        const size_t first = i / p->inner * p->along * p->inner + i % p->inner;
        double total = 0;
        for (size_t k = 0; k < p->along; k++) {
            const size_t at = first + (reverse ? p->along - 1 - k : k) * p->inner;
            total += p->exclusive ? 0 : x[at];
            y[at] = (float)total;
            total += p->exclusive ? x[at] : 0;
        }
    }
}

static void cumsum_forward(const GcamRun *run, const GcamStep *step)
{
    const Params *p = step->node->params;
    sum(p, p->reverse, run->data[step->input[0]], run->data[step->output[0]]);
}

static void cumsum_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const Params *p = step->node->params;
    (void)input;
    sum(p, !p->reverse, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_cumsum = {
    .type = "CumSum", .layout = GCAM_LAYOUT_PLAIN, .infer = cumsum_infer, .forward = cumsum_forward,
    .backward = cumsum_backward,
};
