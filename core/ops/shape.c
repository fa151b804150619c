/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators that only move elements: Concat, Split, Slice, Pad, Transpose, Expand, Gather, and the two changes of
 * layout that a plan puts in. Those that need not even do that are in view.c.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <string.h>

static void zero(const GcamRun *run, int value, float *data)
{
    memset(data, 0, gcam_shape_count(&run->value[value].shape) * sizeof(*data));
}

// A move over the box `shape` with the strides of two values.
static GcamMove move_between(const GcamShape *shape, const GcamValue *from, const GcamValue *to)
{
    GcamMove move = { .rank = shape->rank };
    memcpy(move.dim, shape->dim, sizeof(move.dim));
    gcam_value_strides(from, move.from);
    gcam_value_strides(to, move.to);
    return move;
}

// ------------------------------------------------------------------------------------------------------ Concat, Split

typedef struct AxisParams {
    int axis;
} AxisParams;

static int axis_params(GcamInfer *infer, int axis)
{
    AxisParams *params = gcam_infer_alloc(infer, sizeof(*params));
    if (!params)
        return -ENOMEM;
    params->axis = axis;
    infer->node->params = params;
    return 0;
}

// x0: [.., a0, ..], x1: [.., a1, ..], ... -> y: [.., a0 + a1 + ..., ..]
int gcam_infer_concat(const GcamInfer *infer, GcamShape *shape)
{
    int error = gcam_infer_arity(infer, infer->node->inputs ? infer->node->inputs : 1, infer->node->inputs);
    if (error)
        return error;
    *shape = gcam_infer_input(infer, 0)->shape;
    int axis = gcam_infer_axis(infer, gcam_node_int(infer->node, "axis", 1), shape->rank);
    if (axis < 0)
        return axis;
    shape->dim[axis] = 0;
    for (int i = 0; i < infer->node->inputs; i++) {
        GcamShape rest = gcam_infer_input(infer, i)->shape;
        size_t along = rest.rank == shape->rank ? rest.dim[axis] : 0;
        rest.dim[axis] = shape->dim[axis];
        if (!gcam_shape_equal(&rest, shape)) {
            char a[GCAM_SHAPE_TEXT], b[GCAM_SHAPE_TEXT];
            return gcam_infer_bad(infer, "input %d has shape %s and input 0 has %s", i,
                                  gcam_shape_text(&gcam_infer_input(infer, i)->shape, a),
                                  gcam_shape_text(&gcam_infer_input(infer, 0)->shape, b));
        }
        shape->dim[axis] += along;
    }
    return axis;
}

static int concat_infer(GcamInfer *infer)
{
    GcamShape shape;
    int axis = gcam_infer_concat(infer, &shape), error = axis < 0 ? axis : axis_params(infer, axis);
    return error ? error : gcam_infer_output(infer, 0, &shape);
}

// The box of part `part` (an input of Concat, an output of Split) inside the whole: from the part to the whole.
static GcamMove part_move(const GcamRun *run, const GcamStep *step, const int *parts, int part, int whole)
{
    int axis = ((const AxisParams *)step->node->params)->axis;
    const GcamValue *values = run->value;
    GcamMove move = move_between(&values[parts[part]].shape, &values[parts[part]], &values[whole]);
    for (int i = 0; i < part; i++)
        move.to_offset += (ptrdiff_t)values[parts[i]].shape.dim[axis] * move.to[axis];
    return move;
}

typedef struct Join {
    const GcamRun *run;
    const GcamStep *step;
    size_t rows, row_floats;    // of the whole
} Join;

enum { JOIN_ROWS = 8, ALONE = 1 << 14 };    // rows that a thread takes at a time; floats too few for several threads

// In memory the rows of the whole are those of the parts, side by side.
static int joins_rows(const GcamRun *run, const GcamStep *step, Join *join)
{
    const GcamValue *values = run->value, *whole = &values[step->output[0]];
    int axis = ((const AxisParams *)step->node->params)->axis;
    *join = (Join){ run, step, 1, 1 };
    for (int i = 0; i < whole->shape.rank; i++)
        *((whole->channels_last ? i == 1 : i >= axis) ? &join->row_floats : &join->rows) *= whole->shape.dim[i];
    int same = !run->part && (!whole->channels_last || axis == 1);
    for (int i = 0; i < step->inputs; i++)
        same &= values[step->input[i]].channels_last == whole->channels_last;
    return same;
}

static void join_rows(void *opaque, size_t index, int thread)
{
    const Join *join = opaque;
    const GcamRun *run = join->run;
    size_t first = index * JOIN_ROWS, last = join->rows - first > JOIN_ROWS ? first + JOIN_ROWS : join->rows;
    float *to = run->data[join->step->output[0]];
    (void)thread;
    for (int i = 0; i < join->step->inputs; i++) {
        const float *part = run->data[join->step->input[i]];
        size_t n = gcam_shape_count(&run->value[join->step->input[i]].shape) / join->rows;
        for (size_t row = first; row < last && part != to; row++)       // else it was computed in its place
            memcpy(to + row * join->row_floats, part + row * n, n * sizeof(*to));
        to += n;
    }
}

static void concat_forward(const GcamRun *run, const GcamStep *step)
{
    Join join;
    if (joins_rows(run, step, &join)) {
        size_t count = join.rows * join.row_floats;
        gcam_threads_run(count < ALONE ? NULL : run->pool, (join.rows + JOIN_ROWS - 1) / JOIN_ROWS, join_rows, &join);
        return;
    }
    for (int i = 0; i < step->inputs; i++) {
        GcamMove move = part_move(run, step, step->input, i, step->output[0]);
        const float *part = run->data[step->input[i]];
        if (part == run->data[step->output[0]] + move.to_offset)        // it was computed in its place
            continue;
        gcam_move_part(&move, run, &run->value[step->output[0]]);
        gcam_move(&move, run->pool, part, run->data[step->output[0]]);
    }
}

// Along channels, each pixel is put together or divided on its own.
static GcamRect axis_reach(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in)
{
    int axis = ((const AxisParams *)step->node->params)->axis;
    return axis == (values[value].channels_last ? 1 : 3) ? gcam_reach_same(step, values, value, in) : gcam_rect_all();
}

static void concat_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = part_move(run, step, step->input, input, step->output[0]), move = gcam_move_reverse(&forward);
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_concat = {
    .type = "Concat", .layout = GCAM_LAYOUT_ANY, .flags = GCAM_OP_READS, .infer = concat_infer,
    .forward = concat_forward, .backward = concat_backward, .reach = axis_reach,
};

// x: [.., a0 + a1 + ..., ..] -> y0: [.., a0, ..], y1: [.., a1, ..], ...
static int split_infer(GcamInfer *infer)
{
    GcamNode *node = infer->node;
    int error = gcam_infer_arity(infer, 1, 2);
    if (error)
        return error;
    GcamShape shape = gcam_infer_input(infer, 0)->shape;
    int axis = gcam_infer_axis(infer, gcam_node_int(node, "axis", 0), shape.rank);
    if (axis < 0 || (error = axis_params(infer, axis)))
        return axis < 0 ? axis : error;
    size_t whole = shape.dim[axis], used = 0, even = (whole + (size_t)node->outputs - 1) / (size_t)node->outputs;
    int64_t part[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, "split", 1, part);
    if (n < 0 && n != -ENOENT)
        return n;
    if (n >= 0 && n != node->outputs)
        return gcam_infer_bad(infer, "splits into %d parts and has %d outputs", n, node->outputs);
    for (int i = 0; i < node->outputs; i++) {
        size_t rest = whole - used;
        int64_t size = n >= 0 ? part[i] : (int64_t)(even < rest ? even : rest);
        if (size < 1 || (size_t)size > rest || node->output[i] < 0)
            return gcam_infer_bad(infer, "part %d of %zu has %lld", i, whole, (long long)size);
        shape.dim[axis] = (size_t)size;
        used += (size_t)size;
        if ((error = gcam_infer_output(infer, i, &shape)))
            return error;
    }
    return used == whole ? 0 : gcam_infer_bad(infer, "its parts add up to %zu of %zu", used, whole);
}

static void split_forward(const GcamRun *run, const GcamStep *step)
{
    for (int i = 0; i < step->outputs; i++) {
        GcamMove whole = part_move(run, step, step->output, i, step->input[0]), move = gcam_move_reverse(&whole);
        gcam_move_part(&move, run, &run->value[step->input[0]]);
        gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[i]]);
    }
}

// An output that no score depends on has no gradient (grad NULL): zeros.
static void split_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    zero(run, step->input[input], dx);
    for (int i = 0; i < step->outputs; i++) {
        if (!run->grad[step->output[i]])
            continue;
        GcamMove move = part_move(run, step, step->output, i, step->input[0]);
        gcam_move(&move, run->pool, run->grad[step->output[i]], dx);
    }
}

const GcamOp gcam_op_split = {
    .type = "Split", .layout = GCAM_LAYOUT_ANY, .infer = split_infer, .forward = split_forward,
    .backward = split_backward, .reach = axis_reach,
};

// ---------------------------------------------------------------------------------------------------------- Slice, Pad

typedef struct BoxParams {
    int64_t start[GCAM_MAX_RANK], step[GCAM_MAX_RANK];  // Slice: of the input; Pad: start is the padding before
    float fill;
} BoxParams;

// A list of Slice: `count` numbers, `fallback` in each where it is left out and there is one.
static int slice_list(const GcamInfer *infer, const char *name, int input, int count, const int64_t *fallback,
                      int64_t list[GCAM_MAX_RANK])
{
    int n = gcam_infer_ints(infer, name, input, list);
    if (n == -ENOENT && fallback) {
        memcpy(list, fallback, (size_t)count * sizeof(*list));
        n = count;
    }
    if (n == -ENOENT || (n >= 0 && n != count))
        return gcam_infer_bad(infer, "starts, ends, axes and steps do not fit each other");
    return n;
}

int gcam_infer_slice(const GcamInfer *infer, GcamShape *shape, int64_t start[GCAM_MAX_RANK],
                     int64_t step[GCAM_MAX_RANK])
{
    static const int64_t in_order[GCAM_MAX_RANK] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    static const int64_t ones[GCAM_MAX_RANK] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    int64_t starts[GCAM_MAX_RANK], ends[GCAM_MAX_RANK], axes[GCAM_MAX_RANK], steps[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, "starts", 1, starts), error = n;
    if (n < 0 && n != -ENOENT)
        return n;
    if ((error = slice_list(infer, "ends", 2, n < 0 ? 0 : n, NULL, ends)) < 0 ||
        (error = slice_list(infer, "axes", 3, n, in_order, axes)) < 0 ||
        (error = slice_list(infer, NULL, 4, n, ones, steps)) < 0)
        return error;
    unsigned seen = 0;
    *shape = gcam_infer_input(infer, 0)->shape;
    for (int i = 0; i < shape->rank; i++) {
        start[i] = 0;
        step[i] = 1;
    }
    for (int i = 0; i < n; i++) {
        int axis = gcam_infer_axis(infer, axes[i], shape->rank);
        if (axis < 0)
            return axis;
        if (!steps[i] || seen & 1u << axis)
            return gcam_infer_bad(infer, steps[i] ? "slices axis %d twice" : "a step of 0 along axis %d", axis);
        seen |= 1u << axis;
        start[axis] = gcam_slice_range((int64_t)shape->dim[axis], starts[i], ends[i], steps[i], &shape->dim[axis]);
        step[axis] = shape->dim[axis] > 1 ? steps[i] : 1;       // else any step does, however long
    }
    return 0;
}

static int slice_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 5);
    BoxParams *params = gcam_infer_alloc(infer, sizeof(*params));
    GcamShape shape;
    if (error || !params)
        return error ? error : -ENOMEM;
    if ((error = gcam_infer_slice(infer, &shape, params->start, params->step)))
        return error;
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

int gcam_slices_channels(const GcamNode *node, size_t first)
{
    const BoxParams *params = node->params;
    for (int i = 0; i < 4; i++)
        if (params->step[i] != 1 || params->start[i] != (i == 1 ? (int64_t)first : 0))
            return 0;
    return 1;
}

static GcamMove slice_move(const GcamRun *run, const GcamStep *step)
{
    const BoxParams *params = step->node->params;
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = move_between(&y->shape, x, y);
    for (int i = 0; i < move.rank; i++) {
        move.from_offset += (ptrdiff_t)params->start[i] * move.from[i];
        move.from[i] *= (ptrdiff_t)params->step[i];
    }
    return move;
}

static void slice_forward(const GcamRun *run, const GcamStep *step)
{
    GcamMove move = slice_move(run, step);
    gcam_move_part(&move, run, &run->value[step->output[0]]);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

// A slice of channels leaves pixels where they are.
static GcamRect slice_reach(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in)
{
    const BoxParams *params = step->node->params;
    for (int i = 0; i < values[value].shape.rank; i++)
        if (i != (values[value].channels_last ? 1 : 3) && (params->start[i] || params->step[i] != 1))
            return gcam_rect_all();
    return gcam_reach_same(step, values, value, in);
}

static void slice_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = slice_move(run, step), move = gcam_move_reverse(&forward);
    zero(run, step->input[input], dx);
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_slice = {
    .type = "Slice", .layout = GCAM_LAYOUT_ANY, .infer = slice_infer, .forward = slice_forward,
    .backward = slice_backward, .reach = slice_reach,
};

// Constant padding; negative amounts cut.
static int pad_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 4);
    BoxParams *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    const char *mode = gcam_node_string(infer->node, "mode", "constant");
    GcamShape shape = gcam_infer_input(infer, 0)->shape;
    if (strcmp(mode, "constant"))
        return gcam_infer_unsupported(infer, "mode '%s'", mode);
    const GcamAttribute *attribute = gcam_node_attribute(infer->node, "pads");
    const GcamValue *input = gcam_infer_input(infer, 1), *fill = gcam_infer_input(infer, 2);
    const GcamValue *axes = gcam_infer_input(infer, 3);
    if ((input && !input->data) || (fill && !fill->data) || (axes && !axes->data))
        return gcam_infer_unsupported(infer, "its padding depends on the picture");
    if (fill && gcam_shape_count(&fill->shape) != 1)
        return gcam_infer_bad(infer, "'%s', what it fills with, is not one number", fill->name);
    size_t n = input ? gcam_shape_count(&input->shape) : attribute ? attribute->int_count : 0;
    int count = axes ? (int)gcam_shape_count(&axes->shape) : shape.rank;
    if (count > shape.rank || n != 2 * (size_t)count)
        return gcam_infer_bad(infer, "%zu paddings for %d dimensions", n, count);
    for (int i = 0; i < count; i++) {
        int axis = gcam_infer_axis(infer, axes ? gcam_constant_int(axes, (size_t)i) : i, shape.rank);
        if (axis < 0)
            return axis;
        int64_t before = input ? gcam_constant_int(input, (size_t)i) : attribute->ints[i];
        int64_t after = input ? gcam_constant_int(input, (size_t)(i + count)) : attribute->ints[i + count];
        int64_t size = (int64_t)shape.dim[axis];
        if (before < -size || after < -size || before > 1 << 20 || after > 1 << 20 || before + after + size < 1)
            return gcam_infer_bad(infer, "pads a dimension of %lld by %lld and %lld", (long long)size,
                                  (long long)before, (long long)after);
        params->start[axis] = before;
        shape.dim[axis] = (size_t)(size + before + after);
    }
    params->fill = fill ? (float)gcam_constant_double(fill, 0) : gcam_node_float(infer->node, "value", 0);
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

static GcamMove pad_move(const GcamRun *run, const GcamStep *step)
{
    const BoxParams *params = step->node->params;
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = move_between(&x->shape, x, y);
    for (int i = 0; i < move.rank; i++) {
        ptrdiff_t before = (ptrdiff_t)params->start[i], size = (ptrdiff_t)x->shape.dim[i];
        ptrdiff_t first = before < 0 ? -before : 0, last = (ptrdiff_t)y->shape.dim[i] - before;
        last = last < size ? last : size;
        move.dim[i] = last > first ? (size_t)(last - first) : 0;
        move.from_offset += first * move.from[i];
        move.to_offset += (first + before) * move.to[i];
    }
    return move;
}

static void pad_forward(const GcamRun *run, const GcamStep *step)
{
    const BoxParams *params = step->node->params;
    GcamMove move = pad_move(run, step);
    float *y = run->data[step->output[0]];
    for (size_t i = 0, n = gcam_shape_count(&run->value[step->output[0]].shape); i < n; i++)
        y[i] = params->fill;
    gcam_move(&move, run->pool, run->data[step->input[0]], y);
}

static void pad_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = pad_move(run, step), move = gcam_move_reverse(&forward);
    zero(run, step->input[input], dx);
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_pad = {
    .type = "Pad", .layout = GCAM_LAYOUT_ANY, .infer = pad_infer, .forward = pad_forward,
    .backward = pad_backward,
};

// ------------------------------------------------------------------------------------- Transpose, changes of layout

typedef struct TransposeParams {
    int perm[GCAM_MAX_RANK];
} TransposeParams;

int gcam_infer_transpose(const GcamInfer *infer, GcamShape *shape, int perm[GCAM_MAX_RANK])
{
    int64_t asked[GCAM_MAX_RANK];
    unsigned seen = 0;
    int error = gcam_infer_arity(infer, 1, 1);
    if (error)
        return error;
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    int n = gcam_infer_ints(infer, "perm", -1, asked);
    if (n < 0 && n != -ENOENT)
        return n;
    if (n >= 0 && n != from->rank)
        return gcam_infer_bad(infer, "permutes %d of %d dimensions", n, from->rank);
    *shape = *from;
    for (int i = 0; i < from->rank; i++) {
        perm[i] = gcam_infer_axis(infer, n >= 0 ? asked[i] : from->rank - 1 - i, from->rank);
        if (perm[i] < 0)
            return perm[i];
        seen |= 1u << perm[i];
        shape->dim[i] = from->dim[perm[i]];
    }
    return seen == (1u << from->rank) - 1 ? 0 : gcam_infer_bad(infer, "its permutation names a dimension twice");
}

static int transpose_infer(GcamInfer *infer)
{
    TransposeParams *params = gcam_infer_alloc(infer, sizeof(*params));
    GcamShape shape;
    int error = params ? gcam_infer_transpose(infer, &shape, params->perm) : -ENOMEM;
    if (error)
        return error;
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

const int *gcam_transpose_perm(const GcamNode *node)
{
    return ((const TransposeParams *)node->params)->perm;
}

static GcamMove transpose_move(const GcamRun *run, const GcamStep *step)
{
    const TransposeParams *params = step->node->params;
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = move_between(&y->shape, x, y);
    ptrdiff_t stride[GCAM_MAX_RANK];
    memcpy(stride, move.from, sizeof(stride));
    for (int i = 0; i < move.rank; i++)
        move.from[i] = stride[params->perm[i]];
    return move;
}

static void transpose_forward(const GcamRun *run, const GcamStep *step)
{
    GcamMove move = transpose_move(run, step);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

static void transpose_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = transpose_move(run, step), move = gcam_move_reverse(&forward);
    (void)input;
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_transpose = {
    .type = "Transpose", .layout = GCAM_LAYOUT_FREE, .flags = GCAM_OP_READS, .infer = transpose_infer,
    .forward = transpose_forward, .backward = transpose_backward,
};

// The layout differs, the shape does not.
static void layout_forward(const GcamRun *run, const GcamStep *step)
{
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = move_between(&y->shape, x, y);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

static void layout_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const GcamValue *x = &run->value[step->input[input]], *y = &run->value[step->output[0]];
    GcamMove move = move_between(&y->shape, y, x);
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_to_last = {
    .type = "ToChannelsLast", .layout = GCAM_LAYOUT_LAST, .forward = layout_forward,
    .backward = layout_backward,
};
const GcamOp gcam_op_to_plain = {
    .type = "ToChannelsFirst", .layout = GCAM_LAYOUT_PLAIN, .forward = layout_forward,
    .backward = layout_backward,
};

// -------------------------------------------------------------------------------------------------- Expand, Gather

static int expand_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 2);
    int64_t asked[GCAM_MAX_RANK];
    if (error)
        return error;
    int n = gcam_infer_ints(infer, NULL, 1, asked);
    if (n < 0)
        return n;
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    GcamShape shape = { .rank = n > from->rank ? n : from->rank };
    for (int i = 1; i <= shape.rank; i++) {
        size_t a = i <= from->rank ? from->dim[from->rank - i] : 1;
        int64_t b = i <= n ? asked[n - i] : 1;
        if (b < 1 || (a != 1 && b != 1 && (size_t)b != a))
            return gcam_infer_bad(infer, "expands a dimension of %zu to %lld", a, (long long)b);
        shape.dim[shape.rank - i] = a == 1 ? (size_t)b : a;
    }
    return gcam_infer_output(infer, 0, &shape);
}

static GcamMove expand_move(const GcamRun *run, const GcamStep *step)
{
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    GcamMove move = move_between(&y->shape, y, y);
    ptrdiff_t stride[GCAM_MAX_RANK];
    gcam_value_strides(x, stride);
    for (int i = 1; i <= move.rank; i++) {
        int own = x->shape.rank - i;
        move.from[move.rank - i] = own < 0 || x->shape.dim[own] == 1 ? 0 : stride[own];
    }
    return move;
}

static void expand_forward(const GcamRun *run, const GcamStep *step)
{
    GcamMove move = expand_move(run, step);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

static void expand_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove forward = expand_move(run, step), move = gcam_move_reverse(&forward);
    zero(run, step->input[input], dx);
    gcam_move_add(&move, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_expand = {
    .type = "Expand", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_READS, .infer = expand_infer,
    .forward = expand_forward, .backward = expand_backward,
};

typedef struct GatherParams {
    GcamGather gather;
    size_t *pick;
} GatherParams;

// x: [outer.., along, inner..], constant indices -> y: [outer.., picks.., inner..]
int gcam_infer_gather(const GcamInfer *infer, GcamShape *shape, GcamGather *gather)
{
    int error = gcam_infer_arity(infer, 2, 2);
    if (error)
        return error;
    const GcamValue *by = gcam_infer_input(infer, 1);
    const GcamShape *from = &gcam_infer_input(infer, 0)->shape;
    if (!by->data)
        return gcam_infer_unsupported(infer, "its indices depend on the picture");
    int axis = gcam_infer_axis(infer, gcam_node_int(infer->node, "axis", 0), from->rank), picked = by->shape.rank;
    if (axis < 0)
        return axis;
    *shape = (GcamShape){ .rank = from->rank - 1 + picked };
    if (shape->rank > GCAM_MAX_RANK)
        return gcam_infer_unsupported(infer, "a result of %d dimensions", shape->rank);
    for (int i = 0; i < shape->rank; i++)
        shape->dim[i] = i < axis ? from->dim[i]
                                 : i < axis + picked ? by->shape.dim[i - axis] : from->dim[i - picked + 1];
    *gather = (GcamGather){ .by = by, .axis = axis, .picks = gcam_shape_count(&by->shape) };
    gcam_shape_split(from, axis, &gather->outer, &gather->along, &gather->inner);
    return 0;
}

int gcam_gather_pick(const GcamInfer *infer, const GcamGather *gather, size_t i, size_t *pick)
{
    int64_t index = gcam_constant_int(gather->by, i);
    index += index < 0 ? (int64_t)gather->along : 0;
    if (index < 0 || index >= (int64_t)gather->along)
        return gcam_infer_bad(infer, "index %lld of %zu", (long long)index, gather->along);
    *pick = (size_t)index;
    return 0;
}

static int gather_infer(GcamInfer *infer)
{
    GatherParams *params = gcam_infer_alloc(infer, sizeof(*params));
    GcamShape shape;
    int error = params ? gcam_infer_gather(infer, &shape, &params->gather) : -ENOMEM;
    if (error)
        return error;
    const GcamGather *gather = &params->gather;
    params->pick = gcam_arena_alloc(&infer->graph->arena, gather->picks + 1, sizeof(*params->pick));
    if (!params->pick)
        return -ENOMEM;
    for (size_t i = 0; i < gather->picks; i++)
        if ((error = gcam_gather_pick(infer, gather, i, &params->pick[i])))
            return error;
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

static void gather_forward(const GcamRun *run, const GcamStep *step)
{
    const GatherParams *params = step->node->params;
    const GcamGather *p = &params->gather;
    const float *x = run->data[step->input[0]];
    float *y = run->data[step->output[0]];
    for (size_t i = 0; i < p->outer; i++)
        for (size_t j = 0; j < p->picks; j++)
            memcpy(y + (i * p->picks + j) * p->inner, x + (i * p->along + params->pick[j]) * p->inner,
                   p->inner * sizeof(*y));
}

static void gather_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const GatherParams *params = step->node->params;
    const GcamGather *p = &params->gather;
    const float *dy = run->grad[step->output[0]];
    zero(run, step->input[input], dx);
    for (size_t i = 0; i < p->outer; i++)
        for (size_t j = 0; j < p->picks; j++)
            for (size_t k = 0; k < p->inner; k++)
                dx[(i * p->along + params->pick[j]) * p->inner + k] += dy[(i * p->picks + j) * p->inner + k];
}

const GcamOp gcam_op_gather = {
    .type = "Gather", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_READS, .infer = gather_infer,
    .forward = gather_forward, .backward = gather_backward,
};

int gcam_takes_box(const GcamStep *step, const GcamValue *values, int output, GcamBox *box)
{
    *box = (GcamBox){ .shape = values[step->input[0]].shape };
    for (int i = 0; i < box->shape.rank; i++)
        box->step[i] = 1;
    if (step->op == &gcam_op_slice) {
        const BoxParams *params = step->node->params;
        box->shape = values[output].shape;
        memcpy(box->start, params->start, sizeof(box->start));
        memcpy(box->step, params->step, (size_t)box->shape.rank * sizeof(box->step[0]));
        return 1;
    }
    if (step->op == &gcam_op_split) {
        int axis = ((const AxisParams *)step->node->params)->axis;
        for (int i = 0; i < step->outputs && step->output[i] != output; i++)
            box->start[axis] += (int64_t)values[step->output[i]].shape.dim[axis];
        box->shape = values[output].shape;
        return 1;
    }
    const GatherParams *params = step->node->params;
    if (step->op != &gcam_op_gather || params->gather.picks != 1)
        return 0;
    box->start[params->gather.axis] = (int64_t)params->pick[0];
    box->shape.dim[params->gather.axis] = 1;
    return 1;
}

int gcam_moves_rows(const GcamStep *step, const GcamValue *values)
{
    const GcamShape *x = &values[step->input[0]].shape, *y = &values[step->output[0]].shape;
    const int last = x->rank - 1;
    if (last < 0 || !y->rank)
        return 0;
    if (step->op->flags & GCAM_OP_VIEW || step->op == &gcam_op_concat || step->op == &gcam_op_split)
        return 1;
    if (step->op == &gcam_op_transpose)
        return gcam_transpose_perm(step->node)[last] == last;
    const BoxParams *box = step->node->params;
    if (step->op == &gcam_op_slice)
        return box->start[last] == 0 && box->step[last] == 1 && x->dim[last] == y->dim[last];
    // Padding with nothing, as where a picture happens to be a multiple of the windows.
    int moves = step->op == &gcam_op_pad && gcam_shape_equal(x, y);
    for (int i = 0; moves && i <= last; i++)
        moves = box->start[i] == 0;
    return moves;
}
