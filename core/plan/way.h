/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The way back: which steps of a plan run backward for what a method needs, in which order for several scores, and what
 * is left out. It depends on the plan and the need alone, and is found once, when the plan is made.
 *
 *     logits --- together ---> alone ---> last      (steps count down; below `last` nothing is needed)
 *
 * First come the steps whose gradients are small, down to a product of one row, whose weights are large: they run for
 * all scores before the next, so that these weights are read once for all. Then, for each score by itself, those down
 * to the layer, or to the picture. Where only the sums of the layer's gradient are needed and a product has summed
 * weights (summed_weights.h), these stand in for all below it, and are a product for several scores too. What comes out
 * of it for each score is what comes out alone, bit for bit.
 */
#ifndef GCAM_PLAN_WAY_H
#define GCAM_PLAN_WAY_H

#include "plan.h"

enum { GCAM_WAY_MOST = 16 };    // scores at once

struct GcamWay {
    int together;               // steps from here up run for several scores in one go
    int last;                   // the lowest step that runs; with is_summed its product is left to the summed weights
    int is_summed;              // the plan's sums stand in for step `last` - 1 and all below
    int gains;                  // whether to go together is worth it
    size_t floats;              // of the gradients of one score on the part that is gone together
    size_t *grad_at;            // by value: place among them, SIZE_MAX where that part computes none
    char *stays;                // by value: the gradient is read by what comes after that part
};

// Sets plan->way[]. -ENOMEM. The plan's steps and sums must be ready to run, its memory laid out.
int gcam_ways_create(GcamPlan *plan);

// The way for needs, GCAM_NEEDS_...; NULL when nothing has to go back.
const GcamWay *gcam_plan_way(const GcamPlan *plan, unsigned needs);

// The step whose summed weights are used, or -1, and bytes of these.
int gcam_way_summed_step(const GcamPlan *plan, const GcamWay *way);

// Goes the whole way for one score: run->grad[plan->logits] is filled in. sums: the layer's channels, written where the
// way is summed; else run->grad of the layer, and of the picture where it leads there, has the gradient. 0, or
// -ECANCELED.
int gcam_way_go(const GcamPlan *plan, const GcamWay *way, const GcamRun *run, float *sums);

// For several scores, a table of gradients by value for each: memory[way->floats] for those of the first part, the
// others of `grad`.
void gcam_way_gradients(const GcamPlan *plan, const GcamWay *way, float *const *grad, float *memory, float **table);

// Goes the first part of it for `count` scores, up to GCAM_WAY_MOST; run->grad is not used, grad[k] is the table of
// score k, whose gradient by the logits is filled in. Where a summed way can be gone like that to its end, sums[k] is
// written.
int gcam_way_go_together(const GcamPlan *plan, const GcamWay *way, const GcamRun *run, size_t count,
                         float *const *const *grad, float *const *sums);

// The rest of it for the score of one table, which leaves run->grad and sums as gcam_way_go() does.
int gcam_way_go_alone(const GcamPlan *plan, const GcamWay *way, const GcamRun *run, float *const *grad, float *sums);

// Goes on from where `way` ended, down to the layer: run->grad of the layer then has the gradient.
int gcam_way_go_on(const GcamPlan *plan, const GcamWay *way, const GcamRun *run);

#endif
