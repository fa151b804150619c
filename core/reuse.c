/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a plan, then picture after picture. Out: for each step, the part of its outputs that has to be computed.
 *
 * A change is a rectangle, of the picture and of each value behind it that still has rows and columns; operators say how
 * it grows. What the steps of the beginning make is kept in a block beside the arena, where nothing else is written over
 * it. How many these may be is found with a small change in the middle of the picture; how many they are follows the
 * changes that there are, for memory that is not used again at once is slower.
 */
#include "reuse.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "mem.h"
#include "ops/part.h"

enum {
    SMALL = 8,                  // a small change: this part of the picture's height and width
    ALIGN = 16,                 // floats
};

#define MOST_FLOATS ((size_t)24 << 18)          // that are kept: 24 MB
#define WHOLE       0.7         // part of an output from which on it is computed whole

struct GcamReuse {
    const GcamPlan *plan;
    int width, height;
    int is_valid;               // what was computed last is of the picture in rgb
    float *kept;                // memory for what may be kept, or NULL: never yet
    int steps;                  // whose outputs are
    int lower, most;            // pictures in a row for which fewer would do; steps that were worth it for one of them
    char *is_kept;              // by value: the values whose memory is in `kept`
    GcamRect *changed;          // by value
    uint8_t rgb[];
};

// ------------------------------------------------------------------------------------------------------------- changes

// Shares its memory with its input, whose every pixel is the same one.
static int is_view(const GcamPlan *plan, const GcamStep *step)
{
    return plan->root[step->output[0]] != step->output[0] && !plan->placed[step->output[0]];
}

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
    if (is_view(plan, step))
        return view_reach(plan, step, &changed[value]);
    return step->op->reach ? step->op->reach(step, plan->value, value, &changed[value]) : gcam_rect_all();
}

enum GcamExtent gcam_plan_changed(const GcamPlan *plan, const GcamRun *run, int index, GcamRect *part)
{
    const GcamStep *step = &plan->step[index];
    int rows = INT_MAX, columns = INT_MAX;
    size_t channels;
    GcamRect all = gcam_rect_all(), out = { 0, 0, 0, 0 };
    for (int i = 0; i <= step->inputs; i++) {
        GcamRect one = reach(plan, step, i < step->inputs ? step->input[i] : step->add, run->changed);
        out = gcam_rect_union(&out, &one);
    }
    if (gcam_value_lines(&plan->value[step->output[0]], &rows, &columns, &channels)) {
        all = (GcamRect){ 0, rows, 0, columns };
        out.bottom = out.bottom < rows ? out.bottom : rows;
        out.right = out.right < columns ? out.right : columns;
    }
    if (!gcam_rect_is_empty(&out) && gcam_rect_is_all(&out, rows, columns))
        out = all;
    *part = out;
    for (int i = 0; i < step->outputs; i++)
        if (step->output[i] >= 0)
            run->changed[step->output[i]] = out;
    if (index >= run->kept)
        return GCAM_EXTENT_ALL;
    if (gcam_rect_is_empty(&out))
        return GCAM_EXTENT_NONE;
    double area = (double)(out.bottom - out.top) * (out.right - out.left);
    return !step->op->reach || area > WHOLE * ((double)rows * columns) ? GCAM_EXTENT_ALL : GCAM_EXTENT_PART;
}

// ---------------------------------------------------------------------------------------------------------------- plan

// Gives a value a place, if it has none; 0 where there is no room.
static int keep_value(GcamPlan *plan, int value)
{
    int root = value < 0 ? -1 : plan->root[value];
    if (root < 0 || plan->kept.at[root] != SIZE_MAX)
        return 1;
    size_t floats = (gcam_shape_count(&plan->value[root].shape) + ALIGN - 1) / ALIGN * ALIGN;
    if (floats > MOST_FLOATS - plan->kept.floats)
        return 0;
    plan->kept.at[root] = plan->kept.floats;
    plan->kept.floats += floats;
    return 1;
}

static int keep_outputs(GcamPlan *plan, const GcamStep *step)
{
    int kept = 1;
    if (is_view(plan, step))
        return 1;
    for (int i = 0; i < step->outputs; i++)
        kept = keep_value(plan, step->output[i]) && kept;
    return kept;
}

int gcam_plan_keep(GcamPlan *plan)
{
    GcamRect *changed = gcam_calloc((size_t)plan->values, sizeof(*changed));
    const GcamRun run = { .changed = changed, .kept = plan->steps };
    GcamRect part;
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
            if (gcam_plan_changed(plan, &run, i, &part) != GCAM_EXTENT_ALL)
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

// ------------------------------------------------------------------------------------------------------------- pictures

int gcam_reuse_create(GcamReuse **out, const GcamPlan *plan, int width, int height)
{
    GcamReuse *reuse = *out = gcam_calloc(1, sizeof(*reuse) + 3 * (size_t)width * (size_t)height);
    if (!reuse)
        return -ENOMEM;
    reuse->plan = plan;
    reuse->width = width;
    reuse->height = height;
    reuse->changed = gcam_calloc((size_t)plan->values, sizeof(*reuse->changed));
    reuse->is_kept = gcam_calloc((size_t)plan->values, 1);
    if (!reuse->changed || !reuse->is_kept)
        gcam_reuse_destroy(out);
    return *out ? 0 : -ENOMEM;
}

void gcam_reuse_destroy(GcamReuse **reuse)
{
    if (!*reuse)
        return;
    gcam_free((*reuse)->kept);
    gcam_free((*reuse)->changed);
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
    const GcamRun run = { .changed = reuse->changed, .kept = plan->kept.steps };
    GcamRect part;
    int worth = 0;
    set_changed(reuse, differs);
    for (int i = 0; i < plan->kept.steps; i++)
        if (gcam_plan_changed(plan, &run, i, &part) != GCAM_EXTENT_ALL)
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
        for (int j = 0; j < plan->step[i].outputs; j++)
            if (plan->step[i].output[j] >= 0)
                reuse->is_kept[plan->root[plan->step[i].output[j]]] = 1;
    for (int i = 0; i < plan->values; i++)
        if (plan->kept.at[i] != SIZE_MAX && !plan->value[i].data)
            data[i] = reuse->is_kept[plan->root[i]] ? reuse->kept + plan->kept.at[i] : arena + plan->data_at[i];
}

// Follows what pictures show: at once to more steps, to fewer when PATIENCE pictures in a row could do with them. How many
// of those that are kept from now on are so already.
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

GcamRect *gcam_reuse_begin(GcamReuse *reuse, const GcamRect *differs, float *arena, float **data, int *kept)
{
    int is_valid = reuse->is_valid;
    reuse->is_valid = 0;
    *kept = is_valid ? follow(reuse, steps_worth(reuse, differs), arena, data) : 0;
    set_changed(reuse, differs);
    return *kept ? reuse->changed : NULL;
}

void gcam_reuse_end(GcamReuse *reuse, int error)
{
    reuse->is_valid = !error;
}

void gcam_reuse_forget(GcamReuse *reuse)
{
    reuse->is_valid = 0;
}
