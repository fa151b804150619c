/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Recurrent networks over a sequence x_1 .. x_T, with a state h_t that starts at h_0, zeros or an input:
 *
 *     RNN     h_t = f(W x_t + R h_{t-1} + b)
 *     LSTM    i, o, f = f(W x_t + R h_{t-1} + b), g = g(..)      (Hochreiter & Schmidhuber 1997, Gers et al. 2000)
 *             c_t = f c_{t-1} + i g      h_t = o h(c_t)
 *     GRU     z, r = f(..), n = g(W x_t + R (r h_{t-1}) + b), or g(W x_t + b + r (R h_{t-1} + b'))   (Cho et al. 2014)
 *             h_t = (1 - z) n + z h_{t-1}
 *
 * forwards, backwards or both. x: [T, N, in], with layout=1 [N, T, in]; y: [T, directions, N, hidden], [N, T, ..];
 * the last h and c: [directions, N, hidden]. Weights are constants: W [directions, gates x hidden, in], R alike.
 *
 * Backward computes the states again and goes back through time (Werbos 1990); gradients are those by x, h_0 and c_0.
 */
#include "ops.h"

#include "base/mem.h"
#include "part.h"
#include "recurrent.h"

#include <errno.h>
#include <string.h>

enum { X, W, R, BIAS, LENGTHS, H0, C0, PEEPHOLES };     // inputs

// The one state of a batch and direction, for all times, in scratch.
typedef struct States {
    float *gates;               // [T][gates x hidden], activated
    float *h, *c;               // [T + 1][hidden], the first before all
    float *q;                   // GRU: [T][hidden], what is multiplied by r, or the product
    float *dh, *dc, *dz, *rest;
} States;

static size_t states_size(const GcamRecurrent *p)
{
    return p->steps * (p->gates + 1) * p->hidden + 2 * (p->steps + 1) * p->hidden + (p->gates + 3) * p->hidden;
}

static States cut_states(const GcamRecurrent *p, float *at)
{
    const size_t n = p->hidden;
    States s;
    s.gates = at;
    s.h = s.gates + p->steps * p->gates * n;
    s.c = s.h + (p->steps + 1) * n;
    s.q = s.c + (p->steps + 1) * n;
    s.dh = s.q + p->steps * n;
    s.dc = s.dh + n;
    s.rest = s.dc + n;
    s.dz = s.rest + n;
    return s;
}

// What a pass over one sequence reads: of direction d and batch b.
typedef struct Sequence {
    const GcamRecurrent *p;
    const float *w, *r, *w_turned, *r_turned, *bias;    // of the direction; bias: of W, then of R; or NULL
    size_t d, b;
    int backwards;
    States s;
} Sequence;

// Element 0 of x at time t, of y, and of a state.
static size_t x_at(const Sequence *q, size_t t)
{
    const GcamRecurrent *p = q->p;
    return (p->batch_first ? q->b * p->steps + t : t * p->batch + q->b) * p->in;
}

static size_t y_at(const Sequence *q, size_t t)
{
    const GcamRecurrent *p = q->p;
    return (p->batch_first ? (q->b * p->steps + t) * p->directions + q->d
                           : (t * p->directions + q->d) * p->batch + q->b) * p->hidden;
}

static size_t state_at(const Sequence *q)
{
    const GcamRecurrent *p = q->p;
    return (p->batch_first ? q->b * p->directions + q->d : q->d * p->batch + q->b) * p->hidden;
}

// to[0 .. count] += sum over k of x[k] * rows[k * stride ..].
static void add_rows(const float *rows, size_t stride, const float *x, size_t n, float *restrict to, size_t count)
{
    for (size_t k = 0; k < n; k++, rows += stride)
        for (size_t j = 0; x[k] != 0 && j < count; j++)
            to[j] += x[k] * rows[j];
}

// The gates at step i of the pass, from x at its time and h before it; then c and h.
static void step_forward(const Sequence *q, size_t i, const float *x)
{
    const GcamRecurrent *p = q->p;
    const size_t n = p->hidden, all = p->gates * n, both = p->cell == GCAM_CELL_GRU ? 2 * n : all;
    float *z = q->s.gates + i * all, *product = q->s.q + i * n;
    const float *before = q->s.h + i * n;
    for (size_t j = 0; j < all; j++)
        z[j] = q->bias ? q->bias[j] + (j < both ? q->bias[all + j] : 0) : 0;
    add_rows(q->w_turned, all, x, p->in, z, all);
    add_rows(q->r_turned, all, before, n, z, both);
    if (p->cell != GCAM_CELL_GRU) {
        gcam_cell_forward(p, q->d, z, q->s.c + i * n, q->s.h + i * n, product);
        return;
    }
    const float *bias = q->bias ? q->bias + all + both : NULL;
    gcam_activate(&p->activation[q->d][0], z, both);
    for (size_t j = 0; j < n; j++)
        product[j] = p->linear_before_reset ? (bias ? bias[j] : 0) : z[n + j] * before[j];
    if (p->linear_before_reset)
        add_rows(q->r_turned + both, all, before, n, product, n);
    else
        add_rows(q->r_turned + both, all, product, n, z + both, n);
    for (size_t j = 0; j < n; j++)
        z[both + j] += p->linear_before_reset ? z[n + j] * product[j] : bias ? bias[j] : 0;
    gcam_activate(&p->activation[q->d][1], z + both, n);
    for (size_t j = 0; j < n; j++)
        q->s.h[(i + 1) * n + j] = (1 - z[j]) * z[both + j] + z[j] * before[j];
}

// All states of a sequence.
static void pass_forward(const Sequence *q, const GcamRun *run, const GcamStep *step)
{
    const GcamRecurrent *p = q->p;
    const float *x = run->data[step->input[X]];
    float *first[2] = { q->s.h, q->s.c };
    for (int k = 0; k < 2; k++) {
        const int input = H0 + k < step->inputs && (!k || p->cell == GCAM_CELL_LSTM) ? step->input[H0 + k] : -1;
        memset(first[k], 0, p->hidden * sizeof(float));
        if (input >= 0)
            memcpy(first[k], run->data[input] + state_at(q), p->hidden * sizeof(float));
    }
    for (size_t i = 0; i < p->steps; i++)
        step_forward(q, i, x + x_at(q, q->backwards ? p->steps - 1 - i : i));
}

// s.dz, of the gates before they are activated, from s.dh and s.dc; these become what step i - 1 has of them, but for
// what comes through R. rest: GRU, the part of dz that R sees of the third gate.
static void step_backward(const Sequence *q, size_t i)
{
    const GcamRecurrent *p = q->p;
    const size_t n = p->hidden, all = p->gates * n, both = 2 * n;
    const float *z = q->s.gates + i * all, *before = q->s.h + i * n, *product = q->s.q + i * n;
    float *dz = q->s.dz, *dh = q->s.dh, *rest = q->s.rest;
    if (p->cell != GCAM_CELL_GRU) {
        gcam_cell_backward(p, q->d, z, q->s.c + i * n, q->s.h + i * n, product, dh, q->s.dc, dz);
        memset(dh, 0, n * sizeof(*dh));
        add_rows(q->r, n, dz, all, dh, n);
        return;
    }
    for (size_t j = 0; j < n; j++) {
        dz[both + j] = dh[j] * (1 - z[j]) * gcam_slope(&p->activation[q->d][1], z[both + j]);
        dz[j] = dh[j] * (before[j] - z[both + j]) * gcam_slope(&p->activation[q->d][0], z[j]);
        dh[j] *= z[j];
        rest[j] = 0;
    }
    if (p->linear_before_reset) {
        for (size_t j = 0; j < n; j++) {
            dz[n + j] = dz[both + j] * product[j] * gcam_slope(&p->activation[q->d][0], z[n + j]);
            rest[j] = dz[both + j] * z[n + j];
        }
        add_rows(q->r + both * n, n, rest, n, dh, n);
    } else {
        add_rows(q->r + both * n, n, dz + both, n, rest, n);
        for (size_t j = 0; j < n; j++) {
            dz[n + j] = rest[j] * before[j] * gcam_slope(&p->activation[q->d][0], z[n + j]);
            dh[j] += rest[j] * z[n + j];
        }
    }
    add_rows(q->r, n, dz, both, dh, n);
}

// The gradient of an output at a place, or NULL where nobody asked for it.
static const float *gradient(const GcamRun *run, const GcamStep *step, int output, size_t at)
{
    const int value = output < step->outputs ? step->output[output] : -1;
    return value >= 0 && run->grad[value] ? run->grad[value] + at : NULL;
}

static void add(float *to, const float *from, size_t n)
{
    for (size_t j = 0; from && j < n; j++)
        to[j] += from[j];
}

// Back through a sequence. dx: the gradient by input X, to which it adds, or NULL; s.dh and s.dc end as those by the
// first states.
static void pass_backward(const Sequence *q, const GcamRun *run, const GcamStep *step, float *dx)
{
    const GcamRecurrent *p = q->p;
    const size_t n = p->hidden, all = p->gates * n;
    memset(q->s.dh, 0, n * sizeof(float));
    memset(q->s.dc, 0, n * sizeof(float));
    add(q->s.dh, gradient(run, step, 1, state_at(q)), n);
    if (p->cell == GCAM_CELL_LSTM)
        add(q->s.dc, gradient(run, step, 2, state_at(q)), n);
    for (size_t i = p->steps; i-- > 0;) {
        const size_t t = q->backwards ? p->steps - 1 - i : i;
        add(q->s.dh, gradient(run, step, 0, y_at(q, t)), n);
        step_backward(q, i);
        if (dx)
            add_rows(q->w, p->in, q->s.dz, all, dx + x_at(q, t), p->in);
    }
}

static Sequence make_sequence(const GcamRun *run, const GcamStep *step, size_t d, size_t b)
{
    const GcamRecurrent *p = step->node->params;
    const size_t all = p->gates * p->hidden, w = all * p->in, r = all * p->hidden;
    const float *turned = step->state;
    const int bias = step->inputs > BIAS ? step->input[BIAS] : -1;
    return (Sequence){ .p = p, .w = run->data[step->input[W]] + d * w, .r = run->data[step->input[R]] + d * r,
                       .w_turned = turned + d * (w + r), .r_turned = turned + d * (w + r) + w,
                       .bias = bias < 0 ? NULL : run->data[bias] + d * 2 * all, .d = d, .b = b,
                       .backwards = p->backwards || d, .s = cut_states(p, run->scratch) };
}

static void forward(const GcamRun *run, const GcamStep *step)
{
    const GcamRecurrent *p = step->node->params;
    const size_t n = p->hidden;
    for (size_t k = 0; k < p->directions * p->batch; k++) {
        const Sequence q = make_sequence(run, step, k / p->batch, k % p->batch);
        const float *last[3] = { NULL, q.s.h + p->steps * n, q.s.c + p->steps * n };
        pass_forward(&q, run, step);
        for (size_t i = 0; step->output[0] >= 0 && i < p->steps; i++)
            memcpy(run->data[step->output[0]] + y_at(&q, q.backwards ? p->steps - 1 - i : i), q.s.h + (i + 1) * n,
                   n * sizeof(float));
        for (int i = 1; i < step->outputs; i++)
            if (step->output[i] >= 0)
                memcpy(run->data[step->output[i]] + state_at(&q), last[i], n * sizeof(float));
    }
}

static void backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const GcamRecurrent *p = step->node->params;
    gcam_clear(run, step->input[input], dx);
    for (size_t k = 0; (input == X || input == H0 || input == C0) && k < p->directions * p->batch; k++) {
        const Sequence q = make_sequence(run, step, k / p->batch, k % p->batch);
        pass_forward(&q, run, step);
        pass_backward(&q, run, step, input == X ? dx : NULL);
        if (input != X)
            memcpy(dx + state_at(&q), input == H0 ? q.s.dh : q.s.dc, p->hidden * sizeof(*dx));
    }
}

// state: by direction W and R with rows and columns exchanged, so that a product adds rows
static int prepare(GcamStep *step, const GcamValue *values, int threads)
{
    const GcamRecurrent *p = step->node->params;
    const size_t all = p->gates * p->hidden, size[2] = { p->in, p->hidden };
    float *to = step->state = gcam_alloc(p->directions * all * (p->in + p->hidden), sizeof(float));
    (void)threads;
    step->scratch = states_size(p);
    if (!to)
        return -ENOMEM;
    for (size_t d = 0; d < p->directions; d++)
        for (int k = 0; k < 2; k++) {
            const GcamValue *from = &values[step->input[W + k]];
            for (size_t i = 0; i < size[k]; i++)
                for (size_t j = 0; j < all; j++)
                    *to++ = (float)gcam_constant_double(from, (d * all + j) * size[k] + i);
        }
    return 0;
}

static void release(GcamStep *step)
{
    gcam_free(step->state);
    step->state = NULL;
}

static double flops(const GcamStep *step, const GcamValue *values)
{
    const GcamRecurrent *p = step->node->params;
    (void)values;
    return 2.0 * (double)(p->directions * p->batch * p->steps * p->gates * p->hidden) * (double)(p->in + p->hidden);
}

#define CELL(onnx, number) \
    { .type = onnx, .layout = GCAM_LAYOUT_PLAIN, .flags = GCAM_OP_NEEDS_X | GCAM_OP_READS, \
      .infer = gcam_recurrent_infer, .prepare = prepare, .release = release, .forward = forward, \
      .backward = backward, .flops = flops, .data = &(const enum GcamCell){ number } }

const GcamOp gcam_op_recurrent[] = {
    CELL("RNN", GCAM_CELL_RNN), CELL("LSTM", GCAM_CELL_LSTM), CELL("GRU", GCAM_CELL_GRU),
};
const size_t gcam_op_recurrent_count = sizeof(gcam_op_recurrent) / sizeof(gcam_op_recurrent[0]);
