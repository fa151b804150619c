/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Matrix products of one block, on the calling thread, for those that divide the work themselves.
 */
#ifndef GCAM_TENSOR_GEMM_BLOCK_H
#define GCAM_TENSOR_GEMM_BLOCK_H

#include <stddef.h>

#include "epilogue.h"
#include "packed.h"

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

#endif
