/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Packed B, the second operand of a matrix product: whole, in pieces, or row by row.
 */
#ifndef GCAM_TENSOR_PACKED_H
#define GCAM_TENSOR_PACKED_H

#include <stddef.h>

#include "base/half.h"
#include "kernels/kernels.h"

// B[K,N] in the order that the kernels of this machine read it. Immutable: any number of threads may use it.
typedef struct GcamPackedB {
    const GcamKernels *kernels;
    enum GcamType type;         // GCAM_F32, or GCAM_BF16: see GcamKernels.gemm_bf16
    size_t k, n;
    float *data;
} GcamPackedB;

// Element (i, j) of B is b[i * row_stride + j * col_stride]; b is copied. k or n may be 0. type: what operands are
// multiplied as, one that gcam_gemm_has(). -ENOMEM.
int gcam_packed_b_create(GcamPackedB **out, enum GcamType type, size_t k, size_t n, const float *b,
                         ptrdiff_t row_stride, ptrdiff_t col_stride);
void gcam_packed_b_free(GcamPackedB **b);

// Columns of a panel of packed B.
size_t gcam_packed_b_step(const GcamKernels *kernels);

// Floats that packed B takes, or SIZE_MAX.
size_t gcam_packed_b_size(const GcamKernels *kernels, enum GcamType type, size_t k, size_t n);

// Packed B for the caller to fill: every row of every panel; these begin at columns 0, step, 2 * step and so
// on. -ENOMEM.
int gcam_packed_b_alloc(GcamPackedB **out, enum GcamType type, size_t k, size_t n);

// Rows of packed B: of bfloat16 two are one.
static inline size_t gcam_packed_b_rows(enum GcamType type, size_t k)
{
    return type == GCAM_BF16 ? (k + 1) / 2 : k;
}

// Packs columns first..last-1 on the calling thread, where `first` is a multiple of gcam_packed_b_step(): packing can
// be divided. Element (i, j) of B is from[i * row_stride + j * col_stride].
void gcam_packed_b_fill(GcamPackedB *b, size_t first, size_t last, const float *from, ptrdiff_t row_stride,
                        ptrdiff_t col_stride);

// Of the panel that begins at column j: how wide it is, at most GCAM_GEMM_STEP. Then writes its rows p and, where there
// is one, p + 1 from two rows of that width, of which those beyond column n must be zero. p is even.
size_t gcam_packed_b_width(const GcamPackedB *b, size_t j);
void gcam_packed_b_set_rows(GcamPackedB *b, size_t p, size_t j, const float *even, const float *odd);

// Row p of `to` becomes row q of `from`, of the same type and as many columns. Rows must come in order.
void gcam_packed_b_copy_row(GcamPackedB *to, size_t p, const GcamPackedB *from, size_t q);

// Rows k0..k1-1, columns n0..n1-1 of B transposed, as a packed B of their own; k0 is even, n0 a multiple of the step.
// Each panel of B gives as many rows as it has columns, or some of them.
void gcam_packed_b_turn(const GcamPackedB *b, size_t k0, size_t k1, size_t n0, size_t n1, float *out);

#endif
