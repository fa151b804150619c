/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vector operations for AVX-512 (F, BW, DQ, VL): sixteen floats. See simd_generic.h for what each does.
 */
#include <immintrin.h>
#include <stdint.h>

typedef __m512 V;
enum { VW = 16 };

static inline V v_set1(float x) { return _mm512_set1_ps(x); }
static inline V v_zero(void) { return _mm512_setzero_ps(); }
static inline V v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, V v) { _mm512_storeu_ps(p, v); }

static inline __mmask16 v_mask(size_t n) { return (__mmask16)((1u << (n < VW ? n : VW)) - 1); }

static inline V v_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps(v_mask(n), p); }
static inline void v_store_n(float *p, V v, size_t n) { _mm512_mask_storeu_ps(p, v_mask(n), v); }

static inline V v_add(V a, V b) { return _mm512_add_ps(a, b); }
static inline V v_sub(V a, V b) { return _mm512_sub_ps(a, b); }
static inline V v_mul(V a, V b) { return _mm512_mul_ps(a, b); }
static inline V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
static inline V v_fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }

static inline V v_div(V a, V b) { return _mm512_div_ps(a, b); }

static inline V v_select_less(V a, V b, V x, V y)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}

static inline V v_ldexp(V v, V n) { return _mm512_scalef_ps(v, n); }

// The instructions give their second operand when one is NaN.
static inline V v_clamp(V v, V lo, V hi) { return _mm512_min_ps(hi, _mm512_max_ps(lo, v)); }

static inline float v_sum(V v) { return _mm512_reduce_add_ps(v); }
static inline float v_most(V v) { return _mm512_reduce_max_ps(v); }

static inline V v_load_f16(const void *p, size_t n)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(v_mask(n), p));
}

static inline void v_store_f16(void *p, V v, size_t n)
{
    _mm256_mask_storeu_epi16(p, v_mask(n), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

static inline V v_load_bf16(const void *p, size_t n)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(v_mask(n), p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
