/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running a plan.
 */
#ifndef GCAM_PLAN_RUN_H
#define GCAM_PLAN_RUN_H

#include "plan.h"

// Runs all steps, of what run->wanted says: run->data of the inputs is filled in. 0, or -ECANCELED when it was
// interrupted.
int gcam_plan_forward(const GcamPlan *plan, const GcamRun *run);

// After a forward, and with run->grad[plan->logits] filled in: runs steps `to` - 1 down to `from` backward. All of
// them, from 0 to plan->steps, at once or in pieces, compute run->grad[plan->layer]. As gcam_plan_forward().
int gcam_plan_backward(const GcamPlan *plan, const GcamRun *run, int from, int to);

// Runs the head alone once more, after a forward: run->data of the layers is filled in anew (of those behind the first
// it is computed). As gcam_plan_forward().
int gcam_plan_forward_head(const GcamPlan *plan, const GcamRun *run);

#endif
