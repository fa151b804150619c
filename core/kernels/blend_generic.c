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

static void curve_c(uint8_t *index, const GcamCurve *curve, int count)
{
    for (const GcamCurve *c = curve; c < curve + count; c++) {
        uint32_t level = c->step[0], first = c->step[1], second = c->step[2];
        for (int i = 0; i < c->count; i++) {
            const int32_t whole = (int32_t)level >> GCAM_CURVE_BITS;
            index[c->x + i] = (uint8_t)(whole < 0 ? 0 : whole > 255 ? 255 : whole);
            level += first;
            first += second;
            second += c->step[3];
        }
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
    kernels->blend = (GcamBlendKernels){
        index_c, curve_c, gcam_blend_mix8_c, gcam_blend_mix16_c, gcam_blend_mix_deep_c,
    };
}
