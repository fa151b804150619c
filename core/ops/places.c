/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Taking elements from places that constant indices name, and putting them there, in ONNX's own order:
 *
 *     GatherElements, GatherND        y[i] = x[place i]                       dx[place i] += dy[i]
 *     ScatterElements, ScatterND      y = x, but y[place i] = or += u[i]      dx = dy, 0 where u took its place;
 *                                                                             du[i] = dy[place i]
 *
 * Of several that are put into one place the last stays. An index below zero counts from the end of its dimension. With
 * ND an index names a run of elements, all of the dimensions that it has no number for.
 */
#include "ops.h"

#include "base/mem.h"
#include "part.h"

#include <errno.h>
#include <string.h>

typedef struct Params {
    size_t count, run;          // places, and elements from each on
    const uint32_t *place;
    const char *stays;          // of Scatter, by place: whether its element is not overwritten by a later one; or NULL
} Params;

enum { BY_ELEMENT = 1, SCATTERS = 2 };

// The index at a place of a dimension; a negative errno, with a message, for one that there is not.
static int64_t read_index(const GcamInfer *infer, const GcamValue *by, size_t i, size_t size)
{
    int64_t index = gcam_constant_int(by, i), given = index;
    index += index < 0 ? (int64_t)size : 0;
    if (index < 0 || index >= (int64_t)size)
        return gcam_infer_bad(infer, "index %lld of %zu", (long long)given, size);
    return index;
}

static void strides_of(const GcamShape *shape, size_t stride[GCAM_MAX_RANK])
{
    size_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->dim[i];
    }
}

// An index for each element: it has the place of that element in x, but for the axis.
static int find_elements(GcamInfer *infer, const GcamShape *x, const GcamValue *by, uint32_t *place)
{
    int axis = gcam_infer_axis(infer, gcam_node_int(infer->node, "axis", 0), x->rank);
    size_t stride[GCAM_MAX_RANK], count = gcam_shape_count(&by->shape);
    if (axis < 0)
        return axis;
    for (int d = 0; d < x->rank; d++)
        if (by->shape.rank != x->rank || (d != axis && by->shape.dim[d] > x->dim[d]))
            return gcam_infer_bad(infer, "the shape of '%s' does not fit its input", by->name);
    strides_of(x, stride);
    for (size_t i = 0; i < count; i++) {
        int64_t index = read_index(infer, by, i, x->dim[axis]);
        if (index < 0)
            return (int)index;
        size_t at = (size_t)index * stride[axis], rest = i;
        for (int d = x->rank - 1; d >= 0; d--) {
            at += d == axis ? 0 : rest % by->shape.dim[d] * stride[d];
            rest /= by->shape.dim[d];
        }
        place[i] = (uint32_t)at;
    }
    return 0;
}

// Rows of `depth` indices, one for each dimension behind the first `batch`, which they share with x.
static int find_runs(GcamInfer *infer, const GcamShape *x, const GcamValue *by, size_t batch, size_t depth,
                     size_t rows, uint32_t *place)
{
    size_t stride[GCAM_MAX_RANK], batches = 1;
    strides_of(x, stride);
    for (size_t d = 0; d < batch; d++)
        batches *= x->dim[d];
    for (size_t i = 0; i < rows; i++) {
        size_t at = batch ? i / (rows / batches) * stride[batch - 1] : 0;
        for (size_t d = 0; d < depth; d++) {
            int64_t index = read_index(infer, by, i * depth + d, x->dim[batch + d]);
            if (index < 0)
                return (int)index;
            at += (size_t)index * stride[batch + d];
        }
        place[i] = (uint32_t)at;
    }
    return 0;
}

// Marks those that stay.
static int find_last(GcamInfer *infer, Params *p, size_t elements)
{
    char *stays = gcam_infer_alloc(infer, p->count + 1), *taken = gcam_calloc(elements + 1, 1);
    for (size_t i = p->count; stays && taken && i-- > 0;) {
        stays[i] = !taken[p->place[i]];
        taken[p->place[i]] = 1;
    }
    gcam_free(taken);
    p->stays = stays;
    return stays && taken ? 0 : -ENOMEM;
}

// Of Scatter: what it does where something is already.
static int read_reduction(GcamInfer *infer, Params *p)
{
    const GcamValue *x = gcam_infer_input(infer, 0), *updates = gcam_infer_input(infer, 2);
    const char *reduction = gcam_node_string(infer->node, "reduction", "none");
    if (gcam_shape_count(&updates->shape) != p->count * p->run)
        return gcam_infer_bad(infer, "%zu elements for %zu places", gcam_shape_count(&updates->shape),
                              p->count * p->run);
    if (!strcmp(reduction, "none"))
        return find_last(infer, p, gcam_shape_count(&x->shape));
    return strcmp(reduction, "add") ? gcam_infer_unsupported(infer, "reduction '%s'", reduction) : 0;
}

// y's shape for GatherND: what the indices have before their last dimension, and x behind those they name.
static int gathered_shape(GcamInfer *infer, const GcamShape *x, const GcamShape *by, size_t named, GcamShape *shape)
{
    shape->rank = by->rank - 1 + x->rank - (int)named;
    if (shape->rank > GCAM_MAX_RANK)
        return gcam_infer_unsupported(infer, "a result of %d dimensions", shape->rank);
    for (int i = 0; i < shape->rank; i++)
        shape->dim[i] = i < by->rank - 1 ? by->dim[i] : x->dim[i - by->rank + 1 + (int)named];
    return 0;
}

static int places_infer(GcamInfer *infer)
{
    const int kind = *(const int *)infer->node->op->data, scatters = kind & SCATTERS;
    int error = gcam_infer_arity(infer, scatters ? 3 : 2, scatters ? 3 : 2);
    if (error)
        return error;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    const GcamValue *by = gcam_infer_input(infer, 1);
    const size_t batch = (size_t)gcam_node_int(infer->node, "batch_dims", 0);
    GcamShape shape = scatters ? *x : by->shape;
    if (!by->data)
        return gcam_infer_unsupported(infer, "its indices depend on the picture");
    if (by->shape.rank < 1 || x->rank < 1 || batch >= (size_t)x->rank || batch >= (size_t)by->shape.rank)
        return gcam_infer_bad(infer, "an input of %d and indices of %d dimensions", x->rank, by->shape.rank);
    const size_t indices = gcam_shape_count(&by->shape), depth = by->shape.dim[by->shape.rank - 1];
    Params *p = gcam_infer_alloc(infer, sizeof(*p));
    uint32_t *place = gcam_arena_alloc(&infer->graph->arena, indices + 1, sizeof(*place));
    if (!p || !place)
        return -ENOMEM;
    *p = (Params){ indices, 1, place, NULL };
    if (kind & BY_ELEMENT) {
        error = find_elements(infer, x, by, place);
    } else {
        if (!depth || batch + depth > (size_t)x->rank)
            return gcam_infer_bad(infer, "indices of %zu in %d dimensions", depth, x->rank);
        for (size_t d = 0; d < batch; d++)
            if (x->dim[d] != by->shape.dim[d])
                return gcam_infer_bad(infer, "batches of another size than its indices have");
        for (size_t d = batch + depth; d < (size_t)x->rank; d++)
            p->run *= x->dim[d];
        p->count = indices / depth;
        error = find_runs(infer, x, by, batch, depth, p->count, place);
        error = error || scatters ? error : gathered_shape(infer, x, &by->shape, batch + depth, &shape);
    }
    if (error || (scatters && (error = read_reduction(infer, p))))
        return error;
    infer->node->params = p;
    return gcam_infer_output(infer, 0, &shape);
}

static void gather_forward(const GcamRun *run, const GcamStep *step)
{
    const Params *p = step->node->params;
    for (size_t i = 0; i < p->count; i++)
        memcpy(run->data[step->output[0]] + i * p->run, run->data[step->input[0]] + p->place[i],
               p->run * sizeof(float));
}

static void gather_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const Params *p = step->node->params;
    const float *dy = run->grad[step->output[0]];
    gcam_clear(run, step->input[input], dx);
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->run; k++)
            dx[p->place[i] + k] += dy[i * p->run + k];
}

static void scatter_forward(const GcamRun *run, const GcamStep *step)
{
    const Params *p = step->node->params;
    const float *from = run->data[step->input[2]];
    float *y = run->data[step->output[0]];
    memcpy(y, run->data[step->input[0]], gcam_shape_count(&run->value[step->output[0]].shape) * sizeof(*y));
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->run; k++)
            y[p->place[i] + k] = from[i * p->run + k] + (p->stays ? 0 : y[p->place[i] + k]);
}

static void scatter_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const Params *p = step->node->params;
    const float *dy = run->grad[step->output[0]];
    if (!input)
        memcpy(dx, dy, gcam_shape_count(&run->value[step->output[0]].shape) * sizeof(*dx));
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->run; k++)
            if (input)
                dx[i * p->run + k] = !p->stays || p->stays[i] ? dy[p->place[i] + k] : 0;
            else if (p->stays)
                dx[p->place[i] + k] = 0;
}

#define GATHER(onnx, kind) \
    { .type = onnx, .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_READS, .range = GCAM_RANGE_FIRST, \
      .infer = places_infer, .forward = gather_forward, .backward = gather_backward, .data = &(const int){ kind } }
#define SCATTER(onnx, kind) \
    { .type = onnx, .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_READS, .infer = places_infer, \
      .forward = scatter_forward, .backward = scatter_backward, .data = &(const int){ SCATTERS | kind } }

const GcamOp gcam_op_places[] = {
    GATHER("GatherElements", BY_ELEMENT), GATHER("GatherND", 0), SCATTER("ScatterElements", BY_ELEMENT),
    SCATTER("Scatter", BY_ELEMENT), SCATTER("ScatterND", 0),
};
const size_t gcam_op_places_count = sizeof(gcam_op_places) / sizeof(gcam_op_places[0]);
