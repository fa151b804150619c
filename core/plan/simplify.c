/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the graph as exported to the graph as run: one walk in order of computation resolves aliases, folds what is
 * constant (shape arithmetic disappears here), finds each operator and infers its shapes; then nodes that no output
 * needs are dropped.
 */
#include "simplify.h"

#include "base/log.h"
#include "base/mem.h"
#include "fold.h"
#include "ops/ops.h"

#include <errno.h>
#include <string.h>

static int is_cast_to_float(const GcamNode *node)
{
    return !strcmp(node->type, "Cast") && gcam_data_is_float((int)gcam_node_int(node, "to", GCAM_TYPE_NONE));
}

// Nodes whose output is their input when a network runs: alias[output] = input.
static int does_nothing(const GcamNode *node)
{
    return !strcmp(node->type, "Identity") || !strcmp(node->type, "Dropout") || is_cast_to_float(node);
}

static int unsupported(const GcamGraph *graph, const GcamNode *node, const GradcamLog *log)
{
    gcam_log(log, GRADCAM_LOG_ERROR, "node '%s': operator %s%s%s (opset %d) is not supported", node->name,
             node->domain, node->domain[0] ? "." : "", node->type, graph->opset);
    return -ENOTSUP;
}

static int visit(GcamGraph *graph, int index, int *alias, const GradcamLog *log)
{
    GcamNode *node = &graph->node[index];
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i] >= 0)
            node->input[i] = alias[node->input[i]];
    int folded = node->domain[0] ? 0 : gcam_graph_fold(graph, index, log);
    if (folded)
        return folded < 0 ? folded : 0;
    if (!node->domain[0] && does_nothing(node) && node->inputs && node->input[0] >= 0 && node->outputs &&
        node->output[0] >= 0) {
        alias[node->output[0]] = graph->value[node->output[0]].alias = node->input[0];
        return 0;
    }
    node->op = node->domain[0] ? NULL : gcam_op_find(node->type);
    if (!node->op)
        return unsupported(graph, node, log);
    GcamInfer infer = { graph, node, log };
    for (int i = 0; i < node->inputs; i++) {
        const GcamValue *value = gcam_infer_input(&infer, i);
        if (value && !value->data && value->type != GCAM_TYPE_FLOAT)
            return gcam_infer_bad(&infer, "input '%s' has no value", value->name);
    }
    return node->op->infer(&infer);
}

static void mark(const GcamGraph *graph, int value, char *needed)
{
    if (graph->value[value].node >= 0)
        needed[graph->value[value].node] = 1;
}

int gcam_graph_simplify(GcamGraph *graph, const GradcamLog *log)
{
    int error = -ENOMEM, kept = 0;
    int *alias = gcam_alloc(graph->values, sizeof(*alias));
    int *moved = gcam_alloc(graph->nodes, sizeof(*moved));
    char *needed = gcam_calloc(graph->nodes, 1);
    if (!alias || !moved || !needed)
        goto end;
    for (int i = 0; i < graph->values; i++)
        alias[i] = i;
    for (int i = 0; i < graph->nodes; i++) {
        error = visit(graph, i, alias, log);
        if (error)
            goto end;
    }
    for (int i = 0; i < graph->outputs; i++) {
        graph->output[i] = alias[graph->output[i]];
        mark(graph, graph->output[i], needed);
    }
    for (int i = graph->nodes - 1; i >= 0; i--)
        for (int j = 0; needed[i] && j < graph->node[i].inputs; j++)
            if (graph->node[i].input[j] >= 0)
                mark(graph, graph->node[i].input[j], needed);
    for (int i = 0; i < graph->nodes; i++) {
        moved[i] = needed[i] && graph->node[i].op ? kept : -1;
        if (moved[i] >= 0)
            graph->node[kept++] = graph->node[i];
    }
    graph->nodes = kept;
    for (int i = 0; i < graph->values; i++)
        if (graph->value[i].node >= 0)
            graph->value[i].node = moved[graph->value[i].node];
    error = 0;
end:
    gcam_free(alias);
    gcam_free(moved);
    gcam_free(needed);
    return error;
}
