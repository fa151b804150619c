/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What follows the sums of a convolution, for the instruction set whose simd_*.h was included before.
 */
#ifndef GCAM_KERNELS_FINISH_H
#define GCAM_KERNELS_FINISH_H

#include "kernels.h"
#include "unroll.h"

// n channels from `channel` on, of one pixel.
INLINE void finish_sum(const GcamFinish *f, ptrdiff_t pixel, size_t channel, size_t n, V sum)
{
    ptrdiff_t at = pixel * f->y_step + (ptrdiff_t)channel;
    if (f->bias)
        sum = v_add(sum, v_load_n(f->bias + channel, n));
    if (f->add)
        sum = v_add(sum, v_load_n(f->add + at, n));
    v_store_n(f->y + at, v_clamp(sum, v_set1(f->lo), v_set1(f->hi)), n);
}

#endif
