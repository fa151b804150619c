/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For each image and group, some outputs at a time:
 *
 *     forward     gather  columns[c, k; i] = x[c, i * stride - before + k * dilation], then y = w columns
 *     transposed  columns = w^T y, then add each to the place of x that it was gathered from
 *
 * Rows of columns are divided among threads when gathered; of what is added, channels of x, which no two rows of
 * different ones share: the order of sums is that of one thread.
 */
#include "volume.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/sizes.h"
#include "tensor/gemm.h"

enum { COLUMNS = 1 << 18 };     // floats gathered at a time, about: they stay in a cache

static size_t product(const GcamVolume *volume, size_t offset)
{
    size_t all = 1;
    for (int i = 0; i < GCAM_VOLUME_DIMS; i++)
        all *= *(const size_t *)((const char *)&volume->span[i] + offset);
    return all;
}

#define PRODUCT(volume, member) product(volume, offsetof(GcamVolumeSpan, member))

typedef struct Job {
    const GcamVolume *volume;
    size_t taps, x_count, y_count;      // of a kernel, of a channel
    size_t k, rows;                     // taps of all channels of a group; outputs of a group
    size_t block;                       // places of y at a time
    size_t first, count;                // of these
    const float *from;
    float *x, *columns;
} Job;

static Job job_of(const GcamVolume *volume)
{
    Job job = { .volume = volume, .taps = PRODUCT(volume, kernel), .x_count = PRODUCT(volume, x),
                .y_count = PRODUCT(volume, y), .rows = volume->y_c / volume->groups };
    job.k = volume->x_c / volume->groups * job.taps;
    job.block = COLUMNS / job.k < 64 ? 64 : COLUMNS / job.k;
    job.block = gcam_min_size(job.block, job.y_count);
    return job;
}

size_t gcam_volume_scratch(const GcamVolume *volume)
{
    const Job job = job_of(volume);
    const size_t there = gcam_gemm_scratch(job.rows, job.block, job.k);
    const size_t back = gcam_gemm_scratch(job.k, job.block, job.rows), most = there > back ? there : back;
    size_t columns;
    if (gcam_mul(job.k, job.block, &columns) < 0 || most > SIZE_MAX - columns - 64)
        return SIZE_MAX;
    return gcam_round_line(columns) + most;
}

// Places of y [first, last) of a row that runs along the last dimension, whose tap lies inside x.
static void inside(const GcamVolumeSpan *span, size_t tap, size_t *first, size_t *last)
{
    const ptrdiff_t at = (ptrdiff_t)(tap * span->dilation) - (ptrdiff_t)span->before, stride = (ptrdiff_t)span->stride;
    const ptrdiff_t room = (ptrdiff_t)span->x - at;
    const size_t low = at < 0 ? (size_t)((-at + stride - 1) / stride) : 0;
    const size_t high = room > 0 ? (size_t)((room + stride - 1) / stride) : 0;
    *first = low < *first ? *first : low;
    *last = high > *last ? *last : high;
    if (*last < *first)
        *last = *first;
}

// Where in x's channel a tap of row (d, h) of y lies; 0 when outside.
static int row_of(const GcamVolume *volume, size_t d, size_t h, size_t tap_d, size_t tap_h, size_t *row)
{
    const GcamVolumeSpan *deep = &volume->span[0], *high = &volume->span[1];
    const ptrdiff_t at_d = (ptrdiff_t)(d * deep->stride + tap_d * deep->dilation) - (ptrdiff_t)deep->before;
    const ptrdiff_t at_h = (ptrdiff_t)(h * high->stride + tap_h * high->dilation) - (ptrdiff_t)high->before;
    if (at_d < 0 || at_h < 0 || at_d >= (ptrdiff_t)deep->x || at_h >= (ptrdiff_t)high->x)
        return 0;
    *row = ((size_t)at_d * high->x + (size_t)at_h) * volume->span[2].x;
    return 1;
}

// One row of columns: a tap of a channel, for the block's places of y, line by line. `add` puts them back.
static void walk_row(const Job *job, size_t index, int add)
{
    const GcamVolume *volume = job->volume;
    const GcamVolumeSpan *wide = &volume->span[2];
    const size_t channel = index / job->taps, tap = index % job->taps, tap_w = tap % wide->kernel;
    const size_t tap_h = tap / wide->kernel % volume->span[1].kernel;
    const size_t tap_d = tap / wide->kernel / volume->span[1].kernel;
    const float *from = add ? NULL : job->from + channel * job->x_count;
    float *to = add ? job->x + channel * job->x_count : NULL, *columns = job->columns + index * job->count;
    for (size_t i = 0, n; i < job->count; i += n, columns += n) {
        const size_t place = job->first + i, w = place % wide->y, line = place / wide->y;
        size_t row, first = w, last;
        n = gcam_min_size(wide->y - w, job->count - i);
        last = w + n;
        if (!row_of(volume, line / volume->span[1].y, line % volume->span[1].y, tap_d, tap_h, &row))
            first = last;
        else
            inside(wide, tap_w, &first, &last);
        const ptrdiff_t shift = (ptrdiff_t)(tap_w * wide->dilation) - (ptrdiff_t)wide->before;
        if (add) {
            for (size_t k = first; k < last; k++)
                to[(ptrdiff_t)(row + k * wide->stride) + shift] += columns[k - w];
            continue;
        }
        if (first >= last) {
            memset(columns, 0, n * sizeof(*columns));
            continue;
        }
        memset(columns, 0, (first - w) * sizeof(*columns));
        for (size_t k = first; k < last; k++)
            columns[k - w] = from[(ptrdiff_t)(row + k * wide->stride) + shift];
        memset(columns + (last - w), 0, (w + n - last) * sizeof(*columns));
    }
}

static void gather_row(void *opaque, size_t index, int thread)
{
    (void)thread;
    walk_row(opaque, index, 0);
}

// All taps of a channel.
static void add_channel(void *opaque, size_t channel, int thread)
{
    const Job *job = opaque;
    (void)thread;
    for (size_t tap = 0; tap < job->taps; tap++)
        walk_row(job, channel * job->taps + tap, 1);
}

void gcam_volume_forward(const GcamVolume *volume, GcamThreads *pool, enum GcamType type, const float *w,
                         const float *x, float *y, float *scratch)
{
    const GcamEpilogue plain = { 0 };
    Job job = job_of(volume);
    float *packing = scratch + gcam_round_line(job.k * job.block);
    job.columns = scratch;
    for (size_t g = 0; g < volume->n * volume->groups; g++) {
        const float *own = w + g % volume->groups * job.rows * job.k;
        job.from = x + g * (job.k / job.taps) * job.x_count;
        for (job.first = 0; job.first < job.y_count; job.first += job.count) {
            job.count = gcam_min_size(job.block, job.y_count - job.first);
            gcam_threads_run(pool, job.k, gather_row, &job);
            gcam_gemm(pool, type, job.rows, job.count, job.k, own, (ptrdiff_t)job.k, 1, job.columns,
                      (ptrdiff_t)job.count, 1, y + g * job.rows * job.y_count + job.first, (ptrdiff_t)job.y_count,
                      &plain, packing);
        }
    }
}

void gcam_volume_transposed(const GcamVolume *volume, GcamThreads *pool, enum GcamType type, const float *w,
                            const float *y, float *x, float *scratch)
{
    const GcamEpilogue plain = { 0 };
    Job job = job_of(volume);
    float *packing = scratch + gcam_round_line(job.k * job.block);
    job.columns = scratch;
    memset(x, 0, volume->n * volume->x_c * job.x_count * sizeof(*x));
    for (size_t g = 0; g < volume->n * volume->groups; g++) {
        const float *own = w + g % volume->groups * job.rows * job.k;
        job.x = x + g * (job.k / job.taps) * job.x_count;
        for (job.first = 0; job.first < job.y_count; job.first += job.count) {
            job.count = gcam_min_size(job.block, job.y_count - job.first);
            gcam_gemm(pool, type, job.k, job.count, job.rows, own, 1, (ptrdiff_t)job.k,
                      y + g * job.rows * job.y_count + job.first, (ptrdiff_t)job.y_count, 1, job.columns,
                      (ptrdiff_t)job.count, &plain, packing);
            gcam_threads_run(pool, job.k / job.taps, add_channel, &job);
        }
    }
}
