/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Making a chain: a rule is told the whole node and adds nodes of simpler operators, one after the other. Values are
 * named by their index; what a node computes is a new value, by the name of the whole's output and a number, unless it
 * is an output of the whole.
 *
 * An error is kept in the chain: a rule need not look, and goes on with values that are left out.
 */
#ifndef GCAM_GRAPH_ONNX_CHAIN_H
#define GCAM_GRAPH_ONNX_CHAIN_H

#include "graph/graph.h"

typedef struct GcamChain {
    GcamGraph *graph;
    GcamNode whole;             // what is to become a chain
    int parts;                  // values made on the way
    int error;                  // 0, -ENOMEM, or -EOVERFLOW: the graph has too many nodes
    const char *refusal;        // set by the rule: what of the node is not supported
} GcamChain;

// A rule, where it stands in a table; a type of NULL ends that. Shapes are not known yet: a rule that needs them
// computes with Shape, which is folded later.
typedef struct GcamChainRule {
    const char *domain, *type;
    void (*make)(GcamChain *chain);
    const void *data;           // what tells the members of a family apart: chain_rule(chain)->data
} GcamChainRule;

extern const GcamChainRule gcam_chains_several[], gcam_chains_quantised[], gcam_chains_fused[],
                           gcam_chains_attention[];

// The rules one after the other, NULL past the last; and that of a node, or NULL.
const GcamChainRule *gcam_chain_rule_at(size_t index);
const GcamChainRule *gcam_chain_rule(const char *domain, const char *type);

enum { GCAM_CHAIN_PART = -1 };  // as an output: a new value

// Inputs and outputs of the whole; -1 where one is left out. An output of -1 is a new value, if a node is to make it.
int gcam_chain_input(const GcamChain *chain, int input);
int gcam_chain_output(const GcamChain *chain, int output);

// A node. Attributes end with a name of NULL, and are copied; NULL for none. Of several outputs, those of -1 are set to
// new values.
void gcam_chain_add(GcamChain *chain, const char *type, const GcamAttribute *attribute, int inputs, const int *input,
                    int outputs, int *output);
// Of one output, which is returned.
int gcam_chain_node(GcamChain *chain, const char *type, int to, const GcamAttribute *attribute, int inputs,
                    const int *input);

// NODE(chain, "Add", to, NULL, a, b): the value that the node makes. ATTRIBUTES(INT("axis", 1), ..): its attributes.
#define NODE(chain, type, to, attributes, ...) \
    gcam_chain_node(chain, type, to, attributes, (int)(sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int)), \
                    (const int[]){ __VA_ARGS__ })
#define ATTRIBUTES(...) ((const GcamAttribute[]){ __VA_ARGS__, { .name = NULL } })
#define INT(name_, value) { .name = name_, .i = value }
#define FLOAT(name_, value) { .name = name_, .f = value }
#define STRING(name_, value) { .name = name_, .s = value }
#define INTS(name_, ...) \
    { .name = name_, .ints = (const int64_t[]){ __VA_ARGS__ }, \
      .int_count = sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t) }

// The attributes of the whole, for a node that has the same.
const GcamAttribute *gcam_chain_attributes(const GcamChain *chain);

// Constants: a number; a list of integers.
int gcam_chain_number(GcamChain *chain, float number);
int gcam_chain_ints(GcamChain *chain, int count, const int64_t *list);
#define LIST(chain, ...) \
    gcam_chain_ints(chain, (int)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), \
                    (const int64_t[]){ __VA_ARGS__ })

// The result of an activation by that name, with attributes alpha and beta where they are not NAN; x itself for "".
// Anything else is refused.
int gcam_chain_activation(GcamChain *chain, const char *type, float alpha, float beta, int x, int to);

#endif
