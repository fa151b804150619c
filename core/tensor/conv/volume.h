/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolutions of one to three dimensions in ONNX's own order, [N, C, D, H, W], and the same transposed. Products of
 * matrices do the work; what the windows cover is gathered for some outputs at a time. For pictures of two dimensions
 * conv.h is faster.
 */
#ifndef GCAM_TENSOR_CONV_VOLUME_H
#define GCAM_TENSOR_CONV_VOLUME_H

#include <stddef.h>

#include "base/half.h"
#include "base/threads.h"

enum { GCAM_VOLUME_DIMS = 3 };

// One dimension: place i of y covers places i * stride - before + k * dilation of x, k < kernel, where there are such.
typedef struct GcamVolumeSpan {
    size_t x, y, kernel, stride, dilation, before;
} GcamVolumeSpan;

// x [n, x_c, ..] and y [n, y_c, ..], with weights w [y_c, x_c / groups, kernel ..]. Dimensions that there are not are
// spans of 1.
typedef struct GcamVolume {
    size_t n, groups, x_c, y_c;
    GcamVolumeSpan span[GCAM_VOLUME_DIMS];
} GcamVolume;

// Floats of scratch for either direction; SIZE_MAX when that cannot be expressed.
size_t gcam_volume_scratch(const GcamVolume *volume);

// y = w x: y[n, m, i] = sum over c, k of w[m, c, k] x[n, c, i * stride - before + k * dilation]. Operands are
// multiplied as `type`; scratch is 64-byte aligned. The same bits for any number of threads.
void gcam_volume_forward(const GcamVolume *volume, GcamThreads *pool, enum GcamType type, const float *w,
                         const float *x, float *y, float *scratch);

// x = w^T y, the transposed: each y is spread over the places that it was the sum of.
void gcam_volume_transposed(const GcamVolume *volume, GcamThreads *pool, enum GcamType type, const float *w,
                            const float *y, float *x, float *scratch);

#endif
