/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is done once before a plan runs.
 */
#ifndef GCAM_PLAN_PREPARE_H
#define GCAM_PLAN_PREPARE_H

#include "users.h"

// Converts constants and calls GcamOp.prepare of every step, on plan->threads threads. -ENOMEM, or what a step said.
int gcam_plan_prepare(GcamPlan *plan, const GcamGraph *graph, const GcamUsers *users);

#endif
