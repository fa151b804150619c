/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of resizing in C, which say what the others must give to the bit (resize.h has the contracts). Rows are
 * weighed in 16 bits without a sign: a product keeps its upper half, and taps / 2 makes up for what that cuts off on
 * the average. Columns are weighed in 32 bits, colours too, and rounded once.
 */
#include <string.h>

#include "kernels.h"
#include "unroll.h"

#define BLOCK 64                // so many columns are worked on at a time

// bytes: of a sample. A loop of known length becomes vectors.
INLINE void weigh(uint16_t *sum, const uint8_t *row, const int n, uint32_t weight, const int bytes, int shift)
{
    for (int i = 0; i < n; i++) {
        const uint16_t sample = bytes == 1 ? row[i] : ((const uint16_t *)row)[i];
        sum[i] += (uint16_t)((uint32_t)(uint16_t)(sample << shift) * weight >> 16);
    }
}

INLINE void rows(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count,
                 const int bytes, int shift)
{
    for (int x = 0; x < count; x += BLOCK) {
        const int n = count - x < BLOCK ? count - x : BLOCK;
        uint16_t sum[BLOCK];
        for (int i = 0; i < BLOCK; i++)
            sum[i] = (uint16_t)(taps / 2);
        for (int t = 0; t < taps; t++) {
            const uint8_t *row = in[t] + (size_t)x * bytes;
            if (n == BLOCK)
                weigh(sum, row, BLOCK, weight[t], bytes, shift);
            else
                weigh(sum, row, n, weight[t], bytes, shift);
        }
        memcpy(out + x, sum, n * sizeof(*out));
    }
}

void gcam_resize_rows8_c(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count)
{
    rows(out, in, weight, taps, count, 1, 8);
}

void gcam_resize_rows16_c(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count,
                          int shift)
{
    rows(out, in, weight, taps, count, 2, shift);
}

// Samples are 0..32767 and weights sum up to 2^GCAM_RESIZE_COLUMN_BITS, so the sum fits.
static void columns_c(int16_t *out, const int16_t *in, const GcamResizeTaps *taps)
{
    for (int i = 0; i < taps->count; i++) {
        const int16_t *at = in + taps->first[i];
        const int16_t *weight = (const int16_t *)taps->weight + (size_t)i * taps->taps;
        int32_t sum = 1 << (GCAM_RESIZE_COLUMN_BITS - 1);
        for (int t = 0; t < taps->taps; t++)
            sum += at[t] * weight[t];
        out[i] = (int16_t)(sum >> GCAM_RESIZE_COLUMN_BITS);
    }
}

// Limited: limited-range pictures have samples beyond black and white.
static uint8_t to_code(int32_t v)
{
    v >>= GCAM_RESIZE_COLOR_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

void gcam_resize_color_c(uint8_t *rgb, const int16_t *const in[3], int count, const GcamResizeColor *color)
{
    // Codes first, side by side, and then every third byte: the first loop becomes vectors.
    for (int k = 0; k < 3; k++) {
        const int16_t a = color->scale[k][0], b = color->scale[k][1], c = color->scale[k][2];
        const int32_t offset = color->offset[k];
        for (int x = 0; x < count; x += BLOCK) {
            const int n = count - x < BLOCK ? count - x : BLOCK;
            uint8_t code[BLOCK];
            for (int i = 0; i < n; i++)
                code[i] = to_code(a * in[0][x + i] + b * in[1][x + i] + c * in[2][x + i] + offset);
            for (int i = 0; i < n; i++)
                rgb[3 * (x + i) + k] = code[i];
        }
    }
}

void gcam_resize_init_generic(GcamKernels *kernels)
{
    kernels->resize = (GcamResizeKernels){ gcam_resize_rows8_c, gcam_resize_rows16_c, columns_c, gcam_resize_color_c };
}
