/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Places of a plan's activations and gradients in one block of memory.
 */
#ifndef GCAM_PLAN_MEMORY_H
#define GCAM_PLAN_MEMORY_H

#include "plan.h"

// Sets data_at, grad_at, scratch_at, sum_at and floats.
int gcam_plan_memory(GcamPlan *plan);

// Whether input `input` of step `step` is the first to give its value a gradient, in the order of the backward pass.
int gcam_plan_first_gradient(const GcamPlan *plan, int step, int input);

#endif
