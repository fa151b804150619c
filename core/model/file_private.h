/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an open model file consists of: shared by file_read.c, which maps and looks up, and file_parse.c, which reads.
 */
#ifndef GCAM_MODEL_FILE_PRIVATE_H
#define GCAM_MODEL_FILE_PRIVATE_H

#include "base/arena.h"
#include "base/map_file.h"
#include "file.h"

// Types of metadata values, with GGUF's own numbers.
enum GcamValueType {
    GCAM_VALUE_U8, GCAM_VALUE_I8, GCAM_VALUE_U16, GCAM_VALUE_I16, GCAM_VALUE_U32, GCAM_VALUE_I32, GCAM_VALUE_F32,
    GCAM_VALUE_BOOL, GCAM_VALUE_STRING, GCAM_VALUE_ARRAY, GCAM_VALUE_U64, GCAM_VALUE_I64, GCAM_VALUE_F64,
    GCAM_VALUE_TYPES
};

// Bytes of a value in the file; 0: it has no fixed size.
extern const uint8_t gcam_value_size[GCAM_VALUE_TYPES];

#define GCAM_MAX_NAME 65535     // bytes of a key or tensor name; GGUF's own limit for keys

// A metadata entry. Scalars and arrays of numbers point to the file (unaligned), strings to the arena.
typedef struct GcamFileEntry {
    const char *key;
    enum GcamValueType type;    // of the value, or of an array's elements
    int is_array;
    size_t count;               // elements of an array
    const void *value;          // number(s) in the file; char * for a string; const char ** for an array of strings
} GcamFileEntry;

struct GcamModelFile {
    const char *path;
    GcamMapFile bytes;          // what data points to, unless that is the caller's memory
    const uint8_t *data;
    size_t size;
    size_t align;
    size_t entry_count, tensor_count;
    GcamFileEntry *entry;       // sorted by key
    GcamFileTensor *tensor;     // in the order of the file
    const GcamFileTensor **by_name;
    GcamArena arena;            // strings and tables
};

// Reads the whole header of a file whose path, data and size are set, and fills in the rest. On failure the file is to
// be closed.
int gcam_modelfile_parse(GcamModelFile *file, const GradcamLog *log);

// qsort() and bsearch() order of `entry` and of `by_name`.
int gcam_modelfile_compare_entries(const void *a, const void *b);
int gcam_modelfile_compare_tensors(const void *a, const void *b);

#endif
