/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tail of a head: its last steps, whose gradients are small, down to a product of one row, whose weights are large.
 * Backward, it is run for several scores together, each with gradients of its own, so that the weights are read once.
 * What each comes out as is what it comes out as alone, bit for bit.
 */
#ifndef GCAM_PLAN_SEVERAL_SCORES_H
#define GCAM_PLAN_SEVERAL_SCORES_H

#include "plan.h"

struct GcamTail {
    int from;                   // its first step
    size_t floats;              // of the gradients of one score
    size_t *grad_at;            // by value: place among them, SIZE_MAX where the tail computes none
    char *stays;                // by value: the gradient is read by steps before the tail, or by the plan's sums
};

enum { GCAM_TAIL_MOST = 16 };   // scores at once

// Sets plan->tail, or leaves it NULL where nothing would be gained. -ENOMEM. The plan's steps must be ready to run.
int gcam_tail_create(GcamPlan *plan);

// A table of gradients by value for one score: memory[plan->tail->floats] for those of the tail, the others of `grad`.
void gcam_tail_gradients(const GcamPlan *plan, float *const *grad, float *memory, float **table);

// Runs the tail for `count` scores, up to GCAM_TAIL_MOST: run->grad is not used, grad[k] is the table of score k, whose
// gradient by the logits is filled in. 0, or -ECANCELED.
int gcam_tail_backward(const GcamPlan *plan, const GcamRun *run, size_t count, float *const *const *grad);

// Copies what stays of the gradients of a score to where a plan has it.
void gcam_tail_leave(const GcamPlan *plan, float *const *from, float *const *to);

#endif
