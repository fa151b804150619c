/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Does the network need what the map shows? Measures that take pixels away, or show them alone, and ask it again.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

// ---------------------------------------------------------------------------------- what the map lets through

// x' = x * m on the normalised picture: what the map does not show becomes the mean colour.
static void multiply(Subject *s)
{
    for (size_t at = 0; at < s->pixels; at++)
        for (int c = 0; c < s->channels; c++) {
            const size_t i = subject_sample(s, at, c);
            s->changed[i] = s->input[i] * s->shown[at];
        }
}

static int ask_masked(Subject *s, double *probability)
{
    float p;
    int error = 0;

    if (isnan(s->masked_probability)) {
        multiply(s);
        error = subject_ask(s, s->changed, &p, NULL);
        s->masked_probability = error ? NAN : p;
    }
    *probability = s->masked_probability;
    return error;
}

static int average_drop(Subject *s, const MeasureSettings *settings, double *value)
{
    double p;
    (void)settings;
    const int error = ask_masked(s, &p);
    *value = s->probability > 0 ? fmax(0, s->probability - p) / s->probability : NAN;
    return error;
}

static int increase(Subject *s, const MeasureSettings *settings, double *value)
{
    double p;
    (void)settings;
    const int error = ask_masked(s, &p);
    *value = p > s->probability;
    return error;
}

// Correlation of the map with the map of what it lets through, from -1..1 to 0..1; 0 where one is constant.
static int coherency(Subject *s, const MeasureSettings *settings, double *value)
{
    int error = 0;

    (void)settings;
    if (isnan(s->coherency)) {
        multiply(s);
        error = subject_explain_input(s, s->changed);
        const double rho = error ? NAN : correlation(s->shown, s->other, s->pixels);
        s->coherency = isnan(rho) ? 0 : (1 + rho) / 2;
    }
    *value = s->coherency;
    return error;
}

static int complexity(Subject *s, const MeasureSettings *settings, double *value)
{
    double sum = 0;
    (void)settings;
    for (size_t i = 0; i < s->pixels; i++)
        sum += s->shown[i];
    *value = sum / (double)s->pixels;
    return 0;
}

static double harmonic(double a, double b, double c)
{
    return a > 0 && b > 0 && c > 0 ? 3 / (1 / a + 1 / b + 1 / c) : 0;
}

static int adcc(Subject *s, const MeasureSettings *settings, double *value)
{
    double c, k, d;
    int error = coherency(s, settings, &c);
    if (!error)
        error = average_drop(s, settings, &d);
    complexity(s, settings, &k);
    *value = error || isnan(d) ? NAN : harmonic(c, 1 - k, 1 - d);
    return error;
}

static int arcc(Subject *s, const MeasureSettings *settings, double *value)
{
    double c, k, road;
    int error = coherency(s, settings, &c);
    if (!error)
        error = road_value(s, settings, &road);
    complexity(s, settings, &k);
    *value = error || isnan(road) ? NAN : harmonic(c, 1 - k, fmin(fmax(2 * road, 0), 1));
    return error;
}

const Measure measure_average_drop = {
    .name = "average_drop", .summary = "how much of the probability is lost when only what the map shows is left",
    .better = -1, .reference = "Chattopadhay et al. 2018, Grad-CAM++", .value = average_drop,
};
const Measure measure_increase = {
    .name = "increase", .summary = "the probability rises when only what the map shows is left", .better = 1,
    .reference = "Chattopadhay et al. 2018, Grad-CAM++", .value = increase,
};
const Measure measure_coherency = {
    .name = "coherency", .summary = "the map is like the map of what it shows", .better = 1,
    .reference = "Poppi et al. 2021", .value = coherency,
};
const Measure measure_complexity = {
    .name = "complexity", .summary = "mean of the map", .better = -1, .reference = "Poppi et al. 2021",
    .value = complexity,
};
const Measure measure_adcc = {
    .name = "adcc", .summary = "harmonic mean of coherency, 1 - complexity and 1 - average drop", .better = 1,
    .reference = "Poppi et al. 2021", .value = adcc,
};
const Measure measure_arcc = {
    .name = "arcc", .summary = "harmonic mean of coherency, 1 - complexity and 2 ROAD, cut to 0..1", .better = 1,
    .reference = "arXiv 2605.14641", .needs = IS_DEAR, .value = arcc,
};

// ---------------------------------------------------------------------------------------------- insertion and deletion

// The hottest pixels first, of equal ones those that come first by rows: a merge sort from the bottom up, which is
// stable.
static void sort_pixels(const float *map, size_t count, size_t *order, size_t *room)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            const size_t middle = low + width < count ? low + width : count;
            const size_t high = low + 2 * width < count ? low + 2 * width : count;
            size_t a = low, b = middle;
            for (size_t k = low; k < high; k++)
                room[k] = a < middle && (b >= high || map[order[a]] >= map[order[b]]) ? order[a++] : order[b++];
        }
        memcpy(order, room, count * sizeof(*order));
    }
}

// Area under the probability, by trapezoids, while pixels go from `from` to `to`, the hottest first.
static int area(Subject *s, const float *from, const float *to, int steps, double *value)
{
    size_t *room = malloc(s->pixels * sizeof(*room));
    float *x = malloc(s->samples * sizeof(*x)), p, last = 0;
    int error = room && x ? 0 : -ENOMEM;

    *value = 0;
    if (!error) {
        sort_pixels(s->shown, s->pixels, s->order, room);
        memcpy(x, from, s->samples * sizeof(*x));
    }
    for (int k = 0; k <= steps && !error; k++) {
        const size_t begin = k ? s->pixels * (size_t)(k - 1) / (size_t)steps : 0;
        const size_t end = s->pixels * (size_t)k / (size_t)steps;
        for (size_t i = begin; i < end; i++)
            for (int c = 0; c < s->channels; c++) {
                const size_t at = subject_sample(s, s->order[i], c);
                x[at] = to[at];
            }
        error = subject_ask(s, x, &p, NULL);
        if (k)
            *value += (p + last) / 2 / steps;
        last = p;
    }
    free(room);
    free(x);
    return error;
}

static int deletion(Subject *s, const MeasureSettings *settings, double *value)
{
    memset(s->changed, 0, s->samples * sizeof(*s->changed));
    return area(s, s->input, s->changed, settings->steps, value);
}

// A Gaussian of 11 taps and sigma 5 along both axes; beyond the picture there is zero, the mean colour, as in the
// reference's convolution.
static void blur(Subject *s)
{
    enum { HALF = 5 };
    float tap[2 * HALF + 1], sum = 0;

    for (int i = -HALF; i <= HALF; i++)
        sum += tap[i + HALF] = expf(-(float)(i * i) / (2 * 5 * 5));
    for (int c = 0; c < s->channels; c++) {
        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < s->width; x++) {
                float v = 0;
                for (int i = -HALF; i <= HALF; i++)
                    if (x + i >= 0 && x + i < s->width)
                        v += tap[i + HALF] / sum * s->input[subject_sample(s, (size_t)(y * s->width + x + i), c)];
                s->plane[0][y * s->width + x] = v;
            }
        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < s->width; x++) {
                float v = 0;
                for (int i = -HALF; i <= HALF; i++)
                    if (y + i >= 0 && y + i < s->height)
                        v += tap[i + HALF] / sum * s->plane[0][(y + i) * s->width + x];
                s->changed[subject_sample(s, (size_t)(y * s->width + x), c)] = v;
            }
    }
}

static int insertion(Subject *s, const MeasureSettings *settings, double *value)
{
    blur(s);
    return area(s, s->changed, s->input, settings->steps, value);
}

const Measure measure_deletion = {
    .name = "deletion", .summary = "area under the probability while the hottest pixels become the mean colour",
    .better = -1, .reference = "Petsiuk et al. 2018, RISE", .needs = IS_DEAR, .value = deletion,
};
const Measure measure_insertion = {
    .name = "insertion", .summary = "area under the probability while the hottest pixels come out of a blur",
    .better = 1, .reference = "Petsiuk et al. 2018, RISE", .needs = IS_DEAR, .value = insertion,
};
