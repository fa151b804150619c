/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of blending for AVX2. An enlarged map changes slowly along a row, so 16 neighbouring levels
 * mostly lie within 16 entries of the tables: then one byte shuffle of these looks them all up. Where they
 * do not, C does it.
 */
#include <immintrin.h>

#include "blend.h"

static void blend_index(uint8_t *index, const GcamSegment *segment, int count, double fraction)
{
    const __m256i ramp = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

    for (const GcamSegment *s = segment; s < segment + count; s++) {
        const __m256i step = _mm256_set1_epi32((int)gcam_segment_step(s, fraction));
        const __m256i next = _mm256_slli_epi32(step, 3);
        __m256i a = _mm256_set1_epi32((int)gcam_segment_start(s, fraction));
        a = _mm256_add_epi32(a, _mm256_mullo_epi32(ramp, step));
        for (int i = 0; i < s->count; i += 32) {
            const __m256i b = _mm256_add_epi32(a, next), c = _mm256_add_epi32(b, next);
            const __m256i d = _mm256_add_epi32(c, next);
            const __m256i ab = _mm256_packus_epi32(_mm256_srli_epi32(a, 24), _mm256_srli_epi32(b, 24));
            const __m256i cd = _mm256_packus_epi32(_mm256_srli_epi32(c, 24), _mm256_srli_epi32(d, 24));
            const __m256i abcd = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(ab, cd), order);
            _mm256_storeu_si256((__m256i *)(index + s->x + i), abcd);
            a = _mm256_add_epi32(d, next);
        }
    }
}

// 16 levels as a base and distances from it; returns the base, or -1 when a distance is above 15.
static inline int find_window(const uint8_t *index, __m128i *distance)
{
    const __m128i x = _mm_loadu_si128((const __m128i *)index);
    const __m128i least = _mm_minpos_epu16(_mm_min_epu8(x, _mm_srli_epi16(x, 8)));

    *distance = _mm_sub_epi8(x, _mm_broadcastb_epi8(least));
    return _mm_testz_si128(*distance, _mm_set1_epi8((char)0xf0)) ? _mm_extract_epi16(least, 0) : -1;
}

static inline __m128i look_up(const uint8_t *window, __m128i distance)
{
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)window), distance);
}

static inline __m256i widen(__m128i low, __m128i high)
{
    return _mm256_set_m128i(_mm_unpackhi_epi8(low, high), _mm_unpacklo_epi8(low, high));
}

static inline __m256i mix_words(__m256i in, __m256i color, __m256i weight)
{
    return _mm256_add_epi16(in, _mm256_mulhrs_epi16(_mm256_sub_epi16(color, in), weight));
}

// Weights and colours of 16 samples; 0 when they are not within a window.
static inline int find_colors(const GcamBlendTable *t, const uint8_t *index, __m256i *color, __m256i *weight)
{
    __m128i distance;
    const int base = find_window(index, &distance);

    if (base < 0)
        return 0;
    *weight = widen(look_up(t->weight_low + base, distance), look_up(t->weight_high + base, distance));
    *color = widen(look_up(t->color_low + base, distance), look_up(t->color_high + base, distance));
    return 1;
}

static inline __m128i mix_bytes(__m128i bytes, __m256i color, __m256i weight)
{
    const __m256i out = mix_words(_mm256_cvtepu8_epi16(bytes), color, weight);

    return _mm_packus_epi16(_mm256_castsi256_si128(out), _mm256_extracti128_si256(out, 1));
}

static void mix8_planar(uint8_t *row, const uint8_t *index, int count, const GcamBlendTable *table)
{
    int i = 0;

    for (; i + 16 <= count; i += 16) {
        __m128i *at = (__m128i *)(row + i);
        __m256i color, weight;
        if (find_colors(table, index + i, &color, &weight))
            _mm_storeu_si128(at, mix_bytes(_mm_loadu_si128(at), color, weight));
        else
            gcam_blend_mix8_c(row + i, 1, index + i, 16, table);
    }
    gcam_blend_mix8_c(row + i, 1, index + i, count - i, table);
}

#define LIST4(f, n, i)  f(n, (i)), f(n, (i) + 1), f(n, (i) + 2), f(n, (i) + 3)
#define LIST16(f, n, i) { LIST4(f, n, i), LIST4(f, n, (i) + 4), LIST4(f, n, (i) + 8), LIST4(f, n, (i) + 12) }
#define LIST64(f, n)    { LIST16(f, n, 0), LIST16(f, n, 16), LIST16(f, n, 32), LIST16(f, n, 48) }

// Which of 16 samples, n bytes apart, byte i of their row belongs to; 128 if to none.
#define OWNER(n, i)     (i) % (n) || (i) / (n) > 15 ? 128 : (i) / (n)
// Where in vector i / 16 of the row sample i % 16 is found; 128 if it is in another.
#define PLACE(n, i)     ((i) % 16) * (n) / 16 == (i) / 16 ? ((i) % 16) * (n) % 16 : 128

static const uint8_t owner[5][4][16] = {
    [2] = LIST64(OWNER, 2), [3] = LIST64(OWNER, 3), [4] = LIST64(OWNER, 4),
};
static const uint8_t place[5][4][16] = {
    [2] = LIST64(PLACE, 2), [3] = LIST64(PLACE, 3), [4] = LIST64(PLACE, 4),
};

// The component's bytes are gathered from `step` vectors, blended, and put back among the others.
static inline void mix8_packed(uint8_t *row, const int step, const uint8_t *index, int count,
                               const GcamBlendTable *table)
{
    int i = 0;

    // The last sample is left to the C version: the bytes after it may not belong to the row.
    for (; i + 16 < count; i += 16, row += 16 * step) {
        __m128i v[4], in = _mm_setzero_si128();
        __m256i color, weight;
        if (!find_colors(table, index + i, &color, &weight)) {
            gcam_blend_mix8_c(row, step, index + i, 16, table);
            continue;
        }
        for (int k = 0; k < step; k++) {
            v[k] = _mm_loadu_si128((const __m128i *)(row + 16 * k));
            in = _mm_or_si128(in, _mm_shuffle_epi8(v[k], _mm_loadu_si128((const __m128i *)place[step][k])));
        }
        const __m128i out = mix_bytes(in, color, weight);
        for (int k = 0; k < step; k++) {
            const __m128i sample = _mm_loadu_si128((const __m128i *)owner[step][k]);
            _mm_storeu_si128((__m128i *)(row + 16 * k),
                             _mm_blendv_epi8(_mm_shuffle_epi8(out, sample), v[k], sample));
        }
    }
    gcam_blend_mix8_c(row, step, index + i, count - i, table);
}

static void blend_mix8(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table)
{
    switch (step) {
    case 1:  mix8_planar(row, index, count, table); break;
    case 2:  mix8_packed(row, 2, index, count, table); break;
    case 3:  mix8_packed(row, 3, index, count, table); break;
    case 4:  mix8_packed(row, 4, index, count, table); break;
    default: gcam_blend_mix8_c(row, step, index, count, table);
    }
}

static void blend_mix16(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                        const GcamBlendTable *table)
{
    const __m128i bits = _mm_cvtsi32_si128(shift);
    int i = 0;

    for (; step == 2 && i + 16 <= count; i += 16, row += 32) {
        __m256i color, weight;
        if (find_colors(table, index + i, &color, &weight)) {
            const __m256i in = _mm256_srl_epi16(_mm256_loadu_si256((const __m256i *)row), bits);
            const __m256i out = mix_words(in, color, weight);
            _mm256_storeu_si256((__m256i *)row, _mm256_sll_epi16(out, bits));
        } else {
            gcam_blend_mix16_c(row, step, shift, index + i, 16, table);
        }
    }
    gcam_blend_mix16_c(row, step, shift, index + i, count - i, table);
}

const GcamBlendKernels gcam_blend_kernels_avx2 = { blend_index, blend_mix8, blend_mix16 };
