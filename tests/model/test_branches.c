/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * If with a condition that is constant once shapes are known: scores are those of the branch that is taken, the other
 * may hold what nobody knows, names may be the same in both, and branches lie within branches. A condition that
 * depends on the picture is refused, and so are branches that are broken or nested without end.
 */
#include "ops/check.h"

#include "onnx.pb-c.h"

#include <errno.h>

enum { PICTURE = 3 * 8 * 8, CLASSES = 4 };

// Bytes of a graph, to be freed.
static ProtobufCBinaryData branch_bytes(const Onnx__GraphProto *graph)
{
    ProtobufCBinaryData bytes = { onnx__graph_proto__get_packed_size(graph), NULL };
    bytes.data = malloc(bytes.len + 1);
    onnx__graph_proto__pack(graph, bytes.data);
    return bytes;
}

static Onnx__ModelProto *model_of(const char *text)
{
    size_t size;
    Graph *graph = graph_create(17);
    graph->seed = 9;
    graph_add(graph, text);
    uint8_t *bytes = graph_pack(graph, &size);
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, bytes);
    free(bytes);
    graph_free(graph);
    return model;
}

// Gives the graph's If its branches.
static void put_branches(Onnx__GraphProto *graph, ProtobufCBinaryData then_graph, ProtobufCBinaryData else_graph)
{
    static const char *const names[2] = { "then_branch", "else_branch" };
    const ProtobufCBinaryData bytes[2] = { then_graph, else_graph };
    for (size_t i = 0; i < graph->n_node; i++) {
        Onnx__NodeProto *node = graph->node[i];
        if (strcmp(node->op_type, "If"))
            continue;
        node->n_attribute = 2;
        node->attribute = calloc(2, sizeof(*node->attribute));
        for (int k = 0; k < 2; k++) {
            node->attribute[k] = malloc(sizeof(*node->attribute[k]));
            onnx__attribute_proto__init(node->attribute[k]);
            node->attribute[k]->name = strdup(names[k]);
            node->attribute[k]->has_g = 1;
            node->attribute[k]->g.len = bytes[k].len;
            node->attribute[k]->g.data = malloc(bytes[k].len + 1);
            memcpy(node->attribute[k]->g.data, bytes[k].data, bytes[k].len);
        }
    }
}

// The bytes of a graph whose If has these branches.
static ProtobufCBinaryData with_branches(const char *text, ProtobufCBinaryData then_graph,
                                         ProtobufCBinaryData else_graph)
{
    Onnx__ModelProto *model = model_of(text);
    put_branches(model->graph, then_graph, else_graph);
    ProtobufCBinaryData bytes = branch_bytes(model->graph);
    onnx__model_proto__free_unpacked(model, NULL);
    return bytes;
}

static ProtobufCBinaryData plain(const char *text)
{
    Onnx__ModelProto *model = model_of(text);
    ProtobufCBinaryData bytes = branch_bytes(model->graph);
    onnx__model_proto__free_unpacked(model, NULL);
    return bytes;
}

// Opens a model of that text with these branches; 0 and the scores, or the error.
static int run_model(const char *text, ProtobufCBinaryData then_graph, ProtobufCBinaryData else_graph, float *scores,
                     Messages *messages)
{
    Onnx__ModelProto *proto = model_of(text);
    const GradcamModelOptions options = { .log = messages_log(messages), .labels = "none" };
    const GradcamSettings settings = { .log = messages_log(messages), .threads = 1 };
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    float picture[PICTURE];
    Random random = { 5 };
    put_branches(proto->graph, then_graph, else_graph);
    size_t size = onnx__model_proto__get_packed_size(proto), count = 0;
    uint8_t *bytes = malloc(size);
    onnx__model_proto__pack(proto, bytes);
    write_file("branches.onnx", bytes, size);
    int error = gradcam_model_open(&model, "branches.onnx", &options);
    error = error ? error : gradcam_context_open(&context, model, &settings);
    random_floats(&random, picture, PICTURE, -1, 1);
    if (!error && !(error = gradcam_context_forward_float(context, picture))) {
        const float *logits = gradcam_context_logits(context, &count);
        CHECK_INT((int)count, CLASSES);
        memcpy(scores, logits, CLASSES * sizeof(*scores));
    }
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    onnx__model_proto__free_unpacked(proto, NULL);
    free(bytes);
    unlink("branches.onnx");
    return error;
}

#define HEAD "input x 1x3x8x8; c = Conv(x, %4x3x3x3); r = Relu(c); p = GlobalAveragePool(r); v = Flatten(p);"
#define CONDITION(channels) "s = Shape(x); n = Gather(s, $1); k = Equal(n, $" channels ");"
#define TAIL "b = If(k); y = Gemm(b, %4x4); output y"

static const char three[] = HEAD CONDITION("3") TAIL, four[] = HEAD CONDITION("4") TAIL;
static const char twice[] = "m = Mul(v, =2.0); o = Neg(m); output o", square[] = "m = Mul(v, v); o = Exp(m); output o";
static const char unknown[] = "m = NoSuchOperator(v); o = Squeeze(m, #0); output o";

static void one_branch_is_taken(void)
{
    ProtobufCBinaryData a = plain(twice), b = plain(square), c = plain(unknown);
    float first[CLASSES], second[CLASSES], again[CLASSES];
    Messages messages;
    CHECK_INT(run_model(three, a, c, first, &messages), 0);
    CHECK_INT(run_model(four, c, b, second, &messages), 0);
    CHECK_INT(run_model(four, b, a, again, &messages), 0);
    CHECK(!memcmp(first, again, sizeof(first)));
    CHECK(memcmp(first, second, sizeof(first)));
    CHECK_INT(run_model(three, c, a, first, &messages), -ENOTSUP);
    CHECK(strstr(messages.text, "NoSuchOperator"));
    free(a.data);
    free(b.data);
    free(c.data);
}

static void branches_lie_within_branches(void)
{
    // What is not taken may hold an If whose own condition is not there.
    ProtobufCBinaryData a = plain(twice), b = plain(square), c = plain(unknown);
    ProtobufCBinaryData inner = with_branches(CONDITION("3") "o = If(k); output o", a, c);
    ProtobufCBinaryData broken = with_branches("q = NoSuchOperator(v); k = Cast(q) to=9; o = If(k); output o", a, b);
    float want[CLASSES], got[CLASSES];
    Messages messages;
    CHECK_INT(run_model(three, a, b, want, &messages), 0);
    CHECK_INT(run_model(three, inner, broken, got, &messages), 0);
    CHECK(!memcmp(want, got, sizeof(want)));
    free(a.data);
    free(b.data);
    free(c.data);
    free(inner.data);
    free(broken.data);
}

static void others_are_refused(void)
{
    ProtobufCBinaryData a = plain(twice), b = plain(square), two = plain("o = Neg(v); q = Exp(v); output o; output q");
    ProtobufCBinaryData junk = { 5, (uint8_t *)"\x0a\xff\x07zz" };
    float scores[CLASSES];
    Messages messages;
    CHECK_INT(run_model(HEAD "q = ReduceSum(v) keepdims=0; k = Greater(q, =0.5);" TAIL, a, b, scores, &messages),
              -ENOTSUP);
    CHECK(strstr(messages.text, "depends on the picture"));
    CHECK_INT(run_model(three, a, two, scores, &messages), -EBADMSG);
    CHECK_INT(run_model(three, junk, a, scores, &messages), -EBADMSG);
    for (int i = 0; i < 40; i++) {
        ProtobufCBinaryData deeper = with_branches("o = If(k); output o", a, b);
        free(a.data);
        a = deeper;
    }
    CHECK_INT(run_model(three, a, b, scores, &messages), -ENOTSUP);
    CHECK(strstr(messages.text, "within each other"));
    free(a.data);
    free(b.data);
    free(two.data);
}

int main(void)
{
    RUN(one_branch_is_taken);
    RUN(branches_lie_within_branches);
    RUN(others_are_refused);
    return end_cases();
}
