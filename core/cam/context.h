/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a context is made of, for the files that implement it: context.c opens it and runs the network forward, run.c
 * makes maps of what that left, profile.c tells where the time went.
 */
#ifndef GCAM_CAM_CONTEXT_H
#define GCAM_CAM_CONTEXT_H

#include "base/threads.h"
#include "model/model.h"
#include "plan/partial.h"
#include "plan/plan.h"

struct GradcamContext {
    GradcamModel *model;
    const GcamPlan *plan;
    int layer;                  // index into the model's layers
    GcamThreads *pool;
    float *memory;
    float **data, **grad;       // by value of the plan
    float *alpha;               // weights of the layer's channels
    float *scores;              // of several scores at once: gradients of the tail and weights of channels
    float **score_grad;         // ... and a table by value for each
    size_t score_room;          // for how many
    int has_logits;
    int pending;                // steps that the gradient still has to come through; 0: it is there, -1: there is none
    int gradient_class;         // whose gradient, which no picture changes, is in place; -1: of none
    double *seconds;            // times by step, as GcamRun has them; NULL: nobody asked
    double preprocess_seconds, map_seconds;
    GcamPartial *partial;         // NULL: nothing is asked of the picture before
    int (*interrupt)(void *opaque);     // as in GradcamSettings
    void *interrupt_opaque;
    GradcamProfile *profile;    // room for every entry
};

// For running steps of the context's plan.
GcamRun gcam_context_run(const GradcamContext *context);

#endif
