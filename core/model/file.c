/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An open .bin model (GGUF v3). In: a path or a block of memory. Out: keys and tensors by name, as file_parse.c found
 * and checked them; their data stays in the mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
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
    GcamModelFile *file = calloc(1, sizeof(*file));
    char *copy = strdup(path);
    if (!file || !copy) {
        free(file);
        free(copy);
        return NULL;
    }
    file->path = copy;
    return file;
}

void gcam_modelfile_close(GcamModelFile **file)
{
    if (!file || !*file)
        return;
    for (GcamFileChunk *chunk = (*file)->arena, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    if ((*file)->is_mapped)
        munmap((void *)(*file)->data, (*file)->size);
    free((char *)(*file)->path);
    free(*file);
    *file = NULL;
}

// Maps the whole of a regular file that is not empty.
static int map(GcamModelFile *file, char *error, size_t error_size)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret = 0;
    struct stat info;
    void *data = MAP_FAILED;
    if (fd < 0 || fstat(fd, &info) < 0) {
        ret = gcam_fail(error, error_size, -errno, "cannot open model '%s': %m", file->path);
    } else if (!S_ISREG(info.st_mode)) {
        ret = gcam_fail(error, error_size, -EINVAL, "cannot open model '%s': it is not a regular file", file->path);
    } else if (!info.st_size || (uint64_t)info.st_size > SIZE_MAX) {
        ret = gcam_fail(error, error_size, -EBADMSG, "'%s' is not a model file: it holds %lld bytes", file->path,
                        (long long)info.st_size);
    } else {
        data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            ret = gcam_fail(error, error_size, -errno, "cannot map model '%s' into memory: %m", file->path);
    }
    if (fd >= 0)
        close(fd);
    if (ret < 0)
        return ret;
    file->data = data;
    file->size = (size_t)info.st_size;
    file->is_mapped = 1;
    return 0;
}

int gcam_modelfile_open(GcamModelFile **out, const char *path, char *error, size_t error_size)
{
    *out = NULL;
    GcamModelFile *file = file_new(path);
    if (!file)
        return gcam_fail(error, error_size, -ENOMEM, "no memory to open model '%s'", path);
    int ret = map(file, error, error_size);
    if (ret >= 0)
        ret = gcam_modelfile_parse(file, error, error_size);
    if (ret < 0) {
        gcam_modelfile_close(&file);
        return ret;
    }
    *out = file;
    return 0;
}

int gcam_modelfile_open_memory(GcamModelFile **out, const void *data, size_t size, const char *name,
                               char *error, size_t error_size)
{
    *out = NULL;
    if ((uintptr_t)data % GCAM_MODELFILE_ALIGN)
        return gcam_fail(error, error_size, -EINVAL, "model '%s' is not aligned to %d bytes in memory", name,
                         GCAM_MODELFILE_ALIGN);
    GcamModelFile *file = file_new(name);
    if (!file)
        return gcam_fail(error, error_size, -ENOMEM, "no memory to open model '%s'", name);
    file->data = data;
    file->size = size;
    int ret = gcam_modelfile_parse(file, error, error_size);
    if (ret < 0) {
        gcam_modelfile_close(&file);
        return ret;
    }
    *out = file;
    return 0;
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
    *size = file->is_mapped ? file->size : 0;
    return file->is_mapped ? file->data : NULL;
}

// The entry of a key that has this type; NULL and *ret = -ENOENT or -EBADMSG otherwise.
static const GcamFileEntry *find(const GcamModelFile *file, const char *key, enum GcamValueType type, int is_array,
                                 int *ret)
{
    const GcamFileEntry wanted = {.key = key};
    const GcamFileEntry *entry = NULL;
    if (file->entry_count)
        entry = bsearch(&wanted, file->entry, file->entry_count, sizeof(*file->entry), gcam_modelfile_compare_entries);
    *ret = !entry ? -ENOENT : entry->type != type || entry->is_array != is_array ? -EBADMSG : 0;
    return *ret < 0 ? NULL : entry;
}

static int get_number(const GcamModelFile *file, const char *key, enum GcamValueType type, void *out)
{
    int ret;
    const GcamFileEntry *entry = find(file, key, type, 0, &ret);
    if (entry)
        memcpy(out, entry->value, gcam_value_size[type]);
    return ret;
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
    int ret = get_number(file, key, GCAM_VALUE_BOOL, &value);
    if (ret >= 0)
        *out = value;
    return ret;
}

int gcam_modelfile_string(const GcamModelFile *file, const char *key, const char **out)
{
    int ret;
    const GcamFileEntry *entry = find(file, key, GCAM_VALUE_STRING, 0, &ret);
    if (entry)
        *out = entry->value;
    return ret;
}

int gcam_modelfile_strings(const GcamModelFile *file, const char *key, const char *const **out, size_t *count)
{
    int ret;
    const GcamFileEntry *entry = find(file, key, GCAM_VALUE_STRING, 1, &ret);
    if (entry) {
        *out = entry->value;
        *count = entry->count;
    }
    return ret;
}

int gcam_modelfile_u8s(const GcamModelFile *file, const char *key, const uint8_t **out, size_t *count)
{
    int ret;
    const GcamFileEntry *entry = find(file, key, GCAM_VALUE_U8, 1, &ret);
    if (entry) {
        *out = entry->value;
        *count = entry->count;
    }
    return ret;
}

static int get_numbers(const GcamModelFile *file, const char *key, enum GcamValueType type, void *out, size_t capacity,
                       size_t *count)
{
    int ret;
    const GcamFileEntry *entry = find(file, key, type, 1, &ret);
    if (!entry)
        return ret;
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
