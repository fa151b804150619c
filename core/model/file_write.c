/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writes a .bin model (GGUF v3). In: keys and tensors, one by one; the keys are serialised as they come, of the tensors
 * only name, shape and pointer are kept. Out: at finish, one file: header, keys, tensor records, then the data, each
 * tensor at a multiple of GCAM_MODELFILE_ALIGN bytes, copied straight from where the caller has it.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/half.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/write_file.h"
#include "file_private.h"

#define BLOCK 16384             // elements converted to float16 at a time
#define TURNED_ROWS 64          // rows of a transpose that are gathered at a time, from whole cache lines

typedef struct Item {
    char *name;
    enum GcamFileType type, data_type;
    int rank;
    int64_t dims[GCAM_MODELFILE_MAX_RANK];
    int is_turned;              // the data is the transpose of what is stored
    const void *data;
    size_t count, size, offset; // elements; bytes in the file; place from the start of the data
} Item;

typedef struct Bytes {
    uint8_t *data;
    size_t size, capacity;
} Bytes;

struct GcamModelWriter {
    GcamArena arena;            // strings
    const char *path;
    Bytes keys, records;        // the serialised metadata and tensor records
    char **key;
    size_t key_count, item_count;
    Item *item;
    size_t data_size;           // bytes of the data so far, padding included
    int error;                  // the first one
    char message[256];          // its sentence
};

// Keeps the first error for finish. %m in the format is the system's text for errno.
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static void set_error(GcamModelWriter *writer, int code, const char *format, ...)
{
    if (writer->error < 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(writer->message, sizeof(writer->message), format, arguments);
    va_end(arguments);
    writer->error = code;
}

// ----------------------------------------------------------------------------------------------------------- serialise

static void put(GcamModelWriter *writer, Bytes *bytes, const void *data, size_t size)
{
    if (writer->error < 0 || !size)
        return;
    if (size > bytes->capacity - bytes->size) {
        size_t capacity = 2 * bytes->capacity + size + 4096;
        uint8_t *grown = capacity > size ? gcam_realloc(bytes->data, capacity, 1) : NULL;
        if (!grown) {
            set_error(writer, -ENOMEM, "no memory for its header");
            return;
        }
        bytes->data = grown;
        bytes->capacity = capacity;
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void put_u32(GcamModelWriter *writer, Bytes *bytes, uint32_t value)
{
    put(writer, bytes, &value, sizeof(value));
}

static void put_u64(GcamModelWriter *writer, Bytes *bytes, uint64_t value)
{
    put(writer, bytes, &value, sizeof(value));
}

static void put_string(GcamModelWriter *writer, Bytes *bytes, const char *text)
{
    size_t length = strlen(text);
    put_u64(writer, bytes, length);
    put(writer, bytes, text, length);
}

// A name that is valid and new; its copy is added to the list. 0 or -1, with the error set.
static int check_name(GcamModelWriter *writer, const char *what, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    if (length < 1 || length > GCAM_MAX_NAME) {
        set_error(writer, -EINVAL, "a %s of %zu bytes", what, length);
        return -1;
    }
    return writer->error < 0 ? -1 : 0;
}

// Makes room for one more element in a table that grows by doubling; NULL when there is no memory.
static void *grow(GcamModelWriter *writer, void *table, size_t count, size_t size)
{
    if (count & (count - 1))    // only at 0 and at powers of two
        return table;
    void *grown = gcam_realloc(table, count ? 2 * count : 1, size);
    if (!grown)
        set_error(writer, -ENOMEM, "no memory for its header");
    return grown;
}

// Begins a metadata entry. 0 or -1, with the error set.
static int put_key(GcamModelWriter *writer, const char *key, uint32_t type)
{
    if (check_name(writer, "metadata key", key) < 0)
        return -1;
    char **grown = grow(writer, writer->key, writer->key_count, sizeof(*writer->key));
    if (!grown)
        return -1;
    writer->key = grown;
    char *copy = gcam_arena_strdup(&writer->arena, key);
    if (!copy) {
        set_error(writer, -ENOMEM, "no memory for its header");
        return -1;
    }
    writer->key[writer->key_count++] = copy;
    put_string(writer, &writer->keys, key);
    put_u32(writer, &writer->keys, type);
    return 0;
}

static void put_array(GcamModelWriter *writer, const char *key, uint32_t type, const void *values, size_t count,
                      size_t size)
{
    if (put_key(writer, key, GCAM_VALUE_ARRAY) < 0)
        return;
    put_u32(writer, &writer->keys, type);
    put_u64(writer, &writer->keys, count);
    put(writer, &writer->keys, values, count * size);
}

void gcam_modelwriter_u32(GcamModelWriter *writer, const char *key, uint32_t value)
{
    if (put_key(writer, key, GCAM_VALUE_U32) >= 0)
        put_u32(writer, &writer->keys, value);
}

void gcam_modelwriter_u64(GcamModelWriter *writer, const char *key, uint64_t value)
{
    if (put_key(writer, key, GCAM_VALUE_U64) >= 0)
        put_u64(writer, &writer->keys, value);
}

void gcam_modelwriter_f32(GcamModelWriter *writer, const char *key, float value)
{
    if (put_key(writer, key, GCAM_VALUE_F32) >= 0)
        put(writer, &writer->keys, &value, sizeof(value));
}

void gcam_modelwriter_bool(GcamModelWriter *writer, const char *key, int value)
{
    uint8_t byte = value != 0;
    if (put_key(writer, key, GCAM_VALUE_BOOL) >= 0)
        put(writer, &writer->keys, &byte, 1);
}

void gcam_modelwriter_string(GcamModelWriter *writer, const char *key, const char *value)
{
    if (!value)
        set_error(writer, -EINVAL, "key '%s' has no value", key);
    else if (put_key(writer, key, GCAM_VALUE_STRING) >= 0)
        put_string(writer, &writer->keys, value);
}

void gcam_modelwriter_strings(GcamModelWriter *writer, const char *key, const char *const *values, size_t count)
{
    put_array(writer, key, GCAM_VALUE_STRING, NULL, count, 0);
    for (size_t i = 0; i < count && writer->error >= 0; i++)
        put_string(writer, &writer->keys, values[i]);
}

void gcam_modelwriter_u8s(GcamModelWriter *writer, const char *key, const uint8_t *values, size_t count)
{
    put_array(writer, key, GCAM_VALUE_U8, values, count, sizeof(*values));
}

void gcam_modelwriter_i32s(GcamModelWriter *writer, const char *key, const int32_t *values, size_t count)
{
    put_array(writer, key, GCAM_VALUE_I32, values, count, sizeof(*values));
}

void gcam_modelwriter_f32s(GcamModelWriter *writer, const char *key, const float *values, size_t count)
{
    put_array(writer, key, GCAM_VALUE_F32, values, count, sizeof(*values));
}

static size_t align_up(size_t size)
{
    return (size + GCAM_MODELFILE_ALIGN - 1) & ~(size_t)(GCAM_MODELFILE_ALIGN - 1);
}

// Counts elements and bytes and gives the tensor its place. 0 or -1, with the error set.
static int lay_out(GcamModelWriter *writer, Item *item)
{
    int bad = 0;
    item->count = 1;
    for (int i = 0; i < item->rank; i++)
        bad |= item->dims[i] < 0 || __builtin_mul_overflow(item->count, item->dims[i], &item->count);
    bad |= __builtin_mul_overflow(item->count, gcam_file_type_size(item->type), &item->size);
    bad |= item->size > PTRDIFF_MAX - writer->data_size - GCAM_MODELFILE_ALIGN;
    if (bad)
        set_error(writer, -EINVAL, "the size of tensor '%s' overflows", item->name);
    else if (item->size && !item->data)
        set_error(writer, -EINVAL, "tensor '%s' has no data", item->name);
    if (writer->error < 0)
        return -1;
    item->offset = writer->data_size;
    writer->data_size += align_up(item->size);
    return 0;
}

static void put_record(GcamModelWriter *writer, const Item *item)
{
    put_string(writer, &writer->records, item->name);
    put_u32(writer, &writer->records, (uint32_t)item->rank);
    for (int i = item->rank - 1; i >= 0; i--)       // the file has the fastest dimension first
        put_u64(writer, &writer->records, (uint64_t)item->dims[i]);
    put_u32(writer, &writer->records, (uint32_t)item->type);
    put_u64(writer, &writer->records, item->offset);
}

static void add_tensor(GcamModelWriter *writer, const char *name, enum GcamFileType file_type, int rank,
                       const int64_t *dims, const void *data, enum GcamFileType data_type, int is_turned)
{
    if (check_name(writer, "tensor name", name) < 0)
        return;
    int is_known = gcam_file_type_size(file_type) && rank >= 0 && rank <= GCAM_MODELFILE_MAX_RANK;
    if (!is_known || (file_type != data_type && !(file_type == GCAM_FILE_F16 && data_type == GCAM_FILE_F32))) {
        set_error(writer, -EINVAL, "tensor '%s' of %d dimensions, %s stored as %s", name, rank,
                  gcam_file_type_name(data_type), gcam_file_type_name(file_type));
        return;
    }
    Item *grown = grow(writer, writer->item, writer->item_count, sizeof(*writer->item));
    if (!grown)
        return;
    writer->item = grown;
    Item *item = &writer->item[writer->item_count];
    *item = (Item){.name = gcam_arena_strdup(&writer->arena, name), .type = file_type, .data_type = data_type,
                   .rank = rank, .is_turned = is_turned, .data = data};
    if (!item->name) {
        set_error(writer, -ENOMEM, "no memory for its header");
        return;
    }
    writer->item_count++;
    if (rank)
        memcpy(item->dims, dims, (size_t)rank * sizeof(*dims));
    if (lay_out(writer, item) >= 0)
        put_record(writer, item);
}

void gcam_modelwriter_tensor(GcamModelWriter *writer, const char *name, enum GcamFileType file_type, int rank,
                             const int64_t *dims, const void *data, enum GcamFileType data_type)
{
    add_tensor(writer, name, file_type, rank, dims, data, data_type, 0);
}

void gcam_modelwriter_turned(GcamModelWriter *writer, const char *name, enum GcamFileType file_type,
                             const int64_t dims[2], const void *data, enum GcamFileType data_type)
{
    add_tensor(writer, name, file_type, 2, dims, data, data_type, 1);
}

// --------------------------------------------------------------------------------------------------------------- write

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Reports a name that was given twice. The names belong to somebody else.
static void check_unique(GcamModelWriter *writer, char **name, size_t count, const char *what)
{
    qsort(name, count, sizeof(*name), compare_names);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(name[i - 1], name[i]))
            set_error(writer, -EINVAL, "the %s '%s' was given twice", what, name[i]);
}

static void check_names(GcamModelWriter *writer)
{
    if (writer->key_count)
        check_unique(writer, writer->key, writer->key_count, "key");
    if (!writer->item_count)
        return;
    char **name = gcam_alloc(writer->item_count, sizeof(*name));
    if (!name) {
        set_error(writer, -ENOMEM, "no memory for its header");
        return;
    }
    for (size_t i = 0; i < writer->item_count; i++)
        name[i] = writer->item[i].name;
    check_unique(writer, name, writer->item_count, "tensor");
    gcam_free(name);
}

static void write_bytes(GcamModelWriter *writer, FILE *file, const void *data, size_t size)
{
    if (writer->error >= 0 && size && fwrite(data, 1, size, file) != size)
        set_error(writer, -errno, "%m");
}

static void write_zeros(GcamModelWriter *writer, FILE *file, size_t size)
{
    static const uint8_t zeros[GCAM_MODELFILE_ALIGN];
    write_bytes(writer, file, zeros, size);
}

static void write_halves(GcamModelWriter *writer, FILE *file, const char *name, const float *data, size_t elements)
{
    uint16_t block[BLOCK];
    int overflows = 0;
    for (size_t done = 0; done < elements && writer->error >= 0;) {
        size_t count = elements - done < BLOCK ? elements - done : BLOCK;
        for (size_t i = 0; i < count; i++) {
            block[i] = gcam_float_to_half(data[done + i]);
            overflows |= (block[i] & 0x7FFF) == 0x7C00 && !isinf(data[done + i]);
        }
        write_bytes(writer, file, block, count * sizeof(*block));
        done += count;
    }
    if (overflows)
        set_error(writer, -EINVAL, "tensor '%s' holds values beyond the range of float16", name);
}

// Elements of the item, in the order of the file.
static void write_elements(GcamModelWriter *writer, FILE *file, const Item *item, const void *data, size_t count)
{
    if (item->type == item->data_type)
        write_bytes(writer, file, data, count * gcam_file_type_size(item->type));
    else
        write_halves(writer, file, item->name, data, count);
}

static void write_turned(GcamModelWriter *writer, FILE *file, const Item *item)
{
    const size_t rows = (size_t)item->dims[0], columns = (size_t)item->dims[1];
    const size_t size = gcam_file_type_size(item->data_type);
    const char *data = item->data;
    char *block = gcam_alloc(TURNED_ROWS * columns * size + 1, 1);
    if (!block)
        set_error(writer, -ENOMEM, "no memory for tensor '%s'", item->name);
    for (size_t first = 0; first < rows && writer->error >= 0; first += TURNED_ROWS) {
        size_t n = rows - first < TURNED_ROWS ? rows - first : TURNED_ROWS;
        for (size_t c = 0; c < columns; c++)
            for (size_t r = 0; r < n; r++)
                memcpy(block + (r * columns + c) * size, data + (c * rows + first + r) * size, size);
        write_elements(writer, file, item, block, n * columns);
    }
    gcam_free(block);
}

static void write_all(GcamModelWriter *writer, FILE *file)
{
    const uint32_t version = 3;
    const uint64_t counts[2] = {writer->item_count, writer->key_count};
    write_bytes(writer, file, "GGUF", 4);
    write_bytes(writer, file, &version, sizeof(version));
    write_bytes(writer, file, counts, sizeof(counts));
    write_bytes(writer, file, writer->keys.data, writer->keys.size);
    write_bytes(writer, file, writer->records.data, writer->records.size);
    size_t header = 4 + sizeof(version) + sizeof(counts) + writer->keys.size + writer->records.size;
    write_zeros(writer, file, align_up(header) - header);
    for (size_t i = 0; i < writer->item_count && writer->error >= 0; i++) {
        const Item *item = &writer->item[i];
        if (item->is_turned)
            write_turned(writer, file, item);
        else
            write_elements(writer, file, item, item->data, item->count);
        write_zeros(writer, file, align_up(item->size) - item->size);
    }
}

static void write_file(GcamModelWriter *writer)
{
    GcamWriteFile file;
    int error = gcam_write_file_open(&file, writer->path);
    if (!error) {
        write_all(writer, file.stream);
        error = gcam_write_file_close(&file, writer->error);
    }
    errno = -error;
    if (error)
        set_error(writer, error, "%m");         // which keeps what went wrong before
}

int gcam_modelwriter_finish(GcamModelWriter *writer, const GradcamLog *log)
{
    check_names(writer);
    if (writer->error >= 0)
        write_file(writer);
    if (writer->error < 0)
        return gcam_fail(log, writer->error, "cannot write model '%s': %s", writer->path, writer->message);
    return 0;
}

int gcam_modelwriter_create(GcamModelWriter **out, const char *path)
{
    *out = NULL;
    GcamModelWriter *writer = gcam_calloc(1, sizeof(*writer));
    if (!writer || !(writer->path = gcam_arena_strdup(&writer->arena, path))) {
        gcam_modelwriter_free(&writer);
        return -ENOMEM;
    }
    gcam_modelwriter_string(writer, "general.architecture", "gradcam");
    gcam_modelwriter_u32(writer, "general.alignment", GCAM_MODELFILE_ALIGN);
    *out = writer;
    return 0;
}

void gcam_modelwriter_free(GcamModelWriter **writer)
{
    if (!writer || !*writer)
        return;
    gcam_free((*writer)->key);
    gcam_free((*writer)->item);
    gcam_free((*writer)->keys.data);
    gcam_free((*writer)->records.data);
    gcam_arena_free(&(*writer)->arena);
    gcam_free(*writer);
    *writer = NULL;
}
