/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where: y = c != 0 ? a : b, with broadcasting among all three. Values that are not picked play no part, be they
 * infinite. da is dy where c is not 0, summed over the dimensions along which a was repeated; db is the rest.
 */
#include "part.h"

#include <errno.h>
#include <string.h>

static int where_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 3, 3);
    if (error)
        return error;
    GcamShape shape = { 0 };
    for (int k = 0; k < 3; k++) {
        const GcamShape *in = &gcam_infer_input(infer, k)->shape;
        GcamShape merged = { .rank = in->rank > shape.rank ? in->rank : shape.rank };
        for (int i = 1; i <= merged.rank; i++) {
            size_t p = i <= shape.rank ? shape.dim[shape.rank - i] : 1, q = i <= in->rank ? in->dim[in->rank - i] : 1;
            if (p != q && p != 1 && q != 1) {
                char text[GCAM_SHAPE_TEXT];
                return gcam_infer_bad(infer, "shape %s does not fit the others", gcam_shape_text(in, text));
            }
            merged.dim[merged.rank - i] = p == 1 ? q : p;
        }
        shape = merged;
    }
    return gcam_infer_output(infer, 0, &shape);
}

// Over the output, all its dimensions; strides of c, a, b and the output, 0 where one is repeated.
typedef struct Loops {
    size_t dim[GCAM_MAX_RANK];
    ptrdiff_t stride[4][GCAM_MAX_RANK];
    int rank;
} Loops;

static void make_loops(const GcamRun *run, const GcamStep *step, Loops *loops)
{
    const GcamShape *y = &run->value[step->output[0]].shape;
    *loops = (Loops){ .rank = y->rank };
    memcpy(loops->dim, y->dim, sizeof(loops->dim));
    gcam_value_strides(&run->value[step->output[0]], loops->stride[3]);
    for (int k = 0; k < 3; k++) {
        const GcamValue *in = &run->value[step->input[k]];
        ptrdiff_t own[GCAM_MAX_RANK];
        gcam_value_strides(in, own);
        for (int i = 1; i <= in->shape.rank; i++)
            loops->stride[k][y->rank - i] = in->shape.dim[in->shape.rank - i] == 1 ? 0 : own[in->shape.rank - i];
    }
}

// What is read and written at a place of the loops.
typedef struct Places {
    const float *c, *from[2];
    float *to;
} Places;

typedef void Row(const Loops *loops, Places at);

// Along the last dimension: to = from[0] where c is not 0, else from[1].
static void pick_row(const Loops *loops, Places at)
{
    const int last = loops->rank - 1;
    const ptrdiff_t c = loops->stride[0][last], a = loops->stride[1][last], b = loops->stride[2][last];
    const ptrdiff_t y = loops->stride[3][last];
    for (ptrdiff_t i = 0, n = (ptrdiff_t)loops->dim[last]; i < n; i++)
        at.to[i * y] = at.c[i * c] != 0 ? at.from[0][i * a] : at.from[1][i * b];
}

// to, in the strides of a, += from[0] where c is not 0.
static void add_row(const Loops *loops, Places at)
{
    const int last = loops->rank - 1;
    const ptrdiff_t c = loops->stride[0][last], to = loops->stride[1][last], dy = loops->stride[3][last];
    for (ptrdiff_t i = 0, n = (ptrdiff_t)loops->dim[last]; i < n; i++)
        at.to[i * to] += at.c[i * c] != 0 ? at.from[0][i * dy] : 0;
}

// The same of b, where c is 0.
static void add_rest_row(const Loops *loops, Places at)
{
    const int last = loops->rank - 1;
    const ptrdiff_t c = loops->stride[0][last], to = loops->stride[2][last], dy = loops->stride[3][last];
    for (ptrdiff_t i = 0, n = (ptrdiff_t)loops->dim[last]; i < n; i++)
        at.to[i * to] += at.c[i * c] != 0 ? 0 : at.from[0][i * dy];
}

// The rows below `depth`. step: by which of the strides from[0], from[1] and to move.
static void walk(const Loops *loops, int depth, Row *row, const int step[3], Places at)
{
    if (depth >= loops->rank - 1) {
        row(loops, at);
        return;
    }
    for (size_t i = 0; i < loops->dim[depth]; i++) {
        walk(loops, depth + 1, row, step, at);
        at.c += loops->stride[0][depth];
        at.from[0] += loops->stride[step[0]][depth];
        at.from[1] += loops->stride[step[1]][depth];
        at.to += loops->stride[step[2]][depth];
    }
}

static void run_loops(Loops *loops, Row *row, const int step[3], Places at)
{
    if (!loops->rank) {
        loops->rank = 1;
        loops->dim[0] = 1;
    }
    walk(loops, 0, row, step, at);
}

static void where_forward(const GcamRun *run, const GcamStep *step)
{
    Loops loops;
    make_loops(run, step, &loops);
    run_loops(&loops, pick_row, (const int[]){ 1, 2, 3 },
              (Places){ run->data[step->input[0]], { run->data[step->input[1]], run->data[step->input[2]] },
                        run->data[step->output[0]] });
}

static void where_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const float *dy = run->grad[step->output[0]];
    Loops loops;
    make_loops(run, step, &loops);
    gcam_clear(run, step->input[input], dx);
    if (input > 0)
        run_loops(&loops, input == 1 ? add_row : add_rest_row, (const int[]){ 3, 3, input },
                  (Places){ run->data[step->input[0]], { dy, dy }, dx });
}

const GcamOp gcam_op_where = {
    .type = "Where", .layout = GCAM_LAYOUT_ANY, .flags = GCAM_OP_NEEDS_X | GCAM_OP_READS | GCAM_OP_ELEMENTWISE,
    .infer = where_infer, .forward = where_forward, .backward = where_backward,
};
