/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MatMul of vectors: a vector on the left is a matrix of one row, one on the right a matrix of one column, and that
 * dimension of the product is dropped.
 */
#include "rewrite.h"

static int apply_matmul(GcamRewrite *rewrite)
{
    const GcamNode *node = &rewrite->whole;
    if (node->inputs != 2 || node->input[0] < 0 || node->input[1] < 0)
        return 0;
    int a = node->input[0], b = node->input[1];
    GcamShape left = *gcam_rewrite_shape(rewrite, a), right = *gcam_rewrite_shape(rewrite, b), shape;
    const int row = left.rank == 1, column = right.rank == 1;
    if (!left.rank || !right.rank || (!row && !column))
        return 0;
    if (row)
        a = gcam_rewrite_reshape(rewrite, a, &(const GcamShape){ 2, { 1, left.dim[0] } }, -1);
    if (column)
        b = gcam_rewrite_reshape(rewrite, b, &(const GcamShape){ 2, { right.dim[0], 1 } }, -1);
    int product = gcam_rewrite_binary(rewrite, "MatMul", a, b, -1);
    shape = *gcam_rewrite_shape(rewrite, product);
    if (row && !rewrite->error) {
        shape.dim[shape.rank - 2] = shape.dim[shape.rank - 1];
        shape.rank--;
    }
    if (column && !rewrite->error)
        shape.rank--;
    gcam_rewrite_reshape(rewrite, product, &shape, node->output[0]);
    return gcam_rewrite_end(rewrite);
}

const GcamRewriteRule gcam_rewrite_rules_products[] = { { "MatMul", apply_matmul }, { 0 } };
