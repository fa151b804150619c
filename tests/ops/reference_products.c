/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: products of matrices.
 */
#include "ops/reference_ops.h"

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
