/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Nodes and constants of a chain; all memory is the graph's.
 */
#include "chain.h"

#include "base/enum_names.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int gcam_chain_input(const GcamChain *chain, int input)
{
    return input < chain->whole.inputs ? chain->whole.input[input] : -1;
}

int gcam_chain_output(const GcamChain *chain, int output)
{
    return output < chain->whole.outputs ? chain->whole.output[output] : -1;
}

static void *allocate(GcamChain *chain, size_t count, size_t size)
{
    void *block = chain->error ? NULL : gcam_arena_alloc(&chain->graph->arena, count, size);
    if (!block)
        chain->error = -ENOMEM;
    return block;
}

static int add_value(GcamChain *chain, const char *name)
{
    int value = chain->error ? -1 : gcam_graph_add_value(chain->graph, name);
    if (value < 0)
        chain->error = -ENOMEM;
    return value;
}

// A value on the way, by the name of the first output and a number.
static int add_part(GcamChain *chain)
{
    const int first = gcam_chain_output(chain, 0);
    const char *of = first < 0 ? "" : chain->graph->value[first].name;
    size_t room = strlen(of) + 16;
    char *name = allocate(chain, room, 1);
    if (name)
        snprintf(name, room, "%s.%d", of, ++chain->parts);
    return add_value(chain, name);
}

// Lists are copied too; strings are not, they are the file's or the program's.
static void copy_attributes(GcamChain *chain, GcamNode *node, const GcamAttribute *attribute)
{
    int count = 0;
    while (attribute && attribute[count].name)
        count++;
    GcamAttribute *copy = allocate(chain, (size_t)count + 1, sizeof(*copy));
    for (int i = 0; copy && i < count; i++) {
        int64_t *ints = attribute[i].int_count ? allocate(chain, attribute[i].int_count, sizeof(*ints)) : NULL;
        copy[i] = attribute[i];
        if (ints)
            memcpy(ints, attribute[i].ints, attribute[i].int_count * sizeof(*ints));
        copy[i].ints = ints;
    }
    node->attribute = copy;
    node->attributes = copy ? count : 0;
}

void gcam_chain_add(GcamChain *chain, const char *type, const GcamAttribute *attribute, int inputs, const int *input,
                    int outputs, int *output)
{
    int *io = allocate(chain, (size_t)inputs + (size_t)outputs, sizeof(*io));
    int index = io ? gcam_graph_add_node(chain->graph) : -1;
    for (int i = 0; i < outputs; i++)
        if (output[i] < 0)
            output[i] = add_part(chain);
    if (index < 0 && !chain->error)
        chain->error = index;
    if (chain->error)
        return;
    memcpy(io, input, (size_t)inputs * sizeof(*io));
    memcpy(io + inputs, output, (size_t)outputs * sizeof(*io));
    GcamNode *node = &chain->graph->node[index];
    *node = (GcamNode){ .name = chain->whole.name, .scopes = chain->whole.scopes, .type = type, .domain = "",
                        .input = io, .inputs = inputs, .output = io + inputs, .outputs = outputs };
    copy_attributes(chain, node, attribute);
    for (int i = 0; i < outputs; i++)
        chain->graph->value[output[i]].node = index;
}

int gcam_chain_node(GcamChain *chain, const char *type, int to, const GcamAttribute *attribute, int inputs,
                    const int *input)
{
    gcam_chain_add(chain, type, attribute, inputs, input, 1, &to);
    return to;
}

const GcamAttribute *gcam_chain_attributes(const GcamChain *chain)
{
    return chain->whole.attribute;      // the importer's list, which ends with zeros
}

int gcam_chain_number(GcamChain *chain, float number)
{
    float *data = allocate(chain, 1, sizeof(*data));
    int index = add_value(chain, "");
    if (!data || index < 0)
        return -1;
    *data = number;
    chain->graph->value[index].type = GCAM_TYPE_FLOAT;
    chain->graph->value[index].data = data;
    return index;
}

int gcam_chain_ints(GcamChain *chain, int count, const int64_t *list)
{
    int64_t *data = allocate(chain, (size_t)count + 1, sizeof(*data));
    int index = add_value(chain, "");
    if (!data || index < 0)
        return -1;
    memcpy(data, list, (size_t)count * sizeof(*data));
    GcamValue *value = &chain->graph->value[index];
    value->type = GCAM_TYPE_INT64;
    value->shape = (GcamShape){ 1, { (size_t)count } };
    value->data = data;
    return index;
}

int gcam_chain_activation(GcamChain *chain, const char *type, float alpha, float beta, int x, int to)
{
    static const char *const known[] = { "Relu", "Tanh", "Sigmoid", "LeakyRelu", "HardSigmoid", "Elu", "Selu",
                                         "Softplus", "Softsign", "ThresholdedRelu", "HardSwish" };
    GcamAttribute attribute[3] = { { 0 } };
    int count = 0, which = GCAM_ENUM_FIND(known, type);
    if (!strcmp(type, "Clip"))
        return NODE(chain, "Clip", to, NULL, x, gcam_chain_number(chain, isnan(alpha) ? -INFINITY : alpha),
                    gcam_chain_number(chain, isnan(beta) ? INFINITY : beta));
    if (!type[0] && to < 0)
        return x;
    if (!type[0])
        return NODE(chain, "Identity", to, NULL, x);
    if (which < 0) {
        chain->refusal = "this activation";
        return x;
    }
    if (!isnan(alpha))
        attribute[count++] = (GcamAttribute)FLOAT("alpha", alpha);
    if (!isnan(beta))
        attribute[count++] = (GcamAttribute)FLOAT("beta", beta);
    return gcam_chain_node(chain, known[which], to, attribute, 1, &x);
}
