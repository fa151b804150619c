/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution without a matrix: the kernel reads what it multiplies from the picture. Each task copies the lines that
 * its output rows need, with zeros around, into scratch that stays in the caches; then every output pixel reads the
 * same way, and a whole row of them is one call of the kernel.
 */
#include <errno.h>
#include <string.h>

#include "algorithm.h"
#include "base/mem.h"
#include "base/sizes.h"
#include "tensor/gemm_block.h"

typedef struct Plan {
    const GcamConv *conv;
    int wide;                   // which of the two kernels
    size_t panel, vector;       // its columns
    size_t in, out, k;          // channels of a group; products for each output
    size_t runs, length;        // of neighbours in memory that one output pixel reads
    int rows, groups;           // of a task
    size_t outs;                // of a task, of each group; less than all only with one group
    size_t block;               // of these, so many that their weights stay in the second cache
    int lines, columns;         // of its part of the input, with what lies outside
    size_t pixel;               // floats from pixel to pixel there
    size_t row_tasks, group_tasks, out_tasks;
    size_t offsets;             // bytes of the runs' offsets, in front of the lines
    size_t thread_floats;
} Plan;

// Floats from pixel to pixel of a task's lines. Pixels a multiple of 2 KB apart would push each other out of the first
// cache.
static size_t pixel_floats(const GcamConvShape *s, int groups)
{
    size_t channels = (size_t)(s->c / s->groups) * (size_t)groups;
    return channels * (size_t)s->stride_w % 512 ? channels : channels + 16;
}

// Rows, groups, outputs of a task: enough tasks to share, rows enough that few lines are copied twice, lines that fit
// the second cache.
static void cut(Plan *p)
{
    enum { TASKS = 16, ROWS = 4, LINES = 1 << 16 };
    const GcamConvShape *s = &p->conv->shape;
    p->rows = s->out_h;
    p->groups = s->groups;
    p->outs = p->out;
    for (;;) {
        p->lines = (p->rows - 1) * s->stride_h + (s->kernel_h - 1) * s->dilation_h + 1;
        p->pixel = pixel_floats(s, p->groups);
        p->row_tasks = gcam_ceil_div((size_t)s->out_h, (size_t)p->rows);
        p->group_tasks = gcam_ceil_div((size_t)s->groups, (size_t)p->groups);
        p->out_tasks = gcam_ceil_div(p->out, p->outs);
        int few = (size_t)s->n * p->row_tasks * p->group_tasks * p->out_tasks < TASKS;
        int large = (double)p->lines * p->columns * (double)p->pixel > LINES;
        if (p->rows > ROWS && (few || large))
            p->rows = (p->rows + 1) / 2;
        else if (p->groups > 1 && (large || (few && p->pixel > 32)))
            p->groups = (p->groups + 1) / 2;
        else if (s->groups == 1 && few && p->outs > 2 * p->panel)
            p->outs = gcam_round_up(gcam_ceil_div(p->outs, 2), p->panel);
        else if (p->rows > 1 && large)
            p->rows = (p->rows + 1) / 2;
        else
            return;
    }
}

static Plan make_plan(const GcamConv *conv)
{
    enum { WEIGHTS = 1 << 16 };         // floats of a block
    const GcamConvShape *s = &conv->shape;
    Plan p = { .conv = conv, .in = (size_t)(s->c / s->groups), .out = (size_t)(s->out_c / s->groups) };
    const GcamKernels *kernels = conv->kernels;
    // Whatever of the two leaves fewer columns of its last panel empty.
    p.wide = gcam_round_up(p.out, kernels->direct_vector[1]) == gcam_round_up(p.out, kernels->direct_vector[0]);
    p.vector = kernels->direct_vector[p.wide];
    p.panel = p.wide ? 2 * p.vector : p.vector;
    p.k = p.in * (size_t)s->kernel_h * (size_t)s->kernel_w;
    p.block = gcam_round_up(WEIGHTS / p.k + 1, p.panel);
    p.columns = (s->out_w - 1) * s->stride_w + (s->kernel_w - 1) * s->dilation_w + 1;
    cut(&p);
    int joined = p.pixel == p.in && s->dilation_w == 1;
    p.runs = (size_t)s->kernel_h * (joined ? 1 : (size_t)s->kernel_w);
    p.length = p.k / p.runs;
    p.offsets = gcam_round_up(p.runs * sizeof(ptrdiff_t), 64);
    p.thread_floats = gcam_conv_part(p.offsets / sizeof(float) + (size_t)p.lines * p.columns * p.pixel);
    return p;
}

enum { SMALL_WEIGHTS = 1 << 16 };       // floats

static size_t group_floats(const Plan *p)
{
    return p->k * gcam_round_up(p->out, p->vector);
}

// Panels of each group, as the kernel reads them.
static int create(GcamConv *conv, const float *weights, const float *scale)
{
    const GcamConvShape *s = &conv->shape;
    Plan p = make_plan(conv);
    size_t taps = (size_t)s->kernel_h * s->kernel_w, size;
    if (gcam_mul((size_t)s->groups, group_floats(&p), &size))
        return -ENOMEM;
    conv->weights = gcam_calloc(size, sizeof(float));
    if (!conv->weights)
        return -ENOMEM;
    for (size_t channel = 0; channel < (size_t)s->out_c; channel++) {
        size_t o = channel % p.out, column = o % p.panel, first = o - column;
        size_t width = gcam_round_up(p.out - first, p.vector);
        width = width < p.panel ? width : p.panel;
        float *panel = conv->weights + channel / p.out * group_floats(&p) + first * p.k + column;
        for (size_t i = 0; i < p.in; i++)
            for (size_t t = 0; t < taps; t++)
                panel[(t * p.in + i) * width] =
                    (scale ? scale[channel] : 1) * weights[(channel * p.in + i) * taps + t];
    }
    return 0;
}

static size_t scratch_direct(const GcamConv *conv, int threads)
{
    return make_plan(conv).thread_floats * (size_t)threads;
}

typedef struct Run {
    Plan plan;
    const float *x, *add;
    float *y, *scratch;
} Run;

// One line of the input from column `first` on, some of its channels; outside of the image zeros. NULL: no such line.
static void copy_line(const Plan *p, const float *line, int first, size_t channels, float *out)
{
    const GcamConvShape *s = &p->conv->shape;
    int begin = first < 0 ? -first : 0, end = s->w - first;
    end = end > p->columns ? p->columns : end;
    if (!line || begin >= end)
        begin = end = p->columns;
    memset(out, 0, (size_t)begin * p->pixel * sizeof(*out));
    memset(out + (size_t)end * p->pixel, 0, (size_t)(p->columns - end) * p->pixel * sizeof(*out));
    if (begin == end)
        return;
    const float *from = line + (ptrdiff_t)(first + begin) * s->c;
    if (channels == (size_t)s->c && channels == p->pixel)
        memcpy(out + (size_t)begin * channels, from, (size_t)(end - begin) * channels * sizeof(*out));
    else
        for (int i = begin; i < end; i++, from += s->c)
            memcpy(out + (size_t)i * p->pixel, from, channels * sizeof(*out));
}

// What one task computes.
typedef struct Part {
    size_t image;
    int row, rows, group, groups;
    size_t out, outs;           // of each group
    const ptrdiff_t *offset;
    const float *lines;
} Part;

// The rows of a part, outputs `first` to `last` - 1 of group g of it.
static void compute(const Run *run, const Part *part, int g, size_t first, size_t last)
{
    const Plan *p = &run->plan;
    const GcamConv *conv = p->conv;
    const GcamConvShape *s = &conv->shape;
    size_t channel = (size_t)(part->group + g) * p->out + first, line = p->pixel * (size_t)p->columns;
    for (int r = 0; r < part->rows; r++) {
        size_t y = (part->image * s->out_h + part->row + r) * (size_t)conv->y_line;
        GcamDirect d = {
            .count = (size_t)s->out_w, .channels = last - first, .panel = p->panel,
            .runs = p->runs, .length = p->length, .offset = part->offset,
            .x = part->lines + (size_t)(r * s->stride_h) * line + (size_t)g * p->in,
            .x_step = (ptrdiff_t)(s->stride_w * p->pixel),
            .w = conv->weights + (size_t)(part->group + g) * group_floats(p) + first * p->k,
            .finish = gcam_conv_finish(conv, run->add, run->y, y, channel),
        };
        conv->kernels->direct[p->wide](&d);
    }
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static void task(void *opaque, size_t index, int thread)
{
    const Run *run = opaque;
    const Plan *p = &run->plan;
    const GcamConvShape *s = &p->conv->shape;
    ptrdiff_t *offset = (ptrdiff_t *)(void *)(run->scratch + (size_t)thread * p->thread_floats);
    float *lines = (float *)(void *)offset + p->offsets / sizeof(float);
    Part part = { .offset = offset, .lines = lines };
    // Rows last, so that large weights are read once; where they stay in the cache, rows first: a thread then has those
    // that it computed in the step before.
    size_t parts = p->group_tasks * p->out_tasks, rows_first = (size_t)s->groups * group_floats(p) <= SMALL_WEIGHTS;
    size_t row = rows_first ? index / parts % p->row_tasks : index % p->row_tasks;
    size_t which = rows_first ? index % parts : index / p->row_tasks % parts;
    part.row = (int)row * p->rows;
    part.out = which % p->out_tasks * p->outs;
    part.group = (int)(which / p->out_tasks) * p->groups;
    part.image = index / (parts * p->row_tasks);
    part.rows = min_int(p->rows, s->out_h - part.row);
    part.groups = min_int(p->groups, s->groups - part.group);
    part.outs = gcam_min_size(p->outs, p->out - part.out);

    size_t line = p->pixel * (size_t)p->columns, across = p->runs / (size_t)s->kernel_h;
    for (size_t r = 0; r < p->runs; r++)
        offset[r] = (ptrdiff_t)(r / across * (size_t)s->dilation_h * line +
                                r % across * (size_t)s->dilation_w * p->pixel);
    int used = (part.rows - 1) * s->stride_h + (s->kernel_h - 1) * s->dilation_h + 1;
    for (int i = 0; i < used; i++) {
        int iy = part.row * s->stride_h - s->pad_top + i;
        const float *from = run->x + ((ptrdiff_t)part.image * s->h + iy) * p->conv->x_line + (size_t)part.group * p->in;
        copy_line(p, iy < 0 || iy >= s->h ? NULL : from, -s->pad_left, (size_t)part.groups * p->in,
                  lines + (size_t)i * line);
    }
    for (size_t first = part.out; first < part.out + part.outs; first += p->block)
        for (int g = 0; g < part.groups; g++)
            compute(run, &part, g, first, gcam_min_size(first + p->block, part.out + part.outs));
}

static void forward_direct(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add, float *y,
                           float *scratch)
{
    Run run = { .plan = make_plan(conv), .x = x, .add = add, .y = y, .scratch = scratch };
    gcam_threads_run(pool, (size_t)conv->shape.n * run.plan.row_tasks * run.plan.group_tasks * run.plan.out_tasks,
                  task, &run);
}

const GcamConvAlgorithm gcam_conv_direct = {
    .name = "direct", .create = create, .scratch = scratch_direct, .forward = forward_direct,
};
