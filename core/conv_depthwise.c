/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Depthwise convolution, directly: for each row of the output the list of taps that lie inside the image,
 * then runs of pixels that share it. Scratch holds the lists.
 */
#include <errno.h>

#include "conv_algorithm.h"
#include "gemm_block.h"
#include "mem.h"

static int create(GcamConv *conv, const float *weights, const float *scale)
{
    const GcamConvShape *s = &conv->shape;
    size_t taps = (size_t)s->kernel_h * s->kernel_w, channels = (size_t)s->c;
    conv->weights = gcam_alloc(taps * channels, sizeof(float));
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
    ptrdiff_t *lists;           // two per thread, of all taps
    size_t rows;                // per task
} Run;

static size_t list_length(const GcamConvShape *s)
{
    return ((size_t)s->kernel_h * s->kernel_w + 7) / 8 * 8;
}

static size_t scratch_depthwise(const GcamConv *conv, int threads)
{
    return list_length(&conv->shape) * 2 * threads * (sizeof(ptrdiff_t) / sizeof(float));
}

static int inside(int in, int size)
{
    return in >= 0 && in < size;
}

// Taps of output (oy, ox) as offsets into the image and into the weights; returns their number.
static size_t list_taps(const GcamConvShape *s, int oy, int ox, ptrdiff_t *x_offset, ptrdiff_t *w_offset)
{
    size_t n = 0;
    for (int ky = 0; ky < s->kernel_h; ky++)
        for (int kx = 0; kx < s->kernel_w; kx++) {
            int iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
            int ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
            if (!inside(iy, s->h) || !inside(ix, s->w))
                continue;
            x_offset[n] = ((ptrdiff_t)iy * s->w + ix) * s->c;
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
    float limits[2];
    gcam_activation_limits(conv->act, conv->lo, conv->hi, limits);
    for (int ox = 0, length; ox < s->out_w; ox += length) {
        size_t y = ((image * s->out_h + oy) * s->out_w + ox) * s->c;
        length = run_length(s, ox);
        GcamDepthwise d = {
            .channels = (size_t)s->c,
            .taps = list_taps(s, oy, ox, x_offset, w_offset),
            .count = (size_t)length,
            .x = run->x + image * s->h * s->w * s->c,
            .w = conv->weights,
            .x_offset = x_offset,
            .w_offset = w_offset,
            .x_step = (ptrdiff_t)s->stride_w * s->c,
            .y_step = s->c,
            .bias = conv->bias,
            .add = run->add ? run->add + y : NULL,
            .y = run->y + y,
            .lo = limits[0],
            .hi = limits[1],
        };
        conv->kernels->depthwise(&d);
    }
}

static void task(void *opaque, size_t index, int thread)
{
    const Run *run = opaque;
    const GcamConvShape *s = &run->conv->shape;
    size_t length = list_length(s), all = (size_t)s->n * s->out_h;
    ptrdiff_t *lists = run->lists + 2 * length * thread;
    for (size_t r = index * run->rows; r < (index + 1) * run->rows && r < all; r++)
        row(run, r / s->out_h, (int)(r % s->out_h), lists, lists + length);
}

static void forward_depthwise(const GcamConv *conv, GcamPool *pool, const float *x, const float *add,
                              float *y, float *scratch)
{
    enum { WORK = 1 << 16 };    // multiplications that are worth a turn
    const GcamConvShape *s = &conv->shape;
    Run run = { .conv = conv, .x = x, .add = add, .y = y, .lists = (ptrdiff_t *)(void *)scratch };
    run.rows = 1 + (size_t)(WORK / ((double)s->out_w * s->c * s->kernel_h * s->kernel_w));
    gcam_pool_run(pool, ((size_t)s->n * s->out_h + run.rows - 1) / run.rows, task, &run);
}

const GcamConvAlgorithm gcam_conv_depthwise = { "depthwise", create, scratch_depthwise, forward_depthwise };
