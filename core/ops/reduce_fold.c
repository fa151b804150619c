/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reductions that are no plain sums, over any dimensions and layout. With the sums and extremes over `axes`:
 *
 *     ReduceMax, ReduceMin        dx = dy where x is the extreme, shared among several that are
 *     ReduceL1         sum |x|                dx = dy sign(x)
 *     ReduceL2         sqrt(sum x^2)          dx = dy x / y, 0 where y is
 *     ReduceSumSquare  sum x^2                dx = dy 2 x
 *     ReduceProd       product of x           dx = dy times the product of the others
 *     ReduceLogSum     log(sum x)             dx = dy e^-y
 *     ReduceLogSumExp  log(sum e^x)           dx = dy e^(x - y), computed from the largest x on
 *
 * One more of them is a FOLD line, what is added up and its derivative, and a row of gcam_op_reduce_fold.
 */
#include "reduce.h"

#include "part.h"

#include <math.h>
#include <string.h>

// x and y lie `x_step` and `y_step` floats apart; y_step is 0 within what is reduced. aside: a number for each y, kept
// between two passes; another `second` floats behind it.
typedef struct Row {
    const float *x;
    float *y, *aside;
    const float *dy;
    float *dx;
    ptrdiff_t x_step, y_step, second;
} Row;

typedef void Pass(const Row *row, size_t n);

typedef struct Fold {
    float start;
    Pass *before;               // into `aside`, from aside_start on; or NULL
    float aside_start;
    Pass *forward;
    float (*finish)(float sum, float aside);
    Pass *before_back;          // into `aside`, from 0 on; or NULL
    Pass *backward;
} Fold;

// to = join of to and each x, added up in double where it is one place.
#define GATHER(name, to, join) \
    static void name(const Row *row, size_t n) \
    { \
        double sum = row->to[0]; \
        for (size_t i = 0; i < n; i++) { \
            ptrdiff_t at = (ptrdiff_t)i * row->y_step; \
            float x = row->x[(ptrdiff_t)i * row->x_step], y = row->y[at], aside = row->aside[at]; \
            (void)y, (void)aside; \
            sum = at ? row->to[at] : sum; \
            sum = join; \
            row->to[at] = (float)sum; \
        } \
    }

#define SPREAD(name, df) \
    static void name(const Row *row, size_t n) \
    { \
        for (size_t i = 0; i < n; i++) { \
            ptrdiff_t at = (ptrdiff_t)i * row->y_step, from = (ptrdiff_t)i * row->x_step; \
            float x = row->x[from], y = row->y[at], aside = row->aside[at], other = row->aside[at + row->second]; \
            (void)x, (void)y, (void)aside, (void)other; \
            row->dx[from] = row->dy[at] * (df); \
        } \
    }

#define FOLD(name, join, df) GATHER(name##_gather, y, join) SPREAD(name##_spread, df)

FOLD(max, x > sum ? x : sum, x == y ? 1 / aside : 0)
FOLD(min, x < sum ? x : sum, x == y ? 1 / aside : 0)
FOLD(l1, sum + fabsf(x), x > 0 ? 1 : x < 0 ? -1 : 0)
FOLD(l2, sum + (double)x * x, y > 0 ? x / y : 0)
FOLD(sum_square, sum + (double)x * x, 2 * x)
FOLD(log_sum, sum + x, expf(-y))
FOLD(log_sum_exp, sum + expf(x - aside), expf(x - y))
// Zeros are counted, and the others multiplied beside them: where one factor is zero, all others have no gradient.
FOLD(prod, sum * x, x == 0 ? (aside == 1 ? other : 0) : aside == 0 ? y / x : 0)
GATHER(count_equal, aside, sum + (x == y))
GATHER(largest, aside, x > sum ? x : sum)

static void count_zeros(const Row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = row->x[(ptrdiff_t)i * row->x_step], *aside = row->aside + (ptrdiff_t)i * row->y_step;
        aside[0] += x == 0;
        aside[row->second] *= x == 0 ? 1 : x;
    }
}

static float as_is(float sum, float aside)
{
    (void)aside;
    return sum;
}

static float root(float sum, float aside)
{
    (void)aside;
    return sqrtf(sum);
}

static float logarithm(float sum, float aside)
{
    return logf(sum) + aside;
}

// ---------------------------------------------------------------------------------------------------------- the walk

static void walk(const GcamMove *move, int depth, const Row *at, Pass *pass)
{
    Row row = *at;
    row.x_step = move->from[depth];
    row.y_step = move->to[depth];
    if (depth == move->rank - 1) {
        pass(&row, move->dim[depth]);
        return;
    }
    for (size_t i = 0; i < move->dim[depth]; i++) {
        const ptrdiff_t x = (ptrdiff_t)i * row.x_step, y = (ptrdiff_t)i * row.y_step;
        Row below = row;
        below.x += x;
        below.y += y;
        below.aside += y;
        below.dy = row.dy ? row.dy + y : NULL;
        below.dx = row.dx ? row.dx + x : NULL;
        walk(move, depth + 1, &below, pass);
    }
}

static void run_pass(const GcamRun *run, const GcamStep *step, const Row *row, Pass *pass)
{
    GcamMove move = gcam_reduce_move(run, step);
    if (!move.rank) {           // one number, reduced over nothing
        move.rank = 1;
        move.dim[0] = 1;
        move.from[0] = move.to[0] = 0;
    }
    walk(&move, 0, row, pass);
}

static void fill(float *to, float with, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = with;
}

static int fold_prepare(GcamStep *step, const GcamValue *values, int threads)
{
    (void)threads;
    step->scratch = 2 * gcam_shape_count(&values[step->output[0]].shape);
    return 0;
}

static void fold_forward(const GcamRun *run, const GcamStep *step)
{
    const Fold *fold = step->op->data;
    const size_t count = gcam_shape_count(&run->value[step->output[0]].shape);
    const Row row = { .x = run->data[step->input[0]], .y = run->data[step->output[0]], .aside = run->scratch };
    fill(row.aside, fold->aside_start, count);
    fill(row.y, fold->start, count);
    if (fold->before)
        run_pass(run, step, &row, fold->before);
    run_pass(run, step, &row, fold->forward);
    for (size_t i = 0; i < count; i++)
        row.y[i] = fold->finish(row.y[i], row.aside[i]);
}

static void fold_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const Fold *fold = step->op->data;
    const Row row = { .x = run->data[step->input[0]], .y = run->data[step->output[0]], .aside = run->scratch,
                      .dy = run->grad[step->output[0]], .dx = dx,
                      .second = (ptrdiff_t)gcam_shape_count(&run->value[step->output[0]].shape) };
    (void)input;
    fill(row.aside, 0, (size_t)row.second);
    fill(row.aside + row.second, 1, (size_t)row.second);
    if (fold->before_back)
        run_pass(run, step, &row, fold->before_back);
    run_pass(run, step, &row, fold->backward);
}

#define ROW(onnx, ...) \
    { .type = onnx, .layout = GCAM_LAYOUT_FREE, .flags = GCAM_OP_NEEDS_X | GCAM_OP_NEEDS_Y, \
      .infer = gcam_reduce_infer, .prepare = fold_prepare, .forward = fold_forward, .backward = fold_backward, \
      .data = &(const Fold){ __VA_ARGS__ } }

const GcamOp gcam_op_reduce_fold[] = {
    ROW("ReduceMax", -INFINITY, NULL, 0, max_gather, as_is, count_equal, max_spread),
    ROW("ReduceMin", INFINITY, NULL, 0, min_gather, as_is, count_equal, min_spread),
    ROW("ReduceL1", 0, NULL, 0, l1_gather, as_is, NULL, l1_spread),
    ROW("ReduceL2", 0, NULL, 0, l2_gather, root, NULL, l2_spread),
    ROW("ReduceProd", 1, NULL, 0, prod_gather, as_is, count_zeros, prod_spread),
    ROW("ReduceSumSquare", 0, NULL, 0, sum_square_gather, as_is, NULL, sum_square_spread),
    ROW("ReduceLogSum", 0, NULL, 0, log_sum_gather, logarithm, NULL, log_sum_spread),
    ROW("ReduceLogSumExp", 0, largest, -INFINITY, log_sum_exp_gather, logarithm, NULL, log_sum_exp_spread),
};
const size_t gcam_op_reduce_fold_count = sizeof(gcam_op_reduce_fold) / sizeof(gcam_op_reduce_fold[0]);
