/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Functions of each element, for the instruction set whose simd_*.h was included before. Errors are a few
 * units in the last place of the result. Beyond about +-87 exp stays at the ends of the range of normal
 * floats instead of reaching zero or infinity. NaN stays NaN.
 */
#include "kernels.h"

// x = n ln 2 + r, |r| <= ln 2 / 2: a polynomial in r (Cephes), times 2^n. ln 2 in two parts keeps r exact.
static inline V v_exp(V x)
{
    static const float p[] = { 1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                               1.6666665459e-1f, 5.0000001201e-1f };
    V magic = v_set1(12582912);         // 1.5 * 2^23: adding it rounds to an integer
    x = v_clamp(x, v_set1(-87.3f), v_set1(88.3f));
    V n = v_sub(v_fma(x, v_set1(1.44269504f), magic), magic);
    V r = v_fnma(n, v_set1(-2.12194440e-4f), v_fnma(n, v_set1(0.693359375f), x));
    V sum = v_set1(p[0]);
    for (int i = 1; i < 6; i++)
        sum = v_fma(sum, r, v_set1(p[i]));
    return v_ldexp(v_fma(sum, v_mul(r, r), v_add(r, v_set1(1))), n);
}

static inline V v_sigmoid(V x)
{
    V one = v_set1(1);
    return v_div(one, v_add(one, v_exp(v_sub(v_zero(), x))));
}

// 1 - 2 / (1 + e^2x), which loses digits near zero: there x - x^3 / 3 + ... (Cephes).
static inline V v_tanh(V x)
{
    static const float p[] = { -5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f,
                               -3.33332819422e-1f };
    V one = v_set1(1), square = v_mul(x, x), sum = v_set1(p[0]);
    for (int i = 1; i < 5; i++)
        sum = v_fma(sum, square, v_set1(p[i]));
    V small = v_fma(v_mul(sum, square), x, x);
    V large = v_fnma(v_set1(2), v_div(one, v_add(one, v_exp(v_add(x, x)))), one);
    return v_select_less(square, v_set1(0.390625f), small, large);
}

// x times a quotient of polynomials in x^2, fitted to erf(x) / x up to where erf(x) is 1 in single precision.
static inline V v_erf(V x)
{
    static const float p[] = { 2.030864834523527e-6f, 2.874907513614744e-4f, 3.876296104863286e-3f,
                               5.308425799012184e-2f, 0.1929719299077988f, 1.128378987312317f };
    static const float q[] = { 3.803132858593017e-5f, 1.1897411895915866e-3f, 1.5188295394182205e-2f,
                               0.11516718566417694f, 0.5043485760688782f, 1 };
    V limit = v_set1(3.925f), z = v_clamp(x, v_sub(v_zero(), limit), limit), square = v_mul(z, z);
    V above = v_set1(p[0]), below = v_set1(q[0]);
    for (int i = 1; i < 6; i++) {
        above = v_fma(above, square, v_set1(p[i]));
        below = v_fma(below, square, v_set1(q[i]));
    }
    return v_div(v_mul(z, above), below);
}

static inline V v_silu(V x)
{
    V one = v_set1(1);
    return v_div(x, v_add(one, v_exp(v_sub(v_zero(), x))));
}

// x times the normal distribution up to x.
static inline V v_gelu(V x)
{
    V half = v_mul(x, v_set1(0.5f));
    return v_fma(half, v_erf(v_mul(x, v_set1(0.707106781f))), half);
}

static inline V v_hard_swish(V x)
{
    return v_mul(x, v_clamp(v_fma(x, v_set1(1.0f / 6), v_set1(0.5f)), v_zero(), v_set1(1)));
}

#define MAP(name) \
    static void map_##name(float *y, const float *x, size_t n) \
    { \
        size_t i = 0; \
        for (; i + VW <= n; i += VW) \
            v_store(y + i, v_##name(v_load(x + i))); \
        if (i < n) \
            v_store_n(y + i, v_##name(v_load_n(x + i, n - i)), n - i); \
    }

MAP(exp)
MAP(sigmoid)
MAP(tanh)
MAP(erf)
MAP(silu)
MAP(gelu)
MAP(hard_swish)
