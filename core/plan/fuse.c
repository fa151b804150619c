/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Folding and fusing: the walk over the steps, and what goes into a step before it. Into a convolution go the
 * BatchNormalization, residual addition and activation after it; into a product with constant weights the addition of a
 * row. Who takes what, operators say themselves (GcamOp.takes). Nothing that is explained or asked for disappears.
 *
 * A step that is absorbed stays in its place without an operator, so that indices hold until the end of the walk, and
 * the one that absorbed it makes its output: producer[] is kept up to date, and count[] where a rule drops a reader. A
 * rule looks only at steps before its own. What becomes unused by that is dropped last, and the steps close up.
 */
#include "fuse.h"

#include <errno.h>
#include <string.h>

// `step` disappears into `into`, which makes its output from now on.
static void absorb(const GcamPlan *plan, GcamUsers *users, GcamStep *into, GcamStep *step)
{
    into->output[0] = step->output[0];
    users->producer[step->output[0]] = (int)(into - plan->step);
    step->op = NULL;
}

// Into the convolution before it: y = scale * (w x + b) + shift.
static int fold_affine(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    GcamStep *conv = step->op->affine ? gcam_private_producer(plan, users, step->input[0]) : NULL;
    if (!conv || !(conv->op->takes & GCAM_TAKES_AFFINE) || conv->scale || conv->add >= 0 || conv->act != GCAM_ACT_NONE)
        return 0;
    size_t channels = plan->value[step->output[0]].shape.dim[1];
    float *scale = gcam_arena_alloc(&plan->arena, channels, sizeof(*scale));
    float *bias = gcam_arena_alloc(&plan->arena, channels, sizeof(*bias));
    if (!scale || !bias)
        return -ENOMEM;
    step->op->affine(step->node, plan->value, scale, bias);
    if (conv->inputs > 2 && conv->input[2] >= 0)
        for (size_t c = 0; c < channels; c++)
            bias[c] += scale[c] * (float)gcam_constant_double(&plan->value[conv->input[2]], c);
    conv->scale = scale;
    conv->bias = bias;
    absorb(plan, users, conv, step);
    return 0;
}

// conv + other, where conv runs after whatever makes the other: the later of the two, if it is such a convolution.
static int fuse_add(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    if (step->in_head || !gcam_step_is(step, GCAM_SYMBOL_ADD))
        return 0;
    int a = step->input[0], b = step->input[1];
    if (plan->value[a].data || plan->value[b].data || a == b ||
        !gcam_shape_equal(&plan->value[a].shape, &plan->value[b].shape))
        return 0;
    int later = users->producer[a] > users->producer[b] ? a : b;
    GcamStep *conv = gcam_private_producer(plan, users, later);
    if (!conv || !(conv->op->takes & GCAM_TAKES_ADD) || conv->in_head || conv->add >= 0 || conv->act != GCAM_ACT_NONE)
        return 0;
    conv->add = later == a ? b : a;
    absorb(plan, users, conv, step);
    return 0;
}

// In the head only a ReLU, whose derivative is seen in the result, and only where backward knows it.
static int fuse_activation(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    GcamStep *into = step->op->act != GCAM_ACT_NONE ? gcam_private_producer(plan, users, step->input[0]) : NULL;
    unsigned takes = step->in_head ? GCAM_TAKES_RELU : GCAM_TAKES_ACTIVATION;
    if (!into || into->act != GCAM_ACT_NONE || !(into->op->takes & takes) ||
        (step->in_head && step->op->act != GCAM_ACT_RELU))
        return 0;
    into->act = step->op->act;
    if (step->op->bounds)
        step->op->bounds(step->node, &into->lo, &into->hi);
    absorb(plan, users, into, step);
    return 0;
}

// Into the product before it.
static int fuse_row(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    for (int i = 0; i < 2 && gcam_step_is(step, GCAM_SYMBOL_ADD); i++) {
        const GcamValue *row = &plan->value[step->input[i]];
        GcamStep *product = gcam_private_producer(plan, users, step->input[1 - i]);
        if (!row->data || !product || !(product->op->takes & GCAM_TAKES_ROW) || product->bias)
            continue;
        const GcamShape *shape = &plan->value[step->output[0]].shape;
        size_t n = shape->dim[shape->rank - 1];
        if (gcam_shape_count(&row->shape) != n || !row->shape.rank || row->shape.dim[row->shape.rank - 1] != n ||
            !gcam_shape_equal(shape, &plan->value[product->output[0]].shape))
            continue;
        float *bias = gcam_arena_alloc(&plan->arena, n, sizeof(*bias));
        if (!bias)
            return -ENOMEM;
        for (size_t j = 0; j < n; j++)
            bias[j] = (float)gcam_constant_double(row, j);
        product->bias = bias;
        absorb(plan, users, product, step);
        return 0;
    }
    return 0;
}

// In this order, until one of them takes the step away.
static int (*const rules[])(GcamPlan *plan, GcamUsers *users, GcamStep *step) = {
    fold_affine, gcam_fuse_attention, gcam_fuse_attention_order, gcam_fuse_shuffle, gcam_fuse_gate, gcam_fuse_gelu,
    fuse_row, fuse_add, fuse_activation,
};

static int fuse_step(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    int error = 0;
    for (size_t i = 0; step->op && !error && i < sizeof(rules) / sizeof(rules[0]); i++)
        error = rules[i](plan, users, step);
    return error;
}

// Steps whose results nothing reads any more.
static void drop_unused(GcamPlan *plan, GcamUsers *users)
{
    memset(users->count, 0, (size_t)plan->values * sizeof(*users->count));
    users->count[plan->logits] = 1;
    for (int i = 0; i < plan->carrieds; i++)
        users->count[plan->carried[i]] = 1;
    for (int i = plan->steps - 1; i >= 0; i--) {
        GcamStep *step = &plan->step[i];
        int used = 0;
        for (int j = 0; step->op && j < step->outputs; j++)
            used |= step->output[j] >= 0 && users->count[step->output[j]];
        if (!used)
            step->op = NULL;
        for (int j = 0; used && j < step->inputs; j++)
            if (step->input[j] >= 0)
                users->count[step->input[j]]++;
        if (used && step->add >= 0)
            users->count[step->add]++;
    }
}

int gcam_plan_fuse(GcamPlan *plan)
{
    GcamUsers users;
    int kept = 0, error = gcam_users_count(&users, plan);
    for (int i = 0; !error && i < plan->steps; i++)
        error = fuse_step(plan, &users, &plan->step[i]);
    for (int i = 0; !error && i < plan->steps; i++)
        error = gcam_divide_shuffle(plan, &users, &plan->step[i]);
    if (!error)
        error = gcam_fuse_rows(plan, &users);
    if (!error)
        drop_unused(plan, &users);
    for (int i = 0; i < plan->steps; i++)
        if (plan->step[i].op)
            plan->step[kept++] = plan->step[i];
    plan->steps = kept;
    return error;
}
