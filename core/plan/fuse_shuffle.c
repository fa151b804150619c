/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The shuffle of channels, which exporters write as Reshape, Transpose, Reshape, becomes one step; of two groups also
 * the Concat before it, and the two halves taken of it after: ShuffleNet's blocks then copy nothing else.
 */
#include "fuse.h"

#include "ops/shuffle.h"

#include <errno.h>
#include <string.h>

// Whether `value` is one half of the channels of `whole`.
static int is_half(const GcamPlan *plan, int value, int whole)
{
    GcamShape shape = plan->value[value].shape;
    shape.dim[1] *= 2;
    return gcam_shape_equal(&shape, &plan->value[whole].shape);
}

// A shuffle of two groups that a Concat put behind each other reads them where they are.
static void join_groups(GcamPlan *plan, const GcamUsers *users, GcamStep *shuffle, size_t groups)
{
    int whole = shuffle->input[0];
    GcamStep *concat = gcam_private_producer(plan, users, whole);
    if (!concat || !(concat->op->flags & GCAM_OP_JOINS) || shuffle->in_head || groups != 2 || concat->inputs != 2)
        return;
    for (int i = 0; i < 2; i++)
        if (plan->value[concat->input[i]].data || !is_half(plan, concat->input[i], whole))
            return;
    shuffle->inputs = 2;
    shuffle->input = concat->input;
    concat->op = NULL;
}

static int is_view(const GcamStep *step)
{
    return (step->op->flags & GCAM_OP_VIEW) != 0;
}

// Reshape to (N, groups, C / groups, H, W), exchange of the two, Reshape back.
int gcam_fuse_shuffle(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    static const int exchange[] = { 0, 2, 1, 3, 4 };
    GcamStep *others[2] = { is_view(step) ? gcam_private_producer(plan, users, step->input[0]) : NULL };
    if (!others[0] || !others[0]->op->order || plan->value[step->input[0]].shape.rank != 5 ||
        memcmp(others[0]->op->order(others[0]->node), exchange, sizeof(exchange)) ||
        !(others[1] = gcam_private_producer(plan, users, others[0]->input[0])) || !is_view(others[1]))
        return 0;
    int x = others[1]->input[0];
    const GcamShape *from = &plan->value[x].shape, *split = &plan->value[others[0]->input[0]].shape;
    if (plan->value[x].data || from->rank != 4 || !gcam_shape_equal(from, &plan->value[step->output[0]].shape) ||
        split->dim[0] != from->dim[0] || split->dim[1] * split->dim[2] != from->dim[1] ||
        split->dim[3] != from->dim[2])
        return 0;
    GcamShuffle *params = gcam_arena_alloc(&plan->arena, 1, sizeof(*params));
    if (!params)
        return -ENOMEM;
    params->groups = split->dim[1];
    int error = gcam_fuse_replace(plan, step, &gcam_op_channel_shuffle, x, params, others, 2);
    if (!error)
        join_groups(plan, users, step, params->groups);
    return error;
}

// Which half of the channels of `whole` a step takes as that output: 0, 1, or -1 for something else.
static int half_taken(const GcamPlan *plan, const GcamStep *step, int output, int whole)
{
    GcamBox box;
    if (!step->op->box || !is_half(plan, output, whole) || !step->op->box(step, plan->value, output, &box))
        return -1;
    size_t half = plan->value[output].shape.dim[1], first = (size_t)box.start[1];
    for (int i = 0; i < 4; i++)
        if (box.step[i] != 1 || (i != 1 && box.start[i]))
            return -1;
    return first == 0 ? 0 : first == half ? 1 : -1;
}

int gcam_divide_shuffle(GcamPlan *plan, const GcamUsers *users, GcamStep *shuffle)
{
    if (shuffle->op != &gcam_op_channel_shuffle)
        return 0;
    int whole = shuffle->output[0], half[2] = { -1, -1 }, readers = 0;
    size_t groups = ((const GcamShuffle *)shuffle->node->params)->groups, channels = plan->value[whole].shape.dim[1];
    if (shuffle->in_head || groups != 2 || channels % 4 || gcam_plan_shows(plan, whole))
        return 0;
    for (int i = (int)(shuffle - plan->step) + 1; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        if (!step->op || step->input[0] != whole)
            continue;
        readers++;
        for (int j = 0; j < step->outputs; j++) {
            int which = half_taken(plan, step, step->output[j], whole);
            if (which < 0 || half[which] >= 0)
                return 0;
            half[which] = step->output[j];
        }
    }
    if (readers != users->count[whole] || half[0] < 0 || half[1] < 0)
        return 0;
    int *output = gcam_arena_alloc(&plan->arena, 2, sizeof(*output));
    if (!output)
        return -ENOMEM;
    memcpy(output, half, sizeof(half));
    for (int i = 0; i < 2; i++)
        plan->step[users->producer[half[i]]].op = NULL;
    shuffle->outputs = 2;
    shuffle->output = output;
    return 0;
}
