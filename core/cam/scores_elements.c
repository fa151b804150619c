/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scores of elements of a tensor, of networks that are no classifiers: an age, an angle, a place in an embedding, a
 * part of a picture of scores. In: the tensor in ONNX's order, and of each dimension the range that counts.
 */
#include "scores.h"

#include <math.h>

// A walk over the elements, the last dimension first.
typedef struct Walk {
    const GcamElements *of;
    size_t at[GCAM_MAX_RANK];
    int ended;
} Walk;

static Walk begin(const GcamElements *of)
{
    Walk walk = { .of = of };
    for (int i = 0; i < of->shape.rank; i++)
        walk.at[i] = of->begin[i];
    return walk;
}

static size_t place(const Walk *walk)
{
    size_t at = 0;
    for (int i = 0; i < walk->of->shape.rank; i++)
        at = at * walk->of->shape.dim[i] + walk->at[i];
    return at;
}

static void step(Walk *walk)
{
    int i = walk->of->shape.rank - 1;
    while (i >= 0 && ++walk->at[i] == walk->of->end[i]) {
        walk->at[i] = walk->of->begin[i];
        i--;
    }
    walk->ended = i < 0;
}

static double count_of(const GcamElements *of)
{
    double count = 1;
    for (int i = 0; i < of->shape.rank; i++)
        count *= (double)(of->end[i] - of->begin[i]);
    return count;
}

double gcam_sum_value(const GcamScoreCase *c)
{
    double sum = 0;
    for (Walk walk = begin(&c->elements); !walk.ended; step(&walk))
        sum += c->y[place(&walk)];
    return sum;
}

static void add_everywhere(const GcamScoreCase *c, float slope, float *dy)
{
    for (Walk walk = begin(&c->elements); !walk.ended; step(&walk))
        dy[place(&walk)] += slope;
}

void gcam_sum_seed(const GcamScoreCase *c, float *dy)
{
    add_everywhere(c, 1, dy);
}

double gcam_mean_value(const GcamScoreCase *c)
{
    return gcam_sum_value(c) / count_of(&c->elements);
}

void gcam_mean_seed(const GcamScoreCase *c, float *dy)
{
    add_everywhere(c, (float)(1 / count_of(&c->elements)), dy);
}

// The place of the greatest, the first of equal ones; NaN is greater than anything.
static size_t find_greatest(const GcamScoreCase *c)
{
    Walk walk = begin(&c->elements);
    size_t best = place(&walk);
    for (; !walk.ended; step(&walk)) {
        size_t at = place(&walk);
        if (c->y[at] > c->y[best] || (isnan(c->y[at]) && !isnan(c->y[best])))
            best = at;
    }
    return best;
}

double gcam_max_value(const GcamScoreCase *c)
{
    return c->y[find_greatest(c)];
}

void gcam_max_seed(const GcamScoreCase *c, float *dy)
{
    dy[find_greatest(c)] += 1;
}

// A sum of squares of the largest floats is in range of double.
double gcam_norm_value(const GcamScoreCase *c)
{
    double sum = 0;
    for (Walk walk = begin(&c->elements); !walk.ended; step(&walk))
        sum += (double)c->y[place(&walk)] * c->y[place(&walk)];
    return sqrt(sum);
}

// y / |y|, and of nothing but zeros 0.
void gcam_norm_seed(const GcamScoreCase *c, float *dy)
{
    double norm = gcam_norm_value(c);
    for (Walk walk = begin(&c->elements); norm != 0 && !walk.ended; step(&walk))
        dy[place(&walk)] += (float)(c->y[place(&walk)] / norm);
}
