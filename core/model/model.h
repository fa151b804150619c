/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inside of a model.
 */
#ifndef GCAM_MODEL_MODEL_H
#define GCAM_MODEL_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "blocks.h"
#include "file.h"
#include "gradcam.h"
#include "graph/graph.h"
#include "graph/onnx/onnx.h"
#include "inputs.h"
#include "labels.h"
#include "plan/plan.h"

// Layers that maps are made of, as indices into model->layer, in order of computation. (layers.h)
typedef struct GcamLayers {
    int index[GCAM_MOST_LAYERS], count;
} GcamLayers;

static inline int gcam_layers_equal(const GcamLayers *a, const GcamLayers *b)
{
    int equal = a->count == b->count;
    for (int i = 0; equal && i < a->count; i++)
        equal = a->index[i] == b->index[i];
    return equal;
}

// A plan that contexts share.
typedef struct GcamSharedPlan {
    GcamPlan *plan;
    GcamLayers layers;          // what it was made for
    int threads;
    unsigned needs;
    enum GradcamPrecision precision;
    GcamOutputs output;
    int users;
    struct GcamSharedPlan *next;
} GcamSharedPlan;

struct GradcamModel {
    atomic_int references;
    GcamArena arena;              // strings, layers, inputs
    GcamModelFile *file;        // of a .bin: holds the weights
    GcamOnnx *onnx;
    GcamGraph graph;
    GcamLabels *labels;         // or NULL
    const char *labels_licence; // what must go with copies of them, or ""
    GradcamModelInfo info;
    GradcamLayer *layer;
    int *layer_value;           // by layer: its value in the graph
    size_t *layer_skip;         // by layer: elements before those of the first cell
    size_t layers;
    GcamInputs inputs;
    GcamBlocks blocks;          // of a transformer
    int logits;                 // value of the graph
    GcamStoredSums sums;        // summed weights that a compiled model holds
    int default_layer;          // index into layer, or -1
    char (*index_text)[12];     // labels of a model without labels

    pthread_mutex_t mutex;      // guards plans and their users
    GcamSharedPlan *plans;
};

// Between building the graph and simplifying it: where `wanted` is a part of a tensor, "name[0,:,3]" or "name@0/*/3",
// puts that behind the graph, by that name. Indices below 0 count from the end; fewer of them than dimensions leave the
// last ones whole. -EINVAL for indices that are none. (logits.c)
int gcam_model_add_logits(GcamGraph *graph, const char *wanted, const GradcamLog *log);

// After simplifying: sets model->logits, and what the info tells of it. NULL or "": found among the outputs. -ENOENT
// where there is no such tensor, -ENOTSUP where it has not one score for each class.
int gcam_model_find_logits(GradcamModel *model, const char *wanted, const GradcamLog *log);

// Finds what the graph is as a classifier: logits, layers, default layer. (classifier.c)
int gcam_model_classify(GradcamModel *model, const char *logits, const char *layer, const GradcamLog *log);

// How the scores become probabilities, by what the graph tells. (bounds.c)
void gcam_model_choose_probability(GradcamModel *model);

// Index of a layer by tensor or node name; NULL and "auto" the default. -ENOENT with the near names in the log.
int gcam_model_find_layer(const GradcamModel *model, const char *name, const GradcamLog *log);

// What depends on the picture and leads to the logits, by value of the graph.
void gcam_model_mark_between(const GradcamModel *model, char *marks);

// A plan for layers, outputs and GCAM_NEEDS_..., made or shared; each is given back once.
int gcam_model_plan(GradcamModel *model, const GcamLayers *layers, const GcamOutputs *output, unsigned needs,
                    int threads, enum GradcamPrecision precision, const GcamPlan **out, const GradcamLog *log);
void gcam_model_release_plan(GradcamModel *model, const GcamPlan *plan);

// *path: that of what a user called `name`, in `found`, or `name` itself, where opening it tells what is wrong.
// -ENOENT, and a sentence, for a bare name that is none. (find.c)
int gcam_model_find_path(const char **path, const char *name, char found[GCAM_MOST_PATH], const GradcamLog *log);

#endif
