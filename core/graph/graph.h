/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The network as a graph: values (tensors) and nodes (operators) in order of computation.
 *
 * A value is a constant (`data` set), the picture, another input, or the output of a node. Shapes are always spoken of
 * in ONNX's order (N, C, H, W); how a value of four dimensions lies in memory is told by `channels_last`.
 *
 * The importer makes a graph, gcam_graph_simplify() infers shapes and folds what is constant, and then it never
 * changes again: the model shares it between threads. A plan makes its own copy of values and nodes.
 */
#ifndef GCAM_GRAPH_GRAPH_H
#define GCAM_GRAPH_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "gradcam.h"

#define GCAM_MAX_RANK 8

typedef struct GcamShape {
    int rank;
    size_t dim[GCAM_MAX_RANK];
} GcamShape;

// Number of elements; 1 for rank 0.
size_t gcam_shape_count(const GcamShape *shape);
int gcam_shape_equal(const GcamShape *a, const GcamShape *b);
// Elements before an axis, along it, and after it.
void gcam_shape_split(const GcamShape *shape, int axis, size_t *outer, size_t *along, size_t *inner);
// "1x64x56x56" into text; returns text.
#define GCAM_SHAPE_TEXT 128
char *gcam_shape_text(const GcamShape *shape, char text[GCAM_SHAPE_TEXT]);

// Element types, with ONNX's numbers.
enum GcamDataType {
    GCAM_TYPE_NONE = 0,
    GCAM_TYPE_FLOAT = 1,
    GCAM_TYPE_UINT8 = 2,
    GCAM_TYPE_INT8 = 3,
    GCAM_TYPE_UINT16 = 4,
    GCAM_TYPE_INT16 = 5,
    GCAM_TYPE_INT32 = 6,
    GCAM_TYPE_INT64 = 7,
    GCAM_TYPE_BOOL = 9,
    GCAM_TYPE_FLOAT16 = 10,
    GCAM_TYPE_DOUBLE = 11,
    GCAM_TYPE_UINT32 = 12,
    GCAM_TYPE_UINT64 = 13,
    GCAM_TYPE_BFLOAT16 = 16,
};

// Bytes of an element, 0 for a type that is not supported.
size_t gcam_data_size(int type);
int gcam_data_is_float(int type);
// "float32", for messages.
const char *gcam_data_name(int type);

typedef struct GcamValue {
    const char *name;
    GcamShape shape;
    int type;                   // enum GcamDataType; what is not constant is computed in float32
    const void *data;           // constant: row-major elements; else NULL
    int initializer;            // index of the initializer the data came from, or -1
    int node;                   // the node that computes it, or -1
    int alias;                  // the value that this one was found to be another name of, or -1
    int channels_last;          // rank 4 only: stored N, H, W, C (set by a plan; of the picture by the model)
} GcamValue;

typedef struct GcamOp GcamOp;

// One attribute of a node. Strings are NUL-terminated.
typedef struct GcamAttribute {
    const char *name;
    float f;
    int64_t i;
    const char *s;
    int has_tensor;
    GcamValue tensor;           // has_tensor: a constant
    const float *floats;
    size_t float_count;
    const int64_t *ints;
    size_t int_count;
    const char *const *strings;
    size_t string_count;
} GcamAttribute;

// A branch of an If: its nodes are there where `value` is `when`, 0 or 1, and the branch is that it is part of.
typedef struct GcamGuard {
    int value, when;
    const struct GcamGuard *outer;
} GcamGuard;

typedef struct GcamNode {
    const char *name, *type;    // ONNX operator, "Conv"
    const char *domain;
    const char *scopes;         // of modules that it was computed in, as the exporter of PyTorch lists them; or NULL
    const GcamOp *op;           // NULL until simplified; never NULL after
    int *input, *output;        // value indices; -1 for an optional one that is left out
    int inputs, outputs;
    const GcamAttribute *attribute;
    int attributes;
    void *params;               // what the operator parsed from attributes and constants, or NULL
    const struct GcamGuard *guard;      // the branch that it is part of, or NULL
    const char *refusal;        // what of it is not supported, where that was found when it was read; or NULL
} GcamNode;

typedef struct GcamMapping {
    const void *data;
    size_t size;
} GcamMapping;

typedef struct GcamMetadata {
    const char *key, *value;
} GcamMetadata;

typedef struct GcamGraph {
    GcamArena arena;              // owns everything below but constants' data that `owner` holds
    GcamValue *value;
    int values, value_room;
    GcamNode *node;
    int nodes, node_room;
    int *input;                 // graph inputs that are not constants
    int *input_type;            // enum GcamDataType of each as it was exported; all are computed in float32
    int inputs;
    int *output;
    int outputs;
    int *carried;               // values that a forward has to leave behind, beside the logits
    int carrieds;
    int opset;
    size_t batch;               // that it was exported for, where it is run for one picture all the same; else 1 or 0
    const char *name, *producer;
    const GcamMetadata *metadata;       // what the file says about itself
    size_t metadatas;
    const GcamMapping *mapping; // files in memory that hold constants, which may be read again at any time
    size_t mappings;
    size_t memory;              // bytes that a plan may take
    size_t folded;              // bytes of constants that were read and computed by folding
} GcamGraph;

void gcam_graph_free(GcamGraph *graph);

// What the file's metadata has under a key, upper and lower case being the same; NULL: nothing.
const char *gcam_graph_metadata(const GcamGraph *graph, const char *key);

// A new value; its index, or -ENOMEM.
int gcam_graph_add_value(GcamGraph *graph, const char *name);

// Room for a new node, all zero; its index, -ENOMEM, or -EOVERFLOW where there are too many. Nodes may move in memory.
int gcam_graph_add_node(GcamGraph *graph);

// The value of that name, or what it is another name of; or -1.
int gcam_graph_find_value(const GcamGraph *graph, const char *name);

// The same, or the first output of the node of that name; or -1.
int gcam_graph_find_tensor(const GcamGraph *graph, const char *name);

// Attribute lookup; NULL or the default where absent.
const GcamAttribute *gcam_node_attribute(const GcamNode *node, const char *name);
int64_t gcam_node_int(const GcamNode *node, const char *name, int64_t fallback);
float gcam_node_float(const GcamNode *node, const char *name, float fallback);
const char *gcam_node_string(const GcamNode *node, const char *name, const char *fallback);

// Element of a constant as double or int64 (clamped); the value must be constant and index in range.
double gcam_constant_double(const GcamValue *value, size_t index);
int64_t gcam_constant_int(const GcamValue *value, size_t index);

// Element strides of a value's memory, in ONNX's order of dimensions.
void gcam_value_strides(const GcamValue *value, ptrdiff_t stride[GCAM_MAX_RANK]);

// A copy of a constant as float32 in memory of its own (gcam_alloc), NULL when out of memory.
float *gcam_constant_floats(const GcamValue *value);

#endif
