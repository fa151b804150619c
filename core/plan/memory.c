/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Memory planning. Time runs from 0 (the first step forward) over S steps and back again; each activation lives from
 * the step that makes it to the last that reads it, those that the backward pass reads to the end, so that it can be
 * run again for another class. The scratch of a step lives while it runs. Places are given largest first, each the
 * lowest that no living neighbour occupies.
 *
 *     time    -1       0 .. S - 1       S          S + 1 .. 2 S          2 S + 1
 *             inputs   step i at i      seed by    step i backward       what may be read
 *             written  forward          logits     at 2 S - i            after it
 *
 * Blocks of floats, in whole cache lines: for each value its gradient and, where it is not a view, its activation; for
 * each step scratch forward, and backward scratch behind a gradient that is still to be added. Two blocks share memory
 * only when no moment belongs to both; one that nothing touches (dies < 0) has no place. Which step reads what, the
 * operators' flags tell (GCAM_OP_NEEDS_X, _Y).
 */
#include "memory.h"

#include "base/mem.h"
#include "base/sizes.h"
#include "tensor/conv/conv.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LOOKED_AT ((size_t)1 << 26)        // pairs of blocks

typedef struct Block {
    size_t size;                // floats
    int born, dies;             // first and last moment of use, inclusive
    size_t at;                  // place, floats
    size_t *to;                 // where the place is written
    struct Block *next;         // among those that are born at the same time
} Block;

int gcam_plan_first_gradient(const GcamPlan *plan, int step, int input)
{
    const int *read = plan->step[step].input;
    for (int j = 0; j < input; j++)
        if (read[j] == read[input] && plan->step[step].in_head)
            return 0;
    return plan->last_reader[read[input]] <= step;
}

static int find_last_readers(GcamPlan *plan)
{
    plan->last_reader = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(int));
    for (int i = 0; plan->last_reader && i < plan->values; i++)
        plan->last_reader[i] = -1;
    for (int i = 0; plan->last_reader && i < plan->steps; i++)
        for (int j = 0; plan->step[i].in_head && j < plan->step[i].inputs; j++)
            if (plan->step[i].input[j] >= 0)
                plan->last_reader[plan->step[i].input[j]] = i;
    return plan->last_reader ? 0 : -ENOMEM;
}

static void touch(Block *block, int value, int time)
{
    if (value < 0)
        return;
    block[value].born = time < block[value].born ? time : block[value].born;
    block[value].dies = time > block[value].dies ? time : block[value].dies;
}

// Lifetimes of activations, each view counted for the value whose memory it is.
static void live_forward(const GcamPlan *plan, Block *data)
{
    int end = 2 * plan->steps + 1;
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        int reads_x = step->in_head && (step->excites || step->op->flags & GCAM_OP_NEEDS_X);
        int reads_y = step->in_head &&
                      (step->excites || step->op->flags & GCAM_OP_NEEDS_Y || step->act != GCAM_ACT_NONE);
        for (int j = 0; j < step->inputs; j++) {
            int value = step->input[j] < 0 ? -1 : plan->root[step->input[j]];
            touch(data, value, i);
            if (reads_x || (step->in_head && value >= 0 && !plan->in_head[step->input[j]]))
                touch(data, value, end);        // what the head reads of the trunk too, so that it can run again
            if (value >= 0 && plan->value[value].node < 0 && value != plan->picture &&
                plan->value[value].initializer < 0 && data[value].born == i) {
                // An input of the graph is written before the first step; one set by the user stays.
                data[value].born = -1;
                data[value].dies = end;
            }
        }
        if (step->add >= 0)
            touch(data, plan->root[step->add], i);
        for (int j = 0; j < step->outputs; j++) {
            int value = step->output[j] < 0 ? -1 : plan->root[step->output[j]];
            touch(data, value, i);
            if (reads_y)
                touch(data, value, end);
        }
    }
    // The picture stays: the network may be asked about others that are made of it.
    touch(data, plan->root[plan->picture], -1);
    touch(data, plan->root[plan->picture], end);
    for (int i = 0; i < plan->layers; i++)
        touch(data, plan->root[plan->asked[i]], end);
    touch(data, plan->root[plan->logits], end);
    for (int i = 0; i < plan->carrieds; i++)
        touch(data, plan->root[plan->carried[i]], plan->steps);
}

// Gradients: from the first step backward that adds to them to the one that reads them. Step i runs at 2 S - i.
static void live_backward(const GcamPlan *plan, Block *grad)
{
    int end = 2 * plan->steps + 1;
    touch(grad, plan->logits, plan->steps);
    for (int i = plan->steps - 1; i >= 0; i--) {
        const GcamStep *step = &plan->step[i];
        int reached = 0, time = 2 * plan->steps - i;
        for (int j = 0; step->in_head && j < step->outputs; j++)
            if (step->output[j] >= 0 && grad[step->output[j]].dies >= 0) {
                touch(grad, step->output[j], time);
                reached = 1;
            }
        for (int j = 0; reached && j < step->inputs; j++)
            if (step->input[j] >= 0 && plan->in_head[step->input[j]])
                touch(grad, step->input[j], time);
    }
    for (int i = 0; i < plan->layers; i++) {
        Block *layer = &grad[plan->asked[i]];
        if (layer->dies >= 0)
            touch(layer, 0, end);
        if (plan->constant_gradient)            // outlives the next forward
            touch(layer, 0, -1);
    }
}

static int by_size(const void *a, const void *b)
{
    const Block *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return x->born != y->born ? x->born - y->born : (x->to > y->to) - (x->to < y->to);
}

static int by_place(const void *a, const void *b)
{
    const Block *x = *(Block *const *)a, *y = *(Block *const *)b;
    return (x->at > y->at) - (x->at < y->at);
}

// The blocks that have a place, by the time when they are born. A node of the tree over these times has the latest time
// that a block below it lives at, so that those which live in a span of time are found without looking at the others:
// in a chain of many nodes nearly all are others.
typedef struct Placed {
    size_t times;               // leaves of the tree, a power of two; leaf t is node times + t, i's parent is i / 2
    int *latest;                // by node, from 1
    Block **first;              // by time born
    Block **other;              // room for all blocks
    size_t others;
    size_t looked_at, top;      // others in all so far; the end of what is highest
} Placed;

static int placed_create(Placed *placed, int last, size_t blocks)
{
    *placed = (Placed){ .times = 1 };
    while (placed->times < (size_t)last + 2)
        placed->times *= 2;
    placed->latest = gcam_alloc(2 * placed->times, sizeof(*placed->latest));
    placed->first = gcam_calloc(placed->times, sizeof(*placed->first));
    placed->other = gcam_alloc(blocks, sizeof(*placed->other));
    for (size_t i = 0; placed->latest && i < 2 * placed->times; i++)
        placed->latest[i] = -2;
    return placed->latest && placed->first && placed->other ? 0 : -ENOMEM;
}

static void placed_clear(Placed *placed)
{
    gcam_free(placed->latest);
    gcam_free(placed->first);
    gcam_free(placed->other);
}

static void enter(Placed *placed, Block *block)
{
    const size_t time = (size_t)(block->born + 1);
    block->next = placed->first[time];
    placed->first[time] = block;
    for (size_t i = placed->times + time; i && placed->latest[i] < block->dies; i /= 2)
        placed->latest[i] = block->dies;
}

// Lists those below a node, whose times begin at `first`, that live when the block does.
static void find_others(Placed *placed, const Block *block, size_t node, size_t first, size_t times)
{
    if (placed->latest[node] < block->born || first > (size_t)(block->dies + 1))
        return;
    if (times == 1) {
        for (Block *other = placed->first[first]; other; other = other->next)
            if (other->dies >= block->born)
                placed->other[placed->others++] = other;
        return;
    }
    find_others(placed, block, 2 * node, first, times / 2);
    find_others(placed, block, 2 * node + 1, first + times / 2, times / 2);
}

// The lowest place with room among the blocks that live at the same time. Where tens of thousands do, as in no network
// that anybody trained, looking at them all would take minutes: blocks that come then, the smallest, lie above all.
static void place(Block *block, Placed *placed)
{
    placed->others = 0;
    if (placed->looked_at > MOST_LOOKED_AT) {
        block->at = placed->top;
        placed->top += block->size;
        return;
    }
    find_others(placed, block, 1, 0, placed->times);
    placed->looked_at += placed->others;
    qsort(placed->other, placed->others, sizeof(*placed->other), by_place);
    block->at = 0;
    for (size_t i = 0; i < placed->others && placed->other[i]->at < block->at + block->size; i++)
        if (placed->other[i]->at + placed->other[i]->size > block->at)
            block->at = placed->other[i]->at + placed->other[i]->size;
    if (block->at + block->size > placed->top)
        placed->top = block->at + block->size;
    enter(placed, block);
}

// Room for the largest gradient that a step adds to another.
static size_t sum_size(const GcamPlan *plan, int index)
{
    const GcamStep *step = &plan->step[index];
    size_t most = 0;
    for (int j = 0; step->in_head && j < step->inputs; j++)
        if (step->input[j] >= 0 && !gcam_plan_first_gradient(plan, index, j)) {
            size_t size = gcam_round_line(gcam_shape_count(&plan->value[step->input[j]].shape));
            most = size > most ? size : most;
        }
    return most;
}

// Scratch that stays in the caches has a place that nothing else uses. There each thread finds again the lines of its
// part, whose own they are already; from memory that another thread wrote to it would have to fetch each line first.
static size_t kept_scratch(const GcamPlan *plan, int index)
{
    size_t scratch = gcam_round_line(plan->step[index].scratch);
    return scratch <= (size_t)plan->threads * GCAM_CONV_PART ? scratch : 0;
}

static size_t most_kept_scratch(const GcamPlan *plan)
{
    size_t most = 0;
    for (int i = 0; i < plan->steps; i++)
        most = kept_scratch(plan, i) > most ? kept_scratch(plan, i) : most;
    return most;
}

static void live_scratch(GcamPlan *plan, Block *block)
{
    for (int i = 0; i < plan->steps; i++) {
        size_t scratch = gcam_round_line(plan->step[i].scratch), sum = sum_size(plan, i);
        int back = 2 * plan->steps - i, backward = plan->step[i].in_head && scratch + sum;
        int forward = scratch && !kept_scratch(plan, i);
        *block++ = (Block){ scratch, i, forward ? i : -1, 0, &plan->scratch_at[i], NULL };
        *block++ = (Block){ sum + scratch, back, backward ? back : -1, 0, &plan->sum_at[i], NULL };
    }
}

int gcam_plan_memory(GcamPlan *plan)
{
    size_t n = (size_t)plan->values, steps = (size_t)plan->steps, all = 2 * (n + steps), blocks = 0;
    Block *block = gcam_calloc(all, sizeof(*block)), *grad = block ? block + n : NULL;
    Placed placed;
    int error = placed_create(&placed, 2 * plan->steps + 1, all);
    if (!error)
        error = find_last_readers(plan);
    plan->data_at = gcam_arena_alloc(&plan->arena, n, sizeof(size_t));
    plan->grad_at = gcam_arena_alloc(&plan->arena, n, sizeof(size_t));
    plan->scratch_at = gcam_arena_alloc(&plan->arena, 2 * steps, sizeof(size_t));
    plan->sum_at = gcam_arena_alloc(&plan->arena, steps, sizeof(size_t));
    if (!block || !plan->data_at || !plan->grad_at || !plan->scratch_at || !plan->sum_at)
        error = -ENOMEM;
    if (error)
        goto end;
    for (size_t i = 0; i < n; i++) {
        size_t size = gcam_round_line(gcam_shape_count(&plan->value[i].shape));
        block[i] = (Block){ size, INT32_MAX, -1, 0, &plan->data_at[i], NULL };
        grad[i] = (Block){ size, INT32_MAX, -1, 0, &plan->grad_at[i], NULL };
        plan->data_at[i] = plan->grad_at[i] = SIZE_MAX;
    }
    live_forward(plan, block);
    live_backward(plan, grad);
    live_scratch(plan, block + 2 * n);
    for (size_t i = 0; i < n; i++)              // constants lie elsewhere
        if (plan->value[i].data)
            block[i].dies = grad[i].dies = -1;
    for (size_t i = 0; i < all; i++)            // what is used, side by side
        if (block[i].dies >= 0)
            block[blocks++] = block[i];
    qsort(block, blocks, sizeof(*block), by_size);
    for (size_t i = 0; i < blocks; i++) {
        place(&block[i], &placed);
        *block[i].to = block[i].at;
    }
    for (int i = 0; i < plan->values; i++)      // a view lies where its root lies
        if (plan->data_at[plan->root[i]] != SIZE_MAX)
            plan->data_at[i] = plan->data_at[plan->root[i]] + plan->shift[i];
    for (size_t i = 0; i < steps; i++)          // in the backward pass scratch lies behind the sum
        plan->scratch_at[steps + i] = plan->sum_at[i] + sum_size(plan, (int)i);
    for (int i = 0; i < plan->steps; i++)
        if (kept_scratch(plan, i))
            plan->scratch_at[i] = placed.top;
    plan->floats = placed.top + most_kept_scratch(plan);
end:
    gcam_free(block);
    placed_clear(&placed);
    return error;
}
