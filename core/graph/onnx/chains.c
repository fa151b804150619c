/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tables of rules, and operators of any number of inputs as chains of those of two: Sum of a, b, c is
 * Add(Add(a, b), c), Max and Min alike, and Mean is that of a Sum times a constant. Everything that is known of Add,
 * gradients and what it is fused with, thus holds for them too. Of one input they are Identity.
 */
#include "chains.h"

#include "chain.h"

#include <errno.h>
#include <string.h>

// Of two inputs Max and Min are operators themselves.
static void make_several(GcamChain *chain)
{
    const GcamNode *whole = &chain->whole;
    const char *by = gcam_chain_rule(whole->domain, whole->type)->data;
    const int last = whole->inputs - 1, mean = !strcmp(whole->type, "Mean"), to = gcam_chain_output(chain, 0);
    int sum = gcam_chain_input(chain, 0);
    if (last < 1)
        NODE(chain, "Identity", to, NULL, sum);
    for (int i = 1; i <= last; i++)
        sum = NODE(chain, by, i == last && !mean ? to : GCAM_CHAIN_PART, NULL, sum, whole->input[i]);
    if (last > 0 && mean)
        NODE(chain, "Mul", to, NULL, sum, gcam_chain_number(chain, 1.0f / (float)whole->inputs));
}

const GcamChainRule gcam_chains_several[] = {
    { "", "Sum", make_several, "Add" }, { "", "Mean", make_several, "Add" }, { "", "Max", make_several, "Max" },
    { "", "Min", make_several, "Min" }, { 0 },
};

const GcamChainRule *gcam_chain_rule_at(size_t index)
{
    static const GcamChainRule *const tables[] = { gcam_chains_several, gcam_chains_quantised, gcam_chains_fused,
                                                  gcam_chains_attention };
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const GcamChainRule *rule = tables[t]; rule->type; rule++)
            if (!index--)
                return rule;
    return NULL;
}

const GcamChainRule *gcam_chain_rule(const char *domain, const char *type)
{
    const GcamChainRule *rule;
    for (size_t i = 0; (rule = gcam_chain_rule_at(i)); i++)
        if (!strcmp(rule->type, type) && !strcmp(rule->domain, domain))
            return rule;
    return NULL;
}

int gcam_onnx_chain(GcamGraph *graph, int index)
{
    GcamChain chain = { .graph = graph, .whole = graph->node[index] };
    const GcamChainRule *rule = gcam_chain_rule(chain.whole.domain, chain.whole.type);
    if (!rule || !chain.whole.inputs || gcam_chain_output(&chain, 0) < 0)
        return 0;
    const int values = graph->values;
    graph->nodes = index;
    rule->make(&chain);
    if (!chain.refusal || chain.error)
        return chain.error;
    graph->nodes = index + 1;           // as it was
    graph->node[index] = chain.whole;
    graph->node[index].refusal = chain.refusal;
    for (int i = values; i < graph->values; i++)
        graph->value[i].node = -1;
    for (int i = 0; i < chain.whole.outputs; i++)
        if (chain.whole.output[i] >= 0)
            graph->value[chain.whole.output[i]].node = index;
    return 0;
}
