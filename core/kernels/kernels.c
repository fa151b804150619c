/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Picks the kernels, all of them: portable C first, then each instruction set that the machine has, up to the level
 * that GRADCAM_CPU leaves, replaces what it does better.
 */
#include "kernels.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static GcamKernels kernels[GCAM_CPU_COUNT];

// In ascending order. A file of kernels is in that instruction set from its first line to its last: it is entered only
// where the machine has it, even to have its table filled.
static const struct {
    enum GcamCpu cpu;
    GcamKernelsInit *init;
} levels[] = {
    { GCAM_CPU_GENERIC, gcam_kernels_init_generic },
    { GCAM_CPU_GENERIC, gcam_blend_init_generic },
    { GCAM_CPU_GENERIC, gcam_resize_init_generic },
#if defined(__x86_64__)
    { GCAM_CPU_SSE2, gcam_kernels_init_sse2 },
    { GCAM_CPU_SSE2, gcam_picture_init_sse2 },
    { GCAM_CPU_AVX, gcam_kernels_init_avx },
    { GCAM_CPU_AVX2, gcam_kernels_init_avx2 },
    { GCAM_CPU_AVX2, gcam_blend_init_avx2 },
    { GCAM_CPU_AVX2, gcam_resize_init_avx2 },
    { GCAM_CPU_AVX512, gcam_kernels_init_avx512 },
    { GCAM_CPU_AVX512, gcam_blend_init_avx512 },
    { GCAM_CPU_AVX512, gcam_resize_init_avx512 },
    { GCAM_CPU_AVX512BF16, gcam_kernels_init_avx512bf16 },
#elif defined(__aarch64__)
    { GCAM_CPU_NEON, gcam_kernels_init_neon },
    { GCAM_CPU_NEON, gcam_picture_init_neon },
#endif
};

static void init(void)
{
    const enum GcamCpu highest = gcam_cpu_detected();

    for (int cpu = GCAM_CPU_GENERIC; cpu <= (int)highest; cpu++)
        for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
            if ((int)levels[i].cpu <= cpu)
                levels[i].init(&kernels[cpu]);
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
