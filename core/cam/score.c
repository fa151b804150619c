/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From a target to a score on one picture: the classes it means, those it is set against, value and gradient by the
 * row of its kind.
 */
#include "score.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/sized.h"

int gcam_score_rank(const float *y, size_t outputs, int rank)
{
    size_t last = outputs;
    // Each pass finds the next in the order of falling scores, equal ones by rising index.
    for (int i = 0; i <= rank; i++) {
        size_t best = outputs;
        for (size_t c = 0; c < outputs; c++) {
            int after = last == outputs || y[c] < y[last] || (y[c] == y[last] && c > last);
            if (after && !isnan(y[c]) && (best == outputs || y[c] > y[best]))
                best = c;
        }
        if (best == outputs)
            return -ENOENT;
        last = best;
    }
    return (int)last;
}

static int are_classes(const int *classes, size_t count, size_t outputs)
{
    for (size_t i = 0; i < count; i++)
        if (classes[i] < 0 || (size_t)classes[i] >= outputs)
            return 0;
    return 1;
}

static int is_among(const int *classes, size_t count, int class)
{
    for (size_t i = 0; i < count; i++)
        if (classes[i] == class)
            return 1;
    return 0;
}

// The classes whose y is nearest to the target's, equally near ones by index.
static void find_nearest(GcamScore *score)
{
    GcamScoreCase *on = &score->on;
    double own = gcam_log_sum_exp(on->y, on->classes, on->count);
    on->rivals = score->nearest;
    for (on->rival_count = 0; on->rival_count < GCAM_NEAREST; on->rival_count++) {
        size_t best = on->outputs;
        for (size_t i = 0; i < on->outputs; i++)
            if (!is_among(on->classes, on->count, (int)i) && !is_among(on->rivals, on->rival_count, (int)i) &&
                (best == on->outputs || fabs(on->y[i] - own) < fabs(on->y[best] - own)))
                best = i;
        if (best == on->outputs)
            return;
        score->nearest[on->rival_count] = (int)best;
    }
}

int gcam_score_take(GcamScore *score, const GradcamTarget *target, const float *y, size_t outputs, int rank_class,
                    const GcamProbability *probability)
{
    const GcamScoreKind *kind = gcam_score_find(target->score);
    int rivals = kind && kind->takes & GCAM_SCORE_RIVALS;
    if (!kind || kind->takes & GCAM_SCORE_ELEMENTS || !are_classes(target->classes, target->count, outputs) ||
        (!target->count && (target->rank < 0 || (size_t)target->rank >= outputs)) ||
        (rivals && !are_classes(target->rivals, target->rival_count, outputs)) ||
        (rivals && !target->rival_count && !(kind->takes & GCAM_SCORE_NEAREST)))
        return -EINVAL;
    score->kind = kind;
    score->sign = target->negative ? -1 : 1;
    score->at = 0;
    score->whole = outputs;
    score->single = rank_class;
    score->on = (GcamScoreCase){
        .y = y, .outputs = outputs, .classes = target->classes, .count = target->count,
        .rivals = rivals ? target->rivals : NULL, .rival_count = rivals ? target->rival_count : 0,
        .strength = target->strength != 0 ? target->strength : 1, .even = target->even, .probability = probability,
    };
    if (!target->count) {
        score->on.classes = &score->single;
        score->on.count = rank_class >= 0;
    }
    if (rivals && !target->rival_count)
        find_nearest(score);
    return 0;
}

GradcamTarget gcam_target_take(const GradcamTarget *target, size_t i)
{
    GradcamTarget own = { .size = gcam_sized(target, sizeof(own)) };
    size_t at = i * own.size;
    memcpy(&own, (const char *)target + at, own.size < sizeof(own) ? own.size : sizeof(own));
    own.size = sizeof(own);
    return own;
}

const GradcamTarget *gradcam_targets_at(const GradcamTargets *targets, size_t index)
{
    const size_t size = index < targets->count ? gcam_sized(targets->target, sizeof(GradcamTarget)) : 0;
    return size ? (const GradcamTarget *)((const char *)targets->target + index * size) : NULL;
}

int gcam_score_is_of_elements(const GradcamTarget *target)
{
    const GcamScoreKind *kind = gcam_score_find(target->score);
    return kind && kind->takes & GCAM_SCORE_ELEMENTS;
}

int gcam_score_take_elements(GcamScore *score, const GradcamTarget *target, const float *y, const GcamShape *shape,
                             size_t at, size_t whole)
{
    if (!gcam_score_is_of_elements(target) || target->ranges > (size_t)shape->rank)
        return -EINVAL;
    *score = (GcamScore){ .kind = gcam_score_find(target->score), .sign = target->negative ? -1 : 1, .at = at,
                          .whole = whole, .on = { .y = y, .outputs = gcam_shape_count(shape) } };
    GcamElements *elements = &score->on.elements;
    elements->shape = *shape;
    for (int i = 0; i < shape->rank; i++) {
        GradcamRange range = (size_t)i < target->ranges ? target->range[i] : (GradcamRange){ 0, 0 };
        elements->begin[i] = range.begin;
        elements->end[i] = range.end ? range.end : shape->dim[i];
        if (elements->begin[i] >= elements->end[i] || elements->end[i] > shape->dim[i])
            return -EINVAL;
    }
    return 0;
}

static int is_any(const GcamScore *score)
{
    return score->on.count || score->kind->takes & GCAM_SCORE_ELEMENTS;
}

double gcam_score_value(const GcamScore *score)
{
    return is_any(score) ? score->sign * score->kind->value(&score->on) : NAN;
}

double gcam_score_seed(const GcamScore *score, float *dy)
{
    memset(dy, 0, score->whole * sizeof(*dy));
    dy += score->at;
    if (is_any(score))
        score->kind->seed(&score->on, dy);
    for (size_t i = 0; score->sign < 0 && i < score->on.outputs; i++)
        dy[i] = -dy[i];
    return gcam_score_value(score);
}

float gcam_score_probability(const GcamScore *score)
{
    return score->on.count ? (float)score->on.probability->value(&score->on) : NAN;
}

int gcam_score_class(const GcamScore *score)
{
    const GcamScoreCase *on = &score->on;
    int best = on->count ? on->classes[0] : -1;
    for (size_t i = 1; i < on->count; i++)
        if (on->y[on->classes[i]] > on->y[best])
            best = on->classes[i];
    return best;
}

int gcam_score_constant(const GcamScore *score)
{
    return score->kind->value == gcam_score_find(NULL)->value && score->on.count == 1 && score->sign > 0
               ? score->on.classes[0] : -1;
}
