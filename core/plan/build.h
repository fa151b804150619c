/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Making a plan of a graph, in order: copy what the logits need (steps.h), fold and fuse (fuse.h), choose layouts
 * (layout.h), pack weights (prepare.h), place activations and gradients in one block of memory (memory.h).
 */
#ifndef GCAM_PLAN_BUILD_H
#define GCAM_PLAN_BUILD_H

#include "plan.h"

// -EINVAL when an output does not depend on a layer. The graph, and stored sums, must outlive the plan.
int gcam_plan_create(GcamPlan **out, const GcamGraph *graph, const GcamPlanSpec *spec, const GradcamLog *log);
void gcam_plan_free(GcamPlan **plan);

#endif
