/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: Resize and Upsample, by a matrix of weights for each dimension.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

// Where output o of a dimension lies in its input.
static double resize_place(const char *mode, double o, double in, double out, double scale, const double *roi)
{
    if (!strcmp(mode, "align_corners"))
        return out == 1 ? 0 : o * (in - 1) / (out - 1);
    if (!strcmp(mode, "asymmetric"))
        return o / scale;
    if (!strcmp(mode, "tf_half_pixel_for_nn"))
        return (o + 0.5) / scale;
    if (!strcmp(mode, "tf_crop_and_resize"))
        return out == 1 ? 0.5 * (roi[0] + roi[1]) * (in - 1)
                        : roi[0] * (in - 1) + o * (roi[1] - roi[0]) * (in - 1) / (out - 1);
    if (!strcmp(mode, "pytorch_half_pixel") && out == 1)
        return 0;
    double shift = !strcmp(mode, "half_pixel_symmetric") ? in / 2 * (1 - out / (scale * in)) : 0;
    return shift + (o + 0.5) / scale - 0.5;
}

// The weight of input i, which may lie outside, for place x of mode linear or cubic.
static double resize_weight(const Op *op, const char *mode, double i, double x, double scale)
{
    const double stretch = integer(op, "antialias", 0) && scale < 1 ? scale : 1, d = fabs(i - x) * stretch;
    const double a = number(op, "cubic_coeff_a", -0.75);
    if (strcmp(mode, "cubic"))
        return fmax(0, 1 - d);
    return d <= 1 ? (a + 2) * pow(d, 3) - (a + 3) * pow(d, 2) + 1
         : d < 2 ? a * pow(d, 3) - 5 * a * pow(d, 2) + 8 * a * d - 4 * a : 0;
}

enum { RESIZE_MOST = 32 };      // of a dimension

// One dimension as a matrix. A row of zeros is outside of the input.
static void resize_matrix(const Op *op, const char *place, size_t in, size_t out, double scale, const double *roi,
                          double matrix[RESIZE_MOST][RESIZE_MOST])
{
    const GraphAttribute *m = attribute(op, "mode"), *n = attribute(op, "nearest_mode");
    const char *mode = m ? m->s : "nearest", *nearest = n ? n->s : "round_prefer_floor";
    const int older = op->node->type[0] == 'U' || op->reference->graph->opset < 11;
    for (size_t o = 0; o < out; o++) {
        double x = resize_place(place, (double)o, (double)in, (double)out, scale, roi), sum = 0;
        memset(matrix[o], 0, sizeof(matrix[o]));
        if (!strcmp(place, "tf_crop_and_resize") && (x < 0 || x > (double)in - 1))
            continue;
        if (!strcmp(mode, "nearest")) {
            double i = older ? (scale < 1 ? ceil(x) : floor(x))
                     : !strcmp(nearest, "floor") ? floor(x) : !strcmp(nearest, "ceil") ? ceil(x)
                     : !strcmp(nearest, "round_prefer_ceil") ? floor(x + 0.5) : ceil(x - 0.5);
            matrix[o][(size_t)fmax(0, fmin((double)in - 1, i))] = 1;
            continue;
        }
        for (double i = -99; i < 99; i++) {
            double w = resize_weight(op, mode, i, x, scale);
            if (integer(op, "exclude_outside", 0) && (i < 0 || i >= (double)in))
                continue;
            sum += w;
            matrix[o][(size_t)fmax(0, fmin((double)in - 1, i))] += w;
        }
        for (size_t i = 0; i < in; i++)
            matrix[o][i] /= sum;
    }
}

typedef double ResizeMatrix[RESIZE_MOST][RESIZE_MOST];

// The sum over the dimensions from d on, of x by the weights of output `at`.
static double resize_sum(const RefTensor *x, ResizeMatrix *matrix, const size_t *at, int d, size_t place, int *outside)
{
    double sum = 0;
    int empty = 1;
    if (d == x->rank)
        return x->data[place];
    for (size_t i = 0; i < x->dim[d]; i++) {
        double w = matrix[d][at[d]][i];
        empty &= w == 0;
        sum += w == 0 ? 0 : w * resize_sum(x, matrix, at, d + 1, place * x->dim[d] + i, outside);
    }
    *outside |= empty;
    return sum;
}

void op_resize(Op *op)
{
    static ResizeMatrix matrix[GRAPH_RANK];
    const RefTensor *x = op->in[0];
    const int older = op->node->type[0] == 'U' || op->reference->graph->opset < 11, has_sizes = op->node->inputs > 3;
    const GraphAttribute *mode = attribute(op, "coordinate_transformation_mode"), *floats = attribute(op, "scales");
    const char *place = older ? "asymmetric" : mode ? mode->s : "half_pixel";
    const RefTensor *scales = has_sizes || floats ? NULL : op->in[older ? 1 : 2];
    double axes[GRAPH_RANK], roi[GRAPH_RANK][2], scale[GRAPH_RANK], all = 0;
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    int n = list(op, "axes", -1, axes), larger = is_word(op, "keep_aspect_ratio_policy", "not_smaller");
    for (int i = 0; n < 0 && i < x->rank; i++)
        axes[i] = i;
    n = n < 0 ? x->rank : n;
    for (int d = 0; d < x->rank; d++) {
        dim[d] = x->dim[d];
        scale[d] = 1, roi[d][0] = 0, roi[d][1] = 1;
    }
    for (int i = 0; i < n; i++) {
        int d = axis_of(axes[i], x->rank);
        scale[d] = has_sizes ? op->in[3]->data[i] / (double)x->dim[d] : floats ? (double)floats->floats[i]
                                                                              : scales->data[i];
        all = i == 0 ? scale[d] : larger ? fmax(all, scale[d]) : fmin(all, scale[d]);
        if (op->in[1] && !older)
            roi[d][0] = op->in[1]->data[i], roi[d][1] = op->in[1]->data[i + n];
    }
    for (int i = 0; i < n; i++) {
        int d = axis_of(axes[i], x->rank);
        scale[d] = larger || is_word(op, "keep_aspect_ratio_policy", "not_larger") ? all : scale[d];
        dim[d] = (size_t)(has_sizes ? floor(scale[d] * (double)x->dim[d] + 0.5) : floor(scale[d] * (double)x->dim[d]));
    }
    for (int d = 0; d < x->rank; d++)
        resize_matrix(op, place, x->dim[d], dim[d], scale[d], roi[d], matrix[d]);
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        int outside = 0;
        indices_of(i, x->rank, dim, at);
        double sum = resize_sum(x, matrix, at, 0, 0, &outside);
        y->data[i] = outside ? number(op, "extrapolation_value", 0) : sum;
    }
}
