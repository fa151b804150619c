/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vector operations for SSE2, which every x86-64 has: four floats. See simd_generic.h for what each does.
 */
#include <emmintrin.h>
#include <stdint.h>
#include <string.h>

#include "simd_half.h"

typedef __m128 V;
enum { VW = 4 };

static inline V v_set1(float x) { return _mm_set1_ps(x); }
static inline V v_zero(void) { return _mm_setzero_ps(); }
static inline V v_load(const float *p) { return _mm_loadu_ps(p); }
static inline void v_store(float *p, V v) { _mm_storeu_ps(p, v); }

static inline V v_load_n(const float *p, size_t n)
{
    switch (n) {
    case 0:  return v_zero();
    case 1:  return _mm_load_ss(p);
    case 2:  return _mm_castsi128_ps(_mm_loadl_epi64((const __m128i_u *)p));
    case 3:  return _mm_movelh_ps(_mm_castsi128_ps(_mm_loadl_epi64((const __m128i_u *)p)), _mm_load_ss(p + 2));
    default: return v_load(p);
    }
}

static inline void v_store_n(float *p, V v, size_t n)
{
    if (n >= VW) {
        v_store(p, v);
        return;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, v);
        v = _mm_movehl_ps(v, v);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, v);
}

static inline V v_add(V a, V b) { return _mm_add_ps(a, b); }
static inline V v_sub(V a, V b) { return _mm_sub_ps(a, b); }
static inline V v_mul(V a, V b) { return _mm_mul_ps(a, b); }
static inline V v_fma(V a, V b, V c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
static inline V v_fnma(V a, V b, V c) { return _mm_sub_ps(c, _mm_mul_ps(a, b)); }

static inline V v_div(V a, V b) { return _mm_div_ps(a, b); }

static inline V v_select_less(V a, V b, V x, V y)
{
    return _mm_castsi128_ps(choose(_mm_castps_si128(_mm_cmplt_ps(a, b)), _mm_castps_si128(x), _mm_castps_si128(y)));
}

static inline V v_ldexp(V v, V n)
{
    __m128i exponent = _mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127));
    return _mm_mul_ps(v, _mm_castsi128_ps(_mm_slli_epi32(exponent, 23)));
}

// The instructions give their second operand when one is NaN.
static inline V v_clamp(V v, V lo, V hi) { return _mm_min_ps(hi, _mm_max_ps(lo, v)); }

static inline float v_sum(V v)
{
    v = _mm_add_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps(v, v, 1)));
}

static inline float v_most(V v)
{
    v = _mm_max_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_max_ss(v, _mm_shuffle_ps(v, v, 1)));
}

// Four of 16 bits, in the lower half.
static inline __m128i load_u16(const void *p, size_t n)
{
    if (n >= VW)
        return _mm_loadl_epi64(p);
    uint16_t part[VW] = { 0 };
    memcpy(part, p, n * sizeof(*part));
    return _mm_loadl_epi64((const __m128i *)part);
}

static inline V v_load_f16(const void *p, size_t n)
{
    return halves_to_floats(_mm_unpacklo_epi16(load_u16(p, n), _mm_setzero_si128()));
}

static inline void v_store_f16(void *p, V v, size_t n)
{
    float x[VW];
    v_store(x, v);
    store_halves(p, x, n < VW ? n : VW);
}

static inline V v_load_bf16(const void *p, size_t n)
{
    return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), load_u16(p, n)));
}
