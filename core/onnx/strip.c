/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The graph of a compiled model: an ONNX model whose large initializers name the tensor that holds their data instead.
 */
#include "onnx/parsed.h"

#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INLINE_LIMIT 1024       // bytes up to which an initializer stays inside the stripped graph

int gcam_onnx_strip(const GcamOnnx *onnx, uint8_t **bytes, size_t *size, GcamOnnxTensor **tensors, size_t *count)
{
    const Onnx__GraphProto *from = onnx->proto->graph;
    size_t n = from->n_initializer;
    GcamZone zone = { 0 };
    Onnx__ModelProto model = *onnx->proto;
    Onnx__GraphProto graph = *from;
    Onnx__TensorProto *tensor = gcam_zone_alloc(&zone, n + 1, sizeof(*tensor));
    graph.initializer = gcam_zone_alloc(&zone, n + 1, sizeof(*graph.initializer));
    *tensors = gcam_calloc(n + 1, sizeof(**tensors));
    *bytes = NULL;
    *count = 0;
    if (!tensor || !graph.initializer || !*tensors)
        goto fail;
    model.graph = &graph;
    for (size_t i = 0; i < n; i++) {
        const GcamValue *value = &onnx->initializer[i];
        size_t bytes_here = gcam_shape_count(&value->shape) * gcam_data_size(value->type);
        graph.initializer[i] = from->initializer[i];
        int stays = !gcam_data_is_float(value->type) || value->type == GCAM_TYPE_DOUBLE || bytes_here <= INLINE_LIMIT;
        if (stays && from->initializer[i]->data_location != DATA_EXTERNAL)
            continue;
        onnx__tensor_proto__init(&tensor[i]);
        tensor[i].name = from->initializer[i]->name;
        tensor[i].n_dims = from->initializer[i]->n_dims;
        tensor[i].dims = from->initializer[i]->dims;
        tensor[i].has_data_type = 1;
        tensor[i].data_type = value->type;
        graph.initializer[i] = &tensor[i];
        if (stays) {
            tensor[i].has_raw_data = 1;
            tensor[i].raw_data = (ProtobufCBinaryData){ bytes_here, (uint8_t *)value->data };
            continue;
        }
        GcamOnnxTensor *apart = &(*tensors)[(*count)++];
        snprintf(apart->name, sizeof(apart->name), "initializer.%zu", i);
        apart->data = value->data;
        apart->type = value->type;
        apart->shape = value->shape;

        Onnx__StringStringEntryProto *entry = gcam_zone_alloc(&zone, 1, sizeof(*entry));
        Onnx__StringStringEntryProto **entries = gcam_zone_alloc(&zone, 1, sizeof(*entries));
        if (!entry || !entries)
            goto fail;
        onnx__string_string_entry_proto__init(entry);
        entry->key = "location";
        entry->value = apart->name;
        entries[0] = entry;
        tensor[i].has_data_location = 1;
        tensor[i].data_location = DATA_EXTERNAL;
        tensor[i].n_external_data = 1;
        tensor[i].external_data = entries;
    }
    *size = onnx__model_proto__get_packed_size(&model);
    *bytes = gcam_alloc(*size, 1);
    if (!*bytes)
        goto fail;
    onnx__model_proto__pack(&model, *bytes);
    gcam_zone_free(&zone);
    return 0;
fail:
    gcam_free(*tensors);
    *tensors = NULL;
    gcam_zone_free(&zone);
    return -ENOMEM;
}
