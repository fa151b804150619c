/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The sums of a gradient over the cells of the target layer, without the gradient. A max pool hands the gradient of an
 * output to one of its inputs, so that the sum over all cells is the same before and after it. Where only such steps
 * lie between the layer and a product of one row, y = W x, the sum for channel k is (sum_p W[:, (k, p)]) . g, over the
 * cells p of what is flattened, where g is the gradient by y: the summed weights are as many times fewer than W as
 * there are such cells.
 *
 * A compiled model holds the summed weights for its default layer, which are used in place. Else they belong to a
 * plan and are made when they are first asked for, a row at a time: of a row whose gradient is zero nothing is read.
 */
#ifndef GCAM_PLAN_SUMMED_WEIGHTS_H
#define GCAM_PLAN_SUMMED_WEIGHTS_H

#include "plan.h"
#include "users.h"

// *out is NULL, with 0, where the plan's layer has no such product behind it, where summing would save nothing, and
// where the sums would take too much memory. -ENOMEM. The plan's steps must be ready to run, and must outlive it.
int gcam_sums_create(GcamSums **out, const GcamPlan *plan, const GcamStoredSums *stored, const GcamUsers *users);
void gcam_sums_free(GcamSums **sums);

// What a compiled model is to hold: the summed weights of the product behind the plan's layer, [*out][*channels],
// however large, as a block that is the caller's (gcam_alloc). *weights is NULL, with 0, where there are none.
// -ENOMEM.
int gcam_sums_compute(GcamPlan *plan, float **weights, size_t *out, size_t *channels);

// The step of the product; and the summed weights' bytes.
int gcam_sums_step(const GcamSums *sums);
double gcam_sums_bytes(const GcamSums *sums);

// For each of `count` gradients by the step's output the sums, [channels], overwritten, each as if it were alone.
// Several threads may call it at once. The result is the same for any number of threads.
void gcam_sums_run(GcamSums *sums, GcamThreads *pool, size_t count, const float *const *dy, float *const *sum);

// The value whose gradient that is.
int gcam_sums_value(const GcamSums *sums);

#endif
