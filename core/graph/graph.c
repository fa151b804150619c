/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Graph basics: shapes, element types, values, attributes.
 */
#include "graph.h"

#include "base/half.h"
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

size_t gcam_shape_count(const GcamShape *shape)
{
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

int gcam_shape_equal(const GcamShape *a, const GcamShape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, a->rank * sizeof(a->dim[0]));
}

void gcam_shape_split(const GcamShape *shape, int axis, size_t *outer, size_t *along, size_t *inner)
{
    *outer = *inner = 1;
    for (int i = 0; i < shape->rank; i++)
        *(i < axis ? outer : inner) *= i == axis ? 1 : shape->dim[i];
    *along = shape->dim[axis];
}

char *gcam_shape_text(const GcamShape *shape, char text[GCAM_SHAPE_TEXT])
{
    size_t used = 0;
    snprintf(text, GCAM_SHAPE_TEXT, "scalar");
    for (int i = 0; i < shape->rank && used < GCAM_SHAPE_TEXT; i++)
        used += (size_t)snprintf(text + used, GCAM_SHAPE_TEXT - used, i ? "x%zu" : "%zu", shape->dim[i]);
    return text;
}

size_t gcam_data_size(int type)
{
    switch (type) {
    case GCAM_TYPE_UINT8: case GCAM_TYPE_INT8: case GCAM_TYPE_BOOL:
        return 1;
    case GCAM_TYPE_FLOAT16: case GCAM_TYPE_BFLOAT16: case GCAM_TYPE_UINT16: case GCAM_TYPE_INT16:
        return 2;
    case GCAM_TYPE_FLOAT: case GCAM_TYPE_INT32: case GCAM_TYPE_UINT32:
        return 4;
    case GCAM_TYPE_INT64: case GCAM_TYPE_DOUBLE: case GCAM_TYPE_UINT64:
        return 8;
    }
    return 0;
}

int gcam_data_is_float(int type)
{
    return type == GCAM_TYPE_FLOAT || type == GCAM_TYPE_FLOAT16 || type == GCAM_TYPE_DOUBLE ||
           type == GCAM_TYPE_BFLOAT16;
}

const char *gcam_data_name(int type)
{
    static const char *const names[] = { "no type", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64",
                                         "string", "bool", "float16", "float64", "uint32", "uint64", "complex64",
                                         "complex128", "bfloat16" };
    return type >= 0 && type < (int)(sizeof(names) / sizeof(names[0])) ? names[type] : "an unknown type";
}

void gcam_graph_free(GcamGraph *graph)
{
    gcam_arena_free(&graph->arena);
    memset(graph, 0, sizeof(*graph));
}

const char *gcam_graph_metadata(const GcamGraph *graph, const char *key)
{
    for (size_t i = 0; i < graph->metadatas; i++)
        if (!strcasecmp(graph->metadata[i].key, key))
            return graph->metadata[i].value;
    return NULL;
}

int gcam_graph_add_value(GcamGraph *graph, const char *name)
{
    if (graph->values == graph->value_room) {
        int room = graph->value_room ? 2 * graph->value_room : 64;
        GcamValue *grown = gcam_arena_alloc(&graph->arena, room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        if (graph->values)
            memcpy(grown, graph->value, graph->values * sizeof(*grown));
        graph->value = grown;
        graph->value_room = room;
    }
    graph->value[graph->values] = (GcamValue){ .name = name, .initializer = -1, .node = -1, .alias = -1 };
    return graph->values++;
}

int gcam_graph_add_node(GcamGraph *graph)
{
    if (graph->nodes >= GCAM_MOST_NODES)
        return -EOVERFLOW;
    if (graph->nodes >= graph->node_room) {
        int room = 2 * graph->nodes + 64;
        GcamNode *grown = gcam_arena_alloc(&graph->arena, (size_t)room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        if (graph->nodes)
            memcpy(grown, graph->node, (size_t)graph->nodes * sizeof(*grown));
        graph->node = grown;
        graph->node_room = room;
    }
    graph->node[graph->nodes] = (GcamNode){ .name = "", .type = "", .domain = "" };
    return graph->nodes++;
}

int gcam_graph_find_value(const GcamGraph *graph, const char *name)
{
    for (int i = 0; i < graph->values; i++)
        if (!strcmp(graph->value[i].name, name))
            return graph->value[i].alias >= 0 ? graph->value[i].alias : i;
    return -1;
}

int gcam_graph_find_tensor(const GcamGraph *graph, const char *name)
{
    int value = gcam_graph_find_value(graph, name);
    if (value >= 0)
        return value;
    // Several in a row have one name where a node was written as these: the last makes its output.
    for (int i = 0, found = 0; i < graph->nodes; i++) {
        const int is = !strcmp(graph->node[i].name, name) && graph->node[i].outputs;
        if (found && !is)
            break;
        if (is)
            value = graph->node[i].output[0];
        found |= is;
    }
    return value;
}

const GcamAttribute *gcam_node_attribute(const GcamNode *node, const char *name)
{
    for (int i = 0; i < node->attributes; i++)
        if (!strcmp(node->attribute[i].name, name))
            return &node->attribute[i];
    return NULL;
}

int64_t gcam_node_int(const GcamNode *node, const char *name, int64_t fallback)
{
    const GcamAttribute *attribute = gcam_node_attribute(node, name);
    return attribute ? attribute->i : fallback;
}

float gcam_node_float(const GcamNode *node, const char *name, float fallback)
{
    const GcamAttribute *attribute = gcam_node_attribute(node, name);
    return attribute ? attribute->f : fallback;
}

const char *gcam_node_string(const GcamNode *node, const char *name, const char *fallback)
{
    const GcamAttribute *attribute = gcam_node_attribute(node, name);
    return attribute && attribute->s ? attribute->s : fallback;
}

// Constants inside a file need not be aligned for their type: every read goes through memcpy.
#define LOAD(type, data, index) \
    __extension__({                                                                                                   \
        type element;                                                                                                 \
        memcpy(&element, (const char *)(data) + (index) * sizeof(type), sizeof(type));                                \
        element;                                                                                                      \
    })

double gcam_constant_double(const GcamValue *value, size_t index)
{
    switch (value->type) {
    case GCAM_TYPE_FLOAT:
        return LOAD(float, value->data, index);
    case GCAM_TYPE_DOUBLE:
        return LOAD(double, value->data, index);
    case GCAM_TYPE_FLOAT16:
        return gcam_half_to_float(LOAD(uint16_t, value->data, index));
    case GCAM_TYPE_BFLOAT16:
        return gcam_bfloat16_to_float(LOAD(uint16_t, value->data, index));
    default:
        return (double)gcam_constant_int(value, index);
    }
}

int64_t gcam_constant_int(const GcamValue *value, size_t index)
{
    uint64_t large;
    switch (value->type) {
    case GCAM_TYPE_INT64:
        return LOAD(int64_t, value->data, index);
    case GCAM_TYPE_UINT64:
        large = LOAD(uint64_t, value->data, index);
        return large > INT64_MAX ? INT64_MAX : (int64_t)large;
    case GCAM_TYPE_UINT32:
        return LOAD(uint32_t, value->data, index);
    case GCAM_TYPE_INT32:
        return LOAD(int32_t, value->data, index);
    case GCAM_TYPE_INT8:
        return LOAD(int8_t, value->data, index);
    case GCAM_TYPE_UINT16:
        return LOAD(uint16_t, value->data, index);
    case GCAM_TYPE_INT16:
        return LOAD(int16_t, value->data, index);
    case GCAM_TYPE_UINT8: case GCAM_TYPE_BOOL:
        return LOAD(uint8_t, value->data, index);
    }
    double x = gcam_data_is_float(value->type) ? gcam_constant_double(value, index) : 0;
    if (isnan(x))
        return 0;
    return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x;
}

float *gcam_constant_floats(const GcamValue *value)
{
    size_t count = gcam_shape_count(&value->shape);
    float *out = gcam_alloc(count ? count : 1, sizeof(*out));
    if (!out)
        return NULL;
    if (value->type == GCAM_TYPE_FLOAT)
        memcpy(out, value->data, count * sizeof(*out));
    else if (value->type == GCAM_TYPE_FLOAT16)
        for (size_t i = 0; i < count; i++)
            out[i] = gcam_half_to_float(LOAD(uint16_t, value->data, i));
    else
        for (size_t i = 0; i < count; i++)
            out[i] = (float)gcam_constant_double(value, i);
    return out;
}

void gcam_value_strides(const GcamValue *value, ptrdiff_t stride[GCAM_MAX_RANK])
{
    const GcamShape *shape = &value->shape;
    if (value->channels_last && shape->rank == 4) {
        stride[1] = 1;
        stride[3] = (ptrdiff_t)shape->dim[1];
        stride[2] = stride[3] * (ptrdiff_t)shape->dim[3];
        stride[0] = stride[2] * (ptrdiff_t)shape->dim[2];
        return;
    }
    ptrdiff_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= (ptrdiff_t)shape->dim[i];
    }
}
