/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: rows of a picture, cut into segments, and a map to be enlarged by curves. Out: the rows, blended in place.
 *
 * A segment is a polynomial of the third degree, told by its first sample and three differences, which per sample are
 * three additions. Those of a row of the map are made once; a curve across rows weighs four of them. From one row of
 * the map to the next it is followed by short straight lines, which are not to be told from it; in large pictures every
 * other row has the mean of the levels above and below.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "blend_rows.h"
#include "upsample.h"

#define HIGH        16          // picture rows of a cell from which on every other one is made of its neighbours
#define PARTS       8           // straight lines from one row of the map to the next

typedef uint64_t Longs __attribute__((vector_size(16)));
typedef uint32_t Words __attribute__((vector_size(16)));

// Of a segment's curve the value of the first sample and the three differences to those that follow.
typedef struct Bend {
    Pair line, bend;
} Bend;

// The curve of a segment.
typedef struct Curve {
    Bend row[GCAM_UPSAMPLE_TAPS];       // row r of the map is at r modulo their number
    Bend upper, lower, change;          // of the rows of lines above and below
    int zero[GCAM_UPSAMPLE_TAPS];       // all along a row of the map
    int upper_zero, lower_zero;
} Curve;

// The curves along a row of the map, which may be off it by one.
static void fit_row(const Job *job, const Segment *segment, Curve *curve, int count, int row)
{
    const float *map = job->map + (size_t)gcam_upsample_clamp(row, job->y.size) * job->x.size;
    const int at = row & (GCAM_UPSAMPLE_TAPS - 1);
    const double unit = 1 << GCAM_CURVE_BITS, h = job->x.step;

    for (int i = 0; i < count; i++) {
        const double o = segment[i].offset;
        const double m = job->middle;
        double value[GCAM_UPSAMPLE_TAPS] = { m, m, m, m }, p[GCAM_UPSAMPLE_TAPS];
        curve[i].zero[at] = job->middle == 0;
        for (int k = 0; k < GCAM_UPSAMPLE_TAPS && !segment[i].outside; k++) {
            const int cell = gcam_upsample_clamp(segment[i].left - 1 + k, job->x.size);
            value[k] = job->middle + job->factor * (level(job, map, cell) - job->middle);
            curve[i].zero[at] &= value[k] < 0.5;
        }
        gcam_upsample_fit(p, value, job->overlay->settings.upsample);
        const double second = 2 * h * h * (p[2] + 3 * o * p[3]), third = 6 * p[3] * h * h * h;
        const double slope = h * (p[1] + o * (2 * p[2] + 3 * o * p[3]));
        curve[i].row[at].line[0] = unit * (p[0] + o * (p[1] + o * (p[2] + o * p[3])));
        curve[i].row[at].line[1] = unit * (slope + second / 2 + third / 6);
        curve[i].row[at].bend[0] = unit * (second + third);
        curve[i].row[at].bend[1] = unit * third;
    }
}

// The lower curves, at a position between rows of the map, of which those before *next are there.
static void bend_row(const Job *job, const Segment *segment, Curve *curve, int count, double position, int *next)
{
    const int row = (int)floor(position) - 1;
    double down[GCAM_UPSAMPLE_TAPS];
    Pair w[GCAM_UPSAMPLE_TAPS];

    for (*next = *next > row ? *next : row; *next < row + GCAM_UPSAMPLE_TAPS; ++*next)
        fit_row(job, segment, curve, count, *next);
    gcam_upsample_weigh(down, position - row - 1, job->overlay->settings.upsample);
    for (int k = 0; k < GCAM_UPSAMPLE_TAPS; k++)
        w[(row + k) & (GCAM_UPSAMPLE_TAPS - 1)] = (Pair){ down[k], down[k] };
    for (int i = 0; i < count; i++) {
        const Bend *r = curve[i].row;
        const int *zero = curve[i].zero;
        curve[i].lower.line = w[0] * r[0].line + w[1] * r[1].line + w[2] * r[2].line + w[3] * r[3].line;
        curve[i].lower.bend = w[0] * r[0].bend + w[1] * r[1].bend + w[2] * r[2].bend + w[3] * r[3].bend;
        curve[i].lower.line[0] += 1 << (GCAM_CURVE_BITS - 6);    // what is 1 but for rounding stays there
        curve[i].lower_zero = zero[0] & zero[1] & zero[2] & zero[3];
    }
}

// Readies the curves for picture rows between two rows of lines, `row` and the next. follows: they were ready for
// those before.
static void load_curves(const Job *job, Segment *segment, Curve *curve, int count, int row, int follows, int *next)
{
    if (!follows)
        bend_row(job, segment, curve, count, (double)row / PARTS, next);
    for (int i = 0; i < count; i++) {
        curve[i].upper = curve[i].lower;
        curve[i].upper_zero = curve[i].lower_zero;
    }
    bend_row(job, segment, curve, count, (double)(row + 1) / PARTS, next);
    for (int i = 0; i < count; i++) {
        curve[i].change.line = curve[i].lower.line - curve[i].upper.line;
        curve[i].change.bend = curve[i].lower.bend - curve[i].upper.bend;
        segment[i].zero = curve[i].upper_zero & curve[i].lower_zero;
    }
}

// The curves of a row `fraction` of the way from the row of lines above to the one below.
static void make_curves(GcamCurve *out, const Segment *segment, const Curve *curve, int count, double fraction)
{
    const Pair share = { fraction, fraction }, magic = { MAGIC, MAGIC };

    for (int i = 0; i < count; i++) {
        const Curve *c = &curve[i];
        const Longs line = (Longs)(c->upper.line + share * c->change.line + magic);
        const Longs bend = (Longs)(c->upper.bend + share * c->change.bend + magic);
        const Words words = { (uint32_t)line[0], (uint32_t)line[1], (uint32_t)bend[0], (uint32_t)bend[1] };
        out[i].x = segment[i].x;
        out[i].count = segment[i].count;
        memcpy(out[i].step, &words, sizeof(words));
    }
}

// The levels of a row of curves, and which segments are zero all along.
typedef struct Levels {
    int y;
    uint8_t zero[CURVES];
    uint8_t index[CHUNK + GCAM_BLEND_MARGIN];
} Levels;

// Where rows come from, in order.
typedef struct Curves {
    const Job *job;
    Segment *segment;
    int count;
    Curve curve[CURVES];
    int row, next;              // of lines, the one above; of the map, the first that is not there
} Curves;

// Levels of row y, if they are not there yet.
static void find_levels(Curves *c, Levels *levels, int y)
{
    const double position = (c->job->y.first + y * c->job->y.step) * PARTS;
    const int row = (int)floor(position);
    GcamCurve line[CURVES];

    if (levels->y == y)
        return;
    levels->y = y;
    if (row != c->row)
        load_curves(c->job, c->segment, c->curve, c->count, row, row == c->row + 1, &c->next);
    c->row = row;
    make_curves(line, c->segment, c->curve, c->count, position - row);
    for (int i = 0, end; i < c->count; i = end) {
        for (end = i; end < c->count && !c->segment[end].zero; end++)
            levels->zero[end] = 0;
        c->job->kernels->curve(levels->index, line + i, end - i);
        for (; end < c->count && c->segment[end].zero; end++) {
            levels->zero[end] = 1;
            memset(levels->index + c->segment[end].x, 0, c->segment[end].count);
        }
    }
}

// Those of a row between two.
static void average(const Levels *a, const Levels *b, int samples, int segments, Levels *out)
{
    enum { STEP = 64 };                 // the margin has room for it

    for (int i = 0; i < samples; i += STEP)
        for (int j = i; j < i + STEP; j++)
            out->index[j] = (a->index[j] + b->index[j] + 1) >> 1;
    for (int i = 0; i < segments; i++)
        out->zero[i] = a->zero[i] & b->zero[i];
}

static void mix_levels(const Curves *c, const Group *group, const Levels *levels, int x, int y)
{
    for (int i = 0, end; i < c->count; i = end + 1) {
        for (end = i; end < c->count && !(levels->zero[end] && c->job->overlay->skip_zero); end++)
            ;
        const int begin = c->segment[i].x, last = end > i ? c->segment[end - 1].x + c->segment[end - 1].count : begin;
        mix(c->job, group, x + begin, y, levels->index + begin, last - begin);
    }
}

// Where cells are high, levels are found for every other row, which all slices agree about.
void gcam_blend_curves(const Job *job, const Group *group, Segment *segment, int count, int x, int y0, int y1)
{
    const int samples = segment[count - 1].x + segment[count - 1].count;
    Curves curves = { .job = job, .segment = segment, .count = count, .row = INT_MIN / 2, .next = INT_MIN / 2 };
    Levels levels[2], between;
    const int every = job->y.step * HIGH < 1 ? 2 : 1;

    levels[0].y = levels[1].y = INT_MIN;
    memset(levels[0].index, 0, sizeof(levels[0].index));        // margins are read
    memset(levels[1].index, 0, sizeof(levels[1].index));
    for (int y = y0; y < y1; y++) {
        Levels *above = &levels[y / every % 2], *below = &levels[(y / every + 1) % 2];
        find_levels(&curves, above, y - y % every);
        if (y % every) {
            find_levels(&curves, below, y + 1);
            average(above, below, samples, count, &between);
        }
        mix_levels(&curves, group, y % every ? &between : above, x, y);
    }
}

