/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels for SSE2: 6 x 8 sums in 12 of the 16 registers.
 */
#include "simd_sse2.h"

#define ROWS 6
#define DIRECT_ROWS 12
#include "kernels/gemm_body.h"
#include "kernels/fill.h"

void gcam_kernels_init_sse2(GcamKernels *kernels)
{
    fill(kernels);
    kernels->panel = PANEL;
    kernels->rows = ROWS;
}
