/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the graph as exported to the graph as run: a walk in order of computation resolves aliases, folds what is
 * constant (shape arithmetic disappears here), writes some operators as several others (rewrite.h), finds each
 * operator and infers its shapes; then nodes that no output needs are dropped.
 *
 * Only what the scores need has to be understood, and is walked first. Beside it and behind it an operator that is not
 * supported is lost, and with it what is computed of it, outputs included. Scores are the first output, or the tensor
 * that the user names.
 *
 * Afterwards every node that is left has its operator and parameters, each of its inputs is a constant or float32 with
 * a shape, and no input of theirs or output of the graph is the name of a value that only was another's.
 */
#include "simplify.h"

#include "base/enum_names.h"
#include "base/log.h"
#include "base/mem.h"
#include "fold.h"
#include "fold_run.h"
#include "ops/ops.h"
#include "rewrite.h"

#include <errno.h>
#include <string.h>

static int is_cast_to_float(const GcamNode *node)
{
    return !strcmp(node->type, "Cast") && gcam_data_is_float((int)gcam_node_int(node, "to", GCAM_TYPE_NONE));
}

// As in training: it draws what to leave out.
static int is_dropout_of_training(const GcamGraph *graph, const GcamNode *node)
{
    const GcamValue *training = node->inputs > 2 && node->input[2] >= 0 ? &graph->value[node->input[2]] : NULL;
    return !strcmp(node->type, "Dropout") && training && (!training->data || gcam_constant_int(training, 0));
}

// Nodes whose output is their input when a network runs: alias[output] = input.
static int does_nothing(const GcamGraph *graph, const GcamNode *node)
{
    return !strcmp(node->type, "Identity") || is_cast_to_float(node) ||
           (!strcmp(node->type, "Dropout") && !is_dropout_of_training(graph, node));
}

// An Expand, shapes inferred, to the shape that there is.
static int is_expand_of_nothing(const GcamGraph *graph, const GcamNode *node)
{
    const GcamValue *from = &graph->value[node->input[0]], *to = &graph->value[node->output[0]];
    return !strcmp(node->type, "Expand") && !from->data && gcam_shape_equal(&from->shape, &to->shape);
}

// Outputs that an operator does not make, as indices of a pool and what training is told: a node that takes one is told
// that it has no value.
static void drop_outputs_not_made(const GcamGraph *graph, GcamNode *node)
{
    for (int i = 1; i < node->outputs; i++)
        if (node->output[i] >= 0 && graph->value[node->output[i]].type == GCAM_TYPE_NONE)
            node->output[i] = -1;
}

static int unsupported(const GcamGraph *graph, const GcamNode *node, const GradcamLog *log)
{
    if (is_dropout_of_training(graph, node))
        return gcam_fail(log, -ENOTSUP, "node '%s': Dropout is as in training: export the network in its evaluation "
                         "mode", node->name);
    if (node->refusal)
        return gcam_fail(log, -ENOTSUP, "node '%s': operator %s%s%s with %s is not supported", node->name,
                         node->domain, node->domain[0] ? "." : "", node->type, node->refusal);
    return gcam_fail(log, -ENOTSUP, "node '%s': operator %s%s%s (opset %d) is not supported", node->name,
                     node->domain, node->domain[0] ? "." : "", node->type, graph->opset);
}

typedef struct Walk {
    GcamGraph *graph;
    int *alias, aliases;        // by value: itself, or what it is another name of
    int nodes;                  // as exported; behind them come those that some of them are written as
    int *first, *behind;        // by node as exported: those that it is written as, [first, behind)
    const GradcamLog *log;
} Walk;

// An entry for each value, also for those that came since.
static int grow_aliases(Walk *walk)
{
    GcamGraph *graph = walk->graph;
    if (graph->values > walk->aliases) {
        int room = 2 * graph->values;
        int *grown = gcam_arena_alloc(&graph->arena, (size_t)room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        if (walk->aliases)
            memcpy(grown, walk->alias, (size_t)walk->aliases * sizeof(*grown));
        for (int i = walk->aliases; i < room; i++)
            grown[i] = i;
        walk->alias = grown;
        walk->aliases = room;
    }
    return 0;
}

static int visit(Walk *walk, int index);

// For rewrite.h: the node that was added last.
static int visit_added(void *opaque, int index, int *resolved)
{
    Walk *walk = opaque;
    int error = grow_aliases(walk);
    if (!error && !(error = visit(walk, index)))
        *resolved = walk->alias[walk->graph->node[index].output[0]];
    return error;
}

// Whether a node is part of a branch that is not taken, for its condition is constant and otherwise.
static int is_left_out(const Walk *walk, const GcamNode *node)
{
    for (const GcamGuard *guard = node->guard; guard; guard = guard->outer) {
        const GcamValue *condition = &walk->graph->value[walk->alias[guard->value]];
        if (condition->data && gcam_shape_count(&condition->shape) == 1 &&
            (gcam_constant_double(condition, 0) != 0) != guard->when)
            return 1;
    }
    return 0;
}

// If, whose inputs are its condition and the outputs of both branches: each output is that of the branch that is taken.
static int take_branch(Walk *walk, const GcamNode *node)
{
    GcamGraph *graph = walk->graph;
    const GcamValue *condition = &graph->value[node->input[0]];
    if (!condition->data || gcam_shape_count(&condition->shape) != 1)
        return gcam_fail(walk->log, -ENOTSUP, "node '%s': an If whose condition depends on the picture is not "
                         "supported", node->name);
    const int *taken = node->input + 1 + (gcam_constant_double(condition, 0) != 0 ? 0 : node->outputs);
    for (int i = 0; i < node->outputs; i++)
        if (node->output[i] >= 0)
            walk->alias[node->output[i]] = graph->value[node->output[i]].alias = taken[i];
    return 0;
}

// One node: folded, resolved, shapes inferred. 0 or a negative errno, with a message.
static int visit(Walk *walk, int index)
{
    GcamGraph *graph = walk->graph;
    GcamNode *node = &graph->node[index];
    int *alias = walk->alias;
    const GradcamLog *log = walk->log;
    if (is_left_out(walk, node))
        return 0;
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i] >= 0)
            node->input[i] = alias[node->input[i]];
    if (!node->domain[0] && !strcmp(node->type, "If") && node->inputs == 1 + 2 * node->outputs)
        return take_branch(walk, node);
    int folded = node->domain[0] ? 0 : gcam_graph_fold(graph, index, log);
    if (folded)
        return folded < 0 ? folded : 0;
    if (!node->domain[0] && does_nothing(graph, node) && node->inputs && node->input[0] >= 0 && node->outputs &&
        node->output[0] >= 0) {
        alias[node->output[0]] = graph->value[node->output[0]].alias = node->input[0];
        return 0;
    }
    GcamInfer infer = { graph, node, log };
    for (int i = 0; i < node->inputs; i++) {
        const GcamValue *value = gcam_infer_input(&infer, i);
        if (value && !value->data && value->type != GCAM_TYPE_FLOAT)
            return value->type == GCAM_TYPE_NONE
                ? gcam_infer_bad(&infer, "input '%s' has no value", value->name)
                : gcam_infer_unsupported(&infer, "input '%s' has elements of type %s", value->name,
                                         gcam_data_name(value->type));
    }
    int written = gcam_rewrite(graph, index, log, visit_added, walk);
    if (written)
        return written < 0 ? written : 0;
    node->op = gcam_op_of(&infer);
    if (!node->op)
        return unsupported(graph, node, log);
    int error = node->op->infer(&infer);
    drop_outputs_not_made(graph, node);
    if (!error && is_expand_of_nothing(graph, node)) {
        node->op = NULL;
        alias[node->output[0]] = graph->value[node->output[0]].alias = node->input[0];
        return 0;
    }
    return error ? error : gcam_fold_run(&infer);
}

// A node as exported.
static int visit_exported(Walk *walk, int index)
{
    walk->first[index] = walk->graph->nodes;
    int error = visit(walk, index);
    walk->behind[index] = walk->graph->nodes;
    return error;
}

// The scores that the first output picks some of, by value or place: where its last operators began.
static int behind_picks(const GcamGraph *graph, int output)
{
    static const char *const picks[] = { "ArgMax", "ArgMin", "TopK" }, *const looked_through[] = { "Cast", "Identity" };
    int scores = output;
    for (int value = output; graph->value[value].node >= 0;) {
        const GcamNode *node = &graph->node[graph->value[value].node];
        const GcamOp *op = gcam_op_find(node->type);
        const int is_pick = GCAM_ENUM_FIND(picks, node->type) >= 0;
        if (node->domain[0] || !node->inputs || node->input[0] < 0 ||
            !(is_pick || GCAM_ENUM_FIND(looked_through, node->type) >= 0 || (op && op->flags & GCAM_OP_VIEW)))
            break;
        value = node->input[0];
        scores = is_pick ? value : scores;
    }
    return scores;
}

static void mark(const GcamGraph *graph, int value, char *needed)
{
    if (graph->value[value].node >= 0)
        needed[graph->value[value].node] = 1;
}

// Marks what the nodes that are marked need.
static void mark_inputs(const GcamGraph *graph, char *needed)
{
    for (int i = graph->nodes - 1; i >= 0; i--)
        for (int j = 0; needed[i] && j < graph->node[i].inputs; j++)
            if (graph->node[i].input[j] >= 0)
                mark(graph, graph->node[i].input[j], needed);
}

static int has_lost_input(const GcamNode *node, const char *lost)
{
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i] >= 0 && lost[node->input[i]])
            return 1;
    return 0;
}

// A node that the scores do not need: what it computes may be lost. 0 or -ENOMEM.
static int try_visit(Walk *walk, int index, char *lost)
{
    const GradcamLog silent = { 0 }, *log = walk->log;
    const GcamNode node = walk->graph->node[index];
    walk->log = &silent;
    int error = has_lost_input(&node, lost) ? -ENOTSUP : visit_exported(walk, index);
    walk->log = log;
    for (int i = 0; error && i < node.outputs; i++)
        if (node.output[i] >= 0)
            lost[node.output[i]] = 1;
    return error == -ENOMEM ? error : 0;
}

// The outputs that are there; of them the first is `scores`, where that is not known by a name that a user gave.
static void resolve_outputs(GcamGraph *graph, int scores, int named, const int *alias, const char *lost)
{
    int kept = 0;
    if (!named && scores >= 0)
        graph->output[0] = scores;
    for (int i = 0; i < graph->outputs; i++)
        if (!lost[graph->output[i]])
            graph->output[kept++] = alias[graph->output[i]];
    graph->outputs = kept;
}

// Puts what nodes were written as in their place, so that all are in order of computation.
static int put_in_place(Walk *walk)
{
    GcamGraph *graph = walk->graph;
    int placed = 0;
    if (graph->nodes == walk->nodes)
        return 0;
    GcamNode *ordered = gcam_arena_alloc(&graph->arena, (size_t)graph->nodes, sizeof(*ordered));
    if (!ordered)
        return -ENOMEM;
    for (int i = 0; i < walk->nodes; i++) {
        ordered[placed++] = graph->node[i];
        for (int k = walk->first[i]; k < walk->behind[i]; k++)
            ordered[placed++] = graph->node[k];
    }
    graph->node = ordered;
    graph->nodes = graph->node_room = placed;
    for (int i = 0; i < placed; i++)
        for (int k = 0; k < ordered[i].outputs; k++)
            if (ordered[i].output[k] >= 0)
                graph->value[ordered[i].output[k]].node = i;
    return 0;
}

// Drops the nodes that no output needs, nor the scores where they lie behind all outputs that are there.
static int drop_unneeded(GcamGraph *graph, int scores)
{
    int kept = 0;
    char *needed = gcam_arena_alloc(&graph->arena, (size_t)graph->nodes, 1);
    int *moved = gcam_arena_alloc(&graph->arena, (size_t)graph->nodes, sizeof(*moved));
    if (!needed || !moved)
        return -ENOMEM;
    for (int i = 0; i < graph->outputs; i++)
        mark(graph, graph->output[i], needed);
    mark_inputs(graph, needed);
    if (scores >= 0 && graph->value[scores].node >= 0 && !needed[graph->value[scores].node]) {
        graph->output[graph->outputs++] = scores;       // there is room for one more
        mark(graph, scores, needed);
        mark_inputs(graph, needed);
    }
    for (int i = 0; i < graph->nodes; i++) {
        moved[i] = needed[i] && graph->node[i].op ? kept : -1;
        if (moved[i] >= 0)
            graph->node[kept++] = graph->node[i];
    }
    graph->nodes = kept;
    for (int i = 0; i < graph->values; i++)
        if (graph->value[i].node >= 0)
            graph->value[i].node = moved[graph->value[i].node];
    return 0;
}

int gcam_graph_simplify(GcamGraph *graph, const char *logits, const GradcamLog *log)
{
    int named = logits && logits[0], nodes = graph->nodes, error = -ENOMEM;
    Walk walk = { .graph = graph, .nodes = nodes, .log = log,
                  .first = gcam_calloc(nodes, sizeof(int)), .behind = gcam_calloc(nodes, sizeof(int)) };
    char *needed = gcam_calloc(nodes, 1), *lost = gcam_calloc(graph->values, 1);
    int scores = named ? gcam_graph_find_tensor(graph, logits)
               : graph->outputs ? behind_picks(graph, graph->output[0]) : -1;
    if (!walk.first || !walk.behind || !needed || !lost || grow_aliases(&walk) < 0)
        goto end;
    if (scores >= 0)
        mark(graph, scores, needed);
    mark_inputs(graph, needed);
    // What is needed comes first, so that what folding may take is not taken from it.
    error = 0;
    for (int i = 0; i < nodes && !error; i++)
        error = needed[i] ? visit_exported(&walk, i) : 0;
    for (int i = 0; i < nodes && !error; i++)
        error = needed[i] ? 0 : try_visit(&walk, i, lost);
    if (error)
        goto end;
    resolve_outputs(graph, scores, named, walk.alias, lost);
    error = put_in_place(&walk);
    if (!error)
        error = drop_unneeded(graph, scores < 0 ? scores : walk.alias[scores]);
end:
    gcam_free(walk.first);
    gcam_free(walk.behind);
    gcam_free(needed);
    gcam_free(lost);
    return error;
}
