/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constants of an ONNX file: shapes and sizes are checked, and the data is found, which is pointed to, not copied.
 */
#include "parsed.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

static const char *text(const char *string)
{
    return string ? string : "";
}

int gcam_onnx_read_shape(const GcamOnnx *onnx, const char *name, size_t rank, const int64_t *dims, GcamShape *shape,
                         const GradcamLog *log)
{
    size_t count = 1;
    if (rank > GCAM_MAX_RANK) {
        gcam_log(log, GRADCAM_LOG_ERROR, "%s: tensor '%s' has %zu dimensions, more than %d", onnx->path, name, rank,
                 GCAM_MAX_RANK);
        return -ENOTSUP;
    }
    shape->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0 || gcam_mul(count, (size_t)dims[i], &count) < 0 || count > (size_t)1 << 40) {
            gcam_log(log, GRADCAM_LOG_ERROR, "%s: tensor '%s' has an impossible dimension %lld", onnx->path, name,
                     (long long)dims[i]);
            return -EBADMSG;
        }
        shape->dim[i] = (size_t)dims[i];
    }
    return 0;
}

// Elements that are spelled out in a typed field instead of raw bytes. int32_data also holds the narrow types, one
// element per entry; those are narrowed in place, which the little-endian layout allows, and become raw bytes.
static void typed_data(Onnx__TensorProto *tensor, GcamValue *value, size_t *size)
{
    size_t width = gcam_data_size(value->type);
    if (value->type == GCAM_TYPE_FLOAT) {
        value->data = tensor->float_data;
        *size = tensor->n_float_data * width;
    } else if (value->type == GCAM_TYPE_DOUBLE) {
        value->data = tensor->double_data;
        *size = tensor->n_double_data * width;
    } else if (value->type == GCAM_TYPE_INT64) {
        value->data = tensor->int64_data;
        *size = tensor->n_int64_data * width;
    } else if (value->type == GCAM_TYPE_UINT64) {
        value->data = tensor->uint64_data;
        *size = tensor->n_uint64_data * width;
    } else if (value->type == GCAM_TYPE_UINT32) {
        uint32_t *narrow = (uint32_t *)tensor->uint64_data;
        for (size_t i = 0; i < tensor->n_uint64_data; i++)
            narrow[i] = (uint32_t)tensor->uint64_data[i];
        value->data = narrow;
        *size = tensor->n_uint64_data * width;
        tensor->has_raw_data = *size > 0;
        tensor->raw_data = (ProtobufCBinaryData){ *size, (uint8_t *)narrow };
        tensor->uint64_data = NULL;
        tensor->n_uint64_data = 0;
    } else {
        unsigned char *narrow = (unsigned char *)tensor->int32_data;
        for (size_t i = 0; width < 4 && i < tensor->n_int32_data; i++) {
            int32_t element = tensor->int32_data[i];
            memmove(narrow + i * width, &element, width);
        }
        value->data = narrow;
        *size = tensor->n_int32_data * width;
        if (width == 4 || !*size)
            return;
        tensor->has_raw_data = 1;
        tensor->raw_data = (ProtobufCBinaryData){ *size, narrow };
        tensor->int32_data = NULL;
        tensor->n_int32_data = 0;
    }
}

int gcam_onnx_read_tensor(GcamOnnx *onnx, Onnx__TensorProto *tensor, GcamValue *value, const GradcamLog *log)
{
    static const char empty[1];
    size_t size = 0;
    int error = gcam_onnx_read_shape(onnx, text(tensor->name), tensor->n_dims, tensor->dims, &value->shape, log);
    if (error)
        return error;
    value->type = tensor->data_type;
    value->data = NULL;
    if (!gcam_data_size(value->type))
        return 0;
    if (tensor->data_location == DATA_EXTERNAL) {
        error = gcam_onnx_external(onnx, tensor, value, &size, log);
        if (error)
            return error;
    } else if (tensor->has_raw_data) {
        value->data = tensor->raw_data.data;
        size = tensor->raw_data.len;
    } else {
        typed_data(tensor, value, &size);
    }
    size_t count = gcam_shape_count(&value->shape);
    if (size != count * gcam_data_size(value->type)) {
        char shape[GCAM_SHAPE_TEXT];
        gcam_log(log, GRADCAM_LOG_ERROR, "%s: initializer '%s' of shape %s needs %zu bytes and has %zu", onnx->path,
                 text(tensor->name), gcam_shape_text(&value->shape, shape), count * gcam_data_size(value->type), size);
        return -EBADMSG;
    }
    if (!value->data)
        value->data = empty;
    return 0;
}
