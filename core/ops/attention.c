/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention of one window and head at a time, on one thread, in memory that stays in its caches: nothing of the size of
 * all windows' logits is ever written. Backward computes the shares p = softmax(..) anew: with dp = dy v^T and
 * ds = scale * p * (dp - rowsum(p dp)), dq = ds k, dk = ds^T q, dv = p^T dy.
 */
#include "attention.h"

#include "base/sizes.h"
#include "kernels/kernels.h"
#include "lanes.h"
#include "tensor/gemm_block.h"

#include <string.h>

enum {
    QUERIES = 112,              // that a task of forward takes at most
};

// Rows of shares lie whole cache lines apart.
static size_t share_row(const GcamAttention *a)
{
    return gcam_round_line(a->keys);
}

// The larger one.
static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

// Floats of a packed operand, whichever it is.
static size_t packed_floats(const GcamAttention *a)
{
    const GcamKernels *kernels = gcam_kernels();
    size_t wide = most(a->width, a->value_width), tokens = most(a->queries, a->keys);
    return gcam_round_line(most(gcam_packed_b_size(kernels, GCAM_F32, tokens, wide),
                        gcam_packed_b_size(kernels, GCAM_F32, wide, tokens)));
}

// A packed operand and the shares of a task; backward their gradient too, and the transpose of one of both.
static size_t thread_floats(const GcamAttention *a, int backward)
{
    size_t rows = backward || a->queries < QUERIES ? a->queries : QUERIES;
    size_t turned = backward ? a->keys * gcam_round_line(a->queries) : 0;
    return packed_floats(a) + (backward ? 2 : 1) * rows * share_row(a) + turned;
}

// Room for each thread alone: no two share a matrix.
static int attention_prepare(GcamStep *step, const GcamValue *values, int threads)
{
    (void)values;
    step->scratch = (size_t)threads * thread_floats(step->node->params, step->in_head);
    return 0;
}

typedef struct Job {
    const GcamAttention *a;
    enum GcamType type;
    size_t cuts;                // tasks of each window and head
    const float *q, *k, *v;     // all windows and heads
    const float *add[GCAM_ATTENTION_ADDS];
    float *y;
    const float *dy;            // backward
    float *dq, *dk, *dv;        // backward: those that are wanted, else NULL
    float *scratch;
    size_t scratch_floats;      // of each thread
} Job;

static Job make_job(const GcamRun *run, const GcamStep *step, int backward)
{
    const GcamAttention *a = step->node->params;
    Job job = { .a = a, .type = step->type, .q = run->data[step->input[a->q.input]],
                .k = run->data[step->input[a->k.input]], .v = run->data[step->input[a->v.input]],
                .scratch = run->scratch, .scratch_floats = thread_floats(a, step->in_head) };
    for (int i = 0; i < a->adds; i++)
        job.add[i] = run->data[step->input[step->inputs - a->adds + i]];
    job.cuts = backward ? 1 : (a->queries + QUERIES - 1) / QUERIES;
    return job;
}

// Where the matrix of a window and head begins.
static ptrdiff_t place(const GcamHeads *heads, size_t outer, size_t head)
{
    return heads->offset + (ptrdiff_t)outer * heads->outer + (ptrdiff_t)head * heads->head;
}

// c (m x n) = or += a (m x k) * b (k x n), b of any strides; `memory` holds packed b.
static void multiply(const Job *job, size_t m, size_t n, size_t k, const float *a, ptrdiff_t lda, const float *b,
                     ptrdiff_t b_row, ptrdiff_t b_col, float *c, ptrdiff_t ldc, int accumulate, float *memory)
{
    GcamPackedB packed = { .kernels = gcam_kernels(), .type = job->type, .k = k, .n = n, .data = memory };
    const GcamEpilogue epilogue = { .accumulate = accumulate };
    gcam_packed_b_fill(&packed, 0, n, b, b_row, b_col);
    gcam_gemm_rows(&packed, m, 0, n, a, lda, c, ldc, &epilogue);
}

// The shares of queries first..last-1 of a window and head, row by row.
static void find_shares(const Job *job, size_t outer, size_t head, size_t first, size_t last, float *share,
                        float *memory)
{
    const GcamAttention *a = job->a;
    const float *q = job->q + place(&a->q, outer, head) + (ptrdiff_t)first * a->q.row;
    size_t row = share_row(a);
    multiply(job, last - first, a->keys, a->width, q, a->q.row, job->k + place(&a->k, outer, head), 1, a->k.row, share,
             (ptrdiff_t)row, 0, memory);
    for (size_t i = first; i < last; i++) {
        const float *add[GCAM_ATTENTION_ADDS] = { NULL };
        for (int n = 0; n < a->adds; n++)
            add[n] = job->add[n] + a->add_at[n][outer * a->heads + head] + (ptrdiff_t)i * a->add_row[n];
        gcam_kernels()->softmax(share + (i - first) * row, share + (i - first) * row, a->scale, add, a->keys);
    }
}

static void forward_task(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    const GcamAttention *a = job->a;
    size_t outer = index / job->cuts / a->heads, head = index / job->cuts % a->heads, cut = index % job->cuts;
    size_t first = cut * a->queries / job->cuts, last = (cut + 1) * a->queries / job->cuts;
    float *memory = job->scratch + (size_t)thread * job->scratch_floats, *share = memory + packed_floats(a);
    find_shares(job, outer, head, first, last, share, memory);
    multiply(job, last - first, a->value_width, a->keys, share, (ptrdiff_t)share_row(a),
             job->v + place(&a->v, outer, head), a->v.row, 1,
             job->y + place(&a->y, outer, head) + (ptrdiff_t)first * a->y.row, a->y.row, 0, memory);
}

static void attention_forward(const GcamRun *run, const GcamStep *step)
{
    Job job = make_job(run, step, 0);
    job.y = run->data[step->output[0]];
    gcam_threads_run(run->pool, job.a->outer * job.a->heads * job.cuts, forward_task, &job);
}

// [rows][columns] to [columns][rows].
static void turn(const float *in, ptrdiff_t in_row, size_t rows, size_t columns, float *out, size_t out_row)
{
    for (size_t j = 0; j < columns; j++)
        for (size_t i = 0; i < rows; i++)
            out[j * out_row + i] = in[(ptrdiff_t)i * in_row + (ptrdiff_t)j];
}

static void backward_task(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    const GcamAttention *a = job->a;
    size_t outer = index / a->heads, head = index % a->heads, row = share_row(a);
    size_t turned_row = gcam_round_line(a->queries);
    float *memory = job->scratch + (size_t)thread * job->scratch_floats, *share = memory + packed_floats(a);
    float *grad = share + a->queries * row, *turned = grad + a->queries * row;
    const float *dy = job->dy + place(&a->y, outer, head), *v = job->v + place(&a->v, outer, head);
    find_shares(job, outer, head, 0, a->queries, share, memory);
    if (job->dv) {
        turn(share, (ptrdiff_t)row, a->queries, a->keys, turned, turned_row);
        multiply(job, a->keys, a->value_width, a->queries, turned, (ptrdiff_t)turned_row, dy, a->y.row, 1,
                 job->dv + place(&a->v, outer, head), a->v.row, 1, memory);
    }
    if (!job->dq && !job->dk)
        return;
    multiply(job, a->queries, a->keys, a->value_width, dy, a->y.row, v, 1, a->v.row, grad, (ptrdiff_t)row, 0, memory);
    for (size_t i = 0; i < a->queries; i++) {
        float *g = grad + i * row, *p = share + i * row, sum = (float)gcam_sum_products(g, p, a->keys);
        for (size_t j = 0; j < a->keys; j++)
            g[j] = a->scale * p[j] * (g[j] - sum);
    }
    if (job->dq)
        multiply(job, a->queries, a->width, a->keys, grad, (ptrdiff_t)row, job->k + place(&a->k, outer, head), a->k.row,
                 1, job->dq + place(&a->q, outer, head), a->q.row, 1, memory);
    if (!job->dk)
        return;
    turn(grad, (ptrdiff_t)row, a->queries, a->keys, turned, turned_row);
    multiply(job, a->keys, a->width, a->queries, turned, (ptrdiff_t)turned_row, job->q + place(&a->q, outer, head),
             a->q.row, 1, job->dk + place(&a->k, outer, head), a->k.row, 1, memory);
}

// Queries, keys and values that are parts of one input all add to its gradient; no two windows or heads share elements.
static void attention_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    Job job = make_job(run, step, 1);
    job.dy = run->grad[step->output[0]];
    job.dq = job.a->q.input == input ? dx : NULL;
    job.dk = job.a->k.input == input ? dx : NULL;
    job.dv = job.a->v.input == input ? dx : NULL;
    memset(dx, 0, gcam_shape_count(&run->value[step->input[input]].shape) * sizeof(*dx));
    gcam_threads_run(run->pool, job.a->outer * job.a->heads, backward_task, &job);
}

static double attention_flops(const GcamStep *step, const GcamValue *values)
{
    const GcamAttention *a = step->node->params;
    (void)values;
    return 2.0 * (double)(a->outer * a->heads) * (double)(a->queries * a->keys) * (double)(a->width + a->value_width);
}

const GcamOp gcam_op_attention = {
    .type = "Attention", .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_NEEDS_X | GCAM_OP_READS,
    .prepare = attention_prepare, .forward = attention_forward, .backward = attention_backward,
    .flops = attention_flops,
};
