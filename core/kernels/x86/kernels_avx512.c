/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels for AVX-512: 14 x 32 sums in 28 of the 32 registers.
 */
#include <string.h>

#include "simd_avx512.h"

#define ROWS 14
#define DIRECT_ROWS 14
#include "kernels/gemm_body.h"
#include "kernels/fill.h"

void gcam_kernels_init_avx512(GcamKernels *kernels)
{
    fill(kernels);
    kernels->panel = PANEL;
    kernels->rows = ROWS;
}
