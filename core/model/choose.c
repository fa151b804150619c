/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The layer that is explained where nobody names one: what a user of PyTorch would point at.
 *
 * Of a convolutional network it is the last tensor with rows and columns that is not merely pooled, taken after its
 * activation (Selvaraju et al. 2017, section 3), and that is not the classes' own score maps: there the gradient is the
 * same constant for any picture, and nothing speaks against a class. Of a transformer it is the tokens that enter the
 * last attention: behind it, what is not the class token may not count any more. Of networks that work on tokens
 * without attention it is the last tokens through which all goes. A network can have all of them: the later one is
 * taken, but nothing that lies inside of a block, with a way round it, where tokens are at hand.
 */
#include "layers.h"

#include "base/log.h"
#include "base/mem.h"
#include "ops/ops.h"

#include <errno.h>
#include <string.h>

// Operators behind a layer from which on it may be far from the scores: the heads of small networks have fewer.
enum { MANY_BEHIND = 32 };

// Values from which weights are yet to come.
static void mark_before_weights(const GcamGraph *graph, char *before)
{
    for (int i = graph->nodes - 1; i >= 0; i--) {
        const GcamNode *node = &graph->node[i];
        int is_before = 0;
        for (int k = 0; k < node->outputs; k++)
            is_before |= node->output[k] >= 0 && before[node->output[k]];
        for (int j = 0; j < node->inputs; j++)
            if (node->input[j] >= 0 && (is_before || (j == 0 && node->op->flags & GCAM_OP_WEIGHTS)))
                before[node->input[j]] = 1;
    }
}

// *last: by value, the last node that reads it on the way to the logits; -1: none does.
static void find_readers(const GcamGraph *graph, const char *marks, int *last)
{
    for (int i = 0; i < graph->values; i++)
        last[i] = -1;
    for (int i = 0; i < graph->nodes; i++) {
        const GcamNode *node = &graph->node[i];
        int leads = 0;
        for (int k = 0; k < node->outputs; k++)
            leads |= node->output[k] >= 0 && marks[node->output[k]];
        for (int j = 0; leads && j < node->inputs; j++)
            if (node->input[j] >= 0)
                last[node->input[j]] = i;
    }
}

// A value is a cut where no other one that depends on the picture is made before it and read after it. `open` counts,
// by node, the values that are made there or earlier and read later; the picture is made before all nodes.
int gcam_layers_mark_cuts(const GradcamModel *model, char *cut)
{
    const GcamGraph *graph = &model->graph;
    const size_t values = (size_t)graph->values, nodes = (size_t)graph->nodes;
    char *marks = gcam_calloc(values, 1);
    int *last = gcam_calloc(values, sizeof(*last)), *open = gcam_calloc(nodes + 2, sizeof(*open));
    const int error = !marks || !last || !open ? -ENOMEM : 0;
    if (!error) {
        gcam_model_mark_between(model, marks);
        find_readers(graph, marks, last);
        for (int i = 0; i < graph->values; i++)
            if (marks[i] && last[i] > graph->value[i].node) {
                open[graph->value[i].node + 1]++;
                open[last[i] + 1]--;
            }
        for (size_t i = 1; i < nodes + 1; i++)
            open[i] += open[i - 1];
        for (int i = 0; i < graph->values; i++)
            cut[i] = marks[i] && open[graph->value[i].node + 1] == (last[i] > graph->value[i].node);
    }
    gcam_free(marks);
    gcam_free(last);
    gcam_free(open);
    return error;
}

// The last layer of which `wanted` is true, of those from which weights are yet to come, or of all where `before` is
// NULL. -1: there is none; the picture is none.
static int last_layer(const GradcamModel *model, const char *wanted, const char *before)
{
    for (size_t i = model->layers; i-- > 1;)
        if (wanted[model->layer_value[i]] && (!before || before[model->layer_value[i]]))
            return (int)i;
    return -1;
}

static int index_of(const GradcamModel *model, int value)
{
    for (size_t i = 1; value >= 0 && i < model->layers; i++)
        if (model->layer_value[i] == value)
            return (int)i;
    return -1;
}

// Generalised-mean pooling (Radenovic et al. 2019, equation 3) is the mean of powers of what it clamps from below:
// those belong to the pooling, and what they are made of is the layer.
static int before_powers(const GradcamModel *model, int layer)
{
    const GcamGraph *graph = &model->graph;
    int value = layer < 0 ? -1 : model->layer_value[layer], node = value < 0 ? -1 : graph->value[value].node;
    if (node < 0 || strcmp(graph->node[node].op->type, "Pow"))
        return layer;
    value = graph->node[node].input[0];
    node = graph->value[value].node;
    if (node >= 0 && (!strcmp(graph->node[node].op->type, "Clip") || !strcmp(graph->node[node].op->type, "Max")))
        value = graph->node[node].input[0];
    const int index = index_of(model, value);
    return index < 0 ? layer : index;
}

int gcam_layers_choose(const GradcamModel *model, const char *needed, const GcamTokens *tokens, int *chosen)
{
    const GcamGraph *graph = &model->graph;
    const size_t n = (size_t)graph->values;
    char *cut = gcam_calloc(4 * n, 1), *before = cut + n, *is_map = cut + 2 * n, *is_list = cut + 3 * n;
    int error = cut ? gcam_layers_mark_cuts(model, cut) : -ENOMEM;
    *chosen = -1;
    if (error)
        goto end;
    mark_before_weights(graph, before);
    for (size_t i = 1; i < model->layers; i++) {
        const int value = model->layer_value[i];
        is_list[value] = (char)gcam_tokens_between_blocks(graph, value, cut, tokens);
        is_map[value] = !tokens[value].is_layer &&
                        !(graph->node[graph->value[value].node].op->flags & GCAM_OP_POOLS);
    }
    const int map = before_powers(model, last_layer(model, is_map, before));
    int list = index_of(model, gcam_tokens_choose(graph, needed, cut, tokens));
    if (list < 0)
        list = last_layer(model, is_list, before);
    *chosen = list >= 0 && (list > map || !cut[model->layer_value[map]]) ? list : map;
    if (*chosen < 0)                            // score maps: better than nothing
        *chosen = last_layer(model, is_map, NULL);
end:
    gcam_free(cut);
    return error;
}

void gcam_layers_warn_early(const GradcamModel *model, const GradcamLog *log)
{
    const GcamGraph *graph = &model->graph;
    const GradcamLayer *layer = &model->layer[model->default_layer];
    const int behind = graph->nodes - 1 - graph->value[model->layer_value[model->default_layer]].node;
    if (behind >= MANY_BEHIND && behind > graph->nodes / 4 * 3)
        gcam_log(log, GRADCAM_LOG_WARNING, "the automatic layer '%s' lies before %d of the %d operators of '%s': "
                 "behind it no rows and columns are known, so that a map tells of the first part of the network only",
                 layer->name, behind, graph->nodes, model->info.name);
}
