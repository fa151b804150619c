/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The largest or the least along a dimension: TopK, their values and places; ArgMax and ArgMin, the place of the first.
 * Of equals the one that comes first wins, or with select_last_index the last. The gradient goes to the elements that
 * were picked; places have none.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <string.h>

typedef struct Params {
    size_t outer, along, inner, picks;
    int least, last;            // the least instead; of equals the last
} Params;

// Places are kept in float32.
#define MOST_PLACES ((size_t)1 << 24)

// What picks along which axis. keep: whether a dimension that is picked one of stays.
static int set_params(GcamInfer *infer, int64_t axis, int64_t picks, int keep, GcamShape *shape)
{
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    Params *p = gcam_infer_alloc(infer, sizeof(*p));
    int at = gcam_infer_axis(infer, axis, x->rank);
    if (at < 0 || !p)
        return at < 0 ? at : -ENOMEM;
    gcam_shape_split(x, at, &p->outer, &p->along, &p->inner);
    if (picks < 1 || (uint64_t)picks > p->along)
        return gcam_infer_unsupported(infer, "%lld of %zu elements", (long long)picks, p->along);
    if (p->along >= MOST_PLACES)
        return gcam_infer_unsupported(infer, "an order of %zu elements", p->along);
    p->picks = (size_t)picks;
    *shape = (GcamShape){ 0 };
    for (int i = 0; i < x->rank; i++)
        if (i != at || keep)
            shape->dim[shape->rank++] = i == at ? p->picks : x->dim[i];
    infer->node->params = p;
    return 0;
}

static int topk_infer(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    int64_t k[GCAM_MAX_RANK];
    GcamShape shape;
    int error = gcam_infer_arity(infer, 1, 2), n;
    if (error)
        return error;
    if (node->inputs > 1 && (n = gcam_infer_ints(infer, NULL, 1, k)) < 0)
        return n;
    if (node->inputs < 2)                       // before opset 10
        k[0] = gcam_node_int(node, "k", 0);
    error = set_params(infer, gcam_node_int(node, "axis", -1), k[0], 1, &shape);
    if (!error)
        ((Params *)node->params)->least = !gcam_node_int(node, "largest", 1);
    for (int i = 0; i < 2 && !error; i++)
        if (i < node->outputs && node->output[i] >= 0)
            error = gcam_infer_output(infer, i, &shape);
    return error;
}

static int arg_infer(GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    GcamShape shape;
    int error = gcam_infer_arity(infer, 1, 1);
    if (error || (error = set_params(infer, gcam_node_int(node, "axis", 0), 1, (int)gcam_node_int(node, "keepdims", 1),
                                     &shape)))
        return error;
    Params *p = node->params;
    p->least = !strcmp(node->type, "ArgMin");
    p->last = gcam_node_int(node, "select_last_index", 0) != 0;
    return gcam_infer_output(infer, 0, &shape);
}

// scratch: the places in order, and room to merge in
static int prepare(GcamStep *step, const GcamValue *values, int threads)
{
    (void)values, (void)threads;
    step->scratch = 2 * ((const Params *)step->node->params)->along;
    return 0;
}

// Whether place a comes before place b, which lies behind it.
static int comes_first(const Params *p, const float *x, size_t a, size_t b)
{
    const float u = x[a * p->inner], v = x[b * p->inner];
    return p->least ? (p->last ? u < v : u <= v) : (p->last ? u > v : u >= v);
}

// Sorts the places of a lane from x on by merging runs; those of equals stay in their order.
static const float *sort(const Params *p, const float *x, float *scratch)
{
    float *from = scratch, *to = scratch + p->along;
    const size_t n = p->along;
    for (size_t i = 0; i < n; i++)
        from[i] = (float)i;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * width) {
            size_t a = begin, middle = begin + width < n ? begin + width : n, b = middle;
            const size_t end = middle + width < n ? middle + width : n;
            for (size_t i = begin; i < end; i++)
                to[i] = a < middle && (b >= end || comes_first(p, x, (size_t)from[a], (size_t)from[b])) ? from[a++]
                                                                                                        : from[b++];
        }
        float *other = from;
        from = to;
        to = other;
    }
    return from;
}

// The places of a lane that are picked, in order.
static const float *pick(const Params *p, const float *x, float *scratch)
{
    size_t best = 0;
    if (p->picks > 1)
        return sort(p, x, scratch);
    for (size_t i = 1; i < p->along; i++)
        best = comes_first(p, x, best, i) ? best : i;
    scratch[0] = (float)best;
    return scratch;
}

typedef struct Lane {
    size_t x, y;                // its first element in x, and among those picked
} Lane;

static Lane lane_at(const Params *p, size_t index)
{
    const size_t outer = index / p->inner, inner = index % p->inner;
    return (Lane){ outer * p->along * p->inner + inner, outer * p->picks * p->inner + inner };
}

static void topk_forward(const GcamRun *run, const GcamStep *step)
{
    const Params *p = step->node->params;
    const float *x = run->data[step->input[0]];
    const int places = step->outputs > 1 ? step->output[1] : -1;
    for (size_t i = 0; i < p->outer * p->inner; i++) {
        const Lane lane = lane_at(p, i);
        const float *picked = pick(p, x + lane.x, run->scratch);
        for (size_t k = 0; k < p->picks; k++) {
            if (step->output[0] >= 0)
                run->data[step->output[0]][lane.y + k * p->inner] = x[lane.x + (size_t)picked[k] * p->inner];
            if (places >= 0)
                run->data[places][lane.y + k * p->inner] = picked[k];
        }
    }
}

static void topk_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const Params *p = step->node->params;
    const float *x = run->data[step->input[0]], *dy = run->grad[step->output[0]];
    gcam_clear(run, step->input[input], dx);
    for (size_t i = 0; dy && i < p->outer * p->inner; i++) {
        const Lane lane = lane_at(p, i);
        const float *picked = pick(p, x + lane.x, run->scratch);
        for (size_t k = 0; k < p->picks; k++)
            dx[lane.x + (size_t)picked[k] * p->inner] += dy[lane.y + k * p->inner];
    }
}

static void arg_forward(const GcamRun *run, const GcamStep *step)
{
    const Params *p = step->node->params;
    for (size_t i = 0; i < p->outer * p->inner; i++)
        run->data[step->output[0]][i] = *pick(p, run->data[step->input[0]] + lane_at(p, i).x, run->scratch);
}

static void arg_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    gcam_clear(run, step->input[input], dx);
}

#define ARG(onnx) \
    { .type = onnx, .layout = GCAM_LAYOUT_PLAIN, .infer = arg_infer, .prepare = prepare, .forward = arg_forward, \
      .backward = arg_backward }

const GcamOp gcam_op_picks[] = {
    { .type = "TopK", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_NEEDS_X, .infer = topk_infer, .prepare = prepare,
      .forward = topk_forward, .backward = topk_backward },
    ARG("ArgMax"), ARG("ArgMin"),
};
const size_t gcam_op_picks_count = sizeof(gcam_op_picks) / sizeof(gcam_op_picks[0]);
