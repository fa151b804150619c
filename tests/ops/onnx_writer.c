/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Text to graph, graph to ONNX bytes through protobuf-c. Serialising needs messages with pointers to each
 * other: they are cut from one block that lives as long as the call.
 */
#include "ops/onnx_writer.h"

#include "harness.h"
#include "onnx.pb-c.h"

#include <ctype.h>

__attribute__((noreturn, format(printf, 1, 2)))
static void stop(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

Graph *graph_create(int opset)
{
    Graph *graph = calloc(1, sizeof(*graph));
    if (!graph)
        stop("out of memory");
    graph->opset = opset;
    return graph;
}

void graph_free(Graph *graph)
{
    for (int i = 0; graph && i < graph->tensors; i++)
        free(graph->tensor[i].data);
    free(graph);
}

// ---------------------------------------------------------------------------------------------- tensors

static void set_name(char to[GRAPH_NAME], const char *from, size_t length)
{
    if (length >= GRAPH_NAME)
        stop("a name too long: %.*s", (int)length, from);
    memcpy(to, from, length);
    to[length] = '\0';
}

GraphTensor *graph_tensor(Graph *graph, const char *name, int type, int rank, const int64_t *dim,
                          const void *data, size_t bytes)
{
    if (graph->tensors == GRAPH_TENSORS)
        stop("too many tensors");
    GraphTensor *tensor = &graph->tensor[graph->tensors++];
    *tensor =
        (GraphTensor){ .type = type, .rank = rank, .count = 1, .bytes = bytes, .offset = -1, .length = -1 };
    set_name(tensor->name, name, strlen(name));
    for (int i = 0; i < rank; i++) {
        tensor->dim[i] = dim[i];
        tensor->count *= (size_t)dim[i];
    }
    tensor->data = malloc(bytes + 1);
    if (!tensor->data)
        stop("out of memory");
    if (data)
        memcpy(tensor->data, data, bytes);
    return tensor;
}

const GraphTensor *graph_find(const Graph *graph, const char *name)
{
    for (int i = 0; i < graph->tensors; i++)
        if (!strcmp(graph->tensor[i].name, name))
            return &graph->tensor[i];
    return NULL;
}

static const char *read_dims(const char *at, int64_t dim[GRAPH_RANK], int *rank)
{
    for (*rank = 0; isdigit((unsigned char)*at) && *rank < GRAPH_RANK; at += *at == 'x') {
        char *end;
        dim[(*rank)++] = strtoll(at, &end, 10);
        at = end;
    }
    return at;
}

// ^u8:3, ^i8:1/-2, ^i8x4x3: of a small integer type.
static void add_small(Graph *graph, const char *text, const char *name)
{
    static const struct {
        const char *name;
        int type;
        size_t size;
        int least;
    } types[] = { { "u8", 2, 1, 0 }, { "i8", 3, 1, -9 }, { "u16", 4, 2, 0 }, { "i16", 5, 2, -9 }, { "i32", 6, 4, -9 },
                  { "bool", 9, 1, 0 } };
    size_t length = strcspn(text + 1, ":x"), which = 0;
    while (which < sizeof(types) / sizeof(types[0]) &&
           (strlen(types[which].name) != length || strncmp(types[which].name, text + 1, length)))
        which++;
    if (which == sizeof(types) / sizeof(types[0]))
        stop("type of '%s'", text);
    const char *at = text + 1 + length;
    int64_t dim[GRAPH_RANK], list[64], n = 0;
    int rank = 0, is_random = *at == 'x';
    if (is_random)
        read_dims(at + 1, dim, &rank);
    for (at++; !is_random && *at && n < 64; at += *at == '/') {
        char *end;
        list[n++] = strtoll(at, &end, 10);
        at = end;
    }
    if (!is_random && n > 1)
        dim[rank++] = n;
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    GraphTensor *tensor = graph_tensor(graph, name, types[which].type, rank, dim, NULL, count * types[which].size);
    Random random = { graph->seed + (uint64_t)graph->tensors };
    for (size_t i = 0; i < count; i++) {
        float number;
        random_floats(&random, &number, 1, (float)types[which].least, 9);
        int64_t element = is_random ? (int64_t)number : list[i];        // little-endian
        memcpy((char *)tensor->data + i * types[which].size, &element, types[which].size);
    }
}

// %4x3@0.5:2, =0.5, #1/2, $5: the tensor's name goes to `name`.
static void add_constant(Graph *graph, const char *text, char name[GRAPH_NAME])
{
    int64_t dim[GRAPH_RANK], list[64], n = 0;
    int rank;
    snprintf(name, GRAPH_NAME, "constant_%d", graph->tensors);
    if (text[0] == '%') {
        float low = -1, high = 1;
        const char *rest = read_dims(text + 1, dim, &rank);
        if (*rest == '@' && sscanf(rest, "@%f:%f", &low, &high) != 2)
            stop("range of '%s'", text);
        GraphTensor *tensor = graph_tensor(graph, name, 1, rank, dim, NULL, 0);
        Random random = { graph->seed + (uint64_t)graph->tensors };
        tensor->bytes = tensor->count * sizeof(float);
        free(tensor->data);
        tensor->data = malloc(tensor->bytes + 1);
        random_floats(&random, tensor->data, tensor->count, low, high);
    } else if (text[0] == '^') {
        add_small(graph, text, name);
    } else if (text[0] == '=') {
        float value = strtof(text + 1, NULL);
        graph_tensor(graph, name, 1, 0, NULL, &value, sizeof(value));
    } else if (text[0] == '$') {
        list[0] = strtoll(text + 1, NULL, 10);
        graph_tensor(graph, name, 7, 0, NULL, list, sizeof(list[0]));
    } else {
        for (const char *at = text + 1; *at && n < 64; at += *at == '/') {
            char *end;
            list[n++] = strtoll(at, &end, 10);
            at = end;
        }
        graph_tensor(graph, name, 7, 1, &n, list, (size_t)n * sizeof(list[0]));
    }
}

// ------------------------------------------------------------------------------------------- statements

static const char *skip_space(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

// Length of a word that ends at one of the characters, without trailing space.
static size_t word_length(const char *at, const char *ends)
{
    size_t length = strcspn(at, ends);
    while (length && at[length - 1] == ' ')
        length--;
    return length;
}

static const char *read_attribute(GraphAttribute *attribute, const char *at)
{
    size_t length = strcspn(at, "=");
    set_name(attribute->name, at, length);
    at += length + 1;
    length = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, " ");
    int has_point = memchr(at, '.', length) != NULL;
    if (*at == '[' && isalpha((unsigned char)at[1])) {
        attribute->kind = GRAPH_STRINGS;
        for (const char *item = at + 1; *item != ']'; item += *item == ',') {
            size_t word = strcspn(item, ",]");
            if (word >= sizeof(attribute->words[0]) || attribute->count == 6)
                stop("words of '%s'", attribute->name);
            memcpy(attribute->words[attribute->count++], item, word);
            item += word;
        }
    } else if (*at == '[') {
        attribute->kind = has_point ? GRAPH_FLOATS : GRAPH_INTS;
        for (const char *item = at + 1; *item != ']'; item += *item == ',') {
            char *end;
            attribute->floats[attribute->count] = strtof(item, &end);
            attribute->ints[attribute->count++] = has_point ? 0 : strtoll(item, &end, 10);
            item = end;
        }
    } else if (isdigit((unsigned char)at[0]) || at[0] == '-') {
        attribute->kind = has_point ? GRAPH_FLOAT : GRAPH_INT;
        attribute->f = strtof(at, NULL);
        attribute->i = strtoll(at, NULL, 10);
    } else {
        attribute->kind = GRAPH_STRING;
        set_name(attribute->s, at, length);
    }
    return at + length;
}

static void add_node(Graph *graph, const char *text)
{
    if (graph->nodes == GRAPH_NODES)
        stop("too many nodes");
    GraphNode *node = &graph->node[graph->nodes++];
    memset(node, 0, sizeof(*node));
    snprintf(node->name, GRAPH_NAME, "node_%d", graph->nodes - 1);
    const char *at = text, *equals = strchr(text, '='), *open = equals ? strchr(equals, '(') : NULL;
    const char *close = open ? strchr(open, ')') : NULL;
    if (!close)
        stop("not a statement: '%s'", text);
    while (at < equals) {
        at = skip_space(at);
        size_t length = word_length(at, ",=");
        if (length != 1 || *at != '_')
            set_name(node->output[node->outputs], at, length);
        node->outputs++;
        at += strcspn(at, ",=") + 1;
    }
    at = skip_space(equals + 1);
    const char *colons = strstr(at, "::");
    if (colons && colons < open) {
        set_name(node->domain, at, (size_t)(colons - at));
        at = colons + 2;
    }
    set_name(node->type, at, word_length(at, "("));
    for (at = skip_space(open + 1); at < close; at = skip_space(at + 1)) {
        char argument[256];
        size_t length = word_length(at, ",)");
        snprintf(argument, sizeof(argument), "%.*s", (int)length, at);
        if (strchr("%=#$^", argument[0]))
            add_constant(graph, argument, node->input[node->inputs]);
        else if (strcmp(argument, "_"))
            set_name(node->input[node->inputs], at, length);
        node->inputs++;
        at += strcspn(at, ",)");
    }
    for (at = skip_space(close + 1); *at; at = skip_space(at))
        at = read_attribute(&node->attribute[node->attributes++], at);
}

static void add_statement(Graph *graph, const char *text)
{
    if (!strncmp(text, "input ", 6)) {
        GraphTensor *input = &graph->input[graph->inputs++];
        size_t length = strcspn(text + 6, " ");
        set_name(input->name, text + 6, length);
        input->type = 1;
        read_dims(skip_space(text + 6 + length), input->dim, &input->rank);
        input->count = 1;
        for (int i = 0; i < input->rank; i++)
            input->count *= (size_t)input->dim[i];
    } else if (!strncmp(text, "output ", 7)) {
        set_name(graph->output[graph->outputs++], text + 7, strlen(text + 7));
    } else {
        add_node(graph, text);
    }
}

void graph_add(Graph *graph, const char *text)
{
    char statement[1024];
    for (const char *at = text; *at;) {
        at += strspn(at, " ;\n");
        size_t length = word_length(at, ";\n");
        if (length >= sizeof(statement))
            stop("a statement too long");
        memcpy(statement, at, length);
        statement[length] = '\0';
        if (length)
            add_statement(graph, statement);
        at += strcspn(at, ";\n");
    }
}

void graph_addf(Graph *graph, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    graph_add(graph, text);
}

// ---------------------------------------------------------------------------------------------- writing

typedef struct Pack {
    char *block;
    size_t used, size;
} Pack;

static void *cut(Pack *pack, size_t count, size_t size)
{
    size_t bytes = (count * size + 15) / 16 * 16;
    if (pack->used + bytes > pack->size)
        stop("a model too large for the writer");
    void *result = pack->block + pack->used;
    pack->used += bytes;
    return result;
}

static char *cutf(Pack *pack, int64_t number)
{
    char *text = cut(pack, 24, 1);
    snprintf(text, 24, "%lld", (long long)number);
    return text;
}

// An array of `count` messages of a type, with pointers to them in *list.
#define MESSAGES(pack, Type, init, list, count) \
    __extension__({ \
        Type *messages_ = cut(pack, count, sizeof(Type)); \
        (list) = cut(pack, count, sizeof(*(list))); \
        for (size_t k_ = 0; k_ < (size_t)(count); k_++) { \
            init(&messages_[k_]); \
            (list)[k_] = &messages_[k_]; \
        } \
        messages_; \
    })

static void pack_external(Pack *pack, const GraphTensor *from, Onnx__TensorProto *to)
{
    const char *key[3] = { "location", "offset", "length" };
    char *value[3] = { (char *)from->location, cutf(pack, from->offset), cutf(pack, from->length) };
    int there[3] = { strcmp(from->location, "(none)") != 0, from->offset != -1, from->length != -1 };
    to->has_data_location = to->data_location = 1;
    Onnx__StringStringEntryProto *entry = MESSAGES(
        pack, Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init, to->external_data, 3);
    for (int i = 0; i < 3; i++)
        if (there[i]) {
            entry[to->n_external_data].key = (char *)key[i];
            entry[to->n_external_data++].value = value[i];
        }
}

// The typed fields: one entry per element, narrow types widened to int32.
static void pack_typed(Pack *pack, const GraphTensor *from, Onnx__TensorProto *to)
{
    if (from->type == 1) {
        to->n_float_data = from->count;
        to->float_data = from->data;
    } else if (from->type == 7) {
        to->n_int64_data = from->count;
        to->int64_data = from->data;
    } else if (from->type == 11) {
        to->n_double_data = from->count;
        to->double_data = from->data;
    } else {
        size_t width = from->bytes / from->count;
        to->n_int32_data = from->count;
        to->int32_data = cut(pack, from->count, sizeof(int32_t));
        for (size_t i = 0; i < from->count; i++)
            memcpy(&to->int32_data[i], (const char *)from->data + i * width, width);
    }
}

static void pack_tensor(Pack *pack, const GraphTensor *from, Onnx__TensorProto *to)
{
    to->name = (char *)from->name;
    to->has_data_type = 1;
    to->data_type = from->type;
    to->n_dims = (size_t)from->rank;
    to->dims = (int64_t *)from->dim;
    if (from->location[0]) {
        pack_external(pack, from, to);
    } else if (from->typed) {
        pack_typed(pack, from, to);
    } else {
        to->has_raw_data = 1;
        to->raw_data.len = from->bytes;
        to->raw_data.data = from->data;
    }
}

static void pack_value(Pack *pack, const GraphTensor *from, Onnx__ValueInfoProto *to)
{
    Onnx__TensorShapeProto__Dimension *dim;
    to->name = (char *)from->name;
    to->type = cut(pack, 1, sizeof(*to->type));
    onnx__type_proto__init(to->type);
    to->type->tensor_type = cut(pack, 1, sizeof(*to->type->tensor_type));
    onnx__type_proto__tensor__init(to->type->tensor_type);
    to->type->tensor_type->has_elem_type = 1;
    to->type->tensor_type->elem_type = from->type;
    to->type->tensor_type->shape = cut(pack, 1, sizeof(*to->type->tensor_type->shape));
    onnx__tensor_shape_proto__init(to->type->tensor_type->shape);
    to->type->tensor_type->shape->n_dim = (size_t)from->rank;
    dim = MESSAGES(pack, Onnx__TensorShapeProto__Dimension, onnx__tensor_shape_proto__dimension__init,
                   to->type->tensor_type->shape->dim, from->rank);
    for (int i = 0; i < from->rank; i++) {
        dim[i].has_dim_value = from->dim[i] != 0;       // 0: open
        dim[i].dim_value = from->dim[i];
    }
}

static void pack_node(Pack *pack, const GraphNode *from, Onnx__NodeProto *to)
{
    to->name = (char *)from->name;
    to->op_type = (char *)from->type;
    to->domain = from->domain[0] ? (char *)from->domain : NULL;
    to->n_input = (size_t)from->inputs;
    to->n_output = (size_t)from->outputs;
    to->n_attribute = (size_t)from->attributes;
    if (from->scopes) {
        to->n_metadata_props = 1;
        Onnx__StringStringEntryProto *scopes =
            MESSAGES(pack, Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init, to->metadata_props, 1);
        scopes->key = (char *)"pkg.torch.onnx.name_scopes";
        scopes->value = (char *)from->scopes;
    }
    to->input = cut(pack, to->n_input, sizeof(char *));
    to->output = cut(pack, to->n_output, sizeof(char *));
    for (int i = 0; i < from->inputs; i++)
        to->input[i] = (char *)from->input[i];
    for (int i = 0; i < from->outputs; i++)
        to->output[i] = (char *)from->output[i];
    Onnx__AttributeProto *attribute =
        MESSAGES(pack, Onnx__AttributeProto, onnx__attribute_proto__init, to->attribute, from->attributes);
    for (int i = 0; i < from->attributes; i++) {
        static const int types[] = { 2, 1, 3, 7, 6, 8 };
        const GraphAttribute *a = &from->attribute[i];
        attribute[i].name = (char *)a->name;
        attribute[i].has_type = 1;
        attribute[i].type = types[a->kind];
        attribute[i].has_i = a->kind == GRAPH_INT;
        attribute[i].i = a->i;
        attribute[i].has_f = a->kind == GRAPH_FLOAT;
        attribute[i].f = a->f;
        attribute[i].has_s = a->kind == GRAPH_STRING;
        attribute[i].s.data = (uint8_t *)a->s;
        attribute[i].s.len = strlen(a->s);
        attribute[i].n_ints = a->kind == GRAPH_INTS ? (size_t)a->count : 0;
        attribute[i].ints = (int64_t *)a->ints;
        attribute[i].n_strings = a->kind == GRAPH_STRINGS ? (size_t)a->count : 0;
        attribute[i].strings = cut(pack, attribute[i].n_strings, sizeof(ProtobufCBinaryData));
        for (size_t k = 0; k < attribute[i].n_strings; k++)
            attribute[i].strings[k] = (ProtobufCBinaryData){ strlen(a->words[k]), (uint8_t *)a->words[k] };
        attribute[i].n_floats = a->kind == GRAPH_FLOATS ? (size_t)a->count : 0;
        attribute[i].floats = (float *)a->floats;
    }
}

static void pack_graph(Pack *pack, const Graph *from, Onnx__GraphProto *to)
{
    to->name = "test";
    to->n_input = (size_t)from->inputs;
    to->n_output = (size_t)from->outputs;
    to->n_initializer = (size_t)from->tensors;
    to->n_node = (size_t)from->nodes;
    Onnx__ValueInfoProto *input =
        MESSAGES(pack, Onnx__ValueInfoProto, onnx__value_info_proto__init, to->input, from->inputs);
    Onnx__ValueInfoProto *output =
        MESSAGES(pack, Onnx__ValueInfoProto, onnx__value_info_proto__init, to->output, from->outputs);
    Onnx__TensorProto *tensor = MESSAGES(pack, Onnx__TensorProto, onnx__tensor_proto__init, to->initializer,
                                         from->tensors);
    Onnx__NodeProto *node = MESSAGES(pack, Onnx__NodeProto, onnx__node_proto__init, to->node, from->nodes);
    for (int i = 0; i < from->inputs; i++)
        pack_value(pack, &from->input[i], &input[i]);
    for (int i = 0; i < from->outputs; i++)
        output[i].name = (char *)from->output[i];
    for (int i = 0; i < from->tensors; i++)
        pack_tensor(pack, &from->tensor[i], &tensor[i]);
    for (int i = 0; i < from->nodes; i++)
        pack_node(pack, &from->node[i], &node[i]);
}

uint8_t *graph_pack(const Graph *graph, size_t *size)
{
    Pack pack = { calloc(1, 1 << 20), 0, 1 << 20 };
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[1] = { &set };
    Onnx__GraphProto proto = ONNX__GRAPH_PROTO__INIT;
    Onnx__StringStringEntryProto entry[4], *entries[4];
    if (!pack.block)
        stop("out of memory");
    pack_graph(&pack, graph, &proto);
    model.has_ir_version = 1;
    model.ir_version = 8;
    model.producer_name = (char *)(graph->producer ? graph->producer : "tests");
    proto.name = (char *)(graph->name ? graph->name : "");
    for (size_t i = 0; i < 4 && graph->metadata[i][0]; i++) {
        onnx__string_string_entry_proto__init(&entry[i]);
        entry[i].key = (char *)graph->metadata[i][0];
        entry[i].value = (char *)graph->metadata[i][1];
        entries[i] = &entry[i];
        model.n_metadata_props = i + 1;
    }
    model.metadata_props = entries;
    model.graph = &proto;
    model.n_opset_import = 1;
    model.opset_import = sets;
    set.domain = "";
    set.has_version = 1;
    set.version = graph->opset;
    *size = onnx__model_proto__get_packed_size(&model);
    uint8_t *bytes = malloc(*size);
    if (!bytes)
        stop("out of memory");
    onnx__model_proto__pack(&model, bytes);
    free(pack.block);
    return bytes;
}

void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        stop("cannot write %s", path);
}

uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        stop("cannot read %s", path);
    long length = ftell(file);
    uint8_t *bytes = malloc((size_t)length + 1);
    rewind(file);
    if (!bytes || fread(bytes, 1, (size_t)length, file) != (size_t)length)
        stop("cannot read %s", path);
    fclose(file);
    *size = (size_t)length;
    return bytes;
}

void graph_save(const Graph *graph, const char *path)
{
    size_t size;
    uint8_t *bytes = graph_pack(graph, &size);
    write_file(path, bytes, size);
    free(bytes);
}
