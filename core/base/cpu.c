/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Asks the system for processors. Reads CPUID (through the compiler, which also asks XGETBV whether the system saves
 * the wide registers) and the environment variable GRADCAM_CPU, once.
 */
#define _GNU_SOURCE             // sched_getaffinity, CPU_COUNT
#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gradcam.h"
#include "limits.h"

static const char *const names[GCAM_CPU_COUNT] = {
    "generic",
#if defined(__x86_64__)
    "sse2", "avx", "avx2", "avx512", "avx512bf16",
#elif defined(__aarch64__)
    "neon",
#endif
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum GcamCpu detected, used;

#if defined(__x86_64__)
// clang 14 does not know the name "f16c" in __builtin_cpu_supports().
static int has_f16c(void)
{
    unsigned eax, ebx, ecx = 0, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}

static int has_avx512bf16(void)
{
    unsigned eax = 0, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & 1u << 5);
}
#endif

static enum GcamCpu detect(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx"))
        return GCAM_CPU_SSE2;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c())
        return GCAM_CPU_AVX;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return GCAM_CPU_AVX2;
    return has_avx512bf16() ? GCAM_CPU_AVX512BF16 : GCAM_CPU_AVX512;
#else
    return GCAM_CPU_COUNT - 1;      // is part of the architecture
#endif
}

static void init(void)
{
    detected = used = detect();
    const char *wanted = getenv("GRADCAM_CPU");
    for (enum GcamCpu cpu = GCAM_CPU_GENERIC; wanted && cpu < detected; cpu++)
        if (!strcmp(wanted, names[cpu]))
            used = cpu;
}

enum GcamCpu gcam_cpu(void)
{
    pthread_once(&once, init);
    return used;
}

enum GcamCpu gcam_cpu_detected(void)
{
    pthread_once(&once, init);
    return detected;
}

// Affinity comes first: a container, taskset and a batch system give a process some of the machine's processors only.
int gcam_cpu_processors(void)
{
    cpu_set_t set;
    long count = sched_getaffinity(0, sizeof(set), &set) ? 0 : CPU_COUNT(&set);
    if (count < 1)
        count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > GCAM_MOST_THREADS ? GCAM_MOST_THREADS : (int)count;
}

const char *gcam_cpu_name(enum GcamCpu cpu)
{
    return names[cpu];
}

const char *gradcam_cpu(void)
{
    return names[gcam_cpu()];
}
