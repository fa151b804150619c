/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Resizing with vectors of 128 bits, for the instruction set whose samples_*.h was included before.
 */
#include "unroll.h"

enum { ROWS8 = 32, ROWS16 = 16 };       // columns of a block

static inline void rows8_block(int16_t *out, const uint8_t *const *in, int x, const uint16_t *weight, int taps)
{
    W sum[4];
    UNROLL
    for (int i = 0; i < 4; i++)
        sum[i] = w_set1((uint16_t)(taps / 2));
    for (int t = 0; t < taps; t++) {
        const W w = w_set1(weight[t]);
        UNROLL
        for (int i = 0; i < 2; i++) {
            const B v = b_load(in[t] + x + 16 * i);
            sum[2 * i] = w_add(sum[2 * i], w_high_product(w_low_raised(v), w));
            sum[2 * i + 1] = w_add(sum[2 * i + 1], w_high_product(w_high_raised(v), w));
        }
    }
    UNROLL
    for (int i = 0; i < 4; i++)
        w_store(out + x + 8 * i, sum[i]);
}

static inline void rows16_block(int16_t *out, const uint8_t *const *in, int x, const uint16_t *weight, int taps,
                                int shift)
{
    W sum[2];
    sum[0] = sum[1] = w_set1((uint16_t)(taps / 2));
    for (int t = 0; t < taps; t++) {
        const uint8_t *row = in[t] + 2 * (ptrdiff_t)x;
        const W w = w_set1(weight[t]);
        UNROLL
        for (int i = 0; i < 2; i++)
            sum[i] = w_add(sum[i], w_high_product(w_shift_left(w_load(row + 16 * i), shift), w));
    }
    w_store(out + x, sum[0]);
    w_store(out + x + 8, sum[1]);
}

#include "resize_steps.h"

// Four sums of `taps` products each, rounded.
INLINE L weigh4(const int16_t *in, const int *first, const int16_t *weight, int taps)
{
    const int bits = GCAM_RESIZE_COLUMN_BITS;
    L sum[4];
    UNROLL
    for (int i = 0; i < 4; i++) {
        const int16_t *at = in + first[i], *w = weight + (size_t)i * (size_t)taps;
        sum[i] = l_pair_sums(w_load(at), w_load(w));
        for (int t = 8; t < taps; t += 8)
            sum[i] = l_add(sum[i], l_pair_sums(w_load(at + t), w_load(w + t)));
    }
    return l_shift_down(l_add(l_totals(sum[0], sum[1], sum[2], sum[3]), l_set1(1u << (bits - 1))), bits);
}

static void resize_columns(int16_t *out, const int16_t *in, const GcamResizeTaps *taps)
{
    const int n = taps->taps;
    for (int i = 0; i < taps->count; i += 8) {
        const int16_t *weight = (const int16_t *)taps->weight + (size_t)i * (size_t)n;
        w_store(out + i, l_narrow(weigh4(in, taps->first + i, weight, n),
                                  weigh4(in, taps->first + i + 4, weight + 4 * (size_t)n, n)));
    }
}

// Eight codes of one colour, as words.
INLINE W find_codes(const GcamResizeColor *color, int k, W a, W b, W c)
{
    const L offset = l_set1((uint32_t)color->offset[k]);
    const W ab_scale = w_pairs(color->scale[k][0], color->scale[k][1]), c_scale = w_pairs(color->scale[k][2], 0);
    const W zero = w_set1(0);
    L low = l_add(l_pair_sums(w_zip_low(a, b), ab_scale), l_pair_sums(w_zip_low(c, zero), c_scale));
    L high = l_add(l_pair_sums(w_zip_high(a, b), ab_scale), l_pair_sums(w_zip_high(c, zero), c_scale));
    return l_narrow(l_shift_down(l_add(low, offset), GCAM_RESIZE_COLOR_BITS),
                    l_shift_down(l_add(high, offset), GCAM_RESIZE_COLOR_BITS));
}

static void resize_color(uint8_t *rgb, const int16_t *const in[3], int count, const GcamResizeColor *color)
{
    int x = 0;
    for (; x + 16 <= count; x += 16) {
        B code[3];
        UNROLL
        for (int k = 0; k < 3; k++)
            code[k] = w_narrow(find_codes(color, k, w_load(in[0] + x), w_load(in[1] + x), w_load(in[2] + x)),
                               find_codes(color, k, w_load(in[0] + x + 8), w_load(in[1] + x + 8),
                                          w_load(in[2] + x + 8)));
        b_store3(rgb + 3 * x, code);
    }
    const int16_t *const rest[3] = { in[0] + x, in[1] + x, in[2] + x };
    gcam_resize_color_c(rgb + 3 * x, rest, count - x, color);
}
