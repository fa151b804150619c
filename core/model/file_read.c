/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An open .bin model (GGUF v3). In: the bytes of a file, or a block of memory. Out: keys and tensors by name, as
 * file_parse.c found and checked them; their data stays where it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "file_private.h"

static const struct {
    int type;
    size_t size;
    const char *name;
} file_types[] = {
    {GCAM_FILE_F32, 4, "F32"}, {GCAM_FILE_F16, 2, "F16"}, {GCAM_FILE_I8, 1, "I8"},   {GCAM_FILE_I16, 2, "I16"},
    {GCAM_FILE_I32, 4, "I32"}, {GCAM_FILE_I64, 8, "I64"}, {GCAM_FILE_F64, 8, "F64"}, {GCAM_FILE_BF16, 2, "BF16"},
};

size_t gcam_file_type_size(int type)
{
    for (size_t i = 0; i < sizeof(file_types) / sizeof(file_types[0]); i++)
        if (file_types[i].type == type)
            return file_types[i].size;
    return 0;
}

const char *gcam_file_type_name(int type)
{
    for (size_t i = 0; i < sizeof(file_types) / sizeof(file_types[0]); i++)
        if (file_types[i].type == type)
            return file_types[i].name;
    return "?";
}

// --------------------------------------------------------------------------------------------------------- open, close

int gcam_modelfile_detect(const void *data, size_t size)
{
    return size >= 4 && !memcmp(data, "GGUF", 4);
}

static GcamModelFile *file_new(const char *path)
{
    GcamModelFile *file = gcam_calloc(1, sizeof(*file));
    if (file && !(file->path = gcam_arena_strdup(&file->arena, path)))
        gcam_modelfile_close(&file);
    return file;
}

void gcam_modelfile_close(GcamModelFile **file)
{
    if (!file || !*file)
        return;
    gcam_unmap_file(&(*file)->bytes);
    gcam_arena_free(&(*file)->arena);
    gcam_free(*file);
    *file = NULL;
}

static int open_bytes(GcamModelFile **out, GcamMapFile *bytes, const void *data, size_t size, const char *name,
                      const GradcamLog *log)
{
    GcamModelFile *file = file_new(name);
    if (!file)
        return gcam_fail(log, -ENOMEM, "no memory to open model '%s'", name);
    if (bytes) {
        file->bytes = *bytes;
        *bytes = (GcamMapFile){ 0 };
    }
    file->data = data;
    file->size = size;
    int error = gcam_modelfile_parse(file, log);
    if (error)
        gcam_modelfile_close(&file);
    *out = file;
    return error;
}

int gcam_modelfile_open(GcamModelFile **out, GcamMapFile *bytes, const char *path, const GradcamLog *log)
{
    *out = NULL;
    return open_bytes(out, bytes, bytes->data, bytes->size, path, log);
}

int gcam_modelfile_open_memory(GcamModelFile **out, const void *data, size_t size, const char *name,
                               const GradcamLog *log)
{
    *out = NULL;
    if ((uintptr_t)data % GCAM_MODELFILE_ALIGN)
        return gcam_fail(log, -EINVAL, "model '%s' is not aligned to %d bytes in memory", name, GCAM_MODELFILE_ALIGN);
    return open_bytes(out, NULL, data, size, name, log);
}

// ------------------------------------------------------------------------------------------------------------- look up

const char *gcam_modelfile_path(const GcamModelFile *file)
{
    return file->path;
}

size_t gcam_modelfile_align(const GcamModelFile *file)
{
    return file->align;
}

const void *gcam_modelfile_mapping(const GcamModelFile *file, size_t *size)
{
    *size = file->bytes.is_mapped ? file->size : 0;
    return file->bytes.is_mapped ? file->data : NULL;
}

// The entry of a key that has this type; NULL and *error = -ENOENT or -EBADMSG otherwise.
static const GcamFileEntry *find(const GcamModelFile *file, const char *key, enum GcamValueType type, int is_array,
                                 int *error)
{
    const GcamFileEntry wanted = {.key = key};
    const GcamFileEntry *entry = NULL;
    if (file->entry_count)
        entry = bsearch(&wanted, file->entry, file->entry_count, sizeof(*file->entry), gcam_modelfile_compare_entries);
    *error = !entry ? -ENOENT : entry->type != type || entry->is_array != is_array ? -EBADMSG : 0;
    return *error < 0 ? NULL : entry;
}

static int get_number(const GcamModelFile *file, const char *key, enum GcamValueType type, void *out)
{
    int error;
    const GcamFileEntry *entry = find(file, key, type, 0, &error);
    if (entry)
        memcpy(out, entry->value, gcam_value_size[type]);
    return error;
}

int gcam_modelfile_u32(const GcamModelFile *file, const char *key, uint32_t *out)
{
    return get_number(file, key, GCAM_VALUE_U32, out);
}

int gcam_modelfile_u64(const GcamModelFile *file, const char *key, uint64_t *out)
{
    return get_number(file, key, GCAM_VALUE_U64, out);
}

int gcam_modelfile_f32(const GcamModelFile *file, const char *key, float *out)
{
    return get_number(file, key, GCAM_VALUE_F32, out);
}

int gcam_modelfile_bool(const GcamModelFile *file, const char *key, int *out)
{
    uint8_t value = 0;
    int error = get_number(file, key, GCAM_VALUE_BOOL, &value);
    if (error >= 0)
        *out = value;
    return error;
}

int gcam_modelfile_string(const GcamModelFile *file, const char *key, const char **out)
{
    int error;
    const GcamFileEntry *entry = find(file, key, GCAM_VALUE_STRING, 0, &error);
    if (entry)
        *out = entry->value;
    return error;
}

int gcam_modelfile_strings(const GcamModelFile *file, const char *key, const char *const **out, size_t *count)
{
    int error;
    const GcamFileEntry *entry = find(file, key, GCAM_VALUE_STRING, 1, &error);
    if (entry) {
        *out = entry->value;
        *count = entry->count;
    }
    return error;
}

int gcam_modelfile_u8s(const GcamModelFile *file, const char *key, const uint8_t **out, size_t *count)
{
    int error;
    const GcamFileEntry *entry = find(file, key, GCAM_VALUE_U8, 1, &error);
    if (entry) {
        *out = entry->value;
        *count = entry->count;
    }
    return error;
}

static int get_numbers(const GcamModelFile *file, const char *key, enum GcamValueType type, void *out, size_t capacity,
                       size_t *count)
{
    int error;
    const GcamFileEntry *entry = find(file, key, type, 1, &error);
    if (!entry)
        return error;
    size_t copied = entry->count < capacity ? entry->count : capacity;
    if (copied)
        memcpy(out, entry->value, copied * gcam_value_size[type]);
    *count = entry->count;
    return 0;
}

int gcam_modelfile_i32s(const GcamModelFile *file, const char *key, int32_t *out, size_t capacity, size_t *count)
{
    return get_numbers(file, key, GCAM_VALUE_I32, out, capacity, count);
}

int gcam_modelfile_f32s(const GcamModelFile *file, const char *key, float *out, size_t capacity, size_t *count)
{
    return get_numbers(file, key, GCAM_VALUE_F32, out, capacity, count);
}

size_t gcam_modelfile_tensor_count(const GcamModelFile *file)
{
    return file->tensor_count;
}

const GcamFileTensor *gcam_modelfile_tensor(const GcamModelFile *file, size_t index)
{
    return index < file->tensor_count ? &file->tensor[index] : NULL;
}

const GcamFileTensor *gcam_modelfile_find_tensor(const GcamModelFile *file, const char *name)
{
    const GcamFileTensor wanted = {.name = name}, *key = &wanted;
    if (!file->tensor_count)
        return NULL;
    const GcamFileTensor *const *found =
        bsearch(&key, file->by_name, file->tensor_count, sizeof(*file->by_name), gcam_modelfile_compare_tensors);
    return found ? *found : NULL;
}
