/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constant folding of indices: NonZero, which lists where something is, and OneHot, which says it the other way round.
 */
#include "folders.h"

#include <math.h>
#include <string.h>

// [dimensions, elements that are not zero], in order.
static int fold_non_zero(GcamFold *fold)
{
    const GcamArray *in = &fold->in[0];
    const size_t count = gcam_fold_count(in);
    size_t found = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        found += in->data[i] != 0;
    const GcamShape shape = { 2, { (size_t)in->shape.rank, found } };
    int error = gcam_fold_alloc(fold, &fold->out, &shape, 1);
    for (size_t i = 0; !error && i < count; i++) {
        size_t rest = i;
        if (in->data[i] == 0)
            continue;
        for (int d = in->shape.rank - 1; d >= 0; d--) {
            fold->out.data[(size_t)d * found + at] = (double)(rest % in->shape.dim[d]);
            rest /= in->shape.dim[d];
        }
        at++;
    }
    return error;
}

// Indices, how many there may be, and the values of where it is not and where it is.
static int fold_one_hot(GcamFold *fold)
{
    const GcamArray *in = &fold->in[0], *values = &fold->in[2];
    const int64_t given = gcam_node_int(fold->infer.node, "axis", -1);
    if (gcam_fold_count(&fold->in[1]) != 1 || gcam_fold_count(values) != 2)
        return gcam_infer_bad(&fold->infer, "needs a depth and two values");
    const double depth = fold->in[1].data[0];
    if (!(depth >= 1 && depth <= (double)GCAM_FOLD_MOST))
        return gcam_infer_bad(&fold->infer, "a depth of %g", depth);
    int axis = gcam_infer_axis(&fold->infer, given, in->shape.rank + 1);
    if (axis < 0)
        return axis;
    if (in->shape.rank == GCAM_MAX_RANK)
        return gcam_infer_unsupported(&fold->infer, "a result of %d dimensions", in->shape.rank + 1);
    GcamShape shape = { .rank = in->shape.rank + 1 };
    size_t outer, along, inner;
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = i == axis ? (size_t)depth : in->shape.dim[i > axis ? i - 1 : i];
    int error = gcam_fold_alloc(fold, &fold->out, &shape, values->integer);
    if (error)
        return error;
    gcam_shape_split(&shape, axis, &outer, &along, &inner);
    for (size_t i = 0, n = gcam_fold_count(&fold->out); i < n; i++)
        fold->out.data[i] = values->data[0];
    for (size_t i = 0; i < outer * inner; i++) {
        double index = in->data[i];
        index += index < 0 ? depth : 0;
        if (index >= 0 && index < depth)
            fold->out.data[(i / inner * along + (size_t)index) * inner + i % inner] = values->data[1];
    }
    return 0;
}

const GcamFolder gcam_folders_indices[] = {
    { "NonZero", fold_non_zero, 1, 1, NULL }, { "OneHot", fold_one_hot, 3, 3, NULL }, { 0 },
};
