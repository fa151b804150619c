/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention is a softmax over the rows of square matrices, whose result a product takes as its first factor. In: the
 * graph, and where its tokens lie. Out: these softmaxes. Where tokens see only those of their window, or where their
 * number changes from block to block, a matrix does not tell from which patches the class comes, and nothing is found.
 */
#include "blocks.h"

#include "ops/ops.h"

static int is_factor(const GcamGraph *graph, int value)
{
    for (int i = 0; i < graph->nodes; i++)
        if (graph->node[i].op->flags & GCAM_OP_PRODUCT && graph->node[i].input[0] == value)
            return 1;
    return 0;
}

static int is_attention(const GcamGraph *graph, const GcamNode *node)
{
    const GcamShape *shape = &graph->value[node->output[0]].shape;
    return node->op->flags & GCAM_OP_SOFTMAX && node->op->by_rows(node, graph->value) && shape->rank >= 3 &&
           shape->dim[shape->rank - 1] == shape->dim[shape->rank - 2] && shape->dim[shape->rank - 1] > 1 &&
           is_factor(graph, node->output[0]);
}

static const char *add(GcamBlocks *blocks, int value, size_t size, const GcamTokens *tokens)
{
    if (size != tokens->count)
        return "its tokens attend within windows";
    if (blocks->count && (size != blocks->tokens || tokens->before != blocks->before ||
                          tokens->height != blocks->height || tokens->width != blocks->width))
        return "its blocks differ in the number of their tokens";
    if (blocks->count == GCAM_MOST_BLOCKS)
        return "it has too many blocks";
    blocks->tokens = size;
    blocks->before = tokens->before;
    blocks->height = tokens->height;
    blocks->width = tokens->width;
    blocks->value[blocks->count++] = value;
    return NULL;
}

void gcam_blocks_find(const GcamGraph *graph, const char *needed, const GcamTokens *tokens, GcamBlocks *out)
{
    *out = (GcamBlocks){ .count = 0 };
    for (int i = 0; i < graph->nodes && !out->lacks; i++) {
        const GcamNode *node = &graph->node[i];
        int value = node->output[0];
        if (value < 0 || !needed[value] || !tokens[value].height || !is_attention(graph, node))
            continue;
        const GcamShape *shape = &graph->value[value].shape;
        out->lacks = add(out, value, shape->dim[shape->rank - 1], &tokens[value]);
    }
    if (!out->lacks && !out->count)
        out->lacks = "it has no attention among patches";
    if (out->lacks)
        out->count = 0;
}
