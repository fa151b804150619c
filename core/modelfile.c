/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads a .bin model (GGUF v3). In: the bytes of a file, mapped or in memory, trusted in nothing. Out: keys and tensors
 * by name, pointing into those bytes. Strings and tables are copied once, into an arena that the file owns, because the
 * file's own strings have no NUL and its numbers no alignment; the data of tensors is never copied.
 *
 * One cursor walks the header from start to end. Every read goes through take(), which knows how much is left; every
 * count is held against the bytes that so many items need at least, before anything is allocated for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "modelfile.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are little-endian and are used in place: this machine is not supported"
#endif

enum ValueType {
    VALUE_U8, VALUE_I8, VALUE_U16, VALUE_I16, VALUE_U32, VALUE_I32, VALUE_F32, VALUE_BOOL, VALUE_STRING, VALUE_ARRAY,
    VALUE_U64, VALUE_I64, VALUE_F64, VALUE_TYPES
};

// Bytes of a value in the file; 0: it has no fixed size.
static const uint8_t value_size[VALUE_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

#define MAX_NAME 65535          // bytes of a key or tensor name; GGUF's own limit for keys
#define MIN_ENTRY 14            // bytes that the shortest metadata entry takes: "k", type, one byte
#define MIN_TENSOR 25           // ... and the shortest tensor record: "t", rank 0, type, offset
#define CHUNK 65536             // bytes of an arena chunk

// A metadata entry. Scalars and arrays of numbers point to the file (unaligned), strings to the arena.
typedef struct Entry {
    const char *key;
    enum ValueType type;        // of the value, or of an array's elements
    int is_array;
    size_t count;               // elements of an array
    const void *value;          // number(s) in the file; char * for a string; const char ** for an array of strings
} Entry;

typedef struct Chunk {
    struct Chunk *next;
    size_t used, size;
    _Alignas(16) char bytes[];
} Chunk;

struct GcamModelFile {
    const char *path;
    const uint8_t *data;
    size_t size;
    int is_mapped;
    size_t align;
    size_t entry_count, tensor_count;
    Entry *entry;               // sorted by key
    GcamFileTensor *tensor;     // in the order of the file
    const GcamFileTensor **by_name;
    Chunk *arena;
};

typedef struct Cursor {
    GcamModelFile *file;
    size_t at;
    char *error;
    size_t error_size;
} Cursor;

#define FAIL(cursor, code, ...) gcam_fail((cursor)->error, (cursor)->error_size, code, __VA_ARGS__)

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

// Memory that lives as long as the file; NULL when there is none. Large pieces get a chunk of their own.
static void *arena_take(GcamModelFile *file, size_t size)
{
    Chunk *chunk = file->arena;
    size = size ? (size + 15) & ~(size_t)15 : 16;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK ? size : CHUNK;
        chunk = malloc(sizeof(*chunk) + room);
        if (!chunk)
            return NULL;
        *chunk = (Chunk){.next = file->arena, .size = room};
        file->arena = chunk;
    }
    chunk->used += size;
    return chunk->bytes + chunk->used - size;
}

// ------------------------------------------------------------------------------------------------------------- parsing

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
    int ret = take_u64(cursor, &length);
    const char *bytes = ret < 0 ? NULL : take(cursor, length);
    if (!bytes)
        return -EBADMSG;
    if (memchr(bytes, 0, (size_t)length))
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: a string at byte %zu contains NUL", cursor->file->path,
                    cursor->at - (size_t)length);
    char *copy = arena_take(cursor->file, (size_t)length + 1);
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
    int ret = take_string(cursor, out);
    if (ret < 0)
        return ret;
    size_t length = cursor->at - start - sizeof(uint64_t);
    if (length < 1 || length > MAX_NAME)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: a %s of %zu bytes at byte %zu", cursor->file->path, what,
                    length, start);
    return 0;
}

static int take_strings(Cursor *cursor, Entry *entry)
{
    // Each needs 8 bytes for its length, so this allocates no more than the file is long.
    const char **strings = arena_take(cursor->file, entry->count * sizeof(*strings));
    if (!strings)
        return FAIL(cursor, -ENOMEM, "no memory for the header of '%s'", cursor->file->path);
    int ret = 0;
    for (size_t i = 0; i < entry->count && ret >= 0; i++)
        ret = take_string(cursor, &strings[i]);
    entry->value = strings;
    return ret;
}

static int take_array(Cursor *cursor, Entry *entry)
{
    uint32_t type = 0;
    uint64_t count = 0;
    int ret = take_u32(cursor, &type);
    if (ret >= 0)
        ret = take_u64(cursor, &count);
    if (ret < 0)
        return ret;
    if (type >= VALUE_TYPES || type == VALUE_ARRAY)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: key '%s' is an array of elements of type %u",
                    cursor->file->path, entry->key, type);
    size_t least = type == VALUE_STRING ? sizeof(uint64_t) : value_size[type];
    if (count > (cursor->file->size - cursor->at) / least)
        return FAIL(cursor, -EBADMSG, "'%s' is cut short or damaged: key '%s' claims %llu elements",
                    cursor->file->path, entry->key, (unsigned long long)count);
    entry->is_array = 1;
    entry->type = (enum ValueType)type;
    entry->count = (size_t)count;
    if (type == VALUE_STRING)
        return take_strings(cursor, entry);
    entry->value = take(cursor, count * value_size[type]);
    return entry->value ? 0 : -EBADMSG;
}

static int take_entry(Cursor *cursor, Entry *entry)
{
    uint32_t type = 0;
    int ret = take_name(cursor, "metadata key", &entry->key);
    if (ret >= 0)
        ret = take_u32(cursor, &type);
    if (ret < 0)
        return ret;
    if (type == VALUE_ARRAY)
        return take_array(cursor, entry);
    if (type >= VALUE_TYPES)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: key '%s' has the unknown type %u", cursor->file->path,
                    entry->key, type);
    entry->type = (enum ValueType)type;
    if (type == VALUE_STRING)
        return take_string(cursor, (const char **)&entry->value);
    const uint8_t *value = take(cursor, value_size[type]);
    if (!value)
        return -EBADMSG;
    if (type == VALUE_BOOL && *value > 1)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: key '%s' is a truth value of %u", cursor->file->path,
                    entry->key, *value);
    entry->value = value;
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const Entry *)a)->key, ((const Entry *)b)->key);
}

static int take_metadata(Cursor *cursor)
{
    GcamModelFile *file = cursor->file;
    file->entry = arena_take(file, file->entry_count * sizeof(*file->entry));
    if (!file->entry)
        return FAIL(cursor, -ENOMEM, "no memory for the header of '%s'", file->path);
    for (size_t i = 0; i < file->entry_count; i++) {
        file->entry[i] = (Entry){0};
        int ret = take_entry(cursor, &file->entry[i]);
        if (ret < 0)
            return ret;
    }
    qsort(file->entry, file->entry_count, sizeof(*file->entry), compare_entries);
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
    if (align < 8 || align > CHUNK || (align & (align - 1)))
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: its alignment is %u", file->path, align);
    file->align = align;
    return 0;
}

// Reads the dims (the file has the fastest first) and computes the number of elements.
static int take_shape(Cursor *cursor, GcamFileTensor *tensor)
{
    GcamModelFile *file = cursor->file;
    uint32_t rank = 0;
    int ret = take_u32(cursor, &rank);
    if (ret < 0)
        return ret;
    if (rank > GCAM_MODELFILE_MAX_RANK)
        return FAIL(cursor, -EBADMSG, "'%s' is damaged: tensor '%s' has %u dimensions", file->path, tensor->name, rank);
    tensor->rank = (int)rank;
    tensor->count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t dim = 0;
        ret = take_u64(cursor, &dim);
        if (ret < 0)
            return ret;
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
    int ret = take_name(cursor, "tensor name", &tensor->name);
    if (ret >= 0)
        ret = take_shape(cursor, tensor);
    if (ret >= 0)
        ret = take_u32(cursor, &type);
    if (ret >= 0)
        ret = take_u64(cursor, offset);
    if (ret < 0)
        return ret;
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

static int compare_tensors(const void *a, const void *b)
{
    return strcmp((*(const GcamFileTensor *const *)a)->name, (*(const GcamFileTensor *const *)b)->name);
}

static int take_tensors(Cursor *cursor)
{
    GcamModelFile *file = cursor->file;
    size_t count = file->tensor_count;
    file->tensor = arena_take(file, count * sizeof(*file->tensor));
    file->by_name = arena_take(file, count * sizeof(*file->by_name));
    uint64_t *offsets = arena_take(file, count * sizeof(*offsets));
    if (!file->tensor || !file->by_name || !offsets)
        return FAIL(cursor, -ENOMEM, "no memory for the header of '%s'", file->path);
    for (size_t i = 0; i < count; i++) {
        file->tensor[i] = (GcamFileTensor){0};
        file->by_name[i] = &file->tensor[i];
        int ret = take_tensor(cursor, &file->tensor[i], &offsets[i]);
        if (ret < 0)
            return ret;
    }
    qsort(file->by_name, count, sizeof(*file->by_name), compare_tensors);
    for (size_t i = 1; i < count; i++)
        if (!compare_tensors(&file->by_name[i - 1], &file->by_name[i]))
            return FAIL(cursor, -EBADMSG, "'%s' is damaged: it has the tensor '%s' twice", file->path,
                        file->by_name[i]->name);
    return place_tensors(cursor, offsets);
}

static int parse(Cursor *cursor)
{
    GcamModelFile *file = cursor->file;
    if (!gcam_modelfile_detect(file->data, file->size))
        return FAIL(cursor, -EBADMSG, "'%s' is not a model file: it does not begin with 'GGUF'", file->path);
    cursor->at = 4;
    uint32_t version = 0;
    uint64_t tensors = 0, entries = 0;
    int ret = take_u32(cursor, &version);
    if (ret >= 0)
        ret = take_u64(cursor, &tensors);
    if (ret >= 0)
        ret = take_u64(cursor, &entries);
    if (ret < 0)
        return ret;
    if (version != 3)
        return FAIL(cursor, -ENOTSUP, "'%s' is a GGUF file of version %u, only version 3 is supported", file->path,
                    version);
    size_t room = file->size - cursor->at;
    if (entries > room / MIN_ENTRY || tensors > (room - entries * MIN_ENTRY) / MIN_TENSOR)
        return FAIL(cursor, -EBADMSG, "'%s' is cut short or damaged: %llu keys and %llu tensors do not fit in %zu bytes",
                    file->path, (unsigned long long)entries, (unsigned long long)tensors, file->size);
    file->entry_count = (size_t)entries;
    file->tensor_count = (size_t)tensors;
    ret = take_metadata(cursor);
    if (ret >= 0)
        ret = check_general(cursor);
    if (ret >= 0)
        ret = take_tensors(cursor);
    return ret;
}

// ----------------------------------------------------------------------------------------------------------- open, close

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
    for (Chunk *chunk = (*file)->arena, *next; chunk; chunk = next) {
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
        ret = parse(&(Cursor){.file = file, .error = error, .error_size = error_size});
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
    int ret = parse(&(Cursor){.file = file, .error = error, .error_size = error_size});
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

// The entry of a key that has this type; NULL and *ret = -ENOENT or -EBADMSG otherwise.
static const Entry *find(const GcamModelFile *file, const char *key, enum ValueType type, int is_array, int *ret)
{
    const Entry wanted = {.key = key};
    const Entry *entry = NULL;
    if (file->entry_count)
        entry = bsearch(&wanted, file->entry, file->entry_count, sizeof(*file->entry), compare_entries);
    *ret = !entry ? -ENOENT : entry->type != type || entry->is_array != is_array ? -EBADMSG : 0;
    return *ret < 0 ? NULL : entry;
}

static int get_number(const GcamModelFile *file, const char *key, enum ValueType type, void *out)
{
    int ret;
    const Entry *entry = find(file, key, type, 0, &ret);
    if (entry)
        memcpy(out, entry->value, value_size[type]);
    return ret;
}

int gcam_modelfile_u32(const GcamModelFile *file, const char *key, uint32_t *out)
{
    return get_number(file, key, VALUE_U32, out);
}

int gcam_modelfile_u64(const GcamModelFile *file, const char *key, uint64_t *out)
{
    return get_number(file, key, VALUE_U64, out);
}

int gcam_modelfile_f32(const GcamModelFile *file, const char *key, float *out)
{
    return get_number(file, key, VALUE_F32, out);
}

int gcam_modelfile_bool(const GcamModelFile *file, const char *key, int *out)
{
    uint8_t value = 0;
    int ret = get_number(file, key, VALUE_BOOL, &value);
    if (ret >= 0)
        *out = value;
    return ret;
}

int gcam_modelfile_string(const GcamModelFile *file, const char *key, const char **out)
{
    int ret;
    const Entry *entry = find(file, key, VALUE_STRING, 0, &ret);
    if (entry)
        *out = entry->value;
    return ret;
}

int gcam_modelfile_strings(const GcamModelFile *file, const char *key, const char *const **out, size_t *count)
{
    int ret;
    const Entry *entry = find(file, key, VALUE_STRING, 1, &ret);
    if (entry) {
        *out = entry->value;
        *count = entry->count;
    }
    return ret;
}

int gcam_modelfile_u8s(const GcamModelFile *file, const char *key, const uint8_t **out, size_t *count)
{
    int ret;
    const Entry *entry = find(file, key, VALUE_U8, 1, &ret);
    if (entry) {
        *out = entry->value;
        *count = entry->count;
    }
    return ret;
}

static int get_numbers(const GcamModelFile *file, const char *key, enum ValueType type, void *out, size_t capacity,
                       size_t *count)
{
    int ret;
    const Entry *entry = find(file, key, type, 1, &ret);
    if (!entry)
        return ret;
    size_t copied = entry->count < capacity ? entry->count : capacity;
    if (copied)
        memcpy(out, entry->value, copied * value_size[type]);
    *count = entry->count;
    return 0;
}

int gcam_modelfile_i32s(const GcamModelFile *file, const char *key, int32_t *out, size_t capacity, size_t *count)
{
    return get_numbers(file, key, VALUE_I32, out, capacity, count);
}

int gcam_modelfile_f32s(const GcamModelFile *file, const char *key, float *out, size_t capacity, size_t *count)
{
    return get_numbers(file, key, VALUE_F32, out, capacity, count);
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
        bsearch(&key, file->by_name, file->tensor_count, sizeof(*file->by_name), compare_tensors);
    return found ? *found : NULL;
}
