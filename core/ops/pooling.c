/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool: x [N, C, H, W] -> y [N, C, H', W'], channels last in memory,
 * so every loop runs over channels. A global one is a window of the size of the picture.
 *
 *     maximum: dy goes to the first element of the window that is y        average: dy / count goes to each of it
 *
 * count: the elements inside the picture or, if include_pad, inside the padded picture.
 */
#include "part.h"
#include "volume.h"

#include <errno.h>
#include <float.h>
#include <string.h>

#include "kernels/kernels.h"

typedef struct Params {
    GcamWindow window;
    size_t n, c;
    int include_pad;            // AveragePool: padding counts in the divisor
} Params;

// What all four share: the input, and params with its batch and channels.
static int pool_params(GcamInfer *infer, Params **out)
{
    int error = gcam_infer_arity(infer, 1, 1);
    Params *params = *out = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    params->n = x->dim[0];
    params->c = x->dim[1];
    infer->node->params = params;
    return 0;
}

static int pool_output(GcamInfer *infer, const Params *params)
{
    GcamShape shape = { 4, { params->n, params->c, (size_t)params->window.out_h, (size_t)params->window.out_w } };
    return gcam_infer_output(infer, 0, &shape);
}

// A window from the attributes; the second output of MaxPool, indices, is not there.
static int pool_infer(GcamInfer *infer)
{
    Params *params;
    int error = pool_params(infer, &params);
    if (error || (error = gcam_infer_window(infer, &gcam_infer_input(infer, 0)->shape, NULL, &params->window)))
        return error;
    if (infer->node->outputs > 1 && infer->node->output[1] >= 0)
        return gcam_infer_unsupported(infer, "asks for the indices of maxima");
    params->include_pad = gcam_node_int(infer->node, "count_include_pad", 0) != 0;
    return pool_output(infer, params);
}

static int global_infer(GcamInfer *infer)
{
    Params *params;
    int error = pool_params(infer, &params);
    if (error)
        return error;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    params->window = (GcamWindow){ .in_h = (int)x->dim[2], .in_w = (int)x->dim[3], .kernel_h = (int)x->dim[2],
                                   .kernel_w = (int)x->dim[3], .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                                   .dilation_w = 1, .out_h = 1, .out_w = 1 };
    return pool_output(infer, params);
}

// The part of a window that lies inside the picture, as kernel indices [first, last).
static void clip_window(int at, int kernel, int dilation, int size, int *first, int *last)
{
    *first = at < 0 ? (-at + dilation - 1) / dilation : 0;
    *last = at + (kernel - 1) * dilation >= size ? (size - at + dilation - 1) / dilation : kernel;
    if (*last < *first)
        *last = *first;
}

typedef struct Job {
    const Params *params;
    const float *x, *y, *dy;
    float *out;
    GcamRect part;              // forward: of the output
} Job;

// The window of one output pixel.
typedef struct Cell {
    int y, x;                   // of the window's first element in the picture, may lie outside
    int first_y, last_y, first_x, last_x;
} Cell;

static Cell cell_of(const GcamWindow *w, int oy, int ox)
{
    Cell cell = { oy * w->stride_h - w->pad_top, ox * w->stride_w - w->pad_left, 0, 0, 0, 0 };
    clip_window(cell.y, w->kernel_h, w->dilation_h, w->in_h, &cell.first_y, &cell.last_y);
    clip_window(cell.x, w->kernel_w, w->dilation_w, w->in_w, &cell.first_x, &cell.last_x);
    return cell;
}

// Where in memory a pixel of the input begins.
static size_t pixel(const Params *params, size_t n, int y, int x)
{
    return ((n * (size_t)params->window.in_h + (size_t)y) * (size_t)params->window.in_w + (size_t)x) * params->c;
}

// What divides the sum: the cells inside the picture, or those inside the padded picture.
static float divisor(const Params *params, const Cell *cell)
{
    const GcamWindow *w = &params->window;
    if (!params->include_pad)
        return (float)((cell->last_y - cell->first_y) * (cell->last_x - cell->first_x));
    int first, last_y, last_x, first_x;
    clip_window(cell->y + w->pad_top, w->kernel_h, w->dilation_h, w->in_h + w->pad_top + w->pad_bottom, &first,
                &last_y);
    clip_window(cell->x + w->pad_left, w->kernel_w, w->dilation_w, w->in_w + w->pad_left + w->pad_right, &first_x,
                &last_x);
    return (float)((last_y - first) * (last_x - first_x));
}

// A maximum's gradient goes to one element, an average's in equal parts to those that it was divided by; what would go
// to padding is lost.
static int keeps_sums(const Params *params, int average)
{
    int keeps = 1;
    for (int oy = 0; keeps && oy < params->window.out_h; oy++)
        for (int ox = 0; keeps && ox < params->window.out_w; ox++) {
            Cell cell = cell_of(&params->window, oy, ox);
            int elements = (cell.last_y - cell.first_y) * (cell.last_x - cell.first_x);
            keeps = elements > 0 && (!average || divisor(params, &cell) == (float)elements);
        }
    return keeps;
}

static int max_keeps_sums(const GcamNode *node)
{
    return keeps_sums(node->params, 0);
}

static int average_keeps_sums(const GcamNode *node)
{
    return keeps_sums(node->params, 1);
}

static int max_keeps_zeros(const GcamNode *node)
{
    (void)node;
    return 1;
}

// Only where a window is one element.
static int average_keeps_zeros(const GcamNode *node)
{
    const Params *params = node->params;
    return params->window.kernel_h == 1 && params->window.kernel_w == 1;
}

enum { CHANNELS = 64 };         // that one thread takes at a time, of a window over all of the picture

// Into how many parts the channels of a row are divided.
static size_t channel_parts(const Params *params)
{
    return params->window.out_h > 1 || params->window.out_w > 1 ? 1 : (params->c + CHANNELS - 1) / CHANNELS;
}

// The part of a window inside the picture, for `channels` channels from `first` on.
static GcamWindowBlock block_of(const Job *job, size_t n, const Cell *cell, size_t first, size_t channels)
{
    const Params *params = job->params;
    const GcamWindow *w = &params->window;
    GcamWindowBlock block = {
        .channels = channels, .rows = (size_t)(cell->last_y - cell->first_y),
        .columns = (size_t)(cell->last_x - cell->first_x),
        .row = (ptrdiff_t)((size_t)w->dilation_h * (size_t)w->in_w * params->c),
        .column = (ptrdiff_t)((size_t)w->dilation_w * params->c), .start = -FLT_MAX,
    };
    if (block.rows && block.columns)
        block.x = job->x + first + pixel(params, n, cell->y + cell->first_y * w->dilation_h,
                                         cell->x + cell->first_x * w->dilation_w);
    else
        block.rows = 0;
    return block;
}

// One row of the output; where there is but one, some of its channels.
static void pool_part(const Job *job, size_t index, void (*window)(const GcamWindowBlock *block))
{
    const Params *params = job->params;
    const GcamWindow *w = &params->window;
    size_t parts = channel_parts(params), rows = (size_t)(job->part.bottom - job->part.top);
    size_t n = index / parts / rows, oy = (size_t)job->part.top + index / parts % rows;
    size_t first = parts > 1 ? index % parts * CHANNELS : 0;
    size_t channels = parts > 1 && params->c - first > CHANNELS ? CHANNELS : params->c - first;
    for (int ox = job->part.left; ox < job->part.right; ox++) {
        Cell cell = cell_of(w, (int)oy, ox);
        GcamWindowBlock block = block_of(job, n, &cell, first, channels);
        float count = divisor(params, &cell);
        block.scale = count > 0 ? 1.0f / count : 0;
        block.y = job->out + ((n * (size_t)w->out_h + oy) * (size_t)w->out_w + (size_t)ox) * params->c + first;
        window(&block);
    }
}

static void max_part(void *opaque, size_t index, int thread)
{
    (void)thread;
    pool_part(opaque, index, gcam_kernels()->window_maximum);
}

static void average_part(void *opaque, size_t index, int thread)
{
    (void)thread;
    pool_part(opaque, index, gcam_kernels()->window_sum);
}

static void pool_forward(const GcamRun *run, const GcamStep *step, GcamPoolFn part)
{
    const Params *params = step->node->params;
    Job job = { params, run->data[step->input[0]], NULL, NULL, run->data[step->output[0]],
                { 0, params->window.out_h, 0, params->window.out_w } };
    if (run->part)
        job.part = *run->part;
    size_t rows = (size_t)(job.part.bottom - job.part.top);
    gcam_threads_run(run->pool, params->n * rows * channel_parts(params), part, &job);
}

static GcamRect pool_reach(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in)
{
    (void)values, (void)value;
    return gcam_reach_window(&((const Params *)step->node->params)->window, in);
}

static void max_forward(const GcamRun *run, const GcamStep *step)
{
    pool_forward(run, step, max_part);
}

static void average_forward(const GcamRun *run, const GcamStep *step)
{
    pool_forward(run, step, average_part);
}

static GcamRect pool_reads(const GcamStep *step, const GcamValue *values, int value, const GcamRect *out)
{
    (void)values, (void)value;
    return gcam_window_reads(&((const Params *)step->node->params)->window, out);
}

// The gradient goes to the first maximum of each window, in raster order (as PyTorch does).
static void max_scatter(const Job *job, size_t n, int oy, int ox)
{
    const Params *params = job->params;
    const GcamWindow *w = &params->window;
    size_t at = ((n * (size_t)w->out_h + (size_t)oy) * (size_t)w->out_w + (size_t)ox) * params->c;
    Cell cell = cell_of(w, oy, ox);
    for (size_t k = 0; k < params->c; k++) {
        for (int i = cell.first_y; i < cell.last_y; i++)
            for (int j = cell.first_x; j < cell.last_x; j++) {
                size_t p = pixel(params, n, cell.y + i * w->dilation_h, cell.x + j * w->dilation_w) + k;
                if (job->x[p] == job->y[at + k]) {
                    job->out[p] += job->dy[at + k];
                    goto next;
                }
            }
    next:;
    }
}

// Equal parts to every element of the window.
static void average_scatter(const Job *job, size_t n, int oy, int ox)
{
    const Params *params = job->params;
    const GcamWindow *w = &params->window;
    const float *dy = job->dy + ((n * (size_t)w->out_h + (size_t)oy) * (size_t)w->out_w + (size_t)ox) * params->c;
    Cell cell = cell_of(w, oy, ox);
    float count = divisor(params, &cell), scale = count > 0 ? 1.0f / count : 0;
    for (int i = cell.first_y; i < cell.last_y; i++)
        for (int j = cell.first_x; j < cell.last_x; j++) {
            float *out = job->out + pixel(params, n, cell.y + i * w->dilation_h, cell.x + j * w->dilation_w);
            for (size_t k = 0; k < params->c; k++)
                out[k] += dy[k] * scale;
        }
}

// Windows overlap, so that one thread does it all.
static void pool_backward(const GcamRun *run, const GcamStep *step, float *dx,
                          void (*scatter)(const Job *, size_t, int, int))
{
    const Params *params = step->node->params;
    const GcamWindow *w = &params->window;
    Job job = { params, run->data[step->input[0]], run->data[step->output[0]], run->grad[step->output[0]], dx,
                { 0, 0, 0, 0 } };
    memset(dx, 0, gcam_shape_count(&run->value[step->input[0]].shape) * sizeof(*dx));
    for (size_t n = 0; n < params->n; n++)
        for (int oy = 0; oy < w->out_h; oy++)
            for (int ox = 0; ox < w->out_w; ox++)
                scatter(&job, n, oy, ox);
}

static void max_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    (void)input;
    pool_backward(run, step, dx, max_scatter);
}

static void average_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    (void)input;
    pool_backward(run, step, dx, average_scatter);
}

// Those of values that are no pictures are operators of their own.
#define VARIANT(name) \
    static const GcamOp *name##_variant(const GcamInfer *infer) \
    { \
        const GcamValue *x = gcam_infer_input(infer, 0); \
        return x && x->shape.rank != 4 ? &gcam_op_##name##_volume : &gcam_op_##name; \
    }

VARIANT(max_pool)
VARIANT(average_pool)
VARIANT(global_average_pool)
VARIANT(global_max_pool)

#define POOL(name, onnx, needs, rule, there, back, ...) \
    const GcamOp gcam_op_##name = { \
      .type = onnx, .variant = name##_variant, .layout = GCAM_LAYOUT_LAST, .flags = GCAM_OP_POOLS | needs, \
      .infer = rule, .forward = there, .backward = back, .excite = back, .reach = pool_reach, .reads = pool_reads, \
      __VA_ARGS__ }
#define NEEDS_BOTH (GCAM_OP_NEEDS_X | GCAM_OP_NEEDS_Y)

// Of the global ones nobody asks what they keep: behind them there is one cell.
POOL(max_pool, "MaxPool", NEEDS_BOTH, pool_infer, max_forward, max_backward, .keeps_sums = max_keeps_sums,
     .keeps_zeros = max_keeps_zeros);
POOL(average_pool, "AveragePool", 0, pool_infer, average_forward, average_backward, .keeps_sums = average_keeps_sums,
     .keeps_zeros = average_keeps_zeros);
POOL(global_average_pool, "GlobalAveragePool", 0, global_infer, average_forward, average_backward,
     .range = GCAM_RANGE_FIRST);
POOL(global_max_pool, "GlobalMaxPool", NEEDS_BOTH, global_infer, max_forward, max_backward, .range = GCAM_RANGE_FIRST);
