/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a plan, then picture after picture. Out: for each step, the part of its outputs that has to be computed.
 *
 * A change is a rectangle, of the picture and of each value behind it that still has rows and columns; operators say
 * how it grows. What the steps of the beginning make is kept in a block beside the arena, where nothing else is
 * written over it. How many these may be is found with a small change in the middle of the picture; how many they are
 * follows the changes that there are, for memory that is not used again at once is slower. Large values are not kept:
 * they are computed again as far as they are read.
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

struct GcamReuse {
    const GcamPlan *plan;
    int width, height;
    int is_valid;               // what was computed last is of the picture in rgb
    float *kept;                // memory for what may be kept, or NULL: never yet
    int steps;                  // whose outputs are
    int lower, most;            // pictures in a row for which fewer would do; steps that were worth it for one of them
    char *is_kept;              // by value: the values whose memory is in `kept`
    GcamRect *changed, *read;   // by value: what can change of it; what steps read of one that is not kept
    GcamRect *wanted;           // by step
    uint8_t rgb[];
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
    plan->kept.at = gcam_zone_alloc(&plan->zone, (size_t)plan->values, sizeof(size_t));
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

int gcam_reuse_create(GcamReuse **out, const GcamPlan *plan, int width, int height)
{
    GcamReuse *reuse = *out = gcam_calloc(1, sizeof(*reuse) + 3 * (size_t)width * (size_t)height);
    if (!reuse)
        return -ENOMEM;
    reuse->plan = plan;
    reuse->width = width;
    reuse->height = height;
    reuse->changed = gcam_calloc((size_t)plan->values, sizeof(*reuse->changed));
    reuse->read = gcam_calloc((size_t)plan->values, sizeof(*reuse->read));
    reuse->wanted = gcam_calloc((size_t)plan->steps + 1, sizeof(*reuse->wanted));
    reuse->is_kept = gcam_calloc((size_t)plan->values, 1);
    if (!reuse->changed || !reuse->read || !reuse->wanted || !reuse->is_kept)
        gcam_reuse_destroy(out);
    return *out ? 0 : -ENOMEM;
}

void gcam_reuse_destroy(GcamReuse **reuse)
{
    if (!*reuse)
        return;
    gcam_free((*reuse)->kept);
    gcam_free((*reuse)->changed);
    gcam_free((*reuse)->read);
    gcam_free((*reuse)->wanted);
    gcam_free((*reuse)->is_kept);
    gcam_free(*reuse);
    *reuse = NULL;
}

GcamRect gcam_reuse_compare(GcamReuse *reuse, const uint8_t *rgb, ptrdiff_t stride)
{
    const int width = reuse->width, bytes = 3 * width;
    GcamRect differs = { reuse->height, 0, width, 0 };
    for (int y = 0; y < reuse->height; y++) {
        const uint8_t *in = rgb + y * stride;
        uint8_t *last = reuse->rgb + (size_t)y * (size_t)bytes;
        int left = 0, right = bytes;
        if (!memcmp(in, last, (size_t)bytes))
            continue;
        differs.top = y < differs.top ? y : differs.top;
        differs.bottom = y + 1;
        while (in[left] == last[left])
            left++;
        while (in[right - 1] == last[right - 1])
            right--;
        differs.left = left / 3 < differs.left ? left / 3 : differs.left;
        differs.right = (right + 2) / 3 > differs.right ? (right + 2) / 3 : differs.right;
        memcpy(last, in, (size_t)bytes);
    }
    return reuse->is_valid ? differs : (GcamRect){ 0, reuse->height, 0, width };
}

static void set_changed(GcamReuse *reuse, const GcamRect *differs)
{
    memset(reuse->changed, 0, (size_t)reuse->plan->values * sizeof(*reuse->changed));
    reuse->changed[reuse->plan->picture] = *differs;
}

// The steps up to the last that leaves enough of its outputs as it was when `differs` of the picture changes.
static int steps_worth(GcamReuse *reuse, const GcamRect *differs)
{
    const GcamPlan *plan = reuse->plan;
    int worth = 0;
    set_changed(reuse, differs);
    for (int i = 0; i < plan->kept.steps; i++)
        if (follow_change(plan, i, reuse->changed))
            worth = i + 1;
    return worth;
}

// From now on what the first `steps` steps make lies in memory of its own, all else in the arena.
static void place(GcamReuse *reuse, int steps, float *arena, float **data)
{
    const GcamPlan *plan = reuse->plan;
    reuse->steps = steps;
    memset(reuse->is_kept, 0, (size_t)plan->values);
    reuse->is_kept[plan->picture] = steps > 0;
    for (int i = 0; i < steps; i++)
        for (int j = 0; j < plan->step[i].outputs; j++) {
            int root = plan->step[i].output[j] < 0 ? -1 : plan->root[plan->step[i].output[j]];
            if (root >= 0 && plan->kept.at[root] != SIZE_MAX)
                reuse->is_kept[root] = 1;
        }
    for (int i = 0; i < plan->values; i++)
        if (plan->kept.at[i] != SIZE_MAX && !plan->value[i].data)
            data[i] = reuse->is_kept[plan->root[i]] ? reuse->kept + plan->kept.at[i] : arena + plan->data_at[i];
}

// Follows what pictures show: at once to more steps, to fewer when PATIENCE pictures in a row could do with them. How
// many of those that are kept from now on are so already.
static int follow(GcamReuse *reuse, int worth, float *arena, float **data)
{
    enum { PATIENCE = 8 };
    int before = reuse->steps;
    reuse->most = worth > reuse->most ? worth : reuse->most;
    if (worth >= before) {
        reuse->most = reuse->lower = 0;
        if (worth > before && !reuse->kept)
            reuse->kept = gcam_calloc(reuse->plan->kept.floats, sizeof(float));
        if (worth > before && reuse->kept)
            place(reuse, worth, arena, data);   // what is new among them this picture computes whole
    } else if (++reuse->lower == PATIENCE) {
        place(reuse, reuse->most, arena, data);
        reuse->most = reuse->lower = 0;
    }
    return before < reuse->steps ? before : reuse->steps;
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
static GcamRect wanted_of(const GcamReuse *reuse, int value)
{
    const GcamPlan *plan = reuse->plan;
    if (reuse->is_kept[plan->root[value]])
        return reuse->changed[value];
    return plan->in_head[value] ? gcam_rect_all() : reuse->read[value];
}

// What of each step is to be computed, where the first `kept` have left what they made: from the last to the first,
// for a value that is not kept is computed as far as it is read.
static void find_wanted(GcamReuse *reuse, int kept)
{
    const GcamPlan *plan = reuse->plan;
    memset(reuse->read, 0, (size_t)plan->values * sizeof(*reuse->read));
    for (int i = plan->steps - 1; i >= 0; i--) {
        const GcamStep *step = &plan->step[i];
        GcamRect *part = &reuse->wanted[i];
        *part = i < kept ? (GcamRect){ 0, 0, 0, 0 } : gcam_rect_all();
        for (int j = 0; i < kept && j < step->outputs; j++)
            if (step->output[j] >= 0) {
                GcamRect one = wanted_of(reuse, step->output[j]);
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
            reuse->read[value] = gcam_rect_union(&reuse->read[value], &one);
        }
    }
}

const GcamRect *gcam_reuse_begin(GcamReuse *reuse, const GcamRect *differs, float *arena, float **data)
{
    int is_valid = reuse->is_valid, kept = 0;
    reuse->is_valid = 0;
    if (is_valid)
        kept = follow(reuse, steps_worth(reuse, differs), arena, data);
    if (!kept)
        return NULL;
    set_changed(reuse, differs);
    for (int i = 0; i < kept; i++)
        follow_change(reuse->plan, i, reuse->changed);
    find_wanted(reuse, kept);
    return reuse->wanted;
}

void gcam_reuse_end(GcamReuse *reuse, int error)
{
    reuse->is_valid = !error;
}

void gcam_reuse_forget(GcamReuse *reuse)
{
    reuse->is_valid = 0;
}
