/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a graph, and the values that a plan is about. Out: the plan's own copy of the values, and a step for each node
 * that its outputs need, or what is carried to the next picture. The copies are the plan's, in its arena; names,
 * constants and what the operators parsed stay the graph's.
 *
 * A graph's nodes are in order of computation, and so is the head found in the same walk: a step is in it when one of
 * its inputs is, and when it leads to an output. What only makes a state for the next picture is never run backward.
 * Steps and values grow into a new array of twice the size, the old one stays in the arena until the plan is freed: who
 * adds some holds indices, not pointers.
 */
#include "steps.h"

#include <errno.h>
#include <string.h>

int gcam_plan_add_step(GcamPlan *plan, GcamStep **out)
{
    if (plan->steps == plan->step_room) {
        int room = plan->step_room ? 2 * plan->step_room : 64;
        GcamStep *grown = gcam_arena_alloc(&plan->arena, (size_t)room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        if (plan->steps)
            memcpy(grown, plan->step, (size_t)plan->steps * sizeof(*grown));
        plan->step = grown;
        plan->step_room = room;
    }
    *out = &plan->step[plan->steps++];
    **out = (GcamStep){ .add = -1 };
    return 0;
}

int gcam_plan_add_value(GcamPlan *plan, int like)
{
    if (plan->values == plan->value_room) {
        int room = 2 * plan->value_room + 64;
        GcamValue *grown = gcam_arena_alloc(&plan->arena, (size_t)room, sizeof(*grown));
        char *in_head = gcam_arena_alloc(&plan->arena, (size_t)room, 1);
        if (!grown || !in_head)
            return -ENOMEM;
        memcpy(grown, plan->value, (size_t)plan->values * sizeof(*grown));
        memcpy(in_head, plan->in_head, (size_t)plan->values);
        plan->value = grown;
        plan->in_head = in_head;
        plan->value_room = room;
    }
    plan->value[plan->values] = plan->value[like];
    plan->value[plan->values].node = plan->value[plan->values].initializer = -1;
    plan->value[plan->values].data = NULL;
    plan->in_head[plan->values] = plan->in_head[like];
    return plan->values++;
}

// leads: to an output.
static int fill_step(GcamPlan *plan, GcamStep *step, const GcamNode *node, int leads)
{
    step->op = node->op;
    step->node = node;
    step->inputs = node->inputs;
    step->outputs = node->outputs;
    step->input = gcam_arena_alloc(&plan->arena, (size_t)node->inputs + 1, sizeof(int));
    step->output = gcam_arena_alloc(&plan->arena, (size_t)node->outputs + 1, sizeof(int));
    if (!step->input || !step->output)
        return -ENOMEM;
    memcpy(step->input, node->input, (size_t)node->inputs * sizeof(int));
    memcpy(step->output, node->output, (size_t)node->outputs * sizeof(int));
    for (int i = 0; i < node->inputs; i++)
        step->in_head |= leads && node->input[i] >= 0 && plan->in_head[node->input[i]];
    for (int i = 0; i < node->outputs; i++)
        if (node->output[i] >= 0)
            plan->in_head[node->output[i]] |= (char)step->in_head;
    return 0;
}

static int copy_step(GcamPlan *plan, const GcamNode *node, int leads)
{
    GcamStep *step;
    int error = gcam_plan_add_step(plan, &step);
    return error ? error : fill_step(plan, step, node, leads);
}

// Of a node: what needs it, an output or what is carried.
enum { FOR_OUTPUT = 1, FOR_CARRIED = 2 };

static int copy_needed(GcamPlan *plan, const GcamGraph *graph)
{
    char *needed = gcam_arena_alloc(&plan->arena, (size_t)graph->nodes + 1, 1);
    if (!needed)
        return -ENOMEM;
    for (int i = 0; i < plan->output.count; i++)
        if (graph->value[plan->output.value[i]].node >= 0)
            needed[graph->value[plan->output.value[i]].node] = FOR_OUTPUT;
    for (int i = 0; i < plan->carrieds; i++)
        needed[graph->value[plan->carried[i]].node] |= FOR_CARRIED;
    for (int i = graph->nodes - 1; i >= 0; i--)
        for (int j = 0; needed[i] && j < graph->node[i].inputs; j++) {
            int value = graph->node[i].input[j];
            if (value >= 0 && graph->value[value].node >= 0)
                needed[graph->value[value].node] |= needed[i];
        }
    for (int i = 0; i < graph->nodes; i++) {
        int error = needed[i] ? copy_step(plan, &graph->node[i], needed[i] & FOR_OUTPUT) : 0;
        if (error)
            return error;
    }
    return 0;
}

// Several outputs become one: a last step that joins them.
int gcam_plan_join_outputs(GcamPlan *plan)
{
    GcamStep *step;
    if (plan->output.count == 1)
        return 0;
    GcamNode *node = gcam_arena_alloc(&plan->arena, 1, sizeof(*node));
    int *output = gcam_arena_alloc(&plan->arena, 1, sizeof(int));
    int value = gcam_plan_add_value(plan, plan->output.value[0]);
    if (!node || !output || value < 0 || gcam_plan_add_step(plan, &step) < 0)
        return -ENOMEM;
    GcamShape *shape = &plan->value[value].shape;
    *shape = (GcamShape){ .rank = 1 };
    for (int i = 0; i < plan->output.count; i++)
        shape->dim[0] += gcam_shape_count(&plan->value[plan->output.value[i]].shape);
    *output = plan->logits = value;
    *node = (GcamNode){ .name = "", .type = gcam_op_join.type, .domain = "", .op = &gcam_op_join,
                        .input = plan->output.value, .output = output, .inputs = plan->output.count,
                        .outputs = 1 };
    return fill_step(plan, step, node, 1);
}

static int copy_values(GcamPlan *plan, const GcamGraph *graph)
{
    plan->values = plan->value_room = graph->values;
    plan->value = gcam_arena_alloc(&plan->arena, (size_t)graph->values, sizeof(*plan->value));
    plan->in_head = gcam_arena_alloc(&plan->arena, (size_t)graph->values, 1);
    if (!plan->value || !plan->in_head)
        return -ENOMEM;
    memcpy(plan->value, graph->value, (size_t)graph->values * sizeof(*plan->value));
    for (int i = 0; i < plan->layers; i++)
        plan->in_head[plan->asked[i]] = 1;
    return 0;
}

int gcam_plan_copy(GcamPlan *plan, const GcamGraph *graph)
{
    int error = copy_values(plan, graph);
    return error ? error : copy_needed(plan, graph);
}
