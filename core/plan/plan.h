/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A plan: a graph made ready to run for one target layer. The nodes up to the layer are the trunk, those between layer
 * and logits the head; only the head is run backward, and only through activations. BatchNormalization is folded into
 * convolutions, activations and residual additions of the trunk run inside of the convolution before them, layouts are
 * chosen, weights packed, and every activation and gradient has its place in one block of memory, by lifetimes.
 *
 * A plan is immutable: contexts on several threads share it, each with memory of its own. Only the summed weights of
 * summed_weights.h are made while it is in use, and look after themselves.
 */
#ifndef GCAM_PLAN_PLAN_H
#define GCAM_PLAN_PLAN_H

#include "ops/ops.h"

typedef struct GcamSums GcamSums;
typedef struct GcamTail GcamTail;

// What a context can keep from picture to picture: the outputs of the first `steps` steps, in a block of their own.
typedef struct GcamKept {
    int steps;
    size_t *at;                 // by value: place in the block, in floats; SIZE_MAX where it is not kept
    size_t floats;
} GcamKept;

typedef struct GcamPlan {
    GcamArena arena;
    GcamValue *value;           // the graph's values, then those that changes of layout made
    int values, value_room;
    GcamStep *step;             // in order of computation
    int steps, step_room;
    int picture, layer, logits; // value indices
    int threads;
    enum GcamType type;         // what products are multiplied as
    char *in_head;              // by value: depends on the layer (the layer itself included)
    int constant_gradient;      // of each logit by the layer, whatever the picture
    GcamSums *sums;             // a short way to the sums of the layer's gradient, or NULL: there is none
    GcamTail *tail;             // what several scores go back through together, or NULL
    int *root;                  // by value: the value whose memory it uses; itself, or what it is a view of
    size_t *shift;              // by value: floats from the beginning of that memory
    char *placed;               // by value: computed in a part of another value, not only another name of it
    size_t *data_at, *grad_at;  // by value: place in the memory in floats; SIZE_MAX where there is none
    size_t *scratch_at;         // by step: its scratch forward, then by step: backward
    size_t *sum_at;             // by step: a gradient that is to be added to another
    size_t floats;              // size of that memory
    GcamKept kept;
} GcamPlan;

// picture, layer, logits: values of the graph. type: what products may be multiplied as, one that gcam_gemm_has().
// -EINVAL when the logits do not depend on the layer. The graph must outlive the plan.
int gcam_plan_create(GcamPlan **out, const GcamGraph *graph, int picture, int layer, int logits, int threads,
                     enum GcamType type, const GradcamLog *log);
void gcam_plan_destroy(GcamPlan **plan);

// Whether a step only gives what its input holds another name: it shares the memory, every element is the same one, and
// there is nothing to run.
static inline int gcam_plan_is_view(const GcamPlan *plan, const GcamStep *step)
{
    return plan->root[step->output[0]] != step->output[0] && !plan->placed[step->output[0]];
}

// Runs all steps, of what run->wanted says: run->data of the inputs is filled in. 0, or -ECANCELED when it was
// interrupted.
int gcam_plan_forward(const GcamPlan *plan, const GcamRun *run);

// After a forward, and with run->grad[plan->logits] filled in: runs steps `to` - 1 down to `from` backward. All of
// them, from 0 to plan->steps, at once or in pieces, compute run->grad[plan->layer]. As gcam_plan_forward().
int gcam_plan_backward(const GcamPlan *plan, const GcamRun *run, int from, int to);

#endif
