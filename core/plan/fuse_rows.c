/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Several operators that only move whole rows - Transpose, Slice, Concat, Split and views, all of one value - become
 * one step. In which order it takes the rows is found by running the operators themselves on the numbers of the rows:
 *
 *     source [N, H, W, C]    rows of C elements, 0 1 2 3 ...        a value of shape [N, H, W, 1] that holds them
 *     through the steps      Slice, Transpose, Concat ...           the same steps, on such small values
 *     result [M, T, C]       4 0 5 1 ...                            from[i]: the row that row i of the result is
 *
 * So no operator is described a second time. Each row is taken once at the most, or the gradient would be a sum. Swin's
 * windows, shifted (Slice, Concat) and put in order (Reshape, Transpose), become one step. Numbers are float,
 * exact up to MOST_ROWS.
 */
#include "fuse.h"

#include "ops/rows.h"

#include <errno.h>
#include <string.h>

enum { MOST_ROWS = 1 << 24 };

typedef struct Trace {
    GcamPlan *plan;
    const GcamUsers *users;
    char *taken;                // by step: it is one of those that move the rows
    int source, moves;          // -1: not found yet; steps that are more than a view
    GcamValue *value;           // the plan's, with rows as elements
    float **number;             // by value: the rows it consists of
    GcamArena arena;
} Trace;

static int is_view(const GcamStep *step)
{
    return (step->op->flags & GCAM_OP_VIEW) != 0;
}

// Goes back from the result of step `index`. 0 when it depends on more than one value.
static int collect(Trace *trace, int index)
{
    GcamPlan *plan = trace->plan;
    const GcamStep *step = &plan->step[index];
    int inputs = step->op->flags & GCAM_OP_JOINS ? step->inputs : 1;
    if (trace->taken[index])
        return 1;
    trace->taken[index] = 1;
    trace->moves += !is_view(step);
    for (int i = 0; i < inputs; i++) {
        int x = step->input[i], maker = x < 0 ? -1 : trace->users->producer[x];
        if (x < 0 || plan->value[x].data)
            return 0;
        if (maker >= 0 && !gcam_plan_shows(plan, x) && plan->step[maker].op &&
            gcam_moves_rows(&plan->step[maker], plan->value)) {
            if (!collect(trace, maker))
                return 0;
        } else if (trace->source >= 0 && trace->source != x) {
            return 0;
        } else {
            trace->source = x;
        }
    }
    return 1;
}

// A value with rows of `size` as its elements; where they come from is still to be told. 1, 0 when it has no such rows,
// or -ENOMEM.
static int number_rows(Trace *trace, int value, size_t size)
{
    GcamShape *shape = &trace->value[value].shape;
    *shape = trace->plan->value[value].shape;
    if (!shape->rank || shape->dim[shape->rank - 1] % size)
        return 0;
    shape->dim[shape->rank - 1] /= size;
    if (gcam_shape_count(shape) > MOST_ROWS)
        return 0;
    trace->number[value] = gcam_arena_alloc(&trace->arena, gcam_shape_count(shape), sizeof(float));
    return trace->number[value] ? 1 : -ENOMEM;
}

// Runs the steps on the numbers of the source's rows.
static int run_moves(Trace *trace, int last, size_t size)
{
    const GcamRun run = { .value = trace->value, .data = trace->number };
    int known = number_rows(trace, trace->source, size);
    size_t rows = known > 0 ? gcam_shape_count(&trace->value[trace->source].shape) : 0;
    for (size_t i = 0; i < rows; i++)
        trace->number[trace->source][i] = (float)i;
    for (int i = 0; known > 0 && i <= last; i++) {
        const GcamStep *step = &trace->plan->step[i];
        for (int j = 0; trace->taken[i] && known > 0 && j < step->outputs; j++)
            known = number_rows(trace, step->output[j], size);
        if (known > 0 && trace->taken[i])
            step->op->forward(&run, step);
    }
    return known;
}

// The tables. 1, or 0 when a row is taken twice, or -ENOMEM.
static int make_tables(Trace *trace, int result, GcamRows *rows)
{
    GcamArena *arena = &trace->plan->arena;
    rows->from_rows = gcam_shape_count(&trace->value[trace->source].shape);
    rows->to_rows = gcam_shape_count(&trace->value[result].shape);
    int *from = gcam_arena_alloc(arena, rows->to_rows, sizeof(*from));
    int *to = gcam_arena_alloc(arena, rows->from_rows, sizeof(*to));
    if (!from || !to)
        return -ENOMEM;
    memset(to, -1, rows->from_rows * sizeof(*to));
    for (size_t i = 0; i < rows->to_rows; i++) {
        from[i] = (int)trace->number[result][i];
        if (to[from[i]] >= 0)
            return 0;
        to[from[i]] = (int)i;
    }
    rows->from = from;
    rows->to = to;
    return 1;
}

static int same_order(const GcamRows *rows)
{
    for (size_t i = 0; i < rows->to_rows; i++)
        if (rows->from[i] != (int)i)
            return 0;
    return rows->from_rows == rows->to_rows;
}

static int is_plain(const GcamStep *step)
{
    return step->op && step->op->layout == GCAM_LAYOUT_PLAIN && !is_view(step);
}

// Whether the source is made, or the result read, by an operator that wants plain memory: others might move pictures
// whose channels come last.
static int among_plain(const Trace *trace, int result)
{
    int maker = trace->users->producer[trace->source], plain = maker >= 0 && is_plain(&trace->plan->step[maker]);
    for (int i = 0; i < trace->plan->steps; i++)
        for (int j = 0; j < trace->plan->step[i].inputs; j++)
            plain |= trace->plan->step[i].input[j] == result && is_plain(&trace->plan->step[i]);
    return plain;
}

// Whether something else than a move of rows reads the result.
static int ends(const GcamPlan *plan, int result)
{
    int others = gcam_plan_shows(plan, result);
    for (int i = 0; i < plan->steps; i++)
        for (int j = 0; plan->step[i].op && j < plan->step[i].inputs; j++)
            others |= plan->step[i].input[j] == result && !gcam_moves_rows(&plan->step[i], plan->value);
    return others;
}

static int fuse(Trace *trace, int index)
{
    GcamPlan *plan = trace->plan;
    GcamStep *step = &plan->step[index];
    const int result = step->output[0];
    if (step->outputs != 1 || !ends(plan, result) || !collect(trace, index) || trace->source < 0 || trace->moves < 2 ||
        !among_plain(trace, result))
        return 0;
    const GcamShape *from = &plan->value[trace->source].shape;
    trace->value = gcam_arena_alloc(&trace->arena, (size_t)plan->values, sizeof(*trace->value));
    trace->number = gcam_arena_alloc(&trace->arena, (size_t)plan->values, sizeof(*trace->number));
    GcamRows *rows = gcam_arena_alloc(&plan->arena, 1, sizeof(*rows));
    GcamNode *node = gcam_arena_alloc(&plan->arena, 1, sizeof(*node));
    int *input = gcam_arena_alloc(&plan->arena, 1, sizeof(*input));
    if (!trace->value || !trace->number || !rows || !node || !input)
        return -ENOMEM;
    rows->size = from->rank ? from->dim[from->rank - 1] : 0;
    int known = rows->size ? run_moves(trace, index, rows->size) : 0;
    if (known <= 0 || (known = make_tables(trace, result, rows)) <= 0)
        return known;
    *node = *step->node;
    node->op = step->op = same_order(rows) ? &gcam_op_reshape : &gcam_op_rows;
    node->params = rows;
    step->node = node;
    step->input = input;
    step->input[0] = trace->source;
    step->inputs = 1;
    return 0;
}

int gcam_fuse_rows(GcamPlan *plan, const GcamUsers *users)
{
    Trace trace = { .plan = plan, .users = users };
    int error = 0;
    for (int i = plan->steps - 1; i >= 0 && !error; i--) {
        if (!plan->step[i].op || !gcam_moves_rows(&plan->step[i], plan->value))
            continue;
        trace.source = -1;
        trace.moves = 0;
        trace.taken = gcam_arena_alloc(&trace.arena, (size_t)plan->steps, 1);
        error = trace.taken ? fuse(&trace, i) : -ENOMEM;
        gcam_arena_free(&trace.arena);
    }
    return error;
}
