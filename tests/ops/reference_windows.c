/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: convolutions, transposed ones and pools, of any number of dimensions.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

enum { DIMS = 3 };

typedef struct Window {
    int dims;
    int kernel[DIMS], stride[DIMS], dilation[DIMS], before[DIMS], after[DIMS];
    size_t size[DIMS];          // of the output
} Window;

// One number for each dimension from an attribute, or the fallback.
static void read(const Op *op, const char *name, int fallback, int dims, int *to)
{
    double values[GRAPH_RANK];
    const int there = list(op, name, -1, values) > 0;
    for (int i = 0; i < dims; i++)
        to[i] = there ? (int)values[i] : fallback;
}

static Window read_window(const Op *op, const RefTensor *x, const size_t *kernel)
{
    Window w = { .dims = x->rank - 2 };
    int pads[2 * DIMS];
    read(op, "kernel_shape", 0, w.dims, w.kernel);
    read(op, "strides", 1, w.dims, w.stride);
    read(op, "dilations", 1, w.dims, w.dilation);
    read(op, "pads", 0, 2 * w.dims, pads);
    for (int i = 0; i < w.dims; i++) {
        w.kernel[i] = w.kernel[i] ? w.kernel[i] : (int)kernel[i];
        w.before[i] = pads[i];
        w.after[i] = pads[w.dims + i];
    }
    return w;
}

static Window window_of(const Op *op, const RefTensor *x, const size_t *kernel)
{
    Window w = read_window(op, x, kernel);
    for (int i = 0; i < w.dims; i++) {
        int in = (int)x->dim[2 + i], reach = (w.kernel[i] - 1) * w.dilation[i] + 1;
        int upper = is_word(op, "auto_pad", "SAME_UPPER");
        if (upper || is_word(op, "auto_pad", "SAME_LOWER")) {
            w.size[i] = (size_t)((in + w.stride[i] - 1) / w.stride[i]);
            int total = ((int)w.size[i] - 1) * w.stride[i] + reach - in;
            total = total < 0 ? 0 : total;
            w.before[i] = upper ? total / 2 : (total + 1) / 2;
            w.after[i] = total - w.before[i];
            continue;
        }
        double steps = (double)(in + w.before[i] + w.after[i] - reach) / w.stride[i];
        w.size[i] = (size_t)((integer(op, "ceil_mode", 0) ? ceil(steps) : floor(steps)) + 1);
        if (((int)w.size[i] - 1) * w.stride[i] >= in + w.before[i])     // starts in the padding
            w.size[i]--;
    }
    return w;
}

static size_t taps_of(const Window *w, size_t *kernel)
{
    size_t taps = 1;
    for (int i = 0; i < w->dims; i++)
        taps *= kernel[i] = (size_t)w->kernel[i];
    return taps;
}

// Where a tap of the window at `at` lies: 1 inside of x, 0 in its padding, -1 beyond that. from[2..] are its indices.
static int place_tap(const Window *w, const RefTensor *x, const size_t *at, const size_t *tap, size_t *from)
{
    int where = 1;
    for (int i = 0; i < w->dims; i++) {
        const int place = (int)at[2 + i] * w->stride[i] - w->before[i] + (int)tap[i] * w->dilation[i];
        const int in = (int)x->dim[2 + i];
        from[2 + i] = (size_t)place;
        if (place >= in + w->after[i])
            where = -1;
        else if (where == 1 && (place < 0 || place >= in))
            where = 0;
    }
    return where;
}

void op_conv(Op *op)
{
    const RefTensor *x = op->in[0], *weights = op->in[1], *bias = op->node->inputs > 2 ? op->in[2] : NULL;
    const Window w = window_of(op, x, weights->dim + 2);
    const size_t groups = (size_t)integer(op, "group", 1), in_c = weights->dim[1], out_c = weights->dim[0];
    size_t dim[GRAPH_RANK] = { x->dim[0], out_c }, kernel[DIMS], tap[DIMS], at[GRAPH_RANK], from[GRAPH_RANK];
    const size_t taps = taps_of(&w, kernel);
    memcpy(dim + 2, w.size, sizeof(w.size));
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, dim, at);
        double sum = bias ? bias->data[at[1]] : 0;
        for (size_t c = 0; c < in_c; c++)
            for (size_t t = 0; t < taps; t++) {
                indices_of(t, w.dims, kernel, tap);
                from[0] = at[0];
                from[1] = at[1] / (out_c / groups) * in_c + c;
                if (place_tap(&w, x, at, tap, from) == 1)
                    sum += x->data[place_of(x->rank, x->dim, from)] * weights->data[(at[1] * in_c + c) * taps + t];
            }
        y->data[i] = sum;
    }
}

// Each element of x adds its weights to the places that they reach; the padding is cut off.
void op_conv_transpose(Op *op)
{
    const RefTensor *x = op->in[0], *weights = op->in[1], *bias = op->node->inputs > 2 ? op->in[2] : NULL;
    Window w = read_window(op, x, weights->dim + 2);
    const size_t groups = (size_t)integer(op, "group", 1), in_c = weights->dim[0], out_c = weights->dim[1];
    size_t dim[GRAPH_RANK] = { x->dim[0], out_c * groups }, kernel[DIMS], tap[DIMS], at[GRAPH_RANK], to[GRAPH_RANK];
    const size_t taps = taps_of(&w, kernel);
    const int upper = is_word(op, "auto_pad", "SAME_UPPER"), same = upper || is_word(op, "auto_pad", "SAME_LOWER");
    int more[DIMS], size[DIMS];
    read(op, "output_padding", 0, w.dims, more);
    read(op, "output_shape", 0, w.dims, size);
    for (int i = 0; i < w.dims; i++) {
        const int in = (int)x->dim[2 + i];
        const int whole = w.stride[i] * (in - 1) + more[i] + (w.kernel[i] - 1) * w.dilation[i] + 1;
        size[i] = size[i] ? size[i] : same ? in * w.stride[i] : 0;
        if (size[i]) {
            const int total = whole > size[i] ? whole - size[i] : 0;
            w.before[i] = upper ? total / 2 : total - total / 2;
        } else {
            size[i] = whole - w.before[i] - w.after[i];
        }
        dim[2 + i] = (size_t)size[i];
    }
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, y->rank, dim, at);
        y->data[i] = bias ? bias->data[at[1]] : 0;
    }
    for (size_t i = 0; i < x->count; i++)
        for (size_t c = 0; c < out_c; c++)
            for (size_t t = 0; t < taps; t++) {
                int inside = 1;
                indices_of(i, x->rank, x->dim, at);
                indices_of(t, w.dims, kernel, tap);
                to[0] = at[0];
                to[1] = at[1] / (in_c / groups) * out_c + c;
                for (int k = 0; k < w.dims; k++) {
                    const int place = (int)at[2 + k] * w.stride[k] - w.before[k] + (int)tap[k] * w.dilation[k];
                    to[2 + k] = (size_t)place;
                    inside &= place >= 0 && place < size[k];
                }
                if (inside)
                    y->data[place_of(y->rank, dim, to)] += x->data[i] * weights->data[(at[1] * out_c + c) * taps + t];
            }
}

void op_pool(Op *op)
{
    const RefTensor *x = op->in[0];
    const char *type = op->node->type;
    const int global = !strncmp(type, "Global", 6), include = integer(op, "count_include_pad", 0);
    const double p = integer(op, "p", 2);
    Window w = window_of(op, x, x->dim + 2);
    size_t dim[GRAPH_RANK] = { x->dim[0], x->dim[1] }, kernel[DIMS], tap[DIMS], at[GRAPH_RANK], from[GRAPH_RANK];
    const size_t taps = taps_of(&w, kernel);
    for (int i = 0; i < w.dims; i++)
        dim[2 + i] = global ? 1 : w.size[i];
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        double best = -INFINITY, sum = 0, powers = 0;
        int cells = 0;
        indices_of(i, x->rank, dim, at);
        memcpy(from, at, sizeof(from));
        for (size_t t = 0; t < taps; t++) {
            indices_of(t, w.dims, kernel, tap);
            const int where = place_tap(&w, x, at, tap, from);
            const double value = where == 1 ? x->data[place_of(x->rank, x->dim, from)] : 0;
            cells += where == 1 || (include && where == 0);
            sum += value;
            powers += pow(fabs(value), p);
            best = where == 1 && value > best ? value : best;
        }
        y->data[i] = strstr(type, "MaxPool") ? best : strstr(type, "LpPool") ? pow(powers, 1 / p) : sum / cells;
    }
}

// Each value of a column goes where its tap of the column's window lies.
void op_col2im(Op *op)
{
    const RefTensor *x = op->in[0];
    const int dims = (int)op->in[1]->count;
    int stride[DIMS], dilation[DIMS], pads[2 * DIMS];
    size_t dim[GRAPH_RANK] = { x->dim[0] }, kernel[DIMS], windows[DIMS], taps = 1, tap[DIMS], at[DIMS], to[GRAPH_RANK];
    read(op, "strides", 1, dims, stride);
    read(op, "dilations", 1, dims, dilation);
    read(op, "pads", 0, 2 * dims, pads);
    for (int i = 0; i < dims; i++) {
        dim[2 + i] = (size_t)op->in[1]->data[i];
        taps *= kernel[i] = (size_t)op->in[2]->data[i];
        const int room = (int)dim[2 + i] + pads[i] + pads[dims + i] - dilation[i] * ((int)kernel[i] - 1) - 1;
        windows[i] = (size_t)(room / stride[i] + 1);
    }
    dim[1] = x->dim[1] / taps;
    RefTensor *y = out(op, 0, 2 + dims, dim);
    memset(y->data, 0, y->count * sizeof(*y->data));
    for (size_t i = 0; i < x->count; i++) {
        const size_t column = i % x->dim[2], row = i / x->dim[2] % x->dim[1];
        int inside = 1;
        indices_of(column, dims, windows, at);
        indices_of(row % taps, dims, kernel, tap);
        to[0] = i / x->dim[2] / x->dim[1];
        to[1] = row / taps;
        for (int k = 0; k < dims; k++) {
            const int place = (int)at[k] * stride[k] - pads[k] + (int)tap[k] * dilation[k];
            to[2 + k] = (size_t)place;
            inside &= place >= 0 && place < (int)dim[2 + k];
        }
        if (inside)
            y->data[place_of(y->rank, dim, to)] += x->data[i];
    }
}
