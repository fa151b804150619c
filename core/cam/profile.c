/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where the time of a picture went, step by step.
 */
#include "context.h"

#include "base/mem.h"
#include "base/enum_names.h"
#include "plan/summed_weights.h"
#include "plan/way.h"

#include <errno.h>

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
    if (gcam_plan_is_view(plan, step))
        return 0;
    for (int i = 0; i < step->inputs + step->outputs; i++) {
        int index = i < step->inputs ? step->input[i] : step->output[i - step->inputs];
        const GcamValue *value = index >= 0 ? &plan->value[index] : NULL;
        if (value)
            bytes += (double)gcam_shape_count(&value->shape) * (double)(value->data ? gcam_data_size(value->type) : 4);
    }
    return bytes;
}

static GradcamProfile describe_step(const GradcamContext *context, int index, int backward, double seconds)
{
    const GcamPlan *plan = context->plan;
    const GcamStep *step = &plan->step[index];
    if (backward && index == gcam_way_summed_step(plan, context->way))
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

// The step of the head that runs backward as the n-th, from 0; -1 when there are fewer.
static int step_backward(const GcamPlan *plan, size_t n)
{
    for (int i = plan->steps - 1; i >= 0; i--)
        if (plan->step[i].in_head && n-- == 0)
            return i;
    return -1;
}

// The entry at an index, of no phase past the last: the picture, the steps forward, those of the head backward, the
// map.
static GradcamProfile describe(const GradcamContext *context, size_t index)
{
    const GcamPlan *plan = context->plan;
    const size_t steps = (size_t)plan->steps;
    if (index == 0)
        return (GradcamProfile){ GRADCAM_PHASE_PREPROCESS, "", "normalize", "", context->preprocess_seconds, 0, 0 };
    if (index <= steps)
        return describe_step(context, (int)index - 1, 0, context->seconds[index - 1]);
    const int i = step_backward(plan, index - 1 - steps);
    if (i >= 0)
        return describe_step(context, i, 1, context->seconds[plan->steps + i]);
    if (index == 1 + steps || step_backward(plan, index - 2 - steps) >= 0)
        return (GradcamProfile){ GRADCAM_PHASE_MAP, "", "weights and sum", "", context->map_seconds, 0, 0 };
    return (GradcamProfile){ .op = NULL };
}

const GradcamProfile *gradcam_context_profile_at(GradcamContext *context, size_t index)
{
    if (!context->profile || index > 2 * (size_t)context->plan->steps + 1)
        return NULL;
    context->profile[index] = describe(context, index);
    return context->profile[index].op ? &context->profile[index] : NULL;
}

static const char *const phases[GCAM_PHASES] = { "preprocess", "trunk", "head", "backward", "map" };

const char *gradcam_phase_name(enum GradcamPhase phase)
{
    return GCAM_ENUM_NAME(phases, phase);
}

int gradcam_phase_find(const char *name)
{
    return GCAM_ENUM_FIND(phases, name);
}
