/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Hands one block of a matrix product to the kernels, piece by piece of K and, where B is large, some panels at a time;
 * and says how large products are cut into such blocks.
 */
#include "gemm_block.h"

#include "base/sizes.h"

size_t gcam_gemm_k_pieces(size_t k, size_t *length)
{
    size_t pieces = gcam_ceil_div(k, GCAM_GEMM_K);
    *length = pieces ? gcam_round_up(gcam_ceil_div(k, pieces), 8) : 0;
    return pieces;
}

void gcam_gemm_block(const GcamPackedB *b, size_t m, size_t n0, size_t n1, size_t k0, size_t k1,
                     const float *a, ptrdiff_t lda, float *c, ptrdiff_t ldc, const GcamEpilogue *ep)
{
    // Panels of B that stay in the second cache while the rows of A pass: 256 KB.
    size_t step = gcam_packed_b_step(b->kernels), rows = gcam_packed_b_rows(b->type, k1 - k0);
    size_t columns = b->kernels->panel ? gcam_round_up(65536 / (rows + 1) + 1, step) : n1 - n0;
    float limits[2];
    gcam_activation_limits(ep->act, ep->lo, ep->hi, limits);
    for (size_t n = n0; n < n1; n += columns) {
        GcamGemmBlock block = {
            .m = m,
            .n = gcam_min_size(columns, n1 - n),
            .k = k1 - k0,
            .n0 = n,
            .k0 = k0,
            .a = a,
            .lda = lda,
            .b = b->data,
            .b_k = b->k,
            .b_n = b->n,
            .c = c + n,
            .ldc = ldc,
            .load = k0 > 0 || ep->accumulate,
            .last = k1 == b->k,
            .bias = ep->bias ? ep->bias + n : NULL,
            .add = ep->add ? ep->add + n : NULL,
            .add_stride = ep->add_stride,
            .lo = limits[0],
            .hi = limits[1],
        };
        if (b->type == GCAM_BF16)
            b->kernels->gemm_bf16(&block);
        else
            b->kernels->gemm(&block);
    }
}

void gcam_gemm_rows(const GcamPackedB *b, size_t m, size_t n0, size_t n1, const float *a, ptrdiff_t lda,
                    float *c, ptrdiff_t ldc, const GcamEpilogue *ep)
{
    size_t length, pieces = gcam_gemm_k_pieces(b->k, &length);
    if (!pieces)
        gcam_gemm_block(b, m, n0, n1, 0, 0, a, lda, c, ldc, ep);
    for (size_t i = 0; i < pieces; i++) {
        size_t k0 = i * length, k1 = gcam_min_size(k0 + length, b->k);
        gcam_gemm_block(b, m, n0, n1, k0, k1, a + k0, lda, c, ldc, ep);
    }
}

size_t gcam_gemm_tasks(const GcamKernels *kernels, int threads)
{
    enum { EACH = 4, MOST = 16 };
    return !kernels->panel ? MOST : threads == 1 ? 1 : gcam_min_size(EACH * (size_t)threads, MOST);
}

void gcam_gemm_cut(const GcamKernels *kernels, size_t m, size_t n, size_t k, size_t tasks, size_t *rows,
                   size_t *columns)
{
    enum { SMALL = 1 << 20 };   // multiplications of a task too small to be cut
    size_t step = gcam_packed_b_step(kernels);
    *rows = kernels->panel ? 8 * kernels->rows : 256;
    *columns = kernels->panel ? gcam_round_up(256, step) : 512;
    while (gcam_ceil_div(m, *rows) * gcam_ceil_div(n, *columns) < tasks) {
        size_t high = gcam_min_size(*rows, m), wide = gcam_min_size(*columns, n);
        if ((double)high * (double)wide * (double)k < SMALL)
            break;
        if (wide > step && wide >= high)
            *columns = gcam_round_up(gcam_ceil_div(wide, 2), step);
        else if (high > kernels->rows)
            *rows = gcam_round_up(gcam_ceil_div(high, 2), kernels->rows);
        else if (wide > step)
            *columns = gcam_round_up(gcam_ceil_div(wide, 2), step);
        else
            break;
    }
}
