/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The parallel loop. A job is published by opening `state`; workers join it while it is open, draw indices
 * and leave. The caller draws indices too, closes the job when none is left, and waits only for
 * those who joined: a worker that was asleep does not delay a short loop. Jobs follow each other within
 * microseconds inside a network, so a worker looks for the next one for a little while before it sleeps.
 *
 * Each thread begins with a part of the indices of its own, and then takes what is left of the others' parts. So
 * a thread finds in its caches what it computed in the job before, where indices mean the same rows of a picture
 * there, and many small indices are not drawn from one place that all threads write to.
 *
 * What one side writes the other reads in the order of `state` alone: the job before it is opened, results before a
 * worker leaves. Helgrind and drd know locks, not C11 atomics, and report every such write, over a million times in a
 * run of the tests. The thread sanitizer (configure --enable-sanitize=thread) knows both: kernels/test_pool and
 * stream/test_stream ended without a report of it, with base/ and stream/ compiled for it and no other folder.
 */
#define _GNU_SOURCE             // syscall
#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "cpu.h"
#include "float_mode.h"
#include "mem.h"

// state: generation of the job in the upper half, whether it can be joined, how many workers have joined.
#define GENERATION (UINT64_C(1) << 32)
#define OPEN       (UINT64_C(1) << 31)
#define JOINED     (OPEN - 1)

enum { SPINS = 2000 };          // about 30 us

// The caller's is the first, whose thread nobody starts.
typedef struct Worker {
    _Alignas(64) atomic_size_t next;    // index of its part of the job
    size_t last;
    GcamThreads *pool;
    pthread_t thread;
    int index;
} Worker;

struct GcamThreads {
    // The job: written by the caller while no worker is joined and `state` is closed; the workers' parts too.
    GcamPoolFn fn;
    void *opaque;
    size_t turn;                // indices drawn at once

    _Alignas(64) atomic_uint_least64_t state;
    atomic_int sleepers;        // workers that wait on `wake`, or are about to
    atomic_int waiting;         // the caller waits on `done`, or is about to
    atomic_int quit;

    pthread_mutex_t mutex;      // guards no field: it orders the sleepers' last look against the signals
    pthread_cond_t wake, done;

    int threads;                // with the caller
    int nice;
    int spins;
    int started;                // workers to join
    Worker workers[];
};

// On Linux, what is the priority of a process elsewhere is that of a thread.
void gcam_thread_nice(int nice)
{
#if defined(__linux__)
    const id_t thread = (id_t)syscall(SYS_gettid);
    if (nice > 0)
        setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + nice);
#else
    (void)nice;
#endif
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static void draw(GcamThreads *pool, int thread)
{
    GcamPoolFn fn = pool->fn;
    void *opaque = pool->opaque;
    size_t turn = pool->turn, index;
    for (int i = 0; i < pool->threads; i++) {
        Worker *of = &pool->workers[(thread + i) % pool->threads];
        const size_t last = of->last;
        while ((index = atomic_fetch_add_explicit(&of->next, turn, memory_order_relaxed)) < last)
            for (size_t end = last - index < turn ? last : index + turn; index < end; index++)
                fn(opaque, index, thread);
    }
}

// Whether there is a job of another generation than `seen` to join, or the end.
static int news(GcamThreads *pool, uint64_t seen)
{
    uint64_t state = atomic_load(&pool->state);
    return atomic_load(&pool->quit) || ((state & OPEN) && state / GENERATION != seen);
}

static void await_news(GcamThreads *pool, uint64_t seen)
{
    for (int i = 0; i < pool->spins; i++) {
        if (news(pool, seen))
            return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!news(pool, seen))
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *opaque)
{
    Worker *worker = opaque;
    GcamThreads *pool = worker->pool;
    uint64_t seen = 0;
    gcam_thread_nice(pool->nice);
    gcam_float_mode_begin();            // for good: the thread is the pool's
    for (;;) {
        await_news(pool, seen);
        if (atomic_load(&pool->quit))
            return NULL;
        uint64_t state = atomic_load(&pool->state);
        if (!(state & OPEN) || !atomic_compare_exchange_strong(&pool->state, &state, state + 1))
            continue;
        seen = state / GENERATION;
        draw(pool, worker->index);
        state = atomic_fetch_sub(&pool->state, 1) - 1;
        if (!(state & (OPEN | JOINED)) && atomic_load(&pool->waiting)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

static void await_workers(GcamThreads *pool)
{
    for (int i = 0; i < pool->spins; i++) {
        if (!(atomic_load(&pool->state) & JOINED))
            return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->waiting, 1);
    while (atomic_load(&pool->state) & JOINED)
        pthread_cond_wait(&pool->done, &pool->mutex);
    atomic_store(&pool->waiting, 0);
    pthread_mutex_unlock(&pool->mutex);
}

static void divide(GcamThreads *pool, size_t count)
{
    enum { TURNS = 16 };        // of each thread: few enough to cost nothing, enough that all end together
    const size_t threads = (size_t)pool->threads;
    pool->turn = count / (threads * TURNS) + 1;
    for (size_t i = 0, first = 0; i < threads; i++) {
        const size_t last = first + count / threads + (i < count % threads);
        atomic_store_explicit(&pool->workers[i].next, first, memory_order_relaxed);
        pool->workers[i].last = last;
        first = last;
    }
}

static void run_alone(size_t count, GcamPoolFn fn, void *opaque)
{
    for (size_t i = 0; i < count; i++)
        fn(opaque, i, 0);
}

static void run_together(GcamThreads *pool, size_t count, GcamPoolFn fn, void *opaque)
{
    pool->fn = fn;
    pool->opaque = opaque;
    divide(pool, count);
    uint64_t generation = atomic_load(&pool->state) / GENERATION + 1;
    atomic_store(&pool->state, generation * GENERATION | OPEN);
    if (atomic_load(&pool->sleepers)) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
    draw(pool, 0);
    atomic_fetch_and(&pool->state, ~OPEN);
    await_workers(pool);
}

// The caller computes as the workers do, so that results do not depend on who does what.
void gcam_threads_run(GcamThreads *pool, size_t count, GcamPoolFn fn, void *opaque)
{
    const GcamFloatMode before = gcam_float_mode_begin();
    if (!pool || pool->threads == 1 || count <= 1)
        run_alone(count, fn, opaque);
    else
        run_together(pool, count, fn, opaque);
    gcam_float_mode_end(before);
}

int gcam_threads_count(const GcamThreads *pool)
{
    return pool ? pool->threads : 1;
}

// Looking for work is worth it only while every thread has a processor to itself.
static int spins_for(int threads)
{
    return gcam_cpu_processors() < threads ? 1 : SPINS;
}

static void stop(GcamThreads *pool)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->quit, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 1; i <= pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
}

int gcam_threads_create(GcamThreads **out, int threads, int nice)
{
    int error;
    *out = NULL;
    if (threads < 1)
        return -EINVAL;
    GcamThreads *pool = gcam_calloc(1, sizeof(*pool) + (size_t)threads * sizeof(pool->workers[0]));
    if (!pool)
        return -ENOMEM;
    pool->threads = threads;
    pool->nice = nice;
    pool->spins = spins_for(threads);
    atomic_init(&pool->state, 0);
    atomic_init(&pool->sleepers, 0);
    atomic_init(&pool->waiting, 0);
    atomic_init(&pool->quit, 0);
    if ((error = pthread_mutex_init(&pool->mutex, NULL)))
        goto fail_memory;
    if ((error = pthread_cond_init(&pool->wake, NULL)))
        goto fail_mutex;
    if ((error = pthread_cond_init(&pool->done, NULL)))
        goto fail_wake;
    for (int i = 0; i < threads; i++)
        atomic_init(&pool->workers[i].next, 0);
    for (int i = 1; i < threads; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].index = i;
        error = pthread_create(&pool->workers[i].thread, NULL, work, &pool->workers[i]);
        if (error) {
            gcam_threads_free(&pool);
            return -error;
        }
        pool->started++;
    }
    *out = pool;
    return 0;

fail_wake:
    pthread_cond_destroy(&pool->wake);
fail_mutex:
    pthread_mutex_destroy(&pool->mutex);
fail_memory:
    gcam_free(pool);
    return -error;
}

void gcam_threads_free(GcamThreads **out)
{
    GcamThreads *pool = out ? *out : NULL;
    if (!pool)
        return;
    stop(pool);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    gcam_free(pool);
    *out = NULL;
}
