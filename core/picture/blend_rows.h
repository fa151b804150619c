/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the two ways of blending share: along straight lines (blend_lines.c) and along curves (blend_curve.c). A row of
 * samples of one component is cut into segments, between the middles of two neighbouring cells of the map each.
 */
#ifndef GCAM_PICTURE_BLEND_ROWS_H
#define GCAM_PICTURE_BLEND_ROWS_H

#include "gradcam_picture.h"
#include "blend.h"

#define CHUNK       4096        // samples
#define SEGMENTS    256
#define BEND        160         // samples of a segment along a curve, at most: its differences are rounded
#define CURVES      128         // segments of a chunk along curves

// Sample i is at position (first + i * step) in cells of the map; -0.5 is its near edge, size - 0.5 the far
// one.
typedef struct Axis {
    double first, step;
    int size;
    int begin, end;             // samples inside of the map
    int curved;
} Axis;

// Two numbers in a vector register.
typedef double Pair __attribute__((vector_size(16)));
#define MAGIC 6755399441055744.0        // 1.5 * 2^52: added, it puts an integer into the low bits

// Samples x .. x + count - 1 of a chunk lie between the centres of cell `left` and cell `right` of a map row,
// the first of them `offset` cells from the left one. left == right: constant. left < 0: outside of the map,
// nothing. Along curves, left and right are the two in the middle of four cells, and may be off the map by one.
typedef struct Segment {
    int x, count;
    int left, right, outside;
    double offset;
    Pair upper;                 // of the upper row of the map: value of the first sample, change to the next one
    Pair change;                // of both, to the lower row
    int zero;                   // at all four corners
} Segment;

// What one call works on.
typedef struct Job {
    const GradcamOverlay *overlay;
    const GcamBlendKernels *kernels;
    const float *map;
    Axis x, y;
    double factor;              // of curves: what levels are multiplied by, beside the middle
    double middle;              // level of nothing, 0 to 255
} Job;

// Components of equal size, which share their indices.
typedef struct Group {
    const GradcamComponent *component[3];
    const GcamBlendTable *table[3];
    int count;
} Group;

// Of a cell, 0 to 255; outside of the map, that of nothing.
static inline double level(const Job *job, const float *row, int cell)
{
    const double m = cell < 0 ? 0.0 : row[cell];

    if (cell < 0)
        return job->middle;
    return m > 0.0 ? (m < 1.0 ? m : 1.0) * 255.0 : 0.0;  // NaN is not above zero
}

// Blends `count` samples of each component with these levels.
static inline void mix(const Job *job, const Group *group, int x, int y, const uint8_t *index, int count)
{
    for (int i = 0; i < group->count; i++) {
        const GradcamComponent *c = group->component[i];
        uint8_t *row = c->data + y * c->stride + (ptrdiff_t)x * c->step;
        if (c->depth == 8)
            job->kernels->mix8(row, c->step, index, count, group->table[i]);
        else if (c->depth <= GCAM_BLEND_DEPTH)
            job->kernels->mix16(row, c->step, c->shift, index, count, group->table[i]);
        else
            job->kernels->mix_deep(row, c->step, c->shift, index, count, group->table[i]);
    }
}

// Rows y0 .. y1 - 1 of a group's components, columns x .. up to where the segments end, along curves.
void gcam_blend_curves(const Job *job, const Group *group, Segment *segment, int count, int x, int y0, int y1);

#endif
