/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running a model: one arena for activations and gradients, threads, and the way of a picture: preprocess -> forward
 * through trunk and head -> for each target backward through the head -> map.
 */
#include "cam.h"
#include "clock.h"
#include "log.h"
#include "mem.h"
#include "model.h"
#include "plan.h"
#include "preprocess.h"
#include "reuse.h"
#include "sums.h"
#include "tail.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define MOST_THREADS 1024

struct GradcamContext {
    GradcamModel *model;
    const GcamPlan *plan;
    int layer;                  // index into the model's layers
    GcamPool *pool;
    float *arena;
    float **data, **grad;       // by value of the plan
    float *alpha;               // weights of the layer's channels
    float *scores;              // of several scores at once: gradients of the tail and weights of channels
    float **score_grad;         // ... and a table by value for each
    size_t score_room;          // for how many
    int has_logits;
    int pending;                // steps that the gradient still has to come through; 0: it is there, -1: there is none
    int gradient_class;         // whose gradient, which no picture changes, is in place; -1: of none
    double *seconds;            // times by step, as GcamRun has them; NULL: nobody asked
    double preprocess_seconds, map_seconds;
    GcamReuse *reuse;           // NULL: nothing is asked of the picture before
    int (*interrupt)(void *opaque);     // as in GradcamSettings
    void *interrupt_opaque;
    GradcamProfile *profile;    // room for every entry
};

static int processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > MOST_THREADS ? MOST_THREADS : (int)count;
}

static void assign_memory(GradcamContext *context)
{
    const GcamPlan *plan = context->plan;
    for (int i = 0; i < plan->values; i++) {
        if (plan->value[i].data)
            context->data[i] = (float *)plan->value[i].data;     // read only
        else if (plan->data_at[i] != SIZE_MAX)
            context->data[i] = context->arena + plan->data_at[i];
        if (plan->grad_at[i] != SIZE_MAX)
            context->grad[i] = context->arena + plan->grad_at[i];
    }
}

int gradcam_context_open(GradcamContext **out, GradcamModel *model, const GradcamSettings *settings)
{
    static const GradcamSettings none;
    const GradcamSettings *s = settings ? settings : &none;
    int threads = s->threads ? s->threads : processors(), error = -ENOMEM;
    *out = NULL;
    if (threads < 1 || threads > MOST_THREADS) {
        gcam_log(&s->log, GRADCAM_LOG_ERROR, "%d threads: 1 to %d, or 0 for one per processor", threads, MOST_THREADS);
        return -EINVAL;
    }
    if (!gradcam_precision_name(s->precision)) {
        gcam_log(&s->log, GRADCAM_LOG_ERROR, "precision %d: there is none of that number", (int)s->precision);
        return -EINVAL;
    }
    int layer = gcam_model_find_layer(model, s->layer, &s->log);
    if (layer < 0)
        return layer;
    GradcamContext *context = gcam_calloc(1, sizeof(*context));
    if (!context)
        goto fail;
    context->model = gradcam_model_ref(model);
    context->layer = layer;
    context->pending = -1;
    context->gradient_class = -1;
    context->interrupt = s->interrupt;
    context->interrupt_opaque = s->interrupt_opaque;
    if ((error = gcam_model_plan(model, layer, threads, s->precision, &context->plan, &s->log)) ||
        (error = gcam_pool_create(&context->pool, threads, s->nice)) ||
        (s->reuse && (error = gcam_reuse_create(&context->reuse, context->plan, model->info.width,
                                                model->info.height))))
        goto fail;
    error = -ENOMEM;
    size_t values = (size_t)context->plan->values;
    context->arena = gcam_calloc(context->plan->floats, sizeof(float));
    context->data = gcam_calloc(values, sizeof(*context->data));
    context->grad = gcam_calloc(values, sizeof(*context->grad));
    context->alpha = gcam_alloc((size_t)model->layer[layer].channels, sizeof(float));
    if (!context->arena || !context->data || !context->grad || !context->alpha)
        goto fail;
    assign_memory(context);
    *out = context;
    return 0;
fail:
    if (error == -ENOMEM || error == -EAGAIN)
        gcam_log(&s->log, GRADCAM_LOG_ERROR, "not enough memory or threads to run '%s'", model->info.name);
    gradcam_context_close(&context);
    return error;
}

void gradcam_context_close(GradcamContext **context)
{
    if (!context || !*context)
        return;
    GradcamContext *c = *context;
    gcam_pool_destroy(&c->pool);
    gcam_reuse_destroy(&c->reuse);
    if (c->plan)
        gcam_model_release_plan(c->model, c->plan);
    gcam_free(c->arena);
    gcam_free(c->data);
    gcam_free(c->grad);
    gcam_free(c->alpha);
    gcam_free(c->scores);
    gcam_free(c->score_grad);
    gcam_free(c->seconds);
    gcam_free(c->profile);
    gradcam_model_close(&c->model);
    gcam_free(c);
    *context = NULL;
}

const GradcamLayer *gradcam_context_layer(const GradcamContext *context)
{
    return &context->model->layer[context->layer];
}

// The layer's activations, or its gradients: [height][width][channels].
static const float *of_layer(const GradcamContext *context, float *const *memory)
{
    return memory[context->plan->layer] + context->model->layer_skip[context->layer];
}

static GcamRun make_run(const GradcamContext *context)
{
    const GcamPlan *plan = context->plan;
    return (GcamRun){
        .value = plan->value, .data = context->data, .grad = context->grad, .arena = context->arena,
        .pool = context->pool, .seconds = context->seconds, .interrupt = context->interrupt,
        .opaque = context->interrupt_opaque,
    };
}

// wanted: as in GcamRun
static int forward(GradcamContext *context, const GcamRect *wanted)
{
    GcamRun run = make_run(context);
    run.wanted = wanted;
    context->pending = -1;
    int error = gcam_plan_forward(context->plan, &run);
    context->has_logits = !error;
    return error;
}

// What was computed last is right for this picture too.
static void repeat(GradcamContext *context)
{
    context->pending = -1;
    context->preprocess_seconds = 0;
    if (context->seconds)
        memset(context->seconds, 0, (size_t)context->plan->steps * sizeof(*context->seconds));
}

int gradcam_context_forward(GradcamContext *context, const uint8_t *rgb, ptrdiff_t stride)
{
    const GradcamModelInfo *info = &context->model->info;
    double begin = gcam_time();
    GcamRect differs = { 0, info->height, 0, info->width };
    const GcamRect *wanted = NULL;
    if (context->reuse) {
        differs = gcam_reuse_compare(context->reuse, rgb, stride);
        if (gcam_rect_is_empty(&differs)) {
            repeat(context);
            return 0;
        }
        wanted = gcam_reuse_begin(context->reuse, &differs, context->arena, context->data);
    }
    int first = wanted ? differs.top : 0, rows = wanted ? differs.bottom - first : info->height;
    gcam_preprocess_rgb(context->pool, rgb + first * stride, stride, info->width, rows, &info->preprocessing,
                        context->data[context->plan->picture] + 3 * (size_t)first * (size_t)info->width);
    context->preprocess_seconds = gcam_time() - begin;
    int error = forward(context, wanted);
    if (context->reuse)
        gcam_reuse_end(context->reuse, error);
    return error;
}

int gradcam_context_forward_float(GradcamContext *context, const float *input)
{
    const GradcamModelInfo *info = &context->model->info;
    if (context->reuse)
        gcam_reuse_forget(context->reuse);
    gcam_preprocess_float(input, 3, info->height, info->width, context->data[context->plan->picture]);
    return forward(context, NULL);
}

int gradcam_context_set_input(GradcamContext *context, const char *name, const float *data, size_t count)
{
    const GradcamModel *model = context->model;
    for (size_t i = 0; i < model->inputs; i++) {
        if (strcmp(model->input[i].name, name))
            continue;
        if (model->input[i].count != count)
            return -EINVAL;
        if (context->reuse)
            gcam_reuse_forget(context->reuse);
        float *to = context->data[model->input_value[i]];
        if (to)                                 // else no logit depends on it
            memcpy(to, data, count * sizeof(*data));
        return 0;
    }
    return -ENOENT;
}

const float *gradcam_context_logits(const GradcamContext *context, size_t *count)
{
    *count = context->has_logits ? context->model->info.classes : 0;
    return context->has_logits ? context->data[context->plan->logits] : NULL;
}

int gradcam_context_top(const GradcamContext *context, int rank)
{
    size_t classes;
    const float *y = gradcam_context_logits(context, &classes);
    if (!y || rank < 0 || (size_t)rank >= classes)
        return -EINVAL;
    // Each pass finds the next in the order of falling logits, equal ones by rising index.
    size_t last = classes;
    for (int i = 0; i <= rank; i++) {
        size_t best = classes;
        for (size_t c = 0; c < classes; c++) {
            int after = last == classes || y[c] < y[last] || (y[c] == y[last] && c > last);
            if (after && (best == classes || y[c] > y[best]))
                best = c;
        }
        if (best == classes)                    // not a number among the logits
            return rank < (int)classes ? rank : -EINVAL;
        last = best;
    }
    return (int)last;
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
    GcamRun run = make_run(context);
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
    GcamRun run = make_run(context);
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
        GcamRun run = make_run(context);
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

// ------------------------------------------------------------------------------------------------------------- profile

int gradcam_context_set_profiling(GradcamContext *context, int on)
{
    size_t steps = (size_t)context->plan->steps;
    gcam_free(context->seconds);
    gcam_free(context->profile);
    context->seconds = on ? gcam_calloc(2 * steps, sizeof(*context->seconds)) : NULL;
    context->profile = on ? gcam_calloc(2 * steps + 2, sizeof(*context->profile)) : NULL;
    if (!on || (context->seconds && context->profile))
        return 0;
    gradcam_context_set_profiling(context, 0);
    return -ENOMEM;
}

// Bytes of what a step reads and writes; a view does neither.
static double step_bytes(const GcamPlan *plan, const GcamStep *step)
{
    double bytes = 0;
    if (plan->root[step->output[0]] != step->output[0])
        return 0;
    for (int i = 0; i < step->inputs + step->outputs; i++) {
        int index = i < step->inputs ? step->input[i] : step->output[i - step->inputs];
        const GcamValue *value = index >= 0 ? &plan->value[index] : NULL;
        if (value)
            bytes += (double)gcam_shape_count(&value->shape) * (double)(value->data ? gcam_data_size(value->type) : 4);
    }
    return bytes;
}

static GradcamProfile describe_step(const GcamPlan *plan, const GcamStep *step, int backward, double seconds)
{
    if (backward && plan->sums && step == &plan->step[gcam_sums_step(plan->sums)])
        return (GradcamProfile){
            GRADCAM_PHASE_BACKWARD, step->node->name, step->op->type, "channel sums", seconds,
            gcam_sums_bytes(plan->sums) / 2, gcam_sums_bytes(plan->sums),
        };
    return (GradcamProfile){
        backward ? GRADCAM_PHASE_BACKWARD : step->in_head ? GRADCAM_PHASE_HEAD : GRADCAM_PHASE_TRUNK,
        step->node ? step->node->name : "", step->op->type,
        step->op->kernel && !backward ? step->op->kernel(step) : "", seconds,
        step->op->flops ? step->op->flops(step, plan->value) : 0, step_bytes(plan, step),
    };
}

const GradcamProfile *gradcam_context_profile(GradcamContext *context, size_t *count)
{
    const GcamPlan *plan = context->plan;
    GradcamProfile *entry = context->profile;
    *count = 0;
    if (!entry)
        return NULL;
    *entry++ = (GradcamProfile){ GRADCAM_PHASE_PREPROCESS, "", "normalize", "", context->preprocess_seconds, 0, 0 };
    for (int i = 0; i < plan->steps; i++)
        *entry++ = describe_step(plan, &plan->step[i], 0, context->seconds[i]);
    for (int i = plan->steps - 1; i >= 0; i--)
        if (plan->step[i].in_head)
            *entry++ = describe_step(plan, &plan->step[i], 1, context->seconds[plan->steps + i]);
    *entry++ = (GradcamProfile){ GRADCAM_PHASE_MAP, "", "weights and sum", "", context->map_seconds, 0, 0 };
    *count = (size_t)(entry - context->profile);
    return context->profile;
}

const char *gradcam_phase_name(enum GradcamPhase phase)
{
    static const char *const names[GRADCAM_PHASE_COUNT] = { "preprocess", "trunk", "head", "backward", "map" };
    return (unsigned)phase < GRADCAM_PHASE_COUNT ? names[phase] : NULL;
}
