/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How a thread computes with floats. Numbers below 2^-126, denormals, take many processors a hundred times as long as
 * others, and networks make them: x * sigmoid(x) far below zero, the exponential of a masked score. They count for
 * nothing in a map. So what computes does so with denormals as zero, operands and results, rounds to nearest and traps
 * nothing, whatever the host's thread does; that has its own state back afterwards, with the flags it had raised.
 *
 *     const GcamFloatMode before = gcam_float_mode_begin();
 *     ...
 *     gcam_float_mode_end(before);
 *
 * These nest, and cost next to nothing within each other. Each thread's state is its own. On processors other than
 * x86-64 and AArch64 they do nothing.
 */
#ifndef GCAM_BASE_FLOAT_MODE_H
#define GCAM_BASE_FLOAT_MODE_H

#include <stdint.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

typedef struct GcamFloatMode {
    uint64_t control, status;   // as registers of the processor have them
} GcamFloatMode;

#if defined(__x86_64__)

// MXCSR: all exceptions masked, flush to zero (bit 15) and denormals are zero (bit 6), which every x86-64 has. The
// lower bits are the flags.
enum { GCAM_FLOAT_MODE = 0x1f80 | 1 << 15 | 1 << 6, GCAM_FLOAT_FLAGS = 0x3f };

static inline GcamFloatMode gcam_float_mode_begin(void)
{
    const GcamFloatMode before = { _mm_getcsr(), 0 };
    if ((before.control & ~(uint64_t)GCAM_FLOAT_FLAGS) != GCAM_FLOAT_MODE)
        _mm_setcsr(GCAM_FLOAT_MODE);
    return before;
}

static inline void gcam_float_mode_end(GcamFloatMode before)
{
    if ((before.control & ~(uint64_t)GCAM_FLOAT_FLAGS) != GCAM_FLOAT_MODE)
        _mm_setcsr((unsigned)before.control);
}

#elif defined(__aarch64__)

// FPCR: nothing but flush to zero (bit 24), which is for operands too. The flags are in FPSR.
enum { GCAM_FLOAT_MODE = 1 << 24 };

static inline GcamFloatMode gcam_float_mode_begin(void)
{
    GcamFloatMode before;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(before.control), "=r"(before.status) : : "memory");
    if (before.control != GCAM_FLOAT_MODE)
        __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)GCAM_FLOAT_MODE) : "memory");
    return before;
}

static inline void gcam_float_mode_end(GcamFloatMode before)
{
    if (before.control != GCAM_FLOAT_MODE)
        __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1" : : "r"(before.control), "r"(before.status) : "memory");
}

#else

static inline GcamFloatMode gcam_float_mode_begin(void)
{
    return (GcamFloatMode){ 0 };
}

static inline void gcam_float_mode_end(GcamFloatMode before)
{
    (void)before;
}

#endif

#endif
