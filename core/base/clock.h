/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Time that only goes forward.
 */
#ifndef GCAM_BASE_CLOCK_H
#define GCAM_BASE_CLOCK_H

#include <time.h>

// Seconds since some moment.
static inline double gcam_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

#endif
