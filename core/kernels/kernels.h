/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inner loops, one set of functions per instruction set. They know nothing of threads, images or
 * networks: each works on one block that fits the caches. The same bodies (*_body.h) are compiled for each
 * instruction set with its own vector operations (simd_*.h), except that the portable set leaves matrix
 * products to OpenBLAS.
 *
 * Pointers to floats need no more than the alignment of a float. "lo, hi": the result is min(max(x, lo), hi),
 * with infinities for no limit; NaN passes through.
 */
#ifndef GCAM_KERNELS_KERNELS_H
#define GCAM_KERNELS_KERNELS_H

#include <stddef.h>

#include "base/cpu.h"
#include "tensor/linear.h"

// One block of a matrix product: columns n0..n0+n-1 of m rows, over k0..k0+k-1.
typedef struct GcamGemmBlock {
    size_t m, n, k;
    size_t n0, k0;              // n0 is a multiple of the panel width
    const float *a;             // element (0, k0), rows lda apart
    ptrdiff_t lda;
    const float *b;             // all of packed B; of bfloat16: a pair in the place of each float
    size_t b_k, b_n;            // its size before packing
    float *c;                   // element (0, n0)
    ptrdiff_t ldc;
    int load;                   // add to what is in C
    int last;                   // then add what follows and limit
    const float *bias;          // of column n0, or NULL
    const float *add;           // element (0, n0), or NULL
    ptrdiff_t add_stride;
    float lo, hi;
} GcamGemmBlock;

// What becomes of the sums of a convolution: plus bias, plus add, limited, to y.
typedef struct GcamFinish {
    const float *bias, *add;    // or NULL; add has the strides of y
    float *y;                   // channel i of pixel p at y[p * y_step + i]
    ptrdiff_t y_step;
    float lo, hi;
} GcamFinish;

// `count` pixels of a depthwise convolution, each with the same taps further on. Of channel i of pixel p:
// sum over t of w[w_offset[t] + i] * x[p * x_step + x_offset[t] + i].
typedef struct GcamDepthwise {
    size_t channels, taps, count;
    const float *x, *w;
    const ptrdiff_t *x_offset, *w_offset;
    ptrdiff_t x_step;
    GcamFinish finish;
} GcamDepthwise;

// GCAM_DEPTHWISE_TILE neighbours of a row of a depthwise convolution, for kernels of 3, 5 or 7 columns and steps of 1
// or 2 pixels: they share what they read. `rows` rows of the kernel are inside the picture, the first of them at w,
// the line it reads at x, the others x_row further on each. Where a column lies outside, `from` has the places of all
// of the tile's columns, row by row.
enum { GCAM_DEPTHWISE_TILE = 7 };

typedef struct GcamDepthwiseTile {
    size_t channels, rows;
    const float *x, *w;
    ptrdiff_t x_row, x_column;
    const float *const *from;   // or NULL
    GcamFinish finish;
} GcamDepthwiseTile;

// A window of pixels: element i of the result is the greatest of `start` and the x[r * row + c * column + i], or
// their sum times scale. What is not a number is passed over by the maximum.
typedef struct GcamWindowBlock {
    size_t channels, rows, columns;
    const float *x;
    ptrdiff_t row, column;
    float *y;
    float start, scale;
} GcamWindowBlock;

// `count` pixels of a convolution of one group. Pixel p reads `runs` runs of `length` floats, run r at
// x + p * x_step + offset[r]; its sums are of their products with the weights.
typedef struct GcamDirect {
    size_t count, channels;     // pixels; outputs of each
    size_t runs, length;
    const ptrdiff_t *offset;
    const float *x;
    ptrdiff_t x_step;
    const float *w;             // panels of `panel` outputs, the last cut to whole vectors and filled up with zeros; of
    size_t panel;               // each the weights of the first float of the first run, of the second and so on
    GcamFinish finish;
} GcamDirect;

// One output tile of a Winograd convolution, all channels.
typedef struct GcamWinogradOutput {
    size_t channels;            // a multiple of 16
    const float *m;             // product of position p and channel i at m[p * position + i]
    ptrdiff_t position;
    ptrdiff_t y_row;            // pixel (r, c) of the output at r * y_row + c * y_step
    GcamFinish finish;
} GcamWinogradOutput;

// F(2x2, 3x3), F(4x4, 3x3) and F(2x2, 5x5): output tiles of 2 and 4, of input tiles of 4 and 6.
enum { GCAM_WINOGRAD2, GCAM_WINOGRAD4, GCAM_WINOGRAD2_5X5, GCAM_WINOGRADS };

enum { GCAM_LINEAR_ROWS = 4 };              // of GcamKernels.dot and .axpy

typedef struct GcamKernels {
    // Packed B consists of panels, `panel` columns each; the last is cut to half of it where that is enough,
    // and filled up with zeros. A panel is row-major. panel 0: all of B is row-major, without filling.
    size_t panel;
    size_t rows;                // rows of C computed at once: the best granularity for blocks of A
    void (*gemm)(const GcamGemmBlock *block);

    // The same product of operands rounded to bfloat16, summed in floats; k0 is even, k at most 512. Where packed B has
    // a float it has two neighbours of a column, rows 2p (lower half) and 2p + 1; beyond the last row there is a zero.
    // NULL where the processor has no instruction for it.
    void (*gemm_bf16)(const GcamGemmBlock *block);
    // n such pairs from two rows.
    void (*pair_rows)(float *out, const float *even, const float *odd, size_t n);
    // Such pairs of a panel with rows `stride` wide, transposed: its columns become `rows` rows, its rows `columns`
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

    // By the type of w, for a few rows of n elements: out[r] = sum over i of w[r][i] * x[i], and
    // y[i] += sum over r of factor[r] * w[r][i]; `next` are rows that will be read soon, fetched meanwhile.
    void (*dot[3])(float out[GCAM_LINEAR_ROWS], const void *const w[GCAM_LINEAR_ROWS],
                   const void *const next[GCAM_LINEAR_ROWS], const float *x, size_t n);
    void (*axpy[3])(float *y, const void *const w[GCAM_LINEAR_ROWS], const void *const next[GCAM_LINEAR_ROWS],
                    const float factor[GCAM_LINEAR_ROWS], size_t n);
    void (*convert[3])(float *out, const void *in, size_t n);
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
} GcamKernels;

// The set of gcam_cpu(). Thread-safe.
const GcamKernels *gcam_kernels(void);

// The set of a given level, for tests; the machine must have it.
const GcamKernels *gcam_kernels_for(enum GcamCpu cpu);

// Filled by one file each.
void gcam_kernels_init_generic(GcamKernels *kernels);
void gcam_kernels_init_sse2(GcamKernels *kernels);
void gcam_kernels_init_avx(GcamKernels *kernels);
void gcam_kernels_init_avx2(GcamKernels *kernels);
void gcam_kernels_init_avx512(GcamKernels *kernels);
void gcam_kernels_init_avx512bf16(GcamKernels *kernels);
void gcam_kernels_init_neon(GcamKernels *kernels);

#endif
