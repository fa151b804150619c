/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The outputs of convolutions that only a Concat of channels reads lie in its output from the beginning: channels
 * last, a part of the channels is a tensor whose pixels lie further apart. The Concat then has nothing left to copy.
 * In the trunk alone, whose values have no gradients.
 */
#include "concat_in_place.h"

// Concat of channels in a layout where these are neighbours.
static int joins_channels(const GcamPlan *plan, const GcamStep *step)
{
    if (!(step->op->flags & GCAM_OP_JOINS) || step->in_head)
        return 0;
    const GcamValue *whole = &plan->value[step->output[0]];
    size_t channels = 0;
    for (int i = 0; i < step->inputs; i++) {
        const GcamValue *part = &plan->value[step->input[i]];
        if (part->shape.rank != 4 || !part->channels_last)
            return 0;
        channels += part->shape.dim[1];
    }
    return whole->channels_last && whole->shape.rank == 4 && channels == whole->shape.dim[1] && step->inputs > 1 &&
           plan->root[step->output[0]] == step->output[0];
}

void gcam_plan_concat_in_place(GcamPlan *plan, const GcamUsers *users)
{
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *concat = &plan->step[i];
        if (!joins_channels(plan, concat))
            continue;
        int whole = concat->output[0];
        for (size_t j = 0, at = 0; j < (size_t)concat->inputs; at += plan->value[concat->input[j++]].shape.dim[1]) {
            int part = concat->input[j];
            GcamStep *conv = gcam_private_producer(plan, users, part);
            if (!conv || !(conv->op->takes & GCAM_TAKES_PIXEL) || conv->add >= 0 || conv->in_head)
                continue;
            conv->pixel = plan->value[whole].shape.dim[1];
            plan->root[part] = whole;
            plan->shift[part] = at;
            plan->placed[part] = 1;
        }
    }
}
