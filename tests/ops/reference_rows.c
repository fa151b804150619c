/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: normalisation, softmax and reductions.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

// Mean and variance of a channel: given, or as in training those of the batch.
static void channel_moments(const Op *op, size_t c, double *mean, double *variance)
{
    const RefTensor *x = op->in[0];
    double sum = 0, squares = 0, count = 0;
    size_t at[GRAPH_RANK] = { 0 };
    *mean = op->in[3]->data[c];
    *variance = op->in[4]->data[c];
    if (!integer(op, "training_mode", 0))
        return;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < x->count; i++) {
            indices_of(i, x->rank, x->dim, at);
            if (at[1] != c)
                continue;
            count += !pass;
            sum += pass ? 0 : x->data[i];
            squares += pass ? pow(x->data[i] - sum / count, 2) : 0;
        }
    *mean = sum / count;
    *variance = squares / count;
}

void op_batch_norm(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    double epsilon = number(op, "epsilon", 1e-5), mean = 0, variance = 0;
    for (size_t c = 0; c < x->dim[1]; c++) {
        channel_moments(op, c, &mean, &variance);
        for (size_t i = 0; i < x->count; i++) {
            size_t at[GRAPH_RANK] = { 0 };
            indices_of(i, x->rank, x->dim, at);
            if (at[1] == c)
                y->data[i] = op->in[1]->data[c] * (x->data[i] - mean) / sqrt(variance + epsilon) + op->in[2]->data[c];
        }
    }
}

void op_layer_norm(Op *op)
{
    const RefTensor *x = op->in[0], *bias = op->node->inputs > 2 ? op->in[2] : NULL;
    RefTensor *y = out(op, 0, x->rank, x->dim);
    size_t size = 1;
    for (int i = axis_of(integer(op, "axis", -1), x->rank); i < x->rank; i++)
        size *= x->dim[i];
    for (size_t row = 0; row < x->count / size; row++) {
        const double *from = x->data + row * size;
        double mean = 0, variance = 0;
        for (size_t i = 0; i < size; i++)
            mean += from[i] / (double)size;
        for (size_t i = 0; i < size; i++)
            variance += (from[i] - mean) * (from[i] - mean) / (double)size;
        for (size_t i = 0; i < size; i++)
            y->data[row * size + i] = (from[i] - mean) / sqrt(variance + number(op, "epsilon", 1e-5)) *
                                      op->in[1]->data[i] + (bias ? bias->data[i] : 0);
    }
}

// Instance, Group and MeanVarianceNormalization: a group of channels of one picture, or (by axes) of all pictures.
void op_group_norm(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    const int plain = op->node->type[0] == 'M', grouped = op->node->type[0] == 'G';
    size_t at[GRAPH_RANK], other[GRAPH_RANK], groups = grouped ? (size_t)integer(op, "num_groups", 1) : x->dim[1];
    const GraphAttribute *axes = attribute(op, "axes");
    groups = plain && axes && axes->count == x->rank ? 1 : groups;
    size_t each = x->dim[1] / groups;
    for (size_t i = 0; i < x->count; i++) {
        double mean = 0, variance = 0, n = 0;
        indices_of(i, x->rank, x->dim, at);
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < x->count; j++) {
                indices_of(j, x->rank, x->dim, other);
                if (other[0] != at[0] || other[1] / each != at[1] / each)
                    continue;
                n += !pass;
                mean += pass ? 0 : x->data[j];
                variance += pass ? pow(x->data[j] - mean / n, 2) : 0;
            }
        double z = (x->data[i] - mean / n) / sqrt(variance / n + (plain ? 0 : number(op, "epsilon", 1e-5)));
        y->data[i] = plain ? z : z * op->in[1]->data[at[1] * op->in[1]->count / x->dim[1]] +
                                 op->in[2]->data[at[1] * op->in[2]->count / x->dim[1]];
    }
}

void op_lrn(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    int size = integer(op, "size", 1);
    for (size_t i = 0; i < x->count; i++) {
        size_t at[4];
        double sum = 0;
        indices_of(i, 4, x->dim, at);
        for (int c = (int)at[1] - (size - 1) / 2; c <= (int)at[1] + size / 2; c++) {
            size_t from[4] = { at[0], (size_t)c, at[2], at[3] };
            if (c >= 0 && c < (int)x->dim[1])
                sum += pow(x->data[place_of(4, x->dim, from)], 2);
        }
        y->data[i] = x->data[i] / pow(number(op, "bias", 1) + number(op, "alpha", 1e-4) / size * sum,
                                      number(op, "beta", 0.75));
    }
}

void op_softmax(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    int one = op->reference->graph->opset >= 13, axis = axis_of(integer(op, "axis", one ? -1 : 1), x->rank);
    for (size_t i = 0; i < x->count; i++) {
        size_t at[GRAPH_RANK], other[GRAPH_RANK];
        double sum = 0;
        indices_of(i, x->rank, x->dim, at);
        for (size_t j = 0; j < x->count; j++) {
            int same = 1;
            indices_of(j, x->rank, x->dim, other);
            for (int d = 0; d < x->rank; d++)
                same &= at[d] == other[d] || d == axis || (!one && d > axis);
            sum += same ? exp(x->data[j]) : 0;
        }
        y->data[i] = op->node->type[0] == 'L' ? x->data[i] - log(sum) : exp(x->data[i]) / sum;
    }
}

static double reduced_with(const char *type, double sum, double x)
{
    IS("ReduceProd") return sum * x;
    IS("ReduceMax") return fmax(sum, x);
    IS("ReduceMin") return fmin(sum, x);
    IS("ReduceL1") return sum + fabs(x);
    IS("ReduceL2") return sum + x * x;
    IS("ReduceSumSquare") return sum + x * x;
    IS("ReduceLogSumExp") return sum + exp(x);
    return sum + x;
}

static double reduced_to(const char *type, double sum, double elements)
{
    IS("ReduceMean") return sum / elements;
    IS("ReduceL2") return sqrt(sum);
    IS("ReduceLogSum") return log(sum);
    IS("ReduceLogSumExp") return log(sum);
    return sum;
}

void op_reduce(Op *op)
{
    const RefTensor *x = op->in[0];
    double axes[GRAPH_RANK];
    int n = list(op, "axes", 1, axes), drop[GRAPH_RANK] = { 0 }, rank = 0, keep = integer(op, "keepdims", 1);
    size_t dim[GRAPH_RANK], kept[GRAPH_RANK], reduced = 1;
    for (int i = 0; i < x->rank; i++)
        drop[i] = n <= 0 && !integer(op, "noop_with_empty_axes", 0);
    for (int i = 0; i < n; i++)
        drop[axis_of(axes[i], x->rank)] = 1;
    for (int i = 0; i < x->rank; i++) {
        kept[i] = drop[i] ? 1 : x->dim[i];
        reduced *= drop[i] ? x->dim[i] : 1;
        if (!drop[i] || keep)
            dim[rank++] = kept[i];
    }
    RefTensor *y = out(op, 0, rank, dim);
    const char *type = op->node->type;
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = !strcmp(type, "ReduceProd") ? 1 : !strcmp(type, "ReduceMax") ? -INFINITY :
                     !strcmp(type, "ReduceMin") ? INFINITY : 0;
    for (size_t i = 0; i < x->count; i++) {
        size_t at[GRAPH_RANK];
        indices_of(i, x->rank, x->dim, at);
        for (int d = 0; d < x->rank; d++)
            at[d] = drop[d] ? 0 : at[d];
        double *to = &y->data[place_of(x->rank, kept, at)];
        *to = reduced_with(type, *to, x->data[i]);
    }
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = reduced_to(type, y->data[i], (double)reduced);
}

void op_lp_norm(Op *op)
{
    const RefTensor *x = op->in[0];
    const int axis = axis_of(integer(op, "axis", -1), x->rank);
    RefTensor *y = out(op, 0, x->rank, x->dim);
    for (size_t i = 0; i < x->count; i++) {
        size_t at[GRAPH_RANK];
        double norm = 0;
        indices_of(i, x->rank, x->dim, at);
        for (at[axis] = 0; at[axis] < x->dim[axis]; at[axis]++)
            norm += pow(fabs(x->data[place_of(x->rank, x->dim, at)]), integer(op, "p", 2));
        y->data[i] = norm > 0 ? x->data[i] / pow(norm, 1.0 / integer(op, "p", 2)) : 0;
    }
}

void op_rms_norm(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    size_t size = 1;
    for (int i = axis_of(integer(op, "axis", -1), x->rank); i < x->rank; i++)
        size *= x->dim[i];
    for (size_t i = 0; i < x->count; i++) {
        size_t at[GRAPH_RANK];
        double mean = 0;
        for (size_t k = i / size * size; k < i / size * size + size; k++)
            mean += x->data[k] * x->data[k] / (double)size;
        indices_of(i, x->rank, x->dim, at);
        y->data[i] = x->data[i] / sqrt(mean + number(op, "epsilon", 1e-5)) * broadcast(op->in[1], x->rank, at);
    }
}

void op_hardmax(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    int one = op->reference->graph->opset >= 13, axis = axis_of(integer(op, "axis", one ? -1 : 1), x->rank);
    for (size_t i = 0; i < x->count; i++) {
        size_t at[GRAPH_RANK], other[GRAPH_RANK];
        y->data[i] = 1;
        indices_of(i, x->rank, x->dim, at);
        for (size_t j = 0; j < x->count; j++) {
            int same = 1;
            indices_of(j, x->rank, x->dim, other);
            for (int d = 0; d < x->rank; d++)
                same &= at[d] == other[d] || d == axis || (!one && d > axis);
            if (same && (x->data[j] > x->data[i] || (x->data[j] == x->data[i] && j < i)))
                y->data[i] = 0;
        }
    }
}
