/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What blending takes: stretches of one row of one component of a picture, and a table of weights and colours for each
 * level of the map. What a level does is the same for every instruction set, to the bit. What a table says is
 * picture/overlay.c's, where the levels along a row come from picture/blend_*.c's.
 *
 * Rows have any alignment, those of samples of 16 bits that of a sample. Of a row of interleaved components a kernel
 * may write what it read between the first sample and the last, samples of the other components; nobody else may be at
 * them. It touches nothing before the first sample, and nothing behind the last.
 */
#ifndef GCAM_KERNELS_BLEND_H
#define GCAM_KERNELS_BLEND_H

#include <stdint.h>

// Kernels may write, and read, this many indices past those asked for.
#define GCAM_BLEND_MARGIN   64

// Samples of more bits are blended with weights of 1/65535, the others with those of 1/32768, which fit SIMD
// multiplications.
#define GCAM_BLEND_DEPTH    14

// Tables of bytes are looked up by shuffling them in windows of so many entries, hence the excess.
#define GCAM_BLEND_WINDOW   32

// For one component and each index 0..255: out = in + weight * (color - in), rounded to nearest, halves up.
typedef struct GcamBlendTable {
    uint16_t weight[256];       // at most 32767 of 32768, or 65535 of 65535
    uint16_t color[256];
    uint32_t both[256];         // color << 16 | weight: one look-up where a table cannot be shuffled
    // Halves of them.
    uint8_t weight_low[256 + GCAM_BLEND_WINDOW], weight_high[256 + GCAM_BLEND_WINDOW];
    uint8_t color_low[256 + GCAM_BLEND_WINDOW], color_high[256 + GCAM_BLEND_WINDOW];
} GcamBlendTable;

// Levels along a stretch of a row: of sample x + i the top byte of start + i * step, modulo 2^32.
typedef struct GcamRamp {
    int x, count;
    uint32_t start, step;
} GcamRamp;

// The same along a curve: step[0] + i * step[1] + i(i-1)/2 * step[2] + i(i-1)(i-2)/6 * step[3], modulo 2^32, is a level
// in units of 2^-GCAM_CURVE_BITS, from -512 to 511; what is not in 0..255 is brought there.
#define GCAM_CURVE_BITS     22
typedef struct GcamCurve {
    int x, count;
    uint32_t step[4];
} GcamCurve;

typedef struct GcamBlendKernels {
    // Levels of all samples of `count` adjoining ramps, to index[ramp->x] on. May write GCAM_BLEND_MARGIN bytes
    // more.
    void (*index)(uint8_t *index, const GcamRamp *ramp, int count);
    void (*curve)(uint8_t *index, const GcamCurve *curve, int count);
    // Blends `count` samples of 8 bits, `step` bytes apart, in place.
    void (*mix8)(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table);
    // The same for samples of 9 to GCAM_BLEND_DEPTH bits in 16, shifted up by `shift`. step in bytes, even.
    void (*mix16)(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                  const GcamBlendTable *table);
    // The same for samples of more bits.
    void (*mix_deep)(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                     const GcamBlendTable *table);
} GcamBlendKernels;

// In C, for any step; what the others leave over, and the reference of tests.
void gcam_blend_mix8_c(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table);
void gcam_blend_mix16_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                        const GcamBlendTable *table);
void gcam_blend_mix_deep_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                           const GcamBlendTable *table);

#endif
