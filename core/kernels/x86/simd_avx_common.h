/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vector operations for AVX: eight floats. See simd_generic.h for what each does. simd_avx.h and simd_avx2.h add what
 * AVX alone does in more steps than AVX2 with FMA and F16C.
 */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef __m256 V;
enum { VW = 8 };

static inline V v_set1(float x) { return _mm256_set1_ps(x); }
static inline V v_zero(void) { return _mm256_setzero_ps(); }
static inline V v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, V v) { _mm256_storeu_ps(p, v); }

static inline __m256i v_mask(size_t n)
{
    static const int32_t ones[2 * VW] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    return _mm256_loadu_si256((const __m256i *)(ones + (n < VW ? VW - n : 0)));
}

static inline V v_load_n(const float *p, size_t n)
{
    return n >= VW ? v_load(p) : _mm256_maskload_ps(p, v_mask(n));
}

// Masked stores are slow on many processors.
static inline void v_store_n(float *p, V v, size_t n)
{
    if (n >= VW)
        v_store(p, v);
    else
        _mm256_maskstore_ps(p, v_mask(n), v);
}

static inline V v_add(V a, V b) { return _mm256_add_ps(a, b); }
static inline V v_sub(V a, V b) { return _mm256_sub_ps(a, b); }
static inline V v_mul(V a, V b) { return _mm256_mul_ps(a, b); }
static inline V v_div(V a, V b) { return _mm256_div_ps(a, b); }

static inline V v_select_less(V a, V b, V x, V y)
{
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}

// The instructions give their second operand when one is NaN.
static inline V v_clamp(V v, V lo, V hi) { return _mm256_min_ps(hi, _mm256_max_ps(lo, v)); }

static inline float v_sum(V v)
{
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

static inline float v_most(V v)
{
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

static inline __m128i load_u16(const void *p, size_t n)
{
    if (n >= VW)
        return _mm_loadu_si128(p);
    uint16_t part[VW] = { 0 };
    memcpy(part, p, n * sizeof(*part));
    return _mm_loadu_si128((const __m128i *)part);
}
