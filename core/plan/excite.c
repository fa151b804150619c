/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a plan whose steps are chosen. Out: each step of its head marked for excitation, the last products for inhibition
 * too.
 */
#include "excite.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>

static int check(const GcamPlan *plan, const GcamStep *step, const GradcamLog *log)
{
    if (step->op->excite && (!step->op->can_excite || step->op->can_excite(step, plan->value)))
        return 0;
    gcam_log(log, GRADCAM_LOG_ERROR, "excitation backpropagation does not go through '%s' (%s), which lies between the "
             "layer and the scores", step->node ? step->node->name : "", step->op->type);
    return -ENOTSUP;
}

// Marks the inputs of steps as lying behind a product with weights, from the scores down.
static void mark(GcamPlan *plan, GcamStep *step, char *is_below)
{
    int below = 0;
    for (int i = 0; i < step->outputs; i++)
        below |= step->output[i] >= 0 && is_below[step->output[i]];
    int weighs = step->op->flags & GCAM_OP_WEIGHTS && plan->value[step->input[1]].data;
    step->excites = weighs && !below ? GCAM_EXCITES_TOP : GCAM_EXCITES;
    for (int i = 0; i < step->inputs; i++)
        if (step->input[i] >= 0 && (below || weighs))
            is_below[step->input[i]] = 1;
}

int gcam_plan_excite(GcamPlan *plan, const GradcamLog *log)
{
    char *is_below = gcam_calloc((size_t)plan->values, 1);
    int error = is_below ? 0 : -ENOMEM;
    for (int i = plan->steps - 1; i >= 0 && !error; i--) {
        if (!plan->step[i].in_head)
            continue;
        error = check(plan, &plan->step[i], log);
        mark(plan, &plan->step[i], is_below);
    }
    gcam_free(is_below);
    return error;
}

int gcam_plan_can_inhibit(const GcamPlan *plan)
{
    for (int i = 0; i < plan->steps; i++)
        if (plan->step[i].excites == GCAM_EXCITES_TOP)
            return 1;
    return 0;
}
