/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running a model: one block of memory for activations and gradients, threads, and the way of a picture: preprocess ->
 * forward through trunk and head. Maps are made in run.c.
 */
#include "context.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "preprocess.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define MOST_THREADS 1024

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
            context->data[i] = context->memory + plan->data_at[i];
        if (plan->grad_at[i] != SIZE_MAX)
            context->grad[i] = context->memory + plan->grad_at[i];
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
    if (!gradcam_probability_name(s->probability)) {
        gcam_log(&s->log, GRADCAM_LOG_ERROR, "probability %d: there is none of that number", (int)s->probability);
        return -EINVAL;
    }
    int layer = gcam_model_find_layer(model, s->layer, &s->log);
    if (layer < 0)
        return layer;
    GradcamContext *context = gcam_calloc(1, sizeof(*context));
    if (!context)
        goto fail;
    const GradcamInput *picture = &model->inputs.picture;
    context->model = gradcam_model_ref(model);
    context->layer = layer;
    context->pending = -1;
    context->gradient_class = -1;
    context->log = s->log;
    gcam_context_decide_probability(context, s->probability);
    context->interrupt = s->interrupt;
    context->interrupt_opaque = s->interrupt_opaque;
    if ((error = gcam_model_plan(model, layer, threads, s->precision, &context->plan, &s->log)) ||
        (error = gcam_threads_create(&context->pool, threads, s->nice)) ||
        (s->reuse && (error = gcam_partial_create(&context->partial, context->plan, picture->width, picture->height,
                                                  picture->frames * picture->channels))))
        goto fail;
    error = -ENOMEM;
    if (picture->frames > 1 && !(context->stack = gcam_alloc(picture->count, 1)))
        goto fail;
    size_t values = (size_t)context->plan->values;
    context->memory = gcam_calloc(context->plan->floats, sizeof(float));
    context->data = gcam_calloc(values, sizeof(*context->data));
    context->grad = gcam_calloc(values, sizeof(*context->grad));
    context->alpha = gcam_alloc((size_t)model->layer[layer].channels, sizeof(float));
    if (!context->memory || !context->data || !context->grad || !context->alpha)
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
    gcam_threads_destroy(&c->pool);
    gcam_partial_destroy(&c->partial);
    if (c->plan)
        gcam_model_release_plan(c->model, c->plan);
    gcam_free(c->stack);
    gcam_free(c->memory);
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

GcamRun gcam_context_run(const GradcamContext *context)
{
    const GcamPlan *plan = context->plan;
    return (GcamRun){
        .value = plan->value, .data = context->data, .grad = context->grad, .memory = context->memory,
        .pool = context->pool, .seconds = context->seconds, .interrupt = context->interrupt,
        .opaque = context->interrupt_opaque,
    };
}

// wanted: as in GcamRun
static int forward(GradcamContext *context, const GcamRect *wanted)
{
    GcamRun run = gcam_context_run(context);
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

// Puts a frame behind the others, of which the oldest goes; the first is all of them.
static void stack_frame(GradcamContext *context, const uint8_t *pixels, ptrdiff_t stride)
{
    const GradcamInput *picture = &context->model->inputs.picture;
    const size_t channels = (size_t)picture->channels, all = channels * (size_t)picture->frames;
    uint8_t *to = context->stack;
    if (context->is_stacked)
        memmove(to, to + channels, picture->count - channels);
    for (int y = 0; y < picture->height; y++, pixels += stride)
        for (int x = 0; x < picture->width; x++, to += all)
            for (size_t i = context->is_stacked ? all - channels : 0; i < all; i++)
                to[i] = pixels[(size_t)x * channels + i % channels];
    context->is_stacked = 1;
}

int gradcam_context_forward(GradcamContext *context, const uint8_t *pixels, ptrdiff_t stride)
{
    const GradcamInput *picture = &context->model->inputs.picture;
    const size_t samples = (size_t)picture->frames * (size_t)picture->channels;
    double begin = gcam_time();
    GcamRect differs = { 0, picture->height, 0, picture->width };
    const GcamRect *wanted = NULL;
    if (context->stack) {
        stack_frame(context, pixels, stride);
        pixels = context->stack;
        stride = (ptrdiff_t)(samples * (size_t)picture->width);
    }
    if (context->partial) {
        differs = gcam_partial_compare(context->partial, pixels, stride);
        if (gcam_rect_is_empty(&differs)) {
            repeat(context);
            return 0;
        }
        wanted = gcam_partial_begin(context->partial, &differs, context->memory, context->data);
    }
    int first = wanted ? differs.top : 0, rows = wanted ? differs.bottom - first : picture->height;
    gcam_preprocess_pixels(context->pool, picture, pixels + first * stride, stride, rows,
                           &context->model->info.preprocessing,
                           context->data[context->plan->picture] + samples * (size_t)first * (size_t)picture->width);
    context->preprocess_seconds = gcam_time() - begin;
    int error = forward(context, wanted);
    if (context->partial)
        gcam_partial_end(context->partial, error);
    return error;
}

int gradcam_context_forward_float(GradcamContext *context, const float *input)
{
    if (context->partial)
        gcam_partial_forget(context->partial);
    gcam_preprocess_float(&context->model->inputs.picture, input, context->data[context->plan->picture]);
    return forward(context, NULL);
}

void gradcam_context_restart(GradcamContext *context)
{
    context->is_stacked = 0;
}

int gradcam_context_set_input(GradcamContext *context, const char *name, const float *data, size_t count)
{
    const GcamInputs *inputs = &context->model->inputs;
    for (size_t i = 0; i < inputs->others; i++) {
        if (strcmp(inputs->other[i].name, name))
            continue;
        if (inputs->other[i].count != count)
            return -EINVAL;
        if (context->partial)
            gcam_partial_forget(context->partial);
        float *to = context->data[inputs->other_value[i]];
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
