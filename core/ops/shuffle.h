/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The shuffle of channels as one step, which a plan puts in the place of the moves that ONNX writes: channel i of
 * group j becomes channel i * groups + j. One input and one output; or of two groups, where backward is not run, each
 * an input of its own, and the lower and the upper half of the result an output each.
 */
#ifndef GCAM_OPS_SHUFFLE_H
#define GCAM_OPS_SHUFFLE_H

#include "ops.h"

// params of its node.
typedef struct GcamShuffle {
    size_t groups;
} GcamShuffle;

extern const GcamOp gcam_op_channel_shuffle;

#endif
