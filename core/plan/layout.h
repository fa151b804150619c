/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Layouts in memory, and what needs no memory of its own.
 */
#ifndef GCAM_PLAN_LAYOUT_H
#define GCAM_PLAN_LAYOUT_H

#include "plan.h"

// Sets `channels_last` of all values, and writes the steps anew, with changes of layout among them. -ENOMEM.
int gcam_plan_layout(GcamPlan *plan);

// After that: sets plan->root, by value the one whose memory it shares, or itself.
void gcam_plan_views(GcamPlan *plan);

#endif
