/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sums over rows, in double precision, in LANES parts that compilers compute side by side; always the same parts, so
 * always the same result.
 */
#ifndef GCAM_OPS_LANES_H
#define GCAM_OPS_LANES_H

#include <stddef.h>

enum { GCAM_LANES = 8 };

#define GCAM_LANE_SUM(element) \
    double lane[GCAM_LANES] = { 0 }, sum = 0; \
    size_t whole = n - n % GCAM_LANES; \
    for (size_t at = 0; at < whole; at += GCAM_LANES) \
        for (size_t l = 0, i = at; l < GCAM_LANES; l++, i++) \
            lane[l] += (element); \
    for (size_t i = whole; i < n; i++) \
        sum += (element); \
    for (size_t l = 0; l < GCAM_LANES; l++) \
        sum += lane[l]; \
    return sum;

static inline double gcam_sum(const float *x, size_t n)
{
    GCAM_LANE_SUM((double)x[i])
}

// Of the squared distances from m.
static inline double gcam_sum_squares(const float *x, double m, size_t n)
{
    GCAM_LANE_SUM(((double)x[i] - m) * ((double)x[i] - m))
}

static inline double gcam_sum_products(const float *x, const float *y, size_t n)
{
    GCAM_LANE_SUM((double)x[i] * (double)y[i])
}

// Rows of n elements that one thread takes at a time: enough work to be worth a turn.
static inline size_t gcam_rows_at_a_time(size_t n)
{
    enum { ELEMENTS = 8192 };
    return n < ELEMENTS ? ELEMENTS / n : 1;
}

#endif
