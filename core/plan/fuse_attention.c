/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Finds attention in what exporters write: MatMul(Softmax(MatMul(q, k^T) ..), v), where between the first product and
 * the softmax the logits may be multiplied by a number, and constants added to them (positions, masks); q, k and v are
 * parts of other values in another order. All of it becomes one step, and the exchange of tokens and heads behind it
 * too.
 */
#include "fuse.h"

#include "ops/attention.h"
#include "view.h"

#include <errno.h>
#include <string.h>

typedef struct Found {
    GcamStep *product, *softmax;
    float scale;
    int add[GCAM_ATTENTION_ADDS], adds;                 // constants
    GcamShape added[GCAM_ATTENTION_ADDS];               // the logits' shape where they are added
} Found;

static size_t last_dim(const GcamShape *shape, int from_end)
{
    return shape->dim[shape->rank - from_end];
}

// Goes back from the softmax to the product of queries and keys. 0 when there is something else between them.
static int find_product(const GcamPlan *plan, const GcamUsers *users, int logits, Found *found)
{
    const GcamShape *whole = &plan->value[logits].shape;
    found->scale = 1;
    for (;;) {
        GcamStep *step = gcam_private_producer(plan, users, logits);
        const GcamShape *shape = &plan->value[logits].shape;
        if (!step || shape->rank < 3 || last_dim(shape, 1) != last_dim(whole, 1) ||
            last_dim(shape, 2) != last_dim(whole, 2))
            return 0;
        int from = gcam_scaled(plan, step, &found->scale);
        if (step->op->flags & GCAM_OP_PRODUCT) {
            found->product = step;
            return !step->bias;
        }
        if (from < 0 && step->op->flags & GCAM_OP_VIEW)
            from = step->input[0];
        if (from < 0) {
            int constant = plan->value[step->input[0]].data == NULL;
            // What is multiplied after an addition is not looked for.
            if (!gcam_step_is(step, GCAM_SYMBOL_ADD) || found->adds == GCAM_ATTENTION_ADDS || found->scale != 1 ||
                !plan->value[step->input[constant]].data)
                return 0;
            found->add[found->adds] = step->input[constant];
            found->added[found->adds++] = *shape;
            from = step->input[!constant];
        }
        logits = from;
    }
}

// A view as matrices of windows and heads; transposed: columns first, as k^T is.
static int take_view(const GcamView *view, int transposed, GcamHeads *heads, int *input, int *inputs)
{
    const GcamShape *shape = &view->shape;
    int rank = shape->rank, i = 0, row = transposed ? rank - 1 : rank - 2, column = transposed ? rank - 2 : rank - 1;
    if (rank < 3 || rank > 4 || (view->stride[column] != 1 && shape->dim[column] != 1))
        return 0;
    while (i < *inputs && input[i] != view->source)
        i++;
    if (i == *inputs)
        input[(*inputs)++] = view->source;
    *heads = (GcamHeads){ i, view->offset, rank == 4 ? view->stride[0] : 0, view->stride[rank - 3], view->stride[row] };
    return 1;
}

// Where the matrix that is added to each window's and head's logits begins. 0 when it is not of this form.
static int find_add(GcamPlan *plan, const Found *found, int index, GcamAttention *a)
{
    const GcamShape *own = &plan->value[found->add[index]].shape, *all = &found->added[index];
    size_t count = a->outer * a->heads, *at = gcam_arena_alloc(&plan->arena, count, sizeof(*at));
    ptrdiff_t stride[GCAM_MAX_RANK] = { 0 }, next = 1;
    if (!at)
        return -ENOMEM;
    for (int i = 1; i <= own->rank; i++) {              // broadcast where the dimension is 1
        stride[all->rank - i] = last_dim(own, i) == 1 ? 0 : next;
        next *= (ptrdiff_t)last_dim(own, i);
    }
    if (own->rank > all->rank || last_dim(own, 1) != a->keys || (a->keys > 1 && stride[all->rank - 1] != 1))
        return 0;
    for (size_t b = 0; b < count; b++) {
        size_t rest = b;
        for (int i = all->rank - 3; i >= 0; i--) {
            at[b] += rest % all->dim[i] * (size_t)stride[i];
            rest /= all->dim[i];
        }
    }
    a->add_at[index] = at;
    a->add_row[index] = stride[all->rank - 2];
    return 1;
}

// y as the product writes it, [outer, heads, queries, value_width].
static GcamHeads plain_heads(const GcamAttention *a)
{
    ptrdiff_t row = (ptrdiff_t)a->value_width, head = (ptrdiff_t)a->queries * row;
    return (GcamHeads){ 0, 0, (ptrdiff_t)a->heads * head, head, row };
}

static int same_batch(const GcamShape *a, const GcamShape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)(a->rank - 2) * sizeof(a->dim[0]));
}

// Fills in *a and the inputs. 1, or 0 when it is not attention in a form that is known, or -ENOMEM.
static int describe(GcamPlan *plan, const GcamUsers *users, const GcamStep *step, const Found *found, GcamAttention *a,
                    int *input, int *inputs)
{
    const GcamStep *product = found->product;
    GcamView q, k, v;
    if (plan->value[product->input[0]].data || plan->value[product->input[1]].data || plan->value[step->input[1]].data)
        return 0;
    gcam_view_find(plan, users, product->input[0], &q);
    gcam_view_find(plan, users, product->input[1], &k);
    gcam_view_find(plan, users, step->input[1], &v);
    if (!same_batch(&q.shape, &k.shape) || !same_batch(&q.shape, &v.shape) || v.factor != 1 ||
        !take_view(&q, 0, &a->q, input, inputs) || !take_view(&k, 1, &a->k, input, inputs) ||
        !take_view(&v, 0, &a->v, input, inputs))
        return 0;
    a->outer = q.shape.rank == 4 ? q.shape.dim[0] : 1;
    a->heads = last_dim(&q.shape, 3);
    a->queries = last_dim(&q.shape, 2);
    a->width = last_dim(&q.shape, 1);
    a->keys = last_dim(&k.shape, 1);
    a->value_width = last_dim(&v.shape, 1);
    a->scale = found->scale * q.factor * k.factor;
    a->adds = found->adds;
    a->y = plain_heads(a);
    for (int i = 0; i < found->adds; i++) {
        int known = find_add(plan, found, i, a);
        if (known <= 0)
            return known;
        input[(*inputs)++] = found->add[i];
    }
    return 1;
}

int gcam_fuse_attention(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    Found found = { 0 };
    if (!(step->op->flags & GCAM_OP_PRODUCT) || step->bias ||
        !(found.softmax = gcam_private_producer(plan, users, step->input[0])) ||
        !(found.softmax->op->flags & GCAM_OP_SOFTMAX) ||
        !found.softmax->op->by_rows(found.softmax->node, plan->value) ||
        !find_product(plan, users, found.softmax->input[0], &found))
        return 0;
    int *input = gcam_arena_alloc(&plan->arena, 3 + GCAM_ATTENTION_ADDS, sizeof(*input)), inputs = 0;
    GcamAttention *a = gcam_arena_alloc(&plan->arena, 1, sizeof(*a));
    GcamNode *node = gcam_arena_alloc(&plan->arena, 1, sizeof(*node));
    if (!input || !a || !node)
        return -ENOMEM;
    int known = describe(plan, users, step, &found, a, input, &inputs);
    if (known <= 0)
        return known;
    *node = *step->node;
    node->op = &gcam_op_attention;
    node->params = a;
    step->op = node->op;
    step->node = node;
    step->input = input;
    step->inputs = inputs;
    return 0;
}

int gcam_fuse_attention_order(GcamPlan *plan, GcamUsers *users, GcamStep *step)
{
    GcamStep *attention = step->op->order ? gcam_private_producer(plan, users, step->input[0]) : NULL;
    if (!attention || attention->op != &gcam_op_attention)
        return 0;
    const GcamShape *from = &plan->value[step->input[0]].shape, *to = &plan->value[step->output[0]].shape;
    const int *perm = step->op->order(step->node), rank = from->rank;
    if (perm[rank - 1] != rank - 1)
        return 0;
    GcamAttention *a = attention->node->params;
    ptrdiff_t stride[GCAM_MAX_RANK], next = 1;
    for (int i = rank - 1; i >= 0; i--) {
        stride[perm[i]] = next;
        next *= (ptrdiff_t)to->dim[i];
    }
    a->y = (GcamHeads){ 0, 0, rank == 4 ? stride[0] : 0, stride[rank - 3], stride[rank - 2] };
    attention->output[0] = step->output[0];
    users->producer[step->output[0]] = (int)(attention - plan->step);
    step->op = NULL;
    return 0;
}
