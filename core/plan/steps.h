/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The values and steps that a plan begins with, and how others are added.
 */
#ifndef GCAM_PLAN_STEPS_H
#define GCAM_PLAN_STEPS_H

#include "plan.h"

// The graph's values, and as steps its nodes that the outputs need, or what is carried. -ENOMEM.
int gcam_plan_copy(GcamPlan *plan, const GcamGraph *graph);

// Several outputs become one: a last step that joins them, whose value plan->logits is. -ENOMEM.
int gcam_plan_join_outputs(GcamPlan *plan);

// A new step behind the others, empty. Steps may move: pointers to them do not hold. -ENOMEM.
int gcam_plan_add_step(GcamPlan *plan, GcamStep **out);

// A new value that is computed, of the shape and layout of value `like`: its index, or -ENOMEM. Values may move.
int gcam_plan_add_value(GcamPlan *plan, int like);

#endif
