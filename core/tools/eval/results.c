/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: numbers of pictures. Out: figures with intervals by bootstrap (Efron 1979): pictures are drawn with replacement
 * as often as there are, and the interval holds the middle 95 % of the figures of such draws. Draws depend on the seed
 * alone, and are the same for all rows and measures, so that differences are paired.
 */
#include "results.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t results_sides(const Results *r)
{
    return r->controls ? 2 : 1;
}

// Where the measure's record is in those of a picture.
static size_t record_begin(const Results *r, size_t measure)
{
    size_t before = 0;
    for (size_t m = 0; m < measure; m++)
        before += (measure_record_size(r->measure[m]) + 7) / 8 * 8;
    return before;
}

int results_alloc(Results *r)
{
    const size_t cells = r->rows * r->dataset->count * results_sides(r);

    r->record_size = record_begin(r, r->measures);
    r->state = calloc(r->rows * r->dataset->count + 1, 1);
    r->value = malloc((cells * r->measures + 1) * sizeof(*r->value));
    r->record = calloc(cells + 1, r->record_size + !r->record_size);
    if (!r->state || !r->value || !r->record)
        return -ENOMEM;
    for (size_t i = 0; i < cells * r->measures; i++)
        r->value[i] = NAN;
    return 0;
}

void results_free(Results *r)
{
    free(r->state);
    free(r->value);
    free(r->record);
}

static size_t cell(const Results *r, size_t row, size_t item, size_t side)
{
    return (row * r->dataset->count + item) * results_sides(r) + side;
}

uint8_t *results_state(const Results *r, size_t row, size_t item)
{
    return &r->state[row * r->dataset->count + item];
}

double *results_value(const Results *r, size_t row, size_t item, size_t side)
{
    return r->value + cell(r, row, item, side) * r->measures;
}

void *results_record(const Results *r, size_t row, size_t item, size_t side, size_t measure)
{
    return measure_record_size(r->measure[measure])
         ? r->record + cell(r, row, item, side) * r->record_size + record_begin(r, measure) : NULL;
}

// ------------------------------------------------------------------------------------------------------------- figures

// Numbers of pictures that take part, with their classes.
typedef struct Sample {
    double *value;
    int *class_index;
    const PixelCounts **pixels, **less;     // of REDUCE_PRECISION; of a difference, the second row's
    size_t count;
    int classes;                // > 0: the mean of classes' means
    int pooled;                 // of REDUCE_PRECISION: 1, of a difference 2
} Sample;

// Of the pixels of all pictures, each as often as drawn, the area under precision by recall: for each threshold, from
// the highest, the precision times what recall has grown by. NAN where no pixel is on a thing. (Choe et al. 2020)
static double average_precision(const PixelCounts *const *pixels, size_t count, const unsigned *times)
{
    double on[THRESHOLDS] = { 0 }, off[THRESHOLDS] = { 0 }, all = 0, right = 0, wrong = 0, area = 0;

    for (size_t i = 0; i < count; i++) {
        const double weight = times ? times[i] : 1;
        for (int t = 0; t < THRESHOLDS && weight > 0; t++) {
            on[t] += weight * pixels[i]->on[t];
            off[t] += weight * pixels[i]->off[t];
        }
    }
    for (int t = 0; t < THRESHOLDS; t++)
        all += on[t];
    for (int t = THRESHOLDS - 1; t >= 0; t--) {
        right += on[t];
        wrong += off[t];
        area += on[t] > 0 ? right / (right + wrong) * on[t] / all : 0;
    }
    return all > 0 ? area : NAN;
}

// The figure of the numbers or records, each as often as drawn. NAN where no picture is drawn.
static double figure_of(const Sample *s, const unsigned *times, double *sum, double *weight)
{
    double all = 0, count = 0;

    if (s->pooled)
        return average_precision(s->pixels, s->count, times) -
               (s->pooled > 1 ? average_precision(s->less, s->count, times) : 0);
    if (!s->classes) {
        for (size_t i = 0; i < s->count; i++) {
            all += times ? times[i] * s->value[i] : s->value[i];
            count += times ? times[i] : 1;
        }
        return count > 0 ? all / count : NAN;
    }
    memset(sum, 0, (size_t)s->classes * sizeof(*sum));
    memset(weight, 0, (size_t)s->classes * sizeof(*weight));
    for (size_t i = 0; i < s->count; i++) {
        sum[s->class_index[i]] += times ? times[i] * s->value[i] : s->value[i];
        weight[s->class_index[i]] += times ? times[i] : 1;
    }
    for (int c = 0; c < s->classes; c++)
        if (weight[c] > 0) {
            all += sum[c] / weight[c];
            count++;
        }
    return count > 0 ? all / count : NAN;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int bootstrap(const Sample *s, int resamples, uint64_t seed, Figure *figure)
{
    unsigned *times = calloc(s->count + 1, sizeof(*times));
    double *drawn = malloc((size_t)(resamples + 1) * sizeof(*drawn));
    double *sum = malloc((size_t)(2 * s->classes + 1) * sizeof(*sum));
    const int error = times && drawn && sum ? 0 : -ENOMEM;

    figure->n = s->count;
    figure->value = figure->low = figure->high = NAN;
    if (!error && s->count) {
        figure->value = figure_of(s, NULL, sum, sum + s->classes);
        int kept = 0;           // a draw may miss all things
        for (int k = 0; k < resamples; k++) {
            memset(times, 0, s->count * sizeof(*times));
            for (size_t i = 0; i < s->count; i++)
                times[next_random(&seed) % s->count]++;
            drawn[kept] = figure_of(s, times, sum, sum + s->classes);
            kept += !isnan(drawn[kept]);
        }
        qsort(drawn, (size_t)kept, sizeof(*drawn), compare);
        if (kept) {
            figure->low = drawn[(size_t)(0.025 * (kept - 1))];
            figure->high = drawn[(size_t)ceil(0.975 * (kept - 1))];
        }
    }
    free(times);
    free(drawn);
    free(sum);
    return error;
}

static int open_sample(const Results *r, size_t measure, Sample *s)
{
    *s = (Sample){ .value = malloc((r->dataset->count + 1) * sizeof(*s->value)),
                   .class_index = malloc((r->dataset->count + 1) * sizeof(*s->class_index)),
                   .pixels = malloc((r->dataset->count + 1) * sizeof(*s->pixels)),
                   .less = malloc((r->dataset->count + 1) * sizeof(*s->less)) };
    if (r->measure[measure]->reduce == REDUCE_CLASS_MEAN)
        s->classes = (int)r->dataset->classes;
    s->pooled = r->measure[measure]->reduce == REDUCE_PRECISION;
    return s->value && s->class_index && s->pixels && s->less ? 0 : -ENOMEM;
}

static void close_sample(Sample *s)
{
    free(s->value);
    free(s->class_index);
    free(s->pixels);
    free(s->less);
}

// Whether the item has a number or a record by the measure.
static int has_number(const Results *r, size_t row, size_t item, size_t side, size_t measure)
{
    return *results_state(r, row, item) == DONE && !isnan(results_value(r, row, item, side)[measure]);
}

static int is_hit(const uint8_t *hits, int bound, int t)
{
    return hits[bound * HIT_BYTES + t / 8] >> t % 8 & 1;
}

// The threshold with the most hits, of equal ones the first.
static int best_threshold(const Results *r, size_t row, size_t side, size_t measure, int bound)
{
    size_t most = 0;
    int best = 0;

    for (int t = 0; t < THRESHOLDS; t++) {
        size_t count = 0;
        for (size_t i = 0; i < r->dataset->count; i++)
            if (has_number(r, row, i, side, measure))
                count += (size_t)is_hit(results_record(r, row, i, side, measure), bound, t);
        if (count > most) {
            most = count;
            best = t;
        }
    }
    return best;
}

// Numbers of the items of a row; of REDUCE_BEST the share of bounds at whose best threshold it is a hit.
static void number_of(const Results *r, size_t row, size_t side, size_t measure, const int *threshold, size_t item,
                      double *value)
{
    const Measure *m = r->measure[measure];
    *value = results_value(r, row, item, side)[measure];
    if (m->reduce != REDUCE_BEST)
        return;
    *value = 0;
    for (int b = 0; b < m->bounds; b++)
        *value += (double)is_hit(results_record(r, row, item, side, measure), b, threshold[b]) / m->bounds;
}

static void find_thresholds(const Results *r, size_t row, size_t side, size_t measure, int *threshold)
{
    for (int b = 0; r->measure[measure]->reduce == REDUCE_BEST && b < r->measure[measure]->bounds; b++)
        threshold[b] = best_threshold(r, row, side, measure, b);
}

int results_figure(const Results *r, size_t row, size_t side, size_t measure, int resamples, uint64_t seed,
                   Figure *figure)
{
    int threshold[MOST_BOUNDS] = { 0 };
    Sample s;
    int error = open_sample(r, measure, &s);

    *figure = (Figure){ .value = NAN, .low = NAN, .high = NAN };
    if (!error) {
        find_thresholds(r, row, side, measure, threshold);
        for (size_t i = 0; i < r->dataset->count; i++)
            if (has_number(r, row, i, side, measure)) {
                number_of(r, row, side, measure, threshold, i, &s.value[s.count]);
                s.pixels[s.count] = results_record(r, row, i, side, measure);
                s.class_index[s.count++] = r->dataset->item[i].class_index;
            }
        error = bootstrap(&s, resamples, seed, figure);
        figure->has_threshold = r->measure[measure]->reduce == REDUCE_BEST && s.count;
        for (int b = 0; b < MOST_BOUNDS; b++)
            figure->threshold[b] = threshold[b] * 0.001;
    }
    close_sample(&s);
    return error;
}

int results_difference(const Results *r, size_t a, size_t b, size_t measure, int resamples, uint64_t seed,
                       Figure *figure)
{
    int of_a[MOST_BOUNDS] = { 0 }, of_b[MOST_BOUNDS] = { 0 };
    Sample s;
    int error = open_sample(r, measure, &s);

    *figure = (Figure){ .value = NAN, .low = NAN, .high = NAN };
    s.pooled *= 2;
    if (!error) {
        find_thresholds(r, a, 0, measure, of_a);
        find_thresholds(r, b, 0, measure, of_b);
        for (size_t i = 0; i < r->dataset->count; i++)
            if (has_number(r, a, i, 0, measure) && has_number(r, b, i, 0, measure)) {
                double x, y;
                number_of(r, a, 0, measure, of_a, i, &x);
                number_of(r, b, 0, measure, of_b, i, &y);
                s.value[s.count] = x - y;
                s.pixels[s.count] = results_record(r, a, i, 0, measure);
                s.less[s.count] = results_record(r, b, i, 0, measure);
                s.class_index[s.count++] = r->dataset->item[i].class_index;
            }
        error = bootstrap(&s, resamples, seed, figure);
    }
    close_sample(&s);
    return error;
}

void results_rank(const Figure *figure, size_t rows, int better, double *rank)
{
    for (size_t i = 0; i < rows; i++) {
        double above = 0, same = 0;
        for (size_t k = 0; k < rows; k++) {
            above += (figure[k].value - figure[i].value) * better > 0;
            same += figure[k].value == figure[i].value;
        }
        rank[i] = isnan(figure[i].value) ? NAN : above + (same + 1) / 2;
    }
}
