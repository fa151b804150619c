/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From logits to maps: which score a target stands for, for each of them backward through the head, or for several
 * together as far as that goes, then the weights of the channels and the map.
 */
#include "context.h"

#include "base/clock.h"
#include "base/mem.h"
#include "method.h"
#include "plan/several_scores.h"
#include "plan/summed_weights.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// The layer's activations, or its gradients: [height][width][channels].
static const float *of_layer(const GradcamContext *context, float *const *memory)
{
    return memory[context->plan->layer] + context->model->layer_skip[context->layer];
}

// log sum exp of some logits (all of them where classes is NULL); weight: the softmax over them, or NULL.
static double log_sum_exp(const float *y, const int *classes, size_t count, float *weight)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, y[classes ? classes[i] : (int)i]);
    for (size_t i = 0; i < count; i++)
        sum += exp(y[classes ? classes[i] : (int)i] - top);
    for (size_t i = 0; weight && i < count; i++)
        weight[classes[i]] = (float)(exp(y[classes[i]] - top) / sum);
    return top + log(sum);
}

// The classes of a target; one found by rank goes to *single. NULL for a target that does not fit.
static const int *target_classes(const GradcamContext *context, const GradcamTarget *target, size_t *count, int *single)
{
    *count = target->count ? target->count : 1;
    if (!target->count) {
        *single = gradcam_context_top(context, target->rank);
        return *single < 0 ? NULL : single;
    }
    for (size_t i = 0; i < target->count; i++)
        if (target->classes[i] < 0 || (size_t)target->classes[i] >= context->model->info.classes)
            return NULL;
    return target->classes;
}

float gradcam_context_probability(const GradcamContext *context, const GradcamTarget *target)
{
    size_t classes, count;
    int single;
    const float *y = gradcam_context_logits(context, &classes);
    const int *list = y ? target_classes(context, target, &count, &single) : NULL;
    if (!list)
        return 0;
    if (strcmp(context->model->info.probabilities, "sigmoid"))
        return (float)exp(log_sum_exp(y, list, count, NULL) - log_sum_exp(y, NULL, classes, NULL));
    // Independent classes: a group is there when any of its classes is.
    double none = 1;
    for (size_t i = 0; i < count; i++)
        none *= 1 / (1 + exp(y[list[i]]));
    return (float)(1 - none);
}

static void describe(const GradcamContext *context, const GradcamTarget *target, const int *list, size_t count,
                     double score, const float *map, GradcamMapInfo *info)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    const float *y = context->data[context->plan->logits];
    size_t cells = (size_t)layer->width * (size_t)layer->height;
    *info = (GradcamMapInfo){ .score = (float)score, .probability = gradcam_context_probability(context, target),
                              .min = map[0], .max = map[0], .class_index = list[0] };
    for (size_t i = 1; i < count; i++)
        if (y[list[i]] > y[info->class_index])
            info->class_index = list[i];
    for (size_t i = 1; i < cells; i++) {
        info->min = map[i] < info->min ? map[i] : info->min;
        info->max = map[i] > info->max ? map[i] : info->max;
    }
    info->empty = !(info->max > info->min);
}

// The sums of the gradient over the layer's cells, where they are to be had without it.
static void sum_directly(const GradcamContext *context, const GcamRun *run, size_t count, const float *const *dy,
                         float *const *alpha)
{
    GcamSums *sums = context->plan->sums;
    double begin = run->seconds ? gcam_time() : 0;
    gcam_sums_run(sums, run->pool, count, dy, alpha);
    if (run->seconds)
        run->seconds[context->plan->steps + gcam_sums_step(sums)] = gcam_time() - begin;
}

static void clear_seconds(GradcamContext *context)
{
    size_t steps = (size_t)context->plan->steps;
    if (context->seconds)
        memset(context->seconds + steps, 0, steps * sizeof(*context->seconds));
}

// Steps `to` - 1 down to the layer, or to its sums, which then are in context->alpha.
static int run_down(GradcamContext *context, int to)
{
    const GcamPlan *plan = context->plan;
    int last = plan->sums ? gcam_sums_step(plan->sums) : -1;
    GcamRun run = gcam_context_run(context);
    int error = gcam_plan_backward(plan, &run, last + 1, to);
    if (!error && plan->sums)
        sum_directly(context, &run, 1, (const float *const *)&context->grad[gcam_sums_value(plan->sums)],
                     &context->alpha);
    context->pending = error ? -1 : last + 1;
    return error;
}

// The gradient of the score by the layer, or only its sums. Behind the layers that most networks
// are explained by come only pooling and one linear layer: then it depends on the class alone, and is still there when
// the class was the same last time.
static int backward(GradcamContext *context, const int *list, size_t count)
{
    const GcamPlan *plan = context->plan;
    int single = count == 1 && plan->constant_gradient ? list[0] : -1;
    clear_seconds(context);
    context->pending = 0;
    if (single >= 0 && single == context->gradient_class)
        return 0;
    int error = run_down(context, plan->steps);
    context->gradient_class = error ? -1 : single;
    return error;
}

// ds/dy of s = log sum exp over the target's classes: their softmax; 1 for a single class. Returns s.
static double begin_gradient(const GradcamContext *context, const int *list, size_t count, float *seed)
{
    memset(seed, 0, context->model->info.classes * sizeof(*seed));
    double score = log_sum_exp(context->data[context->plan->logits], list, count, seed);
    if (count == 1)
        seed[list[0]] = 1;
    return score;
}

static void draw_map(const GradcamContext *context, enum GradcamMethod method, float *alpha, int is_summed, float *map)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    size_t cells = (size_t)layer->width * (size_t)layer->height, channels = (size_t)layer->channels;
    if (!is_summed)
        gcam_cam_sums(of_layer(context, context->grad), cells, channels, alpha);
    gcam_cam_map(method, of_layer(context, context->data), alpha, cells, channels, map);
}

int gradcam_context_map(GradcamContext *context, const GradcamTarget *target, enum GradcamMethod method, float *map,
                        GradcamMapInfo *info)
{
    const GcamPlan *plan = context->plan;
    size_t count;
    int single;
    const int *list = context->has_logits ? target_classes(context, target, &count, &single) : NULL;
    if (!list || (unsigned)method >= GRADCAM_METHOD_COUNT)
        return -EINVAL;
    double score = begin_gradient(context, list, count, context->grad[plan->logits]);
    int error = backward(context, list, count);
    if (error)
        return error;
    double begin = gcam_time();
    draw_map(context, method, context->alpha, plan->sums != NULL, map);
    context->map_seconds = gcam_time() - begin;
    if (info)
        describe(context, target, list, count, score, map, info);
    return 0;
}

// Memory for that many scores at once.
static int make_room(GradcamContext *context, size_t count)
{
    const GcamPlan *plan = context->plan;
    if (count <= context->score_room)
        return 0;
    gcam_free(context->scores);
    gcam_free(context->score_grad);
    context->scores = gcam_alloc(count, (plan->tail->floats + (size_t)gradcam_context_layer(context)->channels) *
                                            sizeof(float));
    context->score_grad = gcam_alloc(count, (size_t)plan->values * sizeof(*context->score_grad));
    context->score_room = context->scores && context->score_grad ? count : 0;
    return context->score_room ? 0 : -ENOMEM;
}

// Maps of a few targets, which fit: through the tail, and where nothing but sums is left through these, in one go.
static int map_together(GradcamContext *context, const GradcamTarget *target, size_t count, enum GradcamMethod method,
                        float *maps, GradcamMapInfo *infos)
{
    const GcamPlan *plan = context->plan;
    const GradcamLayer *layer = gradcam_context_layer(context);
    size_t cells = (size_t)layer->width * (size_t)layer->height, channels = (size_t)layer->channels;
    size_t classes[GCAM_TAIL_MOST];
    int single[GCAM_TAIL_MOST], summed = plan->sums && plan->tail->from == gcam_sums_step(plan->sums) + 1;
    const int *list[GCAM_TAIL_MOST];
    double score[GCAM_TAIL_MOST];
    const float *dy[GCAM_TAIL_MOST];
    float *alpha[GCAM_TAIL_MOST], *const *grad[GCAM_TAIL_MOST];
    GcamRun run = gcam_context_run(context);
    int error = make_room(context, count);
    context->pending = context->gradient_class = -1;
    clear_seconds(context);
    for (size_t k = 0; k < count && !error; k++) {
        float **table = context->score_grad + k * (size_t)plan->values;
        float *memory = context->scores + k * plan->tail->floats;
        gcam_tail_gradients(plan, context->grad, memory, table);
        grad[k] = table;
        alpha[k] = context->scores + count * plan->tail->floats + k * channels;
        list[k] = target_classes(context, &target[k], &classes[k], &single[k]);
        score[k] = begin_gradient(context, list[k], classes[k], table[plan->logits]);
        dy[k] = summed ? table[gcam_sums_value(plan->sums)] : NULL;
    }
    if (!error)
        error = gcam_tail_backward(plan, &run, count, grad);
    if (!error && summed)
        sum_directly(context, &run, count, dy, alpha);
    context->map_seconds = 0;
    for (size_t k = 0; k < count && !error; k++) {
        gcam_tail_leave(plan, grad[k], context->grad);
        if (!summed && (error = run_down(context, plan->tail->from)))
            break;
        double begin = gcam_time();
        draw_map(context, method, summed ? alpha[k] : context->alpha, plan->sums != NULL, maps + k * cells);
        context->map_seconds += gcam_time() - begin;
        if (infos)
            describe(context, &target[k], list[k], classes[k], score[k], maps + k * cells, &infos[k]);
    }
    if (!error && summed)
        context->pending = plan->tail->from;
    return error;
}

int gradcam_context_maps(GradcamContext *context, const GradcamTarget *targets, size_t count, enum GradcamMethod method,
                         float *maps, GradcamMapInfo *infos)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    size_t cells = (size_t)layer->width * (size_t)layer->height, classes;
    int single, error = context->has_logits && (unsigned)method < GRADCAM_METHOD_COUNT ? 0 : -EINVAL;
    for (size_t i = 0; i < count && !error; i++)
        error = target_classes(context, &targets[i], &classes, &single) ? 0 : -EINVAL;
    for (size_t i = 0, n; i < count && !error; i += n) {
        n = !context->plan->tail ? 1 : count - i < GCAM_TAIL_MOST ? count - i : GCAM_TAIL_MOST;
        GradcamMapInfo *info = infos ? &infos[i] : NULL;
        error = n > 1 ? map_together(context, &targets[i], n, method, maps + i * cells, info)
                      : gradcam_context_map(context, &targets[i], method, maps + i * cells, info);
    }
    return error;
}

int gradcam_context_tensors(GradcamContext *context, const float **a, const float **g)
{
    if (!context->has_logits)
        return -EINVAL;
    if (context->pending > 0) {
        GcamRun run = gcam_context_run(context);
        run.seconds = NULL;                     // it is not part of the map
        int error = gcam_plan_backward(context->plan, &run, 0, context->pending);
        context->pending = error ? -1 : 0;      // the memory of what a step has read is used again
        if (error)
            return error;
    }
    *a = of_layer(context, context->data);
    *g = context->pending == 0 ? of_layer(context, context->grad) : NULL;
    return 0;
}
