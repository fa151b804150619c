/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constant folding: what exporters write as graph is partly arithmetic on shapes, indices and small tables, which
 * does not depend on the picture. It is computed here once, in double (exact for integers up to 2^53; limits such as
 * INT64_MAX in a Slice survive as "very large"), and stored as int64 or float32.
 *
 * Here is the walk, and what is read off the graph itself (Shape, Constant, views of constants); the rules that compute
 * are tables in fold_elements.c and fold_shapes.c.
 *
 * A node is folded when all its inputs are constant; those of Shape, Size and EyeLike need not be, their shapes
 * suffice. Where no rule is for it, or a constant is too large, it is left to fold_run.h. Bytes of a file are not
 * trusted to be small: all that is read and made is counted against a share of the memory that the graph may take, of
 * all nodes together, so that neither one huge Expand nor a thousand of them end in more.
 */
#include "fold.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "folders.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------------------- arrays

int gcam_fold_spend(const GcamInfer *infer, size_t elements)
{
    GcamGraph *graph = infer->graph;
    graph->folded += elements * sizeof(double);
    if (graph->folded <= graph->memory / GCAM_FOLDED_SHARE)
        return 0;
    return gcam_fail(infer->log, -EOVERFLOW, "node '%s' (%s): constants computed up to here take more than %zu "
                     "MB, an eighth of the memory allowed", infer->node->name, infer->node->type,
                     graph->memory / GCAM_FOLDED_SHARE >> 20);
}

int gcam_fold_alloc(const GcamFold *fold, GcamArray *array, const GcamShape *shape, int integer)
{
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        if (gcam_mul(count, shape->dim[i], &count) < 0 || count > GCAM_FOLD_MOST)
            return -E2BIG;
    int error = gcam_fold_spend(&fold->infer, count);
    if (error)
        return error;
    array->shape = *shape;
    array->integer = integer;
    array->data = gcam_calloc(count + 1, sizeof(double));
    return array->data ? 0 : -ENOMEM;
}

int gcam_fold_alloc_like(GcamFold *fold, const GcamShape *shape)
{
    return gcam_fold_alloc(fold, &fold->out, shape, fold->in[0].integer);
}

size_t gcam_fold_count(const GcamArray *array)
{
    return gcam_shape_count(&array->shape);
}

void gcam_fold_strides(const GcamShape *shape, int64_t stride[GCAM_MAX_RANK])
{
    int64_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step = gcam_fold_times(step, (int64_t)shape->dim[i]);
    }
}

int64_t gcam_fold_place(const GcamShape *shape, const int64_t step[GCAM_MAX_RANK], size_t index)
{
    int64_t place = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        place = gcam_fold_plus(place, gcam_fold_times((int64_t)(index % shape->dim[i]), step[i]));
        index /= shape->dim[i];
    }
    return place;
}

void gcam_fold_broadcast_steps(const GcamShape *from, const GcamShape *to, int64_t step[GCAM_MAX_RANK])
{
    int64_t stride[GCAM_MAX_RANK];
    gcam_fold_strides(from, stride);
    for (int i = 0; i < to->rank; i++) {
        int own = i - (to->rank - from->rank);
        step[i] = own < 0 || from->dim[own] == 1 ? 0 : stride[own];
    }
}

int gcam_fold_broadcast_shape(const GcamFold *fold, GcamShape *shape)
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

// ----------------------------------------------------------------------------------------------------------- the walk

// Into the graph, as int64 or float32.
static int store(GcamGraph *graph, int index, const GcamArray *array)
{
    GcamValue *value = &graph->value[index];
    size_t count = gcam_fold_count(array), width = array->integer ? sizeof(int64_t) : sizeof(float);
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

static int load(const GcamFold *fold, GcamArray *array, const GcamValue *value)
{
    int error = gcam_fold_alloc(fold, array, &value->shape, !gcam_data_is_float(value->type));
    for (size_t i = 0, n = error ? 0 : gcam_shape_count(&value->shape); i < n; i++)
        array->data[i] = gcam_constant_double(value, i);
    return error;
}

static int run_folder(GcamInfer *infer, const GcamFolder *folder)
{
    GcamNode *node = infer->node;
    int error;
    GcamFold fold = { .folder = folder, .infer = *infer, .inputs = node->inputs,
                      .in = gcam_calloc((size_t)node->inputs, sizeof(GcamArray)) };
    if (!fold.in)
        return -ENOMEM;
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i] >= 0 && (error = load(&fold, &fold.in[i], &infer->graph->value[node->input[i]])))
            goto end;
    error = folder->function(&fold);
    if (!error)
        error = store(infer->graph, node->output[0], &fold.out);
end:
    for (int i = 0; i < node->inputs; i++)
        gcam_free(fold.in[i].data);
    gcam_free(fold.out.data);
    gcam_free(fold.in);
    if (error == -E2BIG)
        return gcam_infer_unsupported(infer, "its result, a constant, is too large");
    return error == GCAM_FOLD_NOT ? 0 : error ? error : 1;
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
    GcamArray array = { { 1, { (size_t)(end - start) } }, dims, 1 };
    for (int64_t i = start; i < end; i++)
        dims[i - start] = (double)shape->dim[i];
    int error = store(infer->graph, node->output[0], &array);
    return error ? error : 1;
}

// The number of elements of the input.
static int fold_size(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    double count = (double)gcam_shape_count(&infer->graph->value[node->input[0]].shape);
    int error = store(infer->graph, node->output[0], &(GcamArray){ { 0 }, &count, 1 });
    return error ? error : 1;
}

// Ones on the diagonal that lies k to the right of the main one, of a matrix of the input's shape.
static int fold_eye_like(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    const GcamValue *like = &infer->graph->value[node->input[0]];
    const GcamFold fold = { .infer = *infer };
    const int type = (int)gcam_node_int(node, "dtype", like->type);
    const int64_t k = gcam_node_int(node, "k", 0);
    GcamArray out = { { 0 }, NULL, 0 };
    if (like->shape.rank != 2)
        return gcam_infer_bad(infer, "an input of %d dimensions", like->shape.rank);
    int error = gcam_fold_alloc(&fold, &out, &like->shape, !gcam_data_is_float(type));
    if (error == -E2BIG)
        return gcam_infer_unsupported(infer, "its result, a constant, is too large");
    for (size_t row = 0; !error && row < like->shape.dim[0]; row++) {
        const int64_t at = gcam_fold_plus((int64_t)row, k);
        if (at >= 0 && at < (int64_t)like->shape.dim[1])
            out.data[row * like->shape.dim[1] + (size_t)at] = 1;
    }
    error = error ? error : store(infer->graph, node->output[0], &out);
    gcam_free(out.data);
    return error ? error : 1;
}

static int fold_constant(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    GcamValue *value = &infer->graph->value[node->output[0]];
    const GcamAttribute *a = node->attributes == 1 ? &node->attribute[0] : NULL;
    double scalar;
    GcamArray array = { { 0 }, &scalar, 0 };
    if (a && a->has_tensor && !a->tensor.data)
        return gcam_infer_unsupported(infer, "elements of type %s", gcam_data_name(a->tensor.type));
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

// Weights that are stored quantised are folded whatever their size; they count by the bytes they take.
static int fold_dequantize(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    const GcamValue *from = &infer->graph->value[node->input[0]];
    const size_t count = gcam_shape_count(&from->shape);
    int error = gcam_op_find(node->type)->infer(infer);
    error = error ? error : gcam_fold_spend(infer, count / 2 + 1);
    if (error)
        return error;
    float *data = gcam_arena_alloc(&infer->graph->arena, count + 1, sizeof(*data));
    if (!data)
        return -ENOMEM;
    gcam_dequantize_constant(node, from, data);
    infer->graph->value[node->output[0]].data = data;
    return 1;
}

static const GcamFolder *folder_at(size_t index)
{
    static const GcamFolder *const tables[] = { gcam_folders_elements, gcam_folders_shapes, gcam_folders_indices };
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const GcamFolder *folder = tables[t]; folder->type; folder++)
            if (!index--)
                return folder;
    return NULL;
}

static const GcamFolder *find_folder(const char *type)
{
    const GcamFolder *folder;
    for (size_t i = 0; (folder = folder_at(i)); i++)
        if (!strcmp(folder->type, type))
            return folder;
    return NULL;
}

// What is read off the input's shape, whatever its elements are.
static const struct {
    const char *type;
    int (*function)(GcamInfer *infer);
} of_shape[] = {
    { "Shape", fold_shape }, { "Size", fold_size }, { "EyeLike", fold_eye_like },
};

const char *gcam_fold_type_at(size_t index)
{
    const size_t shapes = sizeof(of_shape) / sizeof(of_shape[0]);
    const GcamFolder *folder = index > shapes ? folder_at(index - shapes - 1) : NULL;
    return index < shapes ? of_shape[index].type : index == shapes ? "Constant" : folder ? folder->type : NULL;
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
    for (size_t i = 0; i < sizeof(of_shape) / sizeof(of_shape[0]); i++)
        if (!strcmp(node->type, of_shape[i].type))
            return of_shape[i].function(&infer);
    for (int i = 0; i < node->inputs; i++) {
        if (node->input[i] >= 0 && !graph->value[node->input[i]].data)
            return 0;
        elements += node->input[i] >= 0 ? gcam_shape_count(&graph->value[node->input[i]].shape) : 0;
    }
    const GcamOp *op = gcam_op_find(node->type);
    if (op && op->flags & GCAM_OP_VIEW)
        return fold_view(&infer);
    if (!strcmp(node->type, "DequantizeLinear"))
        return fold_dequantize(&infer);
    const GcamFolder *folder = find_folder(node->type);
    if (!folder)
        return 0;
    const int error = gcam_infer_arity(&infer, folder->least, folder->most);
    if (error || elements > GCAM_FOLD_MOST || node->outputs != 1)
        return error;
    return run_folder(&infer, folder);
}
