/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vector operations for AVX alone.
 */
#include "simd_avx_common.h"
#include "simd_half.h"

static inline V v_fma(V a, V b, V c) { return _mm256_add_ps(_mm256_mul_ps(a, b), c); }
static inline V v_fnma(V a, V b, V c) { return _mm256_sub_ps(c, _mm256_mul_ps(a, b)); }

// Integers have no more than 128 bits.
static inline __m128 power_of_2(__m128i n)
{
    return _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(n, _mm_set1_epi32(127)), 23));
}

static inline V v_ldexp(V v, V n)
{
    __m256i exponent = _mm256_cvtps_epi32(n);
    return _mm256_mul_ps(v, _mm256_set_m128(power_of_2(_mm256_extractf128_si256(exponent, 1)),
                                            power_of_2(_mm256_castsi256_si128(exponent))));
}

static inline V v_load_f16(const void *p, size_t n)
{
    __m128i half = load_u16(p, n), zero = _mm_setzero_si128();
    return _mm256_set_m128(halves_to_floats(_mm_unpackhi_epi16(half, zero)),
                           halves_to_floats(_mm_unpacklo_epi16(half, zero)));
}

static inline void v_store_f16(void *p, V v, size_t n)
{
    float x[VW];
    v_store(x, v);
    store_halves(p, x, n < VW ? n : VW);
}

static inline V v_load_bf16(const void *p, size_t n)
{
    __m128i upper = load_u16(p, n), zero = _mm_setzero_si128();
    return _mm256_set_m128(_mm_castsi128_ps(_mm_unpackhi_epi16(zero, upper)),
                           _mm_castsi128_ps(_mm_unpacklo_epi16(zero, upper)));
}
