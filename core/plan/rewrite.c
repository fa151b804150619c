/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of rules, and what they build nodes with.
 */
#include "rewrite.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const GcamRewriteRule *const tables[] = { gcam_rewrite_rules_products, gcam_rewrite_rules_einsum,
                                                 gcam_rewrite_rules_norm, gcam_rewrite_rules_windows };

const GcamRewriteRule *gcam_rewrite_rule_at(size_t index)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        for (const GcamRewriteRule *rule = tables[i]; rule->type; rule++)
            if (!index--)
                return rule;
    return NULL;
}

static const GcamRewriteRule *find(const char *type)
{
    const GcamRewriteRule *rule;
    for (size_t i = 0; (rule = gcam_rewrite_rule_at(i)); i++)
        if (!strcmp(rule->type, type))
            return rule;
    return NULL;
}

int gcam_rewrite(GcamGraph *graph, int index, const GradcamLog *log, GcamRewriteVisit visit, void *opaque)
{
    const GcamNode *node = &graph->node[index];
    const GcamRewriteRule *rule = node->domain[0] ? NULL : find(node->type);
    if (!rule || node->outputs < 1 || node->output[0] < 0)
        return 0;
    GcamRewrite rewrite = { .whole = *node, .visit = visit, .opaque = opaque };
    rewrite.infer = (GcamInfer){ graph, &rewrite.whole, log };
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i] >= 0 && gcam_shape_count(&graph->value[node->input[i]].shape) == 0)
            return 0;                           // the operator itself says what is wrong with nothing
    return rule->apply(&rewrite);
}

const GcamShape *gcam_rewrite_shape(const GcamRewrite *rewrite, int value)
{
    static const GcamShape none = { 0 };
    return value < 0 ? &none : &rewrite->infer.graph->value[value].shape;
}

// ------------------------------------------------------------------------------------------------------------- nodes

static int fail(GcamRewrite *rewrite, int error)
{
    if (!rewrite->error)
        rewrite->error = error;
    return -1;
}

// Fills in the node of that index. 0 or -ENOMEM.
static int make(GcamGraph *graph, int index, const GcamNode *whole, const char *type, int inputs, const int *input,
                int attributes, const GcamAttribute *attribute, int output)
{
    GcamAttribute *kept = gcam_arena_alloc(&graph->arena, (size_t)attributes + 1, sizeof(*kept));
    int *io = gcam_arena_alloc(&graph->arena, (size_t)inputs + 1, sizeof(*io));
    if (!kept || !io)
        return -ENOMEM;
    memcpy(io, input, (size_t)inputs * sizeof(*io));
    io[inputs] = output;
    if (attributes)
        memcpy(kept, attribute, (size_t)attributes * sizeof(*kept));
    graph->node[index] = (GcamNode){ .name = whole->name, .type = type, .domain = "", .input = io, .inputs = inputs,
                                     .output = io + inputs, .outputs = 1, .attribute = kept, .attributes = attributes };
    return 0;
}

// A value on the way to the node's output, by the name of that and a number.
static int add_part(GcamRewrite *rewrite)
{
    GcamGraph *graph = rewrite->infer.graph;
    const char *of = graph->value[rewrite->whole.output[0]].name;
    size_t room = strlen(of) + 16;
    char *name = gcam_arena_alloc(&graph->arena, room, 1);
    if (!name)
        return -ENOMEM;
    snprintf(name, room, "%s.%d", of, ++rewrite->parts);
    return gcam_graph_add_value(graph, name);
}

int gcam_rewrite_add(GcamRewrite *rewrite, const char *type, int inputs, const int *input, int attributes,
                     const GcamAttribute *attribute, int output)
{
    GcamGraph *graph = rewrite->infer.graph;
    int index, resolved, error;
    if (rewrite->error)
        return -1;
    if (output < 0 && (output = add_part(rewrite)) < 0)
        return fail(rewrite, output);
    if ((index = gcam_graph_add_node(graph)) == -EOVERFLOW)
        return fail(rewrite, gcam_infer_unsupported(&rewrite->infer, "the graph has too many nodes"));
    if (index < 0)
        return fail(rewrite, index);
    if ((error = make(graph, index, &rewrite->whole, type, inputs, input, attributes, attribute, output)) < 0)
        return fail(rewrite, error);
    graph->value[output].node = index;
    error = rewrite->visit(rewrite->opaque, index, &resolved);
    return error ? fail(rewrite, error) : resolved;
}

GcamAttribute gcam_rewrite_ints(GcamRewrite *rewrite, const char *name, const int64_t *list, int count)
{
    int64_t *kept = gcam_arena_alloc(&rewrite->infer.graph->arena, (size_t)count + 1, sizeof(*kept));
    if (!kept) {
        fail(rewrite, -ENOMEM);
        return (GcamAttribute){ .name = name };
    }
    memcpy(kept, list, (size_t)count * sizeof(*kept));
    return (GcamAttribute){ .name = name, .ints = kept, .int_count = (size_t)count };
}

int gcam_rewrite_unary(GcamRewrite *rewrite, const char *type, int a, int output)
{
    return gcam_rewrite_add(rewrite, type, 1, &a, 0, NULL, output);
}

int gcam_rewrite_binary(GcamRewrite *rewrite, const char *type, int a, int b, int output)
{
    return gcam_rewrite_add(rewrite, type, 2, (const int[2]){ a, b }, 0, NULL, output);
}

int gcam_rewrite_reshape(GcamRewrite *rewrite, int a, const GcamShape *shape, int output)
{
    int64_t list[GCAM_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        list[i] = (int64_t)shape->dim[i];
    return gcam_rewrite_binary(rewrite, "Reshape", a, gcam_rewrite_list(rewrite, list, (size_t)shape->rank), output);
}

int gcam_rewrite_transpose(GcamRewrite *rewrite, int a, const int *perm, int output)
{
    const int rank = gcam_rewrite_shape(rewrite, a)->rank;
    int64_t list[GCAM_MAX_RANK];
    for (int i = 0; i < rank; i++)
        list[i] = perm[i];
    const GcamAttribute attribute = gcam_rewrite_ints(rewrite, "perm", list, rank);
    return gcam_rewrite_add(rewrite, "Transpose", 1, &a, 1, &attribute, output);
}

int gcam_rewrite_reduce(GcamRewrite *rewrite, const char *type, int a, int axis, int count, int keepdims)
{
    // Axes are an input since.
    const int since = strcmp(type, "ReduceSum") ? 18 : 13, is_input = rewrite->infer.graph->opset >= since;
    int64_t axes[GCAM_MAX_RANK];
    for (int i = 0; i < count; i++)
        axes[i] = axis + i;
    const GcamAttribute attribute[2] = { { .name = "keepdims", .i = keepdims },
                                         gcam_rewrite_ints(rewrite, "axes", axes, count) };
    const int input[2] = { a, is_input ? gcam_rewrite_list(rewrite, axes, (size_t)count) : -1 };
    return gcam_rewrite_add(rewrite, type, 1 + is_input, input, 2 - is_input, attribute, -1);
}

int gcam_rewrite_end(const GcamRewrite *rewrite)
{
    return rewrite->error ? rewrite->error : 1;
}

// --------------------------------------------------------------------------------------------------------- constants

static int constant(GcamRewrite *rewrite, int type, const GcamShape *shape, const void *data)
{
    GcamGraph *graph = rewrite->infer.graph;
    int index = rewrite->error || !data ? -ENOMEM : gcam_graph_add_value(graph, "");
    if (index < 0)
        return fail(rewrite, index);
    graph->value[index].type = type;
    graph->value[index].shape = *shape;
    graph->value[index].data = data;
    return index;
}

int gcam_rewrite_floats(GcamRewrite *rewrite, const GcamShape *shape, float **data)
{
    *data = gcam_arena_alloc(&rewrite->infer.graph->arena, gcam_shape_count(shape), sizeof(**data));
    return constant(rewrite, GCAM_TYPE_FLOAT, shape, *data);
}

int gcam_rewrite_number(GcamRewrite *rewrite, float number)
{
    const GcamShape scalar = { 0 };
    float *data;
    int value = gcam_rewrite_floats(rewrite, &scalar, &data);
    if (value >= 0)
        *data = number;
    return value;
}

int gcam_rewrite_list(GcamRewrite *rewrite, const int64_t *list, size_t count)
{
    const GcamShape shape = { 1, { count } };
    int64_t *data = gcam_arena_alloc(&rewrite->infer.graph->arena, count + 1, sizeof(*data));
    if (data && count)
        memcpy(data, list, count * sizeof(*data));
    return constant(rewrite, GCAM_TYPE_INT64, &shape, data);
}
