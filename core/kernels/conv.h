/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the convolutions and poolings take: a run of pixels, or one tile, of pictures whose channels are neighbours in
 * memory. Steps and strides are in floats, and may be negative. Which pixels lie inside of a picture is the caller's to
 * know (tensor/conv/, ops/pooling.c): all that is named here is read, and nothing beyond. What is written overlaps
 * nothing that is read, but that `add` may be y.
 */
#ifndef GCAM_KERNELS_CONV_H
#define GCAM_KERNELS_CONV_H

#include <stddef.h>

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

// F(2x2, 3x3), F(4x4, 3x3) and F(2x2, 5x5): output tiles of 2 and 4, of input tiles of 4 and 6.
enum { GCAM_WINOGRAD2, GCAM_WINOGRAD4, GCAM_WINOGRAD2_5X5, GCAM_WINOGRADS };

// One output tile of a Winograd convolution, all channels.
typedef struct GcamWinogradOutput {
    size_t channels;            // a multiple of 16
    const float *m;             // product of position p and channel i at m[p * position + i]
    ptrdiff_t position;
    ptrdiff_t y_row;            // pixel (r, c) of the output at r * y_row + c * y_step
    GcamFinish finish;
} GcamWinogradOutput;

#endif
