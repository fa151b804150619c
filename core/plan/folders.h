/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the rules of constant folding share. A rule gets the constants that are the inputs of a node, as arrays of
 * double, and makes the array of its output; the tables say which rule is for which ONNX operator.
 */
#ifndef GCAM_PLAN_FOLDERS_H
#define GCAM_PLAN_FOLDERS_H

#include "ops/ops.h"

#define GCAM_FOLD_MOST ((size_t)1 << 23)    // elements: larger constants stay as they are, and their nodes run

// Row-major elements. `integer`: of integers or truth values, which double holds exactly up to 2^53.
typedef struct GcamArray {
    GcamShape shape;
    double *data;
    int integer;
} GcamArray;

typedef struct GcamFold {
    const struct GcamFolder *folder;
    GcamInfer infer;            // graph, node, log
    GcamArray *in;              // `inputs` of them; data NULL where left out
    int inputs;
    GcamArray out;              // to be filled in
} GcamFold;

// 0 with fold->out set, memory by gcam_fold_alloc(); GCAM_FOLD_NOT: not this rule's, the operator itself is to compute
// it; -E2BIG too large; another negative errno, with a message.
enum { GCAM_FOLD_NOT = 1 };

typedef int GcamFoldFunction(GcamFold *fold);

typedef struct GcamFolder {
    const char *type;           // ONNX operator
    GcamFoldFunction *function;
    int least, most;            // inputs
    const void *data;           // what tells the members of a family apart
} GcamFolder;

// Tables, a row for each operator, zeros past the last: element by element; what makes and shapes arrays; lists
// of indices.
extern const GcamFolder gcam_folders_elements[], gcam_folders_shapes[], gcam_folders_indices[];

// Counts elements that are read or made against the budget of the graph, which bounds memory and time: -EOVERFLOW, with
// a message, where it is spent.
int gcam_fold_spend(const GcamInfer *infer, size_t elements);
// Zeros. -E2BIG when there are more than GCAM_FOLD_MOST, -ENOMEM; -EOVERFLOW, with a message, beyond the budget of the
// graph. data is the caller's (gcam_alloc).
int gcam_fold_alloc(const GcamFold *fold, GcamArray *array, const GcamShape *shape, int integer);
// The output, of the first input's type.
int gcam_fold_alloc_like(GcamFold *fold, const GcamShape *shape);
size_t gcam_fold_count(const GcamArray *array);

// a * b, of strides and steps: it fits wherever an element is, and may be anything beside the elements of an array that
// has none, or behind the one element of a slice.
static inline int64_t gcam_fold_times(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static inline int64_t gcam_fold_plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

void gcam_fold_strides(const GcamShape *shape, int64_t stride[GCAM_MAX_RANK]);
// Where element `index` of an array of this shape is, when neighbours along dimension i are step[i] apart.
int64_t gcam_fold_place(const GcamShape *shape, const int64_t step[GCAM_MAX_RANK], size_t index);
// The shape that all inputs are broadcast to, as NumPy has it; -EBADMSG where they do not fit each other.
int gcam_fold_broadcast_shape(const GcamFold *fold, GcamShape *shape);
// The steps with which an array of shape `from` is read as one of the broadcast shape `to`.
void gcam_fold_broadcast_steps(const GcamShape *from, const GcamShape *to, int64_t step[GCAM_MAX_RANK]);

#endif
