/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels for NEON: 12 x 8 sums in 24 of the 32 registers; the compiler spreads the factors over the others.
 */
#include "simd_neon.h"

#define ROWS 12
#define DIRECT_ROWS 12
#include "kernels/gemm_body.h"
#include "kernels/fill.h"

void gcam_kernels_init_neon(GcamKernels *kernels)
{
    fill(kernels);
    kernels->panel = PANEL;
    kernels->rows = ROWS;
}
