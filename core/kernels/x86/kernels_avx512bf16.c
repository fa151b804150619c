/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Matrix products of bfloat16 with AVX-512 BF16: tiles as for floats, twice as many multiplications in each
 * instruction. Empty, and never called, where the compiler does not know the instructions.
 */
#include "kernels/kernels.h"

#ifdef __AVX512BF16__
#include <string.h>

#include "kernels/x86/simd_avx512bf16.h"

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

void gcam_kernels_init_avx512bf16(GcamKernels *kernels)
{
    kernels->gemm_bf16 = gemm;
    kernels->pair_rows = pair_rows;
}
#else
void gcam_kernels_init_avx512bf16(GcamKernels *kernels)
{
    (void)kernels;
}
#endif
