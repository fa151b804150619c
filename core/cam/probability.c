/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From scores y to probabilities of a set S of classes, with their derivatives:
 *
 *     softmax    p = sum_{c in S} exp(y_c) / sum_j exp(y_j)          d log p / dy_j = [j in S] q_j - p_j
 *     sigmoid    p = 1 - prod_{c in S} (1 - sigma(y_c))              d log p / dy_j = sigma_j (1 - p) / p
 *     given      p = sum_{c in S} y_c                                d log p / dy_j = 1 / p
 *
 * with q the softmax over S alone. dp/dy is p times that.
 */
#include "score.h"
#include "base/enum_names.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------------------ softmax

static double softmax_log(const GcamScoreCase *c)
{
    return gcam_log_sum_exp(c->y, c->classes, c->count) - gcam_log_sum_exp(c->y, NULL, c->outputs);
}

static double softmax_value(const GcamScoreCase *c)
{
    return exp(softmax_log(c));
}

static void softmax_slope(const GcamScoreCase *c, int of_log, float *dy)
{
    double all = gcam_log_sum_exp(c->y, NULL, c->outputs), own = gcam_log_sum_exp(c->y, c->classes, c->count);
    double times = of_log ? 1 : exp(own - all);
    for (size_t i = 0; i < c->outputs; i++)
        dy[i] -= (float)(times * exp(c->y[i] - all));
    for (size_t i = 0; i < c->count; i++)
        dy[c->classes[i]] += (float)(times * exp(c->y[c->classes[i]] - own));
}

// ------------------------------------------------------------------------------------------------------------ sigmoid

// log(1 + exp(y)), which is -log(1 - sigma(y)).
static double softplus(double y)
{
    return y > 0 ? y + log1p(exp(-y)) : log1p(exp(y));
}

// -log of the probability that none of the classes is there.
static double none_there(const GcamScoreCase *c)
{
    double sum = 0;
    for (size_t i = 0; i < c->count; i++)
        sum += softplus(c->y[c->classes[i]]);
    return sum;
}

static double sigmoid_value(const GcamScoreCase *c)
{
    return -expm1(-none_there(c));
}

static double sigmoid_log(const GcamScoreCase *c)
{
    return c->count == 1 ? -softplus(-(double)c->y[c->classes[0]]) : log(sigmoid_value(c));
}

static void sigmoid_slope(const GcamScoreCase *c, int of_log, float *dy)
{
    double none = none_there(c);
    for (size_t i = 0; i < c->count; i++) {
        double y = c->y[c->classes[i]], sigma = exp(-softplus(-y));
        // (1 - p) / p = 1 / expm1(none); of one class sigma / expm1(softplus(y)) = 1 - sigma.
        double log_slope = c->count == 1 ? exp(-softplus(y)) : sigma / expm1(none);
        dy[c->classes[i]] += (float)(of_log ? log_slope : sigma * exp(-none));
    }
}

// -------------------------------------------------------------------------------------------------------------- given

static double given_value(const GcamScoreCase *c)
{
    double sum = 0;
    for (size_t i = 0; i < c->count; i++)
        sum += c->y[c->classes[i]];
    return sum;
}

static double given_log(const GcamScoreCase *c)
{
    return log(given_value(c));
}

static void given_slope(const GcamScoreCase *c, int of_log, float *dy)
{
    double slope = of_log ? 1 / given_value(c) : 1;
    for (size_t i = 0; i < c->count; i++)
        dy[c->classes[i]] += (float)slope;
}

// --------------------------------------------------------------------------------------------------------------- none

static double no_value(const GcamScoreCase *c)
{
    (void)c;
    return NAN;
}

static void no_slope(const GcamScoreCase *c, int of_log, float *dy)
{
    (void)c;
    (void)of_log;
    (void)dy;
}

// -------------------------------------------------------------------------------------------------------------- table

static const GcamProbability probabilities[GCAM_PROBABILITIES] = {
    [GRADCAM_PROBABILITY_AUTO] = { "auto", no_value, no_value, no_slope },
    [GRADCAM_PROBABILITY_SOFTMAX] = { "softmax", softmax_value, softmax_log, softmax_slope },
    [GRADCAM_PROBABILITY_SIGMOID] = { "sigmoid", sigmoid_value, sigmoid_log, sigmoid_slope },
    [GRADCAM_PROBABILITY_GIVEN] = { "given", given_value, given_log, given_slope },
    [GRADCAM_PROBABILITY_NONE] = { "none", no_value, no_value, no_slope },
};

const GcamProbability *gcam_probability(enum GradcamProbability probability)
{
    return (unsigned)probability < GCAM_PROBABILITIES ? &probabilities[probability] : NULL;
}

const char *gradcam_probability_name(enum GradcamProbability probability)
{
    const GcamProbability *row = gcam_probability(probability);
    return row ? row->name : NULL;
}

int gradcam_probability_find(const char *name)
{
    for (int i = 0; name && i < GCAM_PROBABILITIES; i++)
        if (!strcmp(probabilities[i].name, name))
            return i;
    return -EINVAL;
}
