/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Depthwise convolution, directly. Kernels of 3, 5 or 7 columns, as nearly all are, compute tiles of neighbours of a
 * row, which share what they read; at the edges of the image a table tells where each column is, zeros where there is
 * none. Else, for each row of the output, the list of taps that lie inside the image, then runs of pixels that share
 * it. Scratch holds the tables and lists.
 */
#include <errno.h>

#include "algorithm.h"
#include "base/mem.h"
#include "tensor/gemm_block.h"

static int create(GcamConv *conv, const float *weights, const float *scale)
{
    const GcamConvShape *s = &conv->shape;
    size_t taps = (size_t)s->kernel_h * s->kernel_w, channels = (size_t)s->c;
    conv->weights = gcam_calloc((taps + 1) * channels, sizeof(float));      // behind them: zeros
    if (!conv->weights)
        return -ENOMEM;
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < channels; i++)
            conv->weights[t * channels + i] = (scale ? scale[i] : 1) * weights[i * taps + t];
    return 0;
}

typedef struct Run {
    const GcamConv *conv;
    const float *x, *add;
    float *y;
    float *scratch;
    size_t rows;                // per task
} Run;

// ------------------------------------------------------------------------------------------------------- tiles

static int has_tiles(const GcamConvShape *s)
{
    return (s->kernel_w == 3 || s->kernel_w == 5 || s->kernel_w == 7) && s->stride_w <= 2 && s->dilation_h == 1 &&
           s->dilation_w == 1 && s->out_w >= GCAM_DEPTHWISE_TILE;
}

static int tile_columns(const GcamConvShape *s)
{
    return (GCAM_DEPTHWISE_TILE - 1) * s->stride_w + s->kernel_w;
}

// Where the columns of a tile are: from column ix on, in `rows` lines that begin at x.
static void find_columns(const GcamConv *conv, const float *x, int ix, size_t rows, const float **from)
{
    const GcamConvShape *s = &conv->shape;
    const float *zeros = conv->weights + (size_t)s->kernel_h * s->kernel_w * s->c;
    int columns = tile_columns(s);
    for (size_t r = 0; r < rows; r++, x += conv->x_line)
        for (int c = 0; c < columns; c++)
            *from++ = ix + c < 0 || ix + c >= s->w ? zeros : x + (ptrdiff_t)(ix + c) * s->c;
}

static void row_of_tiles(const Run *run, size_t image, int oy, const float **from)
{
    const GcamConv *conv = run->conv;
    const GcamConvShape *s = &conv->shape;
    int iy = oy * s->stride_h - s->pad_top, first = iy < 0 ? -iy : 0;
    int last = s->h - iy < s->kernel_h ? s->h - iy : s->kernel_h;
    first = first < s->kernel_h ? first : s->kernel_h;
    size_t rows = last > first ? (size_t)(last - first) : 0;
    const float *x = run->x + ((ptrdiff_t)image * s->h + (rows ? iy + first : 0)) * conv->x_line;
    for (int ox = 0; ox < s->out_w; ox += GCAM_DEPTHWISE_TILE) {
        // The last tile begins where it ends with the row: what it shares with the one before is computed twice.
        int at = ox + GCAM_DEPTHWISE_TILE > s->out_w ? s->out_w - GCAM_DEPTHWISE_TILE : ox;
        int ix = at * s->stride_w - s->pad_left, inside = ix >= 0 && ix + tile_columns(s) <= s->w;
        size_t y = (image * s->out_h + oy) * (size_t)conv->y_line + (size_t)at * s->y_pixel;
        if (!inside)
            find_columns(conv, x, ix, rows, from);
        GcamDepthwiseTile d = {
            .channels = (size_t)s->c, .rows = rows, .x = x + (inside ? (ptrdiff_t)ix * s->c : 0),
            .w = conv->weights + (size_t)first * s->kernel_w * s->c,
            .x_row = conv->x_line, .x_column = s->c, .from = inside ? NULL : from,
            .finish = gcam_conv_finish(conv, run->add, run->y, y, 0),
        };
        conv->kernels->depthwise_tile[s->kernel_w / 2 - 1][s->stride_w - 1](&d);
    }
}

// ------------------------------------------------------------------------------------------------------- lists

static size_t list_length(const GcamConvShape *s)
{
    return ((size_t)s->kernel_h * s->kernel_w + 7) / 8 * 8;
}

static int inside(int in, int size)
{
    return in >= 0 && in < size;
}

// Taps of output (oy, ox) as offsets into the image and into the weights; returns their number.
static size_t list_taps(const GcamConv *conv, int oy, int ox, ptrdiff_t *x_offset, ptrdiff_t *w_offset)
{
    const GcamConvShape *s = &conv->shape;
    size_t n = 0;
    for (int ky = 0; ky < s->kernel_h; ky++)
        for (int kx = 0; kx < s->kernel_w; kx++) {
            int iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
            int ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
            if (!inside(iy, s->h) || !inside(ix, s->w))
                continue;
            x_offset[n] = iy * conv->x_line + (ptrdiff_t)ix * s->c;
            w_offset[n++] = ((ptrdiff_t)ky * s->kernel_w + kx) * s->c;
        }
    return n;
}

// Number of pixels from ox on that have all kernel columns inside, or 1.
static int run_length(const GcamConvShape *s, int ox)
{
    int first = ox * s->stride_w - s->pad_left, reach = (s->kernel_w - 1) * s->dilation_w;
    if (first < 0 || first + reach >= s->w)
        return 1;
    int more = (s->w - 1 - reach - first) / s->stride_w + 1;
    return more < s->out_w - ox ? more : s->out_w - ox;
}

static void row(const Run *run, size_t image, int oy, ptrdiff_t *x_offset, ptrdiff_t *w_offset)
{
    const GcamConv *conv = run->conv;
    const GcamConvShape *s = &conv->shape;
    for (int ox = 0, length; ox < s->out_w; ox += length) {
        size_t y = (image * s->out_h + oy) * (size_t)conv->y_line + (size_t)ox * s->y_pixel;
        length = run_length(s, ox);
        GcamDepthwise d = {
            .channels = (size_t)s->c,
            .taps = list_taps(conv, oy, ox, x_offset, w_offset),
            .count = (size_t)length,
            .x = run->x + image * s->h * (size_t)conv->x_line,
            .w = conv->weights,
            .x_offset = x_offset,
            .w_offset = w_offset,
            .x_step = (ptrdiff_t)s->stride_w * s->c,
            .finish = gcam_conv_finish(conv, run->add, run->y, y, 0),
        };
        conv->kernels->depthwise(&d);
    }
}

// --------------------------------------------------------------------------------------------------------- all

// Floats of a thread: a table of columns, or two lists of taps.
static size_t thread_scratch(const GcamConvShape *s)
{
    size_t table = (size_t)s->kernel_h * (size_t)tile_columns(s) * sizeof(float *);
    size_t lists = 2 * list_length(s) * sizeof(ptrdiff_t);
    return ((has_tiles(s) ? table : lists) + 63) / 64 * 64 / sizeof(float);
}

static size_t scratch_depthwise(const GcamConv *conv, int threads)
{
    return thread_scratch(&conv->shape) * (size_t)threads;
}

static void task(void *opaque, size_t index, int thread)
{
    const Run *run = opaque;
    const GcamConvShape *s = &run->conv->shape;
    size_t length = list_length(s), all = (size_t)s->n * s->out_h;
    float *scratch = run->scratch + thread_scratch(s) * (size_t)thread;
    const float **from = (void *)scratch;
    ptrdiff_t *lists = (void *)scratch;
    for (size_t r = index * run->rows; r < (index + 1) * run->rows && r < all; r++)
        if (has_tiles(s))
            row_of_tiles(run, r / s->out_h, (int)(r % s->out_h), from);
        else
            row(run, r / s->out_h, (int)(r % s->out_h), lists, lists + length);
}

static void forward_depthwise(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add,
                              float *y, float *scratch)
{
    enum { WORK = 1 << 16 };    // multiplications that are worth a turn
    const GcamConvShape *s = &conv->shape;
    Run run = { .conv = conv, .x = x, .add = add, .y = y, .scratch = scratch };
    run.rows = 1 + (size_t)(WORK / ((double)s->out_w * s->c * s->kernel_h * s->kernel_w));
    gcam_threads_run(pool, ((size_t)s->n * s->out_h + run.rows - 1) / run.rows, task, &run);
}

const GcamConvAlgorithm gcam_conv_depthwise = {
    .name = "depthwise", .create = create, .scratch = scratch_depthwise, .forward = forward_depthwise,
    .least = GCAM_DEPTHWISE_TILE,
};
