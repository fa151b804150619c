/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The parallel loop: every index once, threads told apart, loops one after another, with and without sleep
 * between; which thread takes which part; how they compute.
 */
#define _GNU_SOURCE             // syscall
#include <errno.h>
#include <fenv.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/threads.h"
#include "harness.h"

enum { COUNT = 1000, THREADS = 4 };

static struct {
    atomic_int calls[COUNT];
    atomic_int busy[THREADS];
    atomic_int clashes, strangers;
    int threads;
} seen;

static void visit(void *opaque, size_t index, int thread)
{
    (void)opaque;
    if (thread < 0 || thread >= seen.threads) {
        atomic_fetch_add(&seen.strangers, 1);
        return;
    }
    if (atomic_fetch_add(&seen.busy[thread], 1))
        atomic_fetch_add(&seen.clashes, 1);
    atomic_fetch_add(&seen.calls[index], 1);
    atomic_fetch_sub(&seen.busy[thread], 1);
}

static void check_loop(GcamThreads *pool, size_t count)
{
    for (size_t i = 0; i < COUNT; i++)
        atomic_store(&seen.calls[i], 0);
    seen.threads = gcam_threads_count(pool);
    gcam_threads_run(pool, count, visit, NULL);
    for (size_t i = 0; i < COUNT; i++)
        if (atomic_load(&seen.calls[i]) != (i < count)) {
            fail("index %zu of %zu was visited %d times", i, count, atomic_load(&seen.calls[i]));
            return;
        }
    CHECK_INT(atomic_load(&seen.clashes), 0);
    CHECK_INT(atomic_load(&seen.strangers), 0);
}

static void refuses_no_threads(void)
{
    GcamThreads *pool = (GcamThreads *)&seen;
    CHECK_INT(gcam_threads_create(&pool, 0, 0), -EINVAL);
    CHECK(!pool);
    CHECK_INT(gcam_threads_create(&pool, -3, 0), -EINVAL);
    gcam_threads_free(&pool);
    gcam_threads_free(NULL);
}

static void works_without_pool(void)
{
    CHECK_INT(gcam_threads_count(NULL), 1);
    check_loop(NULL, 0);
    check_loop(NULL, 17);
}

static void add(void *opaque, size_t index, int thread)
{
    (void)thread;
    ((int *)opaque)[index]++;
}

// What threads write is seen by the caller, and what the caller wrote by the threads: plain memory, for the
// sanitiser.
static void orders_memory(void)
{
    int numbers[64] = { 0 };
    GcamThreads *pool;
    REQUIRE(gcam_threads_create(&pool, 3, 0) == 0);
    for (int round = 0; round < 5000; round++) {
        gcam_threads_run(pool, 64, add, numbers);
        for (int i = 0; i < 64; i++)
            numbers[i]++;
    }
    for (int i = 0; i < 64; i++)
        CHECK_INT(numbers[i], 10000);
    gcam_threads_free(&pool);
}

static void wakes_from_sleep(void)
{
    GcamThreads *pool;
    REQUIRE(gcam_threads_create(&pool, 2, 0) == 0);
    for (int round = 0; round < 100; round++) {
        usleep(round * 20);
        check_loop(pool, 100);
    }
    gcam_threads_free(&pool);
    CHECK(!pool);
}

static void nap(void *opaque, size_t index, int thread)
{
    (void)index;
    atomic_int *used = opaque;
    atomic_fetch_or(used, 1 << thread);
    usleep(2000);
}

// A busy machine may have a worker come late, but not each time.
static void uses_all_threads(void)
{
    GcamThreads *pool;
    atomic_int used = 0;
    REQUIRE(gcam_threads_create(&pool, THREADS, 0) == 0);
    for (int round = 0; round < 50 && atomic_load(&used) != (1 << THREADS) - 1; round++)
        gcam_threads_run(pool, 40, nap, &used);
    CHECK_INT(atomic_load(&used), (1 << THREADS) - 1);
    gcam_threads_free(&pool);
}

enum { PARTS = 64 };

typedef struct Parts {
    atomic_int of[PARTS];       // which thread took an index
    int slow;                   // whether those of the second half take long
} Parts;

static void note_thread(void *opaque, size_t index, int thread)
{
    Parts *parts = opaque;
    atomic_store(&parts->of[index], thread);
    usleep(parts->slow && index >= PARTS / 2 ? 2000 : 50);
}

// How many indices of the first or of the second half a thread took.
static int taken(Parts *parts, int half, int thread)
{
    int count = 0;
    for (int i = 0; i < PARTS / 2; i++)
        count += atomic_load(&parts->of[half * PARTS / 2 + i]) == thread;
    return count;
}

// Equal work: each of two threads keeps to its half, but for the last few. A busy machine may have the worker come
// late.
static void keeps_to_its_part(void)
{
    GcamThreads *pool;
    Parts parts = { .slow = 0 };
    int kept = 0;
    REQUIRE(gcam_threads_create(&pool, 2, 0) == 0);
    for (int round = 0; round < 200 && !kept; round++) {
        gcam_threads_run(pool, PARTS, note_thread, &parts);
        kept = taken(&parts, 0, 0) >= PARTS / 2 - 8 && taken(&parts, 1, 1) >= PARTS / 2 - 8;
    }
    CHECK(kept);
    gcam_threads_free(&pool);
}

// One half takes long: who is done with the other helps. A busy machine may have either of the two do nearly all.
static void helps_with_other_parts(void)
{
    GcamThreads *pool;
    Parts parts = { .slow = 1 };
    int helped = 0;
    REQUIRE(gcam_threads_create(&pool, 2, 0) == 0);
    for (int round = 0; round < 50 && !helped; round++) {
        gcam_threads_run(pool, PARTS, note_thread, &parts);
        helped = taken(&parts, 1, 0) >= PARTS / 8 && taken(&parts, 1, 1) >= PARTS / 8;
    }
    CHECK(helped);
    gcam_threads_free(&pool);
}

#if defined(__linux__)
static void note_priority(void *opaque, size_t index, int thread)
{
    (void)index;
    int *priority = opaque;
    priority[thread] = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    usleep(2000);
}

static void workers_give_way(void)
{
    GcamThreads *pool;
    int before = getpriority(PRIO_PROCESS, 0), priority[2] = { -100, -100 };
    REQUIRE(gcam_threads_create(&pool, 2, 4) == 0);
    for (int i = 0; i < 100 && priority[1] == -100; i++)
        gcam_threads_run(pool, 10, note_priority, priority);
    CHECK_INT(priority[0], before);
    CHECK_INT(priority[1], before < 15 ? before + 4 : 19);
    gcam_threads_free(&pool);
}
#endif

#if defined(__x86_64__) || defined(__aarch64__)
typedef struct Modes {
    volatile float tiny, small, denormal, large, one;   // 1e-30, 1e-10, 1e-40, 1e30, 1
    int threads;
    atomic_int begun;
    volatile float underflow[THREADS], grown[THREADS], rounded[THREADS];
} Modes;

// Computes what is a denormal, and what has one as an operand. All threads are at it at once, so each has a part.
static void compute_denormals(void *opaque, size_t index, int thread)
{
    Modes *m = opaque;
    (void)index;
    atomic_fetch_add(&m->begun, 1);
    while (atomic_load(&m->begun) < m->threads)
        sched_yield();
    m->underflow[thread] = m->tiny * m->small;
    m->grown[thread] = m->denormal * m->large;
    m->rounded[thread] = m->one + m->small;
}

// Every thread takes denormals for zero and rounds to nearest, the caller too; it has its own ways and flags back.
static void has_its_own_float_mode(void)
{
    for (int threads = 1; threads <= THREADS; threads++) {
        Modes m = { .tiny = 1e-30f, .small = 1e-10f, .denormal = 1e-40f, .large = 1e30f, .one = 1, .threads = threads };
        GcamThreads *pool;
        REQUIRE(gcam_threads_create(&pool, threads, 0) == 0);
        fesetround(FE_UPWARD);
        feclearexcept(FE_ALL_EXCEPT);
        feraiseexcept(FE_DIVBYZERO);
        gcam_threads_run(pool, (size_t)threads, compute_denormals, &m);
        const int raised = fetestexcept(FE_ALL_EXCEPT);
        const float rounded = m.one + m.small, underflow = m.tiny * m.small, grown = m.denormal * m.large;
        fesetround(FE_TONEAREST);
        CHECK_INT(raised, FE_DIVBYZERO);
        CHECK(rounded > 1 && underflow > 0 && grown > 0);
        for (int i = 0; i < threads; i++) {
            CHECK(m.underflow[i] == 0);
            CHECK(m.grown[i] == 0);
            CHECK(m.rounded[i] == 1);
        }
        gcam_threads_free(&pool);
    }
}
#endif

static void is_created_and_freed_idle(void)
{
    for (int round = 0; round < 50; round++) {
        GcamThreads *pool;
        REQUIRE(gcam_threads_create(&pool, 1 + round % THREADS, 0) == 0);
        if (round % 3 == 0)
            check_loop(pool, 5);
        gcam_threads_free(&pool);
    }
}

int main(void)
{
    RUN(refuses_no_threads);
    RUN(works_without_pool);
    for (int threads = 1; threads <= THREADS; threads++) {
        GcamThreads *pool;
        begin_case("visits every index once with %d threads", threads);
        if (gcam_threads_create(&pool, threads, 0)) {
            fail("no pool");
            continue;
        }
        CHECK_INT(gcam_threads_count(pool), threads);
        for (size_t count = 0; count <= COUNT; count = count * 2 + 1)
            check_loop(pool, count);
        for (int round = 0; round < 2000; round++)
            check_loop(pool, (size_t)round % 7);
        gcam_threads_free(&pool);
    }
    RUN(orders_memory);
    RUN(wakes_from_sleep);
    RUN(uses_all_threads);
    RUN(keeps_to_its_part);
    RUN(helps_with_other_parts);
#if defined(__linux__)
    RUN(workers_give_way);
#endif
#if defined(__x86_64__) || defined(__aarch64__)
    RUN(has_its_own_float_mode);
#endif
    RUN(is_created_and_freed_idle);
    return end_cases();
}
