/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What matrix products of bfloat16 need besides simd_avx512.h: a factor is a pair of neighbours along K, in 32 bits,
 * and one instruction multiplies sixteen pairs by sixteen and adds both products to sixteen floats.
 */
#include "simd_avx512.h"

#define GEMM_PAIRS

typedef uint32_t Factor;
typedef __m512bh Factors;

static inline Factors factors_load(const void *p) { return (__m512bh)_mm512_loadu_si512(p); }
static inline Factors factors_set1(Factor x) { return (__m512bh)_mm512_set1_epi32((int)x); }
static inline V factors_add(V sum, Factors a, Factors b) { return _mm512_dpbf16_ps(sum, a, b); }

// Neighbours of one row of A, k of them, as pairs; an odd last one gets a zero.
static inline void factors_from_row(Factor *out, const float *in, size_t k)
{
    size_t p = 0;
    for (; p + 2 * VW <= k; p += 2 * VW)
        _mm512_storeu_si512(out + p / 2, (__m512i)_mm512_cvtne2ps_pbh(v_load(in + p + VW), v_load(in + p)));
    if (p < k) {
        size_t left = k - p;
        V high = left > VW ? v_load_n(in + p + VW, left - VW) : v_zero();
        __m512bh pairs = _mm512_cvtne2ps_pbh(high, v_load_n(in + p, left));
        _mm512_mask_storeu_epi32(out + p / 2, v_mask((left + 1) / 2), (__m512i)pairs);
    }
}
