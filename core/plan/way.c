/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Finds the ways back, and goes them. Steps run in the order of a single backward pass; products of one row, which are
 * bound by reading their weights, take the gradients of all scores in one call.
 */
#include "way.h"

#include "base/clock.h"
#include "base/sizes.h"
#include "memory.h"
#include "run.h"
#include "summed_weights.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { MOST_FLOATS = 1 << 18 };         // of the gradients of one score

// ------------------------------------------------------------------------------------------------------------- finding

// A step that takes the gradients of several scores in one call: only its first input has a gradient, and only from it.
static int is_row_product(const GcamPlan *plan, int index)
{
    const GcamStep *step = &plan->step[index];
    GcamRowProduct product;
    return step->in_head && gcam_row_product(step, &product) && plan->in_head[step->input[0]] &&
           gcam_plan_first_gradient(plan, index, 0);
}

// Gives a place to each gradient that step `index` writes; -1 when they are too large.
static int add_step(const GcamPlan *plan, GcamWay *way, int index)
{
    const GcamStep *step = &plan->step[index];
    for (int j = 0; step->in_head && j < step->inputs; j++) {
        int value = step->input[j];
        if (value < 0 || !plan->in_head[value] || way->grad_at[value] != SIZE_MAX || plan->grad_at[value] == SIZE_MAX)
            continue;
        size_t count = gcam_shape_count(&plan->value[value].shape);
        if (count > MOST_FLOATS - way->floats)
            return -1;
        way->grad_at[value] = way->floats;
        way->floats += gcam_round_line(count);
    }
    return 0;
}

// The lowest row product that can be reached; of a summed way the end of it, as the sums are a product too.
static int find_start(const GcamPlan *plan, GcamWay *way)
{
    int from = plan->steps;
    for (int i = plan->steps - 1; i >= way->last; i--) {
        if (add_step(plan, way, i))
            return from;
        if (is_row_product(plan, i) || (way->is_summed && i == way->last))
            from = i;
    }
    return way->is_summed ? way->last : from;
}

static void clear(const GcamPlan *plan, GcamWay *way)
{
    memset(way->grad_at, 0xff, (size_t)plan->values * sizeof(*way->grad_at));
    way->grad_at[plan->logits] = 0;
    way->floats = gcam_round_line(gcam_shape_count(&plan->value[plan->logits].shape));
}

// What of a way several scores go together.
static void find_together(const GcamPlan *plan, GcamWay *way)
{
    way->together = plan->steps;
    clear(plan, way);
    // Of several layers one may lie in that part, and its gradients would have to be kept for each score.
    if (plan->constant_gradient || plan->explained > 1 || way->floats > MOST_FLOATS)
        return;
    int from = find_start(plan, way);
    clear(plan, way);                           // those of the steps that were tried below it too
    if (from == plan->steps && !way->is_summed)
        return;
    for (int i = plan->steps - 1; i >= from; i--)
        if (add_step(plan, way, i))
            return;
    for (int i = 0; i < plan->values; i++)
        way->stays[i] = way->grad_at[i] != SIZE_MAX;
    for (int i = from; i < plan->steps; i++)
        for (int j = 0; j < plan->step[i].outputs; j++)
            if (plan->step[i].output[j] >= 0)
                way->stays[plan->step[i].output[j]] = 0;
    way->together = from;
    way->gains = 1;
}

static int create(GcamPlan *plan, int last, int is_summed, const GcamWay **out)
{
    GcamWay *way = gcam_arena_alloc(&plan->arena, 1, sizeof(*way));
    if (!way)
        return -ENOMEM;
    way->last = last;
    way->is_summed = is_summed;
    way->grad_at = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(*way->grad_at));
    way->stays = gcam_arena_alloc(&plan->arena, (size_t)plan->values, 1);
    if (!way->grad_at || !way->stays)
        return -ENOMEM;
    find_together(plan, way);
    *out = way;
    return 0;
}

// The first step behind the one that makes the layer.
static int step_behind(const GcamPlan *plan, int value)
{
    for (int i = 0; i < plan->steps; i++)
        for (int j = 0; j < plan->step[i].outputs; j++)
            if (plan->step[i].output[j] == value)
                return i + 1;
    return 0;
}

int gcam_ways_create(GcamPlan *plan)
{
    int layer = step_behind(plan, plan->layer);
    for (int i = 1, other; i < plan->explained; i++)
        layer = (other = step_behind(plan, plan->asked[i])) < layer ? other : layer;
    int error = create(plan, 0, 0, &plan->way[GCAM_WAY_ALL]);
    plan->way[GCAM_WAY_LAYER] = plan->way[GCAM_WAY_ALL];
    if (!error && plan->layers > 1)
        error = create(plan, layer, 0, &plan->way[GCAM_WAY_LAYER]);
    plan->way[GCAM_WAY_SUMS] = plan->way[GCAM_WAY_LAYER];
    if (!error && plan->sums)
        error = create(plan, gcam_sums_step(plan->sums) + 1, 1, &plan->way[GCAM_WAY_SUMS]);
    return error;
}

const GcamWay *gcam_plan_way(const GcamPlan *plan, unsigned needs)
{
    if (needs & (GCAM_NEEDS_PICTURE_GRADIENT | GCAM_NEEDS_ATTENTION_GRADIENT))
        return plan->way[GCAM_WAY_ALL];
    if (needs & GCAM_NEEDS_GRADIENT)
        return plan->way[GCAM_WAY_LAYER];
    return needs & GCAM_NEEDS_SUMS ? plan->way[GCAM_WAY_SUMS] : NULL;
}

int gcam_way_summed_step(const GcamPlan *plan, const GcamWay *way)
{
    return way && way->is_summed ? gcam_sums_step(plan->sums) : -1;
}

// --------------------------------------------------------------------------------------------------------------- going

// The end of a summed way: sums from the gradients by the product's output.
static void sum(const GcamPlan *plan, const GcamRun *run, size_t count, const float *const *dy, float *const *sums)
{
    double begin = run->seconds ? gcam_time() : 0;
    gcam_sums_run(plan->sums, run->pool, count, dy, sums);
    if (run->seconds)
        run->seconds[plan->steps + gcam_sums_step(plan->sums)] = gcam_time() - begin;
}

int gcam_way_go(const GcamPlan *plan, const GcamWay *way, const GcamRun *run, float *sums)
{
    int error = gcam_plan_backward(plan, run, way->last, plan->steps);
    if (!error && way->is_summed)
        sum(plan, run, 1, (const float *const *)&run->grad[gcam_sums_value(plan->sums)], &sums);
    return error;
}

void gcam_way_gradients(const GcamPlan *plan, const GcamWay *way, float *const *grad, float *memory, float **table)
{
    for (int i = 0; i < plan->values; i++)
        table[i] = way->grad_at[i] == SIZE_MAX ? grad[i] : memory + way->grad_at[i];
}

static int step_together(const GcamPlan *plan, const GcamRun *run, int index, size_t count, float *const *const *grad)
{
    const GcamStep *step = &plan->step[index];
    const float *dy[GCAM_WAY_MOST];
    float *dx[GCAM_WAY_MOST];
    if (!is_row_product(plan, index)) {
        for (size_t k = 0; k < count; k++) {
            GcamRun one = *run;
            one.grad = grad[k];
            one.seconds = NULL;
            if (gcam_plan_backward(plan, &one, index, index + 1))
                return -ECANCELED;
        }
        return 0;
    }
    if (run->interrupt && run->interrupt(run->opaque))
        return -ECANCELED;
    for (size_t k = 0; k < count; k++) {
        dy[k] = grad[k][step->output[0]];
        dx[k] = grad[k][step->input[0]];
    }
    step->op->row_product_backward(run, step, count, dy, dx);
    return 0;
}

int gcam_way_go_together(const GcamPlan *plan, const GcamWay *way, const GcamRun *run, size_t count,
                         float *const *const *grad, float *const *sums)
{
    const float *dy[GCAM_WAY_MOST];
    for (int i = plan->steps - 1; i >= way->together; i--) {
        double begin = run->seconds ? gcam_time() : 0;
        int error = step_together(plan, run, i, count, grad);
        if (error)
            return error;
        if (run->seconds)
            run->seconds[plan->steps + i] = gcam_time() - begin;
    }
    if (!way->is_summed || way->together > way->last)
        return 0;
    for (size_t k = 0; k < count; k++)
        dy[k] = grad[k][gcam_sums_value(plan->sums)];
    sum(plan, run, count, dy, sums);
    return 0;
}

int gcam_way_go_alone(const GcamPlan *plan, const GcamWay *way, const GcamRun *run, float *const *grad, float *sums)
{
    for (int i = 0; i < plan->values; i++)
        if (way->stays[i] && run->grad[i])
            memcpy(run->grad[i], grad[i], gcam_shape_count(&plan->value[i].shape) * sizeof(*grad[i]));
    if (way->is_summed && way->together == way->last)
        return 0;
    int error = gcam_plan_backward(plan, run, way->last, way->together);
    if (!error && way->is_summed)
        sum(plan, run, 1, (const float *const *)&run->grad[gcam_sums_value(plan->sums)], &sums);
    return error;
}

int gcam_way_go_on(const GcamPlan *plan, const GcamWay *way, const GcamRun *run)
{
    return gcam_plan_backward(plan, run, plan->way[GCAM_WAY_LAYER]->last, way->last);
}
