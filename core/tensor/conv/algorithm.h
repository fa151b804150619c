/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the algorithms of convolution share. Each is a const GcamConvAlgorithm in a file of its own; conv.c
 * chooses.
 */
#ifndef GCAM_TENSOR_CONV_ALGORITHM_H
#define GCAM_TENSOR_CONV_ALGORITHM_H

#include "base/threads.h"
#include "kernels/kernels.h"
#include "shape.h"

typedef struct GcamConvAlgorithm {
    const char *name;
    // Prepares the weights. On failure the caller frees the convolution.
    int (*create)(GcamConv *conv, const float *weights, const float *scale);
    size_t (*scratch)(const GcamConv *conv, int threads);
    void (*forward)(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add, float *y,
                    float *scratch);
    int tile;                   // rows and columns of the output that are computed together; 0: any
    int least;                  // columns of the output, where it has as many, that are not computed otherwise; 0: any
} GcamConvAlgorithm;

struct GcamConv {
    const GcamConvAlgorithm *algorithm;
    const GcamKernels *kernels;
    GcamConvShape shape;        // its groups: after merging
    ptrdiff_t x_line, y_line;   // floats from line to line of the input, and of the output and what is added to it
    int merged;                 // im2col: groups of the caller that make one, with zeros between them
    float *bias;                // out_c, or NULL
    enum GcamActivation act;
    float lo, hi;
    GcamPackedB **packed;       // gemm, im2col: one per group; Winograd: one per position in the tile
    size_t packed_count;
    float *weights;             // depthwise: [kernel_h][kernel_w][c]; direct: panels
};

extern const GcamConvAlgorithm gcam_conv_gemm, gcam_conv_im2col, gcam_conv_depthwise, gcam_conv_direct;
extern const GcamConvAlgorithm gcam_conv_winograd2, gcam_conv_winograd4, gcam_conv_winograd2_5x5;

// As gcam_conv_create() without its checks: pads may be negative, out_h and out_w are what the caller says.
// They only place the kernel: output (y, x) reads input rows y * stride_h - pad_top + i * dilation_h, zeros
// where there is none.
int gcam_conv_create_unchecked(GcamConv **out, const GcamConvShape *shape, const float *weights,
                               const float *scale, const float *bias, enum GcamActivation act, float lo,
                               float hi);

// -EINVAL for a shape that does not fit together, -ENOMEM for one whose tensors no memory could hold.
int gcam_conv_check(const GcamConvShape *shape);

// Room for `count` packed matrices, freed with the convolution. -ENOMEM.
int gcam_conv_packed_create(GcamConv *conv, size_t count);

// Where a thread's part of the scratch begins, in parts before it: multiples of this many floats.
static inline size_t gcam_conv_part(size_t floats)
{
    return (floats + GCAM_CONV_PART - 1) / GCAM_CONV_PART * GCAM_CONV_PART;
}

// What follows the product, for output channels from `channel` on; add is moved along.
GcamEpilogue gcam_conv_epilogue(const GcamConv *conv, const float *add, int channel);

// What becomes of the sums of the output pixels from float `at` of y on, its channels from `channel` on. add: or NULL.
GcamFinish gcam_conv_finish(const GcamConv *conv, const float *add, float *y, size_t at, size_t channel);

#endif
