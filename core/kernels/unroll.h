/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the kernels ask of the compiler: loops of constant length spelled out, and functions that take what is constant
 * about a call with them.
 */
#ifndef GCAM_KERNELS_UNROLL_H
#define GCAM_KERNELS_UNROLL_H

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#define INLINE static inline __attribute__((always_inline))

#endif
