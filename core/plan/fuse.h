/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Folding and fusing: fewer passes over the memory.
 */
#ifndef GCAM_PLAN_FUSE_H
#define GCAM_PLAN_FUSE_H

#include "users.h"

// Rewrites the steps of a plan, before layouts are chosen. -ENOMEM.
int gcam_plan_fuse(GcamPlan *plan);

// The rules in files of their own, each for one step that is the last of what it looks for; 0 also where that is not
// there. What is left without users is dropped later. -ENOMEM.
// Attention of a product of shares and values, and the order of dimensions behind it. (fuse_attention.c)
int gcam_fuse_attention(GcamPlan *plan, GcamUsers *users, GcamStep *step);
int gcam_fuse_attention_order(GcamPlan *plan, GcamUsers *users, GcamStep *step);
// The shuffle of channels; and, after all of these, one whose two halves are read instead of it. (fuse_shuffle.c)
int gcam_fuse_shuffle(GcamPlan *plan, GcamUsers *users, GcamStep *step);
int gcam_divide_shuffle(GcamPlan *plan, const GcamUsers *users, GcamStep *shuffle);
// Activations of several steps. (fuse_functions.c)
int gcam_fuse_gate(GcamPlan *plan, GcamUsers *users, GcamStep *step);
int gcam_fuse_gelu(GcamPlan *plan, GcamUsers *users, GcamStep *step);
// Makes one step of several that move rows. (fuse_rows.c)
int gcam_fuse_rows(GcamPlan *plan, const GcamUsers *users);

// `step`, the last of a few, becomes `op` of `input` alone, with `params` as its node's; the others disappear. -ENOMEM.
int gcam_fuse_replace(GcamPlan *plan, GcamStep *step, const GcamOp *op, int input, void *params, GcamStep **others,
                      int count);

#endif
