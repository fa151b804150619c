/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of a vision transformer's last block only one token is used: the class token is taken from the normalised result, and
 * the rest is thrown away. This takes it sooner: what works on each token by itself - sums, normalisation, products
 * with weights, activations - is computed for that token alone, back to the last operator that mixes tokens.
 *
 *     before    attention -> + -> LayerNorm -> MLP -> + -> LayerNorm -> token      [1, 197, C] up to the last
 *     after     attention -> token -> + -> LayerNorm -> MLP -> + -> LayerNorm      [1, 1, C] from the token on
 *
 * A node goes with the token when all that read its result do, so that nobody is left who wants the other tokens. What
 * it takes from outside, such as the residual, gets a taker of its own, one for each value. The node that took the
 * token takes the only one that is left. Shapes are inferred anew; layers inside of that part then have one token,
 * which is why this comes before layers are looked for.
 */
#include "take_token.h"

#include "ops/ops.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

typedef struct Narrow {
    GcamGraph *graph;
    const GradcamLog *log;
    int taker;                  // the node that takes the token
    int64_t token;
    size_t tokens;              // of how many
    char *narrowed;             // by node: computed for that token alone
    int *users;                 // by value: inputs and outputs that use it, less those that need the token alone
    int *taken;                 // by value: the copy that holds the token alone, or -1
} Narrow;

// [1, tokens, C]
static int is_list(const Narrow *n, int value)
{
    const GcamShape *shape = &n->graph->value[value].shape;
    return !n->graph->value[value].data && shape->rank == 3 && shape->dim[0] == 1 && shape->dim[1] == n->tokens;
}

// A constant that is the same for every token.
static int is_same_for_all(const GcamValue *value)
{
    const GcamShape *shape = &value->shape;
    size_t count = gcam_shape_count(shape);
    return value->data && (!shape->rank || shape->dim[shape->rank - 1] == count);
}

// Whether the node works on each token by itself, and the inputs are lists or the same for all.
static int is_by_token(const Narrow *n, const GcamNode *node)
{
    const GcamValue *value = n->graph->value;
    int elementwise = node->op->flags & GCAM_OP_ELEMENTWISE;
    if (node->outputs != 1 || node->output[0] < 0 || !is_list(n, node->output[0]))
        return 0;
    if (node->op->by_rows && node->op->by_rows(node, value))
        return is_list(n, node->input[0]);
    for (int i = 0; elementwise && i < node->inputs; i++)
        elementwise = node->input[i] < 0 || is_list(n, node->input[i]) || is_same_for_all(&value[node->input[i]]);
    return elementwise;
}

// Goes back from the node that takes the token over all whose results are used for nothing else; how many.
static int mark(Narrow *n)
{
    GcamGraph *graph = n->graph;
    int count = 0;
    for (int i = 0; i < graph->nodes; i++)
        for (int j = 0; j < graph->node[i].inputs; j++)
            if (graph->node[i].input[j] >= 0)
                n->users[graph->node[i].input[j]]++;
    for (int i = 0; i < graph->outputs; i++)
        n->users[graph->output[i]]++;
    n->users[graph->node[n->taker].input[0]]--;
    for (int i = n->taker - 1; i >= 0; i--) {
        const GcamNode *node = &graph->node[i];
        if (!node->outputs || node->output[0] < 0 || n->users[node->output[0]] || !is_by_token(n, node))
            continue;
        n->narrowed[i] = 1;
        count++;
        for (int j = 0; j < node->inputs; j++)
            if (node->input[j] >= 0)
                n->users[node->input[j]]--;
    }
    return count;
}

static int new_index(GcamGraph *graph, int64_t index, int rank)
{
    int64_t *data = gcam_arena_alloc(&graph->arena, 1, sizeof(*data));
    int value = data ? gcam_graph_add_value(graph, "") : -ENOMEM;
    if (value < 0)
        return value;
    *data = index;
    graph->value[value].shape = (GcamShape){ rank, { 1 } };
    graph->value[value].type = GCAM_TYPE_INT64;
    graph->value[value].data = data;
    return value;
}

// Makes *node take the token of a list, as a list of one; the value that holds it.
static int make_taker(Narrow *n, GcamNode *node, int list)
{
    GcamGraph *graph = n->graph;
    int index = new_index(graph, n->token, 1), made = gcam_graph_add_value(graph, "");
    GcamAttribute *axis = gcam_arena_alloc(&graph->arena, 1, sizeof(*axis));
    int *values = gcam_arena_alloc(&graph->arena, 3, sizeof(*values));
    if (index < 0 || made < 0 || !axis || !values)
        return -ENOMEM;
    *axis = (GcamAttribute){ .name = "axis", .i = 1 };
    values[0] = list;
    values[1] = index;
    values[2] = made;
    *node = (GcamNode){ .name = "", .type = "Gather", .domain = "", .op = &gcam_op_gather,
                        .input = values, .output = values + 2, .inputs = 2, .outputs = 1, .attribute = axis,
                        .attributes = 1 };
    graph->value[made].type = GCAM_TYPE_FLOAT;
    return made;
}

static int infer(Narrow *n, GcamNode *node)
{
    GcamInfer infer = { n->graph, node, n->log };
    return node->op->infer(&infer);
}

// Writes the nodes anew, with those that take the token before the first of those that are computed for it alone.
static int rewrite(Narrow *n, int count)
{
    GcamGraph *graph = n->graph;
    const GcamNode *old = graph->node;
    int nodes = graph->nodes, error = 0;
    // Each node that is narrowed has at most two inputs that are lists.
    GcamNode *node = gcam_arena_alloc(&graph->arena, (size_t)nodes + 2 * (size_t)count, sizeof(*node));
    if (!node)
        return -ENOMEM;
    int made = 0;
    for (int i = 0; i < nodes && !error; i++) {
        for (int j = 0; n->narrowed[i] && j < old[i].inputs && !error; j++) {
            int from = old[i].input[j];
            if (from < 0 || !is_list(n, from))          // a constant, or narrowed already
                continue;
            if (n->taken[from] < 0) {
                error = n->taken[from] = make_taker(n, &node[made], from);
                if (error >= 0)
                    error = infer(n, &node[made++]);
            }
            old[i].input[j] = n->taken[from];
        }
        node[made] = old[i];
        if (!error && i == n->taker && n->token) {
            int index = new_index(graph, 0, graph->value[old[i].input[1]].shape.rank);
            error = index < 0 ? index : (node[made].input[1] = index, 0);
        }
        if (!error && (n->narrowed[i] || i == n->taker))
            error = infer(n, &node[made]);
        made++;
    }
    if (error)
        return error;
    graph->node = node;
    graph->nodes = graph->node_room = made;
    for (int i = 0; i < made; i++)
        for (int k = 0; k < node[i].outputs; k++)
            if (node[i].output[k] >= 0)
                graph->value[node[i].output[k]].node = i;
    return 0;
}

static int narrow(GcamGraph *graph, int taker, GcamArena *arena, const GradcamLog *log)
{
    const GcamNode *node = &graph->node[taker];
    const GcamValue *list = &graph->value[node->input[0]];
    Narrow n = { graph, log, taker, gcam_constant_int(&graph->value[node->input[1]], 0), list->shape.dim[1],
                 gcam_arena_alloc(arena, (size_t)graph->nodes, 1),
                 gcam_arena_alloc(arena, (size_t)graph->values, sizeof(int)),
                 gcam_arena_alloc(arena, (size_t)graph->values, sizeof(int)) };
    if (!n.narrowed || !n.users || !n.taken)
        return -ENOMEM;
    n.token += n.token < 0 ? (int64_t)n.tokens : 0;
    memset(n.taken, -1, (size_t)graph->values * sizeof(int));
    int count = mark(&n);
    return count ? rewrite(&n, count) : 0;
}

int gcam_graph_take_token(GcamGraph *graph, const GradcamLog *log)
{
    for (int i = graph->nodes - 1; i >= 0; i--) {
        const GcamNode *node = &graph->node[i];
        const GcamShape *shape = &graph->value[node->input[0]].shape;
        int64_t axis = gcam_node_int(node, "axis", 0);
        if (!(node->op->flags & GCAM_OP_PICKS) || graph->value[node->input[0]].data || shape->rank != 3 ||
            shape->dim[0] != 1 || shape->dim[1] < 2 || (axis != 1 && axis != -2) ||
            gcam_shape_count(&graph->value[node->input[1]].shape) != 1)
            continue;
        GcamArena arena = { 0 };
        int error = narrow(graph, i, &arena, log);
        gcam_arena_free(&arena);
        return error;
    }
    return 0;
}
