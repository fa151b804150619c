/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a context is made of, for the files that implement it: context.c opens it and runs the network forward,
 * context_scores.c knows the scores of what that left, run.c makes maps of it, profile.c tells where the time went.
 */
#ifndef GCAM_CAM_CONTEXT_H
#define GCAM_CAM_CONTEXT_H

#include "base/threads.h"
#include "model/model.h"
#include "plan/partial.h"
#include "plan/plan.h"
#include "score.h"

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
    enum GradcamProbability probability;        // never GRADCAM_PROBABILITY_AUTO
    int probability_assumed;    // where all that the scores are speaks for it, they are taken as probabilities instead
    GradcamLog log;
    int warned;                 // of scores that are not finite
    int pending;                // steps that the gradient still has to come through; 0: it is there, -1: there is none
    int gradient_class;         // whose gradient, which no picture changes, is in place; -1: of none
    double *seconds;            // times by step, as GcamRun has them; NULL: nobody asked
    double preprocess_seconds, map_seconds;
    GcamPartial *partial;         // NULL: nothing is asked of the picture before
    uint8_t *stack;             // of a network that sees several frames: their pixels, interleaved; else NULL
    int is_stacked;             // there is a picture in it
    int (*interrupt)(void *opaque);     // as in GradcamSettings
    void *interrupt_opaque;
    GradcamProfile *profile;    // room for every entry
};

// For running steps of the context's plan.
GcamRun gcam_context_run(const GradcamContext *context);

// How this context's scores become probabilities: as wanted, or as the model tells. (context_scores.c)
void gcam_context_decide_probability(GradcamContext *context, enum GradcamProbability wanted);

// The score of a target on the last picture. -EINVAL before the first, and for a target that does not fit.
int gcam_context_score(const GradcamContext *context, const GradcamTarget *target, GcamScore *score);

// The last thing done to a map: fills *info (or NULL). Where score or map are not finite, it makes the map zeros, and
// says so once.
void gcam_context_describe(GradcamContext *context, const GradcamTarget *target, const GcamScore *score, float *map,
                           GradcamMapInfo *info);

#endif
