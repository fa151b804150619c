/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files to stdout or by base/write_file, maps as CSV, and NumPy's .npy format, version 1.0 (and 2.0, 3.0 when reading).
 */
#include "files.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/map_file.h"
#include "base/write_file.h"
#include "say.h"

#define NPY_MAGIC "\x93NUMPY"
#define MOST_NPY ((size_t)1 << 28)       // bytes

int file_save(const char *path, const void *data, size_t size)
{
    if (!strcmp(path, "-")) {
        const int wrong = fwrite(data, 1, size, stdout) != size || fflush(stdout);
        return wrong ? say_failure("cannot write to stdout: %s", strerror(errno)) : STATUS_OK;
    }
    GcamWriteFile file;
    int error = gcam_write_file_open(&file, path);
    if (!error) {
        error = fwrite(data, 1, size, file.stream) != size ? -errno : 0;
        error = gcam_write_file_close(&file, error);
    }
    return error ? say_failure("cannot write %s: %s", path, strerror(-error)) : STATUS_OK;
}

static int npy_save(const char *path, const float *data, int rows, int columns)
{
    enum { HEADER = 128 };      // magic, version, length and text, a multiple of 64
    const size_t size = (size_t)rows * columns * sizeof(*data);
    const uint16_t one = 1;
    const char order = *(const uint8_t *)&one ? '<' : '>';
    unsigned char *file = malloc(HEADER + size);

    if (!file)
        return say_failure("out of memory");
    memset(file, ' ', HEADER);
    memcpy(file, NPY_MAGIC "\x01\x00", 8);
    file[8] = HEADER - 10;
    file[9] = 0;
    const int length =
        snprintf((char *)file + 10, HEADER - 10,
                 "{'descr': '%cf4', 'fortran_order': False, 'shape': (%d, %d), }", order, rows, columns);
    file[10 + length] = ' ';
    file[HEADER - 1] = '\n';
    memcpy(file + HEADER, data, size);
    const int status = file_save(path, file, HEADER + size);
    free(file);
    return status;
}

static const char *ending_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

    return dot ? dot : "";
}

int map_check_name(const char *path)
{
    const char *ending = ending_of(path);

    if (!strcmp(path, "-") || !strcasecmp(ending, ".npy") || !strcasecmp(ending, ".csv"))
        return STATUS_OK;
    return say_failure("no map format has a name like \"%s\", use .npy or .csv", path);
}

// A line for each row; nine digits give back the same float. What is not finite is left empty: few who read CSV know
// it.
static int csv_save(const char *path, const float *data, int rows, int columns)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    for (int i = 0; out && i < rows * columns; i++) {
        if (isfinite(data[i]))
            fprintf(out, "%.9g", data[i]);
        fputc((i + 1) % columns ? ',' : '\n', out);
    }
    const int wrong = !out || fclose(out);
    const int status = wrong ? say_failure("out of memory") : file_save(path, text, size);
    free(text);
    return status;
}

int map_save(const char *path, const float *data, int rows, int columns)
{
    return strcasecmp(ending_of(path), ".csv") ? npy_save(path, data, rows, columns)
                                               : csv_save(path, data, rows, columns);
}

// Number types that are read, as in a header.
enum { F4, F8, I4, I8, U1, I1, B1, TYPES };
static const struct {
    char name[4];
    size_t width;
} types[TYPES] = {
    [F4] = { "<f4", 4 }, [F8] = { "<f8", 8 }, [I4] = { "<i4", 4 }, [I8] = { "<i8", 8 },
    [U1] = { "|u1", 1 }, [I1] = { "|i1", 1 }, [B1] = { "|b1", 1 },
};

static float npy_element(const unsigned char *at, int type)
{
    float f4;
    double f8;
    int32_t i4;
    int64_t i8;

    switch (type) {
    case F4: return memcpy(&f4, at, 4), f4;
    case F8: return memcpy(&f8, at, 8), (float)f8;
    case I4: return memcpy(&i4, at, 4), (float)i4;
    case I8: return memcpy(&i8, at, 8), (float)i8;
    case I1: return (float)(int8_t)*at;
    default: return (float)*at;
    }
}

// "(1, 3, 4), ...": 0, or -1 where that is no shape or one of too many elements.
static int read_shape(const char *text, Array *array)
{
    const size_t most = (size_t)1 << 32;

    array->rank = 0;
    array->count = 1;
    for (text += strspn(text, " ("); *text != ')'; text += strspn(text, " ,")) {
        char *end;
        const unsigned long long size = strtoull(text, &end, 10);
        if (end == text || array->rank == GRADCAM_MAX_RANK || size > most)
            return -1;
        array->shape[array->rank++] = (size_t)size;
        array->count *= (size_t)size;
        if (array->count > most)
            return -1;
        text = end;
    }
    return 0;
}

// Where the data begin, their type, and the shape; NULL when this is no such file.
static const unsigned char *npy_header(const unsigned char *file, size_t size, int *type, Array *array)
{
    const unsigned char *end = file + size;

    if (size < 12 || memcmp(file, NPY_MAGIC, 6) || file[6] < 1 || file[6] > 3)
        return NULL;
    const size_t fixed = file[6] == 1 ? 10 : 12;
    size_t length = file[8] | (size_t)file[9] << 8;
    if (fixed == 12)
        length |= (size_t)file[10] << 16 | (size_t)file[11] << 24;
    if (length > (size_t)(end - file) - fixed || memchr(file + fixed, 0, length))
        return NULL;
    char text[1024];
    snprintf(text, sizeof(text), "%.*s", (int)(length < sizeof(text) ? length : sizeof(text)),
             (const char *)file + fixed);
    const char *descr = strstr(text, "'descr'"), *quote = descr ? strchr(descr + 7, '\'') : NULL;
    const char *shape = strstr(text, "'shape': (");
    if (!quote || !shape || !strstr(text, "'fortran_order': False") || read_shape(shape + 9, array))
        return NULL;
    for (*type = 0; *type < TYPES; ++*type)
        if (!strncmp(quote + 1, types[*type].name, 3) && quote[4] == '\'')
            return file + fixed + length;
    return NULL;
}

int npy_is_name(const char *path)
{
    const size_t length = strlen(path);

    return length > 4 && !strcmp(path + length - 4, ".npy");
}

int npy_load(const char *path, Array *array)
{
    GcamMapFile file;
    SayLog log;
    int type;

    *array = (Array){ NULL, 0, 0, { 0 } };
    say_log_init(&log, 0);
    const int error = gcam_map_file(&file, path, "array", MOST_NPY, 1, &log.log);
    if (error)
        return say_library(&log, error, path);
    const unsigned char *at = npy_header(file.data, file.size, &type, array);
    const size_t size = at ? (size_t)((const unsigned char *)file.data + file.size - at) : 0;
    if (!at || size != array->count * types[type].width) {
        gcam_unmap_file(&file);
        return say_failure("%s is not a .npy of little-endian float32, float64, int32, int64, uint8, int8 or bool in "
                           "C order", path);
    }
    array->data = malloc(array->count * sizeof(*array->data) + 1);
    for (size_t i = 0; array->data && i < array->count; i++)
        array->data[i] = npy_element(at + i * types[type].width, type);
    gcam_unmap_file(&file);
    return array->data ? STATUS_OK : say_failure("out of memory");
}

// "1x3x224x224" into text; returns text.
static const char *shape_text(const size_t *shape, int rank, char text[256])
{
    size_t used = 0;

    snprintf(text, 256, "no dimensions");
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, 256 - used, "%s%zu", i ? "x" : "", shape[i]);
    return text;
}

int array_check(const Array *array, const GradcamInput *input, const char *path)
{
    const int a = array->rank == input->rank + 1 && array->shape[0] == 1;
    const int b = input->rank == array->rank + 1 && input->shape[0] == 1;
    char is[256], wanted[256];

    if (array->rank - a == input->rank - b &&
        !memcmp(array->shape + a, input->shape + b, (size_t)(array->rank - a) * sizeof(*array->shape)))
        return STATUS_OK;
    return say_failure("%s has shape %s; input \"%s\" takes %s", path, shape_text(array->shape, array->rank, is),
                       input->name, shape_text(input->shape, input->rank, wanted));
}
