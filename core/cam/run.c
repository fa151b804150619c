/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From scores to maps: for each of them backward through the head, or for several together as far as that goes, then
 * the weights of the channels and the map.
 */
#include "context.h"

#include "base/clock.h"
#include "base/mem.h"
#include "method.h"
#include "plan/several_scores.h"
#include "plan/summed_weights.h"

#include <errno.h>
#include <string.h>

// The layer's activations, or its gradients: [height][width][channels].
static const float *of_layer(const GradcamContext *context, float *const *memory)
{
    return memory[context->plan->layer] + context->model->layer_skip[context->layer];
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
static int backward(GradcamContext *context, const GcamScore *score)
{
    const GcamPlan *plan = context->plan;
    int single = plan->constant_gradient ? gcam_score_constant(score) : -1;
    clear_seconds(context);
    context->pending = 0;
    if (single >= 0 && single == context->gradient_class)
        return 0;
    int error = run_down(context, plan->steps);
    context->gradient_class = error ? -1 : single;
    return error;
}

// What is left of the way back to the layer.
static int finish_gradient(GradcamContext *context)
{
    if (context->pending <= 0)
        return 0;
    GcamRun run = gcam_context_run(context);
    run.seconds = NULL;
    int error = gcam_plan_backward(context->plan, &run, 0, context->pending);
    context->pending = error ? -1 : 0;          // the memory of what a step has read is used again
    return error;
}

static void sum_gradient(const float *g, size_t cells, size_t channels, float *sum)
{
    memset(sum, 0, channels * sizeof(*sum));
    for (size_t i = 0; i < cells; i++)
        for (size_t k = 0; k < channels; k++)
            sum[k] += g[i * channels + k];
}

static int draw_map(const GradcamContext *context, const GradcamMethod *method, float *alpha, int is_summed, float *map)
{
    const GcamMethod *row = gcam_method_row(method);
    const GradcamMethod given = gcam_method_given(method);
    const GradcamLayer *layer = gradcam_context_layer(context);
    GcamCam cam = {
        .height = (size_t)layer->height, .width = (size_t)layer->width, .channels = (size_t)layer->channels,
        .cells = (size_t)layer->height * (size_t)layer->width, .a = of_layer(context, context->data),
        .option = given.value,
    };
    if (row->needs & GCAM_NEEDS_GRADIENT)
        cam.g = of_layer(context, context->grad);
    if (row->needs & GCAM_NEEDS_SUMS) {
        cam.sums = alpha;
        if (!is_summed)
            sum_gradient(of_layer(context, context->grad), cam.cells, cam.channels, alpha);
    }
    return row->formula(&cam, map);
}

int gradcam_context_map(GradcamContext *context, const GradcamTarget *target, const GradcamMethod *method, float *map,
                        GradcamMapInfo *info)
{
    const GcamPlan *plan = context->plan;
    GcamScore score;
    int error = gradcam_method_check(method) ? -EINVAL : gcam_context_score(context, target, &score);
    if (error)
        return error;
    gcam_score_seed(&score, context->grad[plan->logits]);
    error = backward(context, &score);
    if (!error && gcam_method_row(method)->needs & GCAM_NEEDS_GRADIENT)
        error = finish_gradient(context);
    if (error)
        return error;
    double begin = gcam_time();
    error = draw_map(context, method, context->alpha, plan->sums != NULL, map);
    context->map_seconds = gcam_time() - begin;
    if (!error)
        gcam_context_describe(context, target, &score, map, info);
    return error;
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
static int map_together(GradcamContext *context, const GradcamTarget *target, size_t count, const GradcamMethod *method,
                        float *maps, GradcamMapInfo *infos)
{
    const GcamPlan *plan = context->plan;
    const GradcamLayer *layer = gradcam_context_layer(context);
    size_t cells = (size_t)layer->width * (size_t)layer->height, channels = (size_t)layer->channels;
    int summed = plan->sums && plan->tail->from == gcam_sums_step(plan->sums) + 1;
    GcamScore score[GCAM_TAIL_MOST];
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
        if (!(error = gcam_context_score(context, &target[k], &score[k])))
            gcam_score_seed(&score[k], table[plan->logits]);
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
        error = draw_map(context, method, summed ? alpha[k] : context->alpha, plan->sums != NULL, maps + k * cells);
        context->map_seconds += gcam_time() - begin;
        if (!error)
            gcam_context_describe(context, &target[k], &score[k], maps + k * cells, infos ? &infos[k] : NULL);
    }
    if (!error && summed)
        context->pending = plan->tail->from;
    return error;
}

int gradcam_context_maps(GradcamContext *context, const GradcamTarget *targets, size_t count, const GradcamMethod *method,
                         float *maps, GradcamMapInfo *infos)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    size_t cells = (size_t)layer->width * (size_t)layer->height;
    GcamScore score;
    int error = context->has_logits && !gradcam_method_check(method) ? 0 : -EINVAL;
    for (size_t i = 0; i < count && !error; i++)
        error = gcam_context_score(context, &targets[i], &score);
    int one = !context->plan->tail || gcam_method_row(method)->needs & GCAM_NEEDS_GRADIENT;
    for (size_t i = 0, n; i < count && !error; i += n) {
        n = one ? 1 : count - i < GCAM_TAIL_MOST ? count - i : GCAM_TAIL_MOST;
        GradcamMapInfo *info = infos ? &infos[i] : NULL;
        error = n > 1 ? map_together(context, &targets[i], n, method, maps + i * cells, info)
                      : gradcam_context_map(context, &targets[i], method, maps + i * cells, info);
    }
    return error;
}

void gradcam_context_map_size(const GradcamContext *context, const GradcamMethod *method, int *width, int *height)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    int of_pixels = gcam_method_row(method)->info.of_pixels;
    *width = of_pixels ? context->model->info.width : layer->width;
    *height = of_pixels ? context->model->info.height : layer->height;
}

int gradcam_context_tensors(GradcamContext *context, const float **a, const float **g)
{
    if (!context->has_logits)
        return -EINVAL;
    int error = finish_gradient(context);
    if (error)
        return error;
    *a = of_layer(context, context->data);
    *g = context->pending == 0 ? of_layer(context, context->grad) : NULL;
    return 0;
}
