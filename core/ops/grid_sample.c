/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GridSample: x [N, C, .., W], grid [N, .., dims], whose last dimension has a place in x for each element of
 * y [N, C, ..]: the last of x's dimensions first, -1 and 1 the middles (align_corners) or the borders of its first and
 * last elements. In each dimension elements around the place are weighed: the nearest alone, two linearly, or four by
 * cubic convolution with a = -0.75. Outside they are zero, or those of the border, or reflected there.
 *
 *     y[n, c, i] = sum over taps t of (product over d of weight[d, t]) x[n, c, t]
 *     dx: dy times the weights        dgrid: dy times the weights, with that of one dimension derived by the place
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { DIMS = 3, TAPS = 4 };

enum Mode { MODE_LINEAR, MODE_NEAREST, MODE_CUBIC };
enum Padding { PADDING_ZEROS, PADDING_BORDER, PADDING_REFLECTION };

typedef struct Params {
    int dims, taps;             // taps along each
    enum Mode mode;
    enum Padding padding;
    int align;
    size_t n, c, places;        // places: of an image of y
    size_t size[DIMS], count;   // of x, and of a channel of it
} Params;

static int grid_sample_infer(GcamInfer *infer)
{
    // Names up to opset 19, and since.
    static const char *const modes[] = { "linear", "nearest", "cubic", "bilinear", "bicubic" };
    static const char *const paddings[] = { "zeros", "border", "reflection" };
    int error = gcam_infer_arity(infer, 2, 2), mode, padding;
    Params *p = gcam_infer_alloc(infer, sizeof(*p));
    if (error || !p)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape, *grid = &gcam_infer_input(infer, 1)->shape;
    char text[GCAM_SHAPE_TEXT], other[GCAM_SHAPE_TEXT];
    if ((mode = GCAM_INFER_NAME(infer, "mode", "linear", modes)) < 0)
        return mode;
    if ((padding = GCAM_INFER_NAME(infer, "padding_mode", "zeros", paddings)) < 0)
        return padding;
    if (x->rank < 3 || x->rank > 2 + DIMS || grid->rank != x->rank || grid->dim[0] != x->dim[0] ||
        grid->dim[grid->rank - 1] != (size_t)x->rank - 2 || !gcam_shape_count(x) || !gcam_shape_count(grid))
        return gcam_infer_unsupported(infer, "a grid of shape %s for an input of shape %s", gcam_shape_text(grid, text),
                                      gcam_shape_text(x, other));
    *p = (Params){ .dims = x->rank - 2, .mode = mode == 3 ? MODE_LINEAR : mode == 4 ? MODE_CUBIC : (enum Mode)mode,
                   .padding = (enum Padding)padding, .align = gcam_node_int(infer->node, "align_corners", 0) != 0,
                   .n = x->dim[0], .c = x->dim[1] };
    p->taps = p->mode == MODE_NEAREST ? 1 : p->mode == MODE_LINEAR ? 2 : 4;
    p->count = gcam_shape_count(x) / (p->n * p->c);
    GcamShape shape = { x->rank, { x->dim[0], x->dim[1] } };
    p->places = 1;
    for (int i = 0; i < p->dims; i++) {
        p->size[i] = x->dim[2 + i];
        shape.dim[2 + i] = grid->dim[1 + i];
        p->places *= grid->dim[1 + i];
    }
    infer->node->params = p;
    return gcam_infer_output(infer, 0, &shape);
}

// ------------------------------------------------------------------------------------------------------------ places

// The elements that are weighed along one dimension: -1 for one that is zero. slope: the weight derived by the grid.
typedef struct Line {
    ptrdiff_t index[TAPS];
    double weight[TAPS], slope[TAPS];
} Line;

// Mirrored at both ends until it lies between them; *sign becomes -1 where it then runs the other way.
static double reflect(double at, double low, double high, double *sign)
{
    const double range = high - low, outside = at < low ? low - at : at > high ? at - high : 0;
    if (!(outside > 0))
        return at;
    if (!(range > 0)) {
        *sign = 0;
        return low;
    }
    const double rest = fmod(outside, range);
    const int odd = fmod(floor(outside / range), 2) != 0, from_low = (at < low) != odd;
    *sign = odd ? 1 : -1;
    return from_low ? low + rest : high - rest;
}

// Where tap i lies, after padding; -1 for zero.
static ptrdiff_t padded(const Params *p, double i, double size)
{
    double sign;
    if (i >= 0 && i < size)
        return (ptrdiff_t)i;
    if (p->padding == PADDING_ZEROS)
        return -1;
    if (p->padding == PADDING_REFLECTION)
        i = trunc(reflect(i, p->align ? 0 : -0.5, p->align ? size - 1 : size - 0.5, &sign));
    return (ptrdiff_t)(i < 0 ? 0 : i >= size ? size - 1 : i);
}

// Cubic convolution: the weight of an element at distance d, and the same derived by d.
static void cubic(double d, double *weight, double *slope)
{
    const double a = -0.75, sign = d < 0 ? -1 : 1;
    d = fabs(d);
    if (d <= 1) {
        *weight = ((a + 2) * d - (a + 3)) * d * d + 1;
        *slope = sign * (3 * (a + 2) * d - 2 * (a + 3)) * d;
    } else {
        *weight = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
        *slope = sign * ((3 * a * d - 10 * a) * d + 8 * a);
    }
}

// A place of the grid, -1 to 1, as elements and their weights.
static Line line_of(const Params *p, int dim, double place)
{
    const double size = (double)p->size[dim], low = p->align ? 0 : -0.5, high = p->align ? size - 1 : size - 0.5;
    double factor = (p->align ? size - 1 : size) / 2, sign = 1;
    double at = p->align ? (place + 1) / 2 * (size - 1) : ((place + 1) * size - 1) / 2;
    Line line = { .weight = { 0 } };
    if (p->mode == MODE_NEAREST)
        at = nearbyint(at);
    if (p->padding == PADDING_BORDER && (at < low || at > high)) {
        at = at < 0 ? 0 : size - 1;
        sign = 0;
    } else if (p->padding == PADDING_REFLECTION) {
        at = reflect(at, low, high, &sign);
    }
    const double first = floor(at) - (p->mode == MODE_CUBIC), from = at - first;
    factor *= sign;
    for (int t = 0; t < p->taps; t++) {
        // What is not a number shows; what is far outside need not be told how far.
        line.index[t] = isfinite(at) ? padded(p, first + t, size) : isnan(at) ? 0 : -1;
        if (p->mode == MODE_NEAREST) {
            line.weight[t] = isnan(at) ? (double)NAN : 1;
        } else if (p->mode == MODE_LINEAR) {
            line.weight[t] = t ? from : 1 - from;
            line.slope[t] = t ? factor : -factor;
        } else {
            cubic(from - t, &line.weight[t], &line.slope[t]);
            line.slope[t] *= factor;
        }
    }
    return line;
}

// All elements that one of y is made of, and their weights; with `derived` >= 0 those derived by that dimension.
typedef struct Taps {
    int count;
    size_t at[TAPS * TAPS * TAPS];
    float weight[TAPS * TAPS * TAPS];
} Taps;

static void combine(const Params *p, const Line *line, int derived, Taps *taps)
{
    int all = 1;
    taps->count = 0;
    for (int d = 0; d < p->dims; d++)
        all *= p->taps;
    for (int i = 0; i < all; i++) {
        size_t at = 0;
        double weight = 1;
        int rest = i, is_zero = 0;
        for (int d = 0, power = all / p->taps; d < p->dims; d++, power /= p->taps) {
            const int t = rest / power;
            rest %= power;
            is_zero |= line[d].index[t] < 0;
            at = at * p->size[d] + (size_t)line[d].index[t];
            weight *= d == derived ? line[d].slope[t] : line[d].weight[t];
        }
        if (is_zero)
            continue;
        taps->at[taps->count] = at;
        taps->weight[taps->count++] = (float)weight;
    }
}

// The lines of place i of image n.
static void find_lines(const Params *p, const float *grid, size_t n, size_t i, Line line[DIMS])
{
    const float *place = grid + (n * p->places + i) * (size_t)p->dims;
    for (int d = 0; d < p->dims; d++)
        line[d] = line_of(p, d, (double)place[p->dims - 1 - d]);
}

// ----------------------------------------------------------------------------------------------------------- running

enum { PLACES = 64 };           // that one thread takes at a time

typedef struct Job {
    const Params *params;
    const float *x, *grid, *dy;
    float *out;
    size_t blocks;              // of an image
} Job;

static void forward_block(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    const Params *p = job->params;
    const size_t n = index / job->blocks, first = index % job->blocks * PLACES;
    (void)thread;
    for (size_t i = first; i < p->places && i < first + PLACES; i++) {
        Line line[DIMS];
        Taps taps;
        find_lines(p, job->grid, n, i, line);
        combine(p, line, -1, &taps);
        for (size_t c = n * p->c; c < (n + 1) * p->c; c++) {
            float sum = 0;
            for (int t = 0; t < taps.count; t++)
                sum += taps.weight[t] * job->x[c * p->count + taps.at[t]];
            job->out[c * p->places + i] = sum;
        }
    }
}

// Of the grid: dy times x, over all channels.
static void grid_block(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    const Params *p = job->params;
    const size_t n = index / job->blocks, first = index % job->blocks * PLACES;
    (void)thread;
    for (size_t i = first; i < p->places && i < first + PLACES; i++) {
        Line line[DIMS];
        Taps taps;
        find_lines(p, job->grid, n, i, line);
        for (int d = 0; d < p->dims; d++) {
            double sum = 0;
            combine(p, line, d, &taps);
            for (size_t c = n * p->c; c < (n + 1) * p->c; c++)
                for (int t = 0; t < taps.count; t++)
                    sum += (double)job->dy[c * p->places + i] * (double)taps.weight[t] *
                           (double)job->x[c * p->count + taps.at[t]];
            job->out[(n * p->places + i) * (size_t)p->dims + (size_t)(p->dims - 1 - d)] = (float)sum;
        }
    }
}

// Of x: several places add to one element, so that a thread takes an image.
static void x_image(void *opaque, size_t n, int thread)
{
    const Job *job = opaque;
    const Params *p = job->params;
    (void)thread;
    for (size_t i = 0; i < p->places; i++) {
        Line line[DIMS];
        Taps taps;
        find_lines(p, job->grid, n, i, line);
        combine(p, line, -1, &taps);
        for (size_t c = n * p->c; c < (n + 1) * p->c; c++)
            for (int t = 0; t < taps.count; t++)
                job->out[c * p->count + taps.at[t]] += taps.weight[t] * job->dy[c * p->places + i];
    }
}

static Job job_of(const GcamRun *run, const GcamStep *step, const float *dy, float *out)
{
    const Params *p = step->node->params;
    return (Job){ p, run->data[step->input[0]], run->data[step->input[1]], dy, out, (p->places + PLACES - 1) / PLACES };
}

static void grid_sample_forward(const GcamRun *run, const GcamStep *step)
{
    Job job = job_of(run, step, NULL, run->data[step->output[0]]);
    gcam_threads_run(run->pool, job.params->n * job.blocks, forward_block, &job);
}

static void grid_sample_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    Job job = job_of(run, step, run->grad[step->output[0]], dx);
    gcam_clear(run, step->input[input], dx);
    if (input)
        gcam_threads_run(run->pool, job.params->n * job.blocks, grid_block, &job);
    else
        gcam_threads_run(run->pool, job.params->n, x_image, &job);
}

const GcamOp gcam_op_grid_sample = {
    .type = "GridSample", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_NEEDS_X | GCAM_OP_READS,
    .infer = grid_sample_infer, .forward = grid_sample_forward, .backward = grid_sample_backward,
};
