/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cuts a product into blocks, and lets several threads compute them; packs what is not packed on the way.
 */
#include "gemm.h"

#include <stdint.h>

#include "base/mem.h"
#include "base/sizes.h"
#include "gemm_block.h"

int gcam_gemm_has(enum GcamType type)
{
    return type == GCAM_F32 || (type == GCAM_BF16 && gcam_kernels()->gemm_bf16);
}

// --------------------------------------------------------------------------------------------------- threads

typedef struct Product {
    const GcamPackedB *b;
    size_t m, rows, columns;
    size_t row_blocks, column_blocks;   // of a group
    size_t group;               // rows of A that a thread begins with
    const float *a;
    ptrdiff_t lda;
    float *c;
    ptrdiff_t ldc;
    GcamEpilogue ep;
} Product;

// Within a group, blocks of the same columns follow each other: their panels of B are then in a cache.
static void product_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Product *p = opaque;
    size_t blocks = p->row_blocks * p->column_blocks, first = index / blocks * p->group;
    size_t last = gcam_min_size(first + p->group, p->m), row = first + index % p->row_blocks * p->rows;
    size_t column = index % blocks / p->row_blocks * p->columns;
    GcamEpilogue ep = p->ep;
    if (row >= last)
        return;
    if (ep.add)
        ep.add += (ptrdiff_t)row * ep.add_stride;
    gcam_gemm_rows(p->b, gcam_min_size(p->rows, last - row), column, gcam_min_size(column + p->columns, p->b->n),
                   p->a + (ptrdiff_t)row * p->lda, p->lda, p->c + (ptrdiff_t)row * p->ldc, p->ldc, &ep);
}

// Each thread begins with rows of its own: they are in its cache from the step before, and will be for the next. Only
// where few rows meet large weights, these are better divided. What OpenBLAS computes depends on how rows are cut.
static size_t groups_of_rows(const GcamThreads *pool, size_t m, const GcamPackedB *b)
{
    int divide_weights = (double)b->k * (double)b->n >= (double)m * (double)(b->k + b->n);
    return divide_weights || !b->kernels->panel ? 1 : (size_t)gcam_threads_count(pool);
}

void gcam_gemm_packed(GcamThreads *pool, size_t m, const float *a, ptrdiff_t lda, const GcamPackedB *b,
                      float *c, ptrdiff_t ldc, const GcamEpilogue *ep)
{
    if (!m || !b->n)
        return;
    size_t groups = groups_of_rows(pool, m, b);
    Product product = { .b = b, .m = m, .group = gcam_ceil_div(m, groups), .a = a, .lda = lda, .c = c, .ldc = ldc };
    if (ep)
        product.ep = *ep;
    size_t tasks = gcam_gemm_tasks(b->kernels, gcam_threads_count(pool)) / groups;
    gcam_gemm_cut(b->kernels, product.group, b->n, b->k, tasks, &product.rows, &product.columns);
    product.row_blocks = gcam_ceil_div(product.group, product.rows);
    product.column_blocks = gcam_ceil_div(b->n, product.columns);
    gcam_threads_run(pool, groups * product.row_blocks * product.column_blocks, product_task, &product);
}

// -------------------------------------------------------------------------------------------------- unpacked

typedef struct Packing {
    GcamPackedB *packed;        // B
    size_t rows, columns;       // of A
    size_t step;                // columns (B) or rows (A) per task
    const float *in;
    ptrdiff_t row, col, out_row;
    float *out;
} Packing;

static void pack_b_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Packing *p = opaque;
    size_t first = index * p->step;
    gcam_packed_b_fill(p->packed, first, gcam_min_size(first + p->step, p->packed->n), p->in, p->row, p->col);
}

static void pack_a_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Packing *p = opaque;
    size_t first = index * p->step, last = gcam_min_size(first + p->step, p->rows);
    for (size_t j = 0; j < p->columns; j++)
        for (size_t i = first; i < last; i++)
            p->out[(ptrdiff_t)i * p->out_row + (ptrdiff_t)j] =
                p->in[(ptrdiff_t)i * p->row + (ptrdiff_t)j * p->col];
}

// Rows of a copied A: a cache line more than a multiple of one, so that rows do not collide in the caches.
static size_t copied_row(size_t k)
{
    return gcam_round_up(k, 16) + 16;
}

size_t gcam_gemm_scratch(size_t m, size_t n, size_t k)
{
    size_t a, b = gcam_packed_b_size(gcam_kernels(), GCAM_F32, k, n), sum;
    if (k > SIZE_MAX - 32 || b > SIZE_MAX - 16 || gcam_mul(m, copied_row(k), &a))
        return SIZE_MAX;
    return __builtin_add_overflow(a, gcam_round_up(b, 16), &sum) ? SIZE_MAX : sum;
}

void gcam_gemm(GcamThreads *pool, enum GcamType type, size_t m, size_t n, size_t k, const float *a, ptrdiff_t a_row,
               ptrdiff_t a_col, const float *b, ptrdiff_t b_row, ptrdiff_t b_col, float *c, ptrdiff_t ldc,
               const GcamEpilogue *ep, float *scratch)
{
    if (!m || !n)
        return;
    const GcamKernels *kernels = gcam_kernels();
    GcamPackedB packed = { .kernels = kernels, .type = type, .k = k, .n = n, .data = scratch };
    Packing packing = {
        .packed = &packed, .step = gcam_round_up(128, gcam_packed_b_step(kernels)), .in = b, .row = b_row, .col = b_col,
    };
    gcam_threads_run(pool, gcam_ceil_div(n, packing.step), pack_b_task, &packing);
    if ((a_col != 1 && k > 1) || (m > 1 && a_row < (ptrdiff_t)k)) {
        Packing copy = {
            .rows = m,
            .columns = k,
            .step = 64,
            .in = a,
            .row = a_row,
            .col = a_col,
            .out_row = (ptrdiff_t)copied_row(k),
            .out = scratch + gcam_round_up(gcam_packed_b_size(kernels, GCAM_F32, k, n), 16),
        };
        gcam_threads_run(pool, gcam_ceil_div(m, copy.step), pack_a_task, &copy);
        a = copy.out;
        a_row = copy.out_row;
    }
    gcam_gemm_packed(pool, m, a, a_row, &packed, c, ldc, ep);
}

// ---------------------------------------------------------------------------------------------------- across

typedef struct Across {
    const GcamPackedB *b;
    size_t m, columns;          // of C, the second for each task
    const float *a;
    ptrdiff_t lda;
    float *c;
    ptrdiff_t ldc;
    float *memory;              // for B transposed
} Across;

static void turn_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Across *across = opaque;
    size_t n = across->b->n, first = index * across->columns;
    size_t last = gcam_min_size(first + across->columns, across->b->k);
    gcam_packed_b_turn(across->b, 0, n, first, last, across->memory + first * gcam_packed_b_rows(across->b->type, n));
}

// Some columns of C, all rows: a piece of B is transposed and, while it is in the caches, multiplied by.
static void across_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Across *across = opaque;
    const GcamPackedB *b = across->b;
    size_t first = index * across->columns, last = gcam_min_size(first + across->columns, b->k), length;
    size_t pieces = gcam_gemm_k_pieces(b->n, &length);
    GcamPackedB turned = { .kernels = b->kernels, .type = b->type, .n = last - first,
                           .data = across->memory + first * gcam_packed_b_rows(b->type, gcam_min_size(length, b->n)) };
    for (size_t i = 0; i < pieces; i++) {
        size_t k0 = i * length, k1 = gcam_min_size(k0 + length, b->n);
        const GcamEpilogue epilogue = { .accumulate = i > 0 };
        turned.k = k1 - k0;
        gcam_packed_b_turn(b, k0, k1, first, last, turned.data);
        gcam_gemm_rows(&turned, across->m, 0, turned.n, across->a + k0, across->lda, across->c + first, across->ldc,
                       &epilogue);
    }
}

void gcam_gemm_packed_across(GcamThreads *pool, size_t m, const float *a, ptrdiff_t lda, const GcamPackedB *b,
                             float *c, ptrdiff_t ldc, float *scratch)
{
    enum { TASKS = 8, PANELS = 3, FEW = 256 };  // enough tasks; panels of C that are worth the way through A; its rows
    if (!b->kernels->panel) {
        gcam_gemm(pool, GCAM_F32, m, b->k, b->n, a, lda, 1, b->data, 1, (ptrdiff_t)b->n, c, ldc, NULL, scratch);
        return;
    }
    size_t panels = gcam_min_size(gcam_ceil_div(gcam_ceil_div(b->k, b->kernels->panel), TASKS), PANELS);
    Across across = { b, m, b->kernels->panel * panels, a, lda, c, ldc, scratch };
    gcam_threads_run(pool, gcam_ceil_div(b->k, across.columns), m <= FEW ? across_task : turn_task, &across);
    GcamPackedB packed = { .kernels = b->kernels, .type = b->type, .k = b->n, .n = b->k, .data = scratch };
    if (m > FEW)
        gcam_gemm_packed(pool, m, a, lda, &packed, c, ldc, NULL);
}
