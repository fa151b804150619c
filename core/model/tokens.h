/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tensors of transformers that have rows and columns, though not as dimensions three and four.
 */
#ifndef GCAM_MODEL_TOKENS_H
#define GCAM_MODEL_TOKENS_H

#include "graph/graph.h"

// How the tokens of a value lie: `before` of other kinds (a class token), then height x width of them, row by row,
// `count` with those behind.
typedef struct GcamTokens {
    size_t height, width;       // 0: the value does not come of a picture, or only of its class token
    size_t before, count;
    int is_layer;               // the value is such tokens (else it was made of some), and an operator computed it
} GcamTokens;

// Fills tokens[], by value. spatial[v]: v has rows and columns as its dimensions three and four.
void gcam_tokens_find(const GcamGraph *graph, int picture, const char *spatial, GcamTokens *tokens);

// The tokens that enter the last attention which the logits depend on. -1: there are none. needed[v]: the logits depend
// on v; cut[v]: all goes through v.
int gcam_tokens_choose(const GcamGraph *graph, const char *needed, const char *cut, const GcamTokens *tokens);

// Whether a value is tokens as they go from block to block, or their norm, not what a block makes of them inside.
int gcam_tokens_between_blocks(const GcamGraph *graph, int value, const char *cut, const GcamTokens *tokens);

#endif
