/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Outputs that are computed where a Concat wants them.
 */
#ifndef GCAM_PLAN_CONCAT_IN_PLACE_H
#define GCAM_PLAN_CONCAT_IN_PLACE_H

#include "plan.h"
#include "users.h"

// After layouts and views are known, before steps are prepared.
void gcam_plan_concat_in_place(GcamPlan *plan, const GcamUsers *users);

#endif
