/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention as one step, which a plan puts in the place of the products and the softmax that ONNX writes: for each of
 * `outer` windows and each head, y = softmax(scale * q k^T + what is added) v. Queries, keys and values are read where
 * they lie, often side by side in the result of one product, and y is written in the order of tokens.
 */
#ifndef GCAM_OPS_ATTENTION_H
#define GCAM_OPS_ATTENTION_H

#include "ops.h"

// Where a matrix of each window and head lies in its value: element (i, j) of those of window o and head h is at
// offset + o * outer + h * head + i * row + j.
typedef struct GcamHeads {
    int input;                  // which of the step's
    ptrdiff_t offset, outer, head, row;
} GcamHeads;

enum { GCAM_ATTENTION_ADDS = 2 };

typedef struct GcamAttention {
    size_t outer, heads;
    size_t queries, keys, width, value_width;
    GcamHeads q, k, v, y;       // [queries][width], [keys][width], [keys][value_width], [queries][value_width]
    float scale;
    int adds;                   // constants added to the logits: the step's last inputs
    const size_t *add_at[GCAM_ATTENTION_ADDS];          // by window and head: where its matrix begins
    ptrdiff_t add_row[GCAM_ATTENTION_ADDS];             // from row to row, or 0: the same for all
} GcamAttention;

extern const GcamOp gcam_op_attention;

#endif
