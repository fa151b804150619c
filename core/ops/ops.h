/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators. One file holds each family: shape rule, forward, and backward beside it; ops.c is the table of them all.
 * What plans and models want to know of an operator it says of itself, in its descriptor (GcamOp): traits, which are
 * bits, and queries, which may look at a node. Nobody else asks for its name, nor looks into its params.
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

// Traits of an operator.
enum {
    GCAM_OP_VIEW = 1 << 0,          // the output has the bytes of the input: same memory, nothing to run
    GCAM_OP_RELAYOUT = 1 << 1,      // the output is the input, laid out otherwise in memory
    GCAM_OP_NEEDS_X = 1 << 2,       // backward reads the inputs
    GCAM_OP_NEEDS_Y = 1 << 3,       // backward reads the outputs
    GCAM_OP_READS = 1 << 4,         // reads constant inputs while it runs, not only while it is made ready
    GCAM_OP_READS_STACK = 1 << 5,   // of those, a second input of more than two dimensions
    GCAM_OP_ELEMENTWISE = 1 << 6,   // an element of the output comes of the same one of each input, broadcast
    GCAM_OP_WEIGHTS = 1 << 7,       // a constant second input is weights
    GCAM_OP_PRODUCT = 1 << 8,       // a product of matrices, of the first input and the second
    GCAM_OP_JOINS = 1 << 9,         // puts its inputs one behind the other along a dimension
    GCAM_OP_PICKS = 1 << 10,        // takes the places along a dimension that a constant, its second input, names
    GCAM_OP_POOLS = 1 << 11,        // makes one pixel of several, channel by channel
    GCAM_OP_NORMALIZES = 1 << 12,   // brings rows to a mean and a variance
    GCAM_OP_SOFTMAX = 1 << 13,      // makes shares of scores, which add up to 1
    GCAM_OP_ROUNDS = 1 << 14,       // the output is the input in another unit, perhaps rounded
};

// What a step can do in the same pass, for plans that fuse (GcamOp.takes).
enum {
    GCAM_TAKES_AFFINE = 1,          // a factor and a number for each channel: scale, bias
    GCAM_TAKES_ADD = 2,             // another value added to the result: add
    GCAM_TAKES_ACTIVATION = 4,      // an activation of the result, where backward is not run: act, lo, hi
    GCAM_TAKES_RELU = 8,            // a ReLU of the result, backward too
    GCAM_TAKES_ROW = 16,            // a constant row added to each row of the result: bias
    GCAM_TAKES_PIXEL = 32,          // an output whose pixels lie further apart: pixel
};

// What operators compute of which several together are recognised as another one: x * sigmoid(x), for instance.
enum GcamSymbol { GCAM_SYMBOL_NONE, GCAM_SYMBOL_ADD, GCAM_SYMBOL_SUB, GCAM_SYMBOL_MUL, GCAM_SYMBOL_DIV,
                  GCAM_SYMBOL_ERF };

// What the elements of an operator's output lie in, where that can be told without running it.
enum GcamRange {
    GCAM_RANGE_UNKNOWN,
    GCAM_RANGE_UNIT,            // 0 to 1, whatever comes in
    GCAM_RANGE_FIRST,           // the least to the greatest element of the first input
    GCAM_RANGE_ALL,             // ... of all inputs
};

// Shape inference of one node.
typedef struct GcamInfer {
    GcamGraph *graph;
    GcamNode *node;
    const GradcamLog *log;
} GcamInfer;

typedef struct GcamStep GcamStep;
typedef struct GcamRun GcamRun;

// Elements start[i], start[i] + step[i], ... of each dimension of a tensor; shape: how many of each.
typedef struct GcamBox {
    GcamShape shape;
    int64_t start[GCAM_MAX_RANK], step[GCAM_MAX_RANK];
} GcamBox;

// A product y = alpha * W x of one row, as it is computed: W lies in memory as [out][in], or by input as [in][out].
typedef struct GcamRowProduct {
    size_t out, in;
    const void *weights;            // of the step that was made ready
    enum GcamType type;
    int by_input;
    float alpha;
} GcamRowProduct;

struct GcamOp {
    const char *type;           // ONNX operator
    // The operator for such inputs, where there are several of one name. NULL: this one.
    const GcamOp *(*variant)(const GcamInfer *infer);
    enum GcamLayout layout;
    unsigned flags;             // GCAM_OP_*
    unsigned takes;             // GCAM_TAKES_*
    enum GcamSymbol symbol;
    enum GcamActivation act;    // the activation that it is, for steps that take one
    enum GcamRange range;
    const char *probabilities;  // what it makes probabilities of scores by: "softmax", "sigmoid"; or NULL
    // Checks inputs and attributes, sets the shapes of the outputs (type is float already) and node->params.
    int (*infer)(GcamInfer *infer);
    // Makes ready what a plan can compute once: packed weights into step->state, step->scratch. May be NULL.
    int (*prepare)(GcamStep *step, const GcamValue *values, int threads);
    void (*release)(GcamStep *step);
    void (*forward)(const GcamRun *run, const GcamStep *step);
    void (*backward)(const GcamRun *run, const GcamStep *step, int input, float *dx);
    // The same by the rule of excitation (excitation.h), where it has one; it reads inputs and outputs.
    void (*excite)(const GcamRun *run, const GcamStep *step, int input, float *dx);
    // The part of the outputs that can change when part `in` of `value`, one of the inputs, does; forward then computes
    // run->part alone if that is set. NULL: everything can change.
    GcamRect (*reach)(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in);
    // The part of `value` that forward reads for part `out`. NULL: the same part, where there is `reach`.
    GcamRect (*reads)(const GcamStep *step, const GcamValue *values, int value, const GcamRect *out);
    const void *data;           // what tells the members of a family apart
    // For profiles: floating point operations of a forward, and the algorithm that was chosen. May be NULL.
    double (*flops)(const GcamStep *step, const GcamValue *values);
    const char *(*kernel)(const GcamStep *step);

    // Whether a step has `excite`. NULL: every one.
    int (*can_excite)(const GcamStep *step, const GcamValue *values);

    // Queries. NULL: no, or none. `values` are a graph's or a plan's, by the indices in node or step.
    // An activation: where it bends, below and above.
    void (*bounds)(const GcamNode *node, float *low, float *high);
    // What it does is y = scale * x + shift, one pair for each channel, in 1: fills both arrays; scale may be NULL.
    void (*affine)(const GcamNode *node, const GcamValue *values, float *scale, float *shift);
    // The operator that x * this(x) is; NULL where its attributes make it none.
    const GcamOp *(*gate)(const GcamNode *node);
    // Whether each row of the result, along the last dimension, comes of that row of the first input and of nothing
    // else that depends on the picture.
    int (*by_rows)(const GcamNode *node, const GcamValue *values);
    // It only puts dimensions in another order: the dimension of the input that becomes dimension i.
    const int *(*order)(const GcamNode *node);
    // It takes a box of its input as that output, perhaps with a dimension of 1 dropped. 0: not this node.
    int (*box)(const GcamStep *step, const GcamValue *values, int output, GcamBox *box);
    // Whether it only moves whole rows along the last dimension. It then moves the numbers of rows as well, in values
    // whose last dimension is as many times shorter.
    int (*moves_rows)(const GcamStep *step, const GcamValue *values);
    // Whether what comes out is zero about as often as what goes in, where nothing is below zero.
    int (*keeps_zeros)(const GcamNode *node);
    // Whether the input's gradient has, in each channel, the sum of the output's.
    int (*keeps_sums)(const GcamNode *node);
    // Whether the step, made ready, is a product of one row, and what it reads: weights by its first input.
    int (*row_product)(const GcamStep *step, GcamRowProduct *product);
    // Backward of such a step by its first input for several gradients, each as if it were alone.
    void (*row_product_backward)(const GcamRun *run, const GcamStep *step, size_t count, const float *const *dy,
                                 float *const *dx);
};

enum {
    GCAM_EXCITES = 1,
    GCAM_EXCITES_TOP,           // and by that of inhibition: the last product before the scores
};

// A node of a plan. The fusion fields are set by fuse.c for operators that take them (GcamOp.takes).
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
    size_t pixel;               // floats from pixel to pixel of its output, or 0: as many as it has channels
    int add;                    // value added before the activation, or -1
    enum GcamActivation act;    // applied to the result
    float lo, hi;               // of GCAM_ACT_CLIP
    int excites;                // GCAM_EXCITES_*: whether it is to go back by the rule of excitation too
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
    enum GcamRule rule;         // of the way back
    // NULL, or told of each step on the way back before it runs, when the gradient by its outputs is whole.
    void (*visit)(void *visitor, const GcamRun *run, const GcamStep *step);
    void *visitor;
    int only_active;            // of the layer's gradient only what is where the layer is not zero will count
    const GcamRect *part;       // of its outputs that is wanted, for operators with `reach`; NULL: all
    GcamThreads *pool;
    const GcamRect *wanted;     // NULL, or by step: the part of its outputs that is to be computed
    double *seconds;            // NULL, or by step: time of its forward, then by step: of its backward
    int (*interrupt)(void *opaque);     // as in GradcamSettings
    void *opaque;
};

// What a step adds to each channel, dimension 1, of its result, before an activation: bias, or what a batch
// normalization comes to. 0: nothing; 1: `bias` is filled, as many as the result has channels.
int gcam_step_bias(const GcamStep *step, const GcamValue *values, float *bias);

// The operators, one after the other; NULL past the last.
const GcamOp *gcam_op_at(size_t index);

// The operator for a node's type, or NULL.
const GcamOp *gcam_op_find(const char *type);
// The operator of a node whose inputs have shapes, or NULL.
const GcamOp *gcam_op_of(const GcamInfer *infer);

// Operators that a plan puts in.
extern const GcamOp gcam_op_to_last, gcam_op_to_plain;      // between others: changes of layout
extern const GcamOp gcam_op_join;                           // behind several outputs
extern const GcamOp gcam_op_reshape, gcam_op_gather;

// Whether zeros of the first input come through to the output, as often as they are there. node: NULL for what a plan
// put in.
static inline int gcam_op_keeps_zeros(const GcamOp *op, const GcamNode *node)
{
    return op->flags & (GCAM_OP_VIEW | GCAM_OP_RELAYOUT) || (op->keeps_zeros && op->keeps_zeros(node));
}

// GcamOp.moves_rows of a step, or of a view, which moves nothing.
int gcam_moves_rows(const GcamStep *step, const GcamValue *values);

// GcamOp.row_product of a step, 0 where its operator has none.
static inline int gcam_row_product(const GcamStep *step, GcamRowProduct *product)
{
    return step->op->row_product && step->op->row_product(step, product);
}

// Whether a step is there still, and computes that.
static inline int gcam_step_is(const GcamStep *step, enum GcamSymbol symbol)
{
    return step->op && step->op->symbol == symbol;
}

// Whether a ReLU is what a step does, or does last. Backward by a rule other than the plain one is given a gradient
// that is nowhere below 0.
static inline int gcam_step_rectifies(const GcamStep *step)
{
    return step->act == GCAM_ACT_RELU || step->op->act == GCAM_ACT_RELU;
}

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

// Which of an array of names a string attribute is; -ENOTSUP for none of them.
int gcam_infer_name(const GcamInfer *infer, const char *attribute, const char *fallback, const char *const *names,
                    int count);
#define GCAM_INFER_NAME(infer, attribute, fallback, names) \
    gcam_infer_name(infer, attribute, fallback, names, (int)(sizeof(names) / sizeof(*(names))))

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

// DequantizeLinear, shapes inferred, of a constant: as many floats as that has.
void gcam_dequantize_constant(const GcamNode *node, const GcamValue *from, float *to);

// From the arena of the graph, zeroed.
void *gcam_infer_alloc(const GcamInfer *infer, size_t size);

#endif
