/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Depthwise convolution of a run of pixels, for the instruction set whose simd_*.h was included before. Vectorised over
 * the channels; four vectors at a time, so that the sums do not wait for each other.
 */
#include "kernels/kernels.h"

static inline V depthwise_finish(const GcamDepthwise *d, size_t pixel, size_t i, size_t n, V sum)
{
    if (d->bias)
        sum = v_add(sum, v_load_n(d->bias + i, n));
    if (d->add)
        sum = v_add(sum, v_load_n(d->add + (ptrdiff_t)pixel * d->y_step + i, n));
    return v_clamp(sum, v_set1(d->lo), v_set1(d->hi));
}

static void depthwise(const GcamDepthwise *d)
{
    for (size_t p = 0; p < d->count; p++) {
        const float *x = d->x + (ptrdiff_t)p * d->x_step;
        float *y = d->y + (ptrdiff_t)p * d->y_step;
        size_t i = 0;
        for (; i + 4 * VW <= d->channels; i += 4 * VW) {
            V s0 = v_zero(), s1 = v_zero(), s2 = v_zero(), s3 = v_zero();
            for (size_t t = 0; t < d->taps; t++) {
                const float *xt = x + d->x_offset[t] + i, *wt = d->w + d->w_offset[t] + i;
                s0 = v_fma(v_load(xt), v_load(wt), s0);
                s1 = v_fma(v_load(xt + VW), v_load(wt + VW), s1);
                s2 = v_fma(v_load(xt + 2 * VW), v_load(wt + 2 * VW), s2);
                s3 = v_fma(v_load(xt + 3 * VW), v_load(wt + 3 * VW), s3);
            }
            v_store(y + i, depthwise_finish(d, p, i, VW, s0));
            v_store(y + i + VW, depthwise_finish(d, p, i + VW, VW, s1));
            v_store(y + i + 2 * VW, depthwise_finish(d, p, i + 2 * VW, VW, s2));
            v_store(y + i + 3 * VW, depthwise_finish(d, p, i + 3 * VW, VW, s3));
        }
        for (; i < d->channels; i += VW) {
            size_t n = d->channels - i;
            V sum = v_zero();
            for (size_t t = 0; t < d->taps; t++)
                sum = v_fma(v_load_n(x + d->x_offset[t] + i, n), v_load_n(d->w + d->w_offset[t] + i, n), sum);
            v_store_n(y + i, depthwise_finish(d, p, i, n, sum), n);
        }
    }
}
