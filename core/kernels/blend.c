/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of blending in C, and the choice among their versions. In: samples of one component in a row,
 * map levels as bytes, a table. Out: the samples, blended in place.
 */
#include "blend.h"

void gcam_blend_index_c(uint8_t *index, const GcamSegment *segment, int count, double fraction)
{
    for (const GcamSegment *s = segment; s < segment + count; s++) {
        const uint32_t start = gcam_segment_start(s, fraction), step = gcam_segment_step(s, fraction);
        const int samples = s->count;
        uint8_t *out = index + s->x;
        for (int i = 0; i < samples; i++)
            out[i] = (start + (uint32_t)i * step) >> 24;
    }
}

void gcam_blend_mix8_c(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table)
{
    for (int i = 0; i < count; i++, row += step) {
        const int in = *row, weight = (int)table->weight[index[i]], color = table->color[index[i]];
        *row = (uint8_t)(in + ((weight * (color - in) + (1 << 14)) >> 15));
    }
}

void gcam_blend_mix16_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                        const GcamBlendTable *table)
{
    for (int i = 0; i < count; i++, row += step) {
        uint16_t *sample = (uint16_t *)row;
        const int in = *sample >> shift;
        const int weight = (int)table->weight[index[i]], color = table->color[index[i]];
        *sample = (uint16_t)((in + ((weight * (color - in) + (1 << 14)) >> 15)) << shift);
    }
}

void gcam_blend_mix_deep(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                         const GcamBlendTable *table)
{
    for (int i = 0; i < count; i++, row += step) {
        uint16_t *sample = (uint16_t *)row;
        const int64_t in = *sample >> shift, weight = table->weight[index[i]], color = table->color[index[i]];
        *sample = (uint16_t)((in + ((weight * (color - in) + (1 << 15)) >> 16)) << shift);
    }
}

static const GcamBlendKernels kernels_c = { gcam_blend_index_c, gcam_blend_mix8_c, gcam_blend_mix16_c };

const GcamBlendKernels *gcam_blend_kernels(enum GcamCpu cpu)
{
#if defined(__x86_64__)
    if (cpu >= GCAM_CPU_AVX512 && __builtin_cpu_supports("avx512vbmi"))
        return &gcam_blend_kernels_avx512;
    if (cpu >= GCAM_CPU_AVX2)
        return &gcam_blend_kernels_avx2;
#else
    (void)cpu;
#endif
    return &kernels_c;
}
