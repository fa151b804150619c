/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Folding and fusing: fewer passes over the memory.
 */
#ifndef GCAM_FUSE_H
#define GCAM_FUSE_H

#include "plan.h"

// Rewrites the steps of a plan, before layouts are chosen. -ENOMEM.
int gcam_plan_fuse(GcamPlan *plan);

#endif
