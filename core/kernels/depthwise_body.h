/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Depthwise convolution of a run of pixels, for the instruction set whose simd_*.h was included before.
 * Vectorised over the channels, several sums at a time, so that they do not wait for each other.
 *
 * In: a GcamDepthwise, pixels whose taps lie alike, or a GcamDepthwiseTile, neighbours in a row (conv.h). Out: their
 * finished sums. Three loops: four pixels by two vectors of channels, eight sums, where two weights once read serve
 * eight products; one pixel by four vectors for the pixels that are left; and the tile, where each column that is read
 * serves all the sums that have a tap there, with 3 taps three. Channels that fill no vector are read and written one
 * vector at a time in part, so nothing beyond them is touched. The taps of a sum are added in their order by all three.
 */
#include "finish.h"
#include "kernels.h"
#include "unroll.h"

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
        finish_sum(&d->finish, pixel, i, VW, s00);
        finish_sum(&d->finish, pixel, i + VW, VW, s01);
        finish_sum(&d->finish, pixel + 1, i, VW, s10);
        finish_sum(&d->finish, pixel + 1, i + VW, VW, s11);
        finish_sum(&d->finish, pixel + 2, i, VW, s20);
        finish_sum(&d->finish, pixel + 2, i + VW, VW, s21);
        finish_sum(&d->finish, pixel + 3, i, VW, s30);
        finish_sum(&d->finish, pixel + 3, i + VW, VW, s31);
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
        finish_sum(&d->finish, pixel, i, n, s0);
        finish_sum(&d->finish, pixel + 1, i, n, s1);
        finish_sum(&d->finish, pixel + 2, i, n, s2);
        finish_sum(&d->finish, pixel + 3, i, n, s3);
    }
}

// One pixel; four vectors of channels are under way at once instead.
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
        finish_sum(&d->finish, pixel, i, VW, s0);
        finish_sum(&d->finish, pixel, i + VW, VW, s1);
        finish_sum(&d->finish, pixel, i + 2 * VW, VW, s2);
        finish_sum(&d->finish, pixel, i + 3 * VW, VW, s3);
    }
    for (; i < d->channels; i += VW) {
        size_t n = d->channels - i;
        V sum = v_zero();
        for (size_t t = 0; t < d->taps; t++)
            sum = v_fma(v_load_n(x + d->x_offset[t] + i, n), v_load_n(d->w + d->w_offset[t] + i, n), sum);
        finish_sum(&d->finish, pixel, i, n, sum);
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

// ------------------------------------------------------------------------------------------------------- tiles

enum { DEPTHWISE_TILE = GCAM_DEPTHWISE_TILE };

// Channels i..i+n-1; `full`: n is VW. Each column that is loaded goes to all sums that have a tap there. The sums begin
// with the bias. edge: `from` says where columns lie, else they follow each other. All but d, i and n are constants
// where this is inlined: the loops over taps and columns disappear, sums and weights stay in registers.
INLINE void depthwise_tile_channels(const GcamDepthwiseTile *d, size_t i, size_t n, const int full, const int edge,
                                    const int taps, const int step)
{
    const int columns = (DEPTHWISE_TILE - 1) * step + taps;
    const GcamFinish *f = &d->finish;
    V sum[DEPTHWISE_TILE], w[7], bias = v_zero();
    if (f->bias)
        bias = full ? v_load(f->bias + i) : v_load_n(f->bias + i, n);
    UNROLL
    for (int t = 0; t < DEPTHWISE_TILE; t++)
        sum[t] = bias;
    for (size_t r = 0; r < d->rows; r++) {
        const float *weights = d->w + r * (size_t)taps * d->channels + i, *line = d->x + (ptrdiff_t)r * d->x_row + i;
        const float *const *from = d->from + r * (size_t)columns;
        UNROLL
        for (int k = 0; k < taps; k++)
            w[k] = full ? v_load(weights + (size_t)k * d->channels) : v_load_n(weights + (size_t)k * d->channels, n);
        UNROLL
        for (int c = 0; c < columns; c++) {
            const float *at = edge ? from[c] + i : line;
            V x = full ? v_load(at) : v_load_n(at, n);
            line += d->x_column;
            UNROLL
            for (int k = 0; k < taps; k++)
                if (c >= k && (c - k) % step == 0 && (c - k) / step < DEPTHWISE_TILE)
                    sum[(c - k) / step] = v_fma(x, w[k], sum[(c - k) / step]);
        }
    }
    V lo = v_set1(f->lo), hi = v_set1(f->hi);
    UNROLL
    for (int t = 0; t < DEPTHWISE_TILE; t++) {
        ptrdiff_t at = t * f->y_step + (ptrdiff_t)i;
        if (f->add)
            sum[t] = v_add(sum[t], full ? v_load(f->add + at) : v_load_n(f->add + at, n));
        sum[t] = v_clamp(sum[t], lo, hi);
        if (full)
            v_store(f->y + at, sum[t]);
        else
            v_store_n(f->y + at, sum[t], n);
    }
}

INLINE void depthwise_tile(const GcamDepthwiseTile *d, const int edge, const int taps, const int step)
{
    size_t i = 0;
    for (; i + VW <= d->channels; i += VW)
        depthwise_tile_channels(d, i, VW, 1, edge, taps, step);
    if (i < d->channels)
        depthwise_tile_channels(d, i, d->channels - i, 0, edge, taps, step);
}

// One function for each kernel and step; inside, one for the middle of a row and one for its ends.
#define DEPTHWISE_TILE_OF(taps, step) \
    static void depthwise_tile_##taps##_##step(const GcamDepthwiseTile *d) \
    { \
        if (d->from) \
            depthwise_tile(d, 1, taps, step); \
        else \
            depthwise_tile(d, 0, taps, step); \
    }

DEPTHWISE_TILE_OF(3, 1)
DEPTHWISE_TILE_OF(3, 2)
DEPTHWISE_TILE_OF(5, 1)
DEPTHWISE_TILE_OF(5, 2)
DEPTHWISE_TILE_OF(7, 1)
DEPTHWISE_TILE_OF(7, 2)
