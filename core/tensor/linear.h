/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Fully connected layer on one vector: y = act(W x + bias), and dx = W^T dy. Bound by the speed at which the
 * weights come from memory, so they are used in place (they may lie in a mapped file, aligned to their own
 * size only) and may be half as wide. For several vectors at once use gemm.h.
 */
#ifndef GCAM_TENSOR_LINEAR_H
#define GCAM_TENSOR_LINEAR_H

#include <stddef.h>

#include "base/threads.h"
#include "gemm.h"

// Bytes of one element.
size_t gcam_type_size(enum GcamType type);

// n elements to floats. `in` need not be aligned to more than its element size.
void gcam_convert(float *out, const void *in, enum GcamType type, size_t n);

// Floats to GCAM_F16, rounded to the nearest. `out` need not be aligned.
void gcam_to_half(void *out, const float *in, size_t n);

// x[in], y[out], bias[out] or NULL. transposed 0: w[out][in]; 1: w[in][out]. lo and hi are those of
// GCAM_ACT_CLIP. y must not overlap x. The result is the same for any number of threads.
void gcam_linear_forward(GcamThreads *pool, size_t out, size_t in, const void *w, enum GcamType type,
                         int transposed, const float *bias, const float *x, float *y, enum GcamActivation act,
                         float lo, float hi);

// For each of `count` gradients dx[in] = sum over o of dy[o] * w[o][in]; overwritten. The weights are read once for
// all of them, and each comes out as if it were alone. x: where it is zero, nobody asks for dx, which may become
// zero, since what made x was a ReLU; or NULL. Rows of w that count for nothing are not read: not transposed, those
// whose dy is zero; transposed, those whose x is.
void gcam_linear_backward(GcamThreads *pool, size_t out, size_t in, const void *w, enum GcamType type, int transposed,
                          size_t count, const float *const *dy, const float *x, float *const *dx);

#endif
