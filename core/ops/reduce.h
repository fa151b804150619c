/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What all reductions share: which dimensions they are over, and the walk from x to y.
 */
#ifndef GCAM_OPS_REDUCE_H
#define GCAM_OPS_REDUCE_H

#include "move.h"
#include "ops.h"

// GcamOp.infer: axes from an attribute or a constant input, the shape with or without them.
int gcam_reduce_infer(GcamInfer *infer);

// The box of x; `to` has a stride of 0 along what is reduced.
GcamMove gcam_reduce_move(const GcamRun *run, const GcamStep *step);

#endif
