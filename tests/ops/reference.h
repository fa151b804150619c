/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The reference of the engine's tests: every operator written down once more, in double and as plainly as the
 * ONNX specification says it, on tensors in ONNX order. Slow and easy to check.
 */
#ifndef TESTS_OPS_REFERENCE_H
#define TESTS_OPS_REFERENCE_H

#include "ops/onnx_writer.h"

typedef struct RefTensor {
    char name[GRAPH_NAME];
    int rank;
    size_t dim[GRAPH_RANK], count;
    double *data;
    int type;                   // of a constant: ONNX's number of the element type
    // What rounding made of each element. Where differences are taken it stays as it was: gradients straight through.
    double *rounding;
} RefTensor;

typedef struct Reference {
    const Graph *graph;
    RefTensor tensor[GRAPH_TENSORS + GRAPH_NODES + 8];
    int tensors;
    const char *fixed; // name of a tensor that keeps the data it has, whatever its node says; or NULL
} Reference;

Reference *reference_create(const Graph *graph);
void reference_free(Reference *reference);

// The tensor of that name: inputs and constants at once, others after a run. NULL when there is none.
RefTensor *reference_find(Reference *reference, const char *name);

// Computes all nodes. Ends the program on an operator it does not know.
void reference_run(Reference *reference);

// Log-sum-exp of some elements of a tensor: the score of a group of classes; of one class, its logit.
double reference_score(const RefTensor *logits, const int *classes, size_t count);

// Central differences, (s(t + h) - s(t - h)) / 2h with h = 1e-5, of that score by each element of a tensor.
// `gradient` is in ONNX order. The reference must have run.
void reference_gradient(Reference *reference, const char *tensor, const char *logits, const int *classes,
                        size_t count, double *gradient);

#endif
