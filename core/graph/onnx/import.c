/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ONNX import: protobuf-c reads the bytes, this file turns its messages into a GcamGraph. Constants are pointed to, not
 * copied: into the unpacked messages, into external data files from beside the model, or into a compiled model.
 * The file is not trusted: names, shapes, sizes and offsets are checked before use.
 */
#include "parsed.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chains.h"

#include <errno.h>
#include <string.h>

// Of a string that a message may lack.
static const char *text(const char *string)
{
    return string ? string : "";
}

// ------------------------------------------------------------------------------------------------------- tensors

// Dimensions, none below 0, whose product is a size that memory can have.
static int read_shape(const GcamOnnx *onnx, const char *name, size_t rank, const int64_t *dims, GcamShape *shape,
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

// A constant: its shape, type, and where its bytes are - in the message, in a file beside the model, or in a compiled
// model, which knows it by name. As many bytes as the shape says, or -EBADMSG.
static int read_tensor(GcamOnnx *onnx, Onnx__TensorProto *tensor, GcamValue *value, const GradcamLog *log)
{
    static const char empty[1];
    size_t size = 0;
    int error = read_shape(onnx, text(tensor->name), tensor->n_dims, tensor->dims, &value->shape, log);
    if (error)
        return error;
    value->type = tensor->data_type;
    if (!gcam_data_size(value->type)) {
        gcam_log(log, GRADCAM_LOG_ERROR, "%s: initializer '%s' has elements of type %s, which is not supported",
                 onnx->path, text(tensor->name), gcam_data_name(value->type));
        return -ENOTSUP;
    }
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

// -------------------------------------------------------------------------------------------------------- opening

// For protobuf-c: messages are made in the arena of what is imported.
static void *allocate(void *opaque, size_t size)
{
    GcamOnnx *onnx = opaque;
    void *block = gcam_arena_alloc(&onnx->arena, size, 1);
    onnx->out_of_memory |= !block;
    return block;
}

// All of it goes with the arena.
static void release(void *opaque, void *block)
{
    (void)opaque;
    (void)block;
}

void gcam_onnx_free(GcamOnnx **onnx)
{
    if (!onnx || !*onnx)
        return;
    gcam_onnx_close_external(*onnx);
    gcam_free((*onnx)->initializer);
    gcam_arena_free(&(*onnx)->arena);
    gcam_free(*onnx);
    *onnx = NULL;
}

static void disarm(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names[i])
            gcam_utf8_disarm(names[i]);
}

// Names go to terminals, logs, JSON and metadata: none has control characters in it, and all are UTF-8. Tensors whose
// names are the same then are defined twice.
static void disarm_names(Onnx__ModelProto *model)
{
    Onnx__GraphProto *graph = model->graph;
    disarm(&model->producer_name, 1);
    disarm(&graph->name, 1);
    for (size_t i = 0; i < graph->n_node; i++) {
        Onnx__NodeProto *node = graph->node[i];
        disarm(&node->name, 1);
        disarm(&node->op_type, 1);
        disarm(&node->domain, 1);
        disarm(node->input, node->n_input);
        disarm(node->output, node->n_output);
    }
    for (size_t i = 0; i < graph->n_initializer; i++)
        disarm(&graph->initializer[i]->name, 1);
    for (size_t i = 0; i < graph->n_input; i++)
        disarm(&graph->input[i]->name, 1);
    for (size_t i = 0; i < graph->n_output; i++)
        disarm(&graph->output[i]->name, 1);
}

int gcam_onnx_parse(GcamOnnx **out, const char *path, const void *bytes, size_t size,
                    const GcamOnnxWeights *weights, int copy, const GradcamLog *log)
{
    int error = -ENOMEM;
    *out = NULL;
    GcamOnnx *onnx = gcam_calloc(1, sizeof(*onnx));
    if (!onnx || !(onnx->path = gcam_arena_strdup(&onnx->arena, path)))
        goto fail;
    onnx->copy = copy;
    if (weights)
        onnx->weights = *weights;
    onnx->allocator = (ProtobufCAllocator){ allocate, release, onnx };
    onnx->proto = onnx__model_proto__unpack(&onnx->allocator, size, bytes);
    if (!onnx->proto && onnx->out_of_memory)
        goto fail;
    if (!onnx->proto || !onnx->proto->graph || !onnx->proto->graph->n_node) {
        gcam_log(log, GRADCAM_LOG_ERROR, "%s: not a model: neither a whole ONNX file nor one that `gradcam compile` "
                 "wrote", path);
        error = -EBADMSG;
        goto fail;
    }
    disarm_names(onnx->proto);
    Onnx__GraphProto *graph = onnx->proto->graph;
    if (graph->n_node > GCAM_MOST_NODES) {
        error = gcam_fail(log, -EOVERFLOW, "%s: a graph of %zu nodes, more than %d", path, graph->n_node,
                          GCAM_MOST_NODES);
        goto fail;
    }
    onnx->initializer = gcam_calloc(graph->n_initializer + 1, sizeof(*onnx->initializer));
    if (!onnx->initializer)
        goto fail;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        error = read_tensor(onnx, graph->initializer[i], &onnx->initializer[i], log);
        if (error)
            goto fail;
    }
    *out = onnx;
    return 0;
fail:
    gcam_onnx_free(&onnx);
    return error;
}

// ------------------------------------------------------------------------------------------------------ the graph

// Names to value indices: open addressing, power-of-two size, entries are index + 1.
typedef struct Names {
    int *slot;
    size_t mask;
} Names;

// A hash table with open addressing: the slot that has the name, or the empty one where it is to go.
static int *name_slot(const Names *names, const GcamGraph *graph, const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = hash & names->mask;; i = (i + 1) & names->mask)
        if (!names->slot[i] || !strcmp(graph->value[names->slot[i] - 1].name, name))
            return &names->slot[i];
}

// A value of a name that is not taken yet.
static int define(GcamGraph *graph, Names *names, const char *name, const char *path, const GradcamLog *log)
{
    int *slot = name_slot(names, graph, name);
    if (*slot) {
        gcam_log(log, GRADCAM_LOG_ERROR, "%s: tensor '%s' is defined twice", path, name);
        return -EBADMSG;
    }
    int index = gcam_graph_add_value(graph, name);
    if (index >= 0)
        *slot = index + 1;
    return index;
}

// Its element type goes to *type.
static int read_input(const GcamOnnx *onnx, const Onnx__ValueInfoProto *info, GcamValue *value, int *type,
                      const GradcamLog *log)
{
    const Onnx__TypeProto__Tensor *tensor = info->type ? info->type->tensor_type : NULL;
    if (!tensor || !tensor->shape || !gcam_data_size(tensor->elem_type)) {
        gcam_log(log, GRADCAM_LOG_ERROR, "%s: input '%s' is %s; a network on pictures takes numbers of a known shape",
                 onnx->path, value->name, !tensor || !tensor->shape ? "of no known shape"
                                                                    : gcam_data_name(tensor->elem_type));
        return -ENOTSUP;
    }
    size_t rank = tensor->shape->n_dim;
    int64_t dims[GCAM_MAX_RANK];
    for (size_t i = 0; i < rank && i < GCAM_MAX_RANK; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = tensor->shape->dim[i];
        dims[i] = dim->has_dim_value && dim->dim_value > 0 ? dim->dim_value : 0;
    }
    *type = tensor->elem_type;
    value->type = GCAM_TYPE_FLOAT;
    return read_shape(onnx, value->name, rank, dims, &value->shape, log);
}

// With a NUL at the end, in the arena.
static char *bytes_to_string(GcamArena *arena, ProtobufCBinaryData bytes)
{
    char *string = gcam_arena_alloc(arena, bytes.len + 1, 1);
    if (string && bytes.len)
        memcpy(string, bytes.data, bytes.len);
    return string;
}

static int read_strings(const Onnx__AttributeProto *from, GcamAttribute *attribute, GcamArena *arena)
{
    const char **strings = from->n_strings ? gcam_arena_alloc(arena, from->n_strings, sizeof(*strings)) : NULL;
    for (size_t i = 0; strings && i < from->n_strings; i++)
        if (!(strings[i] = bytes_to_string(arena, from->strings[i])))
            return -ENOMEM;
    attribute->strings = strings;
    attribute->string_count = strings ? from->n_strings : 0;
    return strings || !from->n_strings ? 0 : -ENOMEM;
}

// Numbers are pointed to in the messages, strings copied; a tensor among them is a constant.
static int read_attributes(GcamOnnx *onnx, const Onnx__NodeProto *proto, GcamNode *node, GcamArena *arena,
                           const GradcamLog *log)
{
    GcamAttribute *attribute = gcam_arena_alloc(arena, proto->n_attribute + 1, sizeof(*attribute));
    if (!attribute)
        return -ENOMEM;
    node->attribute = attribute;
    node->attributes = (int)proto->n_attribute;
    for (size_t i = 0; i < proto->n_attribute; i++) {
        const Onnx__AttributeProto *from = proto->attribute[i];
        attribute[i] = (GcamAttribute){
            .name = text(from->name), .f = from->f, .i = from->i, .floats = from->floats,
            .float_count = from->n_floats, .ints = from->ints, .int_count = from->n_ints,
        };
        if (from->has_s && !(attribute[i].s = bytes_to_string(arena, from->s)))
            return -ENOMEM;
        int error = read_strings(from, &attribute[i], arena);
        if (error)
            return error;
        if (from->t) {
            error = read_tensor(onnx, from->t, &attribute[i].tensor, log);
            if (error)
                return error;
            attribute[i].has_tensor = 1;
        }
    }
    return 0;
}

// Where the exporter of PyTorch tells in which modules a node was.
static const char *find_scopes(const Onnx__NodeProto *proto)
{
    for (size_t i = 0; i < proto->n_metadata_props; i++)
        if (!strcmp(text(proto->metadata_props[i]->key), "pkg.torch.onnx.name_scopes"))
            return text(proto->metadata_props[i]->value);
    return NULL;
}

// The values of its inputs by name, which must be there already; those of its outputs are new.
static int read_node(GcamOnnx *onnx, const Onnx__NodeProto *proto, GcamGraph *graph, Names *names, GcamNode *node,
                     const GradcamLog *log)
{
    node->name = text(proto->name);
    node->type = text(proto->op_type);
    node->scopes = find_scopes(proto);
    node->domain = proto->domain && strcmp(proto->domain, "ai.onnx") ? proto->domain : "";
    node->inputs = (int)proto->n_input;
    node->outputs = (int)proto->n_output;
    node->input = gcam_arena_alloc(&graph->arena, proto->n_input + 1, sizeof(int));
    node->output = gcam_arena_alloc(&graph->arena, proto->n_output + 1, sizeof(int));
    if (!node->input || !node->output)
        return -ENOMEM;
    for (size_t i = 0; i < proto->n_input; i++) {
        if (!text(proto->input[i])[0]) {
            node->input[i] = -1;
            continue;
        }
        node->input[i] = *name_slot(names, graph, proto->input[i]) - 1;
        if (node->input[i] < 0) {
            gcam_log(log, GRADCAM_LOG_ERROR, "%s: node '%s' (%s) takes tensor '%s', which nothing before it makes",
                     onnx->path, node->name, node->type, proto->input[i]);
            return -EBADMSG;
        }
    }
    for (size_t i = 0; i < proto->n_output; i++) {
        node->output[i] = -1;
        if (!text(proto->output[i])[0])
            continue;
        node->output[i] = define(graph, names, proto->output[i], onnx->path, log);
        if (node->output[i] < 0)
            return node->output[i];
        graph->value[node->output[i]].node = (int)(node - graph->node);
    }
    return read_attributes(onnx, proto, node, &graph->arena, log);
}

// Nodes in their order, each of which may become several.
static int read_nodes(GcamOnnx *onnx, GcamGraph *graph, Names *names, const GradcamLog *log)
{
    const Onnx__GraphProto *proto = onnx->proto->graph;
    int error = 0;
    for (size_t i = 0; i < proto->n_node && !error; i++) {
        int index = gcam_graph_add_node(graph);
        error = index < 0 ? index : read_node(onnx, proto->node[i], graph, names, &graph->node[index], log);
        error = error ? error : gcam_onnx_chain(graph, index);
    }
    return error != -EOVERFLOW ? error : gcam_fail(log, error, "%s: a graph of more than %d nodes", onnx->path,
                                                   GCAM_MOST_NODES);
}

static int read_metadata(const GcamOnnx *onnx, GcamGraph *graph)
{
    const size_t count = onnx->proto->n_metadata_props;
    GcamMetadata *metadata = gcam_arena_alloc(&graph->arena, count + 1, sizeof(*metadata));
    for (size_t i = 0; metadata && i < count; i++)
        metadata[i] = (GcamMetadata){ text(onnx->proto->metadata_props[i]->key),
                                      text(onnx->proto->metadata_props[i]->value) };
    graph->metadata = metadata;
    graph->metadatas = count;
    return metadata ? 0 : -ENOMEM;
}

// Initializers, inputs, nodes, outputs, in this order: ONNX has nodes in order of computation.
static int build(GcamOnnx *onnx, GcamGraph *graph, Names *names, const GradcamLog *log)
{
    const Onnx__GraphProto *proto = onnx->proto->graph;
    graph->name = text(proto->name);
    graph->producer = text(onnx->proto->producer_name);
    for (size_t i = 0; i < onnx->proto->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *set = onnx->proto->opset_import[i];
        if (!text(set->domain)[0] || !strcmp(set->domain, "ai.onnx"))
            graph->opset = set->version > 0 && set->version < 1000 ? (int)set->version : 0;
    }
    for (size_t i = 0; i < proto->n_initializer; i++) {
        int index = define(graph, names, text(proto->initializer[i]->name), onnx->path, log);
        if (index < 0)
            return index;
        GcamValue *value = &graph->value[index];
        value->shape = onnx->initializer[i].shape;
        value->type = onnx->initializer[i].type;
        value->data = onnx->initializer[i].data;
        value->initializer = (int)i;
    }
    graph->input = gcam_arena_alloc(&graph->arena, proto->n_input + 1, sizeof(int));
    graph->input_type = gcam_arena_alloc(&graph->arena, proto->n_input + 1, sizeof(int));
    graph->output = gcam_arena_alloc(&graph->arena, proto->n_output + 1, sizeof(int));
    if (!graph->input || !graph->input_type || !graph->output)
        return -ENOMEM;
    for (size_t i = 0; i < proto->n_input; i++) {
        // Before IR version 4 every initializer is listed among the inputs too.
        if (*name_slot(names, graph, text(proto->input[i]->name)))
            continue;
        int index = define(graph, names, text(proto->input[i]->name), onnx->path, log);
        if (index < 0)
            return index;
        int error = read_input(onnx, proto->input[i], &graph->value[index], &graph->input_type[graph->inputs],
                               log);
        if (error)
            return error;
        graph->input[graph->inputs++] = index;
    }
    int error = read_metadata(onnx, graph);
    if (!error)
        error = read_nodes(onnx, graph, names, log);
    if (error)
        return error;
    for (size_t i = 0; i < proto->n_output; i++) {
        int index = *name_slot(names, graph, text(proto->output[i]->name)) - 1;
        if (index < 0) {
            gcam_log(log, GRADCAM_LOG_ERROR, "%s: nothing makes the output '%s'", onnx->path,
                     text(proto->output[i]->name));
            return -EBADMSG;
        }
        graph->output[graph->outputs++] = index;
    }
    return 0;
}

int gcam_onnx_build(GcamOnnx *onnx, GcamGraph *graph, const GradcamLog *log)
{
    const Onnx__GraphProto *proto = onnx->proto->graph;
    size_t names = proto->n_initializer + proto->n_input, room = 64;
    for (size_t i = 0; i < proto->n_node; i++)
        names += proto->node[i]->n_output;
    while (room < 2 * names)
        room *= 2;
    Names table = { gcam_calloc(room, sizeof(*table.slot)), room - 1 };
    if (!table.slot)
        return -ENOMEM;
    *graph = (GcamGraph){ .memory = GCAM_MEMORY };
    int error = build(onnx, graph, &table, log);
    gcam_free(table.slot);
    if (error)
        gcam_graph_free(graph);
    return error;
}
