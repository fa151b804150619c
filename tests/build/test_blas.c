/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Our matrix products over the OpenBLAS that was found, from many threads at once: OpenBLAS itself is not safe
 * to call so. Each thread must get the very result that one thread alone gets, also of products of several
 * sizes side by side.
 */
#include <pthread.h>

#include "harness.h"
#include "tensor/gemm.h"

enum { SIZE = 192, PRODUCTS = 50, THREADS = 12 };

static float a[SIZE * SIZE], b[SIZE * SIZE], want[PRODUCTS][SIZE * SIZE];

// One row less each time. OpenBLAS chooses its kernels by the size too, so that the same row may come out otherwise
// of a product with fewer rows: what one thread makes of each size is the measure.
static size_t rows_of(int i)
{
    return SIZE - (size_t)i;
}

static int product(float *out, size_t rows)
{
    const GcamEpilogue plain = { 0 };
    float *scratch = malloc((gcam_gemm_scratch(rows, SIZE, SIZE) + 16) * sizeof(*scratch));

    if (!scratch)
        return 0;
    gcam_gemm(NULL, GCAM_F32, rows, SIZE, SIZE, a, SIZE, 1, b, SIZE, 1, out, SIZE, &plain, scratch);
    free(scratch);
    return 1;
}

// Returns its argument when any product differs, else NULL.
static void *repeat(void *arg)
{
    float *out = malloc(sizeof(want[0]));
    void *wrong = NULL;

    for (int i = 0; out && i < PRODUCTS; i++) {
        if (!product(out, rows_of(i)) || memcmp(out, want[i], rows_of(i) * SIZE * sizeof(*out)))
            wrong = arg;
    }
    free(out);
    return out ? wrong : arg;
}

static void products_from_many_threads_are_the_same(void)
{
    pthread_t thread[THREADS];
    Random random = { 1 };
    void *wrong;

    random_floats(&random, a, SIZE * SIZE, -1, 1);
    random_floats(&random, b, SIZE * SIZE, -1, 1);
    for (int i = 0; i < PRODUCTS; i++)
        REQUIRE(product(want[i], rows_of(i)));
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&thread[i], NULL, repeat, want) == 0);
    for (int i = 0; i < THREADS; i++) {
        REQUIRE(pthread_join(thread[i], &wrong) == 0);
        CHECK(!wrong);
    }
}

int main(void)
{
    setenv("GRADCAM_CPU", "generic", 1);
    RUN(products_from_many_threads_are_the_same);
    return end_cases();
}
