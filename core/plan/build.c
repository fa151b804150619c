/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a graph and what is asked of it. Out: a plan, made by one pass after the other, each told of in its header:
 *
 *     graph, simplified
 *       | steps              values, a step for each node that an output needs, the head marked
 *       | fuse               fewer steps. All values are in ONNX's order still, as views and patterns expect them
 *       | layout             channels last or not, by value; steps in between that change it
 *       | excite             where it is asked for
 *       | views, concat_in_place     root, shift: which values share memory
 *       | prepare            step->state, step->scratch: weights packed. No step moves any more
 *       | sums               of products that are ready
 *       | memory             places by lifetimes, of scratch too
 *       | keep, ways
 *     plan
 *
 * The order is what each reads: memory asks for the scratch that prepare set, sums for the product that it chose, ways
 * for both. Whether the gradient is constant is known before sums and memory, which look at it. What fails anywhere is
 * freed with the plan, whose arena has all that the passes made.
 */
#include "build.h"

#include "base/log.h"
#include "base/mem.h"
#include "concat_in_place.h"
#include "excite.h"
#include "fuse.h"
#include "layout.h"
#include "memory.h"
#include "partial.h"
#include "prepare.h"
#include "steps.h"
#include "summed_weights.h"
#include "way.h"

#include <errno.h>

void gcam_plan_free(GcamPlan **plan)
{
    if (!plan || !*plan)
        return;
    gcam_sums_free(&(*plan)->sums);
    for (int i = 0; i < (*plan)->steps; i++)
        if ((*plan)->step[i].op->release)
            (*plan)->step[i].op->release(&(*plan)->step[i]);
    gcam_arena_free(&(*plan)->arena);
    gcam_free(*plan);
    *plan = NULL;
}

// Nothing that backward runs reads an activation: of a product by the layer only the constant factor counts, of a sum
// nothing.
static int has_constant_gradient(const GcamPlan *plan)
{
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        int weights = step->op->flags & GCAM_OP_PRODUCT && plan->value[step->input[1]].data;
        int sum = gcam_step_is(step, GCAM_SYMBOL_ADD) || gcam_step_is(step, GCAM_SYMBOL_SUB);
        int reads = step->op->flags & (GCAM_OP_NEEDS_X | GCAM_OP_NEEDS_Y) || step->act != GCAM_ACT_NONE;
        if (step->in_head && reads && !weights && !sum)
            return 0;
    }
    return 1;
}

// Whether there are weights that are left out for those who ask for the gradient only where the layer is not zero.
static int can_skip(const GcamPlan *plan)
{
    int can = 0;
    for (int i = 0; i < plan->steps && !plan->constant_gradient; i++) {
        const GcamStep *step = &plan->step[i];
        GcamRowProduct product;
        can |= step->in_head && step->from_layer && !step->from_relu && gcam_row_product(step, &product) &&
               product.by_input;
    }
    return can;
}

// -EINVAL where an output does not depend on a layer; the graph's steps are copied.
static int check_layers(const GcamPlan *plan, const GradcamLog *log)
{
    GcamUsers users;
    if (gcam_users_count(&users, (GcamPlan *)plan))
        return -ENOMEM;
    for (int k = 0; k < plan->output.count; k++)
        for (int i = 0, to = plan->output.value[k]; i < plan->layers; i++) {
            int layer = plan->asked[i];
            if (layer != to && plan->in_head[to] && users.count[layer])
                continue;
            gcam_log(log, GRADCAM_LOG_ERROR, "layer '%s' does not lie between the picture and %s '%s'",
                     plan->value[layer].name, k ? "the tensor" : "the logits", plan->value[to].name);
            return -EINVAL;
        }
    return 0;
}

// What a network takes to run is known before anything of it is there.
static int check_memory(const GcamPlan *plan, const GcamGraph *graph, const GradcamLog *log)
{
    if (plan->floats <= graph->memory / sizeof(float))
        return 0;
    return gcam_fail(log, -EOVERFLOW, "activations and gradients of the network take %zu MB, more than the %zu MB of "
                     "memory allowed", plan->floats / (1 << 18), graph->memory >> 20);
}

int gcam_plan_create(GcamPlan **out, const GcamGraph *graph, const GcamPlanSpec *spec, const GradcamLog *log)
{
    int error = -ENOMEM;
    GcamUsers users;
    *out = NULL;
    GcamPlan *plan = gcam_calloc(1, sizeof(*plan));
    if (!plan)
        goto fail;
    plan->picture = spec->picture;
    plan->layer = spec->layer[0];
    plan->layers = spec->layers;
    plan->explained = spec->explained;
    memcpy(plan->asked, spec->layer, sizeof(plan->asked));
    plan->output = spec->output;
    plan->logits = spec->output.value[0];
    plan->carried = graph->carried;
    plan->carrieds = graph->carrieds;
    plan->threads = spec->threads;
    plan->type = spec->type;
    if ((error = gcam_plan_copy(plan, graph)) || (error = check_layers(plan, log)) ||
        (error = gcam_plan_join_outputs(plan)))
        goto fail;
    if ((error = gcam_plan_fuse(plan)) || (error = gcam_plan_layout(plan)) ||
        (error = spec->excites ? gcam_plan_excite(plan, log) : 0))
        goto fail;
    error = -ENOMEM;
    plan->root = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(*plan->root));
    plan->shift = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(*plan->shift));
    plan->placed = gcam_arena_alloc(&plan->arena, (size_t)plan->values, 1);
    if (!plan->root || !plan->shift || !plan->placed)
        goto fail;
    gcam_plan_views(plan);
    if (gcam_users_count(&users, plan))
        goto fail;
    gcam_plan_concat_in_place(plan, &users);
    plan->constant_gradient = has_constant_gradient(plan);
    if ((error = gcam_plan_prepare(plan, graph, &users)) ||
        (error = gcam_sums_create(&plan->sums, plan, &spec->stored, &users)) || (error = gcam_plan_memory(plan)) ||
        (error = check_memory(plan, graph, log)) || (error = gcam_plan_keep(plan)) || (error = gcam_ways_create(plan)))
        goto fail;
    plan->can_skip = plan->explained == 1 && can_skip(plan);
    *out = plan;
    return 0;
fail:
    gcam_plan_free(&plan);
    return error;
}
