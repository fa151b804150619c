/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tests of the kernels share: running at each CPU level, buffers with canaries, pools of each size.
 */
#ifndef TESTS_KERNELS_SUPPORT_H
#define TESTS_KERNELS_SUPPORT_H

#include <sys/wait.h>
#include <unistd.h>

#include "cpu.h"
#include "harness.h"
#include "mem.h"
#include "pool.h"

// The level is fixed at the first look at it: each level gets a process of its own. Returns what main()
// should.
static inline int run_levels(void)
{
    int failed = 0;
    enum GcamCpu highest = gcam_cpu_detected();
    for (enum GcamCpu cpu = GCAM_CPU_GENERIC; cpu <= highest; cpu++) {
        fflush(NULL);
        pid_t child = fork();
        if (!child) {
            setenv("GRADCAM_CPU", gcam_cpu_name(cpu), 1);
            execl("/proc/self/exe", "level", gcam_cpu_name(cpu), (char *)NULL);
            _exit(2);
        }
        int status = -1;
        if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
            printf("not ok - cases at level %s: ended with status %d\n", gcam_cpu_name(cpu), status);
        failed |= status != 0;
    }
    return failed;
}

// main() of a test: without an argument it runs itself once per level, with one it runs the cases.
#define LEVELS_MAIN(cases) \
    int main(int argc, char **argv) \
    { \
        (void)argv; \
        if (argc == 1) \
            return run_levels(); \
        cases(); \
        return end_cases(); \
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

// Largest |got - want| in units of the largest |want|.
static inline double worst(const float *got, const double *want, size_t n)
{
    double largest = 1e-30, difference = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs(got[i] - want[i]);
        largest = fmax(largest, fabs(want[i]));
        if (!(d <= difference))
            difference = d;             // NaN too
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

static inline GcamPool *pool_of(int threads)
{
    static GcamPool *pools[POOLS + 1];
    if (threads > 1 && !pools[threads] && gcam_pool_create(&pools[threads], threads, 0))
        abort();
    return threads > 1 ? pools[threads] : NULL;
}

#endif
