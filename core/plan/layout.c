/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the steps of a plan, which say what they want of the memory of values of four dimensions. Out: each such value
 * as [N][H][W][C] or in ONNX's order, with steps put in that change it where two do not agree; and which values are
 * another name for the memory of one before.
 *
 * One walk, forward: the inputs of a step are placed when it comes, so that nothing is chosen twice. Windows want
 * channels last, most others ONNX's order; those that take both follow their inputs, channels last as soon as one is,
 * so that a network of convolutions changes its layout once before them and once behind. A value is converted for the
 * first who wants it, and the copy serves all others. Constants stay as they are: they are packed when the plan is made
 * ready, or read by their strides.
 */
#include "layout.h"

#include "steps.h"

#include <errno.h>
#include <string.h>

typedef struct Layouts {
    GcamStep *from;             // the steps before; plan->step is written anew
    int *last, *plain;          // by value: its copy in that layout, or -1
    int room;
} Layouts;

// Both layouts have the same bytes.
static int same_bytes(const GcamShape *shape)
{
    return shape->rank != 4 || shape->dim[1] == 1 || shape->dim[2] * shape->dim[3] == 1;
}

// The value in the layout that is wanted: itself, a copy made before, or a step that makes one.
static int convert(GcamPlan *plan, Layouts *layouts, int value, int channels_last)
{
    if (value < 0 || plan->value[value].shape.rank != 4 || plan->value[value].channels_last == channels_last)
        return value;
    int *copy = value < layouts->room ? (channels_last ? layouts->last : layouts->plain) + value : NULL;
    if (copy && *copy >= 0)
        return *copy;
    GcamStep *step;
    int made = gcam_plan_add_value(plan, value);
    if (made < 0 || gcam_plan_add_step(plan, &step) < 0)
        return -ENOMEM;
    plan->value[made].channels_last = channels_last;
    step->op = channels_last ? &gcam_op_to_last : &gcam_op_to_plain;
    step->inputs = step->outputs = 1;
    step->in_head = plan->in_head[value];
    step->input = gcam_arena_alloc(&plan->arena, 1, sizeof(int));
    step->output = gcam_arena_alloc(&plan->arena, 1, sizeof(int));
    if (!step->input || !step->output)
        return -ENOMEM;
    step->input[0] = value;
    step->output[0] = made;
    if (copy)
        *copy = made;
    return made;
}

// Changes of order between (N, C, H, W) and (N, H, W, C) only change the point of view.
static int order_is_view(const GcamPlan *plan, const GcamStep *step)
{
    const GcamValue *x = &plan->value[step->input[0]], *y = &plan->value[step->output[0]];
    const int *perm = step->op->order(step->node);
    if (x->shape.rank != 4 || perm[0] != 0 || x->data)
        return 0;
    int to_last = perm[1] == 2 && perm[2] == 3 && perm[3] == 1;
    int from_last = perm[1] == 3 && perm[2] == 1 && perm[3] == 2;
    return (to_last && x->channels_last && !y->channels_last) || (from_last && !x->channels_last && y->channels_last);
}

static int place_step(GcamPlan *plan, Layouts *layouts, GcamStep step)
{
    int last = step.op->layout == GCAM_LAYOUT_LAST, keep = step.op->layout == GCAM_LAYOUT_FREE;
    if (step.op->layout == GCAM_LAYOUT_ANY)
        for (int i = 0; i < step.inputs; i++)
            last |= step.input[i] >= 0 && plan->value[step.input[i]].channels_last;
    for (int i = 0; !keep && i < step.inputs; i++) {
        int was = step.input[i];
        // Constants are weights, or read by their strides; but what a window runs over is channels last.
        if (was >= 0 && plan->value[was].data && (i > 0 || step.op->layout != GCAM_LAYOUT_LAST))
            continue;
        step.input[i] = convert(plan, layouts, was, last);
        if (was >= 0 && step.input[i] < 0)
            return -ENOMEM;
    }
    if (step.add >= 0 && (step.add = convert(plan, layouts, step.add, 1)) < 0)
        return -ENOMEM;
    if (step.op->order) {
        const int *perm = step.op->order(step.node);
        const GcamValue *x = &plan->value[step.input[0]];
        last = x->shape.rank == 4 && !x->channels_last && !perm[0] && perm[1] == 3 && perm[2] == 1;
    }
    for (int i = 0; i < step.outputs; i++)
        if (step.output[i] >= 0)
            plan->value[step.output[i]].channels_last = last && plan->value[step.output[i]].shape.rank == 4;
    GcamStep *placed;
    int error = gcam_plan_add_step(plan, &placed);
    if (!error)
        *placed = step;
    return error;
}

int gcam_plan_layout(GcamPlan *plan)
{
    Layouts layouts = { plan->step, NULL, NULL, plan->values };
    int steps = plan->steps, error = 0;
    layouts.last = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(int));
    layouts.plain = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(int));
    if (!layouts.last || !layouts.plain)
        return -ENOMEM;
    memset(layouts.last, -1, (size_t)plan->values * sizeof(int));
    memset(layouts.plain, -1, (size_t)plan->values * sizeof(int));
    plan->step = NULL;
    plan->steps = plan->step_room = 0;
    for (int i = 0; i < steps && !error; i++)
        error = place_step(plan, &layouts, layouts.from[i]);
    return error;
}

void gcam_plan_views(GcamPlan *plan)
{
    for (int i = 0; i < plan->values; i++)
        plan->root[i] = i;
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        const GcamValue *x = &plan->value[step->input[0]];
        int view = step->op->flags & GCAM_OP_VIEW || (step->op->order && order_is_view(plan, step)) ||
                   (step->op->flags & GCAM_OP_RELAYOUT && same_bytes(&x->shape));
        if (view && !x->data)
            plan->root[step->output[0]] = plan->root[step->input[0]];
    }
}
