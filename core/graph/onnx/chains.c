/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators of any number of inputs as chains of those of two: Sum of a, b, c is Add(Add(a, b), c), Max and Min alike,
 * and Mean is that of a Sum times a constant. Everything that is known of Add, gradients and what it is fused with,
 * thus holds for them too. Of one input they are Identity.
 */
#include "chains.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *type, *by;
    int mean;
} chains[] = {
    { "Sum", "Add", 0 }, { "Mean", "Add", 1 }, { "Max", "Max", 0 }, { "Min", "Min", 0 },
};

// The row of a node that is to become a chain, or -1.
static int find(const char *type, const char *domain, size_t inputs)
{
    if ((domain[0] && strcmp(domain, "ai.onnx")) || !inputs)
        return -1;
    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
        if (!strcmp(chains[i].type, type))
            return inputs == 2 && !strcmp(chains[i].by, type) ? -1 : (int)i;
    return -1;
}

size_t gcam_onnx_chain_nodes(const char *type, const char *domain, size_t inputs)
{
    int row = find(type, domain, inputs);
    return row < 0 || inputs == 1 ? 1 : inputs - 1 + (size_t)chains[row].mean;
}

// A constant of one number.
static int add_constant(GcamGraph *graph, float number)
{
    float *data = gcam_arena_alloc(&graph->arena, 1, sizeof(*data));
    int index = data ? gcam_graph_add_value(graph, "") : -ENOMEM;
    if (index < 0)
        return index;
    *data = number;
    graph->value[index].type = GCAM_TYPE_FLOAT;
    graph->value[index].data = data;
    return index;
}

// A value on the way to `result`, by the name of that and a number.
static int add_part(GcamGraph *graph, int result, int number)
{
    const char *of = graph->value[result].name;
    size_t room = strlen(of) + 16;
    char *name = gcam_arena_alloc(&graph->arena, room, 1);
    if (!name)
        return -ENOMEM;
    snprintf(name, room, "%s.%d", of, number);
    return gcam_graph_add_value(graph, name);
}

// Makes `node` one of two inputs. Its output, or -ENOMEM.
static int make(GcamGraph *graph, GcamNode *node, const GcamNode *like, const char *type, int a, int b, int to)
{
    int *io = gcam_arena_alloc(&graph->arena, 3, sizeof(*io));
    if (!io || to < 0)
        return -ENOMEM;
    io[0] = a;
    io[1] = b;
    io[2] = to;
    *node = (GcamNode){ .name = like->name, .type = type, .domain = "", .input = io, .inputs = 2, .output = io + 2,
                        .outputs = 1 };
    graph->value[to].node = (int)(node - graph->node);
    return to;
}

int gcam_onnx_chain(GcamGraph *graph, int index)
{
    GcamNode *node = &graph->node[index];
    const GcamNode whole = *node;
    int row = find(whole.type, whole.domain, (size_t)whole.inputs);
    if (row < 0 || whole.outputs != 1 || whole.output[0] < 0)
        return 1;
    if (whole.inputs == 1) {
        node->type = "Identity";
        return 1;
    }
    int last = whole.inputs - 1, sum = whole.input[0], made = 0;
    for (int i = 1; i <= last; i++) {
        int output = i == last && !chains[row].mean ? whole.output[0] : add_part(graph, whole.output[0], i);
        sum = make(graph, node + made++, &whole, chains[row].by, sum, whole.input[i], output);
        if (sum < 0)
            return sum;
    }
    if (!chains[row].mean)
        return made;
    int share = add_constant(graph, 1.0f / (float)whole.inputs);
    int error = share < 0 ? share : make(graph, node + made++, &whole, "Mul", sum, share, whole.output[0]);
    return error < 0 ? error : made;
}
