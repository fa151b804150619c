/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Depthwise convolution of a run of pixels, for the instruction set whose simd_*.h was included before.
 * Vectorised over the channels, several sums at a time, so that they do not wait for each other.
 */
#include "kernels/kernels.h"

static inline void depthwise_finish(const GcamDepthwise *d, ptrdiff_t pixel, size_t i, size_t n, V sum)
{
    ptrdiff_t offset = pixel * d->y_step + (ptrdiff_t)i;
    if (d->bias)
        sum = v_add(sum, v_load_n(d->bias + i, n));
    if (d->add)
        sum = v_add(sum, v_load_n(d->add + offset, n));
    v_store_n(d->y + offset, v_clamp(sum, v_set1(d->lo), v_set1(d->hi)), n);
}

// Four pixels from `pixel` on: a weight that was loaded serves them all.
static void depthwise_four(const GcamDepthwise *d, ptrdiff_t pixel)
{
    const float *x = d->x + pixel * d->x_step;
    ptrdiff_t step = d->x_step;
    size_t i = 0;
    for (; i + 2 * VW <= d->channels; i += 2 * VW) {
        V s00 = v_zero(), s01 = v_zero(), s10 = v_zero(), s11 = v_zero();
        V s20 = v_zero(), s21 = v_zero(), s30 = v_zero(), s31 = v_zero();
        for (size_t t = 0; t < d->taps; t++) {
            const float *xt = x + d->x_offset[t] + i, *wt = d->w + d->w_offset[t] + i;
            V w0 = v_load(wt), w1 = v_load(wt + VW);
            s00 = v_fma(v_load(xt), w0, s00);
            s01 = v_fma(v_load(xt + VW), w1, s01);
            s10 = v_fma(v_load(xt + step), w0, s10);
            s11 = v_fma(v_load(xt + step + VW), w1, s11);
            s20 = v_fma(v_load(xt + 2 * step), w0, s20);
            s21 = v_fma(v_load(xt + 2 * step + VW), w1, s21);
            s30 = v_fma(v_load(xt + 3 * step), w0, s30);
            s31 = v_fma(v_load(xt + 3 * step + VW), w1, s31);
        }
        depthwise_finish(d, pixel, i, VW, s00);
        depthwise_finish(d, pixel, i + VW, VW, s01);
        depthwise_finish(d, pixel + 1, i, VW, s10);
        depthwise_finish(d, pixel + 1, i + VW, VW, s11);
        depthwise_finish(d, pixel + 2, i, VW, s20);
        depthwise_finish(d, pixel + 2, i + VW, VW, s21);
        depthwise_finish(d, pixel + 3, i, VW, s30);
        depthwise_finish(d, pixel + 3, i + VW, VW, s31);
    }
    for (; i < d->channels; i += VW) {
        size_t n = d->channels - i;
        V s0 = v_zero(), s1 = v_zero(), s2 = v_zero(), s3 = v_zero();
        for (size_t t = 0; t < d->taps; t++) {
            const float *xt = x + d->x_offset[t] + i;
            V w = v_load_n(d->w + d->w_offset[t] + i, n);
            s0 = v_fma(v_load_n(xt, n), w, s0);
            s1 = v_fma(v_load_n(xt + step, n), w, s1);
            s2 = v_fma(v_load_n(xt + 2 * step, n), w, s2);
            s3 = v_fma(v_load_n(xt + 3 * step, n), w, s3);
        }
        depthwise_finish(d, pixel, i, n, s0);
        depthwise_finish(d, pixel + 1, i, n, s1);
        depthwise_finish(d, pixel + 2, i, n, s2);
        depthwise_finish(d, pixel + 3, i, n, s3);
    }
}

static void depthwise_one(const GcamDepthwise *d, ptrdiff_t pixel)
{
    const float *x = d->x + pixel * d->x_step;
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
        depthwise_finish(d, pixel, i, VW, s0);
        depthwise_finish(d, pixel, i + VW, VW, s1);
        depthwise_finish(d, pixel, i + 2 * VW, VW, s2);
        depthwise_finish(d, pixel, i + 3 * VW, VW, s3);
    }
    for (; i < d->channels; i += VW) {
        size_t n = d->channels - i;
        V sum = v_zero();
        for (size_t t = 0; t < d->taps; t++)
            sum = v_fma(v_load_n(x + d->x_offset[t] + i, n), v_load_n(d->w + d->w_offset[t] + i, n), sum);
        depthwise_finish(d, pixel, i, n, sum);
    }
}

static void depthwise(const GcamDepthwise *d)
{
    ptrdiff_t count = (ptrdiff_t)d->count, pixel = 0;
    for (; pixel + 4 <= count; pixel += 4)
        depthwise_four(d, pixel);
    for (; pixel < count; pixel++)
        depthwise_one(d, pixel);
}
