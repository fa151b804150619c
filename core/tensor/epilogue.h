/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What becomes of the sums of a matrix product, a convolution or a connected layer.
 */
#ifndef GCAM_TENSOR_EPILOGUE_H
#define GCAM_TENSOR_EPILOGUE_H

#include <math.h>
#include <stddef.h>

enum GcamActivation {
    GCAM_ACT_NONE,
    GCAM_ACT_RELU,              // max(x, 0)
    GCAM_ACT_CLIP,              // min(max(x, lo), hi)
};

// What is done to the product: c = act((accumulate ? c : 0) + product + bias + add). NaN stays NaN. All
// zeros: nothing.
typedef struct GcamEpilogue {
    const float *bias;          // N elements, or NULL
    const float *add;           // residual, M rows of N, or NULL; must not overlap C: accumulate is for that
    ptrdiff_t add_stride;       // elements from row to row of `add`
    enum GcamActivation act;
    float lo, hi;               // of GCAM_ACT_CLIP
    int accumulate;
} GcamEpilogue;

// act, lo and hi as one pair of limits, which kernels take.
static inline void gcam_activation_limits(enum GcamActivation act, float lo, float hi, float limits[2])
{
    limits[0] = act == GCAM_ACT_CLIP ? lo : act == GCAM_ACT_RELU ? 0 : -INFINITY;
    limits[1] = act == GCAM_ACT_CLIP ? hi : INFINITY;
}

#endif
