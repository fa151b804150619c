/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Products of a matrix and a vector, and conversion of weights, for the instruction set whose simd_*.h was
 * included before. The weights come from memory: several rows at a time keep more loads under way, and use
 * what is read of the vector several times. What the processor fetches ahead by itself ends with each page, so what
 * will be read next is asked for.
 *
 * In: rows of weights of any type, aligned to an element, and a vector of floats; out: sums of floats. The lengths are
 * any; nothing beyond n elements is read, but asking for what is next may name addresses beyond, which does no harm.
 * The order of additions in a dot product depends on n alone.
 */
#include "kernels.h"

enum {
    LINEAR_ROWS = GCAM_LINEAR_ROWS,
    DOT_AHEAD = 2048,           // elements of each row
};

// Into the second level: the first has too few places for rows that lie a power of two apart.
#define FETCH(address) __builtin_prefetch(address, 0, 2)

// Without it sums are kept in memory.
#if defined(__clang__)
#define EACH_ROW _Pragma("clang loop unroll(full)") for (int r = 0; r < LINEAR_ROWS; r++)
#else
#define EACH_ROW _Pragma("GCC unroll 4") for (int r = 0; r < LINEAR_ROWS; r++)
#endif

static inline V v_load_f32(const void *p, size_t n) { return n >= VW ? v_load(p) : v_load_n(p, n); }

#define LINEAR(type, element)                                                                                \
    static void dot_##type(float out[LINEAR_ROWS], const void *const weights[LINEAR_ROWS],                   \
                           const void *const next[LINEAR_ROWS], const float *x, size_t n)                    \
    {                                                                                                        \
        const element *const w[] = { weights[0], weights[1], weights[2], weights[3] };                       \
        const element *const p[] = { next[0], next[1], next[2], next[3] };                                   \
        size_t i = 0, ahead = n < DOT_AHEAD ? n : DOT_AHEAD;                                                 \
        V sum[LINEAR_ROWS][2];                                                                               \
        EACH_ROW                                                                                             \
            sum[r][0] = sum[r][1] = v_zero();                                                                \
        for (int past = 0; past < 2; past++) {          /* first ahead in the same rows, then in the next */ \
            size_t from = past ? n - ahead : 0, end = past ? n : n - ahead, skip = past ? 0 : ahead;         \
            for (; i + 2 * VW <= n && i < end; i += 2 * VW) {                                                \
                V x0 = v_load(x + i), x1 = v_load(x + i + VW);                                               \
                EACH_ROW {                                                                                   \
                    const element *later = (past ? p[r] : w[r]) + skip + (i - from);                         \
                    FETCH(later);                                                                            \
                    FETCH(later + VW);                                                                       \
                    sum[r][0] = v_fma(v_load_##type(w[r] + i, VW), x0, sum[r][0]);                           \
                    sum[r][1] = v_fma(v_load_##type(w[r] + i + VW, VW), x1, sum[r][1]);                      \
                }                                                                                            \
            }                                                                                                \
        }                                                                                                    \
        for (; i < n; i += VW)                                                                               \
            EACH_ROW                                                                                         \
                sum[r][0] = v_fma(v_load_##type(w[r] + i, n - i), v_load_n(x + i, n - i), sum[r][0]);        \
        EACH_ROW                                                                                             \
            out[r] = v_sum(v_add(sum[r][0], sum[r][1]));                                                     \
    }                                                                                                        \
                                                                                                             \
    static void axpy_##type(float *y, const void *const weights[LINEAR_ROWS],                                \
                            const void *const next[LINEAR_ROWS], const float factor[LINEAR_ROWS], size_t n)  \
    {                                                                                                        \
        const element *const w[] = { weights[0], weights[1], weights[2], weights[3] };                       \
        const element *const p[] = { next[0], next[1], next[2], next[3] };                                   \
        V f[LINEAR_ROWS];                                                                                    \
        EACH_ROW                                                                                             \
            f[r] = v_set1(factor[r]);                                                                        \
        size_t i = 0;                                                                                        \
        for (; i + VW <= n; i += VW) {                                                                       \
            V sum = v_load(y + i);                                                                           \
            EACH_ROW {                                                                                       \
                FETCH(p[r] + i);                                                                             \
                sum = v_fma(v_load_##type(w[r] + i, VW), f[r], sum);                                         \
            }                                                                                                \
            v_store(y + i, sum);                                                                             \
        }                                                                                                    \
        if (i < n) {                                                                                         \
            V sum = v_load_n(y + i, n - i);                                                                  \
            EACH_ROW                                                                                         \
                sum = v_fma(v_load_##type(w[r] + i, n - i), f[r], sum);                                      \
            v_store_n(y + i, sum, n - i);                                                                    \
        }                                                                                                    \
    }                                                                                                        \
                                                                                                             \
    static void convert_##type(float *out, const void *in, size_t n)                                         \
    {                                                                                                        \
        const element *x = in;                                                                               \
        for (size_t i = 0; i < n; i += VW)                                                                   \
            v_store_n(out + i, v_load_##type(x + i, n - i), n - i);                                          \
    }

LINEAR(f32, float)
LINEAR(f16, uint16_t)
LINEAR(bf16, uint16_t)

static void narrow_f16(void *out, const float *in, size_t n)
{
    uint16_t *half = out;
    for (size_t i = 0; i < n; i += VW)
        v_store_f16(half + i, v_load_n(in + i, n - i), n - i);
}
