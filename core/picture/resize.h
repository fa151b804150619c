/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of a resizer: its weights, and the loops over samples that exist once in C (kernels/resize.c)
 * and again per instruction set, all with equal results to the bit.
 *
 * A sample on its way: 8 to 16 bits in the picture; then, rows weighed, 15 bits (its code shifted up to
 * those) in an int16_t; the same with columns weighed; then 8-bit R, G, B.
 */
#ifndef GCAM_PICTURE_RESIZE_H
#define GCAM_PICTURE_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

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
    // out[i] = taps / 2 + sum over t of (in[t][i] * weight[t] >> 16), where `in` are the samples, shifted up to 16
    // bits. The weights are above 0 and sum up to GCAM_RESIZE_ROW_ONE.
    void (*rows8)(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count);
    void (*rows16)(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count, int shift);
    // out[i] = sum over t of weight[t] * in[first[i] + t], rounded. taps->count and taps->taps are multiples of
    // GCAM_RESIZE_LANES.
    void (*columns)(int16_t *out, const int16_t *in, const GcamResizeTaps *taps);
    // R, G, B interleaved.
    void (*color)(uint8_t *rgb, const int16_t *const in[3], int count, const GcamResizeColor *color);
} GcamResizeKernels;

// The best ones up to the given instruction set. Static.
const GcamResizeKernels *gcam_resize_kernels(enum GcamCpu cpu);

// In C; also what is left over by the others.
void gcam_resize_rows8_c(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count);
void gcam_resize_rows16_c(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count,
                          int shift);
void gcam_resize_color_c(uint8_t *rgb, const int16_t *const in[3], int count, const GcamResizeColor *color);

// Of AVX2, used by AVX-512 too.
void gcam_resize_columns_avx2(int16_t *out, const int16_t *in, const GcamResizeTaps *taps);
void gcam_resize_color_avx2(uint8_t *rgb, const int16_t *const in[3], int count, const GcamResizeColor *color);

extern const GcamResizeKernels gcam_resize_kernels_avx2;
extern const GcamResizeKernels gcam_resize_kernels_avx512;

#endif
