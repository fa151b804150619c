/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The sizes of a convolution: what its callers describe it by, and each algorithm computes from.
 */
#ifndef GCAM_TENSOR_CONV_SHAPE_H
#define GCAM_TENSOR_CONV_SHAPE_H

#include "tensor/gemm.h"

// out_h must be (h + pad_top + pad_bottom - dilation_h * (kernel_h - 1) - 1) / stride_h + 1, out_w likewise.
typedef struct GcamConvShape {
    int n, h, w, c;             // input
    int out_c, out_h, out_w;    // output; its n is the input's
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int pad_top, pad_left, pad_bottom, pad_right;
    int dilation_h, dilation_w;
    int groups;                 // divides c and out_c
    int y_pixel;                // floats from pixel to pixel of the output forward; 0: out_c. More only without `add`
    enum GcamType type;         // what may be multiplied: GCAM_F32, or GCAM_BF16 where gcam_gemm_has() it
} GcamConvShape;

typedef struct GcamConv GcamConv;

// Threads have parts of the scratch to themselves that begin at multiples of this, or one part is larger.
enum { GCAM_CONV_PART = 1 << 18 };          // floats

#endif
