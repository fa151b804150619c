/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The blocks of a transformer, as methods see them that read its attention: the probabilities by which each token of a
 * block takes from the others, one matrix for each head.
 */
#ifndef GCAM_MODEL_BLOCKS_H
#define GCAM_MODEL_BLOCKS_H

#include "plan/plan.h"
#include "tokens.h"

enum { GCAM_MOST_BLOCKS = GCAM_MOST_ASKED - GCAM_MOST_LAYERS };        // beside the layers and the picture

typedef struct GcamBlocks {
    int value[GCAM_MOST_BLOCKS];    // of each block in order, [.., heads, tokens, tokens]: by query, then key
    int count;
    const char *lacks;              // why there are none, as a sentence about the network
    size_t tokens;                  // of which `before` are of other kinds, then height x width patches, then others
    size_t before, height, width;
} GcamBlocks;

// Finds them in front of the logits. Either all blocks attend from all tokens to all, or there are none.
// needed[v]: the logits depend on v.
void gcam_blocks_find(const GcamGraph *graph, const char *needed, const GcamTokens *tokens, GcamBlocks *out);

#endif
