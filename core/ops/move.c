/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Strided copies: to[i_0, i_1, ..] = or += from[i_0, i_1, ..] over a box, each side with strides and an offset of its
 * own. Dimensions are ordered so that the innermost loop writes with the smallest stride, and neighbours that lie
 * behind each other on both sides are merged: a copy of whole rows ends as one memcpy per row. Copies of many elements
 * are shared among threads by the outermost dimension; additions are not, for several threads would add to one place.
 */
#include "move.h"

#include <stdlib.h>
#include <string.h>

#define PARALLEL_ELEMENTS 16384         // below this a second thread costs more than it brings

static void drop_dim(GcamMove *move, int at)
{
    for (int i = at; i + 1 < move->rank; i++) {
        move->dim[i] = move->dim[i + 1];
        move->from[i] = move->from[i + 1];
        move->to[i] = move->to[i + 1];
    }
    move->rank--;
}

static void swap_dims(GcamMove *move, int a, int b)
{
    size_t dim = move->dim[a];
    ptrdiff_t from = move->from[a], to = move->to[a];
    move->dim[a] = move->dim[b];
    move->from[a] = move->from[b];
    move->to[a] = move->to[b];
    move->dim[b] = dim;
    move->from[b] = from;
    move->to[b] = to;
}

// `by_from`: the innermost loop reads with the smallest stride instead.
static GcamMove normalize(const GcamMove *original, int by_from)
{
    GcamMove move = *original;
    const ptrdiff_t *key = by_from ? move.from : move.to;
    for (int i = move.rank - 1; i >= 0; i--)
        if (move.dim[i] == 1)
            drop_dim(&move, i);
    for (int i = 1; i < move.rank; i++)         // outermost: the largest stride
        for (int j = i; j > 0 && labs(key[j]) > labs(key[j - 1]); j--)
            swap_dims(&move, j, j - 1);
    for (int i = move.rank - 2; i >= 0; i--)
        if (move.from[i] == move.from[i + 1] * (ptrdiff_t)move.dim[i + 1] &&
            move.to[i] == move.to[i + 1] * (ptrdiff_t)move.dim[i + 1]) {
            move.dim[i + 1] *= move.dim[i];
            drop_dim(&move, i);
        }
    if (!move.rank) {
        move.rank = 1;
        move.dim[0] = 1;
        move.from[0] = move.to[0] = 0;
    }
    return move;
}

// One run of the innermost dimension.
static void copy_run(const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step, size_t n)
{
    if (from_step == 1 && to_step == 1)
        memcpy(to, from, n * sizeof(*to));
    else if (to_step == 1)
        for (size_t i = 0; i < n; i++)
            to[i] = from[(ptrdiff_t)i * from_step];
    else
        for (size_t i = 0; i < n; i++)
            to[(ptrdiff_t)i * to_step] = from[(ptrdiff_t)i * from_step];
}

// The same, added; a stride of 0 collects the sum of the run.
static void add_run(const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step, size_t n)
{
    if (to_step == 0) {
        float sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += from[(ptrdiff_t)i * from_step];
        *to += sum;
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[(ptrdiff_t)i * to_step] += from[(ptrdiff_t)i * from_step];
}

typedef struct Job {
    GcamMove move;
    const float *from;
    float *to;
    void (*run)(const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step, size_t n);
} Job;

// One index of the outermost dimension; `depth` dimensions are fixed.
static void walk(const Job *job, int depth, const float *from, float *to)
{
    const GcamMove *move = &job->move;
    if (depth == move->rank - 1) {
        job->run(from, move->from[depth], to, move->to[depth], move->dim[depth]);
        return;
    }
    for (size_t i = 0; i < move->dim[depth]; i++)
        walk(job, depth + 1, from + (ptrdiff_t)i * move->from[depth], to + (ptrdiff_t)i * move->to[depth]);
}

// A task of one thread: one index of the outermost dimension.
static void outer(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    (void)thread;
    walk(job, 1, job->from + (ptrdiff_t)index * job->move.from[0], job->to + (ptrdiff_t)index * job->move.to[0]);
}

void gcam_move(const GcamMove *move, GcamThreads *pool, const float *from, float *to)
{
    Job job = { normalize(move, 0), from + move->from_offset, to + move->to_offset, copy_run };
    size_t count = 1;
    for (int i = 0; i < job.move.rank; i++)
        count *= job.move.dim[i];
    if (!count)
        return;
    if (job.move.rank > 1 && count >= PARALLEL_ELEMENTS)
        gcam_threads_run(pool, job.move.dim[0], outer, &job);
    else
        walk(&job, 0, job.from, job.to);
}

void gcam_move_add(const GcamMove *move, const float *from, float *to)
{
    Job job = { normalize(move, 1), from + move->from_offset, to + move->to_offset, add_run };
    walk(&job, 0, job.from, job.to);
}

GcamMove gcam_move_between(const GcamShape *shape, const GcamValue *from, const GcamValue *to)
{
    GcamMove move = { .rank = shape->rank };
    memcpy(move.dim, shape->dim, sizeof(move.dim));
    gcam_value_strides(from, move.from);
    gcam_value_strides(to, move.to);
    return move;
}

GcamMove gcam_move_reverse(const GcamMove *move)
{
    GcamMove reverse = *move;
    reverse.from_offset = move->to_offset;
    reverse.to_offset = move->from_offset;
    memcpy(reverse.from, move->to, sizeof(reverse.from));
    memcpy(reverse.to, move->from, sizeof(reverse.to));
    return reverse;
}
