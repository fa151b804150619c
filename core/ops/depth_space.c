/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DepthToSpace and SpaceToDepth: channels become blocks of b x b pixels, and back. With the channel of the deep side at
 * block row i and column j
 *
 *     deep[n, channel(i, j, c), h, w] = wide[n, c, h b + i, w b + j]
 *     channel = (i b + j) C + c, or (c b + i) b + j in mode CRD
 *
 * one is a move between the two, and so is the gradient, the other way.
 */
#include "ops.h"

#include "move.h"

#include <errno.h>
#include <string.h>

typedef struct Params {
    size_t block;
    int by_channel;             // mode CRD
} Params;

// Whether it goes from channels to pixels.
static int to_space(const GcamOp *op)
{
    return op->data != NULL;
}

static int infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 1);
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    GcamShape shape = gcam_infer_input(infer, 0)->shape;
    const char *mode = gcam_node_string(infer->node, "mode", "DCR");
    int64_t block = gcam_node_int(infer->node, "blocksize", 0);
    const int deep = to_space(infer->node->op);
    if (shape.rank != 4 || block < 1 || block > 1 << 10)
        return gcam_infer_bad(infer, "blocks of %lld in %d dimensions", (long long)block, shape.rank);
    if (strcmp(mode, "DCR") && strcmp(mode, "CRD"))
        return gcam_infer_bad(infer, "mode '%s'", mode);
    const size_t b = (size_t)block;
    if (deep ? shape.dim[1] % (b * b) : shape.dim[2] % b || shape.dim[3] % b)
        return gcam_infer_bad(infer, "%zu channels of %zu x %zu do not fit blocks of %zu", shape.dim[1], shape.dim[2],
                              shape.dim[3], b);
    shape.dim[1] = deep ? shape.dim[1] / (b * b) : shape.dim[1] * b * b;
    shape.dim[2] = deep ? shape.dim[2] * b : shape.dim[2] / b;
    shape.dim[3] = deep ? shape.dim[3] * b : shape.dim[3] / b;
    *params = (Params){ b, !strcmp(mode, "CRD") };
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &shape);
}

// From x to y: over n, i, j, c, h, w.
static GcamMove make_move(const GcamRun *run, const GcamStep *step)
{
    const Params *p = step->node->params;
    const GcamValue *x = &run->value[step->input[0]], *y = &run->value[step->output[0]];
    const GcamValue *deep = to_space(step->op) ? x : y, *wide = to_space(step->op) ? y : x;
    const size_t b = p->block, channels = wide->shape.dim[1];
    const ptrdiff_t block = (ptrdiff_t)b, c = p->by_channel ? block * block : 1;
    const ptrdiff_t j = p->by_channel ? 1 : (ptrdiff_t)channels;
    ptrdiff_t d[GCAM_MAX_RANK], w[GCAM_MAX_RANK];
    gcam_value_strides(deep, d);
    gcam_value_strides(wide, w);
    GcamMove move = {
        .rank = 6, .dim = { deep->shape.dim[0], b, b, channels, deep->shape.dim[2], deep->shape.dim[3] },
        .from = { d[0], d[1] * j * block, d[1] * j, d[1] * c, d[2], d[3] },
        .to = { w[0], w[2], w[3], w[1], w[2] * block, w[3] * block },
    };
    return to_space(step->op) ? move : gcam_move_reverse(&move);
}

static void forward(const GcamRun *run, const GcamStep *step)
{
    GcamMove move = make_move(run, step);
    gcam_move(&move, run->pool, run->data[step->input[0]], run->data[step->output[0]]);
}

static void backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    GcamMove there = make_move(run, step), move = gcam_move_reverse(&there);
    (void)input;
    gcam_move(&move, run->pool, run->grad[step->output[0]], dx);
}

#define BLOCKS(onnx, is_to_space) \
    { .type = onnx, .layout = GCAM_LAYOUT_FREE, .infer = infer, .forward = forward, .backward = backward, \
      .excite = backward, .data = is_to_space }

const GcamOp gcam_op_depth_space[] = {
    BLOCKS("DepthToSpace", &(const int){ 1 }), BLOCKS("SpaceToDepth", NULL),
};
const size_t gcam_op_depth_space_count = sizeof(gcam_op_depth_space) / sizeof(gcam_op_depth_space[0]);
