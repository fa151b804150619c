/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: functions of one number, of two and more, with broadcasting.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

static double unary(const Op *op, double x)
{
    const char *type = op->node->type;
    double a = number(op, "alpha", 0), b = number(op, "beta", 0);
    int has = attribute(op, "alpha") != NULL;
    IS("Relu") return x > 0 ? x : 0;
    IS("LeakyRelu") return x > 0 ? x : (has ? a : 0.01) * x;
    IS("ThresholdedRelu") return x > (has ? a : 1) ? x : 0;
    IS("Sigmoid") return 1 / (1 + exp(-x));
    IS("HardSigmoid") return fmax(0, fmin(1, (has ? a : 0.2) * x + (attribute(op, "beta") ? b : 0.5)));
    IS("HardSwish") return x * fmax(0, fmin(1, x / 6 + 0.5));
    IS("Tanh") return tanh(x);
    IS("Elu") return x > 0 ? x : (has ? a : 1) * (exp(x) - 1);
    IS("Selu") return number(op, "gamma", 1.05070102214813232421875) *
                      (x > 0 ? x : (has ? a : 1.67326319217681884765625) * (exp(x) - 1));
    IS("Celu") return fmax(0, x) + fmin(0, (has ? a : 1) * (exp(x / (has ? a : 1)) - 1));
    IS("Softplus") return log(1 + exp(x));
    IS("Softsign") return x / (1 + fabs(x));
    IS("Mish") return x * tanh(log(1 + exp(x)));
    IS("Erf") return erf(x);
    IS("Gelu") return is_word(op, "approximate", "tanh")
                      ? 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
                      : 0.5 * x * (1 + erf(x / sqrt(2)));
    IS("Sqrt") return sqrt(x);
    IS("Exp") return exp(x);
    IS("Log") return log(x);
    IS("Neg") return -x;
    IS("Abs") return fabs(x);
    IS("Reciprocal") return 1 / x;
    IS("Floor") return floor(x);
    IS("Ceil") return ceil(x);
    IS("Sin") return sin(x);
    IS("Cos") return cos(x);
    IS("Tan") return tan(x);
    IS("Asin") return asin(x);
    IS("Acos") return acos(x);
    IS("Atan") return atan(x);
    IS("Sinh") return sinh(x);
    IS("Cosh") return cosh(x);
    IS("Asinh") return asinh(x);
    IS("Acosh") return acosh(x);
    IS("Atanh") return atanh(x);
    IS("Sign") return (x > 0) - (x < 0);
    IS("Round") return rint(x);
    IS("Swish") return x / (1 + exp(-(has ? a : 1) * x));
    IS("Shrink") {
        double edge = number(op, "lambd", 0.5), bias = number(op, "bias", 0);
        return x < -edge ? x + bias : x > edge ? x - bias : 0;
    }
    IS("Not") return x == 0;
    IS("IsNaN") return isnan(x);
    IS("IsInf") return isinf(x) && integer(op, x > 0 ? "detect_positive" : "detect_negative", 1);
    IS("Cast") return integer(op, "to", 1) == 7 ? trunc(x) : integer(op, "to", 1) == 9 ? x != 0 : x;
    IS("Identity") return x;
    IS("Dropout") return x;
    IS("Clip") {
        double low = op->node->inputs > 1 && op->in[1] ? op->in[1]->data[0] : number(op, "min", -3.4e38);
        double high = op->node->inputs > 2 && op->in[2] ? op->in[2]->data[0] : number(op, "max", 3.4e38);
        return fmin(fmax(x, low), high);
    }
    return NAN;
}

static double binary(const Op *op, double a, double b)
{
    const char *type = op->node->type;
    IS("Add") return a + b;
    IS("Sub") return a - b;
    IS("Mul") return a * b;
    IS("Div") return a / b;
    IS("Pow") return pow(a, b);
    IS("PRelu") return a > 0 ? a : a * b;
    IS("Mod") return integer(op, "fmod", 0) ? fmod(a, b) : a - b * floor(a / b);
    IS("Equal") return a == b;
    IS("Greater") return a > b;
    IS("Less") return a < b;
    IS("GreaterOrEqual") return a >= b;
    IS("LessOrEqual") return a <= b;
    IS("And") return a != 0 && b != 0;
    IS("Or") return a != 0 || b != 0;
    IS("Xor") return (a != 0) != (b != 0);
    return NAN;
}

void op_unary(Op *op)
{
    RefTensor *y = out(op, 0, op->in[0]->rank, op->in[0]->dim);
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = unary(op, op->in[0]->data[i]);
}

void op_binary(Op *op)
{
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    RefTensor b = *op->in[1];
    // A second operand that is placed at `axis`, as before opset 7; a slope of PRelu, which goes with the
    // channels.
    int channels = !strcmp(op->node->type, "PRelu") && b.rank == 1 && b.count > 1;
    if (attribute(op, "axis") || channels)
        for (int last = op->in[0]->rank - (channels ? 1 : integer(op, "axis", 0)); b.rank < last; b.rank++)
            b.dim[b.rank] = 1;
    op->in[1] = &b;
    int rank = broadcast_dims(op, 2, dim);
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        y->data[i] = binary(op, broadcast(op->in[0], rank, at), broadcast(op->in[1], rank, at));
    }
}

// Sum, Mean, Max and Min of any number of inputs.
void op_several(Op *op)
{
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    const char *type = op->node->type;
    int n = op->node->inputs, rank = broadcast_dims(op, n, dim);
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        double result = broadcast(op->in[0], rank, at);
        for (int k = 1; k < n; k++) {
            double x = broadcast(op->in[k], rank, at);
            result = !strcmp(type, "Max") ? fmax(result, x) : !strcmp(type, "Min") ? fmin(result, x) : result + x;
        }
        y->data[i] = strcmp(type, "Mean") ? result : result / n;
    }
}

void op_where(Op *op)
{
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    int rank = broadcast_dims(op, 3, dim);
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        y->data[i] = broadcast(op->in[broadcast(op->in[0], rank, at) != 0 ? 1 : 2], rank, at);
    }
}

void op_expand(Op *op)
{
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    int n = (int)op->in[1]->count, rank = n > op->in[0]->rank ? n : op->in[0]->rank;
    for (int i = 0; i < rank; i++) {
        int own = i - (rank - op->in[0]->rank), asked = i - (rank - n);
        size_t a = own >= 0 ? op->in[0]->dim[own] : 1, b = asked >= 0 ? (size_t)op->in[1]->data[asked] : 1;
        dim[i] = a > b ? a : b;
    }
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        y->data[i] = broadcast(op->in[0], rank, at);
    }
}
