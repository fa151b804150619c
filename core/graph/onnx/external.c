/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Data of initializers that lies outside of the ONNX file. In: a tensor that names a file, an offset and a length. Out:
 * a pointer to its data, in a file opened once however many tensors lie in it, or in a compiled model.
 *
 * A model names files; whoever made it may not read others than those beside it. So the name has to be relative and
 * without "..", and where symbolic links have been followed the file must lie in the model's directory: in the one
 * that the model is named in, or in the one that it is in once its own links are followed (a cache that keeps all files
 * in one place and links to them from another has both).
 */
#include "parsed.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Whether a path has ".." between its slashes.
static int climbs(const char *path)
{
    for (const char *at = path; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/'))
            return 1;
    }
    return 0;
}

// The directory of a file, links followed, without a slash at its end. 0 or a negative errno.
static int find_directory(char out[PATH_MAX], const char *path, int follow)
{
    char copy[PATH_MAX];
    if (follow && !realpath(path, copy))
        return -errno;
    if (!follow && snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
        return -ENAMETOOLONG;
    char *slash = strrchr(copy, '/');
    if (slash)
        slash[slash == copy] = '\0';
    if (!realpath(slash ? copy : ".", out))
        return -errno;
    if (!strcmp(out, "/"))
        out[0] = '\0';
    return 0;
}

// Finds the file that a tensor names: its path, links followed, or a sentence why not.
static int find_file(const GcamOnnx *onnx, const char *location, char out[PATH_MAX], const GradcamLog *log)
{
    char directory[PATH_MAX], path[PATH_MAX];
    int error = 0, is_inside = location[0] && location[0] != '/' && !climbs(location);
    const char *slash = strrchr(onnx->path, '/');
    const int length = slash ? (int)(slash - onnx->path + 1) : 0;
    if (is_inside && snprintf(path, sizeof(path), "%.*s%s", length, onnx->path, location) >= (int)sizeof(path))
        error = -ENAMETOOLONG;
    else if (is_inside && !realpath(path, out))
        error = -errno;
    int in_either = 0;
    for (int follow = 0; is_inside && !error && follow < 2 && !in_either; follow++) {
        error = find_directory(directory, onnx->path, follow);
        const size_t size = error ? 0 : strlen(directory);
        in_either = !error && !strncmp(out, directory, size) && out[size] == '/';
    }
    if (error)
        return gcam_fail(log, error, "%s: cannot open its external data '%s': %m", onnx->path, location);
    if (!is_inside || !in_either)
        return gcam_fail(log, -EBADMSG, "%s: external data '%s' lies outside of the model's directory", onnx->path,
                         location);
    return 0;
}

static int open_file(GcamOnnx *onnx, const char *location, const GcamMapFile **out, const GradcamLog *log)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < onnx->files; i++)
        if (!strcmp(onnx->file[i].location, location)) {
            *out = &onnx->file[i].bytes;
            return 0;
        }
    ExternalFile *grown = gcam_realloc(onnx->file, onnx->files + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    onnx->file = grown;
    ExternalFile *file = &onnx->file[onnx->files];
    file->location = gcam_arena_strdup(&onnx->arena, location);
    if (!file->location)
        return -ENOMEM;
    int error = find_file(onnx, location, path, log);
    if (!error)
        error = gcam_map_file(&file->bytes, path, "external data", 0, onnx->copy, log);
    if (error)
        return error;
    onnx->files++;
    *out = &file->bytes;
    return 0;
}

GcamMapping gcam_onnx_mapping(const GcamOnnx *onnx, size_t i)
{
    for (size_t k = 0; k < onnx->files; k++)
        if (onnx->file[k].bytes.is_mapped && !i--)
            return (GcamMapping){ onnx->file[k].bytes.data, onnx->file[k].bytes.size };
    return (GcamMapping){ NULL, 0 };
}

static const char *find_key(const Onnx__TensorProto *tensor, const char *key)
{
    for (size_t i = 0; i < tensor->n_external_data; i++)
        if (tensor->external_data[i]->key && !strcmp(tensor->external_data[i]->key, key))
            return tensor->external_data[i]->value;
    return NULL;
}

// Elements that do not lie at a multiple of their size are copied to where they do.
static int align(GcamOnnx *onnx, GcamValue *value, size_t size)
{
    const size_t element = gcam_data_size(value->type);
    if (!element || (uintptr_t)value->data % element == 0)
        return 0;
    void *copy = gcam_arena_alloc(&onnx->arena, size, 1);
    if (!copy)
        return -ENOMEM;
    value->data = memcpy(copy, value->data, size);
    return 0;
}

int gcam_onnx_external(GcamOnnx *onnx, const Onnx__TensorProto *tensor, GcamValue *value, size_t *size,
                       const GradcamLog *log)
{
    const char *name = tensor->name ? tensor->name : "", *location = find_key(tensor, "location");
    const char *offset_text = find_key(tensor, "offset"), *length_text = find_key(tensor, "length");
    if (!location)
        return gcam_fail(log, -EBADMSG, "%s: initializer '%s' has external data without a location", onnx->path, name);
    if (onnx->weights.find) {
        int error = onnx->weights.find(onnx->weights.opaque, location, &value->data, &value->type, size);
        if (error == -ENOENT)
            return gcam_fail(log, -EBADMSG, "%s: tensor '%s' of initializer '%s' is missing", onnx->path, location,
                             name);
        return error;
    }
    const GcamMapFile *file;
    int error = open_file(onnx, location, &file, log);
    if (error)
        return error;
    unsigned long long offset = offset_text ? strtoull(offset_text, NULL, 10) : 0;
    unsigned long long length = length_text ? strtoull(length_text, NULL, 10) : file->size - offset;
    if (offset > file->size || length > file->size - offset)
        return gcam_fail(log, -EBADMSG, "%s: initializer '%s' lies at byte %llu + %llu of '%s', which has %zu",
                         onnx->path, name, offset, length, location, file->size);
    value->data = (const char *)file->data + offset;
    *size = (size_t)length;
    return align(onnx, value, *size);
}

void gcam_onnx_close_external(GcamOnnx *onnx)
{
    for (size_t i = 0; i < onnx->files; i++)
        gcam_unmap_file(&onnx->file[i].bytes);
    gcam_free(onnx->file);
}
