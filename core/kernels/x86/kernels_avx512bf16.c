/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Matrix products of bfloat16 with AVX-512 BF16: tiles as for floats, twice as many multiplications in each
 * instruction. Empty, and never called, where the compiler does not know the instructions.
 */
#include "kernels/kernels.h"

#ifdef __AVX512BF16__
#include <string.h>

#include "simd_avx512bf16.h"

#define ROWS 14
#include "kernels/gemm_body.h"

static void pair_rows(float *out, const float *even, const float *odd, size_t n)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    for (size_t j = 0; j < n; j += VW) {
        __m512bh both = _mm512_cvtne2ps_pbh(v_load_n(odd + j, n - j), v_load_n(even + j, n - j));
        _mm512_mask_storeu_epi32(out + j, v_mask(n - j), _mm512_permutexvar_epi16(order, (__m512i)both));
    }
}

// Two pairs of a row by two rows are 64 bits, whose middle halves change places.
static inline uint64_t turn(uint64_t two)
{
    uint64_t middle = UINT64_C(0x0000ffffffff0000), inner = two & middle;
    return (two & ~middle) | ((inner << 16 | inner >> 16) & middle);
}

// 4 x 4 quarters of vectors transposed.
static inline void turn_quarters(const __m512i in[4], float *out, size_t step)
{
    __m512i low01 = _mm512_shuffle_i64x2(in[0], in[1], 0x44), high01 = _mm512_shuffle_i64x2(in[0], in[1], 0xee);
    __m512i low23 = _mm512_shuffle_i64x2(in[2], in[3], 0x44), high23 = _mm512_shuffle_i64x2(in[2], in[3], 0xee);
    _mm512_storeu_si512(out, _mm512_shuffle_i64x2(low01, low23, 0x88));
    _mm512_storeu_si512(out + step, _mm512_shuffle_i64x2(low01, low23, 0xdd));
    _mm512_storeu_si512(out + 2 * step, _mm512_shuffle_i64x2(high01, high23, 0x88));
    _mm512_storeu_si512(out + 3 * step, _mm512_shuffle_i64x2(high01, high23, 0xdd));
}

// Eight rows of sixteen pairs.
static inline void turn_square(float *out, size_t width, const float *in, size_t stride)
{
    const __m512i halves = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
    __m512i even[4], odd[4];
    for (size_t i = 0; i < 4; i++) {
        __m512i row0 = _mm512_shuffle_epi8(_mm512_loadu_si512(in + 2 * i * stride), halves);
        __m512i row1 = _mm512_shuffle_epi8(_mm512_loadu_si512(in + (2 * i + 1) * stride), halves);
        even[i] = _mm512_unpacklo_epi64(row0, row1);
        odd[i] = _mm512_unpackhi_epi64(row0, row1);
    }
    turn_quarters(even, out, 2 * width);
    turn_quarters(odd, out + width, 2 * width);
}

static void turn_pairs(float *out, const float *in, size_t stride, size_t rows, size_t columns, size_t width)
{
    enum { SIDE = 16 };
    size_t high = rows - rows % SIDE, wide = high ? columns - columns % SIDE : 0;
    if (columns < width)
        memset(out, 0, (rows + 1) / 2 * width * sizeof(*out));
    for (size_t j = 0; j < wide; j += SIDE)
        for (size_t p = 0; p < high; p += SIDE)
            turn_square(out + p / 2 * width + j, width, in + j / 2 * stride + p, stride);
    for (size_t j = 0; j < columns; j += 2)
        for (size_t p = j < wide ? high : 0; p < rows; p += 2) {
            uint64_t two;
            memcpy(&two, in + j / 2 * stride + p, sizeof(two));
            two = turn(two);
            memcpy(out + p / 2 * width + j, &two, sizeof(two));
        }
}

void gcam_kernels_init_avx512bf16(GcamKernels *kernels)
{
    kernels->turn_pairs = turn_pairs;
    kernels->gemm_bf16 = gemm;
    kernels->pair_rows = pair_rows;
}
#else
void gcam_kernels_init_avx512bf16(GcamKernels *kernels)
{
    (void)kernels;
}
#endif
