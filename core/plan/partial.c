/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a plan, then picture after picture. Out: for each step, the part of its outputs that has to be computed.
 *
 * A change is a rectangle, of the picture and of each value behind it that still has rows and columns; operators say
 * how it grows. What the steps of the beginning make is kept in a block beside the memory, where nothing else is
 * written over it. How many these may be is found with a small change in the middle of the picture; how many they are
 * follows the changes that there are, for memory that is not used again at once is slower. Large values are not kept:
 * they are computed again as far as they are read.
 *
 *     compare      the picture with the last one                          a rectangle of the picture
 *     follow       how many steps are worth it: kept, or let go           which values lie in `kept`
 *     follow_change, from the first step to the last                      changed, by value: what is not as it was
 *     find_wanted, from the last step to the first                        wanted, by step: what is to be computed
 *
 * Rectangles only err by being too large. Between begin and end nothing that is kept is valid, so that an error on the
 * way leaves a context that computes its next picture whole.
 */
#include "partial.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "base/sizes.h"
#include "ops/part.h"

enum {
    SMALL = 8,                  // a small change: this part of the picture's height and width
};

#define MOST_FLOATS ((size_t)16 << 18)          // that are kept: 16 MB
#define LARGE       ((size_t)1 << 19)           // values of more floats are not kept
#define WHOLE       0.7         // part of an output from which on it is computed whole

struct GcamPartial {
    const GcamPlan *plan;
    int width, height, samples;
    int is_valid;               // what was computed last is of the picture in pixels
    float *kept;                // memory for what may be kept, or NULL: never yet
    int steps;                  // whose outputs are
    int lower, most;            // pictures in a row for which fewer would do; steps that were worth it for one of them
    char *is_kept;              // by value: the values whose memory is in `kept`
    GcamRect *changed, *read;   // by value: what can change of it; what steps read of one that is not kept
    GcamRect *wanted;           // by step
    uint8_t pixels[];
};

// ------------------------------------------------------------------------------------------------------------- changes

static GcamRect view_reach(const GcamPlan *plan, const GcamStep *step, const GcamRect *in)
{
    int rows[2], columns[2];
    size_t channels[2];
    if (!gcam_value_lines(&plan->value[step->input[0]], &rows[0], &columns[0], &channels[0]) ||
        !gcam_value_lines(&plan->value[step->output[0]], &rows[1], &columns[1], &channels[1]) ||
        rows[0] != rows[1] || columns[0] != columns[1] || channels[0] != channels[1])
        return gcam_rect_all();
    return *in;
}

// What a change of one input reaches.
static GcamRect reach(const GcamPlan *plan, const GcamStep *step, int value, const GcamRect *changed)
{
    if (value < 0 || plan->value[value].data || gcam_rect_is_empty(&changed[value]))
        return (GcamRect){ 0, 0, 0, 0 };
    if (gcam_plan_is_view(plan, step))
        return view_reach(plan, step, &changed[value]);
    return step->op->reach ? step->op->reach(step, plan->value, value, &changed[value]) : gcam_rect_all();
}

// Whether a part of the outputs of a step is so much of them that all are computed.
static int is_much(const GcamPlan *plan, const GcamStep *step, const GcamRect *part)
{
    int rows, columns;
    size_t channels;
    if (gcam_rect_is_empty(part))
        return 0;
    if (!step->op->reach || !gcam_value_lines(&plan->value[step->output[0]], &rows, &columns, &channels))
        return 1;
    double area = ((double)part->bottom - part->top) * ((double)part->right - part->left);
    return area > WHOLE * ((double)rows * columns);
}

// Sets the part of the outputs of step `index` that can change, of the inputs' parts. Whether it leaves some of them as
// they were, enough for a part to be computed.
static int follow_change(const GcamPlan *plan, int index, GcamRect *changed)
{
    const GcamStep *step = &plan->step[index];
    int rows = INT_MAX, columns = INT_MAX;
    size_t channels;
    GcamRect all = gcam_rect_all(), out = { 0, 0, 0, 0 };
    for (int i = 0; i <= step->inputs; i++) {
        GcamRect one = reach(plan, step, i < step->inputs ? step->input[i] : step->add, changed);
        out = gcam_rect_union(&out, &one);
    }
    if (gcam_value_lines(&plan->value[step->output[0]], &rows, &columns, &channels)) {
        all = (GcamRect){ 0, rows, 0, columns };
        out.bottom = out.bottom < rows ? out.bottom : rows;
        out.right = out.right < columns ? out.right : columns;
    }
    if (!gcam_rect_is_empty(&out) && gcam_rect_is_all(&out, rows, columns))
        out = all;
    for (int i = 0; i < step->outputs; i++)
        if (step->output[i] >= 0)
            changed[step->output[i]] = out;
    return !is_much(plan, step, &out);
}

// ---------------------------------------------------------------------------------------------------------------- plan

// Gives a value a place, if it has none and is not large; 0 where there is no room.
static int keep_value(GcamPlan *plan, int value)
{
    int root = value < 0 ? -1 : plan->root[value];
    if (root < 0 || plan->kept.at[root] != SIZE_MAX)
        return 1;
    size_t floats = gcam_round_line(gcam_shape_count(&plan->value[root].shape));
    if (floats > LARGE && root != plan->picture)
        return 1;
    if (floats > MOST_FLOATS - plan->kept.floats)
        return 0;
    plan->kept.at[root] = plan->kept.floats;
    plan->kept.floats += floats;
    return 1;
}

static int keep_outputs(GcamPlan *plan, const GcamStep *step)
{
    int kept = 1;
    if (gcam_plan_is_view(plan, step))
        return 1;
    for (int i = 0; i < step->outputs; i++)
        kept = keep_value(plan, step->output[i]) && kept;
    return kept;
}

int gcam_plan_keep(GcamPlan *plan)
{
    GcamRect *changed = gcam_calloc((size_t)plan->values, sizeof(*changed));
    int rows, columns, last = 0;
    size_t channels;
    plan->kept.at = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(size_t));
    if (!changed || !plan->kept.at) {
        gcam_free(changed);
        return -ENOMEM;
    }
    memset(plan->kept.at, 0xff, (size_t)plan->values * sizeof(size_t));
    if (gcam_value_lines(&plan->value[plan->picture], &rows, &columns, &channels)) {
        int high = rows / SMALL + 1, wide = columns / SMALL + 1;
        changed[plan->picture] = (GcamRect){ (rows - high) / 2, (rows + high) / 2, (columns - wide) / 2,
                                             (columns + wide) / 2 };
        for (int i = 0; i < plan->steps; i++)
            if (follow_change(plan, i, changed))
                last = i + 1;
    }
    gcam_free(changed);
    for (int i = 0; i < last && keep_value(plan, plan->picture) && keep_outputs(plan, &plan->step[i]); i++)
        plan->kept.steps = i + 1;
    for (int i = 0; i < plan->values; i++)
        if (plan->kept.at[plan->root[i]] != SIZE_MAX)
            plan->kept.at[i] = plan->kept.at[plan->root[i]] + plan->shift[i];
    return 0;
}

// ------------------------------------------------------------------------------------------------------------ pictures

int gcam_partial_create(GcamPartial **out, const GcamPlan *plan, int width, int height, int samples)
{
    GcamPartial *partial = *out = gcam_calloc(1, sizeof(*partial) + (size_t)samples * (size_t)width * (size_t)height);
    if (!partial)
        return -ENOMEM;
    partial->plan = plan;
    partial->width = width;
    partial->height = height;
    partial->samples = samples;
    partial->changed = gcam_calloc((size_t)plan->values, sizeof(*partial->changed));
    partial->read = gcam_calloc((size_t)plan->values, sizeof(*partial->read));
    partial->wanted = gcam_calloc((size_t)plan->steps + 1, sizeof(*partial->wanted));
    partial->is_kept = gcam_calloc((size_t)plan->values, 1);
    if (!partial->changed || !partial->read || !partial->wanted || !partial->is_kept)
        gcam_partial_free(out);
    return *out ? 0 : -ENOMEM;
}

void gcam_partial_free(GcamPartial **partial)
{
    if (!*partial)
        return;
    gcam_free((*partial)->kept);
    gcam_free((*partial)->changed);
    gcam_free((*partial)->read);
    gcam_free((*partial)->wanted);
    gcam_free((*partial)->is_kept);
    gcam_free(*partial);
    *partial = NULL;
}

GcamRect gcam_partial_compare(GcamPartial *partial, const uint8_t *pixels, ptrdiff_t stride)
{
    const int width = partial->width, samples = partial->samples, bytes = samples * width;
    GcamRect differs = { partial->height, 0, width, 0 };
    for (int y = 0; y < partial->height; y++) {
        const uint8_t *in = pixels + y * stride;
        uint8_t *last = partial->pixels + (size_t)y * (size_t)bytes;
        int left = 0, right = bytes;
        if (!memcmp(in, last, (size_t)bytes))
            continue;
        differs.top = y < differs.top ? y : differs.top;
        differs.bottom = y + 1;
        while (in[left] == last[left])
            left++;
        while (in[right - 1] == last[right - 1])
            right--;
        left /= samples;
        right = (right + samples - 1) / samples;
        differs.left = left < differs.left ? left : differs.left;
        differs.right = right > differs.right ? right : differs.right;
        memcpy(last, in, (size_t)bytes);
    }
    return partial->is_valid ? differs : (GcamRect){ 0, partial->height, 0, width };
}

static void set_changed(GcamPartial *partial, const GcamRect *differs)
{
    memset(partial->changed, 0, (size_t)partial->plan->values * sizeof(*partial->changed));
    partial->changed[partial->plan->picture] = *differs;
}

// The steps up to the last that leaves enough of its outputs as it was when `differs` of the picture changes.
static int steps_worth(GcamPartial *partial, const GcamRect *differs)
{
    const GcamPlan *plan = partial->plan;
    int worth = 0;
    set_changed(partial, differs);
    for (int i = 0; i < plan->kept.steps; i++)
        if (follow_change(plan, i, partial->changed))
            worth = i + 1;
    return worth;
}

// From now on what the first `steps` steps make lies in memory of its own, all else in the memory.
static void place(GcamPartial *partial, int steps, float *memory, float **data)
{
    const GcamPlan *plan = partial->plan;
    partial->steps = steps;
    memset(partial->is_kept, 0, (size_t)plan->values);
    partial->is_kept[plan->picture] = steps > 0;
    for (int i = 0; i < steps; i++)
        for (int j = 0; j < plan->step[i].outputs; j++) {
            int root = plan->step[i].output[j] < 0 ? -1 : plan->root[plan->step[i].output[j]];
            if (root >= 0 && plan->kept.at[root] != SIZE_MAX)
                partial->is_kept[root] = 1;
        }
    for (int i = 0; i < plan->values; i++)
        if (plan->kept.at[i] != SIZE_MAX && !plan->value[i].data)
            data[i] = partial->is_kept[plan->root[i]] ? partial->kept + plan->kept.at[i] : memory + plan->data_at[i];
}

// Follows what pictures show: at once to more steps, to fewer when PATIENCE pictures in a row could do with them. How
// many of those that are kept from now on are so already.
static int follow(GcamPartial *partial, int worth, float *memory, float **data)
{
    enum { PATIENCE = 8 };
    int before = partial->steps;
    partial->most = worth > partial->most ? worth : partial->most;
    if (worth >= before) {
        partial->most = partial->lower = 0;
        if (worth > before && !partial->kept)
            partial->kept = gcam_calloc(partial->plan->kept.floats, sizeof(float));
        if (worth > before && partial->kept)
            place(partial, worth, memory, data);   // what is new among them this picture computes whole
    } else if (++partial->lower == PATIENCE) {
        place(partial, partial->most, memory, data);
        partial->most = partial->lower = 0;
    }
    return before < partial->steps ? before : partial->steps;
}

// The part of a value that a step reads for `part` of its outputs.
static GcamRect reads(const GcamPlan *plan, const GcamStep *step, int value, const GcamRect *part)
{
    if (part->bottom == INT_MAX)
        return gcam_rect_all();
    if (gcam_plan_is_view(plan, step))
        return view_reach(plan, step, part);
    if (step->op->reads)
        return step->op->reads(step, plan->value, value, part);
    return step->op->reach ? gcam_reach_same(step, plan->value, value, part) : gcam_rect_all();
}

// What is wanted of a value: of one that is kept, what has changed; else what is read of it.
static GcamRect wanted_of(const GcamPartial *partial, int value)
{
    const GcamPlan *plan = partial->plan;
    if (partial->is_kept[plan->root[value]])
        return partial->changed[value];
    return plan->in_head[value] ? gcam_rect_all() : partial->read[value];
}

// What of each step is to be computed, where the first `kept` have left what they made: from the last to the first,
// for a value that is not kept is computed as far as it is read.
static void find_wanted(GcamPartial *partial, int kept)
{
    const GcamPlan *plan = partial->plan;
    memset(partial->read, 0, (size_t)plan->values * sizeof(*partial->read));
    for (int i = plan->steps - 1; i >= 0; i--) {
        const GcamStep *step = &plan->step[i];
        GcamRect *part = &partial->wanted[i];
        *part = i < kept ? (GcamRect){ 0, 0, 0, 0 } : gcam_rect_all();
        for (int j = 0; i < kept && j < step->outputs; j++)
            if (step->output[j] >= 0) {
                GcamRect one = wanted_of(partial, step->output[j]);
                *part = gcam_rect_union(part, &one);
            }
        if (gcam_rect_is_empty(part))
            continue;
        if (!gcam_plan_is_view(plan, step) && is_much(plan, step, part))
            *part = gcam_rect_all();
        for (int j = 0; j <= step->inputs; j++) {
            int value = j < step->inputs ? step->input[j] : step->add;
            if (value < 0 || plan->value[value].data)
                continue;
            GcamRect one = reads(plan, step, value, part);
            partial->read[value] = gcam_rect_union(&partial->read[value], &one);
        }
    }
}

const GcamRect *gcam_partial_begin(GcamPartial *partial, const GcamRect *differs, float *memory, float **data)
{
    int is_valid = partial->is_valid, kept = 0;
    partial->is_valid = 0;
    if (is_valid)
        kept = follow(partial, steps_worth(partial, differs), memory, data);
    if (!kept)
        return NULL;
    set_changed(partial, differs);
    for (int i = 0; i < kept; i++)
        follow_change(partial->plan, i, partial->changed);
    find_wanted(partial, kept);
    return partial->wanted;
}

void gcam_partial_end(GcamPartial *partial, int error)
{
    partial->is_valid = !error;
}

void gcam_partial_forget(GcamPartial *partial)
{
    partial->is_valid = 0;
}
