/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: GridSample, as weights of all elements around a place.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

static double mirrored(double at, double low, double high)
{
    while (high > low && (at < low || at > high))
        at = at < low ? 2 * low - at : 2 * high - at;
    return high > low ? at : low;
}

// The element at a whole place of a dimension; -1 for zero.
static int element(const Op *op, double at, int size, int align)
{
    if (at >= 0 && at < size)
        return (int)at;
    if (is_word(op, "padding_mode", "border"))
        return at < 0 ? 0 : size - 1;
    if (is_word(op, "padding_mode", "reflection"))
        return (int)mirrored(at, align ? 0 : -0.5, align ? size - 1 : size - 0.5);
    return -1;
}

static double weight(const Op *op, double distance)
{
    const double d = fabs(distance), a = -0.75;
    if (is_word(op, "mode", "nearest"))
        return d < 0.25;
    if (is_word(op, "mode", "cubic") || is_word(op, "mode", "bicubic"))
        return d <= 1 ? (a + 2) * d * d * d - (a + 3) * d * d + 1
             : d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
    return d < 1 ? 1 - d : 0;
}

void op_grid_sample(Op *op)
{
    const RefTensor *x = op->in[0], *grid = op->in[1];
    const int dims = x->rank - 2, align = integer(op, "align_corners", 0);
    size_t dim[GRAPH_RANK] = { x->dim[0], x->dim[1] }, at[GRAPH_RANK], from[GRAPH_RANK], tap[3], five[3] = { 5, 5, 5 };
    int taps = 1;
    for (int i = 0; i < dims; i++) {
        dim[2 + i] = grid->dim[1 + i];
        taps *= 5;
    }
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        double place[3], sum = 0;
        indices_of(i, x->rank, dim, at);
        size_t row = at[0];
        for (int d = 0; d < dims; d++)
            row = row * dim[2 + d] + at[2 + d];
        for (int d = 0; d < dims; d++) {
            const int size = (int)x->dim[2 + d];
            const double g = grid->data[row * (size_t)dims + (size_t)(dims - 1 - d)];
            place[d] = align ? (g + 1) / 2 * (size - 1) : ((g + 1) * size - 1) / 2;
            if (is_word(op, "mode", "nearest"))
                place[d] = rint(place[d]);
            if (is_word(op, "padding_mode", "reflection"))
                place[d] = mirrored(place[d], align ? 0 : -0.5, align ? size - 1 : size - 0.5);
            else if (is_word(op, "padding_mode", "border") &&
                     (place[d] < (align ? 0 : -0.5) || place[d] > (align ? size - 1 : size - 0.5)))
                place[d] = place[d] < 0 ? 0 : size - 1;
        }
        for (int t = 0; t < taps; t++) {
            double product = 1;
            int is_zero = 0;
            indices_of((size_t)t, dims, five, tap);
            memcpy(from, at, 2 * sizeof(*from));
            for (int d = 0; d < dims; d++) {
                const double whole = floor(place[d]) - 2 + (double)tap[d];
                const int e = element(op, whole, (int)x->dim[2 + d], align);
                product *= weight(op, place[d] - whole);
                is_zero |= e < 0;
                from[2 + d] = (size_t)e;
            }
            if (!is_zero)
                sum += product * x->data[place_of(x->rank, x->dim, from)];
        }
        y->data[i] = sum;
    }
}
