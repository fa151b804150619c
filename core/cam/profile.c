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

const GradcamProfile *gradcam_context_profile(GradcamContext *context, size_t *count)
{
    const GcamPlan *plan = context->plan;
    GradcamProfile *entry = context->profile;
    *count = 0;
    if (!entry)
        return NULL;
    *entry++ = (GradcamProfile){ GRADCAM_PHASE_PREPROCESS, "", "normalize", "", context->preprocess_seconds, 0, 0 };
    for (int i = 0; i < plan->steps; i++)
        *entry++ = describe_step(context, i, 0, context->seconds[i]);
    for (int i = plan->steps - 1; i >= 0; i--)
        if (plan->step[i].in_head)
            *entry++ = describe_step(context, i, 1, context->seconds[plan->steps + i]);
    *entry++ = (GradcamProfile){ GRADCAM_PHASE_MAP, "", "weights and sum", "", context->map_seconds, 0, 0 };
    *count = (size_t)(entry - context->profile);
    return context->profile;
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
