/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of resizing for AVX-512: rows. The rest is AVX2's.
 */
#include <immintrin.h>

#include "kernels/kernels.h"

enum { ROWS8 = 128, ROWS16 = 32 };     // columns of a block

// Sums of 16-bit words: bytes were taken apart within each quarter of a vector, which is undone here.
static inline void store_bytes(int16_t *out, __m512i low, __m512i high)
{
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);

    _mm512_storeu_si512(out, _mm512_permutex2var_epi64(low, first, high));
    _mm512_storeu_si512(out + 32, _mm512_permutex2var_epi64(low, second, high));
}

static inline void rows8_block(int16_t *out, const uint8_t *const *in, int x, const uint16_t *weight, int taps)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i a = _mm512_set1_epi16((short)(taps / 2)), b = a, c = a, d = a;

    for (int t = 0; t < taps; t++) {
        const __m512i w = _mm512_set1_epi16((short)weight[t]);
        const __m512i v0 = _mm512_loadu_si512(in[t] + x), v1 = _mm512_loadu_si512(in[t] + x + 64);
        a = _mm512_add_epi16(a, _mm512_mulhi_epu16(_mm512_unpacklo_epi8(zero, v0), w));
        b = _mm512_add_epi16(b, _mm512_mulhi_epu16(_mm512_unpackhi_epi8(zero, v0), w));
        c = _mm512_add_epi16(c, _mm512_mulhi_epu16(_mm512_unpacklo_epi8(zero, v1), w));
        d = _mm512_add_epi16(d, _mm512_mulhi_epu16(_mm512_unpackhi_epi8(zero, v1), w));
    }
    store_bytes(out + x, a, b);
    store_bytes(out + x + 64, c, d);
}

static inline void rows16_block(int16_t *out, const uint8_t *const *in, int x, const uint16_t *weight, int taps,
                                int shift)
{
    const __m128i bits = _mm_cvtsi32_si128(shift);
    __m512i sum = _mm512_set1_epi16((short)(taps / 2));

    for (int t = 0; t < taps; t++) {
        const __m512i v = _mm512_sll_epi16(_mm512_loadu_si512(in[t] + 2 * (ptrdiff_t)x), bits);
        sum = _mm512_add_epi16(sum, _mm512_mulhi_epu16(v, _mm512_set1_epi16((short)weight[t])));
    }
    _mm512_storeu_si512(out + x, sum);
}

#include "kernels/resize_steps.h"

void gcam_resize_init_avx512(GcamKernels *kernels)
{
    kernels->resize.rows8 = rows8;
    kernels->resize.rows16 = rows16;
}
