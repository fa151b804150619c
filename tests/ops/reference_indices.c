/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: what goes by indices, finds them, or goes along a dimension.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

static size_t index_in(double index, size_t size)
{
    return (size_t)(index < 0 ? index + (double)size : index);
}

void op_gather_elements(Op *op)
{
    const RefTensor *x = op->in[0], *by = op->in[1];
    int axis = axis_of(integer(op, "axis", 0), x->rank);
    size_t at[GRAPH_RANK];
    RefTensor *y = out(op, 0, by->rank, by->dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, by->rank, by->dim, at);
        at[axis] = index_in(by->data[i], x->dim[axis]);
        y->data[i] = x->data[place_of(x->rank, x->dim, at)];
    }
}

void op_gather_nd(Op *op)
{
    const RefTensor *x = op->in[0], *by = op->in[1];
    int batch = integer(op, "batch_dims", 0), depth = (int)by->dim[by->rank - 1], rank = 0;
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], from[GRAPH_RANK];
    for (int i = 0; i < by->rank - 1; i++)
        dim[rank++] = by->dim[i];
    for (int i = batch + depth; i < x->rank; i++)
        dim[rank++] = x->dim[i];
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        size_t row = place_of(by->rank - 1, by->dim, at);
        memcpy(from, at, (size_t)batch * sizeof(*from));
        for (int d = 0; d < depth; d++)
            from[batch + d] = index_in(by->data[row * (size_t)depth + (size_t)d], x->dim[batch + d]);
        for (int d = batch + depth; d < x->rank; d++)
            from[d] = at[by->rank - 1 + d - batch - depth];
        y->data[i] = x->data[place_of(x->rank, x->dim, from)];
    }
}

// ScatterElements and ScatterND.
void op_scatter(Op *op)
{
    const RefTensor *x = op->in[0], *by = op->in[1], *u = op->in[2];
    int nd = !strcmp(op->node->type, "ScatterND"), axis = axis_of(integer(op, "axis", 0), x->rank);
    size_t at[GRAPH_RANK], to[GRAPH_RANK], depth = by->dim[by->rank - 1];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    memcpy(y->data, x->data, x->count * sizeof(*y->data));
    for (size_t i = 0; i < u->count; i++) {
        indices_of(i, u->rank, u->dim, at);
        memcpy(to, at, sizeof(to));
        if (!nd)
            to[axis] = index_in(by->data[i], x->dim[axis]);
        for (size_t d = 0; nd && d < (size_t)x->rank; d++)
            to[d] = d < depth ? index_in(by->data[place_of(by->rank - 1, by->dim, at) * depth + d], x->dim[d])
                              : at[(size_t)by->rank - 1 + d - depth];
        double *place = &y->data[place_of(x->rank, x->dim, to)];
        *place = is_word(op, "reduction", "add") ? *place + u->data[i]
               : is_word(op, "reduction", "mul") ? *place * u->data[i]
               : is_word(op, "reduction", "max") ? fmax(*place, u->data[i])
               : is_word(op, "reduction", "min") ? fmin(*place, u->data[i]) : u->data[i];
    }
}

// The r-th along an axis, for the lane that `at` is in: the place of which r elements come before.
static size_t ranked(const RefTensor *x, int axis, size_t *at, size_t r, int least, int last)
{
    for (size_t i = 0; i < x->dim[axis]; i++) {
        size_t before = 0;
        at[axis] = i;
        double own = x->data[place_of(x->rank, x->dim, at)];
        for (size_t k = 0; k < x->dim[axis]; k++) {
            at[axis] = k;
            double other = x->data[place_of(x->rank, x->dim, at)];
            before += least ? other < own : other > own;
            before += other == own && (last ? k > i : k < i);
        }
        if (before == r)
            return i;
    }
    return 0;
}

void op_topk(Op *op)
{
    const RefTensor *x = op->in[0];
    int axis = axis_of(integer(op, "axis", -1), x->rank), least = !integer(op, "largest", 1);
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    memcpy(dim, x->dim, sizeof(dim));
    dim[axis] = op->node->inputs > 1 ? (size_t)op->in[1]->data[0] : (size_t)integer(op, "k", 1);
    RefTensor *y = out(op, 0, x->rank, dim), *places = op->node->outputs > 1 ? out(op, 1, x->rank, dim) : NULL;
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, dim, at);
        size_t place = ranked(x, axis, at, at[axis], least, 0);
        at[axis] = place;
        y->data[i] = x->data[place_of(x->rank, x->dim, at)];
        if (places)
            places->data[i] = (double)place;
    }
}

void op_arg(Op *op)
{
    const RefTensor *x = op->in[0];
    int axis = axis_of(integer(op, "axis", 0), x->rank), rank = 0, keep = integer(op, "keepdims", 1);
    size_t dim[GRAPH_RANK], kept[GRAPH_RANK], at[GRAPH_RANK];
    for (int i = 0; i < x->rank; i++) {
        kept[i] = i == axis ? 1 : x->dim[i];
        if (i != axis || keep)
            dim[rank++] = kept[i];
    }
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, kept, at);
        y->data[i] = (double)ranked(x, axis, at, 0, !strcmp(op->node->type, "ArgMin"),
                                    integer(op, "select_last_index", 0));
    }
}

void op_cumsum(Op *op)
{
    const RefTensor *x = op->in[0];
    int axis = axis_of(op->in[1]->data[0], x->rank);
    size_t at[GRAPH_RANK];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, x->dim, at);
        size_t own = at[axis];
        y->data[i] = 0;
        for (size_t k = 0; k < x->dim[axis]; k++) {
            at[axis] = k;
            int counts = integer(op, "reverse", 0) ? k > own : k < own;
            if (counts || (k == own && !integer(op, "exclusive", 0)))
                y->data[i] += x->data[place_of(x->rank, x->dim, at)];
        }
    }
}

void op_non_zero(Op *op)
{
    const RefTensor *x = op->in[0];
    size_t found = 0, at[GRAPH_RANK];
    for (size_t i = 0; i < x->count; i++)
        found += x->data[i] != 0;
    RefTensor *y = out(op, 0, 2, (const size_t[]){ (size_t)x->rank, found });
    found = 0;
    for (size_t i = 0; i < x->count; i++) {
        if (x->data[i] == 0)
            continue;
        indices_of(i, x->rank, x->dim, at);
        for (int d = 0; d < x->rank; d++)
            y->data[(size_t)d * y->dim[1] + found] = (double)at[d];
        found++;
    }
}

void op_one_hot(Op *op)
{
    const RefTensor *x = op->in[0];
    int axis = axis_of(integer(op, "axis", -1), x->rank + 1), rank = x->rank + 1;
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], from[GRAPH_RANK], depth = (size_t)op->in[1]->data[0];
    for (int i = 0; i < rank; i++)
        dim[i] = i == axis ? depth : x->dim[i > axis ? i - 1 : i];
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        for (int d = 0; d < x->rank; d++)
            from[d] = at[d < axis ? d : d + 1];
        y->data[i] = op->in[2]->data[index_in(x->data[place_of(x->rank, x->dim, from)], depth) == at[axis]];
    }
}
