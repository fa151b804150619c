/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Picks the kernels: portable C first, then each instruction set that the machine has replaces what it does
 * better.
 */
#include "kernels.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static GcamKernels kernels[GCAM_CPU_COUNT];

// A file of kernels is in that instruction set from its first line to its last: it is entered only where the machine
// has it, even to have its table filled.
static void init(void)
{
    const int highest = gcam_cpu_detected();

    for (int cpu = GCAM_CPU_GENERIC; cpu <= highest; cpu++) {
        gcam_kernels_init_generic(&kernels[cpu]);
#if defined(__x86_64__)
        if (cpu >= GCAM_CPU_SSE2)
            gcam_kernels_init_sse2(&kernels[cpu]);
        if (cpu >= GCAM_CPU_AVX)
            gcam_kernels_init_avx(&kernels[cpu]);
        if (cpu >= GCAM_CPU_AVX2)
            gcam_kernels_init_avx2(&kernels[cpu]);
        if (cpu >= GCAM_CPU_AVX512)
            gcam_kernels_init_avx512(&kernels[cpu]);
        if (cpu >= GCAM_CPU_AVX512BF16)
            gcam_kernels_init_avx512bf16(&kernels[cpu]);
#elif defined(__aarch64__)
        if (cpu >= GCAM_CPU_NEON)
            gcam_kernels_init_neon(&kernels[cpu]);
#endif
    }
}

const GcamKernels *gcam_kernels_for(enum GcamCpu cpu)
{
    pthread_once(&once, init);
    return &kernels[cpu];
}

const GcamKernels *gcam_kernels(void)
{
    return gcam_kernels_for(gcam_cpu());
}
