/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parts of a value's memory in another order: what Reshape, Transpose, Slice, Split and Gather of one index make of it,
 * without moving anything.
 */
#ifndef GCAM_PLAN_VIEW_H
#define GCAM_PLAN_VIEW_H

#include "users.h"

typedef struct GcamView {
    int source;                 // the value whose memory it is
    float factor;               // that its elements are multiplied by
    GcamShape shape;
    ptrdiff_t offset, stride[GCAM_MAX_RANK];    // elements; values in plain order
} GcamView;

// Whether a step multiplies or divides by a constant number: the other operand, *factor multiplied alike; else -1.
int gcam_scaled(const GcamPlan *plan, const GcamStep *step, float *factor);

// The value as a view of one before it, as far back as moves and multiplications by a constant number go; the target
// layer is not passed. At worst it is a view of itself.
void gcam_view_find(const GcamPlan *plan, const GcamUsers *users, int value, GcamView *view);

#endif
