/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Views: strides are followed through operators that only move elements.
 *
 * From the value back to its source by recursion, and forward again: a transposition exchanges strides, a box moves the
 * beginning and multiplies them, a reshape divides a dimension or joins neighbours that lie behind each other. Where it
 * would have to join others, bytes move, and the view begins anew at that value. Dimensions of 1 have no stride that
 * matters.
 */
#include "view.h"

#include <string.h>

static void plain_view(const GcamPlan *plan, int value, GcamView *view)
{
    *view = (GcamView){ .source = value, .factor = 1, .shape = plan->value[value].shape };
    ptrdiff_t stride = 1;
    for (int i = view->shape.rank - 1; i >= 0; i--) {
        view->stride[i] = stride;
        stride *= (ptrdiff_t)view->shape.dim[i];
    }
}

// The dimensions become those of `shape`: neighbours are joined where they lie behind each other, and divided. 0 when
// that takes a move.
static int reshape(GcamView *view, const GcamShape *shape)
{
    ptrdiff_t stride[GCAM_MAX_RANK];
    int next = 0, to = 0;
    while (to < shape->rank) {
        int first = next, from = to;
        size_t had = next < view->shape.rank ? view->shape.dim[next++] : 1, has = shape->dim[to++];
        while (had != has)
            if (had < has)
                had *= next < view->shape.rank ? view->shape.dim[next++] : 0;
            else
                has *= to < shape->rank ? shape->dim[to++] : 0;
        ptrdiff_t inner = 1;
        int found = 0;
        for (int i = next - 1; i >= first; i--) {       // ones aside, each goes on where the one behind it ends
            if (view->shape.dim[i] == 1)
                continue;
            if (found && view->stride[i] != inner)
                return 0;
            if (!found)
                stride[to - 1] = view->stride[i];
            found = 1;
            inner = view->stride[i] * (ptrdiff_t)view->shape.dim[i];
        }
        if (!found)
            stride[to - 1] = 1;
        for (int i = to - 2; i >= from; i--)
            stride[i] = stride[i + 1] * (ptrdiff_t)shape->dim[i + 1];
    }
    view->shape = *shape;
    memcpy(view->stride, stride, sizeof(stride));
    return 1;
}

static void transpose(GcamView *view, const int *perm)
{
    GcamView from = *view;
    for (int i = 0; i < view->shape.rank; i++) {
        view->shape.dim[i] = from.shape.dim[perm[i]];
        view->stride[i] = from.stride[perm[i]];
    }
}

int gcam_scaled(const GcamPlan *plan, const GcamStep *step, float *factor)
{
    int divides = gcam_step_is(step, GCAM_SYMBOL_DIV);
    if (!divides && !gcam_step_is(step, GCAM_SYMBOL_MUL))
        return -1;
    for (int i = divides; i < 2; i++) {         // division has its constant second
        const GcamValue *value = &plan->value[step->input[i]];
        int other = step->input[1 - i];
        if (!value->data || gcam_shape_count(&value->shape) != 1 || plan->value[other].data ||
            !gcam_shape_equal(&plan->value[other].shape, &plan->value[step->output[0]].shape))
            continue;
        double number = gcam_constant_double(value, 0);
        *factor *= (float)(divides ? 1 / number : number);
        return other;
    }
    return -1;
}

// A part of every dimension.
static void take_box(GcamView *view, const GcamBox *box)
{
    for (int i = 0; i < view->shape.rank; i++) {
        view->offset += (ptrdiff_t)box->start[i] * view->stride[i];
        view->stride[i] *= (ptrdiff_t)box->step[i];
    }
    view->shape = box->shape;
}

static int is_move(const GcamStep *step)
{
    return step->op->flags & GCAM_OP_VIEW || step->op->order || step->op->box;
}

void gcam_view_find(const GcamPlan *plan, const GcamUsers *users, int value, GcamView *view)
{
    plain_view(plan, value, view);
    if (users->producer[value] < 0 || gcam_plan_shows(plan, value))
        return;
    const GcamStep *step = &plan->step[users->producer[value]];
    float factor = 1;
    int from = gcam_scaled(plan, step, &factor);
    GcamView before;
    GcamBox box;
    if (from < 0 && (!is_move(step) || plan->value[step->input[0]].data))
        return;
    gcam_view_find(plan, users, from < 0 ? step->input[0] : from, &before);
    before.factor *= factor;
    if (step->op->order)
        transpose(&before, step->op->order(step->node));
    if (step->op->box) {
        if (!step->op->box(step, plan->value, value, &box))
            return;
        take_box(&before, &box);
    }
    if (reshape(&before, &plan->value[value].shape))
        *view = before;
}
