/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: operators of com.microsoft that are several in one, attention, and normalisation by the root of
 * the mean square.
 */
#include "ops/reference_ops.h"

#include <math.h>
#include <string.h>

static const RefTensor *given(const Op *op, int input)
{
    return input < op->node->inputs ? op->in[input] : NULL;
}

static double activated(const Op *op, double x)
{
    const GraphAttribute *name = attribute(op, "activation"), *list = attribute(op, "activation_params");
    const char *type = name ? name->s : "";
    double a = list && list->count > 0 ? list->floats[0] : number(op, "activation_alpha", 0);
    double b = list && list->count > 1 ? list->floats[1] : number(op, "activation_beta", 0);
    IS("Relu") return fmax(x, 0);
    IS("Tanh") return tanh(x);
    IS("Sigmoid") return 1 / (1 + exp(-x));
    IS("LeakyRelu") return x > 0 ? x : a * x;
    IS("HardSigmoid") return fmax(0, fmin(1, a * x + b));
    IS("Clip") return fmax(a, fmin(b, x));
    return x;
}

// FusedConv, FusedGemm: the product, an addition, an activation, in place.
void op_fused_product(Op *op)
{
    Op product = *op;
    int is_conv = !strcmp(op->node->type, "FusedConv");
    const RefTensor *added = is_conv ? given(op, 3) : NULL;
    if (is_conv)
        op_conv(&product);
    else
        op_gemm(&product);
    RefTensor *y = reference_find(op->reference, op->node->output[0]);
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = activated(op, y->data[i] + (added ? added->data[i] : 0));
}

// Of matrices, the last two dimensions of which may be exchanged; batches are the same or one matrix.
void op_fused_matmul(Op *op)
{
    const RefTensor *a = op->in[0], *b = op->in[1];
    int ta = integer(op, "transA", 0), tb = integer(op, "transB", 0), rank = a->rank;
    size_t rows = a->dim[rank - 1 - !ta], inner = a->dim[rank - 1 - !!ta], columns = b->dim[b->rank - 1 - !!tb];
    size_t dim[GRAPH_RANK];
    memcpy(dim, a->dim, sizeof(dim));
    dim[rank - 2] = rows;
    dim[rank - 1] = columns;
    RefTensor *y = out(op, 0, rank, dim);
    for (size_t i = 0; i < y->count; i++) {
        size_t column = i % columns, row = i / columns % rows, batch = i / columns / rows;
        const double *p = a->data + batch * rows * inner, *q = b->data + (b->rank > 2 ? batch * inner * columns : 0);
        double sum = 0;
        for (size_t k = 0; k < inner; k++)
            sum += p[ta ? k * rows + row : row * inner + k] * q[tb ? column * inner + k : k * columns + column];
        y->data[i] = number(op, "alpha", 1) * sum;
    }
}

// BiasGelu, FastGelu, QuickGelu.
void op_fused_gelu(Op *op)
{
    const RefTensor *x = op->in[0], *bias = given(op, 1);
    const char *type = op->node->type;
    RefTensor *y = out(op, 0, x->rank, x->dim);
    for (size_t i = 0; i < y->count; i++) {
        double z = x->data[i] + (bias ? bias->data[i % bias->count] : 0), result = 0.5 * z * (1 + erf(z / sqrt(2)));
        IS("QuickGelu") result = z / (1 + exp(-number(op, "alpha", 1.702) * z));
        IS("FastGelu") result = 0.5 * z * (1 + tanh(0.7978845608028654 * (z + 0.044715 * z * z * z)));
        y->data[i] = result;
    }
}

// Rows of `size`: y = (x - mean) / sqrt(variance + epsilon) scale + shift, the mean 0 where `square`.
static void normalize(const Op *op, RefTensor *y, size_t size, int square, const RefTensor *scale,
                      const RefTensor *shift)
{
    for (size_t row = 0; row < y->count; row += size) {
        double mean = 0, variance = 0, *z = y->data + row;
        for (size_t i = 0; i < size && !square; i++)
            mean += z[i] / (double)size;
        for (size_t i = 0; i < size; i++)
            variance += (z[i] - mean) * (z[i] - mean) / (double)size;
        for (size_t i = 0; i < size; i++)
            z[i] = (z[i] - mean) / sqrt(variance + number(op, "epsilon", 1e-5)) * (scale ? scale->data[i] : 1) +
                   (shift ? shift->data[i] : 0);
    }
}

// x + skip + bias, normalised; the sum is the fourth output.
void op_skip_norm(Op *op)
{
    const RefTensor *x = op->in[0];
    int square = !strcmp(op->node->type, "SkipSimplifiedLayerNormalization");
    const RefTensor *bias = given(op, square ? 3 : 4), *sum_to = NULL;
    RefTensor *y = out(op, 0, x->rank, x->dim);
    size_t size = x->dim[x->rank - 1];
    for (size_t i = 0; i < y->count; i++)
        y->data[i] = x->data[i] + op->in[1]->data[i % op->in[1]->count] + (bias ? bias->data[i % size] : 0);
    if (op->node->outputs > 3) {
        sum_to = out(op, 3, x->rank, x->dim);
        memcpy(sum_to->data, y->data, y->count * sizeof(*y->data));
    }
    normalize(op, y, size, square, op->in[2], square ? NULL : given(op, 3));
}

// com.microsoft.GroupNorm of [N, H, W, C].
void op_group_norm_last(Op *op)
{
    const RefTensor *x = op->in[0];
    size_t channels = x->dim[3], pixels = x->dim[1] * x->dim[2], groups = (size_t)integer(op, "groups", 1);
    size_t each = channels / groups;
    RefTensor *y = out(op, 0, 4, x->dim);
    for (size_t g = 0; g < groups; g++) {
        double mean = 0, variance = 0, n = (double)(pixels * each);
        for (size_t i = 0; i < pixels * channels; i++)
            mean += i % channels / each == g ? x->data[i] / n : 0;
        for (size_t i = 0; i < pixels * channels; i++)
            variance += i % channels / each == g ? (x->data[i] - mean) * (x->data[i] - mean) / n : 0;
        for (size_t i = 0; i < pixels * channels; i++) {
            size_t c = i % channels;
            if (c / each != g)
                continue;
            double z = (x->data[i] - mean) / sqrt(variance + number(op, "epsilon", 1e-5)) * op->in[1]->data[c] +
                       op->in[2]->data[c];
            y->data[i] = integer(op, "activation", 0) ? z / (1 + exp(-z)) : z;
        }
    }
}

// ----------------------------------------------------------------------------------------------------------- attention

// Where tokens of heads lie: element (head, token, i) of a batch of one.
typedef struct Heads {
    const double *data;
    size_t tokens, width, head, token;
} Heads;

static double at(const Heads *h, size_t head, size_t token, size_t i)
{
    return h->data[head * h->head + token * h->token + i];
}

// As [1, heads, tokens, width], or [1, tokens, heads x width] where the number of heads is told.
static Heads heads_of(const RefTensor *x, size_t heads)
{
    if (x->rank == 4)
        return (Heads){ x->data, x->dim[2], x->dim[3], x->dim[2] * x->dim[3], x->dim[3] };
    size_t width = x->dim[2] / heads;
    return (Heads){ x->data, x->dim[1], width, width, x->dim[2] };
}

// The element of a mask of up to four dimensions, broadcast.
static double masked(const RefTensor *mask, size_t head, size_t row, size_t column)
{
    const size_t index[4] = { 0, head, row, column };
    size_t own[4] = { 0 };
    for (int i = 0; i < mask->rank; i++)
        own[i] = mask->dim[i] == 1 ? 0 : index[4 - mask->rank + i];
    return mask->data[place_of(mask->rank, mask->dim, own)];
}

typedef struct Attention {
    size_t heads, shared;       // queries' heads, and how many of them share keys and values
    Heads q, k, v;
    double scale, softcap;
    int causal, truth;          // truth: the mask says what is seen
    const RefTensor *mask;
} Attention;

static void attend(const Attention *a, size_t head, size_t row, double *y)
{
    double share[256], top = -INFINITY, sum = 0;
    const size_t other = head / a->shared;
    for (size_t t = 0; t < a->k.tokens; t++) {
        double s = 0;
        for (size_t i = 0; i < a->q.width; i++)
            s += at(&a->q, head, row, i) * at(&a->k, other, t, i) * a->scale;
        s = a->softcap != 0 ? a->softcap * tanh(s / a->softcap) : s;
        double m = a->mask ? masked(a->mask, head, row, t) : 0;
        s += a->mask && a->truth ? (m != 0 ? 0 : -INFINITY) : m;
        share[t] = a->causal && t > row ? -INFINITY : s;
        top = fmax(top, share[t]);
    }
    for (size_t t = 0; t < a->k.tokens; t++)
        sum += share[t] = exp(share[t] - top);
    for (size_t i = 0; i < a->v.width; i++) {
        y[i] = 0;
        for (size_t t = 0; t < a->k.tokens; t++)
            y[i] += share[t] / sum * at(&a->v, other, t, i);
    }
}

// [1, heads, tokens, width], or of three dimensions.
static void write_heads(Op *op, const Attention *a, int rank)
{
    const size_t tokens = a->q.tokens, width = a->v.width;
    RefTensor *y = rank == 4 ? out(op, 0, 4, (const size_t[]){ 1, a->heads, tokens, width })
                             : out(op, 0, 3, (const size_t[]){ 1, tokens, a->heads * width });
    for (size_t h = 0; h < a->heads; h++)
        for (size_t t = 0; t < tokens; t++)
            attend(a, h, t, y->data + (rank == 4 ? (h * tokens + t) * width : (t * a->heads + h) * width));
}

// com.microsoft.Attention: q, k and v side by side, of one product.
static void op_packed(Op *op)
{
    const RefTensor *x = op->in[0], *w = op->in[1], *bias = given(op, 2);
    size_t tokens = x->dim[1], in = x->dim[2], all = w->dim[1], heads = (size_t)integer(op, "num_heads", 1);
    size_t size = all / 3, width = size / heads;
    double *packed = calloc(tokens * all, sizeof(*packed));
    for (size_t i = 0; i < tokens * all; i++) {
        packed[i] = bias ? bias->data[i % all] : 0;
        for (size_t k = 0; k < in; k++)
            packed[i] += x->data[i / all * in + k] * w->data[k * all + i % all];
    }
    Heads part = { packed, tokens, width, width, all };
    Attention a = { .heads = heads, .shared = 1, .q = part, .k = part, .v = part,
                    .scale = number(op, "scale", 1 / sqrt((double)width)), .mask = given(op, 5),
                    .causal = integer(op, "unidirectional", 0) };
    a.k.data += size;
    a.v.data += 2 * size;
    write_heads(op, &a, 3);
    free(packed);
}

void op_attention(Op *op)
{
    if (op->node->domain[0]) {
        op_packed(op);
        return;
    }
    const RefTensor *q = op->in[0], *k = op->in[1];
    size_t heads = q->rank == 4 ? q->dim[1] : (size_t)integer(op, "q_num_heads", 1);
    size_t others = q->rank == 4 ? k->dim[1] : (size_t)integer(op, "kv_num_heads", 1);
    Attention a = { .heads = heads, .shared = heads / others, .q = heads_of(q, heads), .k = heads_of(k, others),
                    .v = heads_of(op->in[2], others), .softcap = number(op, "softcap", 0),
                    .causal = integer(op, "is_causal", 0), .mask = given(op, 3) };
    a.truth = a.mask && a.mask->type == 9;
    a.scale = number(op, "scale", 1 / sqrt((double)a.q.width));
    write_heads(op, &a, q->rank);
}

// com.microsoft.MultiHeadAttention: a bias for q, k and v, side by side.
void op_multi_head(Op *op)
{
    const RefTensor *bias = given(op, 3);
    size_t heads = (size_t)integer(op, "num_heads", 1), at_bias = 0;
    Heads part[3];
    double *copy[3];
    for (int i = 0; i < 3; i++) {
        const RefTensor *x = op->in[i];
        size_t size = x->dim[2];
        part[i] = heads_of(x, heads);
        copy[i] = malloc(x->count * sizeof(double));
        for (size_t k = 0; k < x->count; k++)
            copy[i][k] = x->data[k] + (bias ? bias->data[at_bias + k % size] : 0);
        at_bias += size;
        part[i].data = copy[i];
    }
    Attention a = { .heads = heads, .shared = 1, .q = part[0], .k = part[1], .v = part[2], .mask = given(op, 5),
                    .scale = number(op, "scale", 1 / sqrt((double)part[0].width)),
                    .causal = integer(op, "unidirectional", 0) };
    write_heads(op, &a, 3);
    for (int i = 0; i < 3; i++)
        free(copy[i]);
}
