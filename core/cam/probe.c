/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Asks a network again. The picture, the layer's activations and what gradients the method needs are copied first, as
 * the context's own memory is then written over; at the end they are put back, and what comes behind them is run once
 * more.
 */
#include "probe.h"

#include "base/log.h"
#include "base/mem.h"
#include "context.h"
#include "plan/excite.h"

#include <errno.h>
#include <math.h>
#include <string.h>

struct GcamProbe {
    GradcamContext *context;
    GradcamTarget target;       // with a class in the place of a rank
    int class;
    unsigned needs;
    GcamCam layer, picture;
    float *own;                 // of the method
    int layer_changed, picture_changed;
};

const GcamCam *gcam_probe_layer(const GcamProbe *probe)
{
    return &probe->layer;
}

const GcamCam *gcam_probe_picture(const GcamProbe *probe)
{
    return &probe->picture;
}

const GradcamLog *gcam_probe_log(const GcamProbe *probe)
{
    return &probe->context->setup.log;
}

static size_t floats_of(const GcamCam *cam)
{
    return cam->cells * cam->channels;
}

// Where the layer's cells begin in its memory.
static float *layer_memory(const GcamProbe *probe, float *const *memory)
{
    const GradcamContext *context = probe->context;
    return memory[context->plan->layer] + context->model->layer_skip[context->setup.layers.index[0]];
}

// Room that a context keeps: it only grows.
static float *grow(float **memory, size_t *room, size_t count)
{
    if (count > *room) {
        gcam_free(*memory);
        *memory = gcam_alloc(count, sizeof(**memory));
        *room = *memory ? count : 0;
    }
    return *memory;
}

float *gcam_probe_floats(GcamProbe *probe, size_t count)
{
    GradcamContext *context = probe->context;
    return grow(&context->probe_own, &context->probe_own_room, count);
}

static int read_score(const GcamProbe *probe, double *score)
{
    GcamScore now;
    int error = gcam_context_score(probe->context, &probe->target, &now);
    if (!error)
        *score = gcam_score_value(&now);
    return error;
}

static int set_layer(GcamProbe *probe, const float *a)
{
    GcamRun run = gcam_context_run(probe->context);
    run.seconds = NULL;
    probe->layer_changed = 1;
    memcpy(layer_memory(probe, probe->context->data), a, floats_of(&probe->layer) * sizeof(*a));
    return gcam_plan_forward_head(probe->context->plan, &run);
}

static int set_picture(GcamProbe *probe, const float *picture)
{
    GradcamContext *context = probe->context;
    GcamRun run = gcam_context_run(context);
    run.seconds = NULL;
    probe->picture_changed = 1;
    if (context->partial)                       // what it keeps is written over
        gcam_partial_forget(context->partial);
    memcpy(context->data[context->plan->picture], picture, floats_of(&probe->picture) * sizeof(*picture));
    return gcam_plan_forward(context->plan, &run);
}

int gcam_probe_score_of_layer(GcamProbe *probe, const float *a, double *score)
{
    int error = set_layer(probe, a);
    return error ? error : read_score(probe, score);
}

int gcam_probe_score_of_picture(GcamProbe *probe, const float *picture, double *score)
{
    int error = set_picture(probe, picture);
    return error ? error : read_score(probe, score);
}

// ds/dy to shares of the score, each divided by its y: what the rules of excitation begin with.
static void divide_seed(const float *y, float *seed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        seed[i] = y[i] != 0 ? seed[i] / y[i] : 0;
}

// Goes back for the score of what was asked last, by the rule and the way; run: what is told of on it.
static int go_back(GcamProbe *probe, enum GcamRule rule, const GcamWay *way, GcamRun *run)
{
    GradcamContext *context = probe->context;
    GcamScore score;
    int error = gcam_context_score(context, &probe->target, &score);
    if (error)
        return error;
    context->gradient_class = -1;
    run->seconds = NULL;
    run->rule = rule;
    gcam_score_seed(&score, context->grad[context->plan->logits]);
    if (!gcam_rule_is_gradient(rule))
        divide_seed(context->data[context->plan->logits], context->grad[context->plan->logits], score.whole);
    return gcam_way_go(context->plan, way, run, NULL);
}

int gcam_probe_gradient(GcamProbe *probe, enum GcamRule rule, const float **by_layer, const float **by_picture)
{
    GradcamContext *context = probe->context;
    const GcamPlan *plan = context->plan;
    int deep = by_picture && probe->needs & GCAM_NEEDS_PICTURE_GRADIENT;
    GcamRun run = gcam_context_run(context);
    int error = go_back(probe, rule, plan->way[deep ? GCAM_WAY_ALL : GCAM_WAY_LAYER], &run);
    if (by_layer)
        *by_layer = layer_memory(probe, context->grad);
    if (by_picture)
        *by_picture = deep ? context->grad[plan->picture] : NULL;
    return error;
}

int gcam_probe_excitation(GcamProbe *probe, enum GcamRule rule, const float **by_layer)
{
    GradcamContext *context = probe->context;
    GcamRun run = gcam_context_run(context);
    if (rule == GCAM_RULE_INHIBITION && !gcam_plan_can_inhibit(context->plan))
        return gcam_fail(&context->setup.log, -ENOTSUP, "no layer with weights lies between '%s' and the scores, so "
                         "that there are none to set against them", gradcam_context_layer(context)->name);
    int error = go_back(probe, rule, context->plan->way[GCAM_WAY_LAYER], &run);
    *by_layer = layer_memory(probe, context->grad);
    return error;
}

// What the network puts out when the layer is that many times what it is.
static int outputs_of(GcamProbe *probe, float factor, float *scaled, float *y, size_t outputs)
{
    for (size_t i = 0; i < floats_of(&probe->layer); i++)
        scaled[i] = factor * probe->layer.a[i];
    int error = set_layer(probe, scaled);
    memcpy(y, probe->context->data[probe->context->plan->logits], outputs * sizeof(*y));
    return error;
}

// ds/dy at y + by * dy, to the gradient by the outputs.
static int seed_at(GcamProbe *probe, const float *y, const float *dy, double by, size_t outputs)
{
    GradcamContext *context = probe->context;
    float *at = context->data[context->plan->logits];
    GcamScore score;
    for (size_t i = 0; i < outputs; i++)
        at[i] = (float)(y[i] + by * dy[i]);
    int error = gcam_context_score(context, &probe->target, &score);
    if (!error)
        gcam_score_seed(&score, context->grad[context->plan->logits]);
    return error;
}

// With J the derivative of the outputs y by the layer, that of ds/dy along dy = J A, by central differences: then the
// gradient is J^T (ds/dy - part * that).
static int curve_seed(GcamProbe *probe, double part, const float *y, const float *dy, float *seed, size_t outputs)
{
    const float *now = probe->context->grad[probe->context->plan->logits];
    double most = 1e-30;
    for (size_t i = 0; i < outputs; i++)
        most = fmax(most, fabs(dy[i]));
    const double step = 1 / (64 * most);
    int error = seed_at(probe, y, dy, step, outputs);
    for (size_t i = 0; i < outputs && !error; i++)
        seed[i] = (float)(-part * now[i] / (2 * step));
    if (!error)
        error = seed_at(probe, y, dy, -step, outputs);
    for (size_t i = 0; i < outputs && !error; i++)
        seed[i] += (float)(part * now[i] / (2 * step));
    if (!error)
        error = seed_at(probe, y, dy, 0, outputs);
    for (size_t i = 0; i < outputs && !error; i++)
        seed[i] += now[i];
    return error;
}

int gcam_probe_curved(GcamProbe *probe, double part, const float **by_layer)
{
    enum { PARTS = 256 };                       // of the activations, that they are changed by
    GradcamContext *context = probe->context;
    const GcamPlan *plan = context->plan;
    const size_t floats = floats_of(&probe->layer), outputs = gcam_shape_count(&plan->value[plan->logits].shape);
    float *scaled = grow(&context->probe_scratch, &context->probe_scratch_room, floats + 3 * outputs);
    if (!scaled)
        return -ENOMEM;
    float *y = scaled + floats, *dy = y + outputs, *seed = dy + outputs;
    int error = outputs_of(probe, 1 - 1.0f / PARTS, scaled, y, outputs);
    if (!error)
        error = outputs_of(probe, 1 + 1.0f / PARTS, scaled, dy, outputs);
    for (size_t i = 0; i < outputs && !error; i++)
        dy[i] = (dy[i] - y[i]) * (PARTS / 2);
    if (!error)
        error = outputs_of(probe, 1, scaled, y, outputs);
    if (!error)
        error = curve_seed(probe, part, y, dy, seed, outputs);
    if (error)
        return error;
    GcamRun run = gcam_context_run(context);
    run.seconds = NULL;
    context->gradient_class = -1;
    memcpy(context->grad[plan->logits], seed, outputs * sizeof(*seed));
    *by_layer = layer_memory(probe, context->grad);
    return gcam_way_go(plan, plan->way[GCAM_WAY_LAYER], &run, NULL);
}

typedef struct Visitor {
    float *bias;
    void (*take)(void *opaque, const GcamBiased *biased);
    void *opaque;
} Visitor;

// A step that makes a map of channels, which lie last. What its own ReLU lets nothing of through is taken off the
// gradient, as the step will do itself.
static void visit(void *opaque, const GcamRun *run, const GcamStep *step)
{
    const Visitor *visitor = opaque;
    const GcamValue *value = &run->value[step->output[0]];
    const float *y = run->data[step->output[0]];
    float *g = run->grad[step->output[0]];
    if (!g || value->shape.rank != 4 || value->shape.dim[0] != 1 || !value->channels_last ||
        !gcam_step_bias(step, run->value, visitor->bias))
        return;
    const GcamBiased biased = { value->shape.dim[2], value->shape.dim[3], value->shape.dim[1], visitor->bias, g };
    for (size_t i = 0; step->act == GCAM_ACT_RELU && i < gcam_shape_count(&value->shape); i++)
        g[i] = y[i] > 0 ? g[i] : 0;
    visitor->take(visitor->opaque, &biased);
}

void gcam_probe_most_biased(const GcamProbe *probe, size_t *channels, size_t *cells)
{
    const GcamPlan *plan = probe->context->plan;
    for (int i = 0; i < plan->steps; i++) {
        const GcamShape *shape = &plan->value[plan->step[i].output[0]].shape;
        if (shape->rank != 4)
            continue;
        *channels = shape->dim[1] > *channels ? shape->dim[1] : *channels;
        *cells = shape->dim[2] * shape->dim[3] > *cells ? shape->dim[2] * shape->dim[3] : *cells;
    }
}

int gcam_probe_biases(GcamProbe *probe, void (*take)(void *opaque, const GcamBiased *biased), void *opaque)
{
    GradcamContext *context = probe->context;
    GcamRun run = gcam_context_run(context);
    size_t channels = 1, cells = 1;
    gcam_probe_most_biased(probe, &channels, &cells);
    Visitor visitor = { grow(&context->probe_scratch, &context->probe_scratch_room, channels), take, opaque };
    run.visit = visit;
    run.visitor = &visitor;
    return visitor.bias ? go_back(probe, GCAM_RULE_PLAIN, context->plan->way[GCAM_WAY_ALL], &run) : -ENOMEM;
}

// Copies what `cam` has to `at`, and lets it have that; returns what is behind.
static float *keep(GcamCam *cam, float *at, int gradient)
{
    size_t floats = floats_of(cam);
    cam->a = memcpy(at, cam->a, floats * sizeof(*at));
    if (!gradient) {
        cam->g = NULL;
        return at + floats;
    }
    cam->g = memcpy(at + floats, cam->g, floats * sizeof(*at));
    return at + 2 * floats;
}

// The context shows its own picture again.
static int restore(GcamProbe *probe)
{
    if (probe->picture_changed)
        return set_picture(probe, probe->picture.a);
    return probe->layer_changed ? set_layer(probe, probe->layer.a) : 0;
}

int gcam_probe_run(GradcamContext *context, const GradcamTarget *target, const GcamMethod *method, const GcamCam *layer,
                   const GcamCam *picture, float *map)
{
    GcamProbe probe = { .context = context, .target = *target, .needs = method->needs, .layer = *layer,
                        .picture = *picture };
    GcamScore score;
    int error = gcam_context_score(context, target, &score);
    if (error)
        return error;
    if (!target->count) {                       // the class of this picture, whatever others show
        probe.class = gcam_score_class(&score);
        probe.target.classes = &probe.class;
        probe.target.count = probe.class >= 0;
    }
    float *kept = grow(&context->probe_kept, &context->probe_kept_room, 2 * (floats_of(layer) + floats_of(picture)));
    if (!kept)
        return -ENOMEM;
    kept = keep(&probe.layer, kept, (method->needs & GCAM_NEEDS_GRADIENT) != 0);
    keep(&probe.picture, kept, (method->needs & GCAM_NEEDS_PICTURE_GRADIENT) != 0);
    error = method->run(&probe, method->info.of_pixels ? &probe.picture : &probe.layer, map);
    int restored = restore(&probe);
    context->way = NULL;
    context->has_logits = !restored;
    return error ? error : restored;
}
