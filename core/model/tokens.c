/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where transformers keep the picture: the patch embedding's rows and columns become a list of tokens [1, N, C], often
 * with a class token before it (ViT), or stay as [1, H, W, C], halved now and then (Swin), or are cut into windows and
 * put together again. This follows them through the graph by their shapes.
 */
#include "tokens.h"

#include "ops/ops.h"

static int is_half(size_t a, size_t whole)
{
    return whole > 1 && (a == whole / 2 || a == (whole + 1) / 2);
}

// Operators that only move elements may put them where they mean another place.
static int computes(const GcamOp *op)
{
    return (op->flags & (GCAM_OP_PRODUCT | GCAM_OP_NORMALIZES | GCAM_OP_ELEMENTWISE)) != 0;
}

// Tokens put before and behind those of input `index`.
static void add_tokens(const GcamGraph *graph, const GcamNode *node, int index, GcamTokens *tokens)
{
    const GcamShape *own = &graph->value[node->input[index]].shape;
    int64_t axis = gcam_node_int(node, "axis", 1);
    if (!(node->op->flags & GCAM_OP_JOINS) || own->rank != 3 || own->dim[1] != tokens->count ||
        (axis != 1 && axis != -2))
        return;
    for (int i = 0; i < node->inputs; i++) {
        size_t count = i == index ? 0 : graph->value[node->input[i]].shape.dim[1];
        tokens->before += i < index ? count : 0;
        tokens->count += count;
    }
}

// A part of the list, as where registers are put between the class token and the patches.
static void take_tokens(const GcamGraph *graph, const GcamNode *node, int output, GcamTokens *tokens)
{
    const GcamStep step = { .op = node->op, .node = node, .input = node->input, .output = node->output };
    const GcamShape *list = &graph->value[node->input[0]].shape;
    size_t end = tokens->before + tokens->height * tokens->width;
    GcamBox box;
    if (!node->op->box || list->rank != 3 || list->dim[1] != tokens->count ||
        !node->op->box(&step, graph->value, output, &box) || box.step[1] != 1 || box.start[1] < 0)
        return;
    size_t first = (size_t)box.start[1], last = first + box.shape.dim[1];
    if (first <= tokens->before && last >= end) {
        tokens->before -= first;
        tokens->count = last - first;
    } else if (last <= tokens->before || first >= end) {
        tokens->height = tokens->width = 0;
    }
}

// Whether a list of `count` tokens is what is left of the rows and columns at a larger step: half of them, or as many
// times fewer as goes into both.
static int fits_list(size_t count, GcamTokens *tokens)
{
    const size_t height = tokens->height, width = tokens->width;
    for (size_t step = 1; step <= height && step <= width; step++) {
        const size_t rows = (height + step - 1) / step, columns = (width + step - 1) / step;
        if (rows * columns < count || rows * columns == 1)
            break;
        if (rows * columns == count && (step <= 2 || (height % step == 0 && width % step == 0))) {
            *tokens = (GcamTokens){ rows, columns, 0, count, 0 };
            return 1;
        }
    }
    return 0;
}

static int fits_table(size_t rows, size_t columns, GcamTokens *tokens)
{
    if ((rows != tokens->height || columns != tokens->width) &&
        (!is_half(rows, tokens->height) || !is_half(columns, tokens->width)))
        return 0;
    *tokens = (GcamTokens){ rows, columns, 0, rows * columns, 0 };
    return 1;
}

// Whether a value of that shape holds tokens: [1, N, C] or [1, H, W, C], as many as before or fewer by the same factor
// in both directions, or [1, 1, N, C], one window of them all.
static int fits(const GcamShape *shape, GcamTokens *tokens)
{
    if (shape->dim[0] != 1 || (shape->rank != 3 && shape->rank != 4))
        return 0;
    if ((shape->rank == 3 || shape->dim[1] == 1) && shape->dim[shape->rank - 2] == tokens->count)
        return 1;
    return shape->rank == 3 ? fits_list(shape->dim[1], tokens) : fits_table(shape->dim[1], shape->dim[2], tokens);
}

// What a node makes of its first input that comes of the picture.
static GcamTokens follow(const GcamGraph *graph, const GcamNode *node, int output, const GcamTokens *tokens)
{
    GcamTokens made = { 0 };
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i] >= 0 && tokens[node->input[i]].height) {
            made = tokens[node->input[i]];
            add_tokens(graph, node, i, &made);
            take_tokens(graph, node, output, &made);
            made.is_layer = fits(&graph->value[output].shape, &made) && computes(node->op) &&
                            made.height * made.width > 1;
            break;
        }
    return made;
}

void gcam_tokens_find(const GcamGraph *graph, int picture, const char *spatial, GcamTokens *tokens)
{
    const size_t *dim = graph->value[picture].shape.dim;
    if (spatial[picture])
        tokens[picture] = (GcamTokens){ dim[2], dim[3], 0, dim[2] * dim[3], 0 };
    for (int i = 0; i < graph->nodes; i++)
        for (int k = 0; k < graph->node[i].outputs; k++) {
            int value = graph->node[i].output[k];
            if (value < 0)
                continue;
            dim = graph->value[value].shape.dim;
            tokens[value] = spatial[value] ? (GcamTokens){ dim[2], dim[3], 0, dim[2] * dim[3], 0 }
                                           : follow(graph, &graph->node[i], value, tokens);
        }
}

// The last product with weights that `node` depends on, itself aside; -1: there is none. Nodes are in order.
static int last_product(const GcamGraph *graph, int node)
{
    for (int i = node; i >= 0;) {
        const GcamNode *n = &graph->node[i];
        int weighted = n->op->flags & GCAM_OP_PRODUCT && graph->value[n->input[1]].data;
        int next = -1;
        if (weighted)
            return i;
        for (int j = 0; j < n->inputs; j++) {
            int from = n->input[j] >= 0 ? graph->value[n->input[j]].node : -1;
            next = from > next ? from : next;
        }
        i = next;
    }
    return -1;
}

int gcam_tokens_between_blocks(const GcamGraph *graph, int value, const char *cut, const GcamTokens *tokens)
{
    const int node = graph->value[value].node;
    return tokens[value].is_layer && (cut[value] || graph->node[node].op->flags & GCAM_OP_NORMALIZES);
}

// The first value that another one is made of and that holds or held tokens. -1: there is none.
static int before(const GcamGraph *graph, int value, const GcamTokens *tokens)
{
    const int index = graph->value[value].node;
    for (int j = 0; index >= 0 && j < graph->node[index].inputs; j++) {
        const int input = graph->node[index].input[j];
        if (input >= 0 && tokens[input].height)
            return input;
    }
    return -1;
}

int gcam_tokens_choose(const GcamGraph *graph, const char *needed, const char *cut, const GcamTokens *tokens)
{
    for (int i = graph->nodes - 1; i >= 0; i--) {
        const GcamNode *node = &graph->node[i];
        if (!(node->op->flags & GCAM_OP_SOFTMAX) || !needed[node->output[0]] || !tokens[node->output[0]].height)
            continue;
        int product = last_product(graph, i), value = product < 0 ? -1 : graph->node[product].input[0];
        while (value >= 0 && !gcam_tokens_between_blocks(graph, value, cut, tokens))
            value = before(graph, value, tokens);
        if (value >= 0)
            return value;
    }
    return -1;
}
