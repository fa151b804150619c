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
#include "names.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DEPTH = 16 };       // of branches within branches

// Of a string that a message may lack.
static const char *text(const char *string)
{
    return string ? string : "";
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
        error = gcam_onnx_read_tensor(onnx, graph->initializer[i], &onnx->initializer[i], log);
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

// What is read, and into what. scope: the branch that it is part of, or NULL.
typedef struct Import {
    GcamOnnx *onnx;
    GcamGraph *graph;
    GcamNames names;
    const GcamScope *scope;
    const GcamGuard *guard;
    int depth;                  // of branches within branches
    const GradcamLog *log;
} Import;

// A value of a name that is not taken yet.
static int define(Import *import, const char *name)
{
    int index = gcam_names_define(&import->names, import->graph, import->scope, name);
    if (index == -EEXIST)
        return gcam_fail(import->log, -EBADMSG, "%s: tensor '%s' is defined twice", import->onnx->path, name);
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
    return gcam_onnx_read_shape(onnx, value->name, rank, dims, &value->shape, log);
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
            error = gcam_onnx_read_tensor(onnx, from->t, &attribute[i].tensor, log);
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

// The value that a node takes by that name; -EBADMSG where there is none.
static int find(Import *import, const Onnx__NodeProto *proto, const char *name)
{
    int index = gcam_names_find(&import->names, import->graph, import->scope, name);
    if (index == -1)
        return gcam_fail(import->log, -EBADMSG, "%s: node '%s' (%s) takes tensor '%s', which nothing before it makes",
                         import->onnx->path, text(proto->name), text(proto->op_type), name);
    return index;
}

// A first output that is left out before others, as of an LSTM whose last state is all that is wanted: operators are
// told by their first output, which thus has a value, whose name no node can take. 0 or -ENOMEM.
static int name_first_output(Import *import, const Onnx__NodeProto *proto, GcamNode *node, int index)
{
    static const char behind[] = " (beside it)";
    const char *other = "";
    for (size_t i = 1; i < proto->n_output && !other[0]; i++)
        other = text(proto->output[i]);
    if (!node->outputs || node->output[0] >= 0 || !other[0])
        return 0;
    const size_t room = strlen(other) + sizeof(behind);
    char *name = gcam_arena_alloc(&import->graph->arena, room, 1);
    if (!name)
        return -ENOMEM;
    snprintf(name, room, "%s%s", other, behind);
    node->output[0] = gcam_graph_add_value(import->graph, name);
    if (node->output[0] < 0)
        return node->output[0];
    import->graph->value[node->output[0]].node = index;
    return 0;
}

// The values of its inputs by name, which must be there already, and behind them `more`; those of its outputs are new.
static int read_node(Import *import, const Onnx__NodeProto *proto, int index, const int *more, int mores)
{
    GcamGraph *graph = import->graph;
    GcamNode *node = &graph->node[index];
    node->name = text(proto->name);
    node->type = text(proto->op_type);
    node->scopes = find_scopes(proto);
    node->domain = proto->domain && strcmp(proto->domain, "ai.onnx") ? proto->domain : "";
    node->inputs = (int)proto->n_input + mores;
    node->outputs = (int)proto->n_output;
    node->input = gcam_arena_alloc(&graph->arena, proto->n_input + (size_t)mores + 1, sizeof(int));
    node->output = gcam_arena_alloc(&graph->arena, proto->n_output + 1, sizeof(int));
    if (!node->input || !node->output)
        return -ENOMEM;
    for (int i = 0; i < mores; i++)
        node->input[proto->n_input + (size_t)i] = more[i];
    for (size_t i = 0; i < proto->n_input; i++) {
        const int left_out = !text(proto->input[i])[0];
        node->input[i] = left_out ? -1 : find(import, proto, proto->input[i]);
        if (node->input[i] < 0 && !left_out)
            return node->input[i];
    }
    for (size_t i = 0; i < proto->n_output; i++) {
        node->output[i] = -1;
        if (!text(proto->output[i])[0])
            continue;
        node->output[i] = define(import, proto->output[i]);
        if (node->output[i] < 0)
            return node->output[i];
        graph->value[node->output[i]].node = index;
    }
    int error = name_first_output(import, proto, node, index);
    if (error)
        return error;
    return read_attributes(import->onnx, proto, node, &graph->arena, import->log);
}

static int read_nodes(Import *import, Onnx__NodeProto *const *proto, size_t count);

// What names of a branch begin with: the If's first output, and which branch it is. NULL when out of memory.
static const char *branch_prefix(Import *import, const Onnx__NodeProto *proto, int when)
{
    const char *outer = import->scope ? import->scope->prefix : "", *output = proto->n_output ? proto->output[0] : "";
    const size_t room = strlen(outer) + strlen(output) + 8;
    char *prefix = gcam_arena_alloc(&import->graph->arena, room, 1);
    if (prefix)
        snprintf(prefix, room, "%s%s.%s.", outer, output, when ? "then" : "else");
    return prefix;
}

// One branch of an If, whose nodes run if `condition` is `when`: its outputs' values, as many as the If has.
static int read_branch(Import *import, const Onnx__NodeProto *proto, ProtobufCBinaryData bytes, int condition, int when,
                       int *output)
{
    Import inner = *import;
    GcamGuard *guard = gcam_arena_alloc(&import->graph->arena, 1, sizeof(*guard));
    const GcamScope scope = { import->scope, branch_prefix(import, proto, when) };
    Onnx__GraphProto *branch = onnx__graph_proto__unpack(&import->onnx->allocator, bytes.len, bytes.data);
    const int first = import->graph->nodes;
    int error = !scope.prefix || !guard || (!branch && import->onnx->out_of_memory) ? -ENOMEM : 0;
    if (!error && (!branch || branch->n_output != proto->n_output))
        error = gcam_fail(import->log, -EBADMSG, "%s: node '%s' (If) has a branch that is no graph of %zu outputs",
                          import->onnx->path, text(proto->name), proto->n_output);
    if (error)
        return error;
    *guard = (GcamGuard){ condition, when, import->guard };
    inner.guard = guard;
    inner.scope = &scope;
    inner.depth++;
    for (size_t i = 0; !error && i < branch->n_initializer; i++) {
        int index = define(&inner, text(branch->initializer[i]->name));
        GcamValue value;
        error = index < 0 ? index : gcam_onnx_read_tensor(import->onnx, branch->initializer[i], &value, import->log);
        if (!error) {
            import->graph->value[index].shape = value.shape;
            import->graph->value[index].type = value.type;
            import->graph->value[index].data = value.data;
        }
    }
    error = error ? error : read_nodes(&inner, branch->node, branch->n_node);
    for (size_t i = 0; !error && i < branch->n_output; i++) {
        output[i] = find(&inner, proto, text(branch->output[i]->name));
        error = output[i] < 0 ? output[i] : 0;
    }
    import->names = inner.names;
    for (int i = first; i < import->graph->nodes; i++)
        if (!import->graph->node[i].guard)
            import->graph->node[i].guard = guard;
    return error;
}

// If: the nodes of both branches, and then itself, which takes the condition, what the one makes and what the other.
static int read_if(Import *import, const Onnx__NodeProto *proto)
{
    static const char *const names[2] = { "else_branch", "then_branch" };
    const size_t n = proto->n_output;
    const Onnx__AttributeProto *branch[2] = { NULL, NULL };
    for (size_t i = 0; i < proto->n_attribute; i++)
        for (int k = 0; k < 2; k++)
            if (!strcmp(text(proto->attribute[i]->name), names[k]) && proto->attribute[i]->has_g)
                branch[k] = proto->attribute[i];
    if (proto->n_input != 1 || !branch[0] || !branch[1] || n > INT_MAX / 4)
        return gcam_fail(import->log, -EBADMSG, "%s: node '%s' (If) lacks a condition or a branch", import->onnx->path,
                         text(proto->name));
    if (import->depth == MOST_DEPTH)
        return gcam_fail(import->log, -ENOTSUP, "%s: more than %d branches within each other", import->onnx->path,
                         MOST_DEPTH);
    int condition = find(import, proto, text(proto->input[0])), error = condition < 0 ? condition : 0;
    int *output = gcam_arena_alloc(&import->graph->arena, 2 * n + 1, sizeof(*output));
    for (int when = 1; when >= 0 && output && !error; when--)
        error = read_branch(import, proto, branch[when]->g, condition, when, output + (when ? 0 : n));
    if (error || !output)
        return error ? error : -ENOMEM;
    int index = gcam_graph_add_node(import->graph);
    return index < 0 ? index : read_node(import, proto, index, output, (int)(2 * n));
}

// Nodes in their order, each of which may become several.
static int read_nodes(Import *import, Onnx__NodeProto *const *proto, size_t count)
{
    int error = 0;
    for (size_t i = 0; i < count && !error; i++) {
        if (!strcmp(text(proto[i]->op_type), "If") && !text(proto[i]->domain)[0]) {
            error = read_if(import, proto[i]);
            continue;
        }
        int index = gcam_graph_add_node(import->graph);
        error = index < 0 ? index : read_node(import, proto[i], index, NULL, 0);
        error = error ? error : gcam_onnx_chain(import->graph, index);
    }
    return error;
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
static int build(Import *import)
{
    GcamOnnx *onnx = import->onnx;
    GcamGraph *graph = import->graph;
    const Onnx__GraphProto *proto = onnx->proto->graph;
    graph->name = text(proto->name);
    graph->producer = text(onnx->proto->producer_name);
    for (size_t i = 0; i < onnx->proto->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *set = onnx->proto->opset_import[i];
        if (!text(set->domain)[0] || !strcmp(set->domain, "ai.onnx"))
            graph->opset = set->version > 0 && set->version < 1000 ? (int)set->version : 0;
    }
    for (size_t i = 0; i < proto->n_initializer; i++) {
        int index = define(import, text(proto->initializer[i]->name));
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
        if (gcam_names_find(&import->names, graph, NULL, text(proto->input[i]->name)) >= 0)
            continue;
        int index = define(import, text(proto->input[i]->name));
        if (index < 0)
            return index;
        int error = read_input(onnx, proto->input[i], &graph->value[index], &graph->input_type[graph->inputs],
                               import->log);
        if (error)
            return error;
        graph->input[graph->inputs++] = index;
    }
    int error = read_metadata(onnx, graph);
    error = error ? error : read_nodes(import, proto->node, proto->n_node);
    if (error == -EOVERFLOW)
        return gcam_fail(import->log, error, "%s: a graph of more than %d nodes", onnx->path, GCAM_MOST_NODES);
    for (size_t i = 0; !error && i < proto->n_output; i++) {
        int index = gcam_names_find(&import->names, graph, NULL, text(proto->output[i]->name));
        if (index < 0)
            return gcam_fail(import->log, -EBADMSG, "%s: nothing makes the output '%s'", onnx->path,
                             text(proto->output[i]->name));
        graph->output[graph->outputs++] = index;
    }
    return error;
}

int gcam_onnx_build(GcamOnnx *onnx, GcamGraph *graph, const GradcamLog *log)
{
    Import import = { .onnx = onnx, .graph = graph, .log = log };
    *graph = (GcamGraph){ .memory = GCAM_MEMORY };
    int error = build(&import);
    gcam_free(import.names.slot);
    if (error)
        gcam_graph_free(graph);
    return error;
}
