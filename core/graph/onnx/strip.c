/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The graph of a compiled model: an ONNX model whose large initializers name the tensor that holds their data instead.
 */
#include "parsed.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INLINE_LIMIT 1024       // bytes up to which an initializer stays inside the stripped graph

// ------------------------------------------------------------------------------------------------- transposed weights

static int is_gemm(const Onnx__NodeProto *node)
{
    return node->op_type && !strcmp(node->op_type, "Gemm") && (!node->domain || !node->domain[0]);
}

// The attribute that says so.
static int is_turn(const Onnx__AttributeProto *attribute)
{
    return attribute->name && !strcmp(attribute->name, "transB");
}

// Whether a Gemm says transB = 1.
static int takes_transpose(const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (is_turn(node->attribute[i]))
            return node->attribute[i]->i != 0;
    return 0;
}

size_t gcam_onnx_initializers(const GcamOnnx *onnx)
{
    return onnx->proto->graph->n_initializer;
}

// Whether its data stays inside the stripped graph.
static int stays_inside(const GcamValue *value)
{
    return !gcam_data_is_float(value->type) || value->type == GCAM_TYPE_DOUBLE ||
           gcam_shape_count(&value->shape) * gcam_data_size(value->type) <= INLINE_LIMIT;
}

// Whether a node has branches, which may take any tensor.
static int has_branches(const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->has_g)
            return 1;
    return 0;
}

int gcam_onnx_turns(const GcamOnnx *onnx, size_t initializer)
{
    const Onnx__GraphProto *graph = onnx->proto->graph;
    const char *name = graph->initializer[initializer]->name;
    int turns = 0;
    if (onnx->initializer[initializer].shape.rank != 2 || stays_inside(&onnx->initializer[initializer]))
        return 0;
    for (size_t i = 0; name && i < graph->n_node; i++) {
        if (has_branches(graph->node[i]))
            return 0;
        for (size_t j = 0; j < graph->node[i]->n_input; j++) {
            if (strcmp(graph->node[i]->input[j], name))
                continue;
            if (j != 1 || !is_gemm(graph->node[i]) || !takes_transpose(graph->node[i]))
                return 0;
            turns++;
        }
    }
    for (size_t i = 0; name && i < graph->n_output; i++)
        if (!strcmp(graph->output[i]->name, name))
            return 0;
    return turns;
}

// A copy of a Gemm that takes its second input as it lies, which is what it does where transB is absent.
static Onnx__NodeProto *turn_node(GcamArena *arena, const Onnx__NodeProto *from)
{
    Onnx__NodeProto *node = gcam_arena_alloc(arena, 1, sizeof(*node));
    if (!node)
        return NULL;
    *node = *from;
    node->n_attribute = 0;
    node->attribute = gcam_arena_alloc(arena, from->n_attribute + 1, sizeof(*node->attribute));
    for (size_t i = 0; node->attribute && i < from->n_attribute; i++)
        if (!is_turn(from->attribute[i]))
            node->attribute[node->n_attribute++] = from->attribute[i];
    return node->attribute ? node : NULL;
}

// Those Gemm nodes whose weights are stored as their transpose.
static int turn_nodes(GcamArena *arena, Onnx__GraphProto *graph, const Onnx__GraphProto *from, const char *turned)
{
    graph->node = gcam_arena_alloc(arena, from->n_node + 1, sizeof(*graph->node));
    if (!graph->node)
        return -ENOMEM;
    memcpy(graph->node, from->node, from->n_node * sizeof(*graph->node));
    for (size_t i = 0; i < from->n_initializer; i++)
        for (size_t k = 0; turned[i] && k < from->n_node; k++) {
            const Onnx__NodeProto *node = from->node[k];
            if (is_gemm(node) && node->n_input > 1 && !strcmp(node->input[1], from->initializer[i]->name) &&
                !(graph->node[k] = turn_node(arena, node)))
                return -ENOMEM;
        }
    return 0;
}

// Rows and columns change places.
static int turn_shape(GcamArena *arena, Onnx__TensorProto *tensor, GcamShape *shape)
{
    int64_t *dims = gcam_arena_alloc(arena, 2, sizeof(*dims));
    if (!dims)
        return -ENOMEM;
    *shape = (GcamShape){ 2, { shape->dim[1], shape->dim[0] } };
    dims[0] = (int64_t)shape->dim[0];
    dims[1] = (int64_t)shape->dim[1];
    tensor->dims = dims;
    return 0;
}

// --------------------------------------------------------------------------------------------------------- stripping

int gcam_onnx_strip(const GcamOnnx *onnx, const char *turned, uint8_t **bytes, size_t *size, GcamOnnxTensor **tensors,
                    size_t *count)
{
    const Onnx__GraphProto *from = onnx->proto->graph;
    size_t n = from->n_initializer;
    GcamArena arena = { 0 };
    Onnx__ModelProto model = *onnx->proto;
    Onnx__GraphProto graph = *from;
    Onnx__TensorProto *tensor = gcam_arena_alloc(&arena, n + 1, sizeof(*tensor));
    graph.initializer = gcam_arena_alloc(&arena, n + 1, sizeof(*graph.initializer));
    *tensors = gcam_calloc(n + 1, sizeof(**tensors));
    *bytes = NULL;
    *count = 0;
    if (!tensor || !graph.initializer || !*tensors || turn_nodes(&arena, &graph, from, turned))
        goto fail;
    model.graph = &graph;
    for (size_t i = 0; i < n; i++) {
        const GcamValue *value = &onnx->initializer[i];
        size_t bytes_here = gcam_shape_count(&value->shape) * gcam_data_size(value->type);
        graph.initializer[i] = from->initializer[i];
        int stays = stays_inside(value);
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
        apart->turned = turned[i];
        if (turned[i] && turn_shape(&arena, &tensor[i], &apart->shape))
            goto fail;

        Onnx__StringStringEntryProto *entry = gcam_arena_alloc(&arena, 1, sizeof(*entry));
        Onnx__StringStringEntryProto **entries = gcam_arena_alloc(&arena, 1, sizeof(*entries));
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
    gcam_arena_free(&arena);
    return 0;
fail:
    gcam_free(*tensors);
    *tensors = NULL;
    gcam_arena_free(&arena);
    return -ENOMEM;
}
