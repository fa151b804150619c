/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of measures, in the order in which they are printed, and the arithmetic that they share.
 */
#include "measure.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

const Measure *const measures[] = {
    &measure_top1_error, &measure_top5_error, &measure_loc_top1_error, &measure_loc_top5_error, &measure_gt_known,
    &measure_iou, &measure_maxboxacc, &measure_maxboxacc_v2, &measure_pxap, &measure_pointing_game,
    &measure_pointing_difficult,
    &measure_energy, &measure_average_drop, &measure_increase, &measure_coherency, &measure_complexity, &measure_adcc,
    &measure_deletion, &measure_insertion, &measure_road, &measure_arcc, &measure_occlusion, NULL,
};

size_t measure_record_size(const Measure *measure)
{
    switch (measure->reduce) {
    case REDUCE_BEST:       return (size_t)measure->bounds * HIT_BYTES;
    case REDUCE_PRECISION:  return sizeof(PixelCounts);
    default:                return 0;
    }
}

double box_iou(const Box *a, const Box *b)
{
    const double width = fmin(a->right, b->right) - fmax(a->left, b->left);
    const double height = fmin(a->bottom, b->bottom) - fmax(a->top, b->top);
    const double both = (a->right - a->left) * (a->bottom - a->top) + (b->right - b->left) * (b->bottom - b->top);
    const double inside = width > 0 && height > 0 ? width * height : 0;

    return both - inside > 0 ? inside / (both - inside) : 0;
}

double correlation(const float *a, const float *b, size_t count)
{
    double mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < count; i++) {
        mean_a += a[i] / (double)count;
        mean_b += b[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

typedef struct Ranked {
    float value;
    size_t index;
} Ranked;

static int compare(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    const int order = (x->value > y->value) - (x->value < y->value);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

// Equal values share the mean of their ranks.
static void find_ranks(Ranked *sorted, const float *value, size_t count, float *rank)
{
    for (size_t i = 0; i < count; i++)
        sorted[i] = (Ranked){ value[i], i };
    qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && sorted[end].value == sorted[i].value;)
            end++;
        for (size_t k = i; k < end; k++)
            rank[sorted[k].index] = (float)(i + end - 1) / 2;
    }
}

int rank_correlation(const float *a, const float *b, size_t count, double *rho)
{
    Ranked *sorted = malloc((count + 1) * sizeof(*sorted));
    float *ranks = malloc((2 * count + 1) * sizeof(*ranks));
    const int error = sorted && ranks ? 0 : -ENOMEM;

    if (!error) {
        find_ranks(sorted, a, count, ranks);
        find_ranks(sorted, b, count, ranks + count);
        *rho = correlation(ranks, ranks + count, count);
    }
    free(sorted);
    free(ranks);
    return error;
}
