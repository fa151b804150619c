/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: products of matrices, convolutions and pools.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

// --------------------------------------------------------------------------------- products of matrices

void op_gemm(Op *op)
{
    const RefTensor *a = op->in[0], *b = op->in[1], *c = op->node->inputs > 2 ? op->in[2] : NULL;
    int ta = integer(op, "transA", 0), tb = integer(op, "transB", 0);
    size_t rows = a->dim[0], columns = a->count / rows, m = ta ? columns : rows, k = ta ? rows : columns;
    size_t n = b->dim[!tb], dim[2] = { m, n };
    RefTensor *y = out(op, 0, 2, dim);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            size_t at[2] = { i, j };
            for (size_t l = 0; l < k; l++)
                sum += a->data[ta ? l * m + i : i * k + l] * b->data[tb ? j * k + l : l * n + j];
            y->data[i * n + j] =
                number(op, "alpha", 1) * sum + (c ? number(op, "beta", 1) * broadcast(c, 2, at) : 0);
        }
}

// Of a vector on the left: a matrix of one row; on the right: of one column.
static RefTensor as_matrix(const RefTensor *tensor, int is_left)
{
    RefTensor matrix = *tensor;
    if (tensor->rank > 1)
        return matrix;
    matrix.rank = 2;
    matrix.dim[0] = is_left ? 1 : tensor->count;
    matrix.dim[1] = is_left ? tensor->count : 1;
    return matrix;
}

void op_matmul(Op *op)
{
    const int row = op->in[0]->rank == 1, column = op->in[1]->rank == 1;
    const RefTensor left = as_matrix(op->in[0], 1), right = as_matrix(op->in[1], 0), *a = &left, *b = &right;
    RefTensor lead_a = *a, lead_b = *b;
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], m = a->dim[a->rank - 2], k = a->dim[a->rank - 1],
                                            n = b->dim[b->rank - 1];
    lead_a.rank -= 2;
    lead_b.rank -= 2;
    op->in[0] = &lead_a;
    op->in[1] = &lead_b;
    int lead = broadcast_dims(op, 2, dim);
    size_t batches = 1;
    for (int i = 0; i < lead; i++)
        batches *= dim[i];
    dim[lead] = m;
    dim[lead + 1] = n;
    RefTensor *y = out(op, 0, lead + 2, dim);
    for (size_t i = 0; i < batches; i++) {
        size_t from[2];
        indices_of(i, lead, dim, at);
        for (int side = 0; side < 2; side++) {
            const RefTensor *t = op->in[side];
            size_t own[GRAPH_RANK];
            for (int d = 0; d < t->rank; d++)
                own[d] = t->dim[d] == 1 ? 0 : at[lead - t->rank + d];
            from[side] = place_of(t->rank, t->dim, own);
        }
        for (size_t r = 0; r < m; r++)
            for (size_t c = 0; c < n; c++) {
                double sum = 0;
                for (size_t l = 0; l < k; l++)
                    sum += a->data[(from[0] * m + r) * k + l] * b->data[(from[1] * k + l) * n + c];
                y->data[(i * m + r) * n + c] = sum;
            }
    }
    // The dimension that a vector had in addition goes.
    if (row)
        y->dim[lead] = n;
    y->rank -= row + column;
}

// ---------------------------------------------------------------------------------------------- windows

typedef struct Window {
    int kernel[2], stride[2], dilation[2], before[2], after[2],
        size[2]; // of height, width; size: of the output
} Window;

static Window window_of(const Op *op, const RefTensor *x, const size_t *kernel)
{
    Window w;
    double values[GRAPH_RANK];
    int k = list(op, "kernel_shape", -1, values) > 0;
    for (int i = 0; i < 2; i++)
        w.kernel[i] = k ? (int)values[i] : (int)kernel[i];
    int s = list(op, "strides", -1, values) > 0;
    for (int i = 0; i < 2; i++)
        w.stride[i] = s ? (int)values[i] : 1;
    int d = list(op, "dilations", -1, values) > 0;
    for (int i = 0; i < 2; i++)
        w.dilation[i] = d ? (int)values[i] : 1;
    int p = list(op, "pads", -1, values) > 0;
    for (int i = 0; i < 2; i++) {
        int in = (int)x->dim[2 + i], reach = (w.kernel[i] - 1) * w.dilation[i] + 1;
        w.before[i] = p ? (int)values[i] : 0;
        w.after[i] = p ? (int)values[2 + i] : 0;
        int upper = is_word(op, "auto_pad", "SAME_UPPER");
        if (upper || is_word(op, "auto_pad", "SAME_LOWER")) {
            w.size[i] = (in + w.stride[i] - 1) / w.stride[i];
            int total = (w.size[i] - 1) * w.stride[i] + reach - in;
            total = total < 0 ? 0 : total;
            w.before[i] = upper ? total / 2 : (total + 1) / 2;
            w.after[i] = total - w.before[i];
            continue;
        }
        double steps = (double)(in + w.before[i] + w.after[i] - reach) / w.stride[i];
        w.size[i] = (int)(integer(op, "ceil_mode", 0) ? ceil(steps) : floor(steps)) + 1;
        if ((w.size[i] - 1) * w.stride[i] >= in + w.before[i])      // starts in the padding
            w.size[i]--;
    }
    return w;
}

void op_conv(Op *op)
{
    const RefTensor *x = op->in[0], *weights = op->in[1], *bias = op->node->inputs > 2 ? op->in[2] : NULL;
    Window w = window_of(op, x, weights->dim + 2);
    size_t groups = (size_t)integer(op, "group", 1), in_c = weights->dim[1], out_c = weights->dim[0];
    size_t dim[4] = { x->dim[0], out_c, (size_t)w.size[0], (size_t)w.size[1] };
    RefTensor *y = out(op, 0, 4, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[4];
        indices_of(i, 4, dim, at);
        double sum = bias ? bias->data[at[1]] : 0;
        size_t first = at[1] / (out_c / groups) * in_c;
        for (size_t c = 0; c < in_c; c++)
            for (int ky = 0; ky < w.kernel[0]; ky++)
                for (int kx = 0; kx < w.kernel[1]; kx++) {
                    int py = (int)at[2] * w.stride[0] - w.before[0] + ky * w.dilation[0];
                    int px = (int)at[3] * w.stride[1] - w.before[1] + kx * w.dilation[1];
                    size_t from[4] = { at[0], first + c, (size_t)py, (size_t)px };
                    size_t by[4] = { at[1], c, (size_t)ky, (size_t)kx };
                    if (py >= 0 && px >= 0 && py < (int)x->dim[2] && px < (int)x->dim[3])
                        sum +=
                            x->data[place_of(4, x->dim, from)] * weights->data[place_of(4, weights->dim, by)];
                }
        y->data[i] = sum;
    }
}

void op_pool(Op *op)
{
    const RefTensor *x = op->in[0];
    int global = !strncmp(op->node->type, "Global", 6), max = strstr(op->node->type, "MaxPool") != NULL;
    Window w = window_of(op, x, x->dim + 2);
    size_t dim[4] = { x->dim[0], x->dim[1], global ? 1 : (size_t)w.size[0], global ? 1 : (size_t)w.size[1] };
    int include = integer(op, "count_include_pad", 0), in_h = (int)x->dim[2], in_w = (int)x->dim[3];
    RefTensor *y = out(op, 0, 4, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[4];
        double best = -INFINITY, sum = 0;
        int cells = 0;
        indices_of(i, 4, dim, at);
        for (int ky = 0; ky < w.kernel[0]; ky++)
            for (int kx = 0; kx < w.kernel[1]; kx++) {
                int py = (int)at[2] * w.stride[0] - w.before[0] + ky * w.dilation[0];
                int px = (int)at[3] * w.stride[1] - w.before[1] + kx * w.dilation[1];
                int inside = py >= 0 && px >= 0 && py < in_h && px < in_w;
                cells += inside || (include && py < in_h + w.after[0] && px < in_w + w.after[1]);
                size_t from[4] = { at[0], at[1], (size_t)py, (size_t)px };
                double value = inside ? x->data[place_of(4, x->dim, from)] : 0;
                sum += value;
                best = inside && value > best ? value : best;
            }
        y->data[i] = max ? best : sum / cells;
    }
}
