/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kinds of scores. In: y of one picture, and classes. Out: the score s, and its gradient ds/dy, which is added to
 * zeros. Of a group S of classes y_S stands for log sum_{c in S} exp(y_c), which of one class is y_c.
 */
#include "scores.h"

#include <math.h>
#include <string.h>

double gcam_log_sum_exp(const float *y, const int *classes, size_t count)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, y[classes ? classes[i] : (int)i]);
    for (size_t i = 0; i < count; i++)
        sum += exp(y[classes ? classes[i] : (int)i] - top);
    return top + log(sum);
}

// Adds `times` the gradient of y_S: the softmax over S; of a single class 1, whatever its y is.
static void add_group(const float *y, const int *classes, size_t count, float times, float *dy)
{
    double top = -INFINITY, sum = 0;
    if (count == 1) {
        dy[classes[0]] += times;
        return;
    }
    for (size_t i = 0; i < count; i++)
        top = fmax(top, y[classes[i]]);
    for (size_t i = 0; i < count; i++)
        sum += exp(y[classes[i]] - top);
    for (size_t i = 0; i < count; i++)
        dy[classes[i]] += times * (float)(exp(y[classes[i]] - top) / sum);
}

// -------------------------------------------------------------------------------------------------------------- logit

static double logit_value(const GcamScoreCase *c)
{
    return gcam_log_sum_exp(c->y, c->classes, c->count);
}

static void logit_seed(const GcamScoreCase *c, float *dy)
{
    add_group(c->y, c->classes, c->count, 1, dy);
}

// ------------------------------------------------------------------------------------------------------- probabilities

static double prob_value(const GcamScoreCase *c)
{
    return c->probability->value(c);
}

static void prob_seed(const GcamScoreCase *c, float *dy)
{
    c->probability->slope(c, 0, dy);
}

static double logprob_value(const GcamScoreCase *c)
{
    return c->probability->log(c);
}

static void logprob_seed(const GcamScoreCase *c, float *dy)
{
    c->probability->slope(c, 1, dy);
}

static double rest_value(const GcamScoreCase *c)
{
    return logit_value(c) + logprob_value(c);
}

static void rest_seed(const GcamScoreCase *c, float *dy)
{
    logit_seed(c, dy);
    logprob_seed(c, dy);
}

// --------------------------------------------------------------------------------------------------------- differences

static double difference_value(const GcamScoreCase *c)
{
    return logit_value(c) - gcam_log_sum_exp(c->y, c->rivals, c->rival_count);
}

static void difference_seed(const GcamScoreCase *c, float *dy)
{
    logit_seed(c, dy);
    add_group(c->y, c->rivals, c->rival_count, -1, dy);
}

// What rival i counts among the rivals; all together 1.
static double rival_weight(const GcamScoreCase *c, size_t i, double all)
{
    return c->even ? 1 / (double)c->rival_count : exp(c->y[c->rivals[i]] - all);
}

// The mean m of the rivals' y.
static double rival_mean(const GcamScoreCase *c)
{
    double all = gcam_log_sum_exp(c->y, c->rivals, c->rival_count), mean = 0;
    for (size_t i = 0; i < c->rival_count; i++)
        mean += rival_weight(c, i, all) * c->y[c->rivals[i]];
    return mean;
}

static double finer_value(const GcamScoreCase *c)
{
    return logit_value(c) - c->strength * rival_mean(c);
}

// The weights q move with y: dm/dy_j = q_j (1 + y_j - m). pytorch-grad-cam's gradient flows through them too.
static void finer_seed(const GcamScoreCase *c, float *dy)
{
    double all = gcam_log_sum_exp(c->y, c->rivals, c->rival_count), mean = rival_mean(c);
    logit_seed(c, dy);
    for (size_t i = 0; i < c->rival_count; i++) {
        double slope = c->even ? 1 : 1 + c->y[c->rivals[i]] - mean;
        dy[c->rivals[i]] -= (float)(c->strength * rival_weight(c, i, all) * slope);
    }
}

// -------------------------------------------------------------------------------------------------------------- table

static const GcamScoreKind kinds[] = {
    { { "logit", "dog", "the score of a class before any softmax, or of a group of classes", "y_c, log sum_c exp(y_c)",
        "Selvaraju et al., ICCV 2017, arXiv 1610.02391, section 3" }, 0, logit_value, logit_seed },
    { { "prob", "prob(dog)", "the probability; its gradient vanishes where it is near 0 or 1", "p_c", "" }, 0,
      prob_value, prob_seed },
    { { "logprob", "logprob(dog)", "the logarithm of the probability", "log p_c", "" }, 0, logprob_value,
      logprob_seed },
    { { "rest", "rest(dog)", "ReST: score and logarithm of the probability", "y_c + log p_c",
        "Cai, 2025, arXiv 2501.06261" }, 0, rest_value, rest_seed },
    { { "difference", "dog - cat", "what speaks for the one rather than for the other", "y_c - y_d",
        "Selvaraju et al., ICCV 2017, arXiv 1610.02391, section 3.3" }, GCAM_SCORE_RIVALS, difference_value,
      difference_seed },
    { { "finer", "finer(dog)", "Finer: what tells a class from those like it", "y_c - a sum_d q_d y_d, q = softmax_d y",
        "Zhang et al., CVPR 2025, arXiv 2501.11309" }, GCAM_SCORE_RIVALS | GCAM_SCORE_NEAREST, finer_value,
      finer_seed },
    { { "sum", "sum(fc@0/3/5..9)", "the sum of elements of a tensor, or one of them", "sum_i y_i", "" },
      GCAM_SCORE_ELEMENTS, gcam_sum_value, gcam_sum_seed },
    { { "mean", "mean(fc@0/3/5..9)", "their mean", "(1/n) sum_i y_i", "" }, GCAM_SCORE_ELEMENTS, gcam_mean_value,
      gcam_mean_seed },
    { { "max", "max(fc@0/3/5..9)", "the greatest of them", "max_i y_i", "" }, GCAM_SCORE_ELEMENTS, gcam_max_value,
      gcam_max_seed },
    { { "norm", "norm(fc@0/3/5..9)", "the length of the vector that they are", "sqrt(sum_i y_i^2)", "" },
      GCAM_SCORE_ELEMENTS, gcam_norm_value, gcam_norm_seed },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

const GradcamScoreInfo *gradcam_score_at(size_t index)
{
    return index < KINDS ? &kinds[index].info : NULL;
}

size_t gcam_score_index(const char *name)
{
    for (size_t i = 0; name && i < KINDS; i++)
        if (!strcmp(kinds[i].info.name, name))
            return i;
    return name ? SIZE_MAX : 0;
}

const GcamScoreKind *gcam_score_find(const char *name)
{
    size_t index = gcam_score_index(name);
    return index < KINDS ? &kinds[index] : NULL;
}
