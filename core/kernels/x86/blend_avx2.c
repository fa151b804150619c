/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of blending for AVX2. An enlarged map changes slowly along a row, so 16 neighbouring levels
 * mostly lie within 16 entries of the tables, or within 32: then one byte shuffle of these, or two, look them
 * all up. Where they do not, C does it.
 */
#include <immintrin.h>

#include "kernels/kernels.h"

#define TARGET
#define INLINE __attribute__((always_inline)) static inline
#define LANES 16

static void blend_index(uint8_t *index, const GcamRamp *ramp, int count)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

    for (const GcamRamp *r = ramp; r < ramp + count; r++) {
        const __m256i step = _mm256_set1_epi32((int)r->step), next = _mm256_slli_epi32(step, 3);
        __m256i a = _mm256_add_epi32(_mm256_set1_epi32((int)r->start), _mm256_mullo_epi32(lanes, step));
        for (int i = 0; i < r->count; i += 32) {
            const __m256i b = _mm256_add_epi32(a, next), c = _mm256_add_epi32(b, next);
            const __m256i d = _mm256_add_epi32(c, next);
            const __m256i ab = _mm256_packus_epi32(_mm256_srli_epi32(a, 24), _mm256_srli_epi32(b, 24));
            const __m256i cd = _mm256_packus_epi32(_mm256_srli_epi32(c, 24), _mm256_srli_epi32(d, 24));
            const __m256i abcd = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(ab, cd), order);
            _mm256_storeu_si256((__m256i *)(index + r->x + i), abcd);
            a = _mm256_add_epi32(d, next);
        }
    }
}

// The sum of three numbers, each times its own factor for each lane.
INLINE __m256i weigh(__m256i a, __m256i p, __m256i b, __m256i q, __m256i c, __m256i r)
{
    return _mm256_add_epi32(_mm256_add_epi32(_mm256_mullo_epi32(a, p), _mm256_mullo_epi32(b, q)),
                            _mm256_mullo_epi32(c, r));
}

// Eight levels; then those eight samples on.
INLINE __m256i next_levels(__m256i *level, __m256i *first, __m256i *second, __m256i third)
{
    const __m256i whole = _mm256_srai_epi32(*level, GCAM_CURVE_BITS);
    *level = _mm256_add_epi32(*level, *first);
    *first = _mm256_add_epi32(*first, *second);
    *second = _mm256_add_epi32(*second, third);
    return whole;
}

// Lanes are eight samples apart from one step to the next: differences are taken over that distance. Packing
// saturates.
TARGET static void blend_curve(uint8_t *index, const GcamCurve *curve, int count)
{
    const __m256i i1 = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), zero = _mm256_setzero_si256();
    const __m256i i2 = _mm256_setr_epi32(0, 0, 1, 3, 6, 10, 15, 21);            // i(i-1)/2
    const __m256i i3 = _mm256_setr_epi32(0, 0, 0, 1, 4, 10, 20, 35);            // i(i-1)(i-2)/6
    const __m256i d1 = _mm256_set1_epi32(8), d2 = _mm256_setr_epi32(28, 36, 44, 52, 60, 68, 76, 84);
    const __m256i d3 = _mm256_setr_epi32(56, 84, 120, 164, 216, 276, 344, 420);
    const __m256i e2 = _mm256_set1_epi32(64), e3 = _mm256_setr_epi32(448, 512, 576, 640, 704, 768, 832, 896);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

    for (const GcamCurve *c = curve; c < curve + count; c++) {
        const __m256i s1 = _mm256_set1_epi32((int)c->step[1]), s2 = _mm256_set1_epi32((int)c->step[2]);
        const __m256i s3 = _mm256_set1_epi32((int)c->step[3]), third = _mm256_slli_epi32(s3, 9);
        __m256i level = _mm256_add_epi32(_mm256_set1_epi32((int)c->step[0]), weigh(s1, i1, s2, i2, s3, i3));
        __m256i first = weigh(s1, d1, s2, d2, s3, d3), second = weigh(s1, zero, s2, e2, s3, e3);
        for (int i = 0; i < c->count; i += 32) {
            const __m256i p = next_levels(&level, &first, &second, third);
            const __m256i q = next_levels(&level, &first, &second, third);
            const __m256i r = next_levels(&level, &first, &second, third);
            const __m256i s = next_levels(&level, &first, &second, third);
            const __m256i bytes = _mm256_packus_epi16(_mm256_packus_epi32(p, q), _mm256_packus_epi32(r, s));
            _mm256_storeu_si256((__m256i *)(index + c->x + i), _mm256_permutevar8x32_epi32(bytes, order));
        }
    }
}

// Looked up where they are.
typedef struct Tables {
    const GcamBlendTable *table;
} Tables;

INLINE Tables load_tables(const GcamBlendTable *table)
{
    return (Tables) { table };
}

// 16 levels as distances from the least of them.
typedef struct Window {
    __m128i distance;
    int base;
    int wide;                   // distances are above 15, but below GCAM_BLEND_WINDOW
} Window;

// 0 when they are not within a window.
INLINE int find_window(const uint8_t *index, Window *w)
{
    const __m128i x = _mm_loadu_si128((const __m128i *)index);
    const __m128i least = _mm_minpos_epu16(_mm_min_epu8(x, _mm_srli_epi16(x, 8)));

    w->distance = _mm_sub_epi8(x, _mm_broadcastb_epi8(least));
    w->base = _mm_extract_epi16(least, 0);
    w->wide = !_mm_testz_si128(w->distance, _mm_set1_epi8((char)0xf0));
    return !w->wide || _mm_testz_si128(w->distance, _mm_set1_epi8((char)0xe0));
}

// Reads 16 or 32 entries from the least level on: GCAM_BLEND_WINDOW more than the table has.
INLINE __m128i look_up(const uint8_t *table, const Window *w)
{
    const __m128i *at = (const __m128i *)(table + w->base);
    const __m128i low = _mm_shuffle_epi8(_mm_loadu_si128(at), w->distance);

    if (!w->wide)
        return low;
    // The fifth bit of a distance becomes the sign, which chooses.
    return _mm_blendv_epi8(low, _mm_shuffle_epi8(_mm_loadu_si128(at + 1), w->distance),
                           _mm_slli_epi16(w->distance, 3));
}

// Words of their halves.
INLINE __m256i widen(__m128i low, __m128i high)
{
    return _mm256_set_m128i(_mm_unpackhi_epi8(low, high), _mm_unpacklo_epi8(low, high));
}

INLINE __m256i find_weights(const GcamBlendTable *t, const Window *w)
{
    return widen(look_up(t->weight_low, w), look_up(t->weight_high, w));
}

// in + weight * (color - in) of samples of up to GCAM_BLEND_DEPTH bits.
INLINE __m256i blend_words(__m256i in, __m256i color, __m256i weight)
{
    return _mm256_add_epi16(in, _mm256_mulhrs_epi16(_mm256_sub_epi16(color, in), weight));
}

// The sum for samples of more bits, divided by 65535.
INLINE __m256i divide(__m256i sum)
{
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(32768));
    return _mm256_srli_epi32(_mm256_add_epi32(sum, _mm256_srli_epi32(sum, 16)), 16);
}

// in * (65535 - weight) + color * weight, by halves of the products.
INLINE __m256i blend_deep(__m256i in, __m256i color, __m256i weight)
{
    const __m256i rest = _mm256_xor_si256(weight, _mm256_set1_epi32(-1));
    const __m256i al = _mm256_mullo_epi16(in, rest), ah = _mm256_mulhi_epu16(in, rest);
    const __m256i bl = _mm256_mullo_epi16(color, weight), bh = _mm256_mulhi_epu16(color, weight);
    const __m256i low = _mm256_add_epi32(_mm256_unpacklo_epi16(al, ah), _mm256_unpacklo_epi16(bl, bh));
    const __m256i high = _mm256_add_epi32(_mm256_unpackhi_epi16(al, ah), _mm256_unpackhi_epi16(bl, bh));

    return _mm256_packus_epi32(divide(low), divide(high));
}

#define LIST4(f, n, i)  f(n, (i)), f(n, (i) + 1), f(n, (i) + 2), f(n, (i) + 3)
#define LIST16(f, n, i) { LIST4(f, n, i), LIST4(f, n, (i) + 4), LIST4(f, n, (i) + 8), LIST4(f, n, (i) + 12) }
#define LIST64(f, n)    { LIST16(f, n, 0), LIST16(f, n, 16), LIST16(f, n, 32), LIST16(f, n, 48) }

// Which of 16 samples, n bytes apart, byte i of their row belongs to; 128 if to none.
#define OWNER8(n, i)    (i) % (n) || (i) / (n) > 15 ? 128 : (i) / (n)
// Where in vector i / 16 of the row sample i % 16 is found; 128 if it is in another.
#define PLACE8(n, i)    ((i) % 16) * (n) / 16 == (i) / 16 ? ((i) % 16) * (n) % 16 : 128
// The same for the bytes of 8 samples of two each, n samples apart.
#define OWNER16(n, i)   (i) / 2 % (n) || (i) / 2 / (n) > 7 ? 128 : (i) / 2 / (n) * 2 + (i) % 2
#define PLACE16(n, i)   ((i) % 16) / 2 * (n) / 8 == (i) / 16 ? ((i) % 16) / 2 * (n) % 8 * 2 + (i) % 2 : 128

static const uint8_t owner8[5][4][16] = {
    [2] = LIST64(OWNER8, 2), [3] = LIST64(OWNER8, 3), [4] = LIST64(OWNER8, 4),
};
static const uint8_t place8[5][4][16] = {
    [2] = LIST64(PLACE8, 2), [3] = LIST64(PLACE8, 3), [4] = LIST64(PLACE8, 4),
};
static const uint8_t owner16[5][4][16] = {
    [2] = LIST64(OWNER16, 2), [3] = LIST64(OWNER16, 3), [4] = LIST64(OWNER16, 4),
};
static const uint8_t place16[5][4][16] = {
    [2] = LIST64(PLACE16, 2), [3] = LIST64(PLACE16, 3), [4] = LIST64(PLACE16, 4),
};

// A component's bytes out of `step` vectors.
INLINE __m128i gather(const uint8_t *row, const int step, const uint8_t (*place)[16])
{
    __m128i in = _mm_setzero_si128();

    if (step == 1)
        return _mm_loadu_si128((const __m128i *)row);
    for (int k = 0; k < step; k++)
        in = _mm_or_si128(in, _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(row + 16 * k)),
                                               _mm_loadu_si128((const __m128i *)place[k])));
    return in;
}

// And back among the others.
INLINE void scatter(uint8_t *row, const int step, const uint8_t (*owner)[16], __m128i out)
{
    if (step == 1)
        _mm_storeu_si128((__m128i *)row, out);
    for (int k = 0; k < step && step > 1; k++) {
        __m128i *at = (__m128i *)(row + 16 * k);
        const __m128i mine = _mm_loadu_si128((const __m128i *)owner[k]);
        _mm_storeu_si128(at, _mm_blendv_epi8(_mm_shuffle_epi8(out, mine), _mm_loadu_si128(at), mine));
    }
}

// 16 samples; in C where their levels are not within a window.
INLINE void mix_bytes(const Tables *t, uint8_t *row, const int step, const uint8_t *index)
{
    Window w;

    if (!find_window(index, &w)) {
        gcam_blend_mix8_c(row, step, index, LANES, t->table);
        return;
    }
    const __m256i in = _mm256_cvtepu8_epi16(gather(row, step, place8[step]));
    const __m256i color = _mm256_cvtepu8_epi16(look_up(t->table->color_low, &w));
    const __m256i out = blend_words(in, color, find_weights(t->table, &w));
    scatter(row, step, owner8[step],
            _mm_packus_epi16(_mm256_castsi256_si128(out), _mm256_extracti128_si256(out, 1)));
}

INLINE void mix_words(const Tables *t, uint8_t *row, const int step, const int deep, int shift, const uint8_t *index)
{
    const __m128i bits = _mm_cvtsi32_si128(shift);
    Window w;

    if (!find_window(index, &w)) {
        (deep ? gcam_blend_mix_deep_c : gcam_blend_mix16_c)(row, 2 * step, shift, index, LANES, t->table);
        return;
    }
    const __m256i both = _mm256_set_m128i(gather(row + 16 * step, step, place16[step]),
                                          gather(row, step, place16[step]));
    const __m256i in = _mm256_srl_epi16(both, bits);
    const __m256i color = widen(look_up(t->table->color_low, &w), look_up(t->table->color_high, &w));
    const __m256i weight = find_weights(t->table, &w);
    const __m256i mixed = deep ? blend_deep(in, color, weight) : blend_words(in, color, weight);
    const __m256i out = _mm256_sll_epi16(mixed, bits);
    scatter(row, step, owner16[step], _mm256_castsi256_si128(out));
    scatter(row + 16 * step, step, owner16[step], _mm256_extracti128_si256(out, 1));
}

#include "kernels/blend_steps.h"

void gcam_blend_init_avx2(GcamKernels *kernels)
{
    kernels->blend = (GcamBlendKernels){ blend_index, blend_curve, blend_mix8, blend_mix16, blend_mix_deep };
}
