/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vector operations for AVX2 with FMA and F16C.
 */
#include "simd_avx_common.h"

static inline V v_fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
static inline V v_fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }

static inline V v_ldexp(V v, V n)
{
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(v, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}

static inline V v_load_f16(const void *p, size_t n) { return _mm256_cvtph_ps(load_u16(p, n)); }

static inline void v_store_f16(void *p, V v, size_t n)
{
    __m128i half = _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    memcpy(p, &half, (n < VW ? n : VW) * sizeof(uint16_t));
}

static inline V v_load_bf16(const void *p, size_t n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_u16(p, n)), 16));
}
