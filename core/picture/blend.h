/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of an overlay: what blend.c looks up for each component, and the loops over samples that exist
 * once in C (kernels/blend.c) and again per instruction set, all with equal results to the bit.
 */
#ifndef GCAM_PICTURE_BLEND_H
#define GCAM_PICTURE_BLEND_H

#include "base/cpu.h"
#include "gradcam.h"

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
    // Halves of them.
    uint8_t weight_low[256 + GCAM_BLEND_WINDOW], weight_high[256 + GCAM_BLEND_WINDOW];
    uint8_t color_low[256 + GCAM_BLEND_WINDOW], color_high[256 + GCAM_BLEND_WINDOW];
} GcamBlendTable;

struct GradcamOverlay {
    GradcamOverlaySettings settings;
    int components;             // 3, or 1 for grey
    int skip_zero;              // index 0 leaves a sample as it is
    GcamBlendTable table[3];
};

// Levels along a stretch of a row: of sample x + i the top byte of start + i * step, modulo 2^32.
typedef struct GcamRamp {
    int x, count;
    uint32_t start, step;
} GcamRamp;

typedef struct GcamBlendKernels {
    // Levels of all samples of `count` adjoining ramps, to index[ramp->x] on. May write GCAM_BLEND_MARGIN bytes
    // more.
    void (*index)(uint8_t *index, const GcamRamp *ramp, int count);
    // Blends `count` samples of 8 bits, `step` bytes apart, in place.
    void (*mix8)(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table);
    // The same for samples of 9 to GCAM_BLEND_DEPTH bits in 16, shifted up by `shift`. step in bytes, even.
    void (*mix16)(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                  const GcamBlendTable *table);
    // The same for samples of more bits.
    void (*mix_deep)(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                     const GcamBlendTable *table);
} GcamBlendKernels;

// The best ones up to the given instruction set. Static.
const GcamBlendKernels *gcam_blend_kernels(enum GcamCpu cpu);

// In C; also what is left over by the others.
void gcam_blend_mix8_c(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table);
void gcam_blend_mix16_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                        const GcamBlendTable *table);
void gcam_blend_mix_deep_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                           const GcamBlendTable *table);

extern const GcamBlendKernels gcam_blend_kernels_avx2;
extern const GcamBlendKernels gcam_blend_kernels_avx512;    // needs VBMI too

#endif
