/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tests of the kernels share: running at each CPU level, buffers with canaries, pools of each size.
 */
#ifndef TESTS_KERNELS_SUPPORT_H
#define TESTS_KERNELS_SUPPORT_H

#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/threads.h"
#include "harness.h"

// The level is fixed at the first look at it, so that is done in processes of their own, with GRADCAM_CPU set to `name`
// where that is not NULL. Returns the exit status, what `function` returned, or -1.
static inline int in_process(const char *name, int (*function)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        if (name)
            setenv("GRADCAM_CPU", name, 1);
        status = function();
        fflush(NULL);
        _exit(status);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int highest_level(void)
{
    return gcam_cpu_detected();
}

// Runs the cases at each level. Returns what main() should.
static inline int run_levels(int (*cases)(void))
{
    int failed = 0, highest = in_process(NULL, highest_level);
    for (int cpu = GCAM_CPU_GENERIC; cpu <= highest; cpu++) {
        int status = in_process(gcam_cpu_name(cpu), cases);
        if (status < 0 || status > 1)
            printf("not ok - cases at level %s: ended with status %d\n", gcam_cpu_name(cpu), status);
        failed |= status != 0;
    }
    return failed || highest < 0;
}

// main() of a test: runs the cases once per level.
#define LEVELS_MAIN(cases) \
    static int run_cases(void) \
    { \
        cases(); \
        return end_cases(); \
    } \
    int main(void) \
    { \
        return run_levels(run_cases); \
    }

static inline const char *level(void)
{
    return gcam_cpu_name(gcam_cpu());
}

// n floats, aligned to a float and no more, between canaries. Freed by checked_free(), which looks at them.
enum { CANARIES = 16, OFFSET = 1 };

static inline float *checked_alloc(size_t n)
{
    float *block = gcam_alloc(n + 2 * CANARIES + OFFSET, sizeof(float));
    if (!block)
        abort();
    for (size_t i = 0; i < n + 2 * CANARIES + OFFSET; i++)
        block[i] = 12345.5f;
    return block + CANARIES + OFFSET;
}

static inline int canaries_live(const float *data, size_t n)
{
    for (int i = 1; i <= CANARIES; i++)
        if (data[-i] != 12345.5f || data[n + i - 1] != 12345.5f)
            return 0;
    return 1;
}

static inline void checked_free(const char *what, float *data, size_t n)
{
    if (!canaries_live(data, n))
        fail("%s: written outside", what);
    gcam_free(data - CANARIES - OFFSET);
}

static inline float *checked_random(Random *random, size_t n, float low, float high)
{
    float *data = checked_alloc(n);
    random_floats(random, data, n, low, high);
    return data;
}

// Unlike fmax() it gives NaN where that is second.
static inline double greater(double x, double y)
{
    return y <= x ? x : y;
}

// Largest |got - want| in units of the largest |want|.
static inline double worst(const float *got, const double *want, size_t n)
{
    double largest = 1e-30, difference = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(want[i]));
        difference = greater(difference, fabs(got[i] - want[i]));
    }
    return difference / largest;
}

#define CHECK_WORST(got, want, n, limit) \
    do { \
        double worst_ = worst(got, want, n); \
        if (!(worst_ <= (limit))) \
            fail("%s:%d: %s differs by %.2g of the largest value", __FILE__, __LINE__, #got, worst_); \
    } while (0)

// Pools of 1 (NULL) to 3 threads.
enum { POOLS = 3 };

static inline GcamThreads *pool_of(int threads)
{
    static GcamThreads *pools[POOLS + 1];
    if (threads > 1 && !pools[threads] && gcam_threads_create(&pools[threads], threads, 0))
        abort();
    return threads > 1 ? pools[threads] : NULL;
}

#endif
