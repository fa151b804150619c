/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What this machine has to compute with. How many processors this process may use, and which instruction set the
 * kernels use: what the processor and the operating system offer, or less where the environment variable GRADCAM_CPU
 * (one of the names below) asks for it; decided once, at the first call.
 */
#ifndef GCAM_BASE_CPU_H
#define GCAM_BASE_CPU_H

// Those of this architecture in ascending order: each level includes those below.
enum GcamCpu {
    GCAM_CPU_GENERIC,           // C and OpenBLAS
#if defined(__x86_64__)
    GCAM_CPU_SSE2,              // every x86-64 has it
    GCAM_CPU_AVX,
    GCAM_CPU_AVX2,              // with FMA and F16C
    GCAM_CPU_AVX512,            // F, BW, DQ and VL
    GCAM_CPU_AVX512BF16,        // with BF16
#elif defined(__aarch64__)
    GCAM_CPU_NEON,              // every AArch64 has it
#endif
    GCAM_CPU_COUNT
};

// The level in use. Thread-safe.
enum GcamCpu gcam_cpu(void);

// The highest level this machine has, whatever GRADCAM_CPU says. Thread-safe.
enum GcamCpu gcam_cpu_detected(void);

// Processors that this process may run on, at most GCAM_MOST_THREADS: what "one thread per processor" means everywhere.
// Thread-safe.
int gcam_cpu_processors(void);

// As gradcam_cpu() has it.
const char *gcam_cpu_name(enum GcamCpu cpu);

#endif
