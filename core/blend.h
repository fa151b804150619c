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

// Samples x .. x + count - 1 of a chunk lie between the centres of cell `left` and cell `right` of a map row,
// the first of them `offset` cells from the left one. left == right: constant. left < 0: outside of the map,
// zero.
typedef struct GcamSegment {
    int x, count;
    double start, start_dy;     // value of the first sample: in the upper row of the map, change to the lower
    double step, step_dy;       // change from sample to sample
    double offset;
    int left, right;
    int zero;                   // at all four corners
} GcamSegment;

// Both in units of 2^-24 levels, modulo 2^32, for a row `fraction` of the way from the upper row of the map
// to the lower. Truncation may lose one unit of the start, never more: the one added keeps sums from
// falling below zero.
static inline uint32_t gcam_segment_start(const GcamSegment *s, double fraction)
{
    return (uint32_t)(int64_t)(s->start + fraction * s->start_dy) + 1;
}

static inline uint32_t gcam_segment_step(const GcamSegment *s, double fraction)
{
    return (uint32_t)(int64_t)(s->step + fraction * s->step_dy);
}

typedef struct GcamBlendKernels {
    // Levels of all samples of `count` adjoining segments: index[segment->x + i] = (start + i * step) >>
    // 24. May write GCAM_BLEND_MARGIN bytes more.
    void (*index)(uint8_t *index, const GcamSegment *segment, int count, double fraction);
    // Blends `count` samples of 8 bits, `step` bytes apart, in place.
    void (*mix8)(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table);
    // The same for samples of 9 to GCAM_BLEND_DEPTH bits in 16, shifted up by `shift`. step in bytes, even.
    void (*mix16)(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                  const GcamBlendTable *table);
} GcamBlendKernels;

// The best ones up to the given instruction set. Static.
const GcamBlendKernels *gcam_blend_kernels(enum GcamCpu cpu);

// In C; also what is left over by the others.
void gcam_blend_index_c(uint8_t *index, const GcamSegment *segment, int count, double fraction);
void gcam_blend_mix8_c(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table);
void gcam_blend_mix16_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                        const GcamBlendTable *table);
// Any depth up to 16; exists in C only.
void gcam_blend_mix_deep(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                         const GcamBlendTable *table);

extern const GcamBlendKernels gcam_blend_kernels_avx2;
extern const GcamBlendKernels gcam_blend_kernels_avx512;    // needs VBMI too

#endif
