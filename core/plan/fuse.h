/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Folding and fusing: fewer passes over the memory.
 */
#ifndef GCAM_PLAN_FUSE_H
#define GCAM_PLAN_FUSE_H

#include "users.h"

// Rewrites the steps of a plan, before layouts are chosen. -ENOMEM.
int gcam_plan_fuse(GcamPlan *plan);

// Of those, attention: makes it of `step`, a MatMul, where that is the product of shares and values; takes `step`, a
// Transpose, into the attention before it. What is left without users is dropped later. -ENOMEM. (fuse_attention.c)
int gcam_fuse_attention(GcamPlan *plan, GcamUsers *users, GcamStep *step);
int gcam_fuse_attention_order(GcamPlan *plan, GcamUsers *users, GcamStep *step);
// Makes one step of several that move rows. (fuse_rows.c)
int gcam_fuse_rows(GcamPlan *plan, const GcamUsers *users);

#endif
