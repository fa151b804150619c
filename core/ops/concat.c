/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Concat and Split along one dimension, any layout.
 *
 *     Concat: x0 [.., a0, ..], x1 [.., a1, ..], ...  ->  y [.., a0 + a1 + .., ..]         dx_i: that part of dy
 *     Split:  x [.., a0 + a1 + .., ..]  ->  y0 [.., a0, ..], y1 [.., a1, ..], ...         dx: the dy_i, put together
 *
 * In memory either is a copy of a box for each part; where the parts' rows lie side by side in the whole's, of rows. An
 * input of Concat that a plan had computed in its place is not copied.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <string.h>

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

// Checks that the inputs differ along the axis alone.
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
    GcamMove move = gcam_move_between(&values[parts[part]].shape, &values[parts[part]], &values[whole]);
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

// Along the last dimension too: where rows have numbers, each part has a whole number of them.
static int axis_moves_rows(const GcamStep *step, const GcamValue *values)
{
    (void)step, (void)values;
    return 1;
}

const GcamOp gcam_op_concat = {
    .type = "Concat", .layout = GCAM_LAYOUT_ANY, .flags = GCAM_OP_READS | GCAM_OP_JOINS,
    .range = GCAM_RANGE_ALL, .infer = concat_infer, .forward = concat_forward, .backward = concat_backward,
    .excite = concat_backward, .reach = axis_reach, .moves_rows = axis_moves_rows,
};

// Sizes from `split`, an attribute or, from opset 13, an input; else equal parts, the last one what is left.
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
    gcam_clear(run, step->input[input], dx);
    for (int i = 0; i < step->outputs; i++) {
        if (!run->grad[step->output[i]])
            continue;
        GcamMove move = part_move(run, step, step->output, i, step->input[0]);
        gcam_move(&move, run->pool, run->grad[step->output[i]], dx);
    }
}

// Output k begins behind those before it.
static int split_box(const GcamStep *step, const GcamValue *values, int output, GcamBox *box)
{
    int axis = ((const AxisParams *)step->node->params)->axis;
    *box = gcam_box_all(&values[output].shape);
    for (int i = 0; i < step->outputs && step->output[i] != output; i++)
        box->start[axis] += (int64_t)values[step->output[i]].shape.dim[axis];
    return 1;
}

const GcamOp gcam_op_split = {
    .type = "Split", .layout = GCAM_LAYOUT_ANY, .range = GCAM_RANGE_FIRST, .infer = split_infer,
    .forward = split_forward, .backward = split_backward,
    .excite = split_backward, .reach = axis_reach, .box = split_box, .moves_rows = axis_moves_rows,
};
