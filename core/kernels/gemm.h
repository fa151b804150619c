/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the matrix product takes: one block of C, with the rows of A and the panels of packed B that make it, all small
 * enough for the caches. Cutting a product into blocks, and packing B, is the caller's (tensor/gemm.c).
 *
 * Packed B consists of panels, GcamKernels.panel columns each; the last is cut to half of it where that is enough, and
 * filled up with zeros. A panel is row-major, and panels follow each other without a gap. Panel 0: all of B is
 * row-major, without filling. Of bfloat16 packed B has two neighbours of a column where it would have a float, rows 2p
 * (lower half) and 2p + 1; beyond an odd last row there is a zero.
 */
#ifndef GCAM_KERNELS_GEMM_H
#define GCAM_KERNELS_GEMM_H

#include <stddef.h>

// The sums over K are cut into pieces of this length at most, so that rows of A stay in the first cache. It is the same
// for every product: the order of additions depends on K alone.
enum { GCAM_GEMM_K = 512 };

// Columns of a panel, at most.
enum { GCAM_GEMM_STEP = 64 };

// Columns n0..n0+n-1 of m >= 1 rows of C, over k0..k0+k-1:
//
//     c = (load ? c : 0) + A B, then, where it is the last piece of K, min(max(c + bias + add, lo), hi)
//
// c overlaps nothing else. All that is named here is read, and nothing beyond, but the filling of packed B. The sum of
// an element depends on its row of A and its column of B alone, not on m or n; where panel is 0 OpenBLAS decides.
typedef struct GcamGemmBlock {
    size_t m, n, k;
    size_t n0, k0;              // n0 is a multiple of the panel width; of bfloat16 k0 is even
    const float *a;             // element (0, k0), rows lda apart
    ptrdiff_t lda;
    const float *b;             // all of packed B
    size_t b_k, b_n;            // its size before packing
    float *c;                   // element (0, n0)
    ptrdiff_t ldc;
    int load;                   // add to what is in C
    int last;                   // then add what follows and limit
    const float *bias;          // of column n0, or NULL
    const float *add;           // element (0, n0), or NULL
    ptrdiff_t add_stride;
    float lo, hi;
} GcamGemmBlock;

#endif
