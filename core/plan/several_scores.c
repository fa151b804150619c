/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tail of a head, for several scores at once. Steps run in the order of a single backward pass, each for all scores
 * before the next; products of one row, which are bound by reading their weights, take all of them in one call.
 */
#include "several_scores.h"

#include "base/clock.h"
#include "base/sizes.h"
#include "memory.h"
#include "summed_weights.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { MOST_FLOATS = 1 << 18 };         // of the gradients of one score

// A step that takes the gradients of several scores in one call: only its first input has a gradient, and only from it.
static int is_row_product(const GcamPlan *plan, int index)
{
    const GcamStep *step = &plan->step[index];
    GcamRowProduct product;
    return step->in_head && gcam_row_product(step, &product) && plan->in_head[step->input[0]] &&
           gcam_plan_first_gradient(plan, index, 0);
}

// Gives a place to each gradient that step `index` writes; -1 when they are too large.
static int add_step(const GcamPlan *plan, GcamTail *tail, int index)
{
    const GcamStep *step = &plan->step[index];
    for (int j = 0; step->in_head && j < step->inputs; j++) {
        int value = step->input[j];
        if (value < 0 || !plan->in_head[value] || tail->grad_at[value] != SIZE_MAX || plan->grad_at[value] == SIZE_MAX)
            continue;
        size_t count = gcam_shape_count(&plan->value[value].shape);
        if (count > MOST_FLOATS - tail->floats)
            return -1;
        tail->grad_at[value] = tail->floats;
        tail->floats += gcam_round_line(count);
    }
    return 0;
}

// The lowest row product that can be reached; with sums all of the way to them, as they are a product too.
static int find_start(const GcamPlan *plan, GcamTail *tail)
{
    int end = plan->sums ? gcam_sums_step(plan->sums) + 1 : 0, from = plan->steps;
    for (int i = plan->steps - 1; i >= end; i--) {
        if (add_step(plan, tail, i))
            return from;
        if (is_row_product(plan, i) || (plan->sums && i == end))
            from = i;
    }
    return plan->sums ? end : from;
}

static void clear(const GcamPlan *plan, GcamTail *tail)
{
    memset(tail->grad_at, 0xff, (size_t)plan->values * sizeof(*tail->grad_at));
    tail->floats = 0;
    tail->grad_at[plan->logits] = 0;
    tail->floats = gcam_round_line(gcam_shape_count(&plan->value[plan->logits].shape));
}

int gcam_tail_create(GcamPlan *plan)
{
    GcamTail *tail = gcam_arena_alloc(&plan->arena, 1, sizeof(*tail));
    if (!tail)
        return -ENOMEM;
    tail->grad_at = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(*tail->grad_at));
    tail->stays = gcam_arena_alloc(&plan->arena, (size_t)plan->values, 1);
    if (!tail->grad_at || !tail->stays)
        return -ENOMEM;
    clear(plan, tail);
    if (plan->constant_gradient || tail->floats > MOST_FLOATS)
        return 0;
    tail->from = find_start(plan, tail);
    if (tail->from == plan->steps && !plan->sums)
        return 0;
    clear(plan, tail);                          // those of the steps that were tried before it too
    for (int i = plan->steps - 1; i >= tail->from; i--)
        if (add_step(plan, tail, i))
            return 0;
    for (int i = 0; i < plan->values; i++)
        tail->stays[i] = tail->grad_at[i] != SIZE_MAX;
    for (int i = tail->from; i < plan->steps; i++)
        for (int j = 0; j < plan->step[i].outputs; j++)
            if (plan->step[i].output[j] >= 0)
                tail->stays[plan->step[i].output[j]] = 0;
    plan->tail = tail;
    return 0;
}

void gcam_tail_gradients(const GcamPlan *plan, float *const *grad, float *memory, float **table)
{
    for (int i = 0; i < plan->values; i++)
        table[i] = plan->tail->grad_at[i] == SIZE_MAX ? grad[i] : memory + plan->tail->grad_at[i];
}

static int step_backward(const GcamPlan *plan, const GcamRun *run, int index, size_t count, float *const *const *grad)
{
    const GcamStep *step = &plan->step[index];
    const float *dy[GCAM_TAIL_MOST];
    float *dx[GCAM_TAIL_MOST];
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
    gcam_row_product_backward(run, step, count, dy, dx);
    return 0;
}

int gcam_tail_backward(const GcamPlan *plan, const GcamRun *run, size_t count, float *const *const *grad)
{
    for (int i = plan->steps - 1; i >= plan->tail->from; i--) {
        double begin = run->seconds ? gcam_time() : 0;
        int error = step_backward(plan, run, i, count, grad);
        if (error)
            return error;
        if (run->seconds)
            run->seconds[plan->steps + i] = gcam_time() - begin;
    }
    return 0;
}

void gcam_tail_leave(const GcamPlan *plan, float *const *from, float *const *to)
{
    for (int i = 0; i < plan->values; i++)
        if (plan->tail->stays[i] && to[i])
            memcpy(to[i], from[i], gcam_shape_count(&plan->value[i].shape) * sizeof(*to[i]));
}
