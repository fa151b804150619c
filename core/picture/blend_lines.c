/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a map with values in 0..1, a picture, an overlay's tables. Out: the picture, blended in place.
 *
 * Along a row the enlarged map is a chain of straight lines, one per pair of neighbouring cells. A row of
 * one component is cut into such segments once; each has a start and a slope that are themselves straight
 * lines from one row of the map to the next. So per picture row a segment costs two multiplications (done
 * here, so that all kernels see the same numbers), and per sample remain an addition (index = top byte of a
 * 32-bit sum), two lookups and the blend. Segments that are zero at all four corners are not visited where
 * zero means "leave it". Nothing is allocated: rows are worked on in chunks that fit the stack.
 *
 * That is for straight lines; segments along curves (settings.upsample) are blended by blend_curve.c.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "gradcam_picture.h"
#include "blend_rows.h"
#include "kernels/kernels.h"
#include "picture.h"
#include "upsample.h"

#define BAND        16          // picture rows: slices end where bands do
#define BANDS       8           // that all components pass before the next, so that what they share stays cached
#define MOST_CURVED 64          // cells along the sides of maps that are enlarged by curves, at most
#define ONE         16777216.0  // a level of the table, in the fixed point of an index

static Axis make_axis(int samples, int pixels, double begin, double length, int cells)
{
    const double per_sample = (double)pixels / samples, scale = cells / length;
    Axis axis = { (0.5 * per_sample - begin) * scale - 0.5, per_sample * scale, cells, 0, 0, 0 };

    axis.begin = (int)fmin(fmax(ceil(begin / per_sample - 0.5), 0.0), samples);
    axis.end = (int)fmin(fmax(ceil((begin + length) / per_sample - 0.5), axis.begin), samples);
    return axis;
}

// Cuts the samples from x on into segments, as many as fit a chunk; returns where the chunk ends.
static int cut(const Axis *axis, int begin, int end, Segment *segment, int *count)
{
    int x = begin;

    end = end - begin > CHUNK ? begin + CHUNK : end;
    for (*count = 0; x < end && *count < (axis->curved ? CURVES : SEGMENTS); ++*count) {
        const double position = axis->first + x * axis->step;
        Segment s = { .x = x - begin };
        double last;            // position where the segment ends

        if (x < axis->begin || x >= axis->end) {
            s.left = s.right = -1;
            s.outside = 1;
            last = position;
            s.count = (x < axis->begin ? axis->begin : end) - x;
        } else if (axis->curved) {
            s.left = (int)floor(position);
            s.right = s.left + 1;
            s.offset = position - s.left;
            last = s.right;
        } else if (position < 0.0 || position >= axis->size - 1.0) {
            s.left = s.right = position < 0.0 ? 0 : axis->size - 1;
            last = position < 0.0 ? 0.0 : INFINITY;
        } else {
            s.left = (int)position;
            s.right = s.left + 1;
            s.offset = position - s.left;
            last = s.right;
        }
        if (!s.outside) {
            s.count = (int)fmin(ceil((last - axis->first) / axis->step), axis->end) - x;
            while (s.count > 1 && axis->first + (x + s.count - 1) * axis->step >= last)
                s.count--;
        }
        if (axis->curved && s.count > BEND)
            s.count = BEND;
        if (s.count < 1)
            s.count = 1;
        if (s.count > end - x)
            s.count = end - x;
        x += s.count;
        segment[*count] = s;
    }
    return x;
}

// Readies the segments for picture rows between two rows of the map.
static void load_rows(const Job *job, Segment *segment, int count, const float *upper, const float *lower)
{
    const double cells_per_sample = job->x.step;

    for (int i = 0; i < count; i++) {
        Segment *s = &segment[i];
        const double a = level(job, upper, s->left) * ONE, b = level(job, upper, s->right) * ONE;
        const double c = level(job, lower, s->left) * ONE, d = level(job, lower, s->right) * ONE;
        // Rounded, start and step lose half a unit each: this much more keeps sums from falling below zero.
        s->upper[0] = a + s->offset * (b - a) + s->count;
        s->upper[1] = (b - a) * cells_per_sample;
        s->change[0] = c + s->offset * (d - c) + s->count - s->upper[0];
        s->change[1] = (d - c) * cells_per_sample - s->upper[1];
        s->zero = a < ONE && b < ONE && c < ONE && d < ONE;
    }
}

// The segments as ramps, for a row `fraction` of the way from the upper row of the map to the lower.
static void make_ramps(GcamRamp *ramp, const Segment *segment, int count, double fraction)
{
    const Pair share = { fraction, fraction }, magic = { MAGIC, MAGIC };

    for (int i = 0; i < count; i++) {
        const Segment *s = &segment[i];
        const Pair sum = s->upper + share * s->change + magic;
        uint64_t bits[2];
        memcpy(bits, &sum, sizeof(bits));
        ramp[i] = (GcamRamp){ s->x, s->count, (uint32_t)bits[0], (uint32_t)bits[1] };
    }
}

// One row of a chunk: finds the indices of each run of segments that is not skipped, and blends it.
static void blend_row(const Job *job, const Group *group, const Segment *segment, int count, int x, int y,
                      double fraction)
{
    uint8_t index[CHUNK + GCAM_BLEND_MARGIN];
    GcamRamp ramp[SEGMENTS];

    make_ramps(ramp, segment, count, fraction);
    for (int i = 0, end; i < count; i = end + 1) {
        for (end = i; end < count && !(segment[end].zero && job->overlay->skip_zero); end++)
            ;
        if (end == i)
            continue;
        const int begin = segment[i].x, samples = segment[end - 1].x + segment[end - 1].count - begin;
        job->kernels->index(index, ramp + i, end - i);
        mix(job, group, x + begin, y, index + begin, samples);
    }
}

// Rows y0 .. y1 - 1 of a group's components, columns x .. up to where the segments end.
static void blend_chunk(const Job *job, const Group *group, Segment *segment, int count, int x, int y0,
                        int y1)
{
    static const int none = -1;
    int loaded = none;

    for (int y = y0; y < y1; y++) {
        const double position = fmin(fmax(job->y.first + y * job->y.step, 0.0), job->y.size - 1.0);
        const int row = (int)position;
        if (row != loaded) {
            const float *upper = job->map + (size_t)row * job->x.size;
            const float *lower = row + 1 < job->y.size ? upper + job->x.size : upper;
            load_rows(job, segment, count, upper, lower);
            loaded = row;
        }
        blend_row(job, group, segment, count, x, y, position - row);
    }
}

// Rows above and below the map: one segment of nothing.
static void blend_outside(const Job *job, const Group *group, int width, int y0, int y1)
{
    uint8_t nothing[CHUNK + GCAM_BLEND_MARGIN];

    memset(nothing, (int)job->middle, sizeof(nothing));
    for (int y = y0; y < y1; y++)
        for (int x = 0; x < width; x += CHUNK)
            mix(job, group, x, y, nothing, width - x < CHUNK ? width - x : CHUNK);
}

static void blend_group(const Job *job, const Group *group, int y0, int y1)
{
    // What is outside is painted too.
    const int whole = job->overlay->settings.output != GRADCAM_OUTPUT_OVERLAY;
    const int width = group->component[0]->width;
    const int begin = whole ? 0 : job->x.begin, end = whole ? width : job->x.end;
    const int top = y0 > job->y.begin ? y0 : job->y.begin, bottom = y1 < job->y.end ? y1 : job->y.end;
    Segment segment[SEGMENTS];
    int count;

    if (top >= bottom) {
        if (whole)
            blend_outside(job, group, width, y0, y1);
        return;
    }
    if (whole)
        blend_outside(job, group, width, y0, top);
    for (int x = begin, next; x < end; x = next) {
        next = cut(&job->x, x, end, segment, &count);
        if (job->x.curved)
            gcam_blend_curves(job, group, segment, count, x, top, bottom);
        else
            blend_chunk(job, group, segment, count, x, top, bottom);
    }
    if (whole)
        blend_outside(job, group, width, bottom, y1);
}

static int picture_fits(const GradcamOverlay *overlay, const GradcamPicture *picture)
{
    if (picture->width < 1 || picture->height < 1)
        return 0;
    for (int i = 0; i < overlay->components; i++) {
        const GradcamComponent *c = &picture->component[i];
        if (!c->data || c->depth != overlay->settings.depth[i] || !gcam_component_valid(c))
            return 0;
    }
    return 1;
}

static int same_size(const GradcamComponent *a, const GradcamComponent *b)
{
    return a->width == b->width && a->height == b->height;
}

// For a group of components of this one's size.
static Job make_job(const GradcamOverlay *overlay, const GradcamPicture *picture, const GradcamComponent *c,
                    const float *map, int map_width, int map_height, const GradcamRegion *r)
{
    Job job = {
        overlay, &gcam_kernels()->blend, map,
        make_axis(c->width, picture->width, r->x, r->width, map_width),
        make_axis(c->height, picture->height, r->y, r->height, map_height), 1,
        gcam_overlay_middle(&overlay->settings)
    };
    job.x.curved = overlay->settings.upsample != GRADCAM_UPSAMPLE_BILINEAR && map_width <= MOST_CURVED &&
                   map_height <= MOST_CURVED;
    return job;
}

int gradcam_overlay_blend(const GradcamOverlay *overlay, const GradcamPicture *picture, const float *map,
                          int map_width, int map_height, const GradcamRegion *region, int slice, int slices)
{
    const GradcamRegion whole = { 0.0, 0.0, picture ? picture->width : 0, picture ? picture->height : 0 };
    const GradcamRegion *r = region ? region : &whole;

    if (!overlay || !picture || !map || map_width < 1 || map_height < 1 || slice < 0 || slice >= slices ||
        !picture_fits(overlay, picture) || !gcam_region_valid(r))
        return -EINVAL;

    const int bands = (picture->height + BAND - 1) / BAND;
    const int first = (int)((int64_t)bands * slice / slices);
    const int last = (int)((int64_t)bands * (slice + 1) / slices);
    double factor = 0;
    for (int band = first; band < last; band += BANDS) {
        const int end = band + BANDS < last ? band + BANDS : last;
        for (int i = 0; i < overlay->components; i++) {
            const GradcamComponent *c = &picture->component[i];
            Group group = { .count = 0 };
            if (i > 0 && same_size(c, c - 1))
                continue;
            for (int k = i; k < overlay->components && same_size(c, &picture->component[k]); k++) {
                group.component[group.count] = &picture->component[k];
                group.table[group.count++] = &overlay->table[k];
            }
            Job job = make_job(overlay, picture, c, map, map_width, map_height, r);
            if (job.x.curved && overlay->settings.upsample == GRADCAM_UPSAMPLE_SPLINE)
                job.factor = factor > 0 ? factor : (factor = gcam_upsample_factor(map, map_width, map_height,
                                                                                overlay->settings.two_sided));
            blend_group(&job, &group, (int)((int64_t)c->height * band / bands),
                        (int)((int64_t)c->height * end / bands));
        }
    }
    return 0;
}
