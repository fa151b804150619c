/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Join: y is all elements of the inputs, of each in ONNX's order, one input after the other; whatever their shapes. The
 * gradient by an input is its part of the gradient by y. A plan whose scores are of several tensors ends in one.
 */
#include "ops.h"

#include <string.h>

// Where an input begins in the output.
static size_t place_of(const GcamRun *run, const GcamStep *step, int input)
{
    size_t at = 0;
    for (int i = 0; i < input; i++)
        at += gcam_shape_count(&run->value[step->input[i]].shape);
    return at;
}

static void join_forward(const GcamRun *run, const GcamStep *step)
{
    for (int i = 0; i < step->inputs; i++)
        memcpy(run->data[step->output[0]] + place_of(run, step, i), run->data[step->input[i]],
               gcam_shape_count(&run->value[step->input[i]].shape) * sizeof(float));
}

static void join_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    memcpy(dx, run->grad[step->output[0]] + place_of(run, step, input),
           gcam_shape_count(&run->value[step->input[input]].shape) * sizeof(*dx));
}

const GcamOp gcam_op_join = {
    .type = "Join", .layout = GCAM_LAYOUT_PLAIN, .forward = join_forward, .backward = join_backward,
    .excite = join_backward,
};
