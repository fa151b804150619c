/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads the header of a .bin model (GGUF v3). In: the bytes of a file, trusted in nothing. Out: keys and tensors,
 * sorted for look-up, pointing into those bytes. Strings and tables are copied once, into an arena that the file owns,
 * because the file's own strings have no NUL and its numbers no alignment; the data of tensors is never copied.
 *
 * One cursor walks the header from start to end. Every read goes through take(), which knows how much is left; every
 * count is held against the bytes that so many items need at least, before anything is allocated for them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "file_private.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are little-endian and are used in place: this machine is not supported"
#endif

#define MIN_ENTRY 14            // bytes that the shortest metadata entry takes: "k", type, one byte
#define MIN_TENSOR 25           // ... and the shortest tensor record: "t", rank 0, type, offset
#define MOST_ALIGN 65536        // bytes

const uint8_t gcam_value_size[GCAM_VALUE_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

typedef struct Cursor {
    GcamModelFile *file;
    size_t at;
    const GradcamLog *log;
} Cursor;

#define FAIL(cursor, code, ...) gcam_fail((cursor)->log, code, __VA_ARGS__)

// The next `size` bytes of the header, or NULL when the file ends before.
static const void *take(Cursor *cursor, uint64_t size)
{
    GcamModelFile *file = cursor->file;
    if (size > file->size - cursor->at) {
        FAIL(cursor, -EBADMSG, "'%s' is cut short or damaged: its header reaches beyond the end of the file, %zu bytes",
             file->path, file->size);
        return NULL;
    }
    const void *bytes = file->data + cursor->at;
    cursor->at += (size_t)size;
    return bytes;
}

static int take_u32(Cursor *cursor, uint32_t *out)
{
    const void *bytes = take(cursor, sizeof(*out));
    if (!bytes)
        return -EBADMSG;
    memcpy(out, bytes, sizeof(*out));
    return 0;
}

static int take_u64(Cursor *cursor, uint64_t *out)
{
    const void *bytes = take(cursor, sizeof(*out));
    if (!bytes)
        return -EBADMSG;
    memcpy(out, bytes, sizeof(*out));
    return 0;
}

// Copies a string of the file and ends it with NUL.
static int take_string(Cursor *cursor, const char **out)
{
    uint64_t length = 0;
    int error = take_u64(cursor, &length);
    const char *bytes = error < 0 ? NULL : take(cursor, length);
    if (!bytes)
        return -EBADMSG;
    if (memchr(bytes, 0, (size_t)length))
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: a string at byte %zu contains NUL", cursor->file->path,
                    cursor->at - (size_t)length);
    char *copy = gcam_arena_alloc(&cursor->file->arena, (size_t)length + 1, 1);
    if (!copy)
        return FAIL(cursor, -ENOMEM, "no memory for the header of '%s'", cursor->file->path);
    memcpy(copy, bytes, (size_t)length);
    copy[length] = '\0';
    *out = copy;
    return 0;
}

static int take_name(Cursor *cursor, const char *what, const char **out)
{
    size_t start = cursor->at;
    int error = take_string(cursor, out);
    if (error < 0)
        return error;
    size_t length = cursor->at - start - sizeof(uint64_t);
    if (length < 1 || length > GCAM_MAX_NAME)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: a %s of %zu bytes at byte %zu", cursor->file->path, what,
                    length, start);
    return 0;
}

static int take_strings(Cursor *cursor, GcamFileEntry *entry)
{
    // Each needs 8 bytes for its length, so this allocates no more than the file is long.
    const char **strings = gcam_arena_alloc(&cursor->file->arena, entry->count, sizeof(*strings));
    if (!strings)
        return FAIL(cursor, -ENOMEM, "no memory for the header of '%s'", cursor->file->path);
    int error = 0;
    for (size_t i = 0; i < entry->count && error >= 0; i++)
        error = take_string(cursor, &strings[i]);
    entry->value = strings;
    return error;
}

static int take_array(Cursor *cursor, GcamFileEntry *entry)
{
    uint32_t type = 0;
    uint64_t count = 0;
    int error = take_u32(cursor, &type);
    if (error >= 0)
        error = take_u64(cursor, &count);
    if (error < 0)
        return error;
    if (type >= GCAM_VALUE_TYPES || type == GCAM_VALUE_ARRAY)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: key '%s' is an array of elements of type %u",
                    cursor->file->path, entry->key, type);
    size_t least = type == GCAM_VALUE_STRING ? sizeof(uint64_t) : gcam_value_size[type];
    if (count > (cursor->file->size - cursor->at) / least)
        return FAIL(cursor, -EBADMSG, "'%s' is cut short or damaged: key '%s' claims %llu elements",
                    cursor->file->path, entry->key, (unsigned long long)count);
    entry->is_array = 1;
    entry->type = (enum GcamValueType)type;
    entry->count = (size_t)count;
    if (type == GCAM_VALUE_STRING)
        return take_strings(cursor, entry);
    entry->value = take(cursor, count * gcam_value_size[type]);
    return entry->value ? 0 : -EBADMSG;
}

static int take_entry(Cursor *cursor, GcamFileEntry *entry)
{
    uint32_t type = 0;
    int error = take_name(cursor, "metadata key", &entry->key);
    if (error >= 0)
        error = take_u32(cursor, &type);
    if (error < 0)
        return error;
    if (type == GCAM_VALUE_ARRAY)
        return take_array(cursor, entry);
    if (type >= GCAM_VALUE_TYPES)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: key '%s' has the unknown type %u", cursor->file->path,
                    entry->key, type);
    entry->type = (enum GcamValueType)type;
    if (type == GCAM_VALUE_STRING)
        return take_string(cursor, (const char **)&entry->value);
    const uint8_t *value = take(cursor, gcam_value_size[type]);
    if (!value)
        return -EBADMSG;
    if (type == GCAM_VALUE_BOOL && *value > 1)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: key '%s' is a truth value of %u", cursor->file->path,
                    entry->key, *value);
    entry->value = value;
    return 0;
}

int gcam_modelfile_compare_entries(const void *a, const void *b)
{
    return strcmp(((const GcamFileEntry *)a)->key, ((const GcamFileEntry *)b)->key);
}

static int take_metadata(Cursor *cursor)
{
    GcamModelFile *file = cursor->file;
    file->entry = gcam_arena_alloc(&file->arena, file->entry_count, sizeof(*file->entry));
    if (!file->entry)
        return FAIL(cursor, -ENOMEM, "no memory for the header of '%s'", file->path);
    for (size_t i = 0; i < file->entry_count; i++) {
        file->entry[i] = (GcamFileEntry){0};
        int error = take_entry(cursor, &file->entry[i]);
        if (error < 0)
            return error;
    }
    qsort(file->entry, file->entry_count, sizeof(*file->entry), gcam_modelfile_compare_entries);
    for (size_t i = 1; i < file->entry_count; i++)
        if (!strcmp(file->entry[i - 1].key, file->entry[i].key))
            return FAIL(cursor, -EBADMSG, "'%s' is damaged: it has the key '%s' twice", file->path,
                        file->entry[i].key);
    return 0;
}

// What the container says about itself: whose file it is, and how its data is aligned.
static int check_general(Cursor *cursor)
{
    GcamModelFile *file = cursor->file;
    const char *architecture = NULL;
    uint32_t align = 32;        // GGUF's default
    if (gcam_modelfile_string(file, "general.architecture", &architecture) < 0)
        return FAIL(cursor, -ENOTSUP, "'%s' is a GGUF file, but does not say that it is a gradcam model", file->path);
    if (strcmp(architecture, "gradcam"))
        return FAIL(cursor, -ENOTSUP, "'%s' is a GGUF file for '%s', not a gradcam model", file->path, architecture);
    if (gcam_modelfile_u32(file, "general.alignment", &align) == -EBADMSG)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: general.alignment is not a 32-bit number", file->path);
    if (align < 8 || align > MOST_ALIGN || (align & (align - 1)))
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: its alignment is %u", file->path, align);
    file->align = align;
    return 0;
}

// Reads the dims (the file has the fastest first) and computes the number of elements.
static int take_shape(Cursor *cursor, GcamFileTensor *tensor)
{
    GcamModelFile *file = cursor->file;
    uint32_t rank = 0;
    int error = take_u32(cursor, &rank);
    if (error < 0)
        return error;
    if (rank > GCAM_MODELFILE_MAX_RANK)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: tensor '%s' has %u dimensions", file->path, tensor->name, rank);
    tensor->rank = (int)rank;
    tensor->count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t dim = 0;
        error = take_u64(cursor, &dim);
        if (error < 0)
            return error;
        if (dim > INT64_MAX || __builtin_mul_overflow(tensor->count, dim, &tensor->count))
            return FAIL(cursor, -EBADMSG, "'%s' is damaged: the size of tensor '%s' overflows", file->path,
                        tensor->name);
        tensor->dims[rank - 1 - i] = (int64_t)dim;
    }
    return 0;
}

// Reads one record. *offset, counted from the start of the data, becomes a pointer in place_tensors().
static int take_tensor(Cursor *cursor, GcamFileTensor *tensor, uint64_t *offset)
{
    GcamModelFile *file = cursor->file;
    uint32_t type = 0;
    int error = take_name(cursor, "tensor name", &tensor->name);
    if (error >= 0)
        error = take_shape(cursor, tensor);
    if (error >= 0)
        error = take_u32(cursor, &type);
    if (error >= 0)
        error = take_u64(cursor, offset);
    if (error < 0)
        return error;
    size_t size = gcam_file_type_size(type > INT32_MAX ? -1 : (int)type);
    if (!size)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: tensor '%s' has elements of the unknown type %u", file->path,
                    tensor->name, type);
    if (__builtin_mul_overflow(tensor->count, size, &tensor->size))
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: the size of tensor '%s' overflows", file->path, tensor->name);
    tensor->type = (enum GcamFileType)type;
    return 0;
}

// Turns offsets into pointers, now that it is known where the data begins.
static int place_tensors(Cursor *cursor, const uint64_t *offsets)
{
    GcamModelFile *file = cursor->file;
    size_t padding = (file->align - cursor->at % file->align) % file->align;
    if (file->tensor_count && padding > file->size - cursor->at)
        return FAIL(cursor, -EBADMSG, "'%s' is cut short: it ends before the data of its tensors", file->path);
    size_t base = cursor->at + padding, room = file->size - base;
    for (size_t i = 0; i < file->tensor_count; i++) {
        GcamFileTensor *tensor = &file->tensor[i];
        if (offsets[i] % file->align)
            return FAIL(cursor, -EBADMSG, "'%s' is damaged: tensor '%s' is not aligned to %zu bytes", file->path,
                        tensor->name, file->align);
        if (offsets[i] > room || tensor->size > room - offsets[i])
            return FAIL(cursor, -EBADMSG, "'%s' is cut short or damaged: tensor '%s' reaches beyond the end of the "
                        "file, %zu bytes", file->path, tensor->name, file->size);
        tensor->data = file->data + base + (size_t)offsets[i];
    }
    return 0;
}

int gcam_modelfile_compare_tensors(const void *a, const void *b)
{
    return strcmp((*(const GcamFileTensor *const *)a)->name, (*(const GcamFileTensor *const *)b)->name);
}

static int take_tensors(Cursor *cursor)
{
    GcamModelFile *file = cursor->file;
    size_t count = file->tensor_count;
    file->tensor = gcam_arena_alloc(&file->arena, count, sizeof(*file->tensor));
    file->by_name = gcam_arena_alloc(&file->arena, count, sizeof(*file->by_name));
    uint64_t *offsets = gcam_arena_alloc(&file->arena, count, sizeof(*offsets));
    if (!file->tensor || !file->by_name || !offsets)
        return FAIL(cursor, -ENOMEM, "no memory for the header of '%s'", file->path);
    for (size_t i = 0; i < count; i++) {
        file->tensor[i] = (GcamFileTensor){0};
        file->by_name[i] = &file->tensor[i];
        int error = take_tensor(cursor, &file->tensor[i], &offsets[i]);
        if (error < 0)
            return error;
    }
    qsort(file->by_name, count, sizeof(*file->by_name), gcam_modelfile_compare_tensors);
    for (size_t i = 1; i < count; i++)
        if (!gcam_modelfile_compare_tensors(&file->by_name[i - 1], &file->by_name[i]))
            return FAIL(cursor, -EBADMSG, "'%s' is damaged: it has the tensor '%s' twice", file->path,
                        file->by_name[i]->name);
    return place_tensors(cursor, offsets);
}

int gcam_modelfile_parse(GcamModelFile *file, const GradcamLog *log)
{
    Cursor walk = {.file = file, .log = log}, *cursor = &walk;
    if (!gcam_modelfile_detect(file->data, file->size))
        return FAIL(cursor, -EBADMSG, "'%s' is not a model file: it does not begin with 'GGUF'", file->path);
    cursor->at = 4;
    uint32_t version = 0;
    uint64_t tensors = 0, entries = 0;
    int error = take_u32(cursor, &version);
    if (error >= 0)
        error = take_u64(cursor, &tensors);
    if (error >= 0)
        error = take_u64(cursor, &entries);
    if (error < 0)
        return error;
    if (version != 3)
        return FAIL(cursor, -ENOTSUP, "'%s' is a GGUF file of version %u, only version 3 is supported", file->path,
                    version);
    size_t room = file->size - cursor->at;
    if (entries > room / MIN_ENTRY || tensors > (room - entries * MIN_ENTRY) / MIN_TENSOR)
        return FAIL(cursor, -EBADMSG, "'%s' is cut short or damaged: %llu keys and %llu tensors do not fit in %zu "
                    "bytes", file->path, (unsigned long long)entries, (unsigned long long)tensors, file->size);
    file->entry_count = (size_t)entries;
    file->tensor_count = (size_t)tensors;
    error = take_metadata(cursor);
    if (error >= 0)
        error = check_general(cursor);
    if (error >= 0)
        error = take_tensors(cursor);
    return error;
}
