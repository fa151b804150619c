/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running a model: one block of memory for activations and gradients, threads, and the way of a picture: preprocess ->
 * forward through trunk and head. Maps are made in run.c.
 */
#include "context.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sized.h"
#include "fuse.h"
#include "model/layers.h"
#include "preprocess.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

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

static size_t most_channels(const GradcamContext *context)
{
    size_t most = 0;
    for (int i = 0; i < context->setup.layers.count; i++) {
        size_t channels = (size_t)context->model->layer[context->setup.layers.index[i]].channels;
        most = channels > most ? channels : most;
    }
    return most;
}

// Plan and memory of a context that has its model, setup and needs.
static int make_ready(GradcamContext *context, const GradcamLog *log)
{
    context->gradient_class = -1;
    context->serving = context;
    const GcamSetup *setup = &context->setup;
    int error = gcam_model_plan(context->model, &setup->layers, &setup->output, context->needs, setup->threads,
                                setup->precision, &context->plan, log);
    if (error)
        return error;
    size_t values = (size_t)context->plan->values;
    context->memory = gcam_calloc(context->plan->floats, sizeof(float));
    context->data = gcam_calloc(values, sizeof(*context->data));
    context->grad = gcam_calloc(values, sizeof(*context->grad));
    context->alpha = gcam_alloc(most_channels(context), sizeof(float));
    if (context->plan->can_skip)
        context->seed = gcam_alloc(context->model->info.classes, sizeof(float));
    if (!context->memory || !context->data || !context->grad || !context->alpha ||
        (context->plan->can_skip && !context->seed))
        return -ENOMEM;
    assign_memory(context);
    return 0;
}

// Floats of all states.
static size_t count_states(const GcamInputs *inputs)
{
    size_t count = 0;
    for (size_t i = 0; i < inputs->others; i++)
        count += inputs->state_value[i] >= 0 ? inputs->other[i].count : 0;
    return count;
}

int gradcam_context_open(GradcamContext **out, GradcamModel *model, const GradcamSettings *settings)
{
    GradcamSettings own;
    const GradcamSettings *s = &own;
    GCAM_TAKE(own, settings);
    int threads = s->threads ? s->threads : gcam_cpu_processors(), error = -ENOMEM;
    *out = NULL;
    if (threads < 1 || threads > GCAM_MOST_THREADS)
        return gcam_fail(&s->log, -EINVAL, "%d threads: 1 to %d, or 0 for one per processor", threads,
                         GCAM_MOST_THREADS);
    if (gradcam_method_check(&s->method))
        return gcam_fail(&s->log, -EINVAL, "the method is none of the library's, or its options are out of range");
    if (!gradcam_precision_name(s->precision)) {
        gcam_log(&s->log, GRADCAM_LOG_ERROR, "precision %d: there is none of that number", (int)s->precision);
        return -EINVAL;
    }
    if (!gradcam_probability_name(s->probability)) {
        gcam_log(&s->log, GRADCAM_LOG_ERROR, "probability %d: there is none of that number", (int)s->probability);
        return -EINVAL;
    }
    GcamLayers layers;
    int found = gcam_layers_find(model, s->layer, &layers, &s->log);
    if (!found)
        found = gcam_method_fits_layers(gcam_method_row(&s->method), layers.count, &s->log);
    if (!found)
        found = gcam_method_fits(gcam_method_row(&s->method), model, &s->log);
    if (found)
        return found;
    GradcamContext *context = gcam_calloc(1, sizeof(*context));
    if (!context)
        goto fail;
    const GradcamInput *picture = &model->inputs.picture;
    context->model = gradcam_model_ref(model);
    context->setup = (GcamSetup){
        .layers = layers, .precision = s->precision, .threads = threads, .log = s->log, .interrupt = s->interrupt,
        .interrupt_opaque = s->interrupt_opaque,
    };
    context->needs = gcam_method_row(&s->method)->needs & GCAM_NEEDS_OF_PLANS;
    gcam_context_decide_probability(context, s->probability);
    if ((error = gcam_context_choose_outputs(context, s->targets)) || (error = make_ready(context, &s->log)) ||
        (error = gcam_threads_create(&context->pool, threads, s->nice)) ||
        (s->reuse && !model->inputs.states &&
         (error = gcam_partial_create(&context->partial, context->plan, picture->width, picture->height,
                                      picture->frames * picture->channels))))
        goto fail;
    error = -ENOMEM;
    if (picture->frames > 1 && !(context->stack = gcam_alloc(picture->count, 1)))
        goto fail;
    size_t states = count_states(&model->inputs);
    context->state = gcam_calloc(2 * states + 1, sizeof(*context->state));
    if (!context->state)
        goto fail;
    context->first_state = context->state + states;
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
    if (c->other)
        c->other->pool = NULL;                   // which is this one's
    gradcam_context_close(&c->other);
    gcam_threads_free(&c->pool);
    gcam_partial_free(&c->partial);
    if (c->plan)
        gcam_model_release_plan(c->model, c->plan);
    gcam_free(c->stack);
    gcam_free(c->state);
    gcam_free(c->memory);
    gcam_free(c->data);
    gcam_free(c->grad);
    gcam_free(c->alpha);
    gcam_free(c->scores);
    gcam_free(c->score_grad);
    gcam_free(c->scratch);
    gcam_free(c->fused);
    gcam_free(c->augment);
    gcam_free(c->seed);
    gcam_free(c->probe_kept);
    gcam_free(c->probe_own);
    gcam_free(c->probe_scratch);
    gcam_free(c->seconds);
    gcam_free(c->profile);
    gradcam_model_close(&c->model);
    gcam_free(c);
    *context = NULL;
}

const GradcamLayer *gradcam_context_layer(const GradcamContext *context)
{
    return gradcam_context_layer_at(context, 0);
}

const GradcamLayer *gradcam_context_layer_at(const GradcamContext *context, size_t index)
{
    const GcamLayers *layers = &context->setup.layers;
    return index < (size_t)layers->count ? &context->model->layer[layers->index[index]] : NULL;
}

GcamRun gcam_context_run(const GradcamContext *context)
{
    const GcamPlan *plan = context->plan;
    return (GcamRun){
        .value = plan->value, .data = context->data, .grad = context->grad, .memory = context->memory,
        .pool = context->pool, .seconds = context->seconds, .interrupt = context->setup.interrupt,
        .opaque = context->setup.interrupt_opaque,
    };
}

// A value in ONNX's order, of wherever its channels lie.
static void copy_plain(const GcamValue *value, const float *from, float *to)
{
    const size_t *dim = value->shape.dim;
    size_t count = gcam_shape_count(&value->shape), channels = value->channels_last ? dim[1] : 1;
    size_t cells = value->channels_last ? dim[2] * dim[3] : count;
    for (size_t i = 0; i < count; i++)
        to[i] = from[i / (cells * channels) * cells * channels + i % cells * channels + i / cells % channels];
}

// Before a forward: the states go in. After it: what they are in the next one is put aside, before maps write over it.
// A context that only runs again what another one did has none of its own.
static void carry_states(GradcamContext *context, int is_after)
{
    const GcamInputs *inputs = &context->model->inputs;
    float *state = context->state;
    for (size_t i = 0; state && i < inputs->others; i++) {
        if (inputs->state_value[i] < 0)
            continue;
        float *in = context->data[inputs->other_value[i]];
        if (is_after)
            copy_plain(&context->plan->value[inputs->state_value[i]], context->data[inputs->state_value[i]], state);
        else if (in)                            // else nothing depends on it
            memcpy(in, state, inputs->other[i].count * sizeof(*in));
        state += inputs->other[i].count;
    }
}

// wanted: as in GcamRun
static int forward(GradcamContext *context, const GcamRect *wanted)
{
    GcamRun run = gcam_context_run(context);
    run.wanted = wanted;
    context->serving = context;
    context->picture++;
    context->way = NULL;
    carry_states(context, 0);
    int error = gcam_plan_forward(context->plan, &run);
    if (!error)
        carry_states(context, 1);
    context->has_logits = !error;
    return error;
}

// What was computed last is right for this picture too.
static void repeat(GradcamContext *context)
{
    context->way = NULL;
    context->serving = context;
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
    memcpy(context->state, context->first_state, count_states(&context->model->inputs) * sizeof(*context->state));
}

// Whether the plan is right for a method. The head alone can run again only in a plan that ends at the layer.
static int serves(const GradcamContext *context, unsigned needs)
{
    unsigned plan = needs & GCAM_NEEDS_OF_PLANS;
    return (context->needs & plan) == plan && !(needs & GCAM_NEEDS_HEAD && context->needs);
}

int gcam_method_fits(const GcamMethod *method, const GradcamModel *model, const GradcamLog *log)
{
    if (!(method->needs & GCAM_NEEDS_ATTENTION) || model->blocks.count)
        return 0;
    return gcam_fail(log, -ENOTSUP, "method %s does not fit '%s': %s; Grad-CAM on its tokens or cells does (method "
                     "gradcam)", method->info.name, model->info.name, model->blocks.lacks);
}

static int open_other(GradcamContext *context, unsigned needs)
{
    GradcamContext *other = context->other = gcam_calloc(1, sizeof(*other));
    if (!other)
        return -ENOMEM;
    other->model = gradcam_model_ref(context->model);
    other->setup = context->setup;
    other->needs = needs;
    other->pool = context->pool;
    int error = make_ready(other, &other->setup.log);
    if (error) {
        other->pool = NULL;
        gradcam_context_close(&context->other);
    }
    return error;
}

// The same behind `last`, unless it is known that the network is not fit for it.
static int open_for(GradcamContext *context, GradcamContext *last, unsigned needs)
{
    if (needs & context->refused) {
        gcam_log(&context->setup.log, GRADCAM_LOG_ERROR, "this network is not fit for the method, as was said before");
        return -ENOTSUP;
    }
    int error = open_other(last, needs);
    if (error == -ENOTSUP)
        context->refused |= needs;
    return error;
}

// The same inputs for the other context.
static int show_again(const GradcamContext *from, GradcamContext *to)
{
    const GcamInputs *inputs = &from->model->inputs;
    for (size_t i = 0; i <= inputs->others; i++) {
        int value = i < inputs->others ? inputs->other_value[i] : from->plan->picture;
        if (from->data[value] && to->data[value])
            memcpy(to->data[value], from->data[value],
                   gcam_shape_count(&from->plan->value[value].shape) * sizeof(*to->data[value]));
    }
    int error = forward(to, NULL);
    to->picture = error ? 0 : from->picture;
    return error;
}

int gcam_context_serving(GradcamContext *context, unsigned needs, GradcamContext **out)
{
    int error = 0;
    *out = context;
    if (!serves(context, needs)) {
        GradcamContext *last = context;
        while (last->other && !serves(last->other, needs))
            last = last->other;
        if (!last->other)
            error = open_for(context, last, needs & GCAM_NEEDS_OF_PLANS);
        if (!error && last->other->picture != context->picture)
            error = show_again(context, last->other);
        *out = last->other;
    }
    context->serving = error ? context : *out;
    return error;
}

int gradcam_context_serves(const GradcamContext *context, const GradcamMethod *method)
{
    return serves(context, gcam_method_row(method)->needs);
}

int gradcam_context_set_input(GradcamContext *context, const char *name, const float *data, size_t count)
{
    const GcamInputs *inputs = &context->model->inputs;
    size_t state = 0;
    for (size_t i = 0; i < inputs->others; i++) {
        if (strcmp(inputs->other[i].name, name)) {
            state += inputs->state_value[i] >= 0 ? inputs->other[i].count : 0;
            continue;
        }
        if (inputs->other[i].count != count)
            return -EINVAL;
        if (context->partial)
            gcam_partial_forget(context->partial);
        if (inputs->state_value[i] >= 0) {
            memcpy(context->state + state, data, count * sizeof(*data));
            memcpy(context->first_state + state, data, count * sizeof(*data));
            return 0;
        }
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
