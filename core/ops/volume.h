/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Windows over values of one to three dimensions in ONNX's own order, [N, C, D, H, W]: what Conv and the pools are for
 * other ranks than four, and ConvTranspose and LpPool are for all.
 */
#ifndef GCAM_OPS_VOLUME_H
#define GCAM_OPS_VOLUME_H

#include "window.h"

enum { GCAM_WINDOW_DIMS = 3 };

// Whether a value has one to three dimensions behind N and C; if not, -ENOTSUP with a message.
int gcam_infer_volume(const GcamInfer *infer, const GcamShape *x);

// The spans of a value of fewer dimensions behind such of one element, so that there are always three.
void gcam_span_pad(int dims, GcamSpan span[GCAM_WINDOW_DIMS]);

// [n, c, out of each span], as many of them as x has.
GcamShape gcam_span_shape(const GcamShape *x, size_t c, const GcamSpan span[GCAM_WINDOW_DIMS]);

extern const GcamOp gcam_op_conv, gcam_op_max_pool, gcam_op_average_pool, gcam_op_global_average_pool,
                    gcam_op_global_max_pool;
extern const GcamOp gcam_op_conv_volume, gcam_op_max_pool_volume, gcam_op_average_pool_volume,
                    gcam_op_global_average_pool_volume, gcam_op_global_max_pool_volume;

#endif
