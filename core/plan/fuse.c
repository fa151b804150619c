/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Folding and fusing. Into a convolution go the BatchNormalization, residual addition and activation after it; into a
 * product with constant weights the addition of a row. What exporters write as several nodes for want of an operator -
 * GELU, SiLU, HardSwish, the shuffle of channels, attention, the ways into windows and back - becomes one step. Nothing
 * that is explained or asked for disappears.
 */
#include "fuse.h"

#include "ops/norm.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// `step` disappears into `into`, which makes its output from now on.
static void absorb(const GcamPlan *plan, GcamUsers *users, GcamStep *into, GcamStep *step)
{
    into->output[0] = step->output[0];
    users->producer[step->output[0]] = (int)(into - plan->step);
    step->op = NULL;
}

static int fold_batch_norm(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    GcamStep *conv = gcam_private_producer(plan, users, step->input[0]);
    if (!conv || conv->op != &gcam_op_conv || conv->scale || conv->add >= 0 || conv->act != GCAM_ACT_NONE)
        return 0;
    size_t channels = plan->value[step->output[0]].shape.dim[1];
    float *scale = gcam_arena_alloc(&plan->arena, channels, sizeof(*scale));
    float *bias = gcam_arena_alloc(&plan->arena, channels, sizeof(*bias));
    if (!scale || !bias)
        return -ENOMEM;
    gcam_batch_norm_affine(step->node, plan->value, scale, bias);
    if (conv->inputs > 2 && conv->input[2] >= 0)
        for (size_t c = 0; c < channels; c++)
            bias[c] += scale[c] * (float)gcam_constant_double(&plan->value[conv->input[2]], c);
    conv->scale = scale;
    conv->bias = bias;
    absorb(plan, users, conv, step);
    return 0;
}

static int step_of_type(const GcamStep *step, const char *type)
{
    return step->op && !strcmp(step->op->type, type);
}

// conv + other, where conv runs after whatever makes the other: the later of the two, if it is such a convolution.
static void fuse_add(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    int a = step->input[0], b = step->input[1];
    if (plan->value[a].data || plan->value[b].data || a == b ||
        !gcam_shape_equal(&plan->value[a].shape, &plan->value[b].shape))
        return;
    int later = users->producer[a] > users->producer[b] ? a : b;
    GcamStep *conv = gcam_private_producer(plan, users, later);
    if (!conv || conv->op != &gcam_op_conv || conv->in_head || conv->add >= 0 || conv->act != GCAM_ACT_NONE)
        return;
    conv->add = later == a ? b : a;
    absorb(plan, users, conv, step);
}

// In the head only a ReLU, whose derivative is seen in the result, and only where backward knows it.
static void fuse_activation(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    GcamStep *into = gcam_private_producer(plan, users, step->input[0]);
    if (!into || into->act != GCAM_ACT_NONE || (into->op != &gcam_op_conv && into->op != &gcam_op_batch_norm))
        return;
    if (step->in_head && (into->op != &gcam_op_conv || !step_of_type(step, "Relu")))
        return;
    into->act = step_of_type(step, "Relu") ? GCAM_ACT_RELU : GCAM_ACT_CLIP;
    if (into->act == GCAM_ACT_CLIP)
        gcam_clip_bounds(step->node, &into->lo, &into->hi);
    absorb(plan, users, into, step);
}

// ----------------------------------------------------------------------------------------- several nodes, one operator

// The constant among the two operands of a step where it is a single number near `number`: the other operand, else -1.
static int operand_beside(const GcamPlan *plan, const GcamStep *step, double number)
{
    for (int i = 0; i < 2; i++) {
        const GcamValue *value = &plan->value[step->input[i]];
        int other = step->input[1 - i];
        // Division has its constant second.
        if ((i == 1 || !step_of_type(step, "Div")) && value->data && gcam_shape_count(&value->shape) == 1 &&
            fabs(gcam_constant_double(value, 0) - number) < 1e-5 &&
            gcam_shape_equal(&plan->value[other].shape, &plan->value[step->output[0]].shape))
            return other;
    }
    return -1;
}

// As gcam_private_producer(), where that step has the given type.
static GcamStep *producer_of_type(const GcamPlan *plan, const GcamUsers *users, int value, const char *type)
{
    GcamStep *step = value >= 0 ? gcam_private_producer(plan, users, value) : NULL;
    return step && step_of_type(step, type) ? step : NULL;
}

// `step`, the last of a few, becomes `op` of `input` alone; the others disappear.
static int replace(GcamPlan *plan, GcamStep *step, const GcamOp *op, int input, size_t parameter, GcamStep **others,
                   int count)
{
    GcamNode *node = gcam_arena_alloc(&plan->arena, 1, sizeof(*node));
    size_t *params = gcam_arena_alloc(&plan->arena, 1, sizeof(*params));
    if (!node || !params)
        return -ENOMEM;
    *node = *step->node;
    *params = parameter;
    node->op = op;
    node->params = params;
    step->op = op;
    step->node = node;
    step->inputs = 1;
    step->input[0] = input;
    for (int i = 0; i < count; i++)
        others[i]->op = NULL;
    return 0;
}

// x * Sigmoid(x); x * HardSigmoid(x) with the slope of HardSwish.
static int fuse_gate(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    for (int i = 0; i < 2; i++) {
        int x = step->input[1 - i];
        GcamStep *gate = producer_of_type(plan, users, step->input[i], "Sigmoid");
        const GcamOp *op = &gcam_op_silu;
        if (!gate && (gate = producer_of_type(plan, users, step->input[i], "HardSigmoid"))) {
            op = gcam_op_find("HardSwish");
            if (fabsf(gcam_node_float(gate->node, "alpha", 0.2f) - 1.0f / 6) > 1e-5f ||
                gcam_node_float(gate->node, "beta", 0.5f) != 0.5f)
                continue;
        }
        if (!gate || gate->input[0] != x)
            continue;
        users->count[x]--;
        return replace(plan, step, op, x, 0, &gate, 1);
    }
    return 0;
}

// The x of 1 + Erf(x / sqrt(2)), where `value` is that; its three steps go to chain. Else -1.
static int find_erf(const GcamPlan *plan, const GcamUsers *users, int value, GcamStep **chain)
{
    chain[0] = producer_of_type(plan, users, value, "Add");
    int erf = chain[0] ? operand_beside(plan, chain[0], 1) : -1;
    chain[1] = producer_of_type(plan, users, erf, "Erf");
    int inner = chain[1] ? chain[1]->input[0] : -1;
    if ((chain[2] = producer_of_type(plan, users, inner, "Div")))
        return operand_beside(plan, chain[2], sqrt(2));
    if ((chain[2] = producer_of_type(plan, users, inner, "Mul")))
        return operand_beside(plan, chain[2], sqrt(0.5));
    return -1;
}

// x * (1 + Erf(x / sqrt(2))) / 2, halved at the end, as torch.onnx writes it, or at the beginning.
static int fuse_gelu(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    GcamStep *others[4];
    int product = operand_beside(plan, step, 0.5);
    GcamStep *last = (others[3] = producer_of_type(plan, users, product, "Mul")) ? others[3] : step;
    for (int i = 0; i < 2; i++) {
        int x = find_erf(plan, users, last->input[i], others), factor = last->input[1 - i];
        if (x < 0)
            continue;
        if (last == step) {
            others[3] = producer_of_type(plan, users, factor, "Mul");
            factor = others[3] ? operand_beside(plan, others[3], 0.5) : -1;
        }
        if (factor != x)
            continue;
        users->count[x]--;
        return replace(plan, step, gcam_op_find("Gelu"), x, 0, others, 4);
    }
    return 0;
}

// MatMul + a row of constants.
static int fuse_row(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    for (int i = 0; i < 2; i++) {
        const GcamValue *row = &plan->value[step->input[i]];
        GcamStep *product = producer_of_type(plan, users, step->input[1 - i], "MatMul");
        if (!row->data || !product || product->bias)
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
    GcamStep *concat = producer_of_type(plan, users, whole, "Concat");
    if (!concat || shuffle->in_head || groups != 2 || concat->inputs != 2)
        return;
    for (int i = 0; i < 2; i++)
        if (plan->value[concat->input[i]].data || !is_half(plan, concat->input[i], whole))
            return;
    shuffle->inputs = 2;
    shuffle->input = concat->input;
    concat->op = NULL;
}

// Reshape to (N, groups, C / groups, H, W), exchange of the two, Reshape back.
static int fuse_shuffle(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    static const int exchange[] = { 0, 2, 1, 3, 4 };
    GcamStep *others[2] = { producer_of_type(plan, users, step->input[0], "Transpose") };
    if (!others[0] || plan->value[step->input[0]].shape.rank != 5 ||
        memcmp(gcam_transpose_perm(others[0]->node), exchange, sizeof(exchange)) ||
        !(others[1] = producer_of_type(plan, users, others[0]->input[0], "Reshape")))
        return 0;
    int x = others[1]->input[0];
    const GcamShape *from = &plan->value[x].shape, *split = &plan->value[others[0]->input[0]].shape;
    if (plan->value[x].data || from->rank != 4 || !gcam_shape_equal(from, &plan->value[step->output[0]].shape) ||
        split->dim[0] != from->dim[0] || split->dim[1] * split->dim[2] != from->dim[1] ||
        split->dim[3] != from->dim[2])
        return 0;
    int error = replace(plan, step, &gcam_op_channel_shuffle, x, split->dim[1], others, 2);
    if (!error)
        join_groups(plan, users, step, split->dim[1]);
    return error;
}

// A shuffle of two groups whose result is only read as two halves makes these itself.
static int divide_shuffle(GcamPlan *plan, const GcamUsers *users, GcamStep *shuffle)
{
    int whole = shuffle->output[0], half[2] = { -1, -1 };
    size_t channels = plan->value[whole].shape.dim[1];
    if (shuffle->in_head || *(const size_t *)shuffle->node->params != 2 || channels % 4 || gcam_plan_shows(plan, whole))
        return 0;
    for (int i = (int)(shuffle - plan->step) + 1; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        if (!step->op || step->input[0] != whole || !is_half(plan, step->output[0], whole))
            continue;
        if (step->op == &gcam_op_split && step->outputs == 2 && users->count[whole] == 1)
            memcpy(half, step->output, sizeof(half));
        for (size_t j = 0; j < 2; j++)
            if (step->op == &gcam_op_slice && users->count[whole] == 2 &&
                gcam_slices_channels(step->node, j * channels / 2))
                half[j] = step->output[0];
    }
    if (half[0] < 0 || half[1] < 0)
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

static int fuse_step(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    int error = 0;
    if (step->op == &gcam_op_batch_norm)
        error = fold_batch_norm(plan, users, step);
    else if (step->op == &gcam_op_matmul)
        error = gcam_fuse_attention(plan, users, step);
    else if (step->op == &gcam_op_transpose)
        error = gcam_fuse_attention_order(plan, users, step);
    else if (step->op == &gcam_op_reshape)
        error = fuse_shuffle(plan, users, step);
    else if (step_of_type(step, "Mul") && !(error = fuse_gate(plan, users, step)) && step_of_type(step, "Mul"))
        error = fuse_gelu(plan, users, step);
    else if (step_of_type(step, "Add") && !(error = fuse_row(plan, users, step)) && step->op && !step->in_head)
        fuse_add(plan, users, step);
    else if (step_of_type(step, "Relu") || step_of_type(step, "Clip"))
        fuse_activation(plan, users, step);
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
        error = plan->step[i].op ? fuse_step(plan, &users, &plan->step[i]) : 0;
    for (int i = 0; !error && i < plan->steps; i++)
        error = plan->step[i].op == &gcam_op_channel_shuffle ? divide_shuffle(plan, &users, &plan->step[i]) : 0;
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
