/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: quantised operators, as numbers less their zero point, times their scale, in the float operator.
 *
 * What rounding adds to an element is kept while differences are taken, so that these see through it: y = x / scale +
 * zero + what rounding added.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

static double limit(int type, int high)
{
    switch (type) {
    case 3: return high ? 127 : -128;
    case 4: return high ? 65535 : 0;
    case 5: return high ? 32767 : -32768;
    }
    return high ? 255 : 0;
}

// Element of a scale or zero point that goes with element i of x.
static double along(const RefTensor *scale, const RefTensor *x, size_t i, int axis, int block)
{
    size_t at[GRAPH_RANK];
    if (scale->count == 1)
        return scale->data[0];
    indices_of(i, x->rank, x->dim, at);
    if (!block)
        return scale->data[at[axis]];
    at[axis] /= (size_t)block;
    return scale->data[place_of(x->rank, scale->dim, at)];
}

static void quantize(const Reference *reference, const RefTensor *x, const RefTensor *scale, const RefTensor *zero,
                     int type, int axis, int block, RefTensor *y)
{
    if (!reference->fixed || !y->rounding)
        y->rounding = realloc(y->rounding, (y->count + 1) * sizeof(double));
    for (size_t i = 0; i < y->count; i++) {
        double exact = x->data[i] / along(scale, x, i, axis, block);
        if (!reference->fixed)
            y->rounding[i] = rint(exact) - exact;
        exact += y->rounding[i] + (zero ? along(zero, x, i, axis, block) : 0);
        y->data[i] = fmax(limit(type, 0), fmin(limit(type, 1), exact));
    }
}

static void dequantize(const RefTensor *x, const RefTensor *scale, const RefTensor *zero, int axis, int block,
                       RefTensor *y)
{
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = (x->data[i] - (zero ? along(zero, x, i, axis, block) : 0)) *
                     (scale ? along(scale, x, i, axis, block) : 1);
}

static const RefTensor *given(const Op *op, int input)
{
    return input < op->node->inputs ? op->in[input] : NULL;
}

void op_quantize(Op *op)
{
    const RefTensor *x = op->in[0], *zero = given(op, 2);
    quantize(op->reference, x, op->in[1], zero, zero ? zero->type : integer(op, "output_dtype", 2),
             axis_of(integer(op, "axis", 1), x->rank), integer(op, "block_size", 0), out(op, 0, x->rank, x->dim));
}

void op_dequantize(Op *op)
{
    const RefTensor *x = op->in[0];
    dequantize(x, op->in[1], given(op, 2), axis_of(integer(op, "axis", 1), x->rank), integer(op, "block_size", 0),
               out(op, 0, x->rank, x->dim));
}

// Of x: y, scale, zero, which are what they were while differences are taken.
static void dynamic(const Reference *reference, const RefTensor *x, RefTensor *y, RefTensor *scale, RefTensor *zero)
{
    double low = 0, high = 0;
    for (size_t i = 0; i < x->count; i++) {
        low = fmin(low, x->data[i]);
        high = fmax(high, x->data[i]);
    }
    if (!reference->fixed) {
        scale->data[0] = (high - low) / 255;
        zero->data[0] = rint(-low / scale->data[0]);
    }
    if (!reference->fixed || !y->rounding)
        y->rounding = realloc(y->rounding, (y->count + 1) * sizeof(double));
    for (size_t i = 0; i < y->count; i++) {
        double exact = x->data[i] / scale->data[0] + zero->data[0];
        if (!reference->fixed)
            y->rounding[i] = fmax(0, fmin(255, rint(x->data[i] / scale->data[0]) + zero->data[0])) - exact;
        y->data[i] = exact + y->rounding[i];
    }
}

void op_dynamic_quantize(Op *op)
{
    RefTensor *y = out(op, 0, op->in[0]->rank, op->in[0]->dim);
    dynamic(op->reference, op->in[0], y, out(op, 1, 0, NULL), out(op, 2, 0, NULL));
}

// --------------------------------------------------------------------------------------------- by float operators

// A tensor beside the graph's.
static RefTensor *aside(Op *op, const char *name, int rank, const size_t *dim)
{
    char whole[GRAPH_NAME];
    snprintf(whole, sizeof(whole), "%.20s~%s", op->node->output[0], name);
    RefTensor *tensor = add_tensor(op->reference, whole);
    reshape(tensor, rank, dim);
    return tensor;
}

// The tensor whose numbers, scale and zero point are these, dequantised.
static const RefTensor *taken(Op *op, const RefTensor *x, const RefTensor *scale, const RefTensor *zero, int axis,
                              const char *name)
{
    RefTensor *y = aside(op, name, x->rank, x->dim);
    dequantize(x, scale, zero, axis_of(axis, x->rank), 0, y);
    return y;
}

// Runs the float operator; its result is a tensor beside the graph's.
static const RefTensor *run_float(Op *op, const char *type, int inputs, const RefTensor *const *in)
{
    static const struct {
        const char *type;
        void (*run)(Op *op);
    } table[] = { { "Conv", op_conv }, { "MatMul", op_matmul }, { "Gemm", op_gemm }, { "Add", op_binary },
                  { "Mul", op_binary }, { "Sigmoid", op_unary }, { "LeakyRelu", op_unary }, { "AveragePool", op_pool },
                  { "GlobalAveragePool", op_pool }, { "ReduceMean", op_reduce }, { "Softmax", op_softmax },
                  { "Concat", op_concat }, { "Where", op_where } };
    GraphNode node = *op->node;
    Op inner = { .reference = op->reference, .node = &node };
    memcpy(inner.in, in, (size_t)inputs * sizeof(*in));
    node.inputs = inputs;
    node.outputs = 1;
    snprintf(node.type, sizeof(node.type), "%s", type);
    snprintf(node.output[0], sizeof(node.output[0]), "%.20s~y", op->node->output[0]);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (!strcmp(table[i].type, type))
            table[i].run(&inner);
    return reference_find(op->reference, node.output[0]);
}

// The output from its float values; scale and zero point are inputs `at` and the next.
static void give(Op *op, const RefTensor *y, int at)
{
    const RefTensor *zero = given(op, at + 1);
    quantize(op->reference, y, op->in[at], zero, zero ? zero->type : 2, 0, 0, out(op, 0, y->rank, y->dim));
}

// QLinearConv and QGemm: the bias is of int32, with the product of both scales.
static const RefTensor *taken_bias(Op *op, int at, double factor)
{
    const RefTensor *bias = given(op, at), *w = op->in[4];
    if (!bias)
        return NULL;
    RefTensor *y = aside(op, "b", bias->rank, bias->dim);
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = bias->data[i] * op->in[1]->data[0] * w->data[w->count > 1 ? i : 0] * factor;
    return y;
}

void op_qlinear(Op *op)
{
    const RefTensor *in[GRAPH_ARGS] = { NULL };
    const char *type = op->node->type + (op->node->type[1] == 'L' ? 7 : 1);     // QLinearConv: Conv
    IS("Concat") {
        int count = (op->node->inputs - 2) / 3;
        for (int i = 0; i < count; i++) {
            char name[] = { 'x', (char)('0' + i), 0 };
            in[i] = taken(op, op->in[2 + 3 * i], op->in[3 + 3 * i], op->in[4 + 3 * i], 0, name);
        }
        give(op, run_float(op, type, count, in), 0);
        return;
    }
    IS("Where") {
        in[0] = op->in[0];
        in[1] = taken(op, op->in[1], op->in[2], op->in[3], 0, "x");
        in[2] = taken(op, op->in[4], op->in[5], op->in[6], 0, "w");
        give(op, run_float(op, type, 3, in), 7);
        return;
    }
    int two = !strcmp(type, "Conv") || !strcmp(type, "MatMul") || !strcmp(type, "Gemm") || !strcmp(type, "Add") ||
              !strcmp(type, "Mul");
    int axis = !strcmp(type, "Conv") || integer(op, "transB", 0) ? 0 : -1, bias = 0;
    in[0] = taken(op, op->in[0], op->in[1], op->in[2], !strcmp(type, "MatMul") ? -2 : 0, "x");
    if (two)
        in[1] = taken(op, op->in[3], op->in[4], op->in[5], axis, "w");
    if (!strcmp(type, "Conv") || !strcmp(type, "Gemm")) {
        bias = !strcmp(type, "Conv") ? 8 : 6;
        in[2] = taken_bias(op, bias, number(op, "alpha", 1));
    }
    const RefTensor *y = run_float(op, type, in[2] ? 3 : two ? 2 : 1, in);
    give(op, y, bias == 6 ? 7 : two ? 6 : 3);
}

// Products of integers: x and w less their zero points; times a scale, plus a bias, where the operator says so.
void op_integer(Op *op)
{
    const char *type = op->node->type;
    const RefTensor *x = op->in[0], *x_zero = given(op, 2), *w_zero = given(op, 3), *scale[2] = { NULL, NULL };
    const RefTensor *bias = NULL;
    int is_conv = !strcmp(type, "ConvInteger");
    IS("MatMulIntegerToFloat") {
        scale[0] = op->in[2];
        scale[1] = op->in[3];
        x_zero = given(op, 4);
        w_zero = given(op, 5);
        bias = given(op, 6);
    }
    IS("DynamicQuantizeMatMul") {
        RefTensor *y = aside(op, "q", x->rank, x->dim), *s = aside(op, "s", 0, NULL), *z = aside(op, "z", 0, NULL);
        dynamic(op->reference, x, y, s, z);
        x = y;
        x_zero = z;
        scale[0] = s;
        scale[1] = op->in[2];
        bias = given(op, 4);
    }
    const RefTensor *in[2] = { taken(op, x, NULL, x_zero, -2, "x"),
                               taken(op, op->in[1], NULL, w_zero, is_conv ? 0 : -1, "w") };
    const RefTensor *product = run_float(op, is_conv ? "Conv" : "MatMul", 2, in);
    RefTensor *y = out(op, 0, product->rank, product->dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t column = i % y->dim[y->rank - 1];
        y->data[i] = product->data[i];
        for (int k = 0; k < 2 && scale[k]; k++)
            y->data[i] *= scale[k]->data[scale[k]->count > 1 ? column : 0];
        y->data[i] += bias ? bias->data[column] : 0;
    }
}
