/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constant folding of what makes arrays and moves their elements: Expand, ConstantOfShape, Range, Transpose, Slice,
 * Gather, Concat, ScatterND, and ReduceProd, which counts the elements of a shape. Where an operator runs in networks
 * too, its shape rule is that of core/ops.
 */
#include "folders.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

// The result is of this shape, its first element the input's at `start`.
static int take(GcamFold *fold, const GcamShape *shape, int64_t start, const int64_t step[GCAM_MAX_RANK])
{
    int error = gcam_fold_alloc_like(fold, shape);
    for (size_t i = 0, n = error ? 0 : gcam_fold_count(&fold->out); i < n; i++)
        fold->out.data[i] = fold->in[0].data[start + gcam_fold_place(shape, step, i)];
    return error;
}

// A shape given as a constant array, as Expand and ConstantOfShape take it.
static int shape_from(const GcamFold *fold, const GcamArray *array, GcamShape *shape)
{
    size_t n = gcam_fold_count(array);
    if (n > GCAM_MAX_RANK)
        return gcam_infer_unsupported(&fold->infer, "a shape of %zu dimensions", n);
    shape->rank = (int)n;
    for (size_t i = 0; i < n; i++) {
        if (!(array->data[i] >= 0 && array->data[i] <= (double)GCAM_FOLD_MOST))
            return gcam_infer_bad(&fold->infer, "a dimension of %g", array->data[i]);
        shape->dim[i] = (size_t)array->data[i];
    }
    return 0;
}

static int fold_expand(GcamFold *fold)
{
    GcamShape asked, shape;
    GcamArray pair[2] = { fold->in[0] };
    int error = shape_from(fold, &fold->in[1], &asked);
    if (error)
        return error;
    pair[1].shape = asked;
    GcamFold both = { .infer = fold->infer, .in = pair, .inputs = 2 };
    int64_t step[GCAM_MAX_RANK];
    if ((error = gcam_fold_broadcast_shape(&both, &shape)))
        return error;
    gcam_fold_broadcast_steps(&fold->in[0].shape, &shape, step);
    return take(fold, &shape, 0, step);
}

static int fold_constant_of_shape(GcamFold *fold)
{
    const GcamAttribute *value = gcam_node_attribute(fold->infer.node, "value");
    GcamShape shape;
    int error = shape_from(fold, &fold->in[0], &shape);
    int has = value && value->has_tensor && gcam_shape_count(&value->tensor.shape) == 1;
    if (error || (error = gcam_fold_alloc(fold, &fold->out, &shape, has && !gcam_data_is_float(value->tensor.type))))
        return error;
    for (size_t i = 0, n = gcam_fold_count(&fold->out); i < n; i++)
        fold->out.data[i] = has ? gcam_constant_double(&value->tensor, 0) : 0;
    return 0;
}

static int fold_range(GcamFold *fold)
{
    if (gcam_fold_count(&fold->in[0]) != 1 || gcam_fold_count(&fold->in[1]) != 1 ||
        gcam_fold_count(&fold->in[2]) != 1 || fold->in[2].data[0] == 0)
        return gcam_infer_bad(&fold->infer, "needs start, limit and step");
    double start = fold->in[0].data[0], step = fold->in[2].data[0];
    double n = ceil((fold->in[1].data[0] - start) / step);
    if (!(n <= (double)GCAM_FOLD_MOST))
        return gcam_infer_bad(&fold->infer, "has %g elements", n);
    GcamShape shape = { 1, { n > 0 ? (size_t)n : 0 } };
    int error = gcam_fold_alloc_like(fold, &shape);
    for (size_t i = 0; !error && i < shape.dim[0]; i++)
        fold->out.data[i] = start + (double)i * step;
    return error;
}

static int fold_transpose(GcamFold *fold)
{
    int64_t stride[GCAM_MAX_RANK], step[GCAM_MAX_RANK];
    int perm[GCAM_MAX_RANK];
    GcamShape shape;
    int error = gcam_infer_transpose(&fold->infer, &shape, perm);
    if (error)
        return error;
    gcam_fold_strides(&fold->in[0].shape, stride);
    for (int i = 0; i < shape.rank; i++)
        step[i] = stride[perm[i]];
    return take(fold, &shape, 0, step);
}

static int fold_slice(GcamFold *fold)
{
    int64_t stride[GCAM_MAX_RANK], start[GCAM_MAX_RANK], step[GCAM_MAX_RANK], first = 0;
    GcamShape shape;
    int error = gcam_infer_slice(&fold->infer, &shape, start, step);
    if (error)
        return error;
    gcam_fold_strides(&fold->in[0].shape, stride);
    for (int i = 0; i < shape.rank; i++) {
        first = gcam_fold_plus(first, gcam_fold_times(start[i], stride[i]));
        step[i] = gcam_fold_times(step[i], stride[i]);
    }
    return take(fold, &shape, first, step);
}

static int fold_gather(GcamFold *fold)
{
    GcamGather g;
    GcamShape shape;
    size_t pick;
    int error = gcam_infer_gather(&fold->infer, &shape, &g);
    if (error || (error = gcam_fold_alloc_like(fold, &shape)))
        return error;
    for (size_t j = 0; j < g.picks; j++) {
        if ((error = gcam_gather_pick(&fold->infer, &g, j, &pick)))
            return error;
        for (size_t i = 0; i < g.outer; i++)
            memcpy(fold->out.data + (i * g.picks + j) * g.inner, fold->in[0].data + (i * g.along + pick) * g.inner,
                   g.inner * sizeof(double));
    }
    return 0;
}

static int fold_concat(GcamFold *fold)
{
    size_t outer, along, inner, at = 0;
    GcamShape shape;
    int axis = gcam_infer_concat(&fold->infer, &shape), error = axis < 0 ? axis : gcam_fold_alloc_like(fold, &shape);
    if (error)
        return error;
    gcam_shape_split(&shape, axis, &outer, &along, &inner);
    for (int k = 0; k < fold->inputs; k++) {
        size_t run = fold->in[k].shape.dim[axis] * inner;
        for (size_t i = 0; i < outer; i++)
            memcpy(fold->out.data + i * along * inner + at, fold->in[k].data + i * run, run * sizeof(double));
        at += run;
    }
    return 0;
}

static double combine(const char *reduction, double old, double update)
{
    return !strcmp(reduction, "add") ? old + update : !strcmp(reduction, "mul") ? old * update
         : !strcmp(reduction, "max") ? fmax(old, update) : !strcmp(reduction, "min") ? fmin(old, update) : update;
}

static int fold_scatter_nd(GcamFold *fold)
{
    const char *reduction = gcam_node_string(fold->infer.node, "reduction", "none");
    if (fold->in[1].shape.rank < 1)
        return gcam_infer_bad(&fold->infer, "its indices are a single number");
    const GcamShape *shape = &fold->in[0].shape, *by = &fold->in[1].shape;
    size_t depth = by->dim[by->rank - 1], rows = depth ? gcam_fold_count(&fold->in[1]) / depth : 0, run = 1;
    int64_t stride[GCAM_MAX_RANK];
    if (!depth || depth > (size_t)shape->rank)
        return gcam_infer_bad(&fold->infer, "indices of %zu in %d dimensions", depth, shape->rank);
    for (int i = (int)depth; i < shape->rank; i++)
        run *= shape->dim[i];
    if (gcam_fold_count(&fold->in[2]) != rows * run)
        return gcam_infer_bad(&fold->infer, "%zu updates for %zu places", gcam_fold_count(&fold->in[2]), rows * run);
    int error = gcam_fold_alloc_like(fold, shape);
    if (error)
        return error;
    memcpy(fold->out.data, fold->in[0].data, gcam_fold_count(&fold->in[0]) * sizeof(double));
    gcam_fold_strides(shape, stride);
    for (size_t i = 0; i < rows; i++) {
        size_t place = 0;
        for (size_t d = 0; d < depth; d++) {
            double index = fold->in[1].data[i * depth + d];
            index += index < 0 ? (double)shape->dim[d] : 0;
            if (!(index >= 0 && index < (double)shape->dim[d]))
                return gcam_infer_bad(&fold->infer, "index %g of %zu", index, shape->dim[d]);
            place += (size_t)index * (size_t)stride[d];
        }
        for (size_t k = 0; k < run; k++)
            fold->out.data[place + k] = combine(reduction, fold->out.data[place + k], fold->in[2].data[i * run + k]);
    }
    return 0;
}

static int fold_reduce_prod(GcamFold *fold)
{
    GcamShape scalar = { 0 };
    if (fold->in[0].shape.rank > 1 && (gcam_node_attribute(fold->infer.node, "axes") || fold->inputs > 1))
        return GCAM_FOLD_NOT;   // some of the dimensions: the operator itself computes them
    if (gcam_node_int(fold->infer.node, "keepdims", 1))
        for (scalar.rank = 0; scalar.rank < fold->in[0].shape.rank; scalar.rank++)
            scalar.dim[scalar.rank] = 1;
    int error = gcam_fold_alloc_like(fold, &scalar);
    if (!error)
        fold->out.data[0] = 1;
    for (size_t i = 0, n = error ? 0 : gcam_fold_count(&fold->in[0]); i < n; i++)
        fold->out.data[0] *= fold->in[0].data[i];
    return error;
}

const GcamFolder gcam_folders_shapes[] = {
    { "Expand", fold_expand, 2, 2, NULL }, { "ConstantOfShape", fold_constant_of_shape, 1, 1, NULL },
    { "Range", fold_range, 3, 3, NULL }, { "Transpose", fold_transpose, 1, 1, NULL },
    { "Gather", fold_gather, 2, 2, NULL }, { "Concat", fold_concat, 1, INT_MAX, NULL },
    { "Slice", fold_slice, 1, 5, NULL }, { "ScatterND", fold_scatter_nd, 3, 3, NULL },
    { "ReduceProd", fold_reduce_prod, 1, 2, NULL }, { 0 },
};
