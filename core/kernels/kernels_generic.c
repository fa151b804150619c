/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The portable kernels. Matrix products are OpenBLAS's, which has kernels for many processors; it is called
 * for one block at a time, by one of our threads at a time. Its serial build takes a lock where it hands out
 * buffers, but that is not enough: products of 0.3.21 called at once by two threads came out wrong now and then
 * (AlexNet's gradient by the picture, about every second run).
 */
#include <cblas.h>
#include <pthread.h>

#include "kernels.h"
#include "simd_generic.h"

#define ROWS 6
#define DIRECT_ROWS 12

static void finish_row(const GcamGemmBlock *b, size_t row)
{
    float *c = b->c + (ptrdiff_t)row * b->ldc;
    const float *add = b->add ? b->add + (ptrdiff_t)row * b->add_stride : NULL;
    for (size_t j = 0; j < b->n; j++) {
        float x = c[j] + (b->bias ? b->bias[j] : 0) + (add ? add[j] : 0);
        x = x < b->lo ? b->lo : x;
        c[j] = x > b->hi ? b->hi : x;
    }
}

// Of a single row the caller need not give a stride, but BLAS insists on one.
static int stride(size_t rows, ptrdiff_t given, size_t length)
{
    return rows > 1 ? (int)given : length > 1 ? (int)length : 1;
}

// Guards the calls of OpenBLAS.
static pthread_mutex_t blas_mutex = PTHREAD_MUTEX_INITIALIZER;

static void gemm(const GcamGemmBlock *b)
{
    pthread_mutex_lock(&blas_mutex);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)b->m, (int)b->n, (int)b->k,
                1, b->a, stride(b->m, b->lda, b->k), b->b + b->k0 * b->b_n + b->n0, (int)b->b_n,
                b->load ? 1 : 0, b->c, stride(b->m, b->ldc, b->n));
    pthread_mutex_unlock(&blas_mutex);
    for (size_t i = 0; b->last && i < b->m; i++)
        finish_row(b, i);
}

#include "fill.h"

void gcam_kernels_init_generic(GcamKernels *kernels)
{
    fill(kernels);
    kernels->panel = 0;
    kernels->rows = 16;
}
