/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inner loops, one set of functions per instruction set, all chosen in one place (kernels.c). They know nothing of
 * threads, pictures or networks: each works on one block that fits the caches, and what it takes is declared here and
 * in the headers beside (gemm.h, conv.h, blend.h, resize.h), which include nothing but base/. The same bodies
 * (*_body.h) are compiled for each instruction set with its own vector operations (simd_*.h), except that the portable
 * set leaves matrix products to OpenBLAS.
 *
 * Pointers to floats need no more than the alignment of a float. "lo, hi": the result is min(max(x, lo), hi),
 * with infinities for no limit; NaN passes through. No kernel fails, allocates or keeps anything, so any number of
 * threads may be in any of them.
 */
#ifndef GCAM_KERNELS_KERNELS_H
#define GCAM_KERNELS_KERNELS_H

#include <stddef.h>

#include "base/cpu.h"
#include "base/half.h"
#include "blend.h"
#include "conv.h"
#include "gemm.h"
#include "resize.h"

enum { GCAM_LINEAR_ROWS = 4 };              // of GcamKernels.dot and .axpy

typedef struct GcamKernels {
    size_t panel;               // columns of a panel of packed B, see gemm.h
    size_t rows;                // rows of C computed at once: the best granularity for blocks of A
    void (*gemm)(const GcamGemmBlock *block);

    // The same product of operands rounded to bfloat16, summed in floats; k is at most GCAM_GEMM_K. Packed B has pairs.
    // NULL, like the two functions that make such pairs, where the processor has no instruction for it.
    void (*gemm_bf16)(const GcamGemmBlock *block);
    // n pairs from two rows.
    void (*pair_rows)(float *out, const float *even, const float *odd, size_t n);
    // Pairs of a panel with rows `stride` wide, transposed: its columns become `rows` rows, its rows `columns`
    // columns, followed by zeros up to `width`.
    void (*turn_pairs)(float *out, const float *in, size_t stride, size_t rows, size_t columns, size_t width);

    void (*depthwise)(const GcamDepthwise *d);
    void (*depthwise_tile[3][2])(const GcamDepthwiseTile *d);   // kernels of 3, 5, 7 columns; steps of 1, 2 pixels

    void (*window_maximum)(const GcamWindowBlock *w);
    void (*window_sum)(const GcamWindowBlock *w);

    // For panels of one vector, and of two vectors, of so many floats.
    void (*direct[2])(const GcamDirect *d);
    size_t direct_vector[2];

    // The tile that starts at x, 4x4 or 6x6 pixels, to v[position * p + i]. channels: a multiple of 16.
    void (*winograd_input[GCAM_WINOGRADS])(size_t channels, const float *x, ptrdiff_t row, ptrdiff_t pixel,
                              float *v, ptrdiff_t position);
    void (*winograd_output[GCAM_WINOGRADS])(const GcamWinogradOutput *out);

    // By the type of w, for a few rows of n elements, aligned to an element only: out[r] = sum over i of
    // w[r][i] * x[i], and y[i] += sum over r of factor[r] * w[r][i]; `next` are rows that will be read soon, fetched
    // meanwhile. Rows may be the same.
    void (*dot[GCAM_TYPES])(float out[GCAM_LINEAR_ROWS], const void *const w[GCAM_LINEAR_ROWS],
                   const void *const next[GCAM_LINEAR_ROWS], const float *x, size_t n);
    void (*axpy[GCAM_TYPES])(float *y, const void *const w[GCAM_LINEAR_ROWS], const void *const next[GCAM_LINEAR_ROWS],
                    const float factor[GCAM_LINEAR_ROWS], size_t n);
    // n elements to floats.
    void (*convert[GCAM_TYPES])(float *out, const void *in, size_t n);
    // To GCAM_F16, rounded to the nearest.
    void (*narrow)(void *out, const float *in, size_t n);

    // y[i] = f(x[i]) to a few units in the last place; y may be x. exp is limited to the range of normal
    // floats.
    void (*exp)(float *y, const float *x, size_t n);
    void (*sigmoid)(float *y, const float *x, size_t n);
    void (*tanh)(float *y, const float *x, size_t n);
    void (*erf)(float *y, const float *x, size_t n);
    void (*silu)(float *y, const float *x, size_t n);           // x * sigmoid(x)
    void (*gelu)(float *y, const float *x, size_t n);           // x * (1 + erf(x / sqrt(2))) / 2
    void (*hard_swish)(float *y, const float *x, size_t n);     // x * min(max(x / 6 + 1/2, 0), 1)

    // A row of n >= 1 elements; y may be x. Softmax of scale * x plus each row of `add` that is not NULL.
    void (*softmax)(float *y, const float *x, float scale, const float *const add[2], size_t n);
    // (x - mean) / sqrt(variance + epsilon) * scale + bias
    void (*layer_norm)(float *y, const float *x, const float *scale, const float *bias, float epsilon, size_t n);

    GcamBlendKernels blend;
    GcamResizeKernels resize;
} GcamKernels;

// The set of gcam_cpu(). Thread-safe.
const GcamKernels *gcam_kernels(void);

// The set of a given level, for tests; the machine must have it.
const GcamKernels *gcam_kernels_for(enum GcamCpu cpu);

// Each enters what one file has for one instruction set, over what is there. The machine must have it.
typedef void GcamKernelsInit(GcamKernels *kernels);
GcamKernelsInit gcam_kernels_init_generic, gcam_blend_init_generic, gcam_resize_init_generic;
GcamKernelsInit gcam_kernels_init_sse2, gcam_picture_init_sse2;
GcamKernelsInit gcam_kernels_init_avx;
GcamKernelsInit gcam_kernels_init_avx2, gcam_blend_init_avx2, gcam_resize_init_avx2;
GcamKernelsInit gcam_kernels_init_avx512, gcam_blend_init_avx512, gcam_resize_init_avx512;
GcamKernelsInit gcam_kernels_init_avx512bf16;
GcamKernelsInit gcam_kernels_init_neon, gcam_picture_init_neon;

#endif
