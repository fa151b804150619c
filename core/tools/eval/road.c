/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ROAD, remove and debias (Rong et al. 2022): pixels are taken away, the most or the least relevant first, and filled
 * in from those that are left, so that the shape of the hole tells nothing. A pixel that is filled in is the mean of
 * its eight neighbours, straight ones with weight 1/6, diagonal ones with 1/12, those beyond the border left out: a
 * linear system for all that are missing, solved by conjugate gradients from a solution at half the size. Then noise.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

enum { MOST_STEPS = 2000, LEAST_SIDE = 8 };

static const struct {
    int x, y;
    float weight;
} neighbour[] = {
    { -1, 0, 1.0f / 6 }, { 1, 0, 1.0f / 6 }, { 0, -1, 1.0f / 6 }, { 0, 1, 1.0f / 6 },
    { -1, -1, 1.0f / 12 }, { 1, -1, 1.0f / 12 }, { -1, 1, 1.0f / 12 }, { 1, 1, 1.0f / 12 },
};
#define NEIGHBOURS (sizeof(neighbour) / sizeof(neighbour[0]))

typedef struct Hole {
    int width, height;
    const uint8_t *missing;     // width x height
    float *residual, *direction, *product;      // likewise
} Hole;

// The system times v at the missing pixels: v's own weight less its missing neighbours' values. Symmetric and positive
// as soon as a pixel is left.
static void multiply(const Hole *hole, const float *v, float *out)
{
    for (int y = 0; y < hole->height; y++)
        for (int x = 0; x < hole->width; x++) {
            const int at = y * hole->width + x;
            float sum = 0;
            for (size_t n = 0; n < NEIGHBOURS && hole->missing[at]; n++) {
                const int i = x + neighbour[n].x, j = y + neighbour[n].y;
                if (i >= 0 && i < hole->width && j >= 0 && j < hole->height) {
                    const int other = j * hole->width + i;
                    sum += neighbour[n].weight * (hole->missing[other] ? v[at] - v[other] : v[at]);
                }
            }
            out[at] = sum;
        }
}

// What neighbours that are left add to the other side, less the system times v: the residual at v.
static double begin(Hole *hole, const float *v)
{
    double norm = 0;
    for (int y = 0; y < hole->height; y++)
        for (int x = 0; x < hole->width; x++) {
            const int at = y * hole->width + x;
            float sum = 0;
            for (size_t n = 0; n < NEIGHBOURS && hole->missing[at]; n++) {
                const int i = x + neighbour[n].x, j = y + neighbour[n].y;
                if (i >= 0 && i < hole->width && j >= 0 && j < hole->height)
                    sum += neighbour[n].weight * (v[j * hole->width + i] - v[at]);
            }
            hole->residual[at] = hole->direction[at] = sum;
            norm += (double)sum * sum;
        }
    return norm;
}

// v holds the pixels that are left, and a guess at those that are missing; these become the solution.
static void solve(Hole *hole, float *v, size_t missing)
{
    const size_t count = (size_t)hole->width * (size_t)hole->height;
    const double enough = (double)missing * 1e-8;       // a mean residual of 1e-4 where noise is 1e-2
    double norm = begin(hole, v);

    for (int step = 0; step < MOST_STEPS && norm > enough; step++) {
        double along = 0, next = 0;
        multiply(hole, hole->direction, hole->product);
        for (size_t i = 0; i < count; i++)
            along += (double)hole->direction[i] * hole->product[i];
        if (!(along > 0))
            break;
        const float length = (float)(norm / along);
        for (size_t i = 0; i < count; i++) {
            if (hole->missing[i])
                v[i] += length * hole->direction[i];
            hole->residual[i] -= length * hole->product[i];
            next += (double)hole->residual[i] * hole->residual[i];
        }
        const float turn = (float)(next / norm);
        for (size_t i = 0; i < count; i++)
            hole->direction[i] = hole->residual[i] + turn * hole->direction[i];
        norm = next;
    }
}

// Half the size: each of its pixels is the mean of those of four that are left.
static void shrink(const float *v, const uint8_t *missing, int width, int height, float *half, uint8_t *half_missing)
{
    const int w = (width + 1) / 2, h = (height + 1) / 2;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float sum = 0;
            int left = 0;
            for (int j = 2 * y; j < 2 * y + 2 && j < height; j++)
                for (int i = 2 * x; i < 2 * x + 2 && i < width; i++)
                    if (!missing[j * width + i]) {
                        sum += v[j * width + i];
                        left++;
                    }
            half[y * w + x] = left ? sum / (float)left : 0;
            half_missing[y * w + x] = !left;
        }
}

// Fills in one channel. All missing: nothing is known, and zero (the mean colour) stands.
static int fill(float *v, const uint8_t *missing, int width, int height)
{
    const size_t count = (size_t)width * (size_t)height;
    const int w = (width + 1) / 2, h = (height + 1) / 2;
    size_t gone = 0;
    int error = 0;

    for (size_t i = 0; i < count; i++)
        gone += missing[i];
    if (!gone || gone == count)
        return 0;
    float *room = malloc(3 * count * sizeof(*room)), *half = malloc((size_t)w * (size_t)h * sizeof(*half));
    uint8_t *half_missing = malloc((size_t)w * (size_t)h);
    if (room && half && half_missing) {
        shrink(v, missing, width, height, half, half_missing);
        if (width > LEAST_SIDE && height > LEAST_SIDE)
            error = fill(half, half_missing, w, h);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                if (missing[y * width + x])
                    v[y * width + x] = half[y / 2 * w + x / 2];
        Hole hole = { width, height, missing, room, room + count, room + 2 * count };
        solve(&hole, v, gone);
    } else {
        error = -ENOMEM;
    }
    free(room);
    free(half);
    free(half_missing);
    return error;
}

// ------------------------------------------------------------------------------------------------------------- measure

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;          // splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static float next_normal(uint64_t *state)
{
    const double u = ((double)(next_random(state) >> 11) + 1) / 9007199254740993.0;
    const double v = (double)(next_random(state) >> 11) / 9007199254740992.0;
    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Between the two sorted values that it lies between, as numpy.percentile().
static float percentile(const float *sorted, size_t count, double percent)
{
    const double at = percent / 100 * (double)(count - 1);
    const size_t low = (size_t)at, high = low + 1 < count ? low + 1 : low;
    return (float)(sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]));
}

// Probability when what reaches the threshold is taken away.
static int ask_without(Subject *s, const float *relevance, float threshold, const MeasureSettings *settings, float *p)
{
    uint8_t *missing = malloc(s->pixels);
    uint64_t random = settings->seed;
    int error = missing ? 0 : -ENOMEM;

    for (size_t i = 0; i < s->pixels && !error; i++)
        missing[i] = relevance[i] >= threshold;
    for (int c = 0; c < s->channels && !error; c++) {
        float *plane = s->plane[2];
        for (size_t i = 0; i < s->pixels; i++)
            plane[i] = missing[i] ? 0 : s->input[subject_sample(s, i, c)];
        error = fill(plane, missing, s->width, s->height);
        for (size_t i = 0; i < s->pixels; i++)
            s->changed[subject_sample(s, i, c)] =
                plane[i] + (missing[i] ? (float)settings->noise * next_normal(&random) : 0);
    }
    free(missing);
    return error ? error : subject_ask(s, s->changed, p, NULL);
}

// Mean over percentiles of the probability's change when the most relevant go first.
static int change(Subject *s, const float *relevance, const MeasureSettings *settings, double *mean)
{
    float *sorted = s->plane[1], p;
    int error = 0;

    memcpy(sorted, relevance, s->pixels * sizeof(*sorted));
    qsort(sorted, s->pixels, sizeof(*sorted), compare);
    *mean = 0;
    for (int percent = 10; percent <= 90 && !error; percent += 10) {
        error = ask_without(s, relevance, percentile(sorted, s->pixels, percent), settings, &p);
        *mean += (p - s->probability) / 9;
    }
    return error;
}

int road_value(Subject *s, const MeasureSettings *settings, double *value)
{
    double most, least;
    float *opposite = s->plane[0];
    int error = change(s, s->shown, settings, &most);

    for (size_t i = 0; i < s->pixels; i++)
        opposite[i] = 1 - s->shown[i];
    if (!error)
        error = change(s, opposite, settings, &least);
    *value = error ? NAN : (least - most) / 2;
    return error;
}

const Measure measure_road = {
    .name = "road", .better = 1, .reference = "Rong et al. 2022", .needs = IS_DEAR, .value = road_value,
    .summary = "(LeRF - MoRF) / 2: how much less is lost when the least relevant pixels are filled in, than the most",
};
