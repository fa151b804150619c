/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maximum and sum over a window of pixels, for the instruction set whose simd_*.h was included before. Vectorised over
 * the channels; several vectors at a time, so that they do not wait for each other.
 */
#include "kernels.h"
#include "unroll.h"

// Greater of the two; x where they cannot be compared.
static inline V window_max(V x, V y) { return v_select_less(x, y, y, x); }

// `vectors` vectors of channels from i on; n of the last one's.
INLINE void window_channels(const GcamWindowBlock *w, size_t i, size_t n, const int vectors, const int full,
                            const int sum)
{
    V result[4];
    UNROLL
    for (int v = 0; v < vectors; v++)
        result[v] = v_set1(sum ? 0 : w->start);
    for (size_t r = 0; r < w->rows; r++) {
        const float *x = w->x + (ptrdiff_t)r * w->row + i;
        for (size_t c = 0; c < w->columns; c++, x += w->column)
            UNROLL
            for (int v = 0; v < vectors; v++) {
                V value = full ? v_load(x + v * VW) : v_load_n(x + v * VW, n);
                result[v] = sum ? v_add(result[v], value) : window_max(result[v], value);
            }
    }
    UNROLL
    for (int v = 0; v < vectors; v++) {
        result[v] = sum ? v_mul(result[v], v_set1(w->scale)) : result[v];
        if (full)
            v_store(w->y + i + v * VW, result[v]);
        else
            v_store_n(w->y + i + v * VW, result[v], n);
    }
}

INLINE void window(const GcamWindowBlock *w, const int sum)
{
    size_t i = 0;
    for (; i + 4 * VW <= w->channels; i += 4 * VW)
        window_channels(w, i, VW, 4, 1, sum);
    for (; i + VW <= w->channels; i += VW)
        window_channels(w, i, VW, 1, 1, sum);
    if (i < w->channels)
        window_channels(w, i, w->channels - i, 1, 0, sum);
}

static void window_maximum(const GcamWindowBlock *w)
{
    window(w, 0);
}

static void window_sum(const GcamWindowBlock *w)
{
    window(w, 1);
}
