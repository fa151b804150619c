/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the convolutions use of the matrix product: packed B in memory of their own, and products of one block
 * on the calling thread.
 */
#ifndef GCAM_TENSOR_GEMM_BLOCK_H
#define GCAM_TENSOR_GEMM_BLOCK_H

#include "gemm.h"
#include "kernels/kernels.h"

struct GcamPackedB {
    const GcamKernels *kernels;
    enum GcamType type;         // GCAM_F32, or GCAM_BF16: see GcamKernels.gemm_bf16
    size_t k, n;
    float *data;
};

// Columns of a panel of packed B.
size_t gcam_packed_b_step(const GcamKernels *kernels);

// Floats that packed B takes, or SIZE_MAX.
size_t gcam_packed_b_size(const GcamKernels *kernels, enum GcamType type, size_t k, size_t n);

// Packed B for the caller to fill: every row of every panel; these begin at columns 0, step, 2 * step and so
// on. -ENOMEM.
int gcam_packed_b_alloc(GcamPackedB **out, enum GcamType type, size_t k, size_t n);

// Packs all of B on the calling thread: element (i, j) is from[i * row_stride + j * col_stride].
void gcam_gemm_pack(GcamPackedB *b, const float *from, ptrdiff_t row_stride, ptrdiff_t col_stride);

// Of the panel that begins at column j: how wide it is, at most GCAM_GEMM_STEP. Then writes its rows p and, where there
// is one, p + 1 from two rows of that width, of which those beyond column n must be zero. p is even.
size_t gcam_packed_b_width(const GcamPackedB *b, size_t j);
void gcam_packed_b_set_rows(GcamPackedB *b, size_t p, size_t j, const float *even, const float *odd);

// Row p of `to` becomes row q of `from`, of the same type and as many columns. Rows must come in order.
void gcam_packed_b_copy_row(GcamPackedB *to, size_t p, const GcamPackedB *from, size_t q);

// Number and length of the pieces of K: piece i is i * length .. min((i + 1) * length, k).
size_t gcam_gemm_k_pieces(size_t k, size_t *length);

// m rows, columns n0..n1-1 (n0 a multiple of the step above) of C and of all in ep; a is at row 0 of the
// block and column k0 of A, c, ep->add at row 0 and column 0. Pieces of K must come in order and complete.
void gcam_gemm_block(const GcamPackedB *b, size_t m, size_t n0, size_t n1, size_t k0, size_t k1,
                     const float *a, ptrdiff_t lda, float *c, ptrdiff_t ldc, const GcamEpilogue *ep);

// All of K. For a block as large as fits the caches.
void gcam_gemm_rows(const GcamPackedB *b, size_t m, size_t n0, size_t n1, const float *a, ptrdiff_t lda,
                    float *c, ptrdiff_t ldc, const GcamEpilogue *ep);

// Into how many tasks a product is cut for so many threads, if it is large enough: each block of columns reads, and
// where they are bfloat16 converts, all rows of A again. What OpenBLAS computes depends on how rows are cut: for it the
// number of threads is of no matter.
size_t gcam_gemm_tasks(const GcamKernels *kernels, int threads);

// How a product m x n x k is cut into `tasks`: blocks of *rows times blocks of *columns (a multiple of the
// step), small enough to spread the work, large enough to be worth a turn.
void gcam_gemm_cut(const GcamKernels *kernels, size_t m, size_t n, size_t k, size_t tasks, size_t *rows,
                   size_t *columns);

// act, lo and hi as one pair of limits.
void gcam_activation_limits(enum GcamActivation act, float lo, float hi, float limits[2]);

#endif
