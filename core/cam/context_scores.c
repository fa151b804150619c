/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scores of the last picture that a context ran: of targets, their probabilities, ranks of classes, and what is told of
 * a map. In: y, the values of the plan's last tensor, and targets. Out: numbers; those that mean nothing are NaN.
 */
#include "context.h"

#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <string.h>

void gcam_context_decide_probability(GradcamContext *context, enum GradcamProbability wanted)
{
    const GradcamModelInfo *info = &context->model->info;
    int is_auto = wanted == GRADCAM_PROBABILITY_AUTO;
    context->probability = is_auto ? info->probability : wanted;
    context->probability_assumed = is_auto && info->probability_assumed;
}

// Whether several scores are probabilities already, although the graph does not tell: none below 0, and all of them
// together 1.
static int add_up_to_one(const float *y, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(y[i] >= 0 && y[i] <= 1))
            return 0;
        sum += y[i];
    }
    return count > 1 && fabs(sum - 1) < 1e-3;
}

int gcam_context_score(const GradcamContext *context, const GradcamTarget *target, GcamScore *score)
{
    size_t outputs;
    const float *y = gradcam_context_logits(context, &outputs);
    if (!y)
        return -EINVAL;
    enum GradcamProbability probability = context->probability;
    if (context->probability_assumed && add_up_to_one(y, outputs))
        probability = GRADCAM_PROBABILITY_GIVEN;
    int class = target->count ? -1 : gcam_score_rank(y, outputs, target->rank);
    return gcam_score_take(score, target, y, outputs, class, gcam_probability(probability));
}

float gradcam_context_probability(const GradcamContext *context, const GradcamTarget *target)
{
    GcamScore score;
    return gcam_context_score(context, target, &score) ? NAN : gcam_score_probability(&score);
}

int gradcam_context_top(const GradcamContext *context, int rank)
{
    size_t outputs;
    const float *y = gradcam_context_logits(context, &outputs);
    if (!y || rank < 0 || (size_t)rank >= outputs)
        return -EINVAL;
    return gcam_score_rank(y, outputs, rank);
}

static int all_finite(const float *x, size_t count)
{
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad += !isfinite(x[i]);
    return !bad;
}

// One sentence for the life of a context: what is wrong with one picture mostly is with all.
static void warn(GradcamContext *context, const GradcamTarget *target, double value)
{
    const char *name = target->name && target->name[0] ? target->name : "a class";
    if (context->warned)
        return;
    context->warned = 1;
    if (isfinite(value))
        gcam_log(&context->log, GRADCAM_LOG_WARNING, "the map of '%s' is not finite: numbers in the network '%s' are "
                 "too large or undefined; an empty map is shown", name, context->model->info.name);
    else if (!target->count)
        gcam_log(&context->log, GRADCAM_LOG_WARNING, "scores of the network '%s' are not finite: no class can be "
                 "chosen for '%s', and its map is empty", context->model->info.name, name);
    else
        gcam_log(&context->log, GRADCAM_LOG_WARNING, "the score of '%s' is %s, not a finite number, in the network "
                 "'%s': its map is empty", name, isnan(value) ? "NaN" : "infinite", context->model->info.name);
}

void gcam_context_describe(GradcamContext *context, const GradcamTarget *target, const GcamScore *score, float *map,
                           size_t size, GradcamMapInfo *info)
{
    double value = gcam_score_value(score);
    if (!isfinite(value) || !all_finite(map, size)) {
        warn(context, target, value);
        memset(map, 0, size * sizeof(*map));
    }
    if (!info)
        return;
    *info = (GradcamMapInfo){ .score = (float)value, .probability = gcam_score_probability(score),
                              .min = map[0], .max = map[0], .class_index = gcam_score_class(score) };
    for (size_t i = 1; i < size; i++) {
        info->min = map[i] < info->min ? map[i] : info->min;
        info->max = map[i] > info->max ? map[i] : info->max;
    }
    info->empty = !(info->max > info->min);
}
