/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A naive interpreter of ONNX graphs. An operator is a function from input tensors to output tensors;
 * elements are addressed by their indices, one for each dimension.
 */
#include "ops/reference.h"

#include "base/half.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP 1e-5

// One node at work. in[i] is NULL where the input is left out; out(op, ...) makes an output.
typedef struct Op {
    Reference *reference;
    const GraphNode *node;
    const RefTensor *in[GRAPH_ARGS];
} Op;

static RefTensor *add_tensor(Reference *reference, const char *name)
{
    RefTensor *tensor = reference_find(reference, name);
    if (!tensor) {
        tensor = &reference->tensor[reference->tensors++];
        snprintf(tensor->name, GRAPH_NAME, "%s", name);
    }
    return tensor;
}

static void reshape(RefTensor *tensor, int rank, const size_t *dim)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= dim[i];
    if (count != tensor->count || !tensor->data)
        tensor->data = realloc(tensor->data, (count + 1) * sizeof(double));
    tensor->rank = rank;
    tensor->count = count;
    memmove(tensor->dim, dim, (size_t)rank * sizeof(*dim));
}

static RefTensor *out(const Op *op, int index, int rank, const size_t *dim)
{
    RefTensor *tensor = add_tensor(op->reference, op->node->output[index]);
    reshape(tensor, rank, dim);
    return tensor;
}

static void indices_of(size_t place, int rank, const size_t *dim, size_t *at)
{
    for (int i = rank - 1; i >= 0; i--) {
        at[i] = place % dim[i];
        place /= dim[i];
    }
}

static size_t place_of(int rank, const size_t *dim, const size_t *at)
{
    size_t place = 0;
    for (int i = 0; i < rank; i++)
        place = place * dim[i] + at[i];
    return place;
}

// ------------------------------------------------------------------------------------------- attributes

static const GraphAttribute *attribute(const Op *op, const char *name)
{
    for (int i = 0; i < op->node->attributes; i++)
        if (!strcmp(op->node->attribute[i].name, name))
            return &op->node->attribute[i];
    return NULL;
}

static double number(const Op *op, const char *name, double fallback)
{
    const GraphAttribute *a = attribute(op, name);
    return !a ? fallback : a->kind == GRAPH_INT ? (double)a->i : a->f;
}

static int integer(const Op *op, const char *name, int fallback)
{
    const GraphAttribute *a = attribute(op, name);
    return a ? (int)a->i : fallback;
}

static int is_word(const Op *op, const char *name, const char *word)
{
    const GraphAttribute *a = attribute(op, name);
    return a && !strcmp(a->s, word);
}

// A list from an attribute or an input; -1 where there is neither.
static int list(const Op *op, const char *name, int input, double *to)
{
    const GraphAttribute *a = name ? attribute(op, name) : NULL;
    const RefTensor *t = input >= 0 && input < op->node->inputs ? op->in[input] : NULL;
    int n = t ? (int)t->count : a ? a->count : -1;
    for (int i = 0; i < n; i++)
        to[i] = t ? t->data[i] : (double)a->ints[i];
    return n;
}

static int axis_of(double axis, int rank)
{
    return (int)(axis < 0 ? axis + rank : axis);
}

// ----------------------------------------------------------------------------------- one and two inputs

static double unary(const Op *op, double x)
{
    const char *type = op->node->type;
    double a = number(op, "alpha", 0), b = number(op, "beta", 0);
    int has = attribute(op, "alpha") != NULL;
#define IS(name) if (!strcmp(type, name))
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
    IS("Cast") return integer(op, "to", 1) == 7 ? trunc(x) : x;
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
    IS("Mod") return a - b * floor(a / b);
    IS("Equal") return a == b;
    IS("Greater") return a > b;
    IS("Less") return a < b;
    return NAN;
}

// The element of a tensor that broadcasting to a shape of `rank` dimensions reads at indices `at`.
static double broadcast(const RefTensor *tensor, int rank, const size_t *at)
{
    size_t own[GRAPH_RANK];
    for (int i = 0; i < tensor->rank; i++)
        own[i] = tensor->dim[i] == 1 ? 0 : at[rank - tensor->rank + i];
    return tensor->data[place_of(tensor->rank, tensor->dim, own)];
}

static int broadcast_dims(const Op *op, int inputs, size_t *dim)
{
    int rank = 0;
    for (int k = 0; k < inputs; k++)
        rank = op->in[k]->rank > rank ? op->in[k]->rank : rank;
    for (int i = 0; i < rank; i++)
        dim[i] = 1;
    for (int k = 0; k < inputs; k++)
        for (int i = 0, own = op->in[k]->rank; i < own; i++)
            if (op->in[k]->dim[i] != 1)
                dim[rank - own + i] = op->in[k]->dim[i];
    return rank;
}

static void op_unary(Op *op)
{
    RefTensor *y = out(op, 0, op->in[0]->rank, op->in[0]->dim);
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = unary(op, op->in[0]->data[i]);
}

static void op_binary(Op *op)
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
static void op_several(Op *op)
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

static void op_where(Op *op)
{
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    int rank = broadcast_dims(op, 3, dim);
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        y->data[i] = broadcast(op->in[broadcast(op->in[0], rank, at) != 0 ? 1 : 2], rank, at);
    }
}

static void op_expand(Op *op)
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

// --------------------------------------------------------------------------------- products of matrices

static void op_gemm(Op *op)
{
    const RefTensor *a = op->in[0], *b = op->in[1], *c = op->node->inputs > 2 ? op->in[2] : NULL;
    int ta = integer(op, "transA", 0), tb = integer(op, "transB", 0);
    size_t rows = a->dim[0], columns = a->count / rows, m = ta ? columns : rows, k = ta ? rows : columns;
    size_t n = b->dim[!tb], dim[2] = { m, n };
    RefTensor *y = out(op, 0, 2, dim);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            size_t at[2] = { i, j };
            for (size_t l = 0; l < k; l++)
                sum += a->data[ta ? l * m + i : i * k + l] * b->data[tb ? j * k + l : l * n + j];
            y->data[i * n + j] =
                number(op, "alpha", 1) * sum + (c ? number(op, "beta", 1) * broadcast(c, 2, at) : 0);
        }
}

static void op_matmul(Op *op)
{
    const RefTensor *a = op->in[0], *b = op->in[1];
    RefTensor lead_a = *a, lead_b = *b;
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], m = a->dim[a->rank - 2], k = a->dim[a->rank - 1],
                                            n = b->dim[b->rank - 1];
    lead_a.rank -= 2;
    lead_b.rank -= 2;
    op->in[0] = &lead_a;
    op->in[1] = &lead_b;
    int lead = broadcast_dims(op, 2, dim);
    size_t batches = 1;
    for (int i = 0; i < lead; i++)
        batches *= dim[i];
    dim[lead] = m;
    dim[lead + 1] = n;
    RefTensor *y = out(op, 0, lead + 2, dim);
    for (size_t i = 0; i < batches; i++) {
        size_t from[2];
        indices_of(i, lead, dim, at);
        for (int side = 0; side < 2; side++) {
            const RefTensor *t = op->in[side];
            size_t own[GRAPH_RANK];
            for (int d = 0; d < t->rank; d++)
                own[d] = t->dim[d] == 1 ? 0 : at[lead - t->rank + d];
            from[side] = place_of(t->rank, t->dim, own);
        }
        for (size_t r = 0; r < m; r++)
            for (size_t c = 0; c < n; c++) {
                double sum = 0;
                for (size_t l = 0; l < k; l++)
                    sum += a->data[(from[0] * m + r) * k + l] * b->data[(from[1] * k + l) * n + c];
                y->data[(i * m + r) * n + c] = sum;
            }
    }
}

// ---------------------------------------------------------------------------------------------- windows

typedef struct Window {
    int kernel[2], stride[2], dilation[2], before[2], after[2],
        size[2]; // of height, width; size: of the output
} Window;

static Window window_of(const Op *op, const RefTensor *x, const size_t *kernel)
{
    Window w;
    double values[GRAPH_RANK];
    int k = list(op, "kernel_shape", -1, values) > 0;
    for (int i = 0; i < 2; i++)
        w.kernel[i] = k ? (int)values[i] : (int)kernel[i];
    int s = list(op, "strides", -1, values) > 0;
    for (int i = 0; i < 2; i++)
        w.stride[i] = s ? (int)values[i] : 1;
    int d = list(op, "dilations", -1, values) > 0;
    for (int i = 0; i < 2; i++)
        w.dilation[i] = d ? (int)values[i] : 1;
    int p = list(op, "pads", -1, values) > 0;
    for (int i = 0; i < 2; i++) {
        int in = (int)x->dim[2 + i], reach = (w.kernel[i] - 1) * w.dilation[i] + 1;
        w.before[i] = p ? (int)values[i] : 0;
        w.after[i] = p ? (int)values[2 + i] : 0;
        int upper = is_word(op, "auto_pad", "SAME_UPPER");
        if (upper || is_word(op, "auto_pad", "SAME_LOWER")) {
            w.size[i] = (in + w.stride[i] - 1) / w.stride[i];
            int total = (w.size[i] - 1) * w.stride[i] + reach - in;
            total = total < 0 ? 0 : total;
            w.before[i] = upper ? total / 2 : (total + 1) / 2;
            w.after[i] = total - w.before[i];
            continue;
        }
        double steps = (double)(in + w.before[i] + w.after[i] - reach) / w.stride[i];
        w.size[i] = (int)(integer(op, "ceil_mode", 0) ? ceil(steps) : floor(steps)) + 1;
        if ((w.size[i] - 1) * w.stride[i] >= in + w.before[i])      // starts in the padding
            w.size[i]--;
    }
    return w;
}

static void op_conv(Op *op)
{
    const RefTensor *x = op->in[0], *weights = op->in[1], *bias = op->node->inputs > 2 ? op->in[2] : NULL;
    Window w = window_of(op, x, weights->dim + 2);
    size_t groups = (size_t)integer(op, "group", 1), in_c = weights->dim[1], out_c = weights->dim[0];
    size_t dim[4] = { x->dim[0], out_c, (size_t)w.size[0], (size_t)w.size[1] };
    RefTensor *y = out(op, 0, 4, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[4];
        indices_of(i, 4, dim, at);
        double sum = bias ? bias->data[at[1]] : 0;
        size_t first = at[1] / (out_c / groups) * in_c;
        for (size_t c = 0; c < in_c; c++)
            for (int ky = 0; ky < w.kernel[0]; ky++)
                for (int kx = 0; kx < w.kernel[1]; kx++) {
                    int py = (int)at[2] * w.stride[0] - w.before[0] + ky * w.dilation[0];
                    int px = (int)at[3] * w.stride[1] - w.before[1] + kx * w.dilation[1];
                    size_t from[4] = { at[0], first + c, (size_t)py, (size_t)px };
                    size_t by[4] = { at[1], c, (size_t)ky, (size_t)kx };
                    if (py >= 0 && px >= 0 && py < (int)x->dim[2] && px < (int)x->dim[3])
                        sum +=
                            x->data[place_of(4, x->dim, from)] * weights->data[place_of(4, weights->dim, by)];
                }
        y->data[i] = sum;
    }
}

static void op_pool(Op *op)
{
    const RefTensor *x = op->in[0];
    int global = !strncmp(op->node->type, "Global", 6), max = strstr(op->node->type, "MaxPool") != NULL;
    Window w = window_of(op, x, x->dim + 2);
    size_t dim[4] = { x->dim[0], x->dim[1], global ? 1 : (size_t)w.size[0], global ? 1 : (size_t)w.size[1] };
    int include = integer(op, "count_include_pad", 0), in_h = (int)x->dim[2], in_w = (int)x->dim[3];
    RefTensor *y = out(op, 0, 4, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[4];
        double best = -INFINITY, sum = 0;
        int cells = 0;
        indices_of(i, 4, dim, at);
        for (int ky = 0; ky < w.kernel[0]; ky++)
            for (int kx = 0; kx < w.kernel[1]; kx++) {
                int py = (int)at[2] * w.stride[0] - w.before[0] + ky * w.dilation[0];
                int px = (int)at[3] * w.stride[1] - w.before[1] + kx * w.dilation[1];
                int inside = py >= 0 && px >= 0 && py < in_h && px < in_w;
                cells += inside || (include && py < in_h + w.after[0] && px < in_w + w.after[1]);
                size_t from[4] = { at[0], at[1], (size_t)py, (size_t)px };
                double value = inside ? x->data[place_of(4, x->dim, from)] : 0;
                sum += value;
                best = inside && value > best ? value : best;
            }
        y->data[i] = max ? best : sum / cells;
    }
}

// ---------------------------------------------------------------------------------------- normalisation

static void op_batch_norm(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    double epsilon = number(op, "epsilon", 1e-5);
    for (size_t i = 0; i < x->count; i++) {
        size_t at[GRAPH_RANK];
        indices_of(i, x->rank, x->dim, at);
        size_t c = at[1];
        y->data[i] =
            op->in[1]->data[c] * (x->data[i] - op->in[3]->data[c]) / sqrt(op->in[4]->data[c] + epsilon) +
            op->in[2]->data[c];
    }
}

static void op_layer_norm(Op *op)
{
    const RefTensor *x = op->in[0], *bias = op->node->inputs > 2 ? op->in[2] : NULL;
    RefTensor *y = out(op, 0, x->rank, x->dim);
    size_t size = 1;
    for (int i = axis_of(integer(op, "axis", -1), x->rank); i < x->rank; i++)
        size *= x->dim[i];
    for (size_t row = 0; row < x->count / size; row++) {
        const double *from = x->data + row * size;
        double mean = 0, variance = 0;
        for (size_t i = 0; i < size; i++)
            mean += from[i] / (double)size;
        for (size_t i = 0; i < size; i++)
            variance += (from[i] - mean) * (from[i] - mean) / (double)size;
        for (size_t i = 0; i < size; i++)
            y->data[row * size + i] = (from[i] - mean) / sqrt(variance + number(op, "epsilon", 1e-5)) *
                                      op->in[1]->data[i] + (bias ? bias->data[i] : 0);
    }
}

// Instance, Group and MeanVarianceNormalization: a group of channels of one picture, or (by axes) of all pictures.
static void op_group_norm(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    const int plain = op->node->type[0] == 'M', grouped = op->node->type[0] == 'G';
    size_t at[GRAPH_RANK], other[GRAPH_RANK], groups = grouped ? (size_t)integer(op, "num_groups", 1) : x->dim[1];
    const GraphAttribute *axes = attribute(op, "axes");
    groups = plain && axes && axes->count == x->rank ? 1 : groups;
    size_t each = x->dim[1] / groups;
    for (size_t i = 0; i < x->count; i++) {
        double mean = 0, variance = 0, n = 0;
        indices_of(i, x->rank, x->dim, at);
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < x->count; j++) {
                indices_of(j, x->rank, x->dim, other);
                if (other[0] != at[0] || other[1] / each != at[1] / each)
                    continue;
                n += !pass;
                mean += pass ? 0 : x->data[j];
                variance += pass ? pow(x->data[j] - mean / n, 2) : 0;
            }
        double z = (x->data[i] - mean / n) / sqrt(variance / n + (plain ? 0 : number(op, "epsilon", 1e-5)));
        y->data[i] = plain ? z : z * op->in[1]->data[at[1] * op->in[1]->count / x->dim[1]] +
                                 op->in[2]->data[at[1] * op->in[2]->count / x->dim[1]];
    }
}

static void op_lrn(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    int size = integer(op, "size", 1);
    for (size_t i = 0; i < x->count; i++) {
        size_t at[4];
        double sum = 0;
        indices_of(i, 4, x->dim, at);
        for (int c = (int)at[1] - (size - 1) / 2; c <= (int)at[1] + size / 2; c++) {
            size_t from[4] = { at[0], (size_t)c, at[2], at[3] };
            if (c >= 0 && c < (int)x->dim[1])
                sum += pow(x->data[place_of(4, x->dim, from)], 2);
        }
        y->data[i] = x->data[i] / pow(number(op, "bias", 1) + number(op, "alpha", 1e-4) / size * sum,
                                      number(op, "beta", 0.75));
    }
}

static void op_softmax(Op *op)
{
    const RefTensor *x = op->in[0];
    RefTensor *y = out(op, 0, x->rank, x->dim);
    int one = op->reference->graph->opset >= 13, axis = axis_of(integer(op, "axis", one ? -1 : 1), x->rank);
    for (size_t i = 0; i < x->count; i++) {
        size_t at[GRAPH_RANK], other[GRAPH_RANK];
        double sum = 0;
        indices_of(i, x->rank, x->dim, at);
        for (size_t j = 0; j < x->count; j++) {
            int same = 1;
            indices_of(j, x->rank, x->dim, other);
            for (int d = 0; d < x->rank; d++)
                same &= at[d] == other[d] || d == axis || (!one && d > axis);
            sum += same ? exp(x->data[j]) : 0;
        }
        y->data[i] = op->node->type[0] == 'L' ? x->data[i] - log(sum) : exp(x->data[i]) / sum;
    }
}

static double reduced_with(const char *type, double sum, double x)
{
    IS("ReduceProd") return sum * x;
    IS("ReduceMax") return fmax(sum, x);
    IS("ReduceMin") return fmin(sum, x);
    IS("ReduceL1") return sum + fabs(x);
    IS("ReduceL2") return sum + x * x;
    IS("ReduceSumSquare") return sum + x * x;
    IS("ReduceLogSumExp") return sum + exp(x);
    return sum + x;
}

static double reduced_to(const char *type, double sum, double elements)
{
    IS("ReduceMean") return sum / elements;
    IS("ReduceL2") return sqrt(sum);
    IS("ReduceLogSum") return log(sum);
    IS("ReduceLogSumExp") return log(sum);
    return sum;
}

static void op_reduce(Op *op)
{
    const RefTensor *x = op->in[0];
    double axes[GRAPH_RANK];
    int n = list(op, "axes", 1, axes), drop[GRAPH_RANK] = { 0 }, rank = 0, keep = integer(op, "keepdims", 1);
    size_t dim[GRAPH_RANK], kept[GRAPH_RANK], reduced = 1;
    for (int i = 0; i < x->rank; i++)
        drop[i] = n <= 0 && !integer(op, "noop_with_empty_axes", 0);
    for (int i = 0; i < n; i++)
        drop[axis_of(axes[i], x->rank)] = 1;
    for (int i = 0; i < x->rank; i++) {
        kept[i] = drop[i] ? 1 : x->dim[i];
        reduced *= drop[i] ? x->dim[i] : 1;
        if (!drop[i] || keep)
            dim[rank++] = kept[i];
    }
    RefTensor *y = out(op, 0, rank, dim);
    const char *type = op->node->type;
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = !strcmp(type, "ReduceProd") ? 1 : !strcmp(type, "ReduceMax") ? -INFINITY :
                     !strcmp(type, "ReduceMin") ? INFINITY : 0;
    for (size_t i = 0; i < x->count; i++) {
        size_t at[GRAPH_RANK];
        indices_of(i, x->rank, x->dim, at);
        for (int d = 0; d < x->rank; d++)
            at[d] = drop[d] ? 0 : at[d];
        double *to = &y->data[place_of(x->rank, kept, at)];
        *to = reduced_with(type, *to, x->data[i]);
    }
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = reduced_to(type, y->data[i], (double)reduced);
}

// ----------------------------------------------------------------------------------------------- moving

static void op_concat(Op *op)
{
    const RefTensor *x = op->in[0];
    int axis = axis_of(integer(op, "axis", 1), x->rank);
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], first = 0;
    memcpy(dim, x->dim, sizeof(dim));
    for (int k = 1; k < op->node->inputs; k++)
        dim[axis] += op->in[k]->dim[axis];
    RefTensor *y = out(op, 0, x->rank, dim);
    for (int k = 0; k < op->node->inputs; k++) {
        for (size_t i = 0; i < op->in[k]->count; i++) {
            indices_of(i, y->rank, op->in[k]->dim, at);
            at[axis] += first;
            y->data[place_of(y->rank, dim, at)] = op->in[k]->data[i];
        }
        first += op->in[k]->dim[axis];
    }
}

static void op_split(Op *op)
{
    const RefTensor *x = op->in[0];
    int axis = axis_of(integer(op, "axis", 0), x->rank), outputs = op->node->outputs;
    double parts[GRAPH_RANK];
    size_t first = 0, whole = x->dim[axis], at[GRAPH_RANK];
    if (list(op, "split", 1, parts) < 0)
        for (int k = 0; k < outputs; k++) {
            size_t even = (whole + (size_t)outputs - 1) / (size_t)outputs, rest = whole - (size_t)k * even;
            parts[k] = (double)(even < rest ? even : rest);
        }
    for (int k = 0; k < outputs; k++) {
        size_t dim[GRAPH_RANK];
        memcpy(dim, x->dim, sizeof(dim));
        dim[axis] = (size_t)parts[k];
        RefTensor *y = out(op, k, x->rank, dim);
        for (size_t i = 0; i < y->count; i++) {
            indices_of(i, x->rank, dim, at);
            at[axis] += first;
            y->data[i] = x->data[place_of(x->rank, x->dim, at)];
        }
        first += dim[axis];
    }
}

static void op_slice(Op *op)
{
    const RefTensor *x = op->in[0];
    double starts[GRAPH_RANK], ends[GRAPH_RANK], axes[GRAPH_RANK], steps[GRAPH_RANK];
    int n = list(op, "starts", 1, starts), has_axes, has_steps;
    list(op, "ends", 2, ends);
    has_axes = list(op, "axes", 3, axes) > 0;
    has_steps = list(op, NULL, 4, steps) > 0;
    size_t dim[GRAPH_RANK], pick[GRAPH_RANK][64];
    memcpy(dim, x->dim, sizeof(dim));
    for (int d = 0; d < x->rank; d++)
        for (size_t i = 0; i < dim[d] && i < 64; i++)
            pick[d][i] = i;
    for (int k = 0; k < n; k++) {
        int axis = has_axes ? axis_of(axes[k], x->rank) : k;
        double size = (double)x->dim[axis], step = has_steps ? steps[k] : 1;
        double at = starts[k] < 0 ? starts[k] + size : starts[k],
               end = ends[k] < 0 ? ends[k] + size : ends[k];
        dim[axis] = 0;
        for (at = fmin(at, step > 0 ? size : size - 1);
             step > 0 ? at < end && at < size : at > end && at >= 0; at += step)
            pick[axis][dim[axis]++] = (size_t)at;
    }
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[GRAPH_RANK];
        indices_of(i, x->rank, dim, at);
        for (int d = 0; d < x->rank; d++)
            at[d] = pick[d][at[d]];
        y->data[i] = x->data[place_of(x->rank, x->dim, at)];
    }
}

// Index i of a dimension of `size`, brought into it where the padding repeats x: one step at a time.
static size_t padded(const Op *op, long i, long size)
{
    if (is_word(op, "mode", "edge"))
        return (size_t)(i < 0 ? 0 : i >= size ? size - 1 : i);
    while (is_word(op, "mode", "wrap") && (i < 0 || i >= size))
        i += i < 0 ? size : -size;
    while (is_word(op, "mode", "reflect") && (i < 0 || i >= size))
        i = i < 0 ? -i : 2 * (size - 1) - i;
    return (size_t)i;
}

static void op_pad(Op *op)
{
    const RefTensor *x = op->in[0];
    double pads[2 * GRAPH_RANK], axes[GRAPH_RANK];
    double fill = op->node->inputs > 2 && op->in[2] ? op->in[2]->data[0] : number(op, "value", 0);
    int n = list(op, "pads", 1, pads) / 2, has_axes = list(op, NULL, 3, axes) > 0;
    long before[GRAPH_RANK] = { 0 };
    size_t dim[GRAPH_RANK];
    memcpy(dim, x->dim, sizeof(dim));
    for (int k = 0; k < n; k++) {
        int axis = has_axes ? axis_of(axes[k], x->rank) : k;
        before[axis] = (long)pads[k];
        dim[axis] = (size_t)((double)dim[axis] + pads[k] + pads[k + n]);
    }
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[GRAPH_RANK];
        int inside = 1;
        indices_of(i, x->rank, dim, at);
        for (int d = 0; d < x->rank; d++) {
            at[d] = padded(op, (long)at[d] - before[d], (long)x->dim[d]);
            inside &= at[d] < x->dim[d];
        }
        y->data[i] = inside ? x->data[place_of(x->rank, x->dim, at)] : fill;
    }
}

// Where output o of a dimension lies in its input.
static double resize_place(const char *mode, double o, double in, double out, double scale, const double *roi)
{
    if (!strcmp(mode, "align_corners"))
        return out == 1 ? 0 : o * (in - 1) / (out - 1);
    if (!strcmp(mode, "asymmetric"))
        return o / scale;
    if (!strcmp(mode, "tf_half_pixel_for_nn"))
        return (o + 0.5) / scale;
    if (!strcmp(mode, "tf_crop_and_resize"))
        return out == 1 ? 0.5 * (roi[0] + roi[1]) * (in - 1)
                        : roi[0] * (in - 1) + o * (roi[1] - roi[0]) * (in - 1) / (out - 1);
    if (!strcmp(mode, "pytorch_half_pixel") && out == 1)
        return 0;
    double shift = !strcmp(mode, "half_pixel_symmetric") ? in / 2 * (1 - out / (scale * in)) : 0;
    return shift + (o + 0.5) / scale - 0.5;
}

// The weight of input i, which may lie outside, for place x of mode linear or cubic.
static double resize_weight(const Op *op, const char *mode, double i, double x, double scale)
{
    const double stretch = integer(op, "antialias", 0) && scale < 1 ? scale : 1, d = fabs(i - x) * stretch;
    const double a = number(op, "cubic_coeff_a", -0.75);
    if (strcmp(mode, "cubic"))
        return fmax(0, 1 - d);
    return d <= 1 ? (a + 2) * pow(d, 3) - (a + 3) * pow(d, 2) + 1
         : d < 2 ? a * pow(d, 3) - 5 * a * pow(d, 2) + 8 * a * d - 4 * a : 0;
}

enum { RESIZE_MOST = 32 };      // of a dimension

// One dimension as a matrix. A row of zeros is outside of the input.
static void resize_matrix(const Op *op, const char *place, size_t in, size_t out, double scale, const double *roi,
                          double matrix[RESIZE_MOST][RESIZE_MOST])
{
    const GraphAttribute *m = attribute(op, "mode"), *n = attribute(op, "nearest_mode");
    const char *mode = m ? m->s : "nearest", *nearest = n ? n->s : "round_prefer_floor";
    const int older = op->node->type[0] == 'U' || op->reference->graph->opset < 11;
    for (size_t o = 0; o < out; o++) {
        double x = resize_place(place, (double)o, (double)in, (double)out, scale, roi), sum = 0;
        memset(matrix[o], 0, sizeof(matrix[o]));
        if (!strcmp(place, "tf_crop_and_resize") && (x < 0 || x > (double)in - 1))
            continue;
        if (!strcmp(mode, "nearest")) {
            double i = older ? (scale < 1 ? ceil(x) : floor(x))
                     : !strcmp(nearest, "floor") ? floor(x) : !strcmp(nearest, "ceil") ? ceil(x)
                     : !strcmp(nearest, "round_prefer_ceil") ? floor(x + 0.5) : ceil(x - 0.5);
            matrix[o][(size_t)fmax(0, fmin((double)in - 1, i))] = 1;
            continue;
        }
        for (double i = -99; i < 99; i++) {
            double w = resize_weight(op, mode, i, x, scale);
            if (integer(op, "exclude_outside", 0) && (i < 0 || i >= (double)in))
                continue;
            sum += w;
            matrix[o][(size_t)fmax(0, fmin((double)in - 1, i))] += w;
        }
        for (size_t i = 0; i < in; i++)
            matrix[o][i] /= sum;
    }
}

typedef double ResizeMatrix[RESIZE_MOST][RESIZE_MOST];

// The sum over the dimensions from d on, of x by the weights of output `at`.
static double resize_sum(const RefTensor *x, ResizeMatrix *matrix, const size_t *at, int d, size_t place, int *outside)
{
    double sum = 0;
    int empty = 1;
    if (d == x->rank)
        return x->data[place];
    for (size_t i = 0; i < x->dim[d]; i++) {
        double w = matrix[d][at[d]][i];
        empty &= w == 0;
        sum += w == 0 ? 0 : w * resize_sum(x, matrix, at, d + 1, place * x->dim[d] + i, outside);
    }
    *outside |= empty;
    return sum;
}

static void op_resize(Op *op)
{
    static ResizeMatrix matrix[GRAPH_RANK];
    const RefTensor *x = op->in[0];
    const int older = op->node->type[0] == 'U' || op->reference->graph->opset < 11, has_sizes = op->node->inputs > 3;
    const GraphAttribute *mode = attribute(op, "coordinate_transformation_mode"), *floats = attribute(op, "scales");
    const char *place = older ? "asymmetric" : mode ? mode->s : "half_pixel";
    const RefTensor *scales = has_sizes || floats ? NULL : op->in[older ? 1 : 2];
    double axes[GRAPH_RANK], roi[GRAPH_RANK][2], scale[GRAPH_RANK], all = 0;
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    int n = list(op, "axes", -1, axes), larger = is_word(op, "keep_aspect_ratio_policy", "not_smaller");
    for (int i = 0; n < 0 && i < x->rank; i++)
        axes[i] = i;
    n = n < 0 ? x->rank : n;
    for (int d = 0; d < x->rank; d++) {
        dim[d] = x->dim[d];
        scale[d] = 1, roi[d][0] = 0, roi[d][1] = 1;
    }
    for (int i = 0; i < n; i++) {
        int d = axis_of(axes[i], x->rank);
        scale[d] = has_sizes ? op->in[3]->data[i] / (double)x->dim[d] : floats ? (double)floats->floats[i]
                                                                              : scales->data[i];
        all = i == 0 ? scale[d] : larger ? fmax(all, scale[d]) : fmin(all, scale[d]);
        if (op->in[1] && !older)
            roi[d][0] = op->in[1]->data[i], roi[d][1] = op->in[1]->data[i + n];
    }
    for (int i = 0; i < n; i++) {
        int d = axis_of(axes[i], x->rank);
        scale[d] = larger || is_word(op, "keep_aspect_ratio_policy", "not_larger") ? all : scale[d];
        dim[d] = (size_t)(has_sizes ? floor(scale[d] * (double)x->dim[d] + 0.5) : floor(scale[d] * (double)x->dim[d]));
    }
    for (int d = 0; d < x->rank; d++)
        resize_matrix(op, place, x->dim[d], dim[d], scale[d], roi[d], matrix[d]);
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        int outside = 0;
        indices_of(i, x->rank, dim, at);
        double sum = resize_sum(x, matrix, at, 0, 0, &outside);
        y->data[i] = outside ? number(op, "extrapolation_value", 0) : sum;
    }
}

static void op_transpose(Op *op)
{
    const RefTensor *x = op->in[0];
    double perm[GRAPH_RANK];
    int n = list(op, "perm", -1, perm);
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], from[GRAPH_RANK];
    for (int i = 0; i < x->rank; i++) {
        perm[i] = n > 0 ? perm[i] : x->rank - 1 - i;
        dim[i] = x->dim[(int)perm[i]];
    }
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, dim, at);
        for (int d = 0; d < x->rank; d++)
            from[(int)perm[d]] = at[d];
        y->data[i] = x->data[place_of(x->rank, x->dim, from)];
    }
}

static void op_blocks(Op *op)
{
    const RefTensor *x = op->in[0];
    const int deep = op->node->type[0] == 'D', crd = is_word(op, "mode", "CRD");
    const size_t b = (size_t)integer(op, "blocksize", 1);
    size_t dim[4] = { x->dim[0], deep ? x->dim[1] / b / b : x->dim[1] * b * b, deep ? x->dim[2] * b : x->dim[2] / b,
                      deep ? x->dim[3] * b : x->dim[3] / b };
    RefTensor *y = out(op, 0, 4, dim);
    const RefTensor *wide = deep ? y : x, *narrow = deep ? x : y;
    for (size_t i = 0; i < wide->count; i++) {
        size_t at[4];
        indices_of(i, 4, wide->dim, at);
        size_t row = at[2] % b, column = at[3] % b, c = at[1];
        size_t channel = crd ? (c * b + row) * b + column : (row * b + column) * wide->dim[1] + c;
        size_t from[4] = { at[0], channel, at[2] / b, at[3] / b };
        size_t place = place_of(4, narrow->dim, from);
        y->data[deep ? i : place] = x->data[deep ? place : i];
    }
}

static void op_tile(Op *op)
{
    const RefTensor *x = op->in[0];
    size_t dim[GRAPH_RANK], at[GRAPH_RANK];
    for (int d = 0; d < x->rank; d++)
        dim[d] = x->dim[d] * (size_t)op->in[1]->data[d];
    RefTensor *y = out(op, 0, x->rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, x->rank, dim, at);
        for (int d = 0; d < x->rank; d++)
            at[d] %= x->dim[d];
        y->data[i] = x->data[place_of(x->rank, x->dim, at)];
    }
}

static void op_gather(Op *op)
{
    const RefTensor *x = op->in[0], *by = op->in[1];
    int axis = axis_of(integer(op, "axis", 0), x->rank), rank = 0;
    size_t dim[GRAPH_RANK], at[GRAPH_RANK], from[GRAPH_RANK];
    for (int i = 0; i < axis; i++)
        dim[rank++] = x->dim[i];
    for (int i = 0; i < by->rank; i++)
        dim[rank++] = by->dim[i];
    for (int i = axis + 1; i < x->rank; i++)
        dim[rank++] = x->dim[i];
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        indices_of(i, rank, dim, at);
        for (int d = 0; d < axis; d++)
            from[d] = at[d];
        for (int d = axis + 1; d < x->rank; d++)
            from[d] = at[d - 1 + by->rank];
        from[axis] = (size_t)axis_of(by->data[place_of(by->rank, by->dim, at + axis)], (int)x->dim[axis]);
        y->data[i] = x->data[place_of(x->rank, x->dim, from)];
    }
}

// ------------------------------------------------------------------------- shapes, and what is constant

static void copy_as(Op *op, int rank, const size_t *dim)
{
    RefTensor *y = out(op, 0, rank, dim);
    memcpy(y->data, op->in[0]->data, y->count * sizeof(double));
}

static void op_view(Op *op)
{
    const RefTensor *x = op->in[0];
    const char *type = op->node->type;
    double asked[GRAPH_RANK];
    size_t dim[GRAPH_RANK], known = 1;
    int rank = 0, set[GRAPH_RANK] = { 0 };
    IS("Reshape") {
        rank = list(op, "shape", 1, asked);
        for (int i = 0; i < rank; i++) {
            dim[i] = asked[i] == 0 ? x->dim[i] : asked[i] < 0 ? 1 : (size_t)asked[i];
            known *= dim[i];
        }
        for (int i = 0; i < rank; i++)
            dim[i] = asked[i] < 0 ? x->count / known : dim[i];
    }
    IS("Flatten") {
        int axis = axis_of(integer(op, "axis", 1), x->rank);
        dim[0] = dim[1] = 1;
        for (int i = 0; i < x->rank; i++)
            dim[i >= axis] *= x->dim[i];
        rank = 2;
    }
    IS("Squeeze") {
        int n = list(op, "axes", 1, asked);
        for (int i = 0; i < x->rank; i++)
            set[i] = n < 0 && x->dim[i] == 1;
        for (int i = 0; i < n; i++)
            set[axis_of(asked[i], x->rank)] = 1;
        for (int i = 0; i < x->rank; i++)
            if (!set[i])
                dim[rank++] = x->dim[i];
    }
    IS("Unsqueeze") {
        int n = list(op, "axes", 1, asked), next = 0;
        rank = x->rank + n;
        for (int i = 0; i < n; i++)
            set[axis_of(asked[i], rank)] = 1;
        for (int i = 0; i < rank; i++)
            dim[i] = set[i] ? 1 : x->dim[next++];
    }
    copy_as(op, rank, dim);
}

static void op_shape(Op *op)
{
    const RefTensor *x = op->in[0];
    int first = axis_of(integer(op, "start", 0), x->rank),
        last = axis_of(integer(op, "end", x->rank), x->rank);
    size_t dim[1] = { (size_t)(last - first) };
    RefTensor *y = out(op, 0, 1, dim);
    for (int i = first; i < last; i++)
        y->data[i - first] = (double)x->dim[i];
}

static void op_range(Op *op)
{
    double start = op->in[0]->data[0], step = op->in[2]->data[0];
    size_t dim[1] = { (size_t)ceil((op->in[1]->data[0] - start) / step) };
    RefTensor *y = out(op, 0, 1, dim);
    for (size_t i = 0; i < dim[0]; i++)
        y->data[i] = start + (double)i * step;
}

// -------------------------------------------------------------------------------------------- the table

static const struct {
    const char *types;          // with a space before and after each
    void (*run)(Op *op);
} table[] = {
    { " Relu LeakyRelu ThresholdedRelu Clip Sigmoid HardSigmoid HardSwish Tanh Elu Selu Celu Softplus "
      "Softsign Mish Erf "
      "Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Sign Round Swish Shrink "
      "Gelu Sqrt Exp Log Neg Abs Reciprocal Floor Ceil Not Cast Identity Dropout ",
      op_unary },
    { " Sum Mean Max Min ", op_several },
    { " Add Sub Mul Div Pow PRelu Mod Equal Greater Less ", op_binary },
    { " Conv ", op_conv },
    { " Gemm ", op_gemm },
    { " MatMul ", op_matmul },
    { " MaxPool AveragePool GlobalAveragePool GlobalMaxPool ", op_pool },
    { " BatchNormalization ", op_batch_norm },
    { " LayerNormalization ", op_layer_norm },
    { " InstanceNormalization GroupNormalization MeanVarianceNormalization ", op_group_norm },
    { " LRN ", op_lrn },
    { " ReduceMean ReduceSum ReduceProd ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum "
      "ReduceLogSumExp ", op_reduce },
    { " Softmax LogSoftmax ", op_softmax },
    { " Concat ", op_concat },
    { " Split ", op_split },
    { " Slice ", op_slice },
    { " Pad ", op_pad },
    { " Transpose ", op_transpose },
    { " Expand ", op_expand },
    { " DepthToSpace SpaceToDepth ", op_blocks },
    { " Resize Upsample ", op_resize },
    { " Tile ", op_tile },
    { " Gather ", op_gather },
    { " Reshape Flatten Squeeze Unsqueeze ", op_view },
    { " Shape ", op_shape },
    { " Range ", op_range },
    { " Where ", op_where },
};

static void run_node(Reference *reference, const GraphNode *node)
{
    Op op = { .reference = reference, .node = node };
    char type[GRAPH_NAME + 2];
    snprintf(type, sizeof(type), " %s ", node->type);
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i][0] && !(op.in[i] = reference_find(reference, node->input[i]))) {
            fprintf(stderr, "the reference has no tensor '%s'\n", node->input[i]);
            exit(2);
        }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strstr(table[i].types, type)) {
            table[i].run(&op);
            return;
        }
    fprintf(stderr, "the reference has no operator '%s'\n", node->type);
    exit(2);
}

Reference *reference_create(const Graph *graph)
{
    Reference *reference = calloc(1, sizeof(*reference));
    size_t dim[GRAPH_RANK];
    if (!reference)
        exit(2);
    reference->graph = graph;
    for (int i = 0; i < graph->tensors + graph->inputs; i++) {
        const GraphTensor *from = i < graph->tensors ? &graph->tensor[i] : &graph->input[i - graph->tensors];
        RefTensor *to = add_tensor(reference, from->name);
        for (int d = 0; d < from->rank; d++)
            dim[d] = (size_t)from->dim[d];
        reshape(to, from->rank, dim);
        for (size_t k = 0; k < to->count; k++)
            to->data[k] = !from->data ? 0
                        : from->type == 7 ? (double)((const int64_t *)from->data)[k]
                        : from->type == 10 ? gcam_half_to_float(((const uint16_t *)from->data)[k])
                                           : ((const float *)from->data)[k];
    }
    return reference;
}

void reference_free(Reference *reference)
{
    for (int i = 0; reference && i < reference->tensors; i++)
        free(reference->tensor[i].data);
    free(reference);
}

RefTensor *reference_find(Reference *reference, const char *name)
{
    for (int i = 0; i < reference->tensors; i++)
        if (!strcmp(reference->tensor[i].name, name))
            return &reference->tensor[i];
    return NULL;
}

void reference_run(Reference *reference)
{
    for (int i = 0; i < reference->graph->nodes; i++) {
        const GraphNode *node = &reference->graph->node[i];
        int fixed = 0;
        for (int k = 0; reference->fixed && k < node->outputs; k++)
            fixed |= !strcmp(node->output[k], reference->fixed);
        if (!fixed)
            run_node(reference, node);
    }
}

double reference_score(const RefTensor *logits, const int *classes, size_t count)
{
    double sum = 0, top = -INFINITY;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, logits->data[classes[i]]);
    for (size_t i = 0; i < count; i++)
        sum += exp(logits->data[classes[i]] - top);
    return top + log(sum);
}

void reference_gradient(Reference *reference, const char *tensor, const char *logits, const int *classes,
                        size_t count, double *gradient)
{
    RefTensor *t = reference_find(reference, tensor);
    reference->fixed = tensor;
    for (size_t i = 0; i < t->count; i++) {
        double was = t->data[i], score[2];
        for (int side = 0; side < 2; side++) {
            t->data[i] = was + (side ? STEP : -STEP);
            reference_run(reference);
            score[side] = reference_score(reference_find(reference, logits), classes, count);
        }
        gradient[i] = (score[1] - score[0]) / (2 * STEP);
        t->data[i] = was;
    }
    reference->fixed = NULL;
    reference_run(reference);
}
