/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From scores to maps: for each of them backward through the head, or for several together as far as that goes, then
 * the weights of the channels and the map.
 */
#include "context.h"

#include "base/clock.h"
#include "base/float_mode.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sized.h"
#include "augment.h"
#include "fuse.h"
#include "probe.h"

#include <errno.h>
#include <string.h>

// A layer's activations, or its gradients: [height][width][channels].
static const float *of_layer(const GradcamContext *context, int index, float *const *memory)
{
    return memory[context->plan->asked[index]] + context->model->layer_skip[context->setup.layers.index[index]];
}

void gradcam_context_map_size(const GradcamContext *context, const GradcamMethod *method, int *width, int *height)
{
    const GradcamModelInfo *info = &context->model->info;
    const GcamBlocks *blocks = &context->model->blocks;
    const GcamMethod *row = gcam_method_row(method);
    const GradcamLayer *layer;
    *width = *height = 0;
    for (size_t i = 0; (layer = gradcam_context_layer_at(context, i)); i++) {
        *width = layer->width > *width ? layer->width : *width;
        *height = layer->height > *height ? layer->height : *height;
    }
    if (row->info.of_pixels) {
        *width = info->width;
        *height = info->height;
    } else if (row->needs & GCAM_NEEDS_ATTENTION && blocks->count) {
        *width = (int)blocks->width;
        *height = (int)blocks->height;
    }
}

static size_t map_size(const GradcamContext *context, const GradcamMethod *method)
{
    int width, height;
    gradcam_context_map_size(context, method, &width, &height);
    return (size_t)width * (size_t)height;
}

static void clear_seconds(GradcamContext *context)
{
    size_t steps = (size_t)context->plan->steps;
    if (context->seconds)
        memset(context->seconds + steps, 0, steps * sizeof(*context->seconds));
}

// Whether the way back leaves out what a method does not ask for. The seed of the (last) score is kept then, for those
// who ask for all of the gradient afterwards.
static int begin_partial(GradcamContext *context, const GcamMethod *row, const float *seed)
{
    context->is_partial = row->needs & GCAM_NEEDS_ONLY_ACTIVE && context->plan->can_skip;
    if (context->is_partial)
        memcpy(context->seed, seed, context->model->info.classes * sizeof(*seed));
    return context->is_partial;
}

// The whole gradient of the score that the last map was of.
static int complete(GradcamContext *context)
{
    const GcamPlan *plan = context->plan;
    const GcamWay *way = context->way, *whole = plan->way[GCAM_WAY_LAYER];
    GcamRun run = gcam_context_run(context);
    int error = 0;
    run.seconds = NULL;                         // it is not part of the map
    context->way = NULL;                        // the memory of what a step has read is used again
    if (context->is_partial) {
        memcpy(context->grad[plan->logits], context->seed, context->model->info.classes * sizeof(*context->seed));
        error = gcam_way_go(plan, whole, &run, NULL);
    } else if (way->last > whole->last) {
        error = gcam_way_go_on(plan, way, &run);
        way = whole;
    }
    context->is_partial = 0;
    context->way = error ? NULL : way;
    return error;
}

// The gradient of the score by the layer, or only its sums. Behind the layers that most networks
// are explained by come only pooling and one linear layer: then it depends on the class alone, and is still there when
// the class was the same last time.
static int backward(GradcamContext *context, const GcamMethod *row, const GcamScore *score)
{
    const GcamPlan *plan = context->plan;
    const GcamWay *way = gcam_plan_way(plan, row->needs);
    enum GcamRule rule = row->rule;
    int single = plan->constant_gradient && rule == GCAM_RULE_PLAIN ? gcam_score_constant(score) : -1;
    GcamRun run = gcam_context_run(context);
    clear_seconds(context);
    context->way = way;
    if (!way || (single >= 0 && single == context->gradient_class))
        return 0;
    run.rule = rule;
    run.only_active = begin_partial(context, row, context->grad[plan->logits]);
    int error = gcam_way_go(plan, way, &run, context->alpha);
    context->gradient_class = error ? -1 : single;
    context->way = error ? NULL : way;
    return error;
}

// ---------------------------------------------------------------------------------------------------------------- maps

static void sum_gradient(const float *g, size_t cells, size_t channels, float *sum)
{
    const GcamFloatMode mode = gcam_float_mode_begin();
    memset(sum, 0, channels * sizeof(*sum));
    for (size_t i = 0; i < cells; i++)
        for (size_t k = 0; k < channels; k++)
            sum[k] += g[i * channels + k];
    gcam_float_mode_end(mode);
}

static int draw(const GcamMethod *row, const GcamCam *cam, float *map)
{
    const GcamFloatMode mode = gcam_float_mode_begin();
    int error = row->formula(cam, map);
    gcam_float_mode_end(mode);
    return error;
}

static GcamCam cam_of_layer(const GradcamContext *context, int index)
{
    const GradcamLayer *layer = gradcam_context_layer_at(context, (size_t)index);
    return (GcamCam){
        .height = (size_t)layer->height, .width = (size_t)layer->width, .channels = (size_t)layer->channels,
        .cells = (size_t)layer->height * (size_t)layer->width,
        .a = of_layer(context, index, context->data), .g = of_layer(context, index, context->grad),
    };
}

static GcamCam cam_of_picture(const GradcamContext *context)
{
    const GradcamModelInfo *info = &context->model->info;
    size_t pixels = (size_t)info->height * (size_t)info->width;
    const GcamValue *picture = &context->plan->value[context->plan->picture];
    return (GcamCam){
        .height = (size_t)info->height, .width = (size_t)info->width, .cells = pixels,
        .channels = gcam_shape_count(&picture->shape) / pixels, .a = context->data[context->plan->picture],
        .g = context->grad[context->plan->picture],
    };
}

// block: room for all that there are.
static GcamCam cam_of_blocks(const GradcamContext *context, unsigned needs, GcamAttended *block)
{
    const GcamBlocks *blocks = &context->model->blocks;
    size_t tokens = blocks->tokens;
    for (int i = 0; needs & GCAM_NEEDS_ATTENTION && i < blocks->count; i++) {
        int value = blocks->value[i];
        block[i] = (GcamAttended){ .p = context->data[value],
                                   .g = needs & GCAM_NEEDS_ATTENTION_GRADIENT ? context->grad[value] : NULL,
                                   .heads = gcam_shape_count(&context->plan->value[value].shape) / (tokens * tokens) };
    }
    return (GcamCam){
        .height = blocks->height, .width = blocks->width, .cells = blocks->height * blocks->width, .channels = tokens,
        .block = block, .blocks = (size_t)blocks->count, .tokens = tokens, .before = blocks->before,
    };
}

// The doubles that a method computes with: kept for the next map.
static double *scratch(GradcamContext *context, size_t count)
{
    if (count > context->scratch_room) {
        gcam_free(context->scratch);
        context->scratch = gcam_alloc(count, sizeof(*context->scratch));
        context->scratch_room = context->scratch ? count : 0;
    }
    return context->scratch;
}

// Floats for the maps of single layers, likewise.
static float *fused_room(GradcamContext *context, size_t count)
{
    if (count > context->fused_room) {
        gcam_free(context->fused);
        context->fused = gcam_alloc(count, sizeof(*context->fused));
        context->fused_room = context->fused ? count : 0;
    }
    return context->fused;
}

static int has_constant_gradient(const GradcamContext *context, const GradcamTarget *target)
{
    GcamScore score;
    return context->plan->constant_gradient && !gcam_context_score(context, target, &score) &&
           gcam_score_constant(&score) >= 0;
}

// The map of one layer, at its size.
static int draw_layer(GradcamContext *context, int index, const GradcamTarget *target, const GradcamMethod *method,
                      float *sums, float *map)
{
    const GcamMethod *row = gcam_method_row(method);
    const GradcamMethod given = gcam_method_given(method);
    GcamAttended block[GCAM_MOST_BLOCKS];
    GcamCam layer = cam_of_layer(context, index), picture = cam_of_picture(context);
    GcamCam blocks = cam_of_blocks(context, row->needs, block);
    GcamCam *cam = row->needs & GCAM_NEEDS_ATTENTION ? &blocks : row->info.of_pixels ? &picture : &layer;
    layer.option = picture.option = blocks.option = given.value;
    layer.sums = sums;
    layer.is_constant = has_constant_gradient(context, target);
    layer.log = picture.log = blocks.log = &context->setup.log;
    if (row->needs & GCAM_NEEDS_SUMS && !context->way->is_summed)
        sum_gradient(layer.g, layer.cells, layer.channels, sums);
    if (row->scratch && !(cam->scratch = scratch(context, row->scratch(given.value, cam->cells, cam->channels))))
        return -ENOMEM;
    return row->run ? gcam_probe_run(context, target, row, &layer, &picture, map) : draw(row, cam, map);
}

// The map of one score, whose way back was gone. sums: those of the layer's gradient, where the way was summed; else
// room for them.
static int draw_map(GradcamContext *context, const GradcamTarget *target, const GradcamMethod *method, float *sums,
                    float *map)
{
    const GcamMethod *row = gcam_method_row(method);
    double begin = gcam_time();
    int width, height, error = 0;
    if (context->setup.layers.count == 1 || row->info.of_pixels || row->needs & GCAM_NEEDS_ATTENTION) {
        error = draw_layer(context, 0, target, method, sums, map);
    } else {
        gradcam_context_map_size(context, method, &width, &height);
        size_t size = (size_t)width * (size_t)height;
        float *one = fused_room(context, 2 * size);
        if (!one)
            return -ENOMEM;
        gcam_fuse_begin(row, map, size);
        for (int i = 0; i < context->setup.layers.count && !error; i++) {
            const GradcamLayer *layer = gradcam_context_layer_at(context, (size_t)i);
            error = draw_layer(context, i, target, method, sums, one);
            if (!error)
                gcam_fuse_add(row, one, layer->width, layer->height, one + size, map, width, height);
        }
        gcam_fuse_end(row, map, size);
    }
    context->map_seconds += gcam_time() - begin;
    return error;
}

static int map_one(GradcamContext *context, const GradcamTarget *target, const GradcamMethod *method, float *map,
                   GradcamMapInfo *info)
{
    const GcamMethod *row = gcam_method_row(method);
    GcamScore score;
    int error = gcam_context_score(context, target, &score);
    if (error)
        return error;
    gcam_score_seed(&score, context->grad[context->plan->logits]);
    error = backward(context, row, &score);
    context->map_seconds = 0;
    if (!error)
        error = draw_map(context, target, method, context->alpha, map);
    if (!error)
        gcam_context_describe(context, target, &score, map, map_size(context, method), info);
    return error;
}

// Memory for that many scores at once.
static int make_room(GradcamContext *context, const GcamWay *way, size_t count)
{
    size_t floats = count * (way->floats + (size_t)gradcam_context_layer(context)->channels);
    if (floats > context->score_floats) {
        gcam_free(context->scores);
        context->scores = gcam_alloc(floats, sizeof(*context->scores));
        context->score_floats = context->scores ? floats : 0;
    }
    if (count > context->score_tables) {
        gcam_free(context->score_grad);
        context->score_grad = gcam_alloc(count, (size_t)context->plan->values * sizeof(*context->score_grad));
        context->score_tables = context->score_grad ? count : 0;
    }
    return context->scores && context->score_grad ? 0 : -ENOMEM;
}

// Maps of a few targets, which fit: as much of the way as gains by it in one go.
static int map_together(GradcamContext *context, const GcamWay *way, const GradcamTarget *target, size_t count,
                        const GradcamMethod *method, float *maps, GradcamMapInfo *infos)
{
    const GcamPlan *plan = context->plan;
    const GcamMethod *row = gcam_method_row(method);
    size_t size = map_size(context, method), channels = (size_t)gradcam_context_layer(context)->channels;
    GcamScore score[GCAM_WAY_MOST];
    float *sums[GCAM_WAY_MOST], *const *grad[GCAM_WAY_MOST];
    GcamRun run = gcam_context_run(context);
    int error = make_room(context, way, count);
    context->gradient_class = -1;
    context->way = NULL;
    run.rule = row->rule;
    clear_seconds(context);
    for (size_t k = 0; k < count && !error; k++) {
        float **table = context->score_grad + k * (size_t)plan->values;
        gcam_way_gradients(plan, way, context->grad, context->scores + k * way->floats, table);
        grad[k] = table;
        sums[k] = context->scores + count * way->floats + k * channels;
        if (!(error = gcam_context_score(context, &target[k], &score[k])))
            gcam_score_seed(&score[k], table[plan->logits]);
    }
    if (!error)
        run.only_active = begin_partial(context, row, grad[count - 1][plan->logits]);
    if (!error)
        error = gcam_way_go_together(plan, way, &run, count, grad, sums);
    context->map_seconds = 0;
    for (size_t k = 0; k < count && !error; k++) {
        if ((error = gcam_way_go_alone(plan, way, &run, grad[k], sums[k])))
            break;
        context->way = way;
        error = draw_map(context, &target[k], method, sums[k], maps + k * size);
        if (!error)
            gcam_context_describe(context, &target[k], &score[k], maps + k * size, size, infos ? &infos[k] : NULL);
    }
    context->way = error ? NULL : way;
    return error;
}

// Maps of a few targets on the picture that the network was last run on.
static int map_few(GradcamContext *context, const GradcamTarget *target, size_t count, const GradcamMethod *method,
                   float *maps, GradcamMapInfo *infos)
{
    const GcamWay *way = gcam_plan_way(context->plan, gcam_method_row(method)->needs);
    return count > 1 ? map_together(context, way, target, count, method, maps, infos)
                     : map_one(context, target, method, maps, infos);
}

// Ranks of this picture as classes, which are those of its variants too. class: room for all.
static int settle_ranks(const GradcamContext *context, GradcamTarget *target, size_t count, int *class)
{
    int error = 0;
    for (size_t k = 0; k < count && !error; k++) {
        GcamScore score;
        if (target[k].count || gcam_score_is_of_elements(&target[k]))
            continue;
        error = gcam_context_score(context, &target[k], &score);
        class[k] = error ? -1 : gcam_score_class(&score);
        target[k].classes = &class[k];
        target[k].count = class[k] >= 0;
    }
    return error;
}

// The mean over the picture's variants (augment.h). The last is the picture: what is told is told of it.
static int map_variants(GradcamContext *context, const GradcamTarget *given, size_t count,
                        const GradcamMethod *method, float *maps, GradcamMapInfo *infos)
{
    GradcamTarget target[GCAM_WAY_MOST];
    int width, height, class[GCAM_WAY_MOST], shown = 0;
    memcpy(target, given, count * sizeof(*target));
    int error = settle_ranks(context, target, count, class);
    gradcam_context_map_size(context, method, &width, &height);
    const size_t size = (size_t)width * (size_t)height;
    float *one, *picture = gcam_augment_keep(context, count * size, &one);
    double seconds = 0;
    if (error || !picture)
        return error ? error : -ENOMEM;
    memset(maps, 0, count * size * sizeof(*maps));
    for (int i = 0; i < GCAM_VARIANTS && !error; i++) {
        double begin = gcam_time();
        shown = i;
        error = gcam_augment_show(context, picture, i);
        if (!error)
            error = map_few(context, target, count, method, one, infos);
        for (size_t k = 0; k < count && !error; k++)
            gcam_augment_add(gcam_method_row(method), i, one + k * size, width, height, maps + k * size);
        seconds += gcam_time() - begin;
    }
    context->map_seconds = seconds;
    if (error && shown != GCAM_VARIANTS - 1) {
        context->has_logits = !gcam_augment_show(context, picture, GCAM_VARIANTS - 1);
        context->way = NULL;
    }
    for (size_t k = 0; k < count && !error; k++) {
        GcamScore score;
        error = gcam_context_score(context, &target[k], &score);
        if (!error)
            gcam_context_describe(context, &target[k], &score, maps + k * size, size, infos ? &infos[k] : NULL);
    }
    return error;
}

// What a method explains of a target.
static GradcamTarget explained(const GcamMethod *row, GradcamTarget target)
{
    if (row->score && !target.score && !target.tensor)
        target.score = row->score;
    return target;
}

int gradcam_context_map(GradcamContext *context, const GradcamTarget *target, const GradcamMethod *method, float *map,
                        size_t capacity, GradcamMapInfo *info)
{
    return gradcam_context_maps(context, target, 1, method, map, capacity, info);
}

// Whether the maps fit into the caller's buffer of `capacity` floats.
static int check_room(const GradcamContext *context, const GradcamMethod *method, size_t count, size_t capacity)
{
    int width, height;
    gradcam_context_map_size(context, method, &width, &height);
    if (count <= capacity / ((size_t)width * (size_t)height))
        return 0;
    return gcam_fail(&context->setup.log, -ENOSPC, "%zu maps of %d x %d do not fit into a buffer of %zu floats",
                     count, width, height, capacity);
}

static int take_score(const GradcamContext *context, const GradcamTarget *targets, size_t i, GcamScore *score)
{
    const GradcamTarget target = gcam_target_take(targets, i);
    return gcam_context_score(context, &target, score);
}

int gradcam_context_maps(GradcamContext *given, const GradcamTarget *targets, size_t count, const GradcamMethod *method,
                         float *maps, size_t capacity, GradcamMapInfo *infos)
{
    const GcamMethod *row = gcam_method_row(method);
    const size_t info_size = gcam_sized(infos, sizeof(*infos));
    GradcamContext *context = given;
    GcamScore score;
    int error = given->has_logits && !gradcam_method_check(method) ? 0 : -EINVAL;
    if (!error)
        error = gcam_method_fits_layers(row, given->setup.layers.count, &given->setup.log);
    for (size_t i = 0; i < count && !error; i++)
        error = take_score(given, targets, i, &score);
    if (!error)
        error = gcam_method_fits(row, given->model, &given->setup.log);
    if (!error)
        error = check_room(given, method, count, capacity);
    if (!error)
        error = gcam_context_serving(given, row->needs, &context);
    if (error)
        return error;
    const GcamWay *way = gcam_plan_way(context->plan, row->needs);
    int together = way && way->gains && !row->run && !(row->needs & GCAM_NEEDS_ATTENTION);
    int augments = gcam_method_augments(method);
    size_t most = together ? GCAM_WAY_MOST : 1, size = map_size(context, method);
    for (size_t i = 0, n; i < count && !error; i += n) {
        GradcamTarget target[GCAM_WAY_MOST];
        GradcamMapInfo info[GCAM_WAY_MOST], *wanted = infos ? info : NULL;
        n = count - i < most ? count - i : most;
        for (size_t k = 0; k < n; k++)
            target[k] = explained(row, gcam_target_take(targets, i + k));
        error = (augments ? map_variants : map_few)(context, target, n, method, maps + i * size, wanted);
        for (size_t k = 0; k < n && infos && !error; k++)
            GCAM_GIVE((char *)infos + (i + k) * info_size, info[k]);
    }
    return error;
}

int gradcam_context_tensors(GradcamContext *given, const float **a, const float **g)
{
    GradcamContext *context = given->serving;
    if (!context->has_logits)
        return -EINVAL;
    int error = context->way ? complete(context) : 0;
    if (error)
        return error;
    *a = of_layer(context, 0, context->data);
    *g = context->way ? of_layer(context, 0, context->grad) : NULL;
    return 0;
}
