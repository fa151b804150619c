/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ONNX files: from bytes to a graph.
 */
#ifndef GCAM_GRAPH_ONNX_ONNX_H
#define GCAM_GRAPH_ONNX_ONNX_H

#include <stddef.h>
#include <stdint.h>

#include "graph/graph.h"

typedef struct GcamOnnx GcamOnnx;       // a parsed file with all it maps; outlives the graphs built from it

// Where a compiled model keeps the data of an initializer that is not in the graph's own bytes: pointer, element type
// and size in bytes of the tensor called `name`. 0, or -ENOENT.
typedef struct GcamOnnxWeights {
    int (*find)(void *opaque, const char *name, const void **data, int *type, size_t *size);
    void *opaque;
} GcamOnnxWeights;

// Parses a file's bytes, which are only read during the call. `path` names the file in messages, and external data is
// looked for beside it, and read whole where `copy` is set; weights NULL for a plain .onnx file.
int gcam_onnx_parse(GcamOnnx **out, const char *path, const void *bytes, size_t size,
                    const GcamOnnxWeights *weights, int copy, const GradcamLog *log);
void gcam_onnx_free(GcamOnnx **onnx);

// The i-th file with external data that was mapped; data NULL past the last.
GcamMapping gcam_onnx_mapping(const GcamOnnx *onnx, size_t i);

// Builds the graph, not yet simplified. Its strings and constants point into `onnx`. Open dimensions of inputs are 0:
// what they become is decided above (model/inputs.c).
int gcam_onnx_build(GcamOnnx *onnx, GcamGraph *graph, const GradcamLog *log);

// A large initializer whose data a compiled model stores apart.
typedef struct GcamOnnxTensor {
    char name[40];              // "initializer.12", its place in the graph
    const void *data;
    int type;
    GcamShape shape;            // as stored
    int turned;                 // the data is the transpose of what is stored
} GcamOnnxTensor;

size_t gcam_onnx_initializers(const GcamOnnx *onnx);

// How many Gemm nodes take the transpose of a matrix that will be listed apart, where nothing else takes it; else 0.
int gcam_onnx_turns(const GcamOnnx *onnx, size_t initializer);

// Serialises the graph without the data of its large float initializers, which are listed apart (both gcam_alloc'd).
// turned: by initializer, whether it is to be stored as its transpose, which the nodes above then take as it lies; zero
// where gcam_onnx_turns() is.
int gcam_onnx_strip(const GcamOnnx *onnx, const char *turned, uint8_t **bytes, size_t *size, GcamOnnxTensor **tensors,
                    size_t *count);

#endif
