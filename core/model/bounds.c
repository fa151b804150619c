/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether a network computes probabilities. In: the graph before its scores. Out: how they become probabilities.
 *
 * What the graph ended in, and what was cut off, tells. Else the elements of the scores are bounded by interval
 * arithmetic over the last nodes, as far back as a softmax or sigmoid: a mean of two softmaxes, and p beside 1 - p, lie
 * within 0..1 and are probabilities already. A single number that nothing bounds has none: it may be an
 * age as well as a logit. Several such numbers are taken for the logits of one softmax, which is assumed.
 */
#include "model.h"

#include "ops/ops.h"

#include <math.h>
#include <string.h>

enum { MOST_NODES = 24, MOST_ELEMENTS = 1 << 16 };      // back from the scores; of a constant that is looked at

typedef struct Bounds {
    double low, high;
} Bounds;

static const Bounds anything = { -INFINITY, INFINITY };

static Bounds find_bounds(const GcamGraph *graph, int value, int nodes);

static Bounds constant_bounds(const GcamValue *value)
{
    size_t count = gcam_shape_count(&value->shape);
    if (!count || count > MOST_ELEMENTS)
        return anything;
    Bounds b = { INFINITY, -INFINITY };
    for (size_t i = 0; i < count; i++) {
        double x = gcam_constant_double(value, i);
        if (isnan(x))
            return anything;
        b.low = fmin(b.low, x);
        b.high = fmax(b.high, x);
    }
    return b;
}

// The hull of all inputs: what a Concat, and each element of a Max, lies in.
static Bounds hull(const GcamGraph *graph, const GcamNode *node, int nodes)
{
    Bounds b = find_bounds(graph, node->input[0], nodes);
    for (int i = 1; i < node->inputs; i++) {
        Bounds other = find_bounds(graph, node->input[i], nodes);
        b.low = fmin(b.low, other.low);
        b.high = fmax(b.high, other.high);
    }
    return b;
}

static Bounds products(Bounds a, Bounds b)
{
    double p = a.low * b.low, q = a.low * b.high, r = a.high * b.low, s = a.high * b.high;
    if (isnan(p) || isnan(q) || isnan(r) || isnan(s))           // 0 times infinity
        return anything;
    return (Bounds){ fmin(fmin(p, q), fmin(r, s)), fmax(fmax(p, q), fmax(r, s)) };
}

// Of the four operations, by the bounds of both operands.
static Bounds arithmetic(const GcamGraph *graph, const GcamNode *node, int nodes)
{
    const enum GcamSymbol symbol = node->op->symbol;
    if (symbol == GCAM_SYMBOL_NONE || node->inputs != 2)
        return anything;
    Bounds a = find_bounds(graph, node->input[0], nodes), b = find_bounds(graph, node->input[1], nodes);
    switch (symbol) {
    case GCAM_SYMBOL_ADD:
        return (Bounds){ a.low + b.low, a.high + b.high };
    case GCAM_SYMBOL_SUB:
        return (Bounds){ a.low - b.high, a.high - b.low };
    case GCAM_SYMBOL_MUL:
        return products(a, b);
    case GCAM_SYMBOL_DIV:
        return b.low > 0 || b.high < 0 ? products(a, (Bounds){ 1 / b.high, 1 / b.low }) : anything;
    default:
        return anything;
    }
}

// What every element of a value lies in, from up to `nodes` nodes before it.
static Bounds find_bounds(const GcamGraph *graph, int value, int nodes)
{
    if (value < 0)
        return anything;
    if (graph->value[value].data)
        return constant_bounds(&graph->value[value]);
    if (!nodes || graph->value[value].node < 0)
        return anything;
    const GcamNode *node = &graph->node[graph->value[value].node];
    switch (node->op->range) {
    case GCAM_RANGE_UNIT:
        return (Bounds){ 0, 1 };
    case GCAM_RANGE_FIRST:
        return find_bounds(graph, node->input[0], nodes - 1);
    case GCAM_RANGE_ALL:
        return hull(graph, node, nodes / (node->inputs > 1 ? node->inputs : 1));
    case GCAM_RANGE_UNKNOWN:
        break;
    }
    return arithmetic(graph, node, nodes / 2);
}

void gcam_model_choose_probability(GradcamModel *model)
{
    GradcamModelInfo *info = &model->info;
    const double slack = 1e-6;          // two thirds and a third make 1.0000001
    info->probability_assumed = 0;
    if (!strcmp(info->probabilities, "softmax")) {
        info->probability = GRADCAM_PROBABILITY_SOFTMAX;
    } else if (!strcmp(info->probabilities, "sigmoid")) {
        info->probability = GRADCAM_PROBABILITY_SIGMOID;
    } else {
        Bounds b = find_bounds(&model->graph, model->logits, MOST_NODES);
        int given = b.low >= -slack && b.high <= 1 + slack;
        info->probability = given ? GRADCAM_PROBABILITY_GIVEN : info->classes == 1 ? GRADCAM_PROBABILITY_NONE
                                                                                   : GRADCAM_PROBABILITY_SOFTMAX;
        info->probability_assumed = !given;
    }
}
