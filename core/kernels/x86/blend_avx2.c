/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of blending for AVX2. An enlarged map changes slowly along a row, so 16 neighbouring levels
 * mostly lie within 16 entries of the tables: then one byte shuffle of these looks them all up. Where they
 * do not, C does it.
 */
#include <immintrin.h>

#include "blend.h"

static void blend_index(uint8_t *index, int count, uint32_t start, uint32_t step)
{
    const __m256i ramp = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i next = _mm256_set1_epi32((int)(8 * step));
    __m256i a = _mm256_add_epi32(_mm256_set1_epi32((int)start),
                                 _mm256_mullo_epi32(ramp, _mm256_set1_epi32((int)step)));

    for (int i = 0; i < count; i += 32) {
        const __m256i b = _mm256_add_epi32(a, next), c = _mm256_add_epi32(b, next);
        const __m256i d = _mm256_add_epi32(c, next);
        const __m256i ab = _mm256_packus_epi32(_mm256_srli_epi32(a, 24), _mm256_srli_epi32(b, 24));
        const __m256i cd = _mm256_packus_epi32(_mm256_srli_epi32(c, 24), _mm256_srli_epi32(d, 24));
        const __m256i abcd = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(ab, cd), order);
        _mm256_storeu_si256((__m256i *)(index + i), abcd);
        a = _mm256_add_epi32(d, next);
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

static void blend_mix8(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table)
{
    int i = 0;

    for (; step == 1 && i + 16 <= count; i += 16, row += 16) {
        __m256i color, weight;
        if (find_colors(table, index + i, &color, &weight)) {
            const __m256i in = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)row));
            const __m256i out = mix_words(in, color, weight);
            const __m128i bytes =
                _mm_packus_epi16(_mm256_castsi256_si128(out), _mm256_extracti128_si256(out, 1));
            _mm_storeu_si128((__m128i *)row, bytes);
        } else {
            gcam_blend_mix8_c(row, 1, index + i, 16, table);
        }
    }
    gcam_blend_mix8_c(row, step, index + i, count - i, table);
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
