/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: RNN, LSTM and GRU, a step at a time.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

static double activated(const char *type, double alpha, double beta, double x)
{
    IS("Tanh") return tanh(x);
    IS("Relu") return fmax(x, 0);
    IS("LeakyRelu") return x > 0 ? x : alpha * x;
    IS("HardSigmoid") return fmax(0, fmin(1, alpha * x + beta));
    IS("Softsign") return x / (1 + fabs(x));
    return 1 / (1 + exp(-x));
}

typedef struct Net {
    const Op *op;
    int gates, functions, direction;
    size_t hidden, in;
} Net;

// The k-th activation of the direction, f, g or h. Lists of one alpha and beta are those of all that have some.
static double act(const Net *net, int k, double x)
{
    const GraphAttribute *names = attribute(net->op, "activations"), *a = attribute(net->op, "activation_alpha");
    const GraphAttribute *b = attribute(net->op, "activation_beta");
    const char *usual = net->gates == 1 || k ? "Tanh" : "Sigmoid";
    return activated(names ? names->words[net->direction * net->functions + k] : usual, a ? a->floats[0] : 0.2,
                     b ? b->floats[0] : 0.5, x);
}

// Row `row` of weights [directions, rows, columns] times x.
static double product(const Net *net, const RefTensor *weights, size_t row, const double *x)
{
    const size_t columns = weights->dim[2];
    const double *w = weights->data + ((size_t)net->direction * weights->dim[1] + row) * columns;
    double sum = 0;
    for (size_t k = 0; k < columns; k++)
        sum += w[k] * x[k];
    return sum;
}

// The bias of W (0) or R (1).
static double bias(const Net *net, int which, size_t row)
{
    const size_t rows = (size_t)net->gates * net->hidden;
    const RefTensor *b = net->op->node->inputs > 3 ? net->op->in[3] : NULL;
    return b ? b->data[((size_t)net->direction * 2 + (size_t)which) * rows + row] : 0;
}

static double gate(const Net *net, size_t row, const double *x, const double *h)
{
    return product(net, net->op->in[1], row, x) + bias(net, 0, row) + product(net, net->op->in[2], row, h) +
           bias(net, 1, row);
}

static void step(const Net *net, const double *x, double *h, double *c)
{
    const size_t n = net->hidden;
    const RefTensor *w = net->op->in[1], *r = net->op->in[2];
    double next[64], reset[64];
    for (size_t j = 0; j < n; j++) {
        if (net->gates == 1)
            next[j] = act(net, 0, gate(net, j, x, h));
        if (net->gates != 4)
            continue;
        double i = act(net, 0, gate(net, j, x, h)), o = act(net, 0, gate(net, n + j, x, h));
        double f = act(net, 0, gate(net, 2 * n + j, x, h)), g = act(net, 1, gate(net, 3 * n + j, x, h));
        c[j] = f * c[j] + i * g;
        next[j] = o * act(net, 2, c[j]);
    }
    for (size_t j = 0; net->gates == 3 && j < n; j++)
        reset[j] = act(net, 0, gate(net, n + j, x, h)) * h[j];
    for (size_t j = 0; net->gates == 3 && j < n; j++) {
        double z = act(net, 0, gate(net, j, x, h)), own = product(net, w, 2 * n + j, x) + bias(net, 0, 2 * n + j);
        if (integer(net->op, "linear_before_reset", 0))
            own += act(net, 0, gate(net, n + j, x, h)) * (product(net, r, 2 * n + j, h) + bias(net, 1, 2 * n + j));
        else
            own += product(net, r, 2 * n + j, reset) + bias(net, 1, 2 * n + j);
        next[j] = (1 - z) * act(net, 1, own) + z * h[j];
    }
    memcpy(h, next, n * sizeof(*h));
}

// x of [T, N, in], or with layout=1 [N, T, in]; indices of y [T, D, N, hidden] or [N, T, D, hidden] alike.
void op_recurrent(Op *op)
{
    const RefTensor *x = op->in[0], *first[2] = { NULL, NULL };
    const char *type = op->node->type;
    Net net = { .op = op, .gates = 1, .functions = 1, .hidden = op->in[2]->dim[2], .in = x->dim[2] };
    IS("LSTM") net.gates = 4, net.functions = 3;
    IS("GRU") net.gates = 3, net.functions = 2;
    size_t last = (size_t)integer(op, "layout", 0), steps = x->dim[last], batch = x->dim[1 - last], n = net.hidden;
    size_t directions = op->in[1]->dim[0];
    RefTensor *y = last ? out(op, 0, 4, (const size_t[]){ batch, steps, directions, n })
                        : out(op, 0, 4, (const size_t[]){ steps, directions, batch, n });
    RefTensor *state[2] = { NULL, NULL };
    for (int k = 0; k < 2 && k + 1 < op->node->outputs; k++)
        if (op->node->output[1 + k][0])
            state[k] = last ? out(op, 1 + k, 3, (const size_t[]){ batch, directions, n })
                            : out(op, 1 + k, 3, (const size_t[]){ directions, batch, n });
    for (int k = 0; k < 2 && k + 5 < op->node->inputs; k++)
        first[k] = op->in[5 + k];
    for (size_t d = 0; d < directions; d++)
        for (size_t b = 0; b < batch; b++) {
            size_t place = (last ? b * directions + d : d * batch + b) * n;
            double now[2][64] = { { 0 } };
            net.direction = (int)d;
            for (int k = 0; k < 2; k++)
                if (first[k])
                    memcpy(now[k], first[k]->data + place, n * sizeof(double));
            for (size_t i = 0; i < steps; i++) {
                size_t t = d || is_word(op, "direction", "reverse") ? steps - 1 - i : i;
                step(&net, x->data + (last ? b * steps + t : t * batch + b) * net.in, now[0], now[1]);
                memcpy(y->data + (last ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * n,
                       now[0], n * sizeof(double));
            }
            for (int k = 0; k < 2; k++)
                if (state[k])
                    memcpy(state[k]->data + place, now[k], n * sizeof(double));
        }
}
