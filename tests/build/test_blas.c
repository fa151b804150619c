/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The OpenBLAS that was found, called from many threads at once: its serial flavour is safe only when built
 * with USE_LOCKING, as Debian's is. Each thread must get the very result that one thread alone gets.
 */
#include <cblas.h>
#include <pthread.h>

#include "harness.h"

enum { SIZE = 192, PRODUCTS = 50, THREADS = 12 };

static float a[SIZE * SIZE], b[SIZE * SIZE], want[SIZE * SIZE];

static void product(float *out)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIZE, SIZE, SIZE,
                1, a, SIZE, b, SIZE, 0, out, SIZE);
}

// Returns its argument when any product differs, else NULL.
static void *repeat(void *arg)
{
    float *out = malloc(sizeof(want));
    void *wrong = NULL;

    for (int i = 0; out && i < PRODUCTS; i++) {
        product(out);
        if (memcmp(out, want, sizeof(want)))
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
    product(want);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&thread[i], NULL, repeat, want) == 0);
    for (int i = 0; i < THREADS; i++) {
        REQUIRE(pthread_join(thread[i], &wrong) == 0);
        CHECK(!wrong);
    }
}

int main(void)
{
    RUN(products_from_many_threads_are_the_same);
    return end_cases();
}
