/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inside of a parsed ONNX file: shared by import, external data and stripping.
 */
#ifndef GCAM_GRAPH_ONNX_PARSED_H
#define GCAM_GRAPH_ONNX_PARSED_H

#include "base/arena.h"
#include "base/map_file.h"
#include "onnx.h"
#include "onnx.pb-c.h"

#define DATA_EXTERNAL 1         // TensorProto.DataLocation

typedef struct ExternalFile {
    const char *location;       // as the model names it
    GcamMapFile bytes;
} ExternalFile;

struct GcamOnnx {
    Onnx__ModelProto *proto;
    ProtobufCAllocator allocator;       // of proto; its data is this struct
    int out_of_memory;                  // it failed: protobuf-c does not tell that from malformed bytes
    GcamArena arena;                    // of proto, and of strings
    const char *path;
    GcamOnnxWeights weights;
    int copy;                           // files are read, not mapped
    ExternalFile *file;
    size_t files;
    GcamValue *initializer;     // data, type and shape of each initializer, in the graph's order
};

// Dimensions, none below 0, whose product is a size that memory can have.
int gcam_onnx_read_shape(const GcamOnnx *onnx, const char *name, size_t rank, const int64_t *dims, GcamShape *shape,
                         const GradcamLog *log);
// A constant: its shape, type, and where its bytes are - in the message, in a file beside the model, or in a compiled
// model, which knows it by name. As many bytes as the shape says, or -EBADMSG.
int gcam_onnx_read_tensor(GcamOnnx *onnx, Onnx__TensorProto *tensor, GcamValue *value, const GradcamLog *log);

// Finds the data of a tensor whose data_location is DATA_EXTERNAL: sets value's data and, from a compiled model, its
// type; value->type is set before. -EBADMSG, -ENOMEM, or what gcam_map_file() gives; what is to be said is in the log.
int gcam_onnx_external(GcamOnnx *onnx, const Onnx__TensorProto *tensor, GcamValue *value, size_t *size,
                       const GradcamLog *log);
void gcam_onnx_close_external(GcamOnnx *onnx);

#endif
