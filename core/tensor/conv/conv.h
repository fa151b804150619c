/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two-dimensional convolution, forward and backward by its input. Activations are dense NHWC floats:
 * [n][h][w][c]. Weights are transformed and packed once, by the constructor, for the algorithm that the shape
 * asks for; the run functions do not allocate. A GcamConv is immutable: any number of threads may use it at
 * once, each call with its own pool and scratch. The result is the same bit for bit for any number of
 * threads.
 */
#ifndef GCAM_TENSOR_CONV_CONV_H
#define GCAM_TENSOR_CONV_CONV_H

#include <stddef.h>

#include "base/rect.h"
#include "base/threads.h"
#include "shape.h"

// weights: in ONNX order [out_c][c / groups][kernel_h][kernel_w]. scale: one factor per output channel,
// multiplied into the weights (a folded batch normalisation), or NULL. bias: one per output channel, or NULL.
// Nothing is kept of them. y = act(conv(x, scale * weights) + bias + add). -EINVAL for a shape that does not
// fit together, -ENOMEM.
int gcam_conv_create(GcamConv **out, const GcamConvShape *shape, const float *weights, const float *scale,
                     const float *bias, enum GcamActivation act, float lo, float hi);
void gcam_conv_free(GcamConv **conv);

// "gemm", "winograd4", "winograd2", "winograd2 5x5", "depthwise", "direct", "im2col". Static string.
const char *gcam_conv_algorithm(const GcamConv *conv);

// The output is computed in tiles of that many rows and columns, each from all that any output of it reads: what
// changes a little of this changes the bits of the whole tile. 1: each output by itself.
int gcam_conv_tile(const GcamConv *conv);

// Floats of scratch for a pool of that many threads.
size_t gcam_conv_scratch(const GcamConv *conv, int threads);

// add: residual of the output's shape, added before the activation, or NULL. y must not overlap x or add.
// scratch is 64-byte aligned (gcam_alloc); its contents mean nothing before and after.
void gcam_conv_forward(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add, float *y,
                       float *scratch);

// What of the input gcam_conv_forward_part() reads.
GcamRect gcam_conv_part_reads(const GcamConv *conv, const GcamRect *part);

// The same for a part of the output, of one picture: writes that part, and some more around it where this takes less
// time. What is written has the bits that gcam_conv_forward() gives it.
void gcam_conv_forward_part(const GcamConv *conv, GcamThreads *pool, const GcamRect *part, const float *x,
                            const float *add, float *y, float *scratch);

// The gradient by the input: dx[n][h][w][c] from dy[n][out_h][out_w][out_c]. Shape, weights and scale as
// above.
typedef struct GcamConvBackward GcamConvBackward;

int gcam_conv_backward_create(GcamConvBackward **out, const GcamConvShape *shape, const float *weights,
                              const float *scale);
void gcam_conv_backward_free(GcamConvBackward **conv);

const char *gcam_conv_backward_algorithm(const GcamConvBackward *conv);
size_t gcam_conv_backward_scratch(const GcamConvBackward *conv, int threads);

// dx is overwritten; it must not overlap dy. y: the output, where a ReLU was applied to it, or NULL; dy is then the
// gradient by what came out of that, and may be changed.
void gcam_conv_backward_run(const GcamConvBackward *conv, GcamThreads *pool, float *dy, const float *y, float *dx,
                            float *scratch);

#endif
