/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A plan: a graph made ready to run for one target layer, or a few. The nodes up to the first layer are the trunk,
 * those between it and the logits the head; only the head is run backward, and only through activations.
 * BatchNormalization is folded into convolutions, activations and residual additions of the trunk run inside of the
 * convolution before them, layouts are chosen, weights packed, and every activation and gradient has its place in one
 * block of memory, by lifetimes.
 *
 * A plan is immutable: contexts on several threads share it, each with memory of its own. Only the summed weights of
 * summed_weights.h are made while it is in use, and look after themselves.
 */
#ifndef GCAM_PLAN_PLAN_H
#define GCAM_PLAN_PLAN_H

#include "needs.h"
#include "ops/ops.h"

typedef struct GcamSums GcamSums;
typedef struct GcamWay GcamWay;

// What a context can keep from picture to picture: the outputs of the first `steps` steps, in a block of their own.
typedef struct GcamKept {
    int steps;
    size_t *at;                 // by value: place in the block, in floats; SIZE_MAX where it is not kept
    size_t floats;
} GcamKept;

// Ways back, each a part of the next; which are the same where there is nothing to save.
enum { GCAM_WAY_SUMS, GCAM_WAY_LAYER, GCAM_WAY_ALL, GCAM_WAYS };

enum { GCAM_MOST_LAYERS = 8, GCAM_MOST_ASKED = GCAM_MOST_LAYERS + 64 };

// Summed weights (summed_weights.h) that a compiled model holds for one of its layers, [rows][columns]; zeros: none.
typedef struct GcamStoredSums {
    const float *weights;
    size_t rows, columns;
    const char *layer;
} GcamStoredSums;

enum { GCAM_MOST_OUTPUTS = 9 };

// Values of the graph that scores are made of: the logits, then others.
typedef struct GcamOutputs {
    int value[GCAM_MOST_OUTPUTS], count;
} GcamOutputs;

// What a plan is made for.
typedef struct GcamPlanSpec {
    int picture;                // value of the graph
    GcamOutputs output;
    int layer[GCAM_MOST_ASKED], layers;     // values whose activations and gradients are asked for: those that are
                                // explained, in order of computation, then others, the picture among them
    int explained;              // how many of them
    int threads;
    enum GcamType type;         // what products may be multiplied as, one that gcam_gemm_has()
    int excites;                // goes back by the rules of excitation and inhibition too
    GcamStoredSums stored;
} GcamPlanSpec;

typedef struct GcamPlan {
    GcamArena arena;
    GcamValue *value;           // the graph's values, then those that changes of layout made
    int values, value_room;
    GcamStep *step;             // in order of computation
    int steps, step_room;
    int picture, layer;         // value indices
    int logits;                 // the value that scores are made of: the only output, or what joins several
    GcamOutputs output;
    int asked[GCAM_MOST_ASKED], layers;     // of `layer` and the others that are asked for
    int explained;              // how many of them, from the first on, are layers that maps are made of
    const int *carried;         // the graph's
    int carrieds;
    int threads;
    enum GcamType type;         // what products are multiplied as
    char *in_head;              // by value: depends on a layer (the layers themselves included)
    int constant_gradient;      // of each logit by the layer, whatever the picture
    GcamSums *sums;             // a short way to the sums of the layer's gradient, or NULL: there is none
    const GcamWay *way[GCAM_WAYS];
    int can_skip;               // a backward run for only_active computes less
    int *last_reader;           // by value: the last step of the head that reads it, the first to add to its gradient
    int *root;                  // by value: the value whose memory it uses; itself, or what it is a view of
    size_t *shift;              // by value: floats from the beginning of that memory
    char *placed;               // by value: computed in a part of another value, not only another name of it
    size_t *data_at, *grad_at;  // by value: place in the memory in floats; SIZE_MAX where there is none
    size_t *scratch_at;         // by step: its scratch forward, then by step: backward
    size_t *sum_at;             // by step: a gradient that is to be added to another
    size_t floats;              // size of that memory
    GcamKept kept;
} GcamPlan;

// Whether a step only gives what its input holds another name: it shares the memory, every element is the same one, and
// there is nothing to run.
static inline int gcam_plan_is_view(const GcamPlan *plan, const GcamStep *step)
{
    return plan->root[step->output[0]] != step->output[0] && !plan->placed[step->output[0]];
}

// Whether a value is a layer that is asked for, or the logits: it may not be fused away.
static inline int gcam_plan_shows(const GcamPlan *plan, int value)
{
    for (int i = 0; i < plan->layers; i++)
        if (plan->asked[i] == value)
            return 1;
    return value == plan->logits;
}

#endif
