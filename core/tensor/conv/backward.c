/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gradient of a convolution by its input. With stride 1 it is itself a convolution, of dy with the
 * weights turned by 180 degrees and input and output channels exchanged, and takes the forward algorithms.
 * With other strides: dy times the transposed weights gives a row per output pixel, [kernel_h][kernel_w][c /
 * groups], and each pixel of dx gathers its share in a fixed order; depthwise, where a product of matrices is
 * nothing, the shares are computed on the spot.
 *
 * Of a 1x1 convolution that ends in classes the gradient of one class has one channel that is not zero: then only the
 * weights of such channels are multiplied.
 */
#include "conv.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "algorithm.h"
#include "base/mem.h"
#include "base/sizes.h"
#include "tensor/gemm_block.h"

struct GcamConvBackward {
    GcamConvShape shape;
    GcamConv *turned;           // stride 1: the convolution it is
    GcamPackedB **packed; // else: per group, weights as [out_c / groups][kernel_h * kernel_w * c / groups]
    const GcamKernels *kernels;
    float *weights;             // depthwise: [kernel_h][kernel_w][c]
};

// ---------------------------------------------------------------------------------------------- construction

static GcamConvShape turned_shape(const GcamConvShape *s)
{
    GcamConvShape t = *s;
    t.h = s->out_h;
    t.w = s->out_w;
    t.y_pixel = 0;
    t.c = s->out_c;
    t.out_h = s->h;
    t.out_w = s->w;
    t.out_c = s->c;
    t.pad_top = s->dilation_h * (s->kernel_h - 1) - s->pad_top;
    t.pad_left = s->dilation_w * (s->kernel_w - 1) - s->pad_left;
    t.pad_bottom = s->dilation_h * (s->kernel_h - 1) - s->pad_bottom;
    t.pad_right = s->dilation_w * (s->kernel_w - 1) - s->pad_right;
    return t;
}

static int create_turned(GcamConvBackward *b, const float *weights, const float *scale)
{
    const GcamConvShape *s = &b->shape, turned = turned_shape(s);
    size_t in = (size_t)(s->c / s->groups), out = (size_t)(s->out_c / s->groups);
    size_t taps = (size_t)s->kernel_h * s->kernel_w;
    float *w = gcam_alloc(in * out * s->groups * taps, sizeof(*w));
    if (!w)
        return -ENOMEM;
    for (size_t o = 0; o < (size_t)s->out_c; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t t = 0; t < taps; t++)
                w[((o / out * in + i) * out + o % out) * taps + taps - 1 - t] =
                    (scale ? scale[o] : 1) * weights[(o * in + i) * taps + t];
    int error = gcam_conv_create_unchecked(&b->turned, &turned, w, NULL, NULL, GCAM_ACT_NONE, 0, 0);
    gcam_free(w);
    return error;
}

static int create_depthwise(GcamConvBackward *b, const float *weights, const float *scale)
{
    size_t taps = (size_t)b->shape.kernel_h * b->shape.kernel_w, channels = (size_t)b->shape.c;
    b->weights = gcam_alloc(taps * channels, sizeof(*b->weights));
    if (!b->weights)
        return -ENOMEM;
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < channels; i++)
            b->weights[t * channels + i] = (scale ? scale[i] : 1) * weights[i * taps + t];
    return 0;
}

static size_t row_length(const GcamConvShape *s)
{
    return (size_t)s->kernel_h * s->kernel_w * (s->c / s->groups);
}

static int create_gather(GcamConvBackward *b, const float *weights, const float *scale)
{
    const GcamConvShape *s = &b->shape;
    size_t k = (size_t)(s->out_c / s->groups), n = row_length(s);
    size_t in = (size_t)(s->c / s->groups), taps = n / in;
    b->packed = gcam_calloc((size_t)s->groups, sizeof(*b->packed));
    float *matrix = gcam_alloc(k * n, sizeof(*matrix));
    int error = b->packed && matrix ? 0 : -ENOMEM;
    for (int g = 0; g < s->groups && !error; g++) {
        for (size_t o = 0; o < k; o++)
            for (size_t i = 0; i < in; i++)
                for (size_t t = 0; t < taps; t++)
                    matrix[o * n + t * in + i] =
                        (scale ? scale[g * k + o] : 1) * weights[((g * k + o) * in + i) * taps + t];
        error = gcam_packed_b_create(&b->packed[g], s->type, k, n, matrix, (ptrdiff_t)n, 1);
    }
    gcam_free(matrix);
    return error;
}

int gcam_conv_backward_create(GcamConvBackward **out, const GcamConvShape *shape, const float *weights,
                              const float *scale)
{
    *out = NULL;
    int error = gcam_conv_check(shape);
    if (error)
        return error;
    GcamConvBackward *b = gcam_calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    b->shape = *shape;
    b->kernels = gcam_kernels();
    if (shape->stride_h == 1 && shape->stride_w == 1)
        error = create_turned(b, weights, scale);
    else if (shape->groups > 1 && shape->groups == shape->c && shape->c == shape->out_c)
        error = create_depthwise(b, weights, scale);
    else
        error = create_gather(b, weights, scale);
    if (error)
        gcam_conv_backward_free(&b);
    *out = b;
    return error;
}

void gcam_conv_backward_free(GcamConvBackward **out)
{
    GcamConvBackward *b = out ? *out : NULL;
    if (!b)
        return;
    gcam_conv_free(&b->turned);
    for (int g = 0; b->packed && g < b->shape.groups; g++)
        gcam_packed_b_free(&b->packed[g]);
    gcam_free(b->packed);
    gcam_free(b->weights);
    gcam_free(b);
    *out = NULL;
}

const char *gcam_conv_backward_algorithm(const GcamConvBackward *b)
{
    return b->turned ? gcam_conv_algorithm(b->turned) : b->weights ? "depthwise" : "col2im";
}

// --------------------------------------------------------------------------------------------------- running

typedef struct Run {
    const GcamConvBackward *b;
    const float *dy;            // of one image
    float *dx;
    float *scratch;
    int group;
} Run;

// The output position whose tap k falls on input position i, or -1.
static int source(int i, int pad, int k, int stride, int dilation, int size)
{
    ptrdiff_t at = (ptrdiff_t)i + pad - (ptrdiff_t)k * dilation;
    return at < 0 || at % stride || at / stride >= size ? -1 : (int)(at / stride);
}

static size_t list_length(const GcamConvShape *s)
{
    return ((size_t)s->kernel_h * s->kernel_w + 7) / 8 * 8;
}

static void depthwise_task(void *opaque, size_t index, int thread)
{
    const Run *run = opaque;
    const GcamConvShape *s = &run->b->shape;
    int iy = (int)index;
    ptrdiff_t *from = (ptrdiff_t *)(void *)run->scratch + 2 * list_length(s) * thread,
              *w = from + list_length(s);
    for (int ix = 0; ix < s->w; ix++) {
        size_t n = 0;
        for (int ky = 0; ky < s->kernel_h; ky++)
            for (int kx = 0; kx < s->kernel_w; kx++) {
                int oy = source(iy, s->pad_top, ky, s->stride_h, s->dilation_h, s->out_h);
                int ox = source(ix, s->pad_left, kx, s->stride_w, s->dilation_w, s->out_w);
                if (oy < 0 || ox < 0)
                    continue;
                from[n] = ((ptrdiff_t)oy * s->out_w + ox) * s->c;
                w[n++] = ((ptrdiff_t)ky * s->kernel_w + kx) * s->c;
            }
        GcamDepthwise d = {
            .channels = (size_t)s->c, .taps = n, .count = 1, .x = run->dy, .w = run->b->weights,
            .x_offset = from, .w_offset = w,
            .finish = { .y = run->dx + ((size_t)iy * s->w + ix) * s->c, .lo = -INFINITY, .hi = INFINITY },
        };
        run->b->kernels->depthwise(&d);
    }
}

// One row of dx, the channels of one group, from the rows of the product.
static void gather_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Run *run = opaque;
    const GcamConvShape *s = &run->b->shape;
    size_t channels = (size_t)(s->c / s->groups), length = row_length(s);
    int iy = (int)index;
    for (int ix = 0; ix < s->w; ix++) {
        float *dx = run->dx + ((size_t)iy * s->w + ix) * s->c + run->group * channels;
        memset(dx, 0, channels * sizeof(*dx));
        for (int ky = 0; ky < s->kernel_h; ky++) {
            int oy = source(iy, s->pad_top, ky, s->stride_h, s->dilation_h, s->out_h);
            for (int kx = 0; kx < s->kernel_w && oy >= 0; kx++) {
                int ox = source(ix, s->pad_left, kx, s->stride_w, s->dilation_w, s->out_w);
                if (ox < 0)
                    continue;
                const float *share = run->scratch + ((size_t)oy * s->out_w + ox) * length +
                                     ((size_t)ky * s->kernel_w + kx) * channels;
                for (size_t i = 0; i < channels; i++)
                    dx[i] += share[i];
            }
        }
    }
}

// -------------------------------------------------------------------------------------------------- few channels

enum {
    FEW = 8,                    // channels are few when this many times as many are zero
    SCAN = 128,                 // channels that one thread looks at
};

static int can_be_few(const GcamConvBackward *b)
{
    return b->turned && b->turned->algorithm == &gcam_conv_gemm && b->shape.groups == 1 && b->shape.out_c >= 2 * FEW;
}

// Scratch: a mark per channel, the channels that count, their gradients, their rows of the packed weights.
typedef struct Few {
    size_t pixels, channels, most;
    const float *dy;
    uint32_t *mark;
    size_t *list;
    float *a, *weights;
    size_t floats;              // of all
} Few;

static Few make_few(const GcamConvBackward *b, float *scratch)
{
    const GcamConvShape *s = &b->shape;
    Few few = {
        .pixels = (size_t)s->n * s->out_h * s->out_w, .channels = (size_t)s->out_c, .most = (size_t)s->out_c / FEW,
    };
    size_t at = 0, marks = gcam_round_line(few.channels), lists = gcam_round_line(few.most * 2);
    float *parts[4];
    const size_t sizes[4] = { marks, lists, gcam_round_line(few.pixels * few.most),
                              gcam_packed_b_size(b->kernels, s->type, few.most, (size_t)s->c) };
    for (int i = 0; i < 4; at += sizes[i++])
        parts[i] = scratch ? scratch + at : NULL;
    few.mark = (void *)parts[0];
    few.list = (void *)parts[1];
    few.a = parts[2];
    few.weights = parts[3];
    few.floats = at;
    return few;
}

// Every bit but the sign of all gradients of a channel.
static void mark_task(void *opaque, size_t index, int thread)
{
    const Few *few = opaque;
    size_t first = index * SCAN, n = few->channels - first < SCAN ? few->channels - first : SCAN;
    uint32_t *mark = few->mark + first, bits[SCAN];
    (void)thread;
    memset(mark, 0, n * sizeof(*mark));
    for (size_t p = 0; p < few->pixels; p++) {
        memcpy(bits, few->dy + p * few->channels + first, n * sizeof(*bits));
        for (size_t i = 0; i < n; i++)
            mark[i] |= bits[i] << 1;
    }
}

// Whether the gradient lies in few channels; then dx is done.
static int run_few(const GcamConvBackward *b, GcamThreads *pool, const float *dy, const float *y, float *dx,
                   float *scratch)
{
    Few few = make_few(b, scratch);
    GcamPackedB *from = b->turned->packed[0];
    size_t count = 0;
    few.dy = dy;
    gcam_threads_run(pool, (few.channels + SCAN - 1) / SCAN, mark_task, &few);
    for (size_t c = 0; c < few.channels; c++) {
        if (few.mark[c] && count == few.most)
            return 0;
        if (few.mark[c])
            few.list[count++] = c;
    }
    GcamPackedB packed = {
        .kernels = b->kernels, .type = from->type, .k = count, .n = from->n, .data = few.weights,
    };
    for (size_t i = 0; i < count; i++) {
        for (size_t p = 0, at = few.list[i]; p < few.pixels; p++, at += few.channels)
            few.a[p * count + i] = !y || y[at] > 0 ? dy[at] : 0;
        gcam_packed_b_copy_row(&packed, i, from, few.list[i]);
    }
    gcam_gemm_packed(pool, few.pixels, few.a, (ptrdiff_t)count, &packed, dx, (ptrdiff_t)from->n, NULL);
    return 1;
}

// ------------------------------------------------------------------------------------------------------- interface

size_t gcam_conv_backward_scratch(const GcamConvBackward *b, int threads)
{
    const GcamConvShape *s = &b->shape;
    size_t few = can_be_few(b) ? make_few(b, NULL).floats : 0;
    if (b->turned)
        return few + gcam_conv_scratch(b->turned, threads);
    if (b->weights)
        return 2 * list_length(s) * threads * (sizeof(ptrdiff_t) / sizeof(float));
    return (size_t)s->out_h * s->out_w * row_length(s);
}

typedef struct Mask {
    size_t count;
    const float *y;
    float *dy;
} Mask;

enum { MASK = 1 << 14 };        // elements that one thread takes at a time

static void mask_relu(void *opaque, size_t index, int thread)
{
    const Mask *mask = opaque;
    size_t last = (index + 1) * MASK < mask->count ? (index + 1) * MASK : mask->count;
    (void)thread;
    for (size_t i = index * MASK; i < last; i++)
        mask->dy[i] = mask->y[i] > 0 ? mask->dy[i] : 0;
}

void gcam_conv_backward_run(const GcamConvBackward *b, GcamThreads *pool, float *dy, const float *y, float *dx,
                            float *scratch)
{
    const GcamConvShape *s = &b->shape;
    if (can_be_few(b) && run_few(b, pool, dy, y, dx, scratch))
        return;
    if (y) {
        Mask mask = { (size_t)s->n * s->out_h * s->out_w * s->out_c, y, dy };
        gcam_threads_run(pool, (mask.count + MASK - 1) / MASK, mask_relu, &mask);
    }
    if (b->turned) {
        gcam_conv_forward(b->turned, pool, dy, NULL, dx, scratch);
        return;
    }
    size_t pixels = (size_t)s->out_h * s->out_w;
    for (int image = 0; image < s->n; image++) {
        Run run = {
            .b = b, .dy = dy + image * pixels * s->out_c, .dx = dx + (size_t)image * s->h * s->w * s->c,
            .scratch = scratch,
        };
        if (b->weights)
            gcam_threads_run(pool, (size_t)s->h, depthwise_task, &run);
        for (run.group = 0; b->packed && run.group < s->groups; run.group++) {
            gcam_gemm_packed(pool, pixels, run.dy + run.group * (s->out_c / s->groups), s->out_c,
                             b->packed[run.group], scratch, (ptrdiff_t)row_length(s), NULL);
            gcam_threads_run(pool, (size_t)s->h, gather_task, &run);
        }
    }
}
