/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators. One file holds each family: shape rule, forward, and backward beside it; ops.c is the table of them all.
 *
 * Forward reads its inputs and overwrites its outputs. Backward overwrites `dx`, the gradient of the score by one
 * input, from the gradients of the outputs; a plan adds up what several users of a tensor contribute. Gradients lie in
 * memory as their values do. There are no gradients by weights: nobody asks for them here.
 */
#ifndef GCAM_OPS_OPS_H
#define GCAM_OPS_OPS_H

#include "base/rect.h"
#include "base/threads.h"
#include "graph/graph.h"
#include "rule.h"
#include "tensor/gemm.h"

// What an operator wants of the memory layout of values of four dimensions.
enum GcamLayout {
    GCAM_LAYOUT_ANY,            // works on strides: inputs and outputs all alike
    GCAM_LAYOUT_LAST,           // channels last
    GCAM_LAYOUT_PLAIN,          // ONNX's own order
    GCAM_LAYOUT_FREE,           // works on strides, input and output may differ; the output is plain
};

enum {
    GCAM_OP_VIEW = 1,           // the output has the bytes of the input: same memory, nothing to run
    GCAM_OP_NEEDS_X = 2,        // backward reads the inputs
    GCAM_OP_NEEDS_Y = 4,        // backward reads the outputs
    GCAM_OP_READS = 8,          // reads constant inputs while it runs, not only while it is made ready
};

// Shape inference of one node.
typedef struct GcamInfer {
    GcamGraph *graph;
    GcamNode *node;
    const GradcamLog *log;
} GcamInfer;

typedef struct GcamStep GcamStep;
typedef struct GcamRun GcamRun;

struct GcamOp {
    const char *type;           // ONNX operator
    enum GcamLayout layout;
    unsigned flags;
    // Checks inputs and attributes, sets the shapes of the outputs (type is float already) and node->params.
    int (*infer)(GcamInfer *infer);
    // Makes ready what a plan can compute once: packed weights into step->state, step->scratch. May be NULL.
    int (*prepare)(GcamStep *step, const GcamValue *values, int threads);
    void (*release)(GcamStep *step);
    void (*forward)(const GcamRun *run, const GcamStep *step);
    void (*backward)(const GcamRun *run, const GcamStep *step, int input, float *dx);
    // The part of the outputs that can change when part `in` of `value`, one of the inputs, does; forward then computes
    // run->part alone if that is set. NULL: everything can change.
    GcamRect (*reach)(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in);
    // The part of `value` that forward reads for part `out`. NULL: the same part, where there is `reach`.
    GcamRect (*reads)(const GcamStep *step, const GcamValue *values, int value, const GcamRect *out);
    const void *data;           // what tells the members of a family apart
    // For profiles: floating point operations of a forward, and the algorithm that was chosen. May be NULL.
    double (*flops)(const GcamStep *step, const GcamValue *values);
    const char *(*kernel)(const GcamStep *step);
};

// A node of a plan. The fusion fields are set by fuse.c for operators that know them: Conv, BatchNormalization (act)
// and MatMul (bias).
struct GcamStep {
    const GcamOp *op;
    const GcamNode *node;       // name, attributes, params
    int *input, *output;        // value indices of the plan
    int inputs, outputs;
    int in_head;                // depends on the target layer: backward runs it too
    enum GcamType type;         // what products may be multiplied as
    int from_relu;              // its first input comes from a ReLU behind what is explained: of a gradient, only what
                                // is where it is not zero will count
    int from_layer;             // the same of the layer itself, for those who ask no more (GcamRun.only_active)
    const float *scale, *bias;  // BatchNormalization folded in, or a row added: one value per channel, or NULL
    size_t pixel;               // Conv: floats from pixel to pixel of its output, or 0: as many as it has channels
    int add;                    // Conv: value added before the activation, or -1
    enum GcamActivation act;    // applied to the result
    float lo, hi;               // of GCAM_ACT_CLIP
    void *state;
    int copied;                 // set by prepare: its constant inputs are not read again
    size_t scratch;             // floats, for forward and for backward
};

// One run of a plan. data[v] and grad[v] are the memory of value v.
struct GcamRun {
    const GcamValue *value;
    float *const *data;
    float *const *grad;
    float *memory;               // what the memory of all of them is part of
    float *scratch;             // of the step that runs
    enum GcamRule rule;         // of the way back through ReLUs
    int only_active;            // of the layer's gradient only what is where the layer is not zero will count
    const GcamRect *part;       // of its outputs that is wanted, for operators with `reach`; NULL: all
    GcamThreads *pool;
    const GcamRect *wanted;     // NULL, or by step: the part of its outputs that is to be computed
    double *seconds;            // NULL, or by step: time of its forward, then by step: of its backward
    int (*interrupt)(void *opaque);     // as in GradcamSettings
    void *opaque;
};

// The operators, one after the other; NULL past the last.
const GcamOp *gcam_op_at(size_t index);

// The operator for a node's type, or NULL.
const GcamOp *gcam_op_find(const char *type);

extern const GcamOp gcam_op_conv, gcam_op_gemm, gcam_op_matmul;
extern const GcamOp gcam_op_max_pool, gcam_op_average_pool, gcam_op_global_average_pool, gcam_op_global_max_pool;
extern const GcamOp gcam_op_batch_norm, gcam_op_layer_norm, gcam_op_lrn;
extern const GcamOp gcam_op_reduce_mean, gcam_op_reduce_sum, gcam_op_softmax, gcam_op_log_softmax;
extern const GcamOp gcam_op_concat, gcam_op_split, gcam_op_slice, gcam_op_pad, gcam_op_transpose, gcam_op_expand,
                    gcam_op_gather;
extern const GcamOp gcam_op_reshape, gcam_op_flatten, gcam_op_squeeze, gcam_op_unsqueeze;
extern const GcamOp gcam_op_unary[], gcam_op_binary[];
extern const size_t gcam_op_unary_count, gcam_op_binary_count;
// What a plan asks of a node: the dimension of the input that becomes dimension i of a Transpose; the bounds of a Clip.
const int *gcam_transpose_perm(const GcamNode *node);
void gcam_clip_bounds(const GcamNode *node, float *low, float *high);
// Whether a Slice of rank 4 takes neighbouring channels from `first` on and all of every other dimension.
int gcam_slices_channels(const GcamNode *node, size_t first);
// Whether a Softmax goes along the last dimension alone.
int gcam_softmax_along_last(const GcamStep *step, const GcamValue *values);


// Elements start[i], start[i] + step[i], ... of each dimension of a tensor; shape: how many of each.
typedef struct GcamBox {
    GcamShape shape;
    int64_t start[GCAM_MAX_RANK], step[GCAM_MAX_RANK];
} GcamBox;

// Whether a step takes a box of its input as that output, one of 1 along a dimension that it drops: Slice, Split,
// Gather of one index.
int gcam_takes_box(const GcamStep *step, const GcamValue *values, int output, GcamBox *box);

// Whether a step only moves whole rows along the last dimension, of one value or, of Concat, of several: it then moves
// the numbers of rows as well, in values whose last dimension is as many times shorter.
int gcam_moves_rows(const GcamStep *step, const GcamValue *values);

// A product y = alpha * W x of one row, as it is computed: W lies in memory as [out][in], or by input as [in][out].
typedef struct GcamRowProduct {
    size_t out, in;
    const void *weights;        // of the step that was made ready
    enum GcamType type;
    int by_input;
    float alpha;
} GcamRowProduct;

// Whether a ReLU is what a step does, or does last. Backward by a rule other than the plain one is given a gradient
// that is nowhere below 0.
int gcam_step_rectifies(const GcamStep *step);

// Whether a step is one, and what it reads: weights by its first input.
int gcam_row_product(const GcamStep *step, GcamRowProduct *product);
// Backward of such a step by its first input for several gradients, each as if it were alone.
void gcam_row_product_backward(const GcamRun *run, const GcamStep *step, size_t count, const float *const *dy,
                               float *const *dx);
// Whether a step is a pooling whose input's gradient has, in each channel, the sum of its output's gradient.
int gcam_pool_keeps_sums(const GcamStep *step);
// Whether what comes out of a node, a pooling, is zero about as often as what goes in, where nothing is below zero.
int gcam_pool_keeps_zeros(const GcamNode *node);

extern const GcamOp gcam_op_to_last, gcam_op_to_plain;      // put between others by a plan
extern const GcamOp gcam_op_join;                           // put behind several outputs by a plan
extern const GcamOp gcam_op_silu, gcam_op_channel_shuffle;  // put in the place of several nodes by a plan

// ------------------------------------------------------------------------------------ helpers for shape inference

// A malformed model (-EBADMSG) or an unsupported one (-ENOTSUP): logs "node 'x' (Conv, opset 13): ...".
int gcam_infer_bad(const GcamInfer *infer, const char *format, ...) __attribute__((format(printf, 2, 3)));
int gcam_infer_unsupported(const GcamInfer *infer, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Checks the number of inputs and outputs that are there, and that the first `required` inputs are given.
int gcam_infer_arity(const GcamInfer *infer, int required, int most);

// The input's value, or NULL where it is left out.
GcamValue *gcam_infer_input(const GcamInfer *infer, int input);
// Sets the shape of an output; -ENOTSUP for one too large to run.
int gcam_infer_output(const GcamInfer *infer, int output, const GcamShape *shape);

// A small list of integers from an attribute, or (opset 13 and later) from a constant input. Count, or a negative
// errno; -ENOENT without a message where neither is there.
int gcam_infer_ints(const GcamInfer *infer, const char *attribute, int input, int64_t list[GCAM_MAX_RANK]);

// A dimension index, counted from the end where negative; -EBADMSG when out of range.
int gcam_infer_axis(const GcamInfer *infer, int64_t axis, int rank);

// What a slice covers of a dimension of `size`, with ONNX's clamping: returns the first index, *count how many.
int64_t gcam_slice_range(int64_t size, int64_t start, int64_t end, int64_t step, size_t *count);

// The rules of operators that constants are folded by too. They set the shape of the result, in which a dimension may
// be 0, and what the node does to its inputs. 0, or a negative errno with a message.
// Slice: first index and step of what it takes, for each dimension.
int gcam_infer_slice(const GcamInfer *infer, GcamShape *shape, int64_t start[GCAM_MAX_RANK],
                     int64_t step[GCAM_MAX_RANK]);
// Transpose: the dimension of the input that becomes dimension i.
int gcam_infer_transpose(const GcamInfer *infer, GcamShape *shape, int perm[GCAM_MAX_RANK]);
// Concat: returns the axis.
int gcam_infer_concat(const GcamInfer *infer, GcamShape *shape);

// Gather: elements of the input before, along and after the axis, and how many places along it the constant `by` picks.
typedef struct GcamGather {
    const GcamValue *by;
    int axis;
    size_t outer, along, inner, picks;
} GcamGather;

int gcam_infer_gather(const GcamInfer *infer, GcamShape *shape, GcamGather *gather);
// The place that it picks for index i of the result; -EBADMSG for one that there is not.
int gcam_gather_pick(const GcamInfer *infer, const GcamGather *gather, size_t i, size_t *pick);

// From the arena of the graph, zeroed.
void *gcam_infer_alloc(const GcamInfer *infer, size_t size);

#endif
