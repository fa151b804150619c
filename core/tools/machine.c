/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Peaks of the machine: chains of multiply-adds, more of them than the units' latency, on numbers that stay in
 * registers; and sums over more bytes than the caches hold. All threads do the same at once; the best of a few rounds
 * counts.
 */
#include "machine.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gradcam.h"

enum { CHAINS = 12, STEPS = 400000, ROUNDS = 5 };
#define BYTES ((size_t)64 << 20)        // of each thread

// Both measures on vectors of LANES floats.
#define KERNELS(isa, lanes, attributes) \
    typedef float Vector_##isa __attribute__((vector_size(4 * lanes))); \
    attributes static float chains_##isa(float factor) \
    { \
        Vector_##isa x[CHAINS] = { 0 }, a = x[0] + factor, b = x[0] + 1e-3f; \
        for (int c = 1; c < CHAINS; c++)        /* all unlike, or the compiler computes one */ \
            x[c] += (float)c; \
        for (int i = 0; i < STEPS; i++) \
            _Pragma("GCC unroll 12") \
            for (int c = 0; c < CHAINS; c++) \
                x[c] = x[c] * a + b; \
        for (int c = 1; c < CHAINS; c++) \
            x[0] += x[c]; \
        return x[0][0]; \
    } \
    attributes static float sum_##isa(const void *memory) \
    { \
        const Vector_##isa *v = memory; \
        Vector_##isa x[8] = { 0 }; \
        for (size_t i = 0; i < BYTES / sizeof(*v); i += 8) \
            for (int c = 0; c < 8; c++) \
                x[c] += v[i + (size_t)c]; \
        for (int c = 1; c < 8; c++) \
            x[0] += x[c]; \
        return x[0][0]; \
    }

KERNELS(generic, 4, )
#if defined(__x86_64__)
KERNELS(avx, 8, __attribute__((target("avx"))))
KERNELS(avx2, 8, __attribute__((target("avx2,fma"))))
KERNELS(avx512, 16, __attribute__((target("avx512f"))))
#endif

typedef struct Kernels {
    int lanes;
    float (*chains)(float factor);
    float (*sum)(const void *memory);
} Kernels;

static Kernels choose_kernels(void)
{
#if defined(__x86_64__)
    if (!strncmp(gradcam_cpu(), "avx512", 6))
        return (Kernels){ 16, chains_avx512, sum_avx512 };
    if (!strcmp(gradcam_cpu(), "avx2"))
        return (Kernels){ 8, chains_avx2, sum_avx2 };
    if (!strcmp(gradcam_cpu(), "avx"))
        return (Kernels){ 8, chains_avx, sum_avx };
#endif
    return (Kernels){ 4, chains_generic, sum_generic };
}

typedef struct Thread {
    pthread_t thread;
    Kernels kernels;
    double chains, sums;        // least seconds of a round
    float result;               // of no use, but it must be computed
} Thread;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *work(void *opaque)
{
    Thread *t = opaque;
    void *memory = aligned_alloc(64, BYTES);

    t->chains = t->sums = INFINITY;
    if (memory)
        memset(memory, 0, BYTES);
    for (int i = 0; i < ROUNDS; i++) {
        const double begin = now();
        t->result += t->kernels.chains(0.5f);
        t->chains = fmin(t->chains, now() - begin);
    }
    for (int i = 0; memory && i < ROUNDS; i++) {
        const double begin = now();
        t->result += t->kernels.sum(memory);
        t->sums = fmin(t->sums, now() - begin);
    }
    free(memory);
    return NULL;
}

Machine machine_measure(int threads)
{
    const Kernels kernels = choose_kernels();
    Thread *thread = calloc((size_t)threads, sizeof(*thread));
    Machine machine = { 0, 0 };
    int started = 0;

    for (; thread && started < threads; started++) {
        thread[started].kernels = kernels;
        if (pthread_create(&thread[started].thread, NULL, work, &thread[started]))
            break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(thread[i].thread, NULL);
        machine.flops += 2.0 * kernels.lanes * CHAINS * STEPS / thread[i].chains;
        machine.bytes += (double)BYTES / thread[i].sums;
    }
    free(thread);
    return started == threads ? machine : (Machine){ 0, 0 };
}
