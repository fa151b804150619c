/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Functions of rows, for the instruction set whose simd_*.h was included before: those of transformers, whose elements
 * depend on the whole row. Needs math_body.h. NaN anywhere in a row makes all of it NaN.
 */
#include "kernels.h"

// Zeros, or beyond the first n of a vector what is below any float that counts: adding it to what v_load_n() read makes
// the elements that are not there lose against those that are.
static inline V v_beyond(size_t n)
{
    static const float lowest[2 * 16] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -3e38f, -3e38f, -3e38f, -3e38f, -3e38f, -3e38f, -3e38f, -3e38f,
        -3e38f, -3e38f, -3e38f, -3e38f, -3e38f, -3e38f, -3e38f, -3e38f,
    };
    return v_load(lowest + 16 - (n < VW ? n : VW));
}

static inline V softmax_logits(const float *x, const float *const add[2], V scale, size_t i, size_t n)
{
    V v = v_mul(v_load_n(x + i, n - i), scale);
    for (int k = 0; k < 2; k++)
        if (add[k])
            v = v_add(v, v_load_n(add[k] + i, n - i));
    return v_add(v, v_beyond(n - i));
}

static void row_softmax(float *y, const float *x, float scale, const float *const add[2], size_t n)
{
    const float infinity = __builtin_inff();
    V top = v_set1(-infinity), sum = v_zero();
    for (size_t i = 0; i < n; i += VW) {
        V v = softmax_logits(x, add, v_set1(scale), i, n);
        top = v_clamp(v, top, v_set1(infinity));
        v_store_n(y + i, v, n - i);
    }
    top = v_set1(v_most(top));
    for (size_t i = 0; i < n; i += VW) {
        // What lies beyond the row adds a share of the sum that no float can hold: the greatest element alone is 1.
        V v = v_exp(v_sub(v_add(v_load_n(y + i, n - i), v_beyond(n - i)), top));
        sum = v_add(sum, v);
        v_store_n(y + i, v, n - i);
    }
    V share = v_set1(1 / v_sum(sum));
    for (size_t i = 0; i < n; i += VW)
        v_store_n(y + i, v_mul(v_load_n(y + i, n - i), share), n - i);
}

// Sum of (x - mean)^power, power 1 or 2: pieces in floats, these in double, so that long rows lose no digits.
static inline double centred_sum(const float *x, float mean, int power, size_t n)
{
    enum { PIECE = 64 * VW };
    double total = 0;
    for (size_t first = 0; first < n; first += PIECE) {
        size_t end = n - first < PIECE ? n : first + PIECE, i = first;
        V sum[2] = { v_zero(), v_zero() }, m = v_set1(mean);
        for (; i + 2 * VW <= end; i += 2 * VW)
            for (size_t k = 0; k < 2; k++) {
                V v = v_sub(v_load(x + i + k * VW), m);
                sum[k] = power == 1 ? v_add(sum[k], v) : v_fma(v, v, sum[k]);
            }
        total += v_sum(v_add(sum[0], sum[1]));
        for (; i < end; i++)
            total += power == 1 ? x[i] - mean : (x[i] - mean) * (x[i] - mean);
    }
    return total;
}

static void row_layer_norm(float *y, const float *x, const float *scale, const float *bias, float epsilon, size_t n)
{
    float mean = (float)(centred_sum(x, 0, 1, n) / (double)n);
    float variance = (float)(centred_sum(x, mean, 2, n) / (double)n);
    V m = v_set1(mean), inverse = v_set1(1 / __builtin_sqrtf(variance + epsilon));
    for (size_t i = 0; i < n; i += VW) {
        V v = v_mul(v_sub(v_load_n(x + i, n - i), m), inverse);
        v_store_n(y + i, v_fma(v, v_load_n(scale + i, n - i), v_load_n(bias + i, n - i)), n - i);
    }
}
