/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Moving elements: a box of up to eight dimensions read at one set of strides and written at another. Transpose,
 * Concat, Split, Slice, Pad, Expand and the changes of layout are such moves, and so are their gradients, turned
 * around.
 */
#ifndef GCAM_OPS_MOVE_H
#define GCAM_OPS_MOVE_H

#include <stddef.h>

#include "base/threads.h"
#include "graph/graph.h"

typedef struct GcamMove {
    int rank;
    size_t dim[GCAM_MAX_RANK];
    ptrdiff_t from_offset, from[GCAM_MAX_RANK];     // elements
    ptrdiff_t to_offset, to[GCAM_MAX_RANK];
} GcamMove;

// All of the box `shape`, with the strides of two values.
GcamMove gcam_move_between(const GcamShape *shape, const GcamValue *from, const GcamValue *to);

// to[...] = from[...]. The places written must differ from each other.
void gcam_move(const GcamMove *move, GcamThreads *pool, const float *from, float *to);

// to[...] += from[...]: strides of 0 in `to` add up.
void gcam_move_add(const GcamMove *move, const float *from, float *to);

// The same box in the other direction.
GcamMove gcam_move_reverse(const GcamMove *move);

#endif
