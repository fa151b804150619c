/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows in another order: x [from_rows, size] -> y [to_rows, size], y[i] = x[from[i]]. dx[j] = dy[to[j]], zeros for
 * rows that were left out (to[j] < 0); no row is taken twice, so that nothing adds up.
 */
#include "rows.h"

#include "lanes.h"

#include <string.h>

typedef struct Job {
    const int *from;
    const float *x;
    float *y;
    size_t size, rows, step;    // step: rows of a task
} Job;

static void copy_rows(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    size_t last = (index + 1) * job->step < job->rows ? (index + 1) * job->step : job->rows;
    (void)thread;
    for (size_t row = index * job->step; row < last; row++)
        if (job->from[row] >= 0)
            memcpy(job->y + row * job->size, job->x + (size_t)job->from[row] * job->size, job->size * sizeof(*job->y));
        else
            memset(job->y + row * job->size, 0, job->size * sizeof(*job->y));
}

static void run_rows(const GcamRun *run, const int *from, size_t rows, size_t size, const float *x, float *y)
{
    Job job = { from, x, y, size, rows, gcam_rows_at_a_time(size) };
    gcam_threads_run(run->pool, (rows + job.step - 1) / job.step, copy_rows, &job);
}

static void rows_forward(const GcamRun *run, const GcamStep *step)
{
    const GcamRows *p = step->node->params;
    run_rows(run, p->from, p->to_rows, p->size, run->data[step->input[0]], run->data[step->output[0]]);
}

static void rows_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const GcamRows *p = step->node->params;
    (void)input;
    run_rows(run, p->to, p->from_rows, p->size, run->grad[step->output[0]], dx);
}

const GcamOp gcam_op_rows = {
    .type = "Rows", .layout = GCAM_LAYOUT_PLAIN, .forward = rows_forward, .backward = rows_backward,
};
