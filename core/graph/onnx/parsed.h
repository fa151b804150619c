/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inside of a parsed ONNX file: shared by import and stripping.
 */
#ifndef GCAM_GRAPH_ONNX_PARSED_H
#define GCAM_GRAPH_ONNX_PARSED_H

#include "onnx.h"
#include "onnx.pb-c.h"

#define DATA_EXTERNAL 1         // TensorProto.DataLocation

typedef struct MappedFile {
    char *location;             // as the model names it
    void *data;
    size_t size;
} MappedFile;

struct GcamOnnx {
    Onnx__ModelProto *proto;
    ProtobufCAllocator allocator;       // of proto; its data is this struct
    int out_of_memory;                  // it failed: protobuf-c does not tell that from malformed bytes
    char *path;
    GcamOnnxWeights weights;
    MappedFile *file;
    size_t files;
    GcamValue *initializer;     // data, type and shape of each initializer, in the graph's order
};

#endif
