/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the convolutions use of the matrix product: packed B in memory of their own, and products of one block
 * on the calling thread.
 */
#ifndef GCAM_GEMM_BLOCK_H
#define GCAM_GEMM_BLOCK_H

#include "gemm.h"
#include "kernels/kernels.h"

struct GcamPackedB {
    const GcamKernels *kernels;
    size_t k, n;
    float *data;
};

// The sums over K are cut into pieces of this length at most, so that rows of A stay in the first cache. It
// is the same for every product: the order of additions depends on K alone.
enum { GCAM_GEMM_K = 512 };

// The largest gcam_packed_b_step().
enum { GCAM_GEMM_STEP = 64 };

// Floats that packed B takes, or SIZE_MAX.
size_t gcam_packed_b_size(const GcamKernels *kernels, size_t k, size_t n);

// Packs columns first..last-1, where `first` is a multiple of gcam_packed_b_step(): packing can be divided.
void gcam_pack_b(const GcamKernels *kernels, size_t k, size_t n, size_t first, size_t last, const float *b,
                 ptrdiff_t row_stride, ptrdiff_t col_stride, float *packed);
size_t gcam_packed_b_step(const GcamKernels *kernels);

// Packed B for the caller to fill: every row of every panel; these begin at columns 0, step, 2 * step and so
// on. -ENOMEM.
int gcam_packed_b_alloc(GcamPackedB **out, size_t k, size_t n);

// Row p of the panel that begins at column j: *width floats, at most GCAM_GEMM_STEP. Those beyond column n
// must be zero.
float *gcam_packed_b_row(GcamPackedB *b, size_t p, size_t j, size_t *width);

// Number and length of the pieces of K: piece i is i * length .. min((i + 1) * length, k).
size_t gcam_gemm_k_pieces(size_t k, size_t *length);

// m rows, columns n0..n1-1 (n0 a multiple of the step above) of C and of all in ep; a is at row 0 of the
// block and column k0 of A, c, ep->add at row 0 and column 0. Pieces of K must come in order and complete.
void gcam_gemm_block(const GcamPackedB *b, size_t m, size_t n0, size_t n1, size_t k0, size_t k1,
                     const float *a, ptrdiff_t lda, float *c, ptrdiff_t ldc, const GcamEpilogue *ep);

// All of K. For a block as large as fits the caches.
void gcam_gemm_rows(const GcamPackedB *b, size_t m, size_t n0, size_t n1, const float *a, ptrdiff_t lda,
                    float *c, ptrdiff_t ldc, const GcamEpilogue *ep);

// How a product m x n x k is cut for threads: blocks of *rows times blocks of *columns (a multiple of the
// step), small enough to spread the work, large enough to be worth a turn. Depends on the sizes and the CPU
// alone.
void gcam_gemm_cut(const GcamKernels *kernels, size_t m, size_t n, size_t k, size_t *rows, size_t *columns);

// act, lo and hi as one pair of limits.
void gcam_activation_limits(enum GcamActivation act, float lo, float hi, float limits[2]);

#endif
