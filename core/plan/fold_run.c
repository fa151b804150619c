/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constant folding by the operators themselves: a node that no folding rule is for, and whose inputs are all constant,
 * is run once, on one thread, as a plan of that one node would run it. What it makes of integers are integers; as they
 * are computed in float32, they must be below 2^24.
 */
#include "fold_run.h"

#include "base/float_mode.h"
#include "base/mem.h"
#include "folders.h"
#include "ops/move.h"

#include <errno.h>
#include <math.h>

// What a node needs to be run by itself: copies of its values, each with memory of its own.
typedef struct Bench {
    GcamInfer *infer;
    GcamValue *value;           // inputs, then outputs
    float **data;
    int *index;                 // 0, 1, ...: -1 for an input that is left out
    GcamNode node;              // the node, with such indices: operators look at those of either
    GcamStep step;
} Bench;

// Elements of a value in the order of memory that the operator wants. `back`: from that order.
static void order(const GcamValue *value, const float *from, float *to, int back)
{
    GcamValue plain = *value;
    plain.channels_last = 0;
    GcamMove move = gcam_move_between(&value->shape, back ? value : &plain, back ? &plain : value);
    gcam_move(&move, NULL, from, to);
}

static int take_input(Bench *bench, int i)
{
    GcamValue *value = &bench->value[i];
    value->channels_last = bench->step.op->layout == GCAM_LAYOUT_LAST && value->shape.rank == 4 && i == 0;
    float *plain = gcam_constant_floats(value);
    bench->data[i] = plain;
    if (!plain || !value->channels_last)
        return plain ? 0 : -ENOMEM;
    bench->data[i] = gcam_alloc(gcam_shape_count(&value->shape), sizeof(float));
    if (bench->data[i])
        order(value, plain, bench->data[i], 0);
    gcam_free(plain);
    return bench->data[i] ? 0 : -ENOMEM;
}

static int make_output(Bench *bench, int at)
{
    GcamValue *value = &bench->value[at];
    value->channels_last = bench->step.op->layout == GCAM_LAYOUT_LAST && value->shape.rank == 4;
    bench->data[at] = gcam_calloc(gcam_shape_count(&value->shape), sizeof(float));
    return bench->data[at] ? 0 : -ENOMEM;
}

#define MOST_INTEGER 0x1p24f

// Float32 in place of which there are to be integers.
static int store_integers(const Bench *bench, const float *data, GcamValue *to)
{
    size_t count = gcam_shape_count(&to->shape);
    int64_t *integers = gcam_arena_alloc(&bench->infer->graph->arena, count, sizeof(*integers));
    if (!integers)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(data[i]) < MOST_INTEGER))
            return gcam_infer_unsupported(bench->infer, "computes a constant of an integer that is too large");
        integers[i] = (int64_t)data[i];
    }
    to->data = integers;
    to->type = GCAM_TYPE_INT64;
    return 0;
}

static int store_output(const Bench *bench, int at, GcamValue *to)
{
    const GcamInfer *infer = bench->infer;
    float *data = gcam_arena_alloc(&infer->graph->arena, gcam_shape_count(&to->shape), sizeof(*data));
    if (!data)
        return -ENOMEM;
    order(&bench->value[at], bench->data[at], data, 1);
    if (!gcam_data_is_float(infer->graph->value[infer->node->input[0]].type))
        return store_integers(bench, data, to);
    to->data = data;
    return 0;
}

static int run(Bench *bench)
{
    GcamStep *step = &bench->step;
    // A first input that is constant is no weights: what it is prepared from must not be taken for them.
    bench->value[0].data = NULL;
    int error = step->op->prepare ? step->op->prepare(step, bench->value, 1) : 0;
    float *scratch = error ? NULL : gcam_calloc(step->scratch + 1, sizeof(float));
    const GcamRun one = { .value = bench->value, .data = bench->data, .scratch = scratch, .memory = scratch };
    const GcamFloatMode mode = gcam_float_mode_begin();
    if (scratch)
        step->op->forward(&one, step);
    gcam_float_mode_end(mode);
    gcam_free(scratch);
    if (!error && step->op->release)
        step->op->release(step);
    return error ? error : scratch ? 0 : -ENOMEM;
}

static int fill(Bench *bench)
{
    const GcamNode *node = bench->infer->node;
    int error = 0;
    for (int i = 0; i < node->inputs + node->outputs && !error; i++) {
        int value = i < node->inputs ? node->input[i] : node->output[i - node->inputs];
        bench->index[i] = value < 0 ? -1 : i;
        if (value < 0)
            continue;
        bench->value[i] = bench->infer->graph->value[value];
        error = i < node->inputs ? take_input(bench, i) : make_output(bench, i);
    }
    return error;
}

// Elements of all inputs and outputs; SIZE_MAX where an input is not constant, or there is none.
static size_t elements_of(const GcamInfer *infer)
{
    const GcamNode *node = infer->node;
    const GcamValue *value = infer->graph->value;
    size_t count = 0;
    for (int i = 0; i < node->inputs; i++) {
        if (node->input[i] >= 0 && !value[node->input[i]].data)
            return SIZE_MAX;
        count += node->input[i] >= 0 ? gcam_shape_count(&value[node->input[i]].shape) : 0;
    }
    for (int i = 0; i < node->outputs; i++)
        count += node->output[i] >= 0 ? gcam_shape_count(&value[node->output[i]].shape) : 0;
    return node->inputs && node->input[0] >= 0 ? count : SIZE_MAX;
}

int gcam_fold_run(GcamInfer *infer)
{
    GcamNode *node = infer->node;
    const size_t elements = elements_of(infer);
    if (elements > GCAM_FOLD_MOST)
        return 0;
    int error = gcam_fold_spend(infer, elements);
    if (error)
        return error;
    size_t count = (size_t)node->inputs + (size_t)node->outputs;
    Bench bench = { infer, gcam_calloc(count, sizeof(GcamValue)), gcam_calloc(count, sizeof(float *)),
                    gcam_calloc(count, sizeof(int)), *node, { .op = node->op, .node = &bench.node, .add = -1 } };
    error = bench.value && bench.data && bench.index ? fill(&bench) : -ENOMEM;
    bench.step.input = bench.node.input = bench.index;
    bench.step.output = bench.node.output = bench.index + node->inputs;
    bench.step.inputs = node->inputs;
    bench.step.outputs = node->outputs;
    error = error ? error : run(&bench);
    for (int i = 0; i < node->outputs && !error; i++)
        if (node->output[i] >= 0)
            error = store_output(&bench, node->inputs + i, &infer->graph->value[node->output[i]]);
    for (size_t i = 0; bench.data && i < count; i++)
        gcam_free(bench.data[i]);
    gcam_free(bench.value);
    gcam_free(bench.data);
    gcam_free(bench.index);
    node->op = NULL;            // nothing is left to run
    return error;
}
