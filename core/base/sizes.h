/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arithmetic of sizes that are known to fit.
 */
#ifndef GCAM_BASE_SIZES_H
#define GCAM_BASE_SIZES_H

#include <stddef.h>

static inline size_t gcam_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t gcam_ceil_div(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

static inline size_t gcam_round_up(size_t x, size_t step)
{
    return gcam_ceil_div(x, step) * step;
}

// Floats, up to whole cache lines.
static inline size_t gcam_round_line(size_t floats)
{
    return gcam_round_up(floats, 16);
}

#endif
