/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What resizing takes: rows of samples, weights of rows and of columns, and those that make colours. Results are the
 * same for every instruction set, to the bit. Weights come from picture/resize.c.
 *
 * A sample on its way: 8 to 16 bits in the picture; then, rows weighed, 15 bits (its code shifted up to
 * those) in an int16_t; the same with columns weighed; then 8-bit R, G, B.
 */
#ifndef GCAM_KERNELS_RESIZE_H
#define GCAM_KERNELS_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#define GCAM_RESIZE_ROW_ONE     32768   // sum of the weights of rows
#define GCAM_RESIZE_COLUMN_BITS 14      // of the sum of the weights of columns
#define GCAM_RESIZE_COLOR_BITS  20
#define GCAM_RESIZE_LANES       16      // columns are weighed so many at a time, and made so many at a time

// Output i is the sum of weight[i * taps + t] times input first[i] + t, 0 <= t < taps.
typedef struct GcamResizeTaps {
    int count, taps;
    int *first;
    uint16_t *weight;
} GcamResizeTaps;

// Makes R, G, B of three components: each is the sum of scale times component, plus offset, in units of
// 2^-GCAM_RESIZE_COLOR_BITS code values.
typedef struct GcamResizeColor {
    int16_t scale[3][3];
    int32_t offset[3];
} GcamResizeColor;

typedef struct GcamResizeKernels {
    // out[i] = taps / 2 + sum over t of (in[t][i] * weight[t] >> 16), where `in` are the `count` >= 0 samples of each
    // of `taps` rows, shifted up to 16 bits. The weights are above 0 and sum up to GCAM_RESIZE_ROW_ONE. Rows are read,
    // and `out` written, where there are samples and nowhere else; rows of 16 bits are aligned to a sample.
    void (*rows8)(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count);
    void (*rows16)(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count, int shift);
    // out[i] = sum over t of weight[t] * in[first[i] + t], rounded. taps->count and taps->taps are multiples of
    // GCAM_RESIZE_LANES; all of the taps are read, those that weigh nothing too. in is 0 or more.
    void (*columns)(int16_t *out, const int16_t *in, const GcamResizeTaps *taps);
    // R, G, B interleaved of `count` >= 0 pixels; nothing beyond is read or written.
    void (*color)(uint8_t *rgb, const int16_t *const in[3], int count, const GcamResizeColor *color);
} GcamResizeKernels;

// In C; also what the others leave over.
void gcam_resize_rows8_c(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count);
void gcam_resize_rows16_c(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count,
                          int shift);
void gcam_resize_color_c(uint8_t *rgb, const int16_t *const in[3], int count, const GcamResizeColor *color);

#endif
