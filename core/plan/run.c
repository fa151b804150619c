/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a plan and the memory of one context. Out: activations, step by step forward; gradients, step by step backward.
 *
 * Gradients are not cleared before: of the steps that read a value, the last one, the first on the way back, overwrites
 * its gradient; each other one computes its share beside it, and that is added. The order is that of the steps,
 * whatever the number of threads, and so the bits are the same. When a step goes back, the gradient by its outputs is
 * whole, and may be changed in place by the rule. After an interruption the memory is of no run until the next forward.
 */
#include "run.h"

#include "base/clock.h"
#include "base/float_mode.h"
#include "memory.h"

#include <errno.h>
#include <limits.h>

static int is_interrupted(const GcamRun *run)
{
    return run->interrupt && run->interrupt(run->opaque);
}

// Steps of the trunk are left out where the head alone is to run.
static int forward(const GcamPlan *plan, const GcamRun *given, int only_head)
{
    GcamRun run = *given;
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        if (only_head && !step->in_head)
            continue;
        const GcamRect *wanted = run.wanted ? &run.wanted[i] : NULL;
        if (is_interrupted(&run))
            return -ECANCELED;
        double begin = run.seconds ? gcam_time() : 0;
        const GcamFloatMode mode = gcam_float_mode_begin();     // not of what interrupts, which is the host's
        run.scratch = run.memory + plan->scratch_at[i];
        run.part = wanted && wanted->bottom < INT_MAX ? wanted : NULL;
        if (!gcam_plan_is_view(plan, step) && !(wanted && gcam_rect_is_empty(wanted)))
            step->op->forward(&run, step);
        gcam_float_mode_end(mode);
        if (run.seconds)
            run.seconds[i] = gcam_time() - begin;
    }
    return 0;
}

int gcam_plan_forward(const GcamPlan *plan, const GcamRun *run)
{
    return forward(plan, run, 0);
}

int gcam_plan_forward_head(const GcamPlan *plan, const GcamRun *run)
{
    return forward(plan, run, 1);
}

// What the rules of guided backpropagation and of deconvolution let through a ReLU.
static void keep_positive(float *gradient, size_t count)
{
    for (size_t i = 0; i < count; i++)
        gradient[i] = gradient[i] > 0 ? gradient[i] : 0;
}

// The gradients by one step's inputs; what another user of an input has contributed is added to.
static void step_backward(const GcamPlan *plan, const GcamRun *run, int index)
{
    const GcamStep *step = &plan->step[index];
    float *sum = run->memory + plan->sum_at[index];
    if (run->visit)
        run->visit(run->visitor, run, step);
    const int is_gradient = gcam_rule_is_gradient(run->rule);
    void (*backward)(const GcamRun *, const GcamStep *, int, float *) = is_gradient ? step->op->backward
                                                                                    : step->op->excite;
    if (run->rule != GCAM_RULE_PLAIN && is_gradient && gcam_step_rectifies(step))
        keep_positive(run->grad[step->output[0]], gcam_shape_count(&plan->value[step->output[0]].shape));
    for (int j = 0; j < step->inputs; j++) {
        int value = step->input[j];
        if (value < 0 || !run->grad[value] || !plan->in_head[value])
            continue;
        if (gcam_plan_first_gradient(plan, index, j)) {
            backward(run, step, j, run->grad[value]);
            continue;
        }
        backward(run, step, j, sum);
        for (size_t k = 0, n = gcam_shape_count(&plan->value[value].shape); k < n; k++)
            run->grad[value][k] += sum[k];
    }
}

int gcam_plan_backward(const GcamPlan *plan, const GcamRun *given, int from, int to)
{
    GcamRun run = *given;
    for (int i = to - 1; i >= from; i--) {
        if (is_interrupted(&run))
            return -ECANCELED;
        double begin = run.seconds ? gcam_time() : 0;
        const GcamFloatMode mode = gcam_float_mode_begin();
        run.scratch = run.memory + plan->scratch_at[plan->steps + i];
        if (plan->step[i].in_head)
            step_backward(plan, &run, i);
        gcam_float_mode_end(mode);
        if (run.seconds)
            run.seconds[plan->steps + i] = gcam_time() - begin;
    }
    return 0;
}
