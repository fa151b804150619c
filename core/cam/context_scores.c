/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scores of the last picture that a context ran: of targets, their probabilities, ranks of classes, and what is told of
 * a map. In: y, the values of the plan's last tensor, and targets. Out: numbers; those that mean nothing are NaN.
 */
#include "context.h"

#include "base/log.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

void gcam_context_decide_probability(GradcamContext *context, enum GradcamProbability wanted)
{
    const GradcamModelInfo *info = &context->model->info;
    int is_auto = wanted == GRADCAM_PROBABILITY_AUTO;
    context->setup.probability = is_auto ? info->probability : wanted;
    context->setup.probability_assumed = is_auto && info->probability_assumed;
}

static int add_output(GradcamContext *context, const char *tensor)
{
    GcamOutputs *output = &context->setup.output;
    int value = gcam_graph_find_tensor(&context->model->graph, tensor);
    if (value < 0 || context->model->graph.value[value].node < 0)
        return gcam_fail(&context->setup.log, -ENOENT, "no tensor or node '%s' computes anything", tensor);
    for (int i = 0; i < output->count; i++)
        if (output->value[i] == value)
            return 0;
    if (output->count == GCAM_MOST_OUTPUTS)
        return gcam_fail(&context->setup.log, -EINVAL, "scores of more than %d tensors", GCAM_MOST_OUTPUTS - 1);
    output->value[output->count++] = value;
    return 0;
}

int gcam_context_choose_outputs(GradcamContext *context, const GradcamTargets *targets)
{
    int error = 0;
    context->setup.output = (GcamOutputs){ { context->model->logits }, 1 };
    for (size_t i = 0; targets && i < targets->count && !error; i++) {
        GradcamTarget target = gcam_target_take(targets->target, i);
        if (target.tensor && gcam_score_is_of_elements(&target))
            error = add_output(context, target.tensor);
    }
    return error;
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

// Of elements of one of the plan's outputs.
static int take_elements(const GradcamContext *context, const GradcamTarget *target, GcamScore *score)
{
    const GcamPlan *plan = context->plan;
    const GcamGraph *graph = &context->model->graph;
    int value = target->tensor ? gcam_graph_find_tensor(graph, target->tensor) : context->model->logits;
    size_t at = 0;
    for (int i = 0; i < plan->output.count; i++) {
        const GcamShape *shape = &graph->value[plan->output.value[i]].shape;
        if (plan->output.value[i] == value)
            return gcam_score_take_elements(score, target, context->data[plan->logits] + at, shape, at,
                                            gcam_shape_count(&plan->value[plan->logits].shape));
        at += gcam_shape_count(shape);
    }
    gcam_log(&context->setup.log, GRADCAM_LOG_ERROR, "tensor '%s' is not among those that the context was opened for",
             target->tensor);
    return -EINVAL;
}

int gcam_context_score(const GradcamContext *context, const GradcamTarget *target, GcamScore *score)
{
    size_t outputs;
    const float *y = gradcam_context_logits(context, &outputs);
    if (!y)
        return -EINVAL;
    if (gcam_score_is_of_elements(target))
        return take_elements(context, target, score);
    enum GradcamProbability probability = context->setup.probability;
    if (context->setup.probability_assumed && add_up_to_one(y, outputs))
        probability = GRADCAM_PROBABILITY_GIVEN;
    int class = target->count ? -1 : gcam_score_rank(y, outputs, target->rank);
    int error = gcam_score_take(score, target, y, outputs, class, gcam_probability(probability));
    if (!error)
        score->whole = gcam_shape_count(&context->plan->value[context->plan->logits].shape);
    return error;
}

float gradcam_context_probability(const GradcamContext *context, const GradcamTarget *target)
{
    GradcamTarget own = gcam_target_take(target, 0);
    GcamScore score;
    return gcam_context_score(context, &own, &score) ? NAN : gcam_score_probability(&score);
}

int gradcam_context_top(const GradcamContext *context, int rank)
{
    size_t outputs;
    const float *y = gradcam_context_logits(context, &outputs);
    if (!y || rank < 0 || (size_t)rank >= outputs)
        return -EINVAL;
    return gcam_score_rank(y, outputs, rank);
}

// How many are NaN, infinite, or below `low`.
static size_t count_bad(const float *x, size_t count, float low)
{
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad += !(x[i] >= low && x[i] <= FLT_MAX);
    return bad;
}

// Scores among which no order can be told. A class that is ruled out by a score of -inf is no such thing.
static size_t count_unranked(const GcamScore *score)
{
    return count_bad(score->on.y, score->on.outputs, -INFINITY);
}

// One sentence for the life of a context: what is wrong with one picture mostly is with all.
static void warn(GradcamContext *context, const GradcamTarget *target, const GcamScore *score, double value)
{
    const char *name = target->name && target->name[0] ? target->name : "a class", *net = context->model->info.name;
    const GradcamLog *log = &context->setup.log;
    if (context->warned)
        return;
    context->warned = 1;
    if (!score->on.count && !gcam_score_is_of_elements(target))
        gcam_log(log, GRADCAM_LOG_WARNING, "the scores of the network '%s' are not finite: no class can be chosen for "
                 "'%s', and its map is empty", net, name);
    else if (!isfinite(value))
        gcam_log(log, GRADCAM_LOG_WARNING, "the score of '%s' is not finite (%s) in the network '%s': its map is empty",
                 name, isnan(value) ? "NaN" : "infinite", net);
    else if (score->on.count && !target->count && count_unranked(score))
        gcam_log(log, GRADCAM_LOG_WARNING, "%zu of %zu scores of the network '%s' are not finite: '%s' is chosen among "
                 "the others", count_unranked(score), score->on.outputs, net, name);
    else
        gcam_log(log, GRADCAM_LOG_WARNING, "the map of '%s' is not finite in the network '%s': an empty one is shown",
                 name, net);
}

// Scores in the hundreds, one of which leaves nothing to the others: a network that was trained has neither, unless its
// pixels come in another range. One sentence for the life of a context.
static void warn_of_range(GradcamContext *context)
{
    const GradcamModelInfo *info = &context->model->info;
    size_t outputs = 0;
    const float *y = gradcam_context_logits(context, &outputs), large = 100, certain = 9.2f;     // p > 0.9999
    float first = -INFINITY, second = -INFINITY, least = INFINITY;
    if (context->warned_range || !y || outputs < 2 || context->setup.probability != GRADCAM_PROBABILITY_SOFTMAX)
        return;
    for (size_t i = 0; i < outputs; i++) {
        if (!isfinite(y[i]))
            return;
        least = fminf(least, y[i]);
        second = fmaxf(second, fminf(first, y[i]));
        first = fmaxf(first, y[i]);
    }
    if (fmaxf(first, -least) < large || first - second < certain)
        return;
    context->warned_range = 1;
    gcam_log(&context->setup.log, GRADCAM_LOG_WARNING, "the network '%s' gives scores from %.0f to %.0f and a "
             "probability of 1: pixels may have to reach it in another range (they do as %s)", info->name,
             (double)least, (double)first,
             info->preprocessing_reason[0] ? info->preprocessing_reason : "was asked for");
}

void gcam_context_describe(GradcamContext *context, const GradcamTarget *target, const GcamScore *score, float *map,
                           size_t size, GradcamMapInfo *info)
{
    double value = gcam_score_value(score);
    int bad = !isfinite(value) || count_bad(map, size, -FLT_MAX);
    if (bad)
        memset(map, 0, size * sizeof(*map));
    if (bad || (!target->count && score->on.count && count_unranked(score)))
        warn(context, target, score, value);
    warn_of_range(context);
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
