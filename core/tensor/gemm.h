/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Matrix product, C[M,N] = epilogue(A[M,K] * B[K,N]), all row-major, strides in elements. A, B and C are floats and
 * so are the sums; what is multiplied are floats too, or, where the processor has an instruction for it, both rounded
 * to bfloat16. B can be packed once (weights) or on the way (activations). No function but the constructor allocates.
 * The result is the same bit for bit for any number of threads.
 */
#ifndef GCAM_TENSOR_GEMM_H
#define GCAM_TENSOR_GEMM_H

#include <stddef.h>

#include "base/half.h"
#include "base/threads.h"
#include "epilogue.h"
#include "packed.h"

// Whether operands can be multiplied as that type. GCAM_F32: always; GCAM_F16: never.
int gcam_gemm_has(enum GcamType type);

// A[m,K] has rows `lda` >= K apart, elements of a row are adjacent. C must not overlap A. ep NULL: the plain
// product. With K = 0 the product is zero.
void gcam_gemm_packed(GcamThreads *pool, size_t m, const float *a, ptrdiff_t lda, const GcamPackedB *b,
                      float *c, ptrdiff_t ldc, const GcamEpilogue *ep);

// C[m,K] = A[m,N] * B transposed, from the same packed B. Scratch as gcam_gemm() needs for these sizes.
void gcam_gemm_packed_across(GcamThreads *pool, size_t m, const float *a, ptrdiff_t lda, const GcamPackedB *b,
                             float *c, ptrdiff_t ldc, float *scratch);

// Floats of scratch that gcam_gemm() needs with any type; SIZE_MAX when that cannot be expressed.
size_t gcam_gemm_scratch(size_t m, size_t n, size_t k);

// Both operands by any strides: A(i, p) is a[i * a_row + p * a_col], B(p, j) is b[p * b_row + j * b_col].
// type as above. scratch is 64-byte aligned (gcam_alloc).
void gcam_gemm(GcamThreads *pool, enum GcamType type, size_t m, size_t n, size_t k, const float *a, ptrdiff_t a_row,
               ptrdiff_t a_col, const float *b, ptrdiff_t b_row, ptrdiff_t b_col, float *c, ptrdiff_t ldc,
               const GcamEpilogue *ep, float *scratch);

#endif
