/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: 8-bit RGB of any size. Out: the same at another size, bilinear; where it shrinks, the triangle is
 * stretched to cover all pixels that fall into one (antialiasing), as Pillow and torchvision do. Two
 * passes, columns then rows, through 8 bits, with weights of 1/2^22 normalised to their sum: equal to
 * Pillow's result within one code value.
 */
#include <errno.h>
#include <math.h>

#include "gradcam.h"
#include "mem.h"

#define MAX_SIZE    32768
#define WEIGHT_BITS 22

// Weighted pixels of the input that make one of the output.
typedef struct Taps {
    int first, count;
    const int32_t *weight;
} Taps;

// Taps for each of `out_size` samples, and their weights, in one block each.
typedef struct Filter {
    Taps *taps;
    int32_t *weights;
} Filter;

static void filter_free(Filter *filter)
{
    gcam_free(filter->taps);
    gcam_free(filter->weights);
}

// Weights of one output sample, summing to exactly 1 << WEIGHT_BITS.
static void fill_taps(Taps *taps, int32_t *weight, double center, double scale, int size)
{
    const int first = (int)fmax(center - scale + 0.5, 0.0);
    const int end = (int)fmin(center + scale + 0.5, size);
    double sum = 0.0;
    int32_t rest = 1 << WEIGHT_BITS;
    int largest = 0;

    for (int i = first; i < end; i++)
        sum += fmax(1.0 - fabs((i + 0.5 - center) / scale), 0.0);
    for (int i = first; i < end; i++) {
        const double w = fmax(1.0 - fabs((i + 0.5 - center) / scale), 0.0) / sum;
        weight[i - first] = (int32_t)lrint(w * (1 << WEIGHT_BITS));
        rest -= weight[i - first];
        if (weight[i - first] > weight[largest])
            largest = i - first;
    }
    weight[largest] += rest;
    *taps = (Taps) { first, end - first, weight };
}

static int filter_init(Filter *filter, int size, int out_size)
{
    const double ratio = (double)size / out_size, scale = fmax(ratio, 1.0);
    const size_t most = (size_t)ceil(scale) * 2 + 2;

    filter->taps = gcam_alloc(out_size, sizeof(*filter->taps));
    filter->weights = gcam_alloc(out_size * most, sizeof(*filter->weights));
    if (!filter->taps || !filter->weights)
        return -ENOMEM;
    for (int i = 0; i < out_size; i++)
        fill_taps(&filter->taps[i], filter->weights + i * most, (i + 0.5) * ratio, scale, size);
    return 0;
}

static uint8_t weigh(const uint8_t *in, ptrdiff_t step, const Taps *taps)
{
    int32_t sum = 1 << (WEIGHT_BITS - 1);

    for (int i = 0; i < taps->count; i++)
        sum += taps->weight[i] * in[i * step];
    return (uint8_t)(sum >> WEIGHT_BITS);
}

int gradcam_resize_rgb(const uint8_t *rgb, ptrdiff_t stride, int width, int height,
                       uint8_t *out, ptrdiff_t out_stride, int out_width, int out_height)
{
    const size_t row = 3 * (size_t)out_width;
    Filter columns = { 0 }, rows = { 0 };
    uint8_t *middle = NULL;     // height x out_width: the columns done
    int error = -EINVAL;

    if (!rgb || !out || width < 1 || height < 1 || out_width < 1 || out_height < 1 ||
        width > MAX_SIZE || height > MAX_SIZE || out_width > MAX_SIZE || out_height > MAX_SIZE)
        return error;
    error = -ENOMEM;
    middle = gcam_alloc(height, row);
    if (!middle || filter_init(&columns, width, out_width) || filter_init(&rows, height, out_height))
        goto end;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < out_width; x++)
            for (int c = 0; c < 3; c++)
                middle[y * row + 3 * x + c] =
                    weigh(rgb + y * stride + 3 * columns.taps[x].first + c, 3, &columns.taps[x]);
    for (int y = 0; y < out_height; y++)
        for (size_t x = 0; x < row; x++)
            out[y * out_stride + (ptrdiff_t)x] =
                weigh(middle + rows.taps[y].first * row + x, row, &rows.taps[y]);
    error = 0;

end:
    filter_free(&columns);
    filter_free(&rows);
    gcam_free(middle);
    return error;
}
