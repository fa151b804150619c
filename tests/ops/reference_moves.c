/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: what moves elements, and shapes.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

void op_concat(Op *op)
{
    const RefTensor *x = op->in[0];
    int axis = axis_of(integer(op, "axis", 1), x->rank);
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], first = 0;
    memcpy(dim, x->dim, sizeof(dim));
    for (int k = 1; k < op->node->inputs; k++)
        dim[axis] += op->in[k]->dim[axis];
    RefTensor *y = out(op, 0, x->rank, dim);
    for (int k = 0; k < op->node->inputs; k++) {
        for (size_t i = 0; i < op->in[k]->count; i++) {
            indices_of(i, y->rank, op->in[k]->dim, at);
            at[axis] += first;
            y->data[place_of(y->rank, dim, at)] = op->in[k]->data[i];
        }
        first += op->in[k]->dim[axis];
    }
}

void op_split(Op *op)
{
    const RefTensor *x = op->in[0];
    int axis = axis_of(integer(op, "axis", 0), x->rank), outputs = op->node->outputs;
    double parts[GRAPH_RANK];
    size_t first = 0, whole = x->dim[axis], at[GRAPH_RANK];
    if (list(op, "split", 1, parts) < 0)
        for (int k = 0; k < outputs; k++) {
            size_t even = (whole + (size_t)outputs - 1) / (size_t)outputs, rest = whole - (size_t)k * even;
            parts[k] = (double)(even < rest ? even : rest);
        }
    for (int k = 0; k < outputs; k++) {
        size_t dim[GRAPH_RANK];
        memcpy(dim, x->dim, sizeof(dim));
        dim[axis] = (size_t)parts[k];
        RefTensor *y = out(op, k, x->rank, dim);
        for (size_t i = 0; i < y->count; i++) {
            indices_of(i, x->rank, dim, at);
            at[axis] += first;
            y->data[i] = x->data[place_of(x->rank, x->dim, at)];
        }
        first += dim[axis];
    }
}

void op_slice(Op *op)
{
    const RefTensor *x = op->in[0];
    double starts[GRAPH_RANK], ends[GRAPH_RANK], axes[GRAPH_RANK], steps[GRAPH_RANK];
    int n = list(op, "starts", 1, starts), has_axes, has_steps;
    list(op, "ends", 2, ends);
    has_axes = list(op, "axes", 3, axes) > 0;
    has_steps = list(op, NULL, 4, steps) > 0;
    size_t dim[GRAPH_RANK], pick[GRAPH_RANK][64];
    memcpy(dim, x->dim, sizeof(dim));
    for (int d = 0; d < x->rank; d++)
        for (size_t i = 0; i < dim[d] && i < 64; i++)
            pick[d][i] = i;
    for (int k = 0; k < n; k++) {
        int axis = has_axes ? axis_of(axes[k], x->rank) : k;
        double size = (double)x->dim[axis], step = has_steps ? steps[k] : 1;
        double at = starts[k] < 0 ? starts[k] + size : starts[k],
               end = ends[k] < 0 ? ends[k] + size : ends[k];
        dim[axis] = 0;
        for (at = fmin(at, step > 0 ? size : size - 1);
             step > 0 ? at < end && at < size : at > end && at >= 0; at += step)
            pick[axis][dim[axis]++] = (size_t)at;
    }
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[GRAPH_RANK];
        indices_of(i, x->rank, dim, at);
        for (int d = 0; d < x->rank; d++)
            at[d] = pick[d][at[d]];
        y->data[i] = x->data[place_of(x->rank, x->dim, at)];
    }
}

// Index i of a dimension of `size`, brought into it where the padding repeats x: one step at a time.
static size_t padded(const Op *op, long i, long size)
{
    if (is_word(op, "mode", "edge"))
        return (size_t)(i < 0 ? 0 : i >= size ? size - 1 : i);
    while (is_word(op, "mode", "wrap") && (i < 0 || i >= size))
        i += i < 0 ? size : -size;
    while (is_word(op, "mode", "reflect") && (i < 0 || i >= size))
        i = i < 0 ? -i : 2 * (size - 1) - i;
    return (size_t)i;
}

void op_pad(Op *op)
{
    const RefTensor *x = op->in[0];
    double pads[2 * GRAPH_RANK], axes[GRAPH_RANK];
    double fill = op->node->inputs > 2 && op->in[2] ? op->in[2]->data[0] : number(op, "value", 0);
    int n = list(op, "pads", 1, pads) / 2, has_axes = list(op, NULL, 3, axes) > 0;
    long before[GRAPH_RANK] = { 0 };
    size_t dim[GRAPH_RANK];
    memcpy(dim, x->dim, sizeof(dim));
    for (int k = 0; k < n; k++) {
        int axis = has_axes ? axis_of(axes[k], x->rank) : k;
        before[axis] = (long)pads[k];
        dim[axis] = (size_t)((double)dim[axis] + pads[k] + pads[k + n]);
    }
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[GRAPH_RANK];
        int inside = 1;
        indices_of(i, x->rank, dim, at);
        for (int d = 0; d < x->rank; d++) {
            at[d] = padded(op, (long)at[d] - before[d], (long)x->dim[d]);
            inside &= at[d] < x->dim[d];
        }
        y->data[i] = inside ? x->data[place_of(x->rank, x->dim, at)] : fill;
    }
}

void op_transpose(Op *op)
{
    const RefTensor *x = op->in[0];
    double perm[GRAPH_RANK];
    int n = list(op, "perm", -1, perm);
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], from[GRAPH_RANK];
    for (int i = 0; i < x->rank; i++) {
        perm[i] = n > 0 ? perm[i] : x->rank - 1 - i;
        dim[i] = x->dim[(int)perm[i]];
    }
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, dim, at);
        for (int d = 0; d < x->rank; d++)
            from[(int)perm[d]] = at[d];
        y->data[i] = x->data[place_of(x->rank, x->dim, from)];
    }
}

void op_blocks(Op *op)
{
    const RefTensor *x = op->in[0];
    const int deep = op->node->type[0] == 'D', crd = is_word(op, "mode", "CRD");
    const size_t b = (size_t)integer(op, "blocksize", 1);
    size_t dim[4] = { x->dim[0], deep ? x->dim[1] / b / b : x->dim[1] * b * b, deep ? x->dim[2] * b : x->dim[2] / b,
                      deep ? x->dim[3] * b : x->dim[3] / b };
    RefTensor *y = out(op, 0, 4, dim);
    const RefTensor *wide = deep ? y : x, *narrow = deep ? x : y;
    for (size_t i = 0; i < wide->count; i++) {
        size_t at[4];
        indices_of(i, 4, wide->dim, at);
        size_t row = at[2] % b, column = at[3] % b, c = at[1];
        size_t channel = crd ? (c * b + row) * b + column : (row * b + column) * wide->dim[1] + c;
        size_t from[4] = { at[0], channel, at[2] / b, at[3] / b };
        size_t place = place_of(4, narrow->dim, from);
        y->data[deep ? i : place] = x->data[deep ? place : i];
    }
}

void op_tile(Op *op)
{
    const RefTensor *x = op->in[0];
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    for (int d = 0; d < x->rank; d++)
        dim[d] = x->dim[d] * (size_t)op->in[1]->data[d];
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, dim, at);
        for (int d = 0; d < x->rank; d++)
            at[d] %= x->dim[d];
        y->data[i] = x->data[place_of(x->rank, x->dim, at)];
    }
}

void op_gather(Op *op)
{
    const RefTensor *x = op->in[0], *by = op->in[1];
    int axis = axis_of(integer(op, "axis", 0), x->rank), rank = 0;
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], from[GRAPH_RANK];
    for (int i = 0; i < axis; i++)
        dim[rank++] = x->dim[i];
    for (int i = 0; i < by->rank; i++)
        dim[rank++] = by->dim[i];
    for (int i = axis + 1; i < x->rank; i++)
        dim[rank++] = x->dim[i];
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        for (int d = 0; d < axis; d++)
            from[d] = at[d];
        for (int d = axis + 1; d < x->rank; d++)
            from[d] = at[d - 1 + by->rank];
        from[axis] = (size_t)axis_of(by->data[place_of(by->rank, by->dim, at + axis)], (int)x->dim[axis]);
        y->data[i] = x->data[place_of(x->rank, x->dim, from)];
    }
}

// ------------------------------------------------------------------------- shapes, and what is constant

static void copy_as(Op *op, int rank, const size_t *dim)
{
    RefTensor *y = out(op, 0, rank, dim);
    memcpy(y->data, op->in[0]->data, y->count * sizeof(double));
}

void op_view(Op *op)
{
    const RefTensor *x = op->in[0];
    const char *type = op->node->type;
    double asked[GRAPH_RANK];
    size_t dim[GRAPH_RANK], known = 1;
    int rank = 0, set[GRAPH_RANK] = { 0 };
    IS("Reshape") {
        rank = list(op, "shape", 1, asked);
        for (int i = 0; i < rank; i++) {
            dim[i] = asked[i] == 0 ? x->dim[i] : asked[i] < 0 ? 1 : (size_t)asked[i];
            known *= dim[i];
        }
        for (int i = 0; i < rank; i++)
            dim[i] = asked[i] < 0 ? x->count / known : dim[i];
    }
    IS("Flatten") {
        int axis = axis_of(integer(op, "axis", 1), x->rank);
        dim[0] = dim[1] = 1;
        for (int i = 0; i < x->rank; i++)
            dim[i >= axis] *= x->dim[i];
        rank = 2;
    }
    IS("Squeeze") {
        int n = list(op, "axes", 1, asked);
        for (int i = 0; i < x->rank; i++)
            set[i] = n < 0 && x->dim[i] == 1;
        for (int i = 0; i < n; i++)
            set[axis_of(asked[i], x->rank)] = 1;
        for (int i = 0; i < x->rank; i++)
            if (!set[i])
                dim[rank++] = x->dim[i];
    }
    IS("Unsqueeze") {
        int n = list(op, "axes", 1, asked), next = 0;
        rank = x->rank + n;
        for (int i = 0; i < n; i++)
            set[axis_of(asked[i], rank)] = 1;
        for (int i = 0; i < rank; i++)
            dim[i] = set[i] ? 1 : x->dim[next++];
    }
    copy_as(op, rank, dim);
}

void op_shape(Op *op)
{
    const RefTensor *x = op->in[0];
    int first = axis_of(integer(op, "start", 0), x->rank),
        last = axis_of(integer(op, "end", x->rank), x->rank);
    size_t dim[1] = { (size_t)(last - first) };
    RefTensor *y = out(op, 0, 1, dim);
    for (int i = first; i < last; i++)
        y->data[i - first] = (double)x->dim[i];
}

void op_range(Op *op)
{
    double start = op->in[0]->data[0], step = op->in[2]->data[0];
    size_t dim[1] = { (size_t)ceil((op->in[1]->data[0] - start) / step) };
    RefTensor *y = out(op, 0, 1, dim);
    for (size_t i = 0; i < dim[0]; i++)
        y->data[i] = start + (double)i * step;
}

void op_trilu(Op *op)
{
    const RefTensor *x = op->in[0];
    size_t at[GRAPH_RANK];
    double k = op->node->inputs > 1 ? op->in[1]->data[0] : 0;
    RefTensor *y = out(op, 0, x->rank, x->dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, x->dim, at);
        double right = (double)at[x->rank - 1] - (double)at[x->rank - 2];
        y->data[i] = (integer(op, "upper", 1) ? right >= k : right <= k) ? x->data[i] : 0;
    }
}

void op_eye_like(Op *op)
{
    RefTensor *y = out(op, 0, 2, op->in[0]->dim);
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = (double)(i % y->dim[1]) - (double)(i / y->dim[1]) == integer(op, "k", 0);
}

void op_size(Op *op)
{
    out(op, 0, 0, NULL)->data[0] = (double)op->in[0]->count;
}
