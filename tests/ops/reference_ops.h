/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the operators of the reference share: the node at work, its attributes, broadcasting. An operator is a function
 * from input tensors to output tensors; elements are addressed by their indices, one for each dimension.
 */
#ifndef TESTS_OPS_REFERENCE_OPS_H
#define TESTS_OPS_REFERENCE_OPS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/reference.h"

// One node at work. in[i] is NULL where the input is left out; out(op, ...) makes an output.
typedef struct Op {
    Reference *reference;
    const GraphNode *node;
    const RefTensor *in[GRAPH_ARGS];
} Op;

static inline RefTensor *add_tensor(Reference *reference, const char *name)
{
    RefTensor *tensor = reference_find(reference, name);
    if (!tensor) {
        tensor = &reference->tensor[reference->tensors++];
        snprintf(tensor->name, GRAPH_NAME, "%s", name);
    }
    return tensor;
}

static inline void reshape(RefTensor *tensor, int rank, const size_t *dim)
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

static inline RefTensor *out(const Op *op, int index, int rank, const size_t *dim)
{
    RefTensor *tensor = add_tensor(op->reference, op->node->output[index]);
    reshape(tensor, rank, dim);
    return tensor;
}

static inline void indices_of(size_t place, int rank, const size_t *dim, size_t *at)
{
    for (int i = rank - 1; i >= 0; i--) {
        at[i] = place % dim[i];
        place /= dim[i];
    }
}

static inline size_t place_of(int rank, const size_t *dim, const size_t *at)
{
    size_t place = 0;
    for (int i = 0; i < rank; i++)
        place = place * dim[i] + at[i];
    return place;
}

// ------------------------------------------------------------------------------------------- attributes

static inline const GraphAttribute *attribute(const Op *op, const char *name)
{
    for (int i = 0; i < op->node->attributes; i++)
        if (!strcmp(op->node->attribute[i].name, name))
            return &op->node->attribute[i];
    return NULL;
}

static inline double number(const Op *op, const char *name, double fallback)
{
    const GraphAttribute *a = attribute(op, name);
    return !a ? fallback : a->kind == GRAPH_INT ? (double)a->i : a->f;
}

static inline int integer(const Op *op, const char *name, int fallback)
{
    const GraphAttribute *a = attribute(op, name);
    return a ? (int)a->i : fallback;
}

static inline int is_word(const Op *op, const char *name, const char *word)
{
    const GraphAttribute *a = attribute(op, name);
    return a && !strcmp(a->s, word);
}

// A list from an attribute or an input; -1 where there is neither.
static inline int list(const Op *op, const char *name, int input, double *to)
{
    const GraphAttribute *a = name ? attribute(op, name) : NULL;
    const RefTensor *t = input >= 0 && input < op->node->inputs ? op->in[input] : NULL;
    int n = t ? (int)t->count : a ? a->count : -1;
    for (int i = 0; i < n; i++)
        to[i] = t ? t->data[i] : (double)a->ints[i];
    return n;
}

static inline int axis_of(double axis, int rank)
{
    return (int)(axis < 0 ? axis + rank : axis);
}

// The element of a tensor that broadcasting to a shape of `rank` dimensions reads at indices `at`.
static inline double broadcast(const RefTensor *tensor, int rank, const size_t *at)
{
    size_t own[GRAPH_RANK];
    for (int i = 0; i < tensor->rank; i++)
        own[i] = tensor->dim[i] == 1 ? 0 : at[rank - tensor->rank + i];
    return tensor->data[place_of(tensor->rank, tensor->dim, own)];
}

static inline int broadcast_dims(const Op *op, int inputs, size_t *dim)
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

// For functions that have the operator's name in `type`: what it comes to where it is this one.
#define IS(name) if (!strcmp(type, name))

// -------------------------------------------------------------------------------------------- operators

void op_unary(Op *op);
void op_binary(Op *op);
void op_several(Op *op);
void op_where(Op *op);
void op_expand(Op *op);

void op_gemm(Op *op);
void op_matmul(Op *op);
void op_einsum(Op *op);
void op_conv(Op *op);
void op_conv_transpose(Op *op);
void op_col2im(Op *op);
void op_pool(Op *op);

void op_batch_norm(Op *op);
void op_layer_norm(Op *op);
void op_group_norm(Op *op);
void op_lrn(Op *op);
void op_softmax(Op *op);
void op_lp_norm(Op *op);
void op_rms_norm(Op *op);
void op_hardmax(Op *op);
void op_reduce(Op *op);

void op_concat(Op *op);
void op_split(Op *op);
void op_slice(Op *op);
void op_pad(Op *op);
void op_transpose(Op *op);
void op_blocks(Op *op);
void op_tile(Op *op);
void op_gather(Op *op);
void op_view(Op *op);
void op_shape(Op *op);
void op_range(Op *op);
void op_trilu(Op *op);
void op_eye_like(Op *op);
void op_size(Op *op);

void op_resize(Op *op);
void op_grid_sample(Op *op);

void op_fused_product(Op *op);
void op_fused_matmul(Op *op);
void op_fused_gelu(Op *op);
void op_skip_norm(Op *op);
void op_group_norm_last(Op *op);
void op_attention(Op *op);
void op_multi_head(Op *op);

void op_gather_elements(Op *op);
void op_gather_nd(Op *op);
void op_scatter(Op *op);
void op_topk(Op *op);
void op_arg(Op *op);
void op_cumsum(Op *op);
void op_non_zero(Op *op);
void op_one_hot(Op *op);

void op_recurrent(Op *op);

void op_quantize(Op *op);
void op_dequantize(Op *op);
void op_dynamic_quantize(Op *op);
void op_qlinear(Op *op);
void op_integer(Op *op);

#endif
