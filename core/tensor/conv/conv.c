/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution: checks a shape, chooses an algorithm for it, and holds what the algorithms have in common.
 *
 *   depthwise   one channel per group: direct, it has too little arithmetic for anything else
 *   gemm        1x1, stride 1, no padding: activations are the matrix already
 *   winograd4   3x3, stride 1: a quarter of the multiplications, error some 1e-6 of the largest output
 *   winograd2   the same with smaller tiles where the large ones would hang over the edge too far: 4/9
 *   winograd2 5x5   the same for larger kernels: 9/25
 *   direct      all larger kernels else: what is multiplied is read from lines of the picture
 *   im2col      what only a product of matrices can do: rows are gathered block by block
 */
#include "conv.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "algorithm.h"
#include "base/mem.h"
#include "tensor/gemm_block.h"

static int out_size(int in, int pads, int kernel, int stride, int dilation)
{
    int64_t room = (int64_t)in + pads - (int64_t)dilation * (kernel - 1) - 1;
    return room < 0 || room / stride >= INT_MAX ? -1 : (int)(room / stride) + 1;
}

static int product_fits(const int *factors, int n)
{
    size_t product = sizeof(float);
    for (int i = 0; i < n; i++)
        if (gcam_mul(product, (size_t)factors[i], &product))
            return 0;
    return product < PTRDIFF_MAX / 64;
}

int gcam_conv_check(const GcamConvShape *s)
{
    const int positive[] = { s->n, s->h, s->w, s->c, s->out_c, s->out_h, s->out_w, s->kernel_h, s->kernel_w,
                             s->stride_h, s->stride_w, s->dilation_h, s->dilation_w, s->groups };
    for (size_t i = 0; i < sizeof(positive) / sizeof(positive[0]); i++)
        if (positive[i] < 1)
            return -EINVAL;
    if (s->h > INT_MAX / 4 || s->w > INT_MAX / 4)
        return -ENOMEM;
    const int pads[] = { s->pad_top, s->pad_left, s->pad_bottom, s->pad_right };
    for (int i = 0; i < 4; i++)
        if (pads[i] < 0 || pads[i] > INT_MAX / 4)
            return -EINVAL;
    if (s->c % s->groups || s->out_c % s->groups)
        return -EINVAL;
    if (s->out_h != out_size(s->h, s->pad_top + s->pad_bottom, s->kernel_h, s->stride_h, s->dilation_h) ||
        s->out_w != out_size(s->w, s->pad_left + s->pad_right, s->kernel_w, s->stride_w, s->dilation_w))
        return -EINVAL;
    if (!product_fits((int[]){ s->n, s->h, s->w, s->c }, 4) ||
        !product_fits((int[]){ s->n, s->out_h, s->out_w, s->out_c }, 4) ||
        !product_fits((int[]){ s->out_c, s->c, s->kernel_h, s->kernel_w }, 4) ||
        !product_fits((int[]){ s->out_h, s->out_w, s->kernel_h, s->kernel_w, s->c }, 5))
        return -ENOMEM;
    return 0;
}

// Where gathering a row of a matrix would cost as much as its product.
static int few_channels(const GcamConvShape *s)
{
    return s->groups > 1 ? s->c / s->groups <= 32 && s->out_c / s->groups <= 32 : s->c <= 4;
}

// Reading in place is faster than gathering, but OpenBLAS and the kernels of bfloat16 need a matrix, and it copies all
// lines from the first tap to the last: not worth it for strides or dilations that reach far.
static const GcamConvAlgorithm *direct_or_gathered(const GcamConvShape *s)
{
    enum { MOST = 1 << 22 };
    double lines = (s->kernel_h - 1.) * s->dilation_h + 1;
    double columns = (s->out_w - 1.) * s->stride_w + (s->kernel_w - 1.) * s->dilation_w + 1;
    int larger = s->kernel_h > 1 || s->kernel_w > 1;
    int in_place = few_channels(s) || (s->type == GCAM_F32 && gcam_kernels()->panel);
    return larger && in_place && lines * columns * s->c <= MOST ? &gcam_conv_direct : &gcam_conv_im2col;
}

static const GcamConvAlgorithm *choose(const GcamConvShape *s)
{
    if (s->groups > 1 && s->groups == s->c && s->c == s->out_c)
        return &gcam_conv_depthwise;
    if (s->stride_h > 1 || s->stride_w > 1)
        return direct_or_gathered(s);
    if (s->kernel_h == 1 && s->kernel_w == 1 && !s->pad_top && !s->pad_left && s->out_h == s->h &&
        s->out_w == s->w)
        return &gcam_conv_gemm;
    int square = s->kernel_h == s->kernel_w && s->dilation_h == 1 && s->dilation_w == 1 && s->groups == 1;
    int tiles = s->c % 16 == 0 && s->out_c % 16 == 0 && s->out_h > 2 && s->out_w > 2;
    if (square && tiles && s->kernel_h == 5 && s->c >= 32 && s->out_c >= 32)
        return &gcam_conv_winograd2_5x5;
    if (square && tiles && s->kernel_h == 3) {
        // Multiplications with each tile, edges included. Large weights, 36 or 16 numbers for each pair of
        // channels, come from memory: one costs as much as WEIGHT multiplications.
        enum { LARGE = 1 << 17, WEIGHT = 20 };
        double weight = (double)s->c * s->out_c >= LARGE ? WEIGHT : 0;
        double cost2 = ((double)((s->out_h + 1) / 2) * ((s->out_w + 1) / 2) * s->n + weight) * 16;
        double cost4 = ((double)((s->out_h + 3) / 4) * ((s->out_w + 3) / 4) * s->n + weight) * 36;
        return cost4 < cost2 ? &gcam_conv_winograd4 : &gcam_conv_winograd2;
    }
    return direct_or_gathered(s);
}

int gcam_conv_packed_create(GcamConv *conv, size_t count)
{
    conv->packed = gcam_calloc(count, sizeof(*conv->packed));
    conv->packed_count = count;
    return conv->packed ? 0 : -ENOMEM;
}

GcamEpilogue gcam_conv_epilogue(const GcamConv *conv, const float *add, int channel)
{
    return (GcamEpilogue){
        .bias = conv->bias ? conv->bias + channel : NULL,
        .add = add ? add + channel : NULL, .add_stride = conv->shape.out_c,
        .act = conv->act, .lo = conv->lo, .hi = conv->hi,
    };
}

GcamFinish gcam_conv_finish(const GcamConv *conv, const float *add, float *y, size_t at, size_t channel)
{
    float limits[2];
    gcam_activation_limits(conv->act, conv->lo, conv->hi, limits);
    return (GcamFinish){
        .bias = conv->bias ? conv->bias + channel : NULL, .add = add ? add + at + channel : NULL,
        .y = y + at + channel, .y_step = conv->shape.y_pixel, .lo = limits[0], .hi = limits[1],
    };
}

int gcam_conv_create_unchecked(GcamConv **out, const GcamConvShape *shape, const float *weights,
                               const float *scale, const float *bias, enum GcamActivation act, float lo,
                               float hi)
{
    int error = -ENOMEM;
    *out = NULL;
    GcamConv *conv = gcam_calloc(1, sizeof(*conv));
    if (!conv)
        return error;
    conv->algorithm = choose(shape);
    conv->kernels = gcam_kernels();
    conv->shape = *shape;
    conv->shape.y_pixel = shape->y_pixel ? shape->y_pixel : shape->out_c;
    conv->x_line = (ptrdiff_t)shape->w * shape->c;
    conv->y_line = (ptrdiff_t)shape->out_w * conv->shape.y_pixel;
    conv->act = act;
    conv->lo = lo;
    conv->hi = hi;
    if (bias) {
        conv->bias = gcam_alloc((size_t)shape->out_c, sizeof(*bias));
        if (!conv->bias)
            goto fail;
        memcpy(conv->bias, bias, (size_t)shape->out_c * sizeof(*bias));
    }
    error = conv->algorithm->create(conv, weights, scale);
    if (error)
        goto fail;
    *out = conv;
    return 0;

fail:
    gcam_conv_free(&conv);
    return error;
}

int gcam_conv_create(GcamConv **out, const GcamConvShape *shape, const float *weights, const float *scale,
                     const float *bias, enum GcamActivation act, float lo, float hi)
{
    *out = NULL;
    int error = gcam_conv_check(shape);
    return error ? error : gcam_conv_create_unchecked(out, shape, weights, scale, bias, act, lo, hi);
}

void gcam_conv_free(GcamConv **out)
{
    GcamConv *conv = out ? *out : NULL;
    if (!conv)
        return;
    for (size_t i = 0; conv->packed && i < conv->packed_count; i++)
        gcam_packed_b_free(&conv->packed[i]);
    gcam_free(conv->packed);
    gcam_free(conv->weights);
    gcam_free(conv->bias);
    gcam_free(conv);
    *out = NULL;
}

const char *gcam_conv_algorithm(const GcamConv *conv)
{
    return conv->algorithm->name;
}

int gcam_conv_tile(const GcamConv *conv)
{
    return conv->algorithm->tile ? conv->algorithm->tile : 1;
}

size_t gcam_conv_scratch(const GcamConv *conv, int threads)
{
    return conv->algorithm->scratch(conv, threads);
}

void gcam_conv_forward(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add, float *y,
                       float *scratch)
{
    conv->algorithm->forward(conv, pool, x, add, y, scratch);
}

// ------------------------------------------------------------------------------------------------------------- parts

// Widens first..last - 1 of `size` to whole tiles and to `least`; to all where hardly less would be left.
static void widen(int tile, int least, int size, int *first, int *last)
{
    *first = *first / tile * tile;
    *last = *last > size - tile ? size : (*last + tile - 1) / tile * tile;
    if (*last - *first < least) {
        *first = *first > size - least ? size - least : *first;
        *first = *first < 0 ? 0 : *first;
        *last = size - *first < least ? size : *first + least;
    }
    if (4 * (*last - *first) > 3 * size) {
        *first = 0;
        *last = size;
    }
}

// Of one direction: the part of the input that outputs first..last - 1 read, and the padding before it.
static void reads(int first, int last, int stride, int pad, int kernel, int dilation, int size, int *begin, int *end,
                  int *before)
{
    int from = first * stride - pad, to = (last - 1) * stride - pad + (kernel - 1) * dilation + 1;
    *begin = from < 0 ? 0 : from > size ? size : from;
    *end = to < *begin ? *begin : to > size ? size : to;
    *before = *begin - from;
}

// The convolution that computes a part of the output from the part of the input that it reads, where they lie.
static GcamConv cut(const GcamConv *conv, const GcamRect *out, GcamRect *in)
{
    GcamConv part = *conv;
    GcamConvShape *s = &part.shape;
    reads(out->top, out->bottom, s->stride_h, s->pad_top, s->kernel_h, s->dilation_h, s->h, &in->top, &in->bottom,
          &s->pad_top);
    reads(out->left, out->right, s->stride_w, s->pad_left, s->kernel_w, s->dilation_w, s->w, &in->left, &in->right,
          &s->pad_left);
    s->h = in->bottom - in->top;
    s->w = in->right - in->left;
    s->out_h = out->bottom - out->top;
    s->out_w = out->right - out->left;
    return part;
}

// The part of the output that is computed where some of it is wanted; all, where it is not cut at all.
static GcamRect computed(const GcamConv *conv, const GcamRect *wanted)
{
    const GcamConvShape *s = &conv->shape;
    GcamRect out = *wanted, in;
    widen(gcam_conv_tile(conv), 0, s->out_h, &out.top, &out.bottom);
    widen(gcam_conv_tile(conv), conv->algorithm->least, s->out_w, &out.left, &out.right);
    GcamConv part = cut(conv, &out, &in);
    // Without panels, products are those of a library whose sums may depend on how many rows there are.
    int whole = s->n != 1 || (conv->packed && !conv->kernels->panel) ||
                gcam_conv_scratch(&part, 1) > gcam_conv_scratch(conv, 1);
    return whole ? (GcamRect){ 0, s->out_h, 0, s->out_w } : out;
}

GcamRect gcam_conv_part_reads(const GcamConv *conv, const GcamRect *wanted)
{
    GcamRect out = computed(conv, wanted), in;
    if (gcam_rect_is_all(&out, conv->shape.out_h, conv->shape.out_w))
        return (GcamRect){ 0, conv->shape.h, 0, conv->shape.w };
    cut(conv, &out, &in);
    return in;
}

void gcam_conv_forward_part(const GcamConv *conv, GcamThreads *pool, const GcamRect *wanted, const float *x,
                            const float *add, float *y, float *scratch)
{
    const GcamConvShape *s = &conv->shape;
    GcamRect out = computed(conv, wanted), in;
    if (gcam_rect_is_all(&out, s->out_h, s->out_w)) {
        gcam_conv_forward(conv, pool, x, add, y, scratch);
        return;
    }
    GcamConv part = cut(conv, &out, &in);
    ptrdiff_t at = out.top * conv->y_line + (ptrdiff_t)out.left * s->y_pixel;
    gcam_conv_forward(&part, pool, x + in.top * conv->x_line + (ptrdiff_t)in.left * s->c, add ? add + at : NULL, y + at,
                      scratch);
}
