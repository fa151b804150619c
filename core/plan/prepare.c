/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the steps of a plan, with their layouts. Out: the same ready to run: constants that are read while a network
 * runs as float32, weights packed in step->state, which gcam_plan_free() releases.
 *
 * Constants first, on one thread, for several steps may read one. Then the steps, each by itself, on all threads: a
 * step writes to nothing but itself. Before it is asked, a step is told whether its input comes from a ReLU, for
 * products choose the order of their weights by that. Weights that were packed are not read again, and the pages of
 * the file that hold them are given back; whoever reads them all the same has them from the file.
 */
#include "prepare.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// Constants that operators read while they run are float32, aligned.
static int ready_constants(GcamPlan *plan)
{
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        for (int j = 0; j < step->inputs; j++) {
            GcamValue *value = step->input[j] >= 0 ? &plan->value[step->input[j]] : NULL;
            // Else only the first is read while a network runs.
            int reads = step->op->flags & GCAM_OP_READS || j == 0 ||
                        (step->op->flags & GCAM_OP_READS_STACK && j == 1 && value && value->shape.rank > 2);
            if (!value || !reads || !value->data || (value->type == GCAM_TYPE_FLOAT && (uintptr_t)value->data % 4 == 0))
                continue;
            size_t count = gcam_shape_count(&value->shape);
            float *floats = gcam_arena_alloc(&plan->arena, count + 1, sizeof(*floats));
            if (!floats)
                return -ENOMEM;
            for (size_t k = 0; k < count; k++)
                floats[k] = (float)gcam_constant_double(value, k);
            value->data = floats;
            value->type = GCAM_TYPE_FLOAT;
        }
    }
    return 0;
}

// Whether a value is what a ReLU makes, or pools and rearranges that: the gradient by what is zero goes to what was
// zero there, and no further. `through`: the layer itself may lie between them.
static int comes_from_relu(const GcamPlan *plan, const GcamUsers *users, int value, int through)
{
    while (value >= 0 && users->producer[value] >= 0) {
        if (gcam_plan_shows(plan, value) && !(through && value == plan->layer))
            return 0;
        const GcamStep *step = &plan->step[users->producer[value]];
        if (step->output[0] != value)
            return 0;
        if (gcam_step_rectifies(step))
            return 1;
        if (!gcam_op_keeps_zeros(step->op, step->node))
            return 0;
        value = step->input[0];
    }
    return 0;
}

typedef struct Preparation {
    GcamPlan *plan;
    const GcamGraph *graph;
    const GcamUsers *users;
    atomic_int error;           // the first, or 0
} Preparation;

// Gives back the memory of weights that were packed: the whole pages among them, where they are those of a file.
static void forget_weights(const GcamGraph *graph, const GcamValue *weights)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), data = (uintptr_t)weights->data;
    uintptr_t size = gcam_shape_count(&weights->shape) * gcam_data_size(weights->type);
    uintptr_t first = (data + page - 1) / page * page, last = (data + size) / page * page;
    for (size_t i = 0; i < graph->mappings && first < last; i++) {
        uintptr_t file = (uintptr_t)graph->mapping[i].data;
        if (data >= file && data + size <= file + graph->mapping[i].size)
            madvise((void *)first, last - first, MADV_DONTNEED);
    }
}

static void prepare_step(void *opaque, size_t index, int thread)
{
    Preparation *preparation = opaque;
    GcamPlan *plan = preparation->plan;
    GcamStep *step = &plan->step[index];
    step->type = plan->type;
    step->from_relu = step->inputs > 0 && comes_from_relu(plan, preparation->users, step->input[0], 0);
    step->from_layer = step->inputs > 0 && comes_from_relu(plan, preparation->users, step->input[0], 1);
    int none = 0, error = step->op->prepare ? step->op->prepare(step, plan->value, plan->threads) : 0;
    (void)thread;
    if (step->copied && step->inputs > 1 && step->input[1] >= 0)
        forget_weights(preparation->graph, &plan->value[step->input[1]]);
    if (error)
        atomic_compare_exchange_strong(&preparation->error, &none, error);
}

// Packs weights, which takes a while for large networks, on as many threads as the plan will run on.
static int prepare(GcamPlan *plan, const GcamGraph *graph, const GcamUsers *users)
{
    Preparation preparation = { plan, graph, users, 0 };
    GcamThreads *pool;
    int error = gcam_threads_create(&pool, plan->threads, 0);
    if (error)
        return error;
    gcam_threads_run(pool, (size_t)plan->steps, prepare_step, &preparation);
    gcam_threads_free(&pool);
    return atomic_load(&preparation.error);
}

int gcam_plan_prepare(GcamPlan *plan, const GcamGraph *graph, const GcamUsers *users)
{
    int error = ready_constants(plan);
    return error ? error : prepare(plan, graph, users);
}
