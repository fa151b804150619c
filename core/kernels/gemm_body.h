/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Matrix product of one block, for the instruction set whose simd_*.h was included before. A is read where it
 * lies, row by row: ROWS rows of it stay in the first cache while the panels of B stream by. ROWS x (2 * VW)
 * sums are held in registers. ROWS is defined by the including file, so that they and one row of a panel fill
 * the register file.
 *
 * What one step along K multiplies is a float of A by a row of a panel, or, where the simd_*.h defines GEMM_PAIRS, two
 * bfloat16 in the place of each float. Rows of A are converted to that ROWS at a time.
 */
#include "kernels.h"
#include "unroll.h"

#ifdef GEMM_PAIRS
enum { STEP = 2 };              // elements of K in a Factor
#else
enum { STEP = 1 };
typedef float Factor;
typedef V Factors;
static inline Factors factors_load(const float *p) { return v_load(p); }
static inline Factors factors_set1(Factor x) { return v_set1(x); }
static inline V factors_add(V sum, Factors a, Factors b) { return v_fma(a, b, sum); }
static inline void factors_from_row(Factor *out, const float *in, size_t k) { memcpy(out, in, k * sizeof(*in)); }
#endif

enum {
    PANEL = 2 * VW,
    GROUPS = (ROWS + 2) / 3,
    COPY_K = GCAM_GEMM_K,       // largest k for which rows that collide in the cache are copied together
    COPY_STRIDE = COPY_K / STEP + 16,
};

// What follows the product, for n columns of one row.
static inline V finish(const GcamGemmBlock *b, ptrdiff_t row, size_t column, size_t n, V sum)
{
    if (b->load)
        sum = v_add(sum, v_load_n(b->c + row * b->ldc + column, n));
    if (b->last) {
        if (b->bias)
            sum = v_add(sum, v_load_n(b->bias + column, n));
        if (b->add)
            sum = v_add(sum, v_load_n(b->add + row * b->add_stride + column, n));
        sum = v_clamp(sum, v_set1(b->lo), v_set1(b->hi));
    }
    return sum;
}

// A tile whose last column lies inside a vector.
static void store_part(const GcamGemmBlock *b, size_t row, size_t column, size_t n, int rows, int vectors,
                       const float *sums)
{
    for (int r = 0; r < rows; r++)
        for (size_t v = 0; v < (size_t)vectors && v * VW < n; v++) {
            size_t j = column + v * VW, left = n - v * VW;
            V sum = finish(b, (ptrdiff_t)row + r, j, left, v_load(sums + (r * vectors + v) * VW));
            v_store_n(b->c + ((ptrdiff_t)row + r) * b->ldc + j, sum, left);
        }
}

// rows x (vectors * VW) of C. Three rows share a pointer, so that few registers hold addresses.
INLINE void tile(const GcamGemmBlock *block, size_t row, size_t column, size_t n, const Factor *a,
                 ptrdiff_t lda, const float *b, const int rows, const int vectors)
{
    const Factor *group[GROUPS];
    V sum[ROWS][2];
    UNROLL
    for (int g = 0; g < GROUPS; g++)
        group[g] = a + (3 * g < rows ? 3 * g : 0) * lda;
    UNROLL
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = v_zero();
    for (size_t p = 0; p < (block->k + STEP - 1) / STEP; p++) {
        Factors b0 = factors_load(b), b1 = vectors > 1 ? factors_load(b + VW) : b0;
        UNROLL
        for (int r = 0; r < rows; r++) {
            Factors x = factors_set1(group[r / 3][(r % 3) * lda + (ptrdiff_t)p]);
            sum[r][0] = factors_add(sum[r][0], x, b0);
            if (vectors > 1)
                sum[r][1] = factors_add(sum[r][1], x, b1);
        }
        b += vectors * VW;
    }
    if (n < (size_t)vectors * VW) {
        float sums[ROWS * PANEL];
        UNROLL
        for (int r = 0; r < rows; r++) {
            v_store(sums + r * vectors * VW, sum[r][0]);
            if (vectors > 1)
                v_store(sums + (r * vectors + 1) * VW, sum[r][1]);
        }
        store_part(block, row, column, n, rows, vectors, sums);
        return;
    }
    // As finish(), but a decision for all rows at a time.
    float *c = block->c + (ptrdiff_t)row * block->ldc + column;
    if (block->load) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            sum[r][0] = v_add(sum[r][0], v_load(c + r * block->ldc));
            if (vectors > 1)
                sum[r][1] = v_add(sum[r][1], v_load(c + r * block->ldc + VW));
        }
    }
    if (block->last) {
        if (block->bias) {
            V bias0 = v_load(block->bias + column), bias1 = bias0;
            if (vectors > 1)
                bias1 = v_load(block->bias + column + VW);
            UNROLL
            for (int r = 0; r < rows; r++) {
                sum[r][0] = v_add(sum[r][0], bias0);
                sum[r][1] = v_add(sum[r][1], bias1);
            }
        }
        if (block->add) {
            const float *add = block->add + (ptrdiff_t)row * block->add_stride + column;
            UNROLL
            for (int r = 0; r < rows; r++) {
                sum[r][0] = v_add(sum[r][0], v_load(add + r * block->add_stride));
                if (vectors > 1)
                    sum[r][1] = v_add(sum[r][1], v_load(add + r * block->add_stride + VW));
            }
        }
        V lo = v_set1(block->lo), hi = v_set1(block->hi);
        UNROLL
        for (int r = 0; r < rows; r++) {
            sum[r][0] = v_clamp(sum[r][0], lo, hi);
            sum[r][1] = v_clamp(sum[r][1], lo, hi);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        v_store(c + r * block->ldc, sum[r][0]);
        if (vectors > 1)
            v_store(c + r * block->ldc + VW, sum[r][1]);
    }
}

typedef void (*Tile)(const GcamGemmBlock *block, size_t row, size_t column, size_t n, const Factor *a,
                     ptrdiff_t lda, const float *b);

#define TILE(rows) \
    static void tile_##rows##_1(const GcamGemmBlock *block, size_t row, size_t column, size_t n, \
                                const Factor *a, ptrdiff_t lda, const float *b) \
    { tile(block, row, column, n, a, lda, b, rows, 1); } \
    static void tile_##rows##_2(const GcamGemmBlock *block, size_t row, size_t column, size_t n, \
                                const Factor *a, ptrdiff_t lda, const float *b) \
    { tile(block, row, column, n, a, lda, b, rows, 2); }
#define TILE_ENTRY(rows) { tile_##rows##_1, tile_##rows##_2 }

TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if ROWS > 6
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif
#if ROWS > 12
TILE(13) TILE(14)
#endif

static const Tile tiles[ROWS][2] = {
    TILE_ENTRY(1), TILE_ENTRY(2), TILE_ENTRY(3), TILE_ENTRY(4), TILE_ENTRY(5), TILE_ENTRY(6),
#if ROWS > 6
    TILE_ENTRY(7), TILE_ENTRY(8), TILE_ENTRY(9), TILE_ENTRY(10), TILE_ENTRY(11), TILE_ENTRY(12),
#endif
#if ROWS > 12
    TILE_ENTRY(13), TILE_ENTRY(14),
#endif
};

static void gemm(const GcamGemmBlock *block)
{
    size_t count = (block->m + ROWS - 1) / ROWS, b_k = (block->b_k + STEP - 1) / STEP;
#ifdef GEMM_PAIRS
    const int copy = 1;
#else
    // Rows a multiple of 2 KB apart fall on the same few lines of the first cache and push each other out.
    int copy = block->k <= COPY_K && block->n > PANEL && block->lda % 512 == 0 && block->m > 1;
#endif
    for (size_t i = 0; i < count; i++) {
        size_t row = i * block->m / count, rows = (i + 1) * block->m / count - row;
        const float *from = block->a + (ptrdiff_t)row * block->lda;
        const Factor *a = (const Factor *)from;
        ptrdiff_t lda = block->lda;
        Factor together[ROWS * COPY_STRIDE];
        if (copy) {
            for (size_t r = 0; r < rows; r++)
                factors_from_row(together + r * COPY_STRIDE, from + (ptrdiff_t)r * lda, block->k);
            a = together;
            lda = COPY_STRIDE;
        }
        for (size_t j = 0; j < block->n; j += PANEL) {
            size_t column = block->n0 + j, left = block->b_n - column;
            size_t width = left > VW ? PANEL : VW, n = left < PANEL ? left : PANEL;
            tiles[rows - 1][width == PANEL](block, row, j, n, a, lda,
                                            block->b + column * b_k + block->k0 / STEP * width);
        }
    }
}
