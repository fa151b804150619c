/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The .bin model file: a GGUF v3 container, read through a memory mapping and written in one pass. It knows keys,
 * strings, numbers and tensors, nothing of ONNX or of graphs.
 *
 * A GGUF file is: "GGUF", version, number of tensors, number of metadata keys; the metadata (key, type, value); one
 * record for each tensor (name, dims, type, offset); padding; the data of the tensors, each at a multiple of the
 * file's alignment. All numbers are little-endian. Files of this project say general.architecture = "gradcam".
 *
 * Files are untrusted: gcam_modelfile_open() checks the whole of the header before it returns, so that every pointer
 * given out afterwards is valid, every string ends in NUL, and every tensor lies inside the file. What remains is that
 * a file that is mapped must not be changed while it is open (base/map_file.h).
 *
 * Errors: -EBADMSG malformed, -ENOTSUP a GGUF file, but not one of ours, -EINVAL the caller's mistake, -ENOMEM, or what
 * the system said. The log (may be NULL) receives one sentence with the path.
 */
#ifndef GCAM_MODEL_FILE_H
#define GCAM_MODEL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/map_file.h"

#define GCAM_MODELFILE_ALIGN 64     // of tensor data in files that we write
#define GCAM_MODELFILE_MAX_RANK 8

// Types of tensor elements, with GGUF's own numbers.
enum GcamFileType {
    GCAM_FILE_F32 = 0,
    GCAM_FILE_F16 = 1,
    GCAM_FILE_I8 = 24,
    GCAM_FILE_I16 = 25,
    GCAM_FILE_I32 = 26,
    GCAM_FILE_I64 = 27,
    GCAM_FILE_F64 = 28,
    GCAM_FILE_BF16 = 30,
};

// Bytes of one element, 0 for a number that is none of the above.
size_t gcam_file_type_size(int type);
// "F32" ..., "?" for a number that is none of the above. Static string.
const char *gcam_file_type_name(int type);

// ------------------------------------------------------------------------------------------------------------- reading

typedef struct GcamModelFile GcamModelFile;

// One tensor. Name and data belong to the file and live as long as it is open.
typedef struct GcamFileTensor {
    const char *name;
    enum GcamFileType type;
    int rank;                                   // 0 (a scalar) .. GCAM_MODELFILE_MAX_RANK
    int64_t dims[GCAM_MODELFILE_MAX_RANK];      // in ONNX order: the last varies fastest
    size_t count;                               // elements: product of the dims
    const void *data;                           // aligned to gcam_modelfile_align() bytes
    size_t size;                                // bytes
} GcamFileTensor;

// Whether data that begins like this is GGUF (its first four bytes tell).
int gcam_modelfile_detect(const void *data, size_t size);

// From the bytes of a file, which are taken over, on failure too; the path is copied.
int gcam_modelfile_open(GcamModelFile **out, GcamMapFile *bytes, const char *path, const GradcamLog *log);

// The same on a block of memory that outlives the file and is aligned to GCAM_MODELFILE_ALIGN bytes; `name` stands for
// its path in messages and is copied.
int gcam_modelfile_open_memory(GcamModelFile **out, const void *data, size_t size, const char *name,
                               const GradcamLog *log);

void gcam_modelfile_close(GcamModelFile **file);

// The path (or name) it was opened by.
const char *gcam_modelfile_path(const GcamModelFile *file);
// Alignment of tensor data in this file: a power of two, at least 8.
size_t gcam_modelfile_align(const GcamModelFile *file);
// Where the file is mapped into memory, for reading, and its size; NULL where it was opened from a block of memory.
const void *gcam_modelfile_mapping(const GcamModelFile *file, size_t *size);

// Metadata by key. 0; -ENOENT when there is no such key, -EBADMSG when it has another type; *out is then unchanged.
// Nothing is copied: strings and arrays belong to the file.
int gcam_modelfile_u32(const GcamModelFile *file, const char *key, uint32_t *out);
int gcam_modelfile_u64(const GcamModelFile *file, const char *key, uint64_t *out);
int gcam_modelfile_f32(const GcamModelFile *file, const char *key, float *out);
int gcam_modelfile_bool(const GcamModelFile *file, const char *key, int *out);
int gcam_modelfile_string(const GcamModelFile *file, const char *key, const char **out);
int gcam_modelfile_strings(const GcamModelFile *file, const char *key, const char *const **out, size_t *count);
int gcam_modelfile_u8s(const GcamModelFile *file, const char *key, const uint8_t **out, size_t *count);

// Arrays of numbers are not aligned in the file, so they are copied: at most `capacity` elements go to `out` (which may
// be NULL when capacity is 0), *count is how many there are.
int gcam_modelfile_i32s(const GcamModelFile *file, const char *key, int32_t *out, size_t capacity, size_t *count);
int gcam_modelfile_f32s(const GcamModelFile *file, const char *key, float *out, size_t capacity, size_t *count);

// Tensors in the order of the file, and by name; NULL when there is none.
size_t gcam_modelfile_tensor_count(const GcamModelFile *file);
const GcamFileTensor *gcam_modelfile_tensor(const GcamModelFile *file, size_t index);
const GcamFileTensor *gcam_modelfile_find_tensor(const GcamModelFile *file, const char *name);

// ------------------------------------------------------------------------------------------------------------- writing

// Collects keys and tensors, then writes them at once. The functions that add remember the first thing that went wrong
// (no memory, a name given twice, a shape that overflows) and gcam_modelwriter_finish() reports it, so that they need
// no check each. Keys and strings are copied; the data of tensors is not: it stays the caller's and must remain
// unchanged until finish.
typedef struct GcamModelWriter GcamModelWriter;

// Adds general.architecture = "gradcam" and general.alignment itself; other general.* keys (name, license, source.url,
// file_type) are the caller's to add. Nothing is written yet. -ENOMEM.
int gcam_modelwriter_create(GcamModelWriter **out, const char *path);

void gcam_modelwriter_u32(GcamModelWriter *writer, const char *key, uint32_t value);
void gcam_modelwriter_u64(GcamModelWriter *writer, const char *key, uint64_t value);
void gcam_modelwriter_f32(GcamModelWriter *writer, const char *key, float value);
void gcam_modelwriter_bool(GcamModelWriter *writer, const char *key, int value);
void gcam_modelwriter_string(GcamModelWriter *writer, const char *key, const char *value);
void gcam_modelwriter_strings(GcamModelWriter *writer, const char *key, const char *const *values, size_t count);
void gcam_modelwriter_u8s(GcamModelWriter *writer, const char *key, const uint8_t *values, size_t count);
void gcam_modelwriter_i32s(GcamModelWriter *writer, const char *key, const int32_t *values, size_t count);
void gcam_modelwriter_f32s(GcamModelWriter *writer, const char *key, const float *values, size_t count);

// data holds elements of data_type, the last dim varying fastest; they are stored as file_type, which is data_type or,
// from GCAM_FILE_F32 only, GCAM_FILE_F16 (rounded to nearest, ties to even). A finite value that float16 cannot hold
// makes finish fail with -EINVAL.
void gcam_modelwriter_tensor(GcamModelWriter *writer, const char *name, enum GcamFileType file_type, int rank,
                             const int64_t *dims, const void *data, enum GcamFileType data_type);

// The same of a matrix whose transpose is in `data`: dims[0] x dims[1] are stored, dims[1] x dims[0] lie there.
void gcam_modelwriter_turned(GcamModelWriter *writer, const char *name, enum GcamFileType file_type,
                             const int64_t dims[2], const void *data, enum GcamFileType data_type);

// Writes the file (base/write_file.h): `path` is either as it was before or complete. Call once, then free.
int gcam_modelwriter_finish(GcamModelWriter *writer, const GradcamLog *log);

void gcam_modelwriter_free(GcamModelWriter **writer);

#endif
