/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Half precision for processors without F16C: the conversions of half.h, to floats four at a time.
 */
#include <emmintrin.h>
#include <stdint.h>
#include <string.h>

#include "base/half.h"

// mask ? x : y, bit by bit.
static inline __m128i choose(__m128i mask, __m128i x, __m128i y)
{
    return _mm_or_si128(_mm_and_si128(mask, x), _mm_andnot_si128(mask, y));
}

// Of halves in 32 bits each.
static inline __m128 halves_to_floats(__m128i half)
{
    __m128i rest = _mm_and_si128(half, _mm_set1_epi32(0x7fff)), sign = _mm_slli_epi32(_mm_xor_si128(half, rest), 16);
    // The exponent is rebiased from 15 to 127, and that of infinity and NaN once more.
    __m128i bias = _mm_set1_epi32(0x38000000), wide = _mm_add_epi32(_mm_slli_epi32(rest, 13), bias);
    __m128i infinite = _mm_cmpgt_epi32(rest, _mm_set1_epi32(0x7bff));
    __m128i small = _mm_cmplt_epi32(rest, _mm_set1_epi32(0x0400));
    __m128i normal = _mm_add_epi32(wide, _mm_and_si128(infinite, bias));
    __m128i subnormal = _mm_castps_si128(_mm_mul_ps(_mm_cvtepi32_ps(rest), _mm_set1_ps(0x1p-24f)));
    return _mm_castsi128_ps(_mm_or_si128(sign, choose(small, subnormal, normal)));
}

static inline void store_halves(void *p, const float *x, size_t n)
{
    uint16_t half[8];
    for (size_t i = 0; i < n; i++)
        half[i] = gcam_float_to_half(x[i]);
    memcpy(p, half, n * sizeof(*half));
}
