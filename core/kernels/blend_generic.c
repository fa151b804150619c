/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of blending in C. In: samples of one component in a row,
 * map levels as bytes, a table. Out: the samples, blended in place.
 */
#include "kernels.h"

static void index_c(uint8_t *index, const GcamRamp *ramp, int count)
{
    for (const GcamRamp *r = ramp; r < ramp + count; r++) {
        const uint32_t start = r->start, step = r->step;
        const int samples = r->count;
        uint8_t *out = index + r->x;
        for (int i = 0; i < samples; i++)
            out[i] = (start + (uint32_t)i * step) >> 24;
    }
}

void gcam_blend_mix8_c(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table)
{
    for (int i = 0; i < count; i++, row += step) {
        const int in = *row, weight = table->weight[index[i]], color = table->color[index[i]];
        *row = (uint8_t)(in + ((weight * (color - in) + (1 << 14)) >> 15));
    }
}

void gcam_blend_mix16_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                        const GcamBlendTable *table)
{
    for (int i = 0; i < count; i++, row += step) {
        uint16_t *sample = (uint16_t *)row;
        const int in = *sample >> shift;
        const int weight = table->weight[index[i]], color = table->color[index[i]];
        *sample = (uint16_t)((in + ((weight * (color - in) + (1 << 14)) >> 15)) << shift);
    }
}

// The sum is below 2^32; added to its own 65536th part it is divided by 65535 with a shift.
void gcam_blend_mix_deep_c(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                           const GcamBlendTable *table)
{
    for (int i = 0; i < count; i++, row += step) {
        uint16_t *sample = (uint16_t *)row;
        const uint32_t in = *sample >> shift, weight = table->weight[index[i]], color = table->color[index[i]];
        const uint32_t sum = in * (65535 - weight) + color * weight + 32768;
        *sample = (uint16_t)((sum + (sum >> 16)) >> 16 << shift);
    }
}

void gcam_blend_init_generic(GcamKernels *kernels)
{
    kernels->blend = (GcamBlendKernels){ index_c, gcam_blend_mix8_c, gcam_blend_mix16_c, gcam_blend_mix_deep_c };
}
