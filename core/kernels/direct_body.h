/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution of a run of pixels without gathering, for the instruction set whose simd_*.h was included before. As in
 * a matrix product, sums of several pixels times one or two vectors of output channels are held in registers; but
 * what is multiplied is read where it lies in the picture, run by run. ROWS, of gemm_body.h, and DIRECT_ROWS are the
 * pixels computed at once with two vectors and with one.
 *
 * In: a GcamDirect (conv.h), its weights in panels; out: finished sums. For each block of pixels and each panel the
 * runs are passed once; each float that is read, in all lanes, meets one or two vectors of weights. Weights are
 * read to the end of a panel's last vector, zeros; pixels and results nowhere but where they are named.
 */
#include "finish.h"
#include "kernels.h"
#include "unroll.h"

enum { DIRECT_GROUPS = (DIRECT_ROWS + 2) / 3 };

// `rows` pixels from `pixel` on, vectors * VW channels. Three pixels share a pointer, so that few registers hold
// addresses.
INLINE void direct_tile(const GcamDirect *d, size_t pixel, size_t channel, const float *w, const int rows,
                        const int vectors)
{
    const float *first = d->x + (ptrdiff_t)pixel * d->x_step;
    ptrdiff_t step = d->x_step;
    V sum[DIRECT_ROWS][2];
    UNROLL
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = v_zero();
    for (size_t run = 0; run < d->runs; run++) {
        const float *x[DIRECT_GROUPS];
        UNROLL
        for (int g = 0; g < DIRECT_GROUPS; g++)
            x[g] = first + d->offset[run] + (3 * g < rows ? 3 * g : 0) * step;
        for (size_t i = 0; i < d->length; i++) {
            V w0 = v_load(w), w1 = vectors > 1 ? v_load(w + VW) : w0;
            UNROLL
            for (int r = 0; r < rows; r++) {
                V value = v_set1(x[r / 3][(r % 3) * step + (ptrdiff_t)i]);
                sum[r][0] = v_fma(value, w0, sum[r][0]);
                if (vectors > 1)
                    sum[r][1] = v_fma(value, w1, sum[r][1]);
            }
            w += vectors * VW;
        }
    }
    size_t left = d->channels - channel;
    if (left >= (size_t)vectors * VW) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            finish_sum(&d->finish, (ptrdiff_t)pixel + r, channel, VW, sum[r][0]);
            if (vectors > 1)
                finish_sum(&d->finish, (ptrdiff_t)pixel + r, channel + VW, VW, sum[r][1]);
        }
        return;
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        finish_sum(&d->finish, (ptrdiff_t)pixel + r, channel, left < VW ? left : VW, sum[r][0]);
        if (vectors > 1)
            finish_sum(&d->finish, (ptrdiff_t)pixel + r, channel + VW, left - VW, sum[r][1]);
    }
}

// As many pixels as registers hold sums for, down to one: a block that is cut evenly has any of these heights.
typedef void (*DirectTile)(const GcamDirect *d, size_t pixel, size_t channel, const float *w);

#define DIRECT_TILE(rows, vectors) \
    static void direct_tile_##rows##_##vectors(const GcamDirect *d, size_t pixel, size_t channel, const float *w) \
    { direct_tile(d, pixel, channel, w, rows, vectors); }

DIRECT_TILE(1, 1) DIRECT_TILE(2, 1) DIRECT_TILE(3, 1) DIRECT_TILE(4, 1) DIRECT_TILE(5, 1) DIRECT_TILE(6, 1)
DIRECT_TILE(7, 1) DIRECT_TILE(8, 1) DIRECT_TILE(9, 1) DIRECT_TILE(10, 1) DIRECT_TILE(11, 1) DIRECT_TILE(12, 1)
DIRECT_TILE(1, 2) DIRECT_TILE(2, 2) DIRECT_TILE(3, 2) DIRECT_TILE(4, 2) DIRECT_TILE(5, 2) DIRECT_TILE(6, 2)
#if ROWS > 6
DIRECT_TILE(7, 2) DIRECT_TILE(8, 2) DIRECT_TILE(9, 2) DIRECT_TILE(10, 2) DIRECT_TILE(11, 2) DIRECT_TILE(12, 2)
#endif
#if ROWS > 12
DIRECT_TILE(13, 2) DIRECT_TILE(14, 2) DIRECT_TILE(13, 1) DIRECT_TILE(14, 1)
#endif

static const DirectTile direct_tiles[2][DIRECT_ROWS] = {
    { direct_tile_1_1, direct_tile_2_1, direct_tile_3_1, direct_tile_4_1, direct_tile_5_1, direct_tile_6_1,
      direct_tile_7_1, direct_tile_8_1, direct_tile_9_1, direct_tile_10_1, direct_tile_11_1, direct_tile_12_1,
#if ROWS > 12
      direct_tile_13_1, direct_tile_14_1,
#endif
    },
    { direct_tile_1_2, direct_tile_2_2, direct_tile_3_2, direct_tile_4_2, direct_tile_5_2, direct_tile_6_2,
#if ROWS > 6
      direct_tile_7_2, direct_tile_8_2, direct_tile_9_2, direct_tile_10_2, direct_tile_11_2, direct_tile_12_2,
#endif
#if ROWS > 12
      direct_tile_13_2, direct_tile_14_2,
#endif
    },
};

// Cuts the pixels into blocks of nearly equal height, no block of a single row beside full ones.
static void direct(const GcamDirect *d)
{
    size_t most = d->panel > VW ? ROWS : DIRECT_ROWS, tiles = (d->count + most - 1) / most;
    for (size_t t = 0; t < tiles; t++) {
        size_t pixel = t * d->count / tiles, rows = (t + 1) * d->count / tiles - pixel;
        for (size_t channel = 0; channel < d->channels; channel += d->panel) {
            int wide = d->panel > VW && d->channels - channel > VW;
            direct_tiles[wide][rows - 1](d, pixel, channel, d->w + channel * d->runs * d->length);
        }
    }
}
