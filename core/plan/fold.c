/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constant folding: what exporters write as graph is partly arithmetic on shapes, indices and small tables, which
 * does not depend on the picture. It is computed here once, in double (exact for integers up to 2^53; limits such as
 * INT64_MAX in a Slice survive as "very large"), and stored as int64 or float32.
 */
#include "fold.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "ops/ops.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ELEMENTS ((size_t)1 << 23)     // larger constants stay as they are, and their nodes run

typedef struct Array {
    GcamShape shape;
    double *data;
    int integer;
} Array;

typedef struct Fold {
    GcamInfer infer;
    Array *in;                  // `inputs` of them; data NULL where left out
    int inputs;
    Array out;                  // to be filled in
} Fold;

typedef int FoldFunction(Fold *fold);

// Counts what is read and made against the budget: that bounds memory and time.
static int spend(const Fold *fold, size_t elements)
{
    GcamGraph *graph = fold->infer.graph;
    graph->folded += elements * sizeof(double);
    if (graph->folded <= graph->memory / GCAM_FOLDED_SHARE)
        return 0;
    return gcam_fail(fold->infer.log, -EOVERFLOW, "node '%s' (%s): constants computed up to here take more than %zu "
                     "MB, an eighth of the memory allowed", fold->infer.node->name, fold->infer.node->type,
                     graph->memory / GCAM_FOLDED_SHARE >> 20);
}

static int allocate(const Fold *fold, Array *array, const GcamShape *shape, int integer)
{
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        if (gcam_mul(count, shape->dim[i], &count) < 0 || count > MOST_ELEMENTS)
            return -E2BIG;
    int error = spend(fold, count);
    if (error)
        return error;
    array->shape = *shape;
    array->integer = integer;
    array->data = gcam_calloc(count + 1, sizeof(double));
    return array->data ? 0 : -ENOMEM;
}

static int allocate_like(Fold *fold, const GcamShape *shape)
{
    return allocate(fold, &fold->out, shape, fold->in[0].integer);
}

static size_t count_of(const Array *array)
{
    return gcam_shape_count(&array->shape);
}

// a * b, of strides and steps: it fits wherever an element is, and may be anything beside the elements of an array that
// has none, or behind the one element of a slice.
static int64_t times(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void strides_of(const GcamShape *shape, int64_t stride[GCAM_MAX_RANK])
{
    int64_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step = times(step, (int64_t)shape->dim[i]);
    }
}

// Where element `index` of an array of this shape is, when neighbours along dimension i are step[i] apart.
static int64_t place_of(const GcamShape *shape, const int64_t step[GCAM_MAX_RANK], size_t index)
{
    int64_t place = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        place = plus(place, times((int64_t)(index % shape->dim[i]), step[i]));
        index /= shape->dim[i];
    }
    return place;
}

// The result is of this shape, its first element the input's at `start`.
static int take(Fold *fold, const GcamShape *shape, int64_t start, const int64_t step[GCAM_MAX_RANK])
{
    int error = allocate_like(fold, shape);
    for (size_t i = 0, n = error ? 0 : count_of(&fold->out); i < n; i++)
        fold->out.data[i] = fold->in[0].data[start + place_of(shape, step, i)];
    return error;
}

// The steps with which an array of shape `from` is read as one of the broadcast shape `to`.
static void broadcast_steps(const GcamShape *from, const GcamShape *to, int64_t step[GCAM_MAX_RANK])
{
    int64_t stride[GCAM_MAX_RANK];
    strides_of(from, stride);
    for (int i = 0; i < to->rank; i++) {
        int own = i - (to->rank - from->rank);
        step[i] = own < 0 || from->dim[own] == 1 ? 0 : stride[own];
    }
}

static int broadcast_shape(const Fold *fold, GcamShape *shape)
{
    shape->rank = 0;
    for (int k = 0; k < fold->inputs; k++) {
        const GcamShape *in = &fold->in[k].shape;
        GcamShape merged = { .rank = in->rank > shape->rank ? in->rank : shape->rank };
        for (int i = 1; i <= merged.rank; i++) {
            size_t a = i <= shape->rank ? shape->dim[shape->rank - i] : 1;
            size_t b = i <= in->rank ? in->dim[in->rank - i] : 1;
            if (a != b && a != 1 && b != 1)
                return gcam_infer_bad(&fold->infer, "its inputs' shapes do not fit each other");
            merged.dim[merged.rank - i] = a == 1 ? b : a;
        }
        *shape = merged;
    }
    return 0;
}

// ------------------------------------------------------------------------------------------------ element by element

static double modulo(double a, double b)
{
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static double evaluate(const char *type, double a, double b, int integer)
{
    switch (type[0]) {
    case 'A': return type[1] == 'd' ? a + b : a && b;                                  // Add, And
    case 'S': return a - b;                                                            // Sub
    case 'M': return !strcmp(type, "Mul") ? a * b : !strcmp(type, "Mod") ? modulo(a, b)
                                                  : type[1] == 'i' ? fmin(a, b) : fmax(a, b);
    case 'D': return integer ? trunc(a / b) : a / b;                                   // Div
    case 'P': return pow(a, b);                                                        // Pow
    case 'O': return a || b;                                                           // Or
    case 'E': return a == b;                                                           // Equal
    case 'G': return strlen(type) > 7 ? a >= b : a > b;                                // Greater, GreaterOrEqual
    default: return strlen(type) > 4 ? a <= b : a < b;                                 // Less, LessOrEqual
    }
}

static int fold_binary(Fold *fold)
{
    const char *type = fold->infer.node->type;
    GcamShape shape;
    int error = broadcast_shape(fold, &shape);
    if (error || (error = allocate(fold, &fold->out, &shape, fold->in[0].integer || strchr("EGLO", type[0]) ||
                                                              !strcmp(type, "And"))))
        return error;
    int divides = !strcmp(type, "Div") || !strcmp(type, "Mod");
    int64_t step[2][GCAM_MAX_RANK];
    for (int k = 0; k < 2; k++)
        broadcast_steps(&fold->in[k].shape, &shape, step[k]);
    for (size_t i = 0, n = count_of(&fold->out); i < n; i++) {
        double a = fold->in[0].data[place_of(&shape, step[0], i)];
        double b = fold->in[1].data[place_of(&shape, step[1], i)];
        if (divides && fold->in[0].integer && b == 0)
            return gcam_infer_bad(&fold->infer, "divides an integer by zero");
        fold->out.data[i] = evaluate(type, a, b, fold->in[0].integer);
    }
    return 0;
}

static int fold_unary(Fold *fold)
{
    const char *type = fold->infer.node->type;
    int to = (int)gcam_node_int(fold->infer.node, "to", GCAM_TYPE_NONE), cast = !strcmp(type, "Cast");
    int integer = cast ? !gcam_data_is_float(to) : fold->in[0].integer;
    int error = allocate(fold, &fold->out, &fold->in[0].shape, integer);
    for (size_t i = 0, n = error ? 0 : count_of(&fold->out); i < n; i++) {
        double x = fold->in[0].data[i];
        fold->out.data[i] = cast ? (to == GCAM_TYPE_BOOL ? x != 0 : integer ? trunc(x) : x)
                               : !strcmp(type, "Neg") ? -x : !strcmp(type, "Abs") ? fabs(x)
                               : !strcmp(type, "Sqrt") ? sqrt(x) : !strcmp(type, "Floor") ? floor(x)
                               : !strcmp(type, "Ceil") ? ceil(x) : !strcmp(type, "Not") ? !x : exp(x);
    }
    return error;
}

static int fold_where(Fold *fold)
{
    GcamShape shape;
    int error = broadcast_shape(fold, &shape);
    if (error || (error = allocate(fold, &fold->out, &shape, fold->in[1].integer)))
        return error;
    int64_t step[3][GCAM_MAX_RANK];
    for (int k = 0; k < 3; k++)
        broadcast_steps(&fold->in[k].shape, &shape, step[k]);
    for (size_t i = 0, n = count_of(&fold->out); i < n; i++) {
        int pick = fold->in[0].data[place_of(&shape, step[0], i)] != 0 ? 1 : 2;
        fold->out.data[i] = fold->in[pick].data[place_of(&shape, step[pick], i)];
    }
    return 0;
}

// ------------------------------------------------------------------------------------------------- making and shaping

// A shape given as a constant array, as Expand and ConstantOfShape take it.
static int shape_from(const Fold *fold, const Array *array, GcamShape *shape)
{
    size_t n = count_of(array);
    if (n > GCAM_MAX_RANK)
        return gcam_infer_unsupported(&fold->infer, "a shape of %zu dimensions", n);
    shape->rank = (int)n;
    for (size_t i = 0; i < n; i++) {
        if (!(array->data[i] >= 0 && array->data[i] <= (double)MOST_ELEMENTS))
            return gcam_infer_bad(&fold->infer, "a dimension of %g", array->data[i]);
        shape->dim[i] = (size_t)array->data[i];
    }
    return 0;
}

static int fold_expand(Fold *fold)
{
    GcamShape asked, shape;
    Array pair[2] = { fold->in[0] };
    int error = shape_from(fold, &fold->in[1], &asked);
    if (error)
        return error;
    pair[1].shape = asked;
    Fold both = { .infer = fold->infer, .in = pair, .inputs = 2 };
    int64_t step[GCAM_MAX_RANK];
    if ((error = broadcast_shape(&both, &shape)))
        return error;
    broadcast_steps(&fold->in[0].shape, &shape, step);
    return take(fold, &shape, 0, step);
}

static int fold_constant_of_shape(Fold *fold)
{
    const GcamAttribute *value = gcam_node_attribute(fold->infer.node, "value");
    GcamShape shape;
    int error = shape_from(fold, &fold->in[0], &shape);
    int has = value && value->has_tensor && gcam_shape_count(&value->tensor.shape) == 1;
    if (error || (error = allocate(fold, &fold->out, &shape, has && !gcam_data_is_float(value->tensor.type))))
        return error;
    for (size_t i = 0, n = count_of(&fold->out); i < n; i++)
        fold->out.data[i] = has ? gcam_constant_double(&value->tensor, 0) : 0;
    return 0;
}

static int fold_range(Fold *fold)
{
    if (count_of(&fold->in[0]) != 1 || count_of(&fold->in[1]) != 1 ||
        count_of(&fold->in[2]) != 1 || fold->in[2].data[0] == 0)
        return gcam_infer_bad(&fold->infer, "needs start, limit and step");
    double start = fold->in[0].data[0], step = fold->in[2].data[0];
    double n = ceil((fold->in[1].data[0] - start) / step);
    if (!(n <= (double)MOST_ELEMENTS))
        return gcam_infer_bad(&fold->infer, "has %g elements", n);
    GcamShape shape = { 1, { n > 0 ? (size_t)n : 0 } };
    int error = allocate_like(fold, &shape);
    for (size_t i = 0; !error && i < shape.dim[0]; i++)
        fold->out.data[i] = start + (double)i * step;
    return error;
}

static int fold_transpose(Fold *fold)
{
    int64_t stride[GCAM_MAX_RANK], step[GCAM_MAX_RANK];
    int perm[GCAM_MAX_RANK];
    GcamShape shape;
    int error = gcam_infer_transpose(&fold->infer, &shape, perm);
    if (error)
        return error;
    strides_of(&fold->in[0].shape, stride);
    for (int i = 0; i < shape.rank; i++)
        step[i] = stride[perm[i]];
    return take(fold, &shape, 0, step);
}

static int fold_slice(Fold *fold)
{
    int64_t stride[GCAM_MAX_RANK], start[GCAM_MAX_RANK], step[GCAM_MAX_RANK], first = 0;
    GcamShape shape;
    int error = gcam_infer_slice(&fold->infer, &shape, start, step);
    if (error)
        return error;
    strides_of(&fold->in[0].shape, stride);
    for (int i = 0; i < shape.rank; i++) {
        first = plus(first, times(start[i], stride[i]));
        step[i] = times(step[i], stride[i]);
    }
    return take(fold, &shape, first, step);
}

static int fold_gather(Fold *fold)
{
    GcamGather g;
    GcamShape shape;
    size_t pick;
    int error = gcam_infer_gather(&fold->infer, &shape, &g);
    if (error || (error = allocate_like(fold, &shape)))
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

static int fold_concat(Fold *fold)
{
    size_t outer, along, inner, at = 0;
    GcamShape shape;
    int axis = gcam_infer_concat(&fold->infer, &shape), error = axis < 0 ? axis : allocate_like(fold, &shape);
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

static int fold_scatter_nd(Fold *fold)
{
    if (fold->in[1].shape.rank < 1)
        return gcam_infer_bad(&fold->infer, "its indices are a single number");
    const GcamShape *shape = &fold->in[0].shape, *by = &fold->in[1].shape;
    size_t depth = by->dim[by->rank - 1], rows = depth ? count_of(&fold->in[1]) / depth : 0, run = 1;
    int64_t stride[GCAM_MAX_RANK];
    if (!depth || depth > (size_t)shape->rank)
        return gcam_infer_bad(&fold->infer, "indices of %zu in %d dimensions", depth, shape->rank);
    for (int i = (int)depth; i < shape->rank; i++)
        run *= shape->dim[i];
    if (count_of(&fold->in[2]) != rows * run)
        return gcam_infer_bad(&fold->infer, "%zu updates for %zu places", count_of(&fold->in[2]), rows * run);
    int error = allocate_like(fold, shape);
    if (error)
        return error;
    memcpy(fold->out.data, fold->in[0].data, count_of(&fold->in[0]) * sizeof(double));
    strides_of(shape, stride);
    for (size_t i = 0; i < rows; i++) {
        size_t place = 0;
        for (size_t d = 0; d < depth; d++) {
            double index = fold->in[1].data[i * depth + d];
            index += index < 0 ? (double)shape->dim[d] : 0;
            if (!(index >= 0 && index < (double)shape->dim[d]))
                return gcam_infer_bad(&fold->infer, "index %g of %zu", index, shape->dim[d]);
            place += (size_t)index * (size_t)stride[d];
        }
        memcpy(fold->out.data + place, fold->in[2].data + i * run, run * sizeof(double));
    }
    return 0;
}

static int fold_reduce_prod(Fold *fold)
{
    GcamShape scalar = { 0 };
    if (gcam_node_attribute(fold->infer.node, "axes") || fold->inputs > 1)
        return gcam_infer_unsupported(&fold->infer, "reduces some of the dimensions");
    if (gcam_node_int(fold->infer.node, "keepdims", 1))
        for (scalar.rank = 0; scalar.rank < fold->in[0].shape.rank; scalar.rank++)
            scalar.dim[scalar.rank] = 1;
    int error = allocate_like(fold, &scalar);
    if (!error)
        fold->out.data[0] = 1;
    for (size_t i = 0, n = error ? 0 : count_of(&fold->in[0]); i < n; i++)
        fold->out.data[0] *= fold->in[0].data[i];
    return error;
}

// ----------------------------------------------------------------------------------------------------------- the walk

static const struct {
    const char *type;
    FoldFunction *function;
    int least, most;            // inputs
} folders[] = {
    { "Add", fold_binary, 2, 2 }, { "Sub", fold_binary, 2, 2 }, { "Mul", fold_binary, 2, 2 },
    { "Div", fold_binary, 2, 2 }, { "Mod", fold_binary, 2, 2 }, { "Pow", fold_binary, 2, 2 },
    { "Min", fold_binary, 2, 2 }, { "Max", fold_binary, 2, 2 }, { "Equal", fold_binary, 2, 2 },
    { "Greater", fold_binary, 2, 2 }, { "GreaterOrEqual", fold_binary, 2, 2 }, { "Less", fold_binary, 2, 2 },
    { "LessOrEqual", fold_binary, 2, 2 }, { "And", fold_binary, 2, 2 }, { "Or", fold_binary, 2, 2 },
    { "Cast", fold_unary, 1, 1 }, { "Neg", fold_unary, 1, 1 }, { "Abs", fold_unary, 1, 1 },
    { "Sqrt", fold_unary, 1, 1 }, { "Floor", fold_unary, 1, 1 }, { "Ceil", fold_unary, 1, 1 },
    { "Not", fold_unary, 1, 1 }, { "Exp", fold_unary, 1, 1 }, { "Where", fold_where, 3, 3 },
    { "Expand", fold_expand, 2, 2 }, { "ConstantOfShape", fold_constant_of_shape, 1, 1 }, { "Range", fold_range, 3, 3 },
    { "Transpose", fold_transpose, 1, 1 }, { "Gather", fold_gather, 2, 2 }, { "Concat", fold_concat, 1, INT_MAX },
    { "Slice", fold_slice, 1, 5 }, { "ScatterND", fold_scatter_nd, 3, 3 }, { "ReduceProd", fold_reduce_prod, 1, 2 },
};

static int store(GcamGraph *graph, int index, const Array *array)
{
    GcamValue *value = &graph->value[index];
    size_t count = count_of(array), width = array->integer ? sizeof(int64_t) : sizeof(float);
    void *data = gcam_arena_alloc(&graph->arena, count + 1, width);
    if (!data)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        double x = array->data[i];
        if (array->integer)
            ((int64_t *)data)[i] = isnan(x) ? 0 : x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x;
        else
            ((float *)data)[i] = (float)x;
    }
    value->shape = array->shape;
    value->type = array->integer ? GCAM_TYPE_INT64 : GCAM_TYPE_FLOAT;
    value->data = data;
    return 0;
}

static int load(const Fold *fold, Array *array, const GcamValue *value)
{
    int error = allocate(fold, array, &value->shape, !gcam_data_is_float(value->type));
    for (size_t i = 0, n = error ? 0 : gcam_shape_count(&value->shape); i < n; i++)
        array->data[i] = gcam_constant_double(value, i);
    return error;
}

static int run_folder(GcamInfer *infer, FoldFunction *function)
{
    GcamNode *node = infer->node;
    int error;
    Fold fold = { .infer = *infer, .in = gcam_calloc((size_t)node->inputs, sizeof(Array)), .inputs = node->inputs };
    if (!fold.in)
        return -ENOMEM;
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i] >= 0 && (error = load(&fold, &fold.in[i], &infer->graph->value[node->input[i]])))
            goto end;
    error = function(&fold);
    if (!error)
        error = store(infer->graph, node->output[0], &fold.out);
end:
    for (int i = 0; i < node->inputs; i++)
        gcam_free(fold.in[i].data);
    gcam_free(fold.out.data);
    gcam_free(fold.in);
    if (error == -E2BIG)
        return gcam_infer_unsupported(infer, "its result, a constant, is too large");
    return error ? error : 1;
}

static int fold_shape(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    const GcamShape *shape = &infer->graph->value[node->input[0]].shape;
    int64_t rank = shape->rank, start = gcam_node_int(node, "start", 0), end = gcam_node_int(node, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    double dims[GCAM_MAX_RANK];
    Array array = { { 1, { (size_t)(end - start) } }, dims, 1 };
    for (int64_t i = start; i < end; i++)
        dims[i - start] = (double)shape->dim[i];
    int error = store(infer->graph, node->output[0], &array);
    return error ? error : 1;
}

static int fold_constant(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    GcamValue *value = &infer->graph->value[node->output[0]];
    const GcamAttribute *a = node->attributes == 1 ? &node->attribute[0] : NULL;
    double scalar;
    Array array = { { 0 }, &scalar, 0 };
    if (a && a->has_tensor) {
        value->shape = a->tensor.shape;
        value->type = a->tensor.type;
        value->data = a->tensor.data;
        return 1;
    }
    if (a && !strcmp(a->name, "value_ints") && a->int_count) {
        value->shape = (GcamShape){ 1, { a->int_count } };
        value->type = GCAM_TYPE_INT64;
        value->data = a->ints;
        return 1;
    }
    if (a && !strcmp(a->name, "value_floats") && a->float_count) {
        value->shape = (GcamShape){ 1, { a->float_count } };
        value->type = GCAM_TYPE_FLOAT;
        value->data = a->floats;
        return 1;
    }
    if (!a || (strcmp(a->name, "value_int") && strcmp(a->name, "value_float")))
        return gcam_infer_unsupported(infer, "a constant of this kind");
    array.integer = !strcmp(a->name, "value_int");
    scalar = array.integer ? (double)a->i : a->f;
    int error = store(infer->graph, node->output[0], &array);
    return error ? error : 1;
}

// Reshape, Flatten, Squeeze and Unsqueeze of a constant share its data: only the shape is new.
static int fold_view(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    int error = gcam_op_find(node->type)->infer(infer);
    if (error)
        return error;
    const GcamValue *from = &infer->graph->value[node->input[0]];
    GcamValue *to = &infer->graph->value[node->output[0]];
    to->type = from->type;
    to->data = from->data;
    return 1;
}

int gcam_graph_fold(GcamGraph *graph, int index, const GradcamLog *log)
{
    GcamNode *node = &graph->node[index];
    GcamInfer infer = { graph, node, log };
    size_t elements = 0;
    if (node->outputs < 1 || node->output[0] < 0)
        return 0;
    if (!strcmp(node->type, "Constant"))
        return fold_constant(&infer);
    if (node->inputs < 1 || node->input[0] < 0)
        return 0;
    if (!strcmp(node->type, "Shape"))
        return fold_shape(&infer);
    for (int i = 0; i < node->inputs; i++) {
        if (node->input[i] >= 0 && !graph->value[node->input[i]].data)
            return 0;
        elements += node->input[i] >= 0 ? gcam_shape_count(&graph->value[node->input[i]].shape) : 0;
    }
    const GcamOp *op = gcam_op_find(node->type);
    if (op && op->flags & GCAM_OP_VIEW)
        return fold_view(&infer);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (!strcmp(folders[i].type, node->type)) {
            const int error = gcam_infer_arity(&infer, folders[i].least, folders[i].most);
            if (error || elements > MOST_ELEMENTS || node->outputs != 1)
                return error;
            return run_folder(&infer, folders[i].function);
        }
    return 0;
}
