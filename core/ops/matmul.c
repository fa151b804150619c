/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Gemm: y [M, N] = alpha * a [M, K] * b [K, N] + beta * c [N], either operand transposed; MatMul: y [.., M, N] =
 * a [.., M, K] * b [.., K, N] over leading dimensions, which are broadcast. Values in ONNX's own order.
 *
 *     da = alpha * dy * b^T        db = alpha * a^T * dy
 *
 * Three ways: one row against constant weights is a matrix-vector product that reads the weights where they lie in the
 * file (row_product); several rows use weights that are packed once, in both directions; two operands that both depend
 * on the picture are multiplied as they are.
 */
#include "excitation.h"

#include "base/mem.h"
#include "base/sizes.h"
#include "tensor/linear.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct Params {
    size_t batch, m, n, k;
    int lead;                                   // dimensions before the matrices, whose product is `batch`
    size_t dim[GCAM_MAX_RANK];
    size_t from[2][GCAM_MAX_RANK];              // of a, of b: elements from one to the next; 0: the same for all
    int transposed_a, transposed_b;
    float alpha, beta;
} Params;

typedef struct State {
    GcamPackedB *packed;                        // m > 1, b constant
    void *own;                                  // b converted, where it is not used in place
    const void *weights;                        // b constant: what is used
    int by_input;                               // m = 1: weights are [K][N], whatever the order of b
    enum GcamType type;
    float *bias;                                // n elements, beta applied; or NULL
    float *excited[GCAM_EXCITATIONS];           // b's elements of one sign alone, times alpha: for excite
} State;

// c is a row of constants, or one number.
static int gemm_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 3);
    Params *p = gcam_infer_alloc(infer, sizeof(*p));
    if (error || !p)
        return error ? error : -ENOMEM;
    const GcamShape *a = &gcam_infer_input(infer, 0)->shape, *b = &gcam_infer_input(infer, 1)->shape;
    const GcamValue *c = gcam_infer_input(infer, 2);
    char text[GCAM_SHAPE_TEXT], other[GCAM_SHAPE_TEXT];
    p->transposed_a = gcam_node_int(infer->node, "transA", 0) != 0;
    p->transposed_b = gcam_node_int(infer->node, "transB", 0) != 0;
    p->alpha = gcam_node_float(infer->node, "alpha", 1);
    p->beta = gcam_node_float(infer->node, "beta", 1);
    // Caffe's exporters hand a picture to Gemm without a Flatten: all but the first dimension count as columns.
    size_t rows = a->rank ? a->dim[0] : 1, columns = a->rank ? gcam_shape_count(a) / (rows ? rows : 1) : 1;
    p->batch = 1;
    p->m = p->transposed_a ? columns : rows;
    p->k = p->transposed_a ? rows : columns;
    p->n = b->rank == 2 ? b->dim[!p->transposed_b] : 0;
    if (b->rank != 2 || b->dim[p->transposed_b] != p->k)
        return gcam_infer_bad(infer, "shapes %s and %s do not fit each other", gcam_shape_text(a, text),
                              gcam_shape_text(b, other));
    size_t count = c ? gcam_shape_count(&c->shape) : 0;
    if (c && (!c->data || (count != p->n && count != 1) || (c->shape.rank && c->shape.dim[c->shape.rank - 1] != count)))
        return gcam_infer_unsupported(infer, "added shape %s; only a constant row is",
                                      gcam_shape_text(&c->shape, text));
    infer->node->params = p;
    GcamShape shape = { 2, { p->m, p->n } };
    return gcam_infer_output(infer, 0, &shape);
}

// Leading dimensions, broadcast. 0, or -EBADMSG when they do not fit each other.
static int find_batches(const GcamShape *a, const GcamShape *b, Params *p)
{
    const GcamShape *side[2] = { a, b };
    size_t next[2] = { p->m * p->k, p->k * p->n };
    p->lead = (a->rank > b->rank ? a->rank : b->rank) - 2;
    for (int i = p->lead - 1; i >= 0; i--) {
        p->dim[i] = 1;
        for (int k = 0; k < 2; k++) {
            const int own = i - (p->lead + 2 - side[k]->rank);
            const size_t size = own < 0 ? 1 : side[k]->dim[own];
            if (size != 1 && p->dim[i] != 1 && size != p->dim[i])
                return -EBADMSG;
            p->from[k][i] = size == 1 ? 0 : next[k];
            p->dim[i] = size == 1 ? p->dim[i] : size;
            next[k] *= size;
        }
        p->batch *= p->dim[i];
    }
    return 0;
}

// The matrix of a or b in a product of the batch: elements before it; *again: whether one before had the same.
static size_t matrix_at(const Params *p, int side, size_t index, int *again)
{
    size_t at = 0;
    *again = 0;
    for (int i = p->lead - 1; i >= 0; i--) {
        const size_t own = index % p->dim[i];
        index /= p->dim[i];
        at += own * p->from[side][i];
        *again |= own && !p->from[side][i];
    }
    return at;
}

// a: [.., M, K], b: [.., K, N]; vectors are written as matrices before (plan/rewrite_products.c).
static int matmul_infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 2, 2);
    Params *p = gcam_infer_alloc(infer, sizeof(*p));
    if (error || !p)
        return error ? error : -ENOMEM;
    const GcamShape *a = &gcam_infer_input(infer, 0)->shape, *b = &gcam_infer_input(infer, 1)->shape;
    char text[GCAM_SHAPE_TEXT], other[GCAM_SHAPE_TEXT];
    if (!gcam_shape_count(a) || !gcam_shape_count(b))
        return gcam_infer_unsupported(infer, "shapes %s and %s: nothing to multiply", gcam_shape_text(a, text),
                                      gcam_shape_text(b, other));
    if (a->rank >= 2 && b->rank >= 2)
        *p = (Params){ .batch = 1, .m = a->dim[a->rank - 2], .n = b->dim[b->rank - 1], .k = a->dim[a->rank - 1],
                       .alpha = 1, .beta = 1 };
    if (a->rank < 2 || b->rank < 2 || b->dim[b->rank - 2] != p->k || find_batches(a, b, p) < 0)
        return gcam_infer_bad(infer, "shapes %s and %s do not fit each other", gcam_shape_text(a, text),
                              gcam_shape_text(b, other));
    GcamShape shape = { p->lead + 2, { 0 } };
    memcpy(shape.dim, p->dim, (size_t)p->lead * sizeof(*p->dim));
    shape.dim[p->lead] = p->m;
    shape.dim[p->lead + 1] = p->n;
    if (gcam_shape_count(b) == p->k * p->n) {   // one matrix for all: the leading dimensions are only more rows
        p->m *= p->batch;
        p->batch = 1;
        p->lead = 0;
    }
    infer->node->params = p;
    return gcam_infer_output(infer, 0, &shape);
}

static void matmul_release(GcamStep *step)
{
    State *state = step->state;
    if (!state)
        return;
    gcam_packed_b_free(&state->packed);
    gcam_free(state->own);
    gcam_free(state->bias);
    for (int i = 0; i < GCAM_EXCITATIONS; i++)
        gcam_free(state->excited[i]);
    gcam_free(state);
    step->state = NULL;
}

// Whether b is one matrix of weights.
static int is_constant(const GcamStep *step, const GcamValue *values)
{
    return values[step->input[1]].data && ((const Params *)step->node->params)->batch == 1;
}

// In place: what the matrix-vector product reads, aligned for its elements.
static int usable_in_place(const GcamValue *value, enum GcamType *type)
{
    *type = value->type == GCAM_TYPE_FLOAT16 ? GCAM_F16 : value->type == GCAM_TYPE_BFLOAT16 ? GCAM_BF16 : GCAM_F32;
    return (value->type == GCAM_TYPE_FLOAT || *type != GCAM_F32) &&
           (uintptr_t)value->data % gcam_data_size(value->type) == 0;
}

// What is added to each row: c times beta, or the row that a plan put there.
static int prepare_bias(const GcamStep *step, const GcamValue *values, const Params *p, State *state)
{
    const GcamValue *c = step->inputs > 2 && step->input[2] >= 0 ? &values[step->input[2]] : NULL;
    if (!c && !step->bias)
        return 0;
    size_t count = c ? gcam_shape_count(&c->shape) : p->n;
    state->bias = gcam_alloc(p->n, sizeof(float));
    if (!state->bias)
        return -ENOMEM;
    if (step->bias)
        memcpy(state->bias, step->bias, p->n * sizeof(float));
    for (size_t i = 0; c && i < p->n; i++)
        state->bias[i] = p->beta * (float)gcam_constant_double(c, count == 1 ? 0 : i);
    return 0;
}

// What gcam_gemm() needs in the cases where forward and backward call it.
static size_t scratch_floats(const GcamStep *step, const GcamValue *values)
{
    const Params *p = step->node->params;
    int constant = is_constant(step, values);
    size_t forward = gcam_gemm_scratch(p->m, p->n, p->k), by_a = gcam_gemm_scratch(p->m, p->k, p->n);
    size_t by_b = gcam_gemm_scratch(p->k, p->n, p->m), most = 0;
    if (constant && p->m == 1)
        return 0;
    if (!constant || p->transposed_a)
        most = forward;
    if (step->in_head && by_a > most)
        most = by_a;
    return step->in_head && !constant && by_b > most ? by_b : most;
}

// w[rows][columns] to w[columns][rows], a cache line's worth of columns at a time.
static int narrow_turned(uint16_t *out, const float *w, size_t rows, size_t columns)
{
    enum { LINE = 16 };
    float *block = gcam_alloc(rows, LINE * sizeof(*block));
    if (!block)
        return -ENOMEM;
    for (size_t first = 0; first < columns; first += LINE) {
        size_t n = columns - first < LINE ? columns - first : LINE;
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < n; c++)
                block[c * rows + r] = w[r * columns + first + c];
        gcam_to_half(out + first * rows, block, n * rows);
    }
    gcam_free(block);
    return 0;
}

// Products of one row are as slow as their weights come from memory. Where bfloat16 is precise enough, so is fp16,
// which is as short, if no weight is beyond its range. Behind a ReLU a row of weights for each input is best: where
// the input is zero it is read in neither direction. 1 when done, 0 when not to be done, or -ENOMEM.
static int make_half(const GcamStep *step, const Params *p, State *state)
{
    enum { LONG = 2048 };                       // rows of fewer weights are better read along the inputs
    const float *in = state->weights;
    size_t count = p->k * p->n;
    float most = 0;
    int error = 0;
    if (step->type != GCAM_BF16 || p->m > 1 || state->type != GCAM_F32)
        return 0;
    for (size_t i = 0; i < count; i++)
        most = fmaxf(most, fabsf(in[i]));
    if (!(most <= 65504))
        return 0;
    uint16_t *half = gcam_alloc(count, sizeof(*half));
    if (!half)
        return -ENOMEM;
    if (p->transposed_b && step->from_relu && p->n >= LONG) {
        state->by_input = 1;
        error = narrow_turned(half, in, p->n, p->k);
    } else {
        gcam_to_half(half, in, count);
    }
    gcam_free(state->own);
    state->weights = state->own = half;
    state->type = GCAM_F16;
    return error ? error : 1;
}

// What excite reads, and room for z and products with it.
static int excite_prepare(GcamStep *step, const GcamValue *b, const Params *p, State *state)
{
    size_t count = p->k * p->n, forward = gcam_gemm_scratch(p->m, p->n, p->k);
    size_t back = p->transposed_a ? gcam_gemm_scratch(p->k, p->m, p->n) : gcam_gemm_scratch(p->m, p->k, p->n);
    for (int i = 0; i < GCAM_EXCITATIONS; i++) {
        if (!gcam_excitation_wanted(step, i))
            continue;
        if (!(state->excited[i] = gcam_constant_floats(b)))
            return -ENOMEM;
        gcam_excitation_weights(state->excited[i], count, p->alpha, i, state->excited[i]);
    }
    size_t scratch = gcam_round_line(p->m * p->n) + (forward > back ? forward : back);
    if (step->excites && scratch > step->scratch)
        step->scratch = scratch;
    return 0;
}

static int matmul_prepare(GcamStep *step, const GcamValue *values, int threads)
{
    const Params *p = step->node->params;
    const GcamValue *b = &values[step->input[1]];
    State *state = step->state = gcam_calloc(1, sizeof(*state));
    (void)threads;
    step->scratch = scratch_floats(step, values);
    if (!state || prepare_bias(step, values, p, state) < 0 || excite_prepare(step, b, p, state) < 0)
        return -ENOMEM;
    if (!is_constant(step, values))
        return 0;
    state->weights = b->data;
    state->by_input = !p->transposed_b;
    if (!usable_in_place(b, &state->type) || (p->m > 1 && state->type != GCAM_F32)) {
        state->type = GCAM_F32;
        state->weights = state->own = gcam_constant_floats(b);
        if (!state->own)
            return -ENOMEM;
    }
    if (p->m == 1) {
        int made = make_half(step, p, state);
        step->copied = made > 0;
        return made < 0 ? made : 0;
    }
    int error = gcam_packed_b_create(&state->packed, step->type, p->k, p->n, state->weights,
                                     p->transposed_b ? 1 : (ptrdiff_t)p->n, p->transposed_b ? (ptrdiff_t)p->k : 1);
    if (!error && !p->transposed_a) {           // both directions use what was packed
        step->copied = 1;
        gcam_free(state->own);
        state->own = NULL;
    }
    return error;
}

static int row_product(const GcamStep *step, GcamRowProduct *product)
{
    const Params *p = step->node->params;
    const State *state = step->state;
    if (!state || !state->weights || p->m != 1)
        return 0;
    *product = (GcamRowProduct){ p->n, p->k, state->weights, state->type, state->by_input, p->alpha };
    return 1;
}

// y = alpha * y + bias, where that is not part of the product.
static void scale_and_add(float *y, size_t m, size_t n, float alpha, const float *bias)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            y[i * n + j] = alpha * y[i * n + j] + (bias ? bias[j] : 0);
}

static void matmul_forward(const GcamRun *run, const GcamStep *step)
{
    const Params *p = step->node->params;
    const State *state = step->state;
    const float *a = run->data[step->input[0]], *b = run->data[step->input[1]];
    float *y = run->data[step->output[0]];
    const float *bias = p->alpha == 1 ? state->bias : NULL;
    GcamEpilogue epilogue = { .bias = bias };
    ptrdiff_t a_row = p->transposed_a ? 1 : (ptrdiff_t)p->k, a_col = p->transposed_a ? (ptrdiff_t)p->m : 1;
    ptrdiff_t b_row = p->transposed_b ? 1 : (ptrdiff_t)p->n, b_col = p->transposed_b ? (ptrdiff_t)p->k : 1;
    int again;
    if (state->weights && p->m == 1)
        gcam_linear_forward(run->pool, p->n, p->k, state->weights, state->type, state->by_input, bias, a, y,
                            GCAM_ACT_NONE, 0, 0);
    else if (state->packed && !p->transposed_a)
        gcam_gemm_packed(run->pool, p->m, a, a_row, state->packed, y, (ptrdiff_t)p->n, &epilogue);
    else
        for (size_t i = 0; i < p->batch; i++)
            gcam_gemm(run->pool, step->type, p->m, p->n, p->k, a + matrix_at(p, 0, i, &again), a_row, a_col,
                      (state->weights ? (const float *)state->weights : b) + matrix_at(p, 1, i, &again), b_row, b_col,
                      y + i * p->m * p->n, (ptrdiff_t)p->n, &epilogue, run->scratch);
    if (p->alpha != 1)
        scale_and_add(y, p->batch * p->m, p->n, p->alpha, state->bias);
}

static void row_product_backward(const GcamRun *run, const GcamStep *step, size_t count, const float *const *dy,
                                 float *const *dx)
{
    const Params *p = step->node->params;
    const State *state = step->state;
    int masks = (step->from_relu || (step->from_layer && run->only_active)) && run->rule != GCAM_RULE_DECONVOLUTION;
    gcam_linear_backward(run->pool, p->n, p->k, state->weights, state->type, state->by_input, count, dy,
                         masks ? run->data[step->input[0]] : NULL, dx);
    for (size_t i = 0; p->alpha != 1 && i < count; i++)
        for (size_t k = 0; k < p->k; k++)
            dx[i][k] *= p->alpha;
}

// da = alpha * dy * b^T, db = alpha * a^T * dy; of operands that were transposed, the transposes.
static void matmul_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const Params *p = step->node->params;
    const State *state = step->state;
    const float *dy = run->grad[step->output[0]], *a = run->data[step->input[0]];
    const float *b = state->weights ? state->weights : run->data[step->input[1]];
    size_t count = gcam_shape_count(&run->value[step->input[input]].shape);
    ptrdiff_t n = (ptrdiff_t)p->n, k = (ptrdiff_t)p->k, m = (ptrdiff_t)p->m;
    if (input > 1)
        return;
    if (input == 0 && state->weights && p->m == 1) {
        row_product_backward(run, step, 1, &dy, &dx);
        return;
    } else if (input == 0 && state->packed && !p->transposed_a) {
        gcam_gemm_packed_across(run->pool, p->m, dy, n, state->packed, dx, k, run->scratch);
    } else {
        for (size_t i = 0; i < p->batch; i++) {
            int again, other;
            const float *dy_i = dy + i * p->m * p->n;
            float *dx_i = dx + matrix_at(p, input, i, &again);
            const float *by = (input == 0 ? b : a) + matrix_at(p, !input, i, &other);
            // A matrix that several products share collects the sum.
            GcamEpilogue add = { .accumulate = again };
            if (input == 0 && !p->transposed_a)
                gcam_gemm(run->pool, step->type, p->m, p->k, p->n, dy_i, n, 1, by, p->transposed_b ? k : 1,
                          p->transposed_b ? 1 : n, dx_i, k, &add, run->scratch);
            else if (input == 0)
                gcam_gemm(run->pool, step->type, p->k, p->m, p->n, by, p->transposed_b ? 1 : n,
                          p->transposed_b ? k : 1, dy_i, 1, n, dx_i, m, &add, run->scratch);
            else if (!p->transposed_b)
                gcam_gemm(run->pool, step->type, p->k, p->n, p->m, by, p->transposed_a ? m : 1,
                          p->transposed_a ? 1 : k, dy_i, n, 1, dx_i, n, &add, run->scratch);
            else
                gcam_gemm(run->pool, step->type, p->n, p->k, p->m, dy_i, 1, n, by, p->transposed_a ? 1 : k,
                          p->transposed_a ? m : 1, dx_i, k, &add, run->scratch);
        }
    }
    for (size_t i = 0; p->alpha != 1 && i < count; i++)
        dx[i] *= p->alpha;
}

static double matmul_flops(const GcamStep *step, const GcamValue *values)
{
    const Params *p = step->node->params;
    (void)values;
    return 2.0 * (double)p->batch * (double)p->m * (double)p->n * (double)p->k;
}

static const char *matmul_kernel(const GcamStep *step)
{
    const Params *p = step->node->params;
    const State *state = step->state;
    if (state->weights && p->m == 1)
        return state->type == GCAM_F32 ? (state->by_input ? "by input" : "by output")
                                       : state->by_input ? "fp16 by input" : "fp16 by output";
    return state->packed ? "packed" : "";
}

// One matrix for all rows.
static int matmul_by_rows(const GcamNode *node, const GcamValue *values)
{
    const GcamValue *b = &values[node->input[1]];
    return b->data && b->shape.rank == 2;
}

// --------------------------------------------------------------------------------------------------------- excitation

// One row, as most classifiers have it.
static void excite_row(const GcamRun *run, const Params *p, const float *w, const float *r, const float *x,
                       const float *y, float *z, float *dx)
{
    const float *shares = z;
    gcam_linear_forward(run->pool, p->n, p->k, w, GCAM_F32, !p->transposed_b, NULL, x, z, GCAM_ACT_NONE, 0, 0);
    gcam_excitation_shares(r, y, z, p->n);
    gcam_linear_backward(run->pool, p->n, p->k, w, GCAM_F32, !p->transposed_b, 1, &shares, NULL, &dx);
}

static void matmul_excite(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const Params *p = step->node->params;
    const float *w = ((const State *)step->state)->excited[gcam_excitation_of(run, step)];
    const float *r = run->grad[step->output[0]], *x = run->data[step->input[input]], *y = run->data[step->output[0]];
    const ptrdiff_t n = (ptrdiff_t)p->n, k = (ptrdiff_t)p->k, m = (ptrdiff_t)p->m;
    const ptrdiff_t row = p->transposed_b ? 1 : n, column = p->transposed_b ? k : 1;    // of w as [K][N]
    float *z = run->scratch, *scratch = z + gcam_round_line(p->m * p->n);
    const GcamEpilogue plain = { 0 };
    if (p->m == 1) {
        excite_row(run, p, w, r, x, y, z, dx);
        return;
    }
    gcam_gemm(run->pool, step->type, p->m, p->n, p->k, x, p->transposed_a ? 1 : k, p->transposed_a ? m : 1, w, row,
              column, z, n, &plain, scratch);
    gcam_excitation_shares(r, y, z, p->m * p->n);
    if (p->transposed_a)
        gcam_gemm(run->pool, step->type, p->k, p->m, p->n, w, row, column, z, 1, n, dx, m, &plain, scratch);
    else
        gcam_gemm(run->pool, step->type, p->m, p->k, p->n, z, n, 1, w, column, row, dx, k, &plain, scratch);
}

// Weights that one matrix holds, which is not changed by the picture.
static int can_excite(const GcamStep *step, const GcamValue *values)
{
    return is_constant(step, values);
}

#define PRODUCT(name, rule, traits, ...) \
    { .type = name, .layout = GCAM_LAYOUT_PLAIN, \
      .flags = GCAM_OP_NEEDS_X | GCAM_OP_WEIGHTS | GCAM_OP_PRODUCT | traits, \
      .infer = rule, .prepare = matmul_prepare, .release = matmul_release, .forward = matmul_forward, \
      .backward = matmul_backward, \
      .excite = matmul_excite, .can_excite = can_excite, .flops = matmul_flops, \
      .kernel = matmul_kernel, .row_product = row_product, \
      .row_product_backward = row_product_backward, __VA_ARGS__ }

const GcamOp gcam_op_gemm = PRODUCT("Gemm", gemm_infer, 0);
// A constant second operand that is one matrix is packed or used in place, several are read while it runs.
const GcamOp gcam_op_matmul = PRODUCT("MatMul", matmul_infer, GCAM_OP_READS_STACK, .takes = GCAM_TAKES_ROW,
                                      .by_rows = matmul_by_rows);
