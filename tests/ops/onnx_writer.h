/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Small ONNX models, written as text, for tests. A graph is a few statements, separated by ';' or line ends:
 *
 *     input x 1x3x6x6
 *     y = Conv(x, %4x3x3x3, %4) pads=[1,1,1,1] auto_pad=NOTSET
 *     a,b = Split(y) axis=1
 *     output a
 *
 * An argument is the name of a tensor, `_` for one that is left out (of outputs too), or a constant that becomes an
 * initializer: %4x3 random float32 in -1..1, %4x3@0.5:2 in that range, =0.5 a float32 scalar, #1/2/-3 a list
 * of int64 (# alone: an empty one), $5 an int64 scalar; ^u8:3 a scalar of a small integer type (u8, i8, u16, i16,
 * i32, bool), ^i8:1/-2 a list, ^i8x4x3 random numbers in -9..9, or 0..9 where there are none below zero. An attribute
 * is name=value: an integer, a number with a point, a word, or a list. An operator of another domain is written
 * domain::operator.
 */
#ifndef TESTS_OPS_ONNX_WRITER_H
#define TESTS_OPS_ONNX_WRITER_H

#include <stddef.h>
#include <stdint.h>

enum { GRAPH_RANK = 12, GRAPH_NAME = 40, GRAPH_ARGS = 12, GRAPH_NODES = 96, GRAPH_TENSORS = 160 };

typedef struct GraphTensor {
    char name[GRAPH_NAME];
    int type;                           // ONNX's number of the element type
    int rank;
    int64_t dim[GRAPH_RANK];
    size_t count, bytes;
    void *data;                         // owned; inputs and external data have none
    char location[GRAPH_NAME];          // external data: the file
    int64_t offset, length;             // external data; -1: not said
    int typed;                          // written to the typed field, not as raw bytes
} GraphTensor;

typedef struct GraphAttribute {
    char name[GRAPH_NAME], s[GRAPH_NAME];
    enum { GRAPH_INT, GRAPH_FLOAT, GRAPH_STRING, GRAPH_INTS, GRAPH_FLOATS, GRAPH_STRINGS } kind;
    char words[6][16];                  // of strings
    int64_t i, ints[GRAPH_RANK];
    float f, floats[GRAPH_RANK];
    int count;
} GraphAttribute;

typedef struct GraphNode {
    char name[GRAPH_NAME], type[GRAPH_NAME], domain[GRAPH_NAME];
    char input[GRAPH_ARGS][GRAPH_NAME], output[GRAPH_ARGS][GRAPH_NAME];     // "" where left out
    int inputs, outputs;
    GraphAttribute attribute[GRAPH_ARGS];
    int attributes;
    const char *scopes;                 // PyTorch's list of modules, or NULL; must outlive the graph
} GraphNode;

typedef struct Graph {
    int opset;
    uint64_t seed;                      // of the random constants
    GraphTensor tensor[GRAPH_TENSORS];  // initializers
    GraphTensor input[4];
    char output[4][GRAPH_NAME];
    GraphNode node[GRAPH_NODES];
    int tensors, inputs, outputs, nodes;
    const char *name, *producer;        // NULL: "" and "tests"; not copied
    const char *metadata[4][2];         // keys and values; NULL past the last; not copied
} Graph;

Graph *graph_create(int opset);
void graph_free(Graph *graph);

// Adds the statements of a text. Ends the program with a message when they are not well formed: tests are.
void graph_add(Graph *graph, const char *text);
__attribute__((format(printf, 2, 3)))
void graph_addf(Graph *graph, const char *format, ...);

// Adds an initializer; data (copied, may be NULL) has `bytes` bytes.
GraphTensor *graph_tensor(Graph *graph, const char *name, int type, int rank, const int64_t *dim,
                          const void *data, size_t bytes);
const GraphTensor *graph_find(const Graph *graph, const char *name);

// The bytes of the model, to be freed.
uint8_t *graph_pack(const Graph *graph, size_t *size);
// Writes them to a file.
void graph_save(const Graph *graph, const char *path);
void write_file(const char *path, const void *bytes, size_t size);
// The bytes of a file, to be freed.
uint8_t *read_file(const char *path, size_t *size);

#endif
