/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of an overlay: what blend.c looks up for each component, and the loops over samples that exist
 * once in C (kernels/blend.c) and again per instruction set, all with equal results to the bit.
 */
#ifndef GCAM_BLEND_H
#define GCAM_BLEND_H

#include "cpu.h"
#include "gradcam.h"

// Kernels may write this many indices past those asked for.
#define GCAM_BLEND_MARGIN   64

// Samples of more bits are blended with 16-bit weights, the others with 15-bit ones that fit SIMD
// multiplications.
#define GCAM_BLEND_DEPTH    14

// For one component and each index 0..255: out = in + weight * (color - in), rounded to nearest, halves up.
typedef struct GcamBlendTable {
    // Up to GCAM_BLEND_DEPTH bits: weight of 1/32768, at most 32767. Halves of them and of the colour, for
    // lookups by shuffling bytes in windows of 16 entries (hence the excess).
    uint8_t weight_low[256 + 16], weight_high[256 + 16];
    uint8_t color_low[256 + 16], color_high[256 + 16];
    uint32_t weight[256];       // deeper ones: weight of 1/65536, at most 65536; else as above
    uint16_t color[256];
} GcamBlendTable;

struct GradcamOverlay {
    GradcamOverlaySettings settings;
    int components;             // 3, or 1 for grey
    int skip_zero;              // index 0 leaves a sample as it is
    GcamBlendTable table[3];
};

typedef struct GcamBlendKernels {
    // index[i] = (start + i * step) >> 24 for i < count, modulo 2^32. May write GCAM_BLEND_MARGIN bytes more.
    void (*index)(uint8_t *index, int count, uint32_t start, uint32_t step);
    // Blends `count` samples of 8 bits, `step` bytes apart, in place.
    void (*mix8)(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table);
    // The same for samples of 9 to GCAM_BLEND_DEPTH bits in 16, shifted up by `shift`. step in bytes, even.
    void (*mix16)(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                  const GcamBlendTable *table);
} GcamBlendKernels;

// The best ones up to the given instruction set. Static.
const GcamBlendKernels *gcam_blend_kernels(enum GcamCpu cpu);

// In C; also what is left over by the others.
void gcam_blend_index_c(uint8_t *index, int count, uint32_t start, uint32_t step);
void gcam_blend_mix8_c(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table);
void gcam_blend_mix16_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                        const GcamBlendTable *table);
// Any depth up to 16; exists in C only.
void gcam_blend_mix_deep(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                         const GcamBlendTable *table);

extern const GcamBlendKernels gcam_blend_kernels_avx2;
extern const GcamBlendKernels gcam_blend_kernels_avx512;    // needs VBMI too

#endif
