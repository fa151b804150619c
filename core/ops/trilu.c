/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Trilu: of each matrix of x [.., rows, columns] what lies on and above the diagonal k to the right of the main one,
 * or, with upper=0, on and below it; zeros elsewhere. The gradient alike.
 */
#include "ops.h"

#include <errno.h>
#include <string.h>

typedef struct Params {
    size_t rows, columns;
    int64_t k;
    int upper;
} Params;

static int trilu_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 2);
    int64_t k[GCAM_MAX_RANK] = { 0 };
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    int n = gcam_infer_ints(infer, NULL, 1, k);
    if (n < 0 && n != -ENOENT)
        return n;
    if (x->rank < 2 || n > 1)
        return gcam_infer_bad(infer, "an input of %d dimensions, %d diagonals", x->rank, n);
    const int64_t most = (int64_t)1 << 40;
    *params = (Params){ x->dim[x->rank - 2], x->dim[x->rank - 1], k[0] < -most ? -most : k[0] > most ? most : k[0],
                        gcam_node_int(infer->node, "upper", 1) != 0 };
    infer->node->params = params;
    return gcam_infer_output(infer, 0, x);
}

// Row by row: from column `first` on up to `last` what is there, else zeros.
static void keep(const Params *p, size_t count, const float *x, float *y)
{
    for (size_t row = 0; row < count / p->columns; row++, x += p->columns, y += p->columns) {
        int64_t at = (int64_t)(row % p->rows) + p->k, columns = (int64_t)p->columns;
        at += p->upper ? 0 : 1;
        size_t cut = (size_t)(at < 0 ? 0 : at > columns ? columns : at);
        size_t first = p->upper ? cut : 0, last = p->upper ? p->columns : cut;
        memset(y, 0, p->columns * sizeof(*y));
        memcpy(y + first, x + first, (last - first) * sizeof(*y));
    }
}

static void trilu_forward(const GcamRun *run, const GcamStep *step)
{
    keep(step->node->params, gcam_shape_count(&run->value[step->output[0]].shape), run->data[step->input[0]],
         run->data[step->output[0]]);
}

static void trilu_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    (void)input;
    keep(step->node->params, gcam_shape_count(&run->value[step->output[0]].shape), run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_trilu = {
    .type = "Trilu", .layout = GCAM_LAYOUT_PLAIN, .infer = trilu_infer, .forward = trilu_forward,
    .backward = trilu_backward,
};
