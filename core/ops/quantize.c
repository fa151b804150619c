/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * QuantizeLinear, y = saturate(round(x / scale) + zero), round half to even; DequantizeLinear, y = (x - zero) scale;
 * DynamicQuantizeLinear, which finds scale and zero from the least and the greatest x. Quantised numbers are kept as
 * float32, which has all integers up to 2^24.
 *
 * Scale and zero are constants: one each, or one for each place along an axis (both opset 13), or for each block of
 * block_size places along it (opset 21).
 *
 * Gradients go straight through the rounding (Bengio et al. 2013, "Estimating or propagating gradients through
 * stochastic neurons"): dx = dy / scale where y is not saturated, else 0, for what saturates is a Clip, and often a
 * ReLU that a quantiser left out. Scale and zero that are found have no gradient.
 */
#include "ops.h"

#include "part.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct Params {
    size_t count;               // scales and zeros
    const float *scale, *zero;
    float low, high;            // what y saturates at
    int axis;
    size_t block;               // places along the axis that share a scale
} Params;

// Least and greatest number of an integer type; 0 for another.
static int find_limits(int type, float *low, float *high)
{
    static const struct {
        int type;
        float low, high;
    } limits[] = {
        { GCAM_TYPE_UINT8, 0, 255 }, { GCAM_TYPE_INT8, -128, 127 }, { GCAM_TYPE_UINT16, 0, 65535 },
        { GCAM_TYPE_INT16, -32768, 32767 },
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (limits[i].type == type) {
            *low = limits[i].low;
            *high = limits[i].high;
            return 1;
        }
    return 0;
}

// The scales as an array that the operator reads, and whether their number and shape fit x.
static int read_scales(GcamInfer *infer, Params *p)
{
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape;
    const GcamValue *scale = gcam_infer_input(infer, 1), *zero = gcam_infer_input(infer, 2);
    if (!scale->data || (zero && !zero->data))
        return gcam_infer_unsupported(infer, "its scale or zero point depends on the picture");
    const size_t scales = gcam_shape_count(&scale->shape), zeros = zero ? gcam_shape_count(&zero->shape) : 1;
    const GcamShape *given = scales > 1 ? &scale->shape : zero ? &zero->shape : NULL;
    p->count = scales > zeros ? scales : zeros;
    if (!scales || !zeros || (scales != zeros && scales != 1 && zeros != 1))
        return gcam_infer_bad(infer, "%zu scales and %zu zero points", scales, zeros);
    int64_t axis = gcam_node_int(infer->node, "axis", 1), block = gcam_node_int(infer->node, "block_size", 0);
    if (p->count > 1) {
        p->axis = gcam_infer_axis(infer, axis, x->rank);
        if (p->axis < 0)
            return p->axis;
        const size_t size = x->dim[p->axis];
        p->block = block > 0 && (uint64_t)block < size ? (size_t)block : block > 0 ? size : 1;
        GcamShape blocks = *x;
        blocks.dim[p->axis] = (size + p->block - 1) / p->block;
        if (block > 0 ? !gcam_shape_equal(given, &blocks) : p->count != size)
            return gcam_infer_bad(infer, "%zu scales for %zu places along dimension %d", p->count, size, p->axis);
        p->block = block > 0 ? p->block : 0;
    }
    float *list = gcam_arena_alloc(&infer->graph->arena, 2 * p->count, sizeof(*list));
    if (!list)
        return -ENOMEM;
    p->scale = list;
    p->zero = list + p->count;
    for (size_t i = 0; i < p->count; i++) {
        list[i] = (float)gcam_constant_double(scale, scales > 1 ? i : 0);
        list[p->count + i] = zero ? (float)gcam_constant_double(zero, zeros > 1 ? i : 0) : 0;
    }
    return 0;
}

static int dequantize_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 3);
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    infer->node->params = params;
    error = read_scales(infer, params);
    return error ? error : gcam_infer_output(infer, 0, &gcam_infer_input(infer, 0)->shape);
}

// Its type is that of the zero point; without one uint8, or what output_dtype says.
static int quantize_infer(GcamInfer *infer)
{
    int error = dequantize_infer(infer);
    if (error)
        return error;
    Params *params = infer->node->params;
    const GcamValue *zero = gcam_infer_input(infer, 2);
    int type = (int)gcam_node_int(infer->node, "output_dtype", GCAM_TYPE_NONE);
    type = zero ? zero->type : type ? type : GCAM_TYPE_UINT8;
    if (!find_limits(type, &params->low, &params->high))
        return gcam_infer_unsupported(infer, "numbers of type %s", gcam_data_name(type));
    return 0;
}

// Which scale element i, in memory, of a value goes by: of one; along an axis of any dense layout; of blocks.
typedef struct Finder {
    const Params *p;
    GcamShape shape;
    ptrdiff_t stride[GCAM_MAX_RANK];
} Finder;

static size_t find_scale(const Finder *f, size_t i)
{
    const Params *p = f->p;
    if (!p->block)
        return i / (size_t)f->stride[p->axis] % f->shape.dim[p->axis];
    size_t at = 0;
    for (int d = 0; d < f->shape.rank; d++) {
        const size_t size = f->shape.dim[d], place = i / (size_t)f->stride[d] % size;
        at = d == p->axis ? at * ((size + p->block - 1) / p->block) + place / p->block : at * size + place;
    }
    return at;
}

typedef struct Job {
    Finder finder;
    const float *x, *dy;
    float *out;
    void (*run)(const struct Job *job, size_t at, size_t count, float scale, float zero);
    GcamStretches floats;
} Job;

enum { CHUNK = 16384 };         // elements that one thread takes at a time

static void quantize(const Job *job, size_t at, size_t count, float scale, float zero)
{
    const Params *p = job->finder.p;
    for (size_t i = at; i < at + count; i++) {
        float y = rintf(job->x[i] / scale) + zero;
        y = y < p->low ? p->low : y;
        job->out[i] = y > p->high ? p->high : y;
    }
}

static void quantize_back(const Job *job, size_t at, size_t count, float scale, float zero)
{
    const Params *p = job->finder.p;
    const float inverse = 1 / scale;
    for (size_t i = at; i < at + count; i++) {
        float y = rintf(job->x[i] / scale) + zero;
        job->out[i] = y >= p->low && y <= p->high ? job->dy[i] * inverse : 0;
    }
}

static void dequantize(const Job *job, size_t at, size_t count, float scale, float zero)
{
    for (size_t i = at; i < at + count; i++)
        job->out[i] = (job->x[i] - zero) * scale;
}

static void dequantize_back(const Job *job, size_t at, size_t count, float scale, float zero)
{
    (void)zero;
    for (size_t i = at; i < at + count; i++)
        job->out[i] = job->dy[i] * scale;
}

static void run_chunk(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    const Params *p = job->finder.p;
    size_t n, at = gcam_piece(&job->floats, CHUNK, index, &n);
    (void)thread;
    if (p->count == 1) {
        job->run(job, at, n, p->scale[0], p->zero[0]);
        return;
    }
    for (size_t i = at; i < at + n; i++) {
        const size_t k = find_scale(&job->finder, i);
        job->run(job, i, 1, p->scale[k], p->zero[k]);
    }
}

static void run_job(const GcamRun *run, const GcamStep *step, Job *job)
{
    const GcamValue *y = &run->value[step->output[0]];
    job->finder = (Finder){ .p = step->node->params, .shape = y->shape };
    gcam_value_strides(y, job->finder.stride);
    job->floats = gcam_part_floats(run, y);
    gcam_threads_run(run->pool, gcam_pieces(&job->floats, CHUNK), run_chunk, job);
}

static void quantize_forward(const GcamRun *run, const GcamStep *step)
{
    run_job(run, step, &(Job){ .x = run->data[step->input[0]], .out = run->data[step->output[0]], .run = quantize });
}

static void quantize_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    if (!input)
        run_job(run, step, &(Job){ .x = run->data[step->input[0]], .dy = run->grad[step->output[0]], .out = dx,
                                   .run = quantize_back });
}

static void dequantize_forward(const GcamRun *run, const GcamStep *step)
{
    run_job(run, step, &(Job){ .x = run->data[step->input[0]], .out = run->data[step->output[0]], .run = dequantize });
}

static void dequantize_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    if (!input)
        run_job(run, step, &(Job){ .x = run->data[step->input[0]], .dy = run->grad[step->output[0]], .out = dx,
                                   .run = dequantize_back });
}

void gcam_dequantize_constant(const GcamNode *node, const GcamValue *from, float *to)
{
    Finder finder = { .p = node->params, .shape = from->shape };
    const size_t count = gcam_shape_count(&from->shape);
    gcam_value_strides(from, finder.stride);
    for (size_t i = 0; i < count; i++) {
        const size_t k = finder.p->count == 1 ? 0 : find_scale(&finder, i);
        to[i] = (float)((gcam_constant_double(from, i) - finder.p->zero[k]) * finder.p->scale[k]);
    }
}

// --------------------------------------------------------------------------------------------- DynamicQuantizeLinear

static int dynamic_infer(GcamInfer *infer)
{
    const GcamShape one = { 0 };
    const GcamNode *node = infer->node;
    int error = gcam_infer_arity(infer, 1, 1);
    for (int i = 0; i < 3 && !error; i++)
        if (i < node->outputs && node->output[i] >= 0)
            error = gcam_infer_output(infer, i, i ? &one : &gcam_infer_input(infer, 0)->shape);
    return error;
}

// Scale and zero of x, to uint8, in a range that has 0.
static Params find_scales(const GcamRun *run, const GcamStep *step, float scales[2])
{
    const float *x = run->data[step->input[0]];
    float low = 0, high = 0;
    for (size_t i = 0, n = gcam_shape_count(&run->value[step->input[0]].shape); i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    scales[0] = (high - low) / 255;
    const float zero = scales[0] > 0 ? rintf(-low / scales[0]) : 0;
    scales[1] = zero > 255 ? 255 : zero < 0 ? 0 : zero;
    return (Params){ .count = 1, .scale = scales, .zero = scales + 1, .low = 0, .high = 255 };
}

static void dynamic_forward(const GcamRun *run, const GcamStep *step)
{
    float scales[2];
    const Params p = find_scales(run, step, scales);
    const Job job = { .finder = { .p = &p }, .x = run->data[step->input[0]], .out = run->data[step->output[0]] };
    quantize(&job, 0, gcam_shape_count(&run->value[step->output[0]].shape), scales[0] > 0 ? scales[0] : 1, scales[1]);
    for (int i = 1; i < step->outputs; i++)
        if (step->output[i] >= 0)
            run->data[step->output[i]][0] = scales[i - 1];
}

static void dynamic_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    float scales[2];
    const float *dy = run->grad[step->output[0]];
    find_scales(run, step, scales);
    (void)input;
    for (size_t i = 0, n = gcam_shape_count(&run->value[step->output[0]].shape); i < n; i++)
        dx[i] = !dy ? 0 : dy[i] / (scales[0] > 0 ? scales[0] : 1);
}

const GcamOp gcam_op_quantize[] = {
    { .type = "QuantizeLinear", .layout = GCAM_LAYOUT_ANY, .flags = GCAM_OP_NEEDS_X | GCAM_OP_READS | GCAM_OP_ROUNDS,
      .infer = quantize_infer,
      .forward = quantize_forward, .backward = quantize_backward, .reach = gcam_reach_same },
    { .type = "DequantizeLinear", .layout = GCAM_LAYOUT_ANY, .flags = GCAM_OP_ROUNDS, .infer = dequantize_infer,
      .forward = dequantize_forward, .backward = dequantize_backward, .reach = gcam_reach_same },
    { .type = "DynamicQuantizeLinear", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_NEEDS_X, .infer = dynamic_infer,
      .forward = dynamic_forward, .backward = dynamic_backward },
};
const size_t gcam_op_quantize_count = sizeof(gcam_op_quantize) / sizeof(gcam_op_quantize[0]);
