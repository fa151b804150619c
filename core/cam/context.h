/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a context is made of, for the files that implement it: context.c opens it and runs the network forward,
 * context_scores.c knows the scores of what that left, run.c makes maps of it, profile.c tells where the time went.
 */
#ifndef GCAM_CAM_CONTEXT_H
#define GCAM_CAM_CONTEXT_H

#include "base/threads.h"
#include "method.h"
#include "model/model.h"
#include "plan/partial.h"
#include "plan/run.h"
#include "plan/way.h"
#include "score.h"

// What a context was opened with; the same for all that are chained behind it.
typedef struct GcamSetup {
    GcamLayers layers;
    GcamOutputs output;         // of plans
    enum GradcamPrecision precision;
    int threads;
    enum GradcamProbability probability;        // never GRADCAM_PROBABILITY_AUTO
    int probability_assumed;    // where all that the scores are speaks for it, they are taken as probabilities instead
    GradcamLog log;
    int (*interrupt)(void *opaque);     // as in GradcamSettings
    void *interrupt_opaque;
} GcamSetup;

struct GradcamContext {
    GradcamModel *model;
    GcamSetup setup;
    const GcamPlan *plan;
    unsigned needs;             // GCAM_NEEDS_... that the plan was made for
    GradcamContext *other;      // with a plan for what this one's does not serve; NULL until it is first asked for. It
                                // has one itself for what neither does
    unsigned refused;           // GCAM_NEEDS_... for which there is no plan of this network: not tried again
    GradcamContext *serving;    // this one or one of those: which made the last map
    unsigned long long picture; // number of the forward run: which picture this is
    GcamThreads *pool;
    float *memory;
    float **data, **grad;       // by value of the plan
    float *alpha;               // sums of the gradient by the layer, by channel
    float *scores;              // of several scores at once: gradients on the way and sums of channels
    float **score_grad;         // ... and a table by value for each
    size_t score_floats, score_tables;  // room there, and for how many tables
    double *scratch;            // what methods compute with, and its room
    size_t scratch_room;
    float *probe_kept, *probe_own;      // of methods that ask again (probe.h): what they leave as it was, and their own
    float *probe_scratch;       // ... and what the probe computes with
    size_t probe_kept_room, probe_own_room, probe_scratch_room;
    int has_logits;
    int warned;                 // of scores that are not finite
    int warned_range;           // of scores that pixels of another range give
    const GcamWay *way;         // that the last map went, the end of which its gradients are at; NULL: none
    float *fused;               // of maps of several layers: one layer's, at its own size and at that of all
    size_t fused_room;
    float *augment;             // of maps of the picture's variants: the picture, and maps
    size_t augment_room;
    float *seed;                // of the last score's gradient by the logits, where is_partial
    int is_partial;             // the gradients are there only where the layer is not zero
    int gradient_class;         // whose gradient, which no picture changes, is in place; -1: of none
    double *seconds;            // times by step, as GcamRun has them; NULL: nobody asked
    double preprocess_seconds, map_seconds;
    GcamPartial *partial;         // NULL: nothing is asked of the picture before
    uint8_t *stack;             // of a network that sees several frames: their pixels, interleaved; else NULL
    int is_stacked;             // there is a picture in it
    float *state;               // of all inputs that are states, one after the other: what they are in the next forward
    float *first_state;         // ... and after a restart
    GradcamProfile *profile;    // room for every entry
};

// The context whose plan serves methods with these needs: this one, or one of its own that it keeps for them, which has
// then seen the same picture. Shares threads. -ENOMEM, -ECANCELED.
int gcam_context_serving(GradcamContext *context, unsigned needs, GradcamContext **out);

// Whether the network has what a method needs; -ENOTSUP, and the log says what is missing.
int gcam_method_fits(const GcamMethod *method, const GradcamModel *model, const GradcamLog *log);

// For running steps of the context's plan.
GcamRun gcam_context_run(const GradcamContext *context);

// How this context's scores become probabilities: as wanted, or as the model tells. (context_scores.c)
void gcam_context_decide_probability(GradcamContext *context, enum GradcamProbability wanted);

// The tensors that the plan is to compute: the logits, and those that targets (or NULL) are scores of. -ENOENT for one
// that there is not, -EINVAL for too many.
int gcam_context_choose_outputs(GradcamContext *context, const GradcamTargets *targets);

// The score of a target on the last picture. -EINVAL before the first, and for a target that does not fit.
int gcam_context_score(const GradcamContext *context, const GradcamTarget *target, GcamScore *score);

// The last thing done to a map of `size` floats: fills *info (or NULL). Where score or map are not finite, it makes the
// map zeros, and says so once.
void gcam_context_describe(GradcamContext *context, const GradcamTarget *target, const GcamScore *score, float *map,
                           size_t size, GradcamMapInfo *info);

#endif
