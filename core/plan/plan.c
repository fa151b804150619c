/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Planning, in order: copy what the logits need of the graph, fold and fuse (fuse.c), choose layouts, pack weights. The
 * memory is laid out in memory.c.
 */
#include "plan.h"

#include "base/clock.h"
#include "base/float_mode.h"
#include "base/log.h"
#include "base/mem.h"
#include "concat_in_place.h"
#include "fuse.h"
#include "memory.h"
#include "partial.h"
#include "summed_weights.h"
#include "way.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// ------------------------------------------------------------------------------------------------------ what is needed

static int new_step(GcamPlan *plan, GcamStep **out)
{
    if (plan->steps == plan->step_room) {
        int room = plan->step_room ? 2 * plan->step_room : 64;
        GcamStep *grown = gcam_arena_alloc(&plan->arena, (size_t)room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        if (plan->steps)
            memcpy(grown, plan->step, (size_t)plan->steps * sizeof(*grown));
        plan->step = grown;
        plan->step_room = room;
    }
    *out = &plan->step[plan->steps++];
    **out = (GcamStep){ .add = -1 };
    return 0;
}

static int new_value(GcamPlan *plan, int like)
{
    if (plan->values == plan->value_room) {
        int room = 2 * plan->value_room + 64;
        GcamValue *grown = gcam_arena_alloc(&plan->arena, (size_t)room, sizeof(*grown));
        char *in_head = gcam_arena_alloc(&plan->arena, (size_t)room, 1);
        if (!grown || !in_head)
            return -ENOMEM;
        memcpy(grown, plan->value, (size_t)plan->values * sizeof(*grown));
        memcpy(in_head, plan->in_head, (size_t)plan->values);
        plan->value = grown;
        plan->in_head = in_head;
        plan->value_room = room;
    }
    plan->value[plan->values] = plan->value[like];
    plan->value[plan->values].node = plan->value[plan->values].initializer = -1;
    plan->value[plan->values].data = NULL;
    plan->in_head[plan->values] = plan->in_head[like];
    return plan->values++;
}

// leads: to an output.
static int fill_step(GcamPlan *plan, GcamStep *step, const GcamNode *node, int leads)
{
    step->op = node->op;
    step->node = node;
    step->inputs = node->inputs;
    step->outputs = node->outputs;
    step->input = gcam_arena_alloc(&plan->arena, (size_t)node->inputs + 1, sizeof(int));
    step->output = gcam_arena_alloc(&plan->arena, (size_t)node->outputs + 1, sizeof(int));
    if (!step->input || !step->output)
        return -ENOMEM;
    memcpy(step->input, node->input, (size_t)node->inputs * sizeof(int));
    memcpy(step->output, node->output, (size_t)node->outputs * sizeof(int));
    for (int i = 0; i < node->inputs; i++)
        step->in_head |= leads && node->input[i] >= 0 && plan->in_head[node->input[i]];
    for (int i = 0; i < node->outputs; i++)
        if (node->output[i] >= 0)
            plan->in_head[node->output[i]] |= (char)step->in_head;
    return 0;
}

static int copy_step(GcamPlan *plan, const GcamNode *node, int leads)
{
    GcamStep *step;
    int error = new_step(plan, &step);
    return error ? error : fill_step(plan, step, node, leads);
}

// Of a node: what needs it, an output or what is carried.
enum { FOR_OUTPUT = 1, FOR_CARRIED = 2 };

static int copy_needed(GcamPlan *plan, const GcamGraph *graph)
{
    char *needed = gcam_arena_alloc(&plan->arena, (size_t)graph->nodes + 1, 1);
    if (!needed)
        return -ENOMEM;
    for (int i = 0; i < plan->output.count; i++)
        if (graph->value[plan->output.value[i]].node >= 0)
            needed[graph->value[plan->output.value[i]].node] = FOR_OUTPUT;
    for (int i = 0; i < plan->carrieds; i++)
        needed[graph->value[plan->carried[i]].node] |= FOR_CARRIED;
    for (int i = graph->nodes - 1; i >= 0; i--)
        for (int j = 0; needed[i] && j < graph->node[i].inputs; j++) {
            int value = graph->node[i].input[j];
            if (value >= 0 && graph->value[value].node >= 0)
                needed[graph->value[value].node] |= needed[i];
        }
    for (int i = 0; i < graph->nodes; i++) {
        int error = needed[i] ? copy_step(plan, &graph->node[i], needed[i] & FOR_OUTPUT) : 0;
        if (error)
            return error;
    }
    return 0;
}

// Several outputs become one: a last step that joins them.
static int join_outputs(GcamPlan *plan)
{
    GcamStep *step;
    if (plan->output.count == 1)
        return 0;
    GcamNode *node = gcam_arena_alloc(&plan->arena, 1, sizeof(*node));
    int value = new_value(plan, plan->output.value[0]), *output = gcam_arena_alloc(&plan->arena, 1, sizeof(int));
    if (!node || !output || value < 0 || new_step(plan, &step) < 0)
        return -ENOMEM;
    GcamShape *shape = &plan->value[value].shape;
    *shape = (GcamShape){ .rank = 1 };
    for (int i = 0; i < plan->output.count; i++)
        shape->dim[0] += gcam_shape_count(&plan->value[plan->output.value[i]].shape);
    *output = plan->logits = value;
    *node = (GcamNode){ .name = "", .type = gcam_op_join.type, .domain = "", .op = &gcam_op_join,
                        .input = plan->output.value, .output = output, .inputs = plan->output.count,
                        .outputs = 1 };
    return fill_step(plan, step, node, 1);
}

// ------------------------------------------------------------------------------------------------------------- layouts

typedef struct Layouts {
    GcamStep *from;             // the steps before; plan->step is written anew
    int *last, *plain;          // by value: its copy in that layout, or -1
    int room;
} Layouts;

// Both layouts have the same bytes.
static int same_bytes(const GcamShape *shape)
{
    return shape->rank != 4 || shape->dim[1] == 1 || shape->dim[2] * shape->dim[3] == 1;
}

// The value in the layout that is wanted: itself, a copy made before, or a step that makes one.
static int convert(GcamPlan *plan, Layouts *layouts, int value, int channels_last)
{
    if (value < 0 || plan->value[value].shape.rank != 4 || plan->value[value].channels_last == channels_last)
        return value;
    int *copy = value < layouts->room ? (channels_last ? layouts->last : layouts->plain) + value : NULL;
    if (copy && *copy >= 0)
        return *copy;
    GcamStep *step;
    int made = new_value(plan, value);
    if (made < 0 || new_step(plan, &step) < 0)
        return -ENOMEM;
    plan->value[made].channels_last = channels_last;
    step->op = channels_last ? &gcam_op_to_last : &gcam_op_to_plain;
    step->inputs = step->outputs = 1;
    step->in_head = plan->in_head[value];
    step->input = gcam_arena_alloc(&plan->arena, 1, sizeof(int));
    step->output = gcam_arena_alloc(&plan->arena, 1, sizeof(int));
    if (!step->input || !step->output)
        return -ENOMEM;
    step->input[0] = value;
    step->output[0] = made;
    if (copy)
        *copy = made;
    return made;
}

// Transposes between (N, C, H, W) and (N, H, W, C) only change the point of view.
static int transpose_is_view(const GcamPlan *plan, const GcamStep *step)
{
    const GcamValue *x = &plan->value[step->input[0]], *y = &plan->value[step->output[0]];
    const int *perm = gcam_transpose_perm(step->node);
    if (x->shape.rank != 4 || perm[0] != 0 || x->data)
        return 0;
    int to_last = perm[1] == 2 && perm[2] == 3 && perm[3] == 1;
    int from_last = perm[1] == 3 && perm[2] == 1 && perm[3] == 2;
    return (to_last && x->channels_last && !y->channels_last) || (from_last && !x->channels_last && y->channels_last);
}

static int place_step(GcamPlan *plan, Layouts *layouts, GcamStep step)
{
    int last = step.op->layout == GCAM_LAYOUT_LAST, keep = step.op->layout == GCAM_LAYOUT_FREE;
    if (step.op->layout == GCAM_LAYOUT_ANY)
        for (int i = 0; i < step.inputs; i++)
            last |= step.input[i] >= 0 && plan->value[step.input[i]].channels_last;
    for (int i = 0; !keep && i < step.inputs; i++) {
        int was = step.input[i];
        // Constants are weights, or read by their strides; but what a window runs over is channels last.
        if (was >= 0 && plan->value[was].data && (i > 0 || step.op->layout != GCAM_LAYOUT_LAST))
            continue;
        step.input[i] = convert(plan, layouts, was, last);
        if (was >= 0 && step.input[i] < 0)
            return -ENOMEM;
    }
    if (step.add >= 0 && (step.add = convert(plan, layouts, step.add, 1)) < 0)
        return -ENOMEM;
    if (step.op == &gcam_op_transpose) {
        const int *perm = gcam_transpose_perm(step.node);
        const GcamValue *x = &plan->value[step.input[0]];
        last = x->shape.rank == 4 && !x->channels_last && !perm[0] && perm[1] == 3 && perm[2] == 1;
    }
    for (int i = 0; i < step.outputs; i++)
        if (step.output[i] >= 0)
            plan->value[step.output[i]].channels_last = last && plan->value[step.output[i]].shape.rank == 4;
    GcamStep *placed;
    int error = new_step(plan, &placed);
    if (!error)
        *placed = step;
    return error;
}

static int choose_layouts(GcamPlan *plan)
{
    Layouts layouts = { plan->step, NULL, NULL, plan->values };
    int steps = plan->steps, error = 0;
    layouts.last = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(int));
    layouts.plain = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(int));
    if (!layouts.last || !layouts.plain)
        return -ENOMEM;
    memset(layouts.last, -1, (size_t)plan->values * sizeof(int));
    memset(layouts.plain, -1, (size_t)plan->values * sizeof(int));
    plan->step = NULL;
    plan->steps = plan->step_room = 0;
    for (int i = 0; i < steps && !error; i++)
        error = place_step(plan, &layouts, layouts.from[i]);
    return error;
}

static void find_views(GcamPlan *plan)
{
    for (int i = 0; i < plan->values; i++)
        plan->root[i] = i;
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        const GcamValue *x = &plan->value[step->input[0]];
        int view = step->op->flags & GCAM_OP_VIEW ||
                   (step->op == &gcam_op_transpose && transpose_is_view(plan, step)) ||
                   ((step->op == &gcam_op_to_last || step->op == &gcam_op_to_plain) && same_bytes(&x->shape));
        if (view && !x->data)
            plan->root[step->output[0]] = plan->root[step->input[0]];
    }
}

// ----------------------------------------------------------------------------------------------------------- constants

// Constants that operators read while they run are float32, aligned.
static int ready_constants(GcamPlan *plan)
{
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        for (int j = 0; j < step->inputs; j++) {
            GcamValue *value = step->input[j] >= 0 ? &plan->value[step->input[j]] : NULL;
            // Else only the first is read while a network runs. A second operand of MatMul that is one matrix is
            // packed or used in place instead.
            int reads = step->op->flags & GCAM_OP_READS || j == 0 ||
                        (step->op == &gcam_op_matmul && value && value->shape.rank > 2);
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
        if (!strcmp(step->op->type, "Relu") || step->act == GCAM_ACT_RELU)
            return 1;
        int moves = step->op->flags & GCAM_OP_VIEW || step->op == &gcam_op_to_last || step->op == &gcam_op_to_plain;
        if (!moves && !(step->node && gcam_pool_keeps_zeros(step->node)))
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
    gcam_threads_destroy(&pool);
    return atomic_load(&preparation.error);
}

// Whether there are weights that are left out for those who ask for the gradient only where the layer is not zero.
static int can_skip(const GcamPlan *plan)
{
    int can = 0;
    for (int i = 0; i < plan->steps && !plan->constant_gradient; i++) {
        const GcamStep *step = &plan->step[i];
        GcamRowProduct product;
        can |= step->in_head && step->from_layer && !step->from_relu && gcam_row_product(step, &product) &&
               product.by_input;
    }
    return can;
}

// ------------------------------------------------------------------------------------------------------------ the plan

void gcam_plan_destroy(GcamPlan **plan)
{
    if (!plan || !*plan)
        return;
    gcam_sums_destroy(&(*plan)->sums);
    for (int i = 0; i < (*plan)->steps; i++)
        if ((*plan)->step[i].op->release)
            (*plan)->step[i].op->release(&(*plan)->step[i]);
    gcam_arena_free(&(*plan)->arena);
    gcam_free(*plan);
    *plan = NULL;
}

static int copy_values(GcamPlan *plan, const GcamGraph *graph)
{
    plan->values = plan->value_room = graph->values;
    plan->value = gcam_arena_alloc(&plan->arena, (size_t)graph->values, sizeof(*plan->value));
    plan->in_head = gcam_arena_alloc(&plan->arena, (size_t)graph->values, 1);
    if (!plan->value || !plan->in_head)
        return -ENOMEM;
    memcpy(plan->value, graph->value, (size_t)graph->values * sizeof(*plan->value));
    for (int i = 0; i < plan->layers; i++)
        plan->in_head[plan->asked[i]] = 1;
    return 0;
}

// Nothing that backward runs reads an activation: of a product by the layer only the constant factor counts, of a sum
// nothing.
static int has_constant_gradient(const GcamPlan *plan)
{
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        int product = step->op == &gcam_op_gemm || step->op == &gcam_op_matmul;
        int weights = product && plan->value[step->input[1]].data;
        int sum = !strcmp(step->op->type, "Add") || !strcmp(step->op->type, "Sub");
        int reads = step->op->flags & (GCAM_OP_NEEDS_X | GCAM_OP_NEEDS_Y) || step->act != GCAM_ACT_NONE;
        if (step->in_head && reads && !weights && !sum)
            return 0;
    }
    return 1;
}

// -EINVAL where an output does not depend on a layer; the graph's steps are copied.
static int check_layers(const GcamPlan *plan, const GradcamLog *log)
{
    GcamUsers users;
    if (gcam_users_count(&users, (GcamPlan *)plan))
        return -ENOMEM;
    for (int k = 0; k < plan->output.count; k++)
        for (int i = 0, to = plan->output.value[k]; i < plan->layers; i++) {
            int layer = plan->asked[i];
            if (layer != to && plan->in_head[to] && users.count[layer])
                continue;
            gcam_log(log, GRADCAM_LOG_ERROR, "layer '%s' does not lie between the picture and %s '%s'",
                     plan->value[layer].name, k ? "the tensor" : "the logits", plan->value[to].name);
            return -EINVAL;
        }
    return 0;
}

int gcam_plan_create(GcamPlan **out, const GcamGraph *graph, const GcamPlanSpec *spec, const GradcamLog *log)
{
    int error = -ENOMEM;
    GcamUsers users;
    *out = NULL;
    GcamPlan *plan = gcam_calloc(1, sizeof(*plan));
    if (!plan)
        goto fail;
    plan->picture = spec->picture;
    plan->layer = spec->layer[0];
    plan->layers = spec->layers;
    memcpy(plan->asked, spec->layer, sizeof(plan->asked));
    plan->output = spec->output;
    plan->logits = spec->output.value[0];
    plan->carried = graph->carried;
    plan->carrieds = graph->carrieds;
    plan->threads = spec->threads;
    plan->type = spec->type;
    if ((error = copy_values(plan, graph)) || (error = copy_needed(plan, graph)) ||
        (error = check_layers(plan, log)) || (error = join_outputs(plan)))
        goto fail;
    if ((error = gcam_plan_fuse(plan)) || (error = choose_layouts(plan)))
        goto fail;
    error = -ENOMEM;
    plan->root = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(*plan->root));
    plan->shift = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(*plan->shift));
    plan->placed = gcam_arena_alloc(&plan->arena, (size_t)plan->values, 1);
    if (!plan->root || !plan->shift || !plan->placed)
        goto fail;
    find_views(plan);
    if (gcam_users_count(&users, plan))
        goto fail;
    gcam_plan_concat_in_place(plan, &users);
    plan->constant_gradient = has_constant_gradient(plan);
    if ((error = ready_constants(plan)) || (error = prepare(plan, graph, &users)) ||
        (error = gcam_sums_create(&plan->sums, plan, &spec->stored, &users)) || (error = gcam_plan_memory(plan)) ||
        (error = gcam_plan_keep(plan)) || (error = gcam_ways_create(plan)))
        goto fail;
    plan->can_skip = can_skip(plan);
    *out = plan;
    return 0;
fail:
    gcam_plan_destroy(&plan);
    return error;
}

static int is_interrupted(const GcamRun *run)
{
    return run->interrupt && run->interrupt(run->opaque);
}

// Steps of the trunk are left out where the head alone is to run.
static int forward(const GcamPlan *plan, const GcamRun *given, int only_head)
{
    GcamRun run = *given;
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        if (only_head && !step->in_head)
            continue;
        const GcamRect *wanted = run.wanted ? &run.wanted[i] : NULL;
        if (is_interrupted(&run))
            return -ECANCELED;
        double begin = run.seconds ? gcam_time() : 0;
        const GcamFloatMode mode = gcam_float_mode_begin();     // not of what interrupts, which is the host's
        run.scratch = run.memory + plan->scratch_at[i];
        run.part = wanted && wanted->bottom < INT_MAX ? wanted : NULL;
        if (!gcam_plan_is_view(plan, step) && !(wanted && gcam_rect_is_empty(wanted)))
            step->op->forward(&run, step);
        gcam_float_mode_end(mode);
        if (run.seconds)
            run.seconds[i] = gcam_time() - begin;
    }
    return 0;
}

int gcam_plan_forward(const GcamPlan *plan, const GcamRun *run)
{
    return forward(plan, run, 0);
}

int gcam_plan_forward_head(const GcamPlan *plan, const GcamRun *run)
{
    return forward(plan, run, 1);
}

// What the rules of guided backpropagation and of deconvolution let through a ReLU.
static void keep_positive(float *gradient, size_t count)
{
    for (size_t i = 0; i < count; i++)
        gradient[i] = gradient[i] > 0 ? gradient[i] : 0;
}

// The gradients by one step's inputs; what another user of an input has contributed is added to.
static void step_backward(const GcamPlan *plan, const GcamRun *run, int index)
{
    const GcamStep *step = &plan->step[index];
    float *sum = run->memory + plan->sum_at[index];
    if (run->rule != GCAM_RULE_PLAIN && gcam_step_rectifies(step))
        keep_positive(run->grad[step->output[0]], gcam_shape_count(&plan->value[step->output[0]].shape));
    for (int j = 0; j < step->inputs; j++) {
        int value = step->input[j];
        if (value < 0 || !run->grad[value] || !plan->in_head[value])
            continue;
        if (gcam_plan_first_gradient(plan, index, j)) {
            step->op->backward(run, step, j, run->grad[value]);
            continue;
        }
        step->op->backward(run, step, j, sum);
        for (size_t k = 0, n = gcam_shape_count(&plan->value[value].shape); k < n; k++)
            run->grad[value][k] += sum[k];
    }
}

int gcam_plan_backward(const GcamPlan *plan, const GcamRun *given, int from, int to)
{
    GcamRun run = *given;
    for (int i = to - 1; i >= from; i--) {
        if (is_interrupted(&run))
            return -ECANCELED;
        double begin = run.seconds ? gcam_time() : 0;
        const GcamFloatMode mode = gcam_float_mode_begin();
        run.scratch = run.memory + plan->scratch_at[plan->steps + i];
        if (plan->step[i].in_head)
            step_backward(plan, &run, i);
        gcam_float_mode_end(mode);
        if (run.seconds)
            run.seconds[plan->steps + i] = gcam_time() - begin;
    }
    return 0;
}
