/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Functions that exporters write as several nodes, for want of an operator, become one step: x * sigmoid(x), which is
 * SiLU, and GELU by erf. Each is found from its last step backward, over steps whose results nothing else reads.
 */
#include "fuse.h"

#include <errno.h>
#include <math.h>

// The constant among the two operands of a step where it is a single number near `number`: the other operand, else -1.
static int operand_beside(const GcamPlan *plan, const GcamStep *step, double number)
{
    for (int i = 0; i < 2; i++) {
        const GcamValue *value = &plan->value[step->input[i]];
        int other = step->input[1 - i];
        // Division has its constant second.
        if ((i == 1 || !gcam_step_is(step, GCAM_SYMBOL_DIV)) && value->data && gcam_shape_count(&value->shape) == 1 &&
            fabs(gcam_constant_double(value, 0) - number) < 1e-5 &&
            gcam_shape_equal(&plan->value[other].shape, &plan->value[step->output[0]].shape))
            return other;
    }
    return -1;
}

// As gcam_private_producer(), where that step computes `symbol`.
static GcamStep *producer_of(const GcamPlan *plan, const GcamUsers *users, int value, enum GcamSymbol symbol)
{
    GcamStep *step = value >= 0 ? gcam_private_producer(plan, users, value) : NULL;
    return step && gcam_step_is(step, symbol) ? step : NULL;
}

int gcam_fuse_replace(GcamPlan *plan, GcamStep *step, const GcamOp *op, int input, void *params, GcamStep **others,
                      int count)
{
    GcamNode *node = gcam_arena_alloc(&plan->arena, 1, sizeof(*node));
    if (!node)
        return -ENOMEM;
    *node = *step->node;
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

// x * f(x), where f says what that is: of Sigmoid, SiLU.
int gcam_fuse_gate(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    for (int i = 0; i < 2 && gcam_step_is(step, GCAM_SYMBOL_MUL); i++) {
        int x = step->input[1 - i];
        GcamStep *gate = gcam_private_producer(plan, users, step->input[i]);
        const GcamOp *op = gate && gate->op->gate ? gate->op->gate(gate->node) : NULL;
        if (!op || gate->input[0] != x)
            continue;
        users->count[x]--;
        return gcam_fuse_replace(plan, step, op, x, NULL, &gate, 1);
    }
    return 0;
}

// The x of 1 + Erf(x / sqrt(2)), where `value` is that; its three steps go to chain. Else -1.
static int find_erf(const GcamPlan *plan, const GcamUsers *users, int value, GcamStep **chain)
{
    chain[0] = producer_of(plan, users, value, GCAM_SYMBOL_ADD);
    int erf = chain[0] ? operand_beside(plan, chain[0], 1) : -1;
    chain[1] = producer_of(plan, users, erf, GCAM_SYMBOL_ERF);
    int inner = chain[1] ? chain[1]->input[0] : -1;
    if ((chain[2] = producer_of(plan, users, inner, GCAM_SYMBOL_DIV)))
        return operand_beside(plan, chain[2], sqrt(2));
    if ((chain[2] = producer_of(plan, users, inner, GCAM_SYMBOL_MUL)))
        return operand_beside(plan, chain[2], sqrt(0.5));
    return -1;
}

// x * (1 + Erf(x / sqrt(2))) / 2, halved at the end, as torch.onnx writes it, or at the beginning.
int gcam_fuse_gelu(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    if (!gcam_step_is(step, GCAM_SYMBOL_MUL))
        return 0;
    GcamStep *others[4];
    int product = operand_beside(plan, step, 0.5);
    GcamStep *last = (others[3] = producer_of(plan, users, product, GCAM_SYMBOL_MUL)) ? others[3] : step;
    for (int i = 0; i < 2; i++) {
        int x = find_erf(plan, users, last->input[i], others), factor = last->input[1 - i];
        if (x < 0)
            continue;
        if (last == step) {
            others[3] = producer_of(plan, users, factor, GCAM_SYMBOL_MUL);
            factor = others[3] ? operand_beside(plan, others[3], 0.5) : -1;
        }
        if (factor != x)
            continue;
        users->count[x]--;
        return gcam_fuse_replace(plan, step, gcam_op_find("Gelu"), x, NULL, others, 4);
    }
    return 0;
}
