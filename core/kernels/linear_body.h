/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Products of a matrix and a vector, and conversion of weights, for the instruction set whose simd_*.h was included
 * before. The weights come from memory: four vectors at a time keep enough loads under way.
 */
#include "kernels/kernels.h"

static inline V v_load_f32(const void *p, size_t n) { return n >= VW ? v_load(p) : v_load_n(p, n); }

#define LINEAR(type, element) \
    static float dot_##type(const void *weights, const float *x, size_t n) \
    { \
        const element *w = weights; \
        V sum[4] = { v_zero(), v_zero(), v_zero(), v_zero() }; \
        size_t i = 0; \
        for (; i + 4 * VW <= n; i += 4 * VW) \
            for (int j = 0; j < 4; j++) \
                sum[j] = v_fma(v_load_##type(w + i + j * VW, VW), v_load(x + i + j * VW), sum[j]); \
        for (; i < n; i += VW) \
            sum[0] = v_fma(v_load_##type(w + i, n - i), v_load_n(x + i, n - i), sum[0]); \
        return v_sum(v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3]))); \
    } \
    \
    static void axpy_##type(float *y, const void *const weights[GCAM_LINEAR_ROWS], \
                            const float factor[GCAM_LINEAR_ROWS], size_t n) \
    { \
        const element *const w[] = { weights[0], weights[1], weights[2], weights[3] }; \
        V f[GCAM_LINEAR_ROWS]; \
        for (int r = 0; r < GCAM_LINEAR_ROWS; r++) \
            f[r] = v_set1(factor[r]); \
        size_t i = 0; \
        for (; i + VW <= n; i += VW) { \
            V sum = v_load(y + i); \
            for (int r = 0; r < GCAM_LINEAR_ROWS; r++) \
                sum = v_fma(v_load_##type(w[r] + i, VW), f[r], sum); \
            v_store(y + i, sum); \
        } \
        if (i < n) { \
            V sum = v_load_n(y + i, n - i); \
            for (int r = 0; r < GCAM_LINEAR_ROWS; r++) \
                sum = v_fma(v_load_##type(w[r] + i, n - i), f[r], sum); \
            v_store_n(y + i, sum, n - i); \
        } \
    } \
    \
    static void convert_##type(float *out, const void *in, size_t n) \
    { \
        const element *x = in; \
        for (size_t i = 0; i < n; i += VW) \
            v_store_n(out + i, v_load_##type(x + i, n - i), n - i); \
    }

LINEAR(f32, float)
LINEAR(f16, uint16_t)
LINEAR(bf16, uint16_t)
