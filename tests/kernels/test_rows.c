/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Softmax and layer normalisation of rows of any length, at each CPU level, against the same in double.
 */
#include "kernels/kernels.h"
#include "support.h"

enum { LONGEST = 5000 };

static void softmax_in_double(double *y, const float *x, float scale, const float *const add[2], size_t n)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) {
        y[i] = (double)scale * x[i] + (add[0] ? add[0][i] : 0) + (add[1] ? add[1][i] : 0);
        top = greater(top, y[i]);
    }
    for (size_t i = 0; i < n; i++)
        sum += y[i] = exp(y[i] - top);
    for (size_t i = 0; i < n; i++)
        y[i] /= sum;
}

// shift: how far from zero all logits are.
static void softmax_agrees(size_t n, float scale, int adds, float shift)
{
    float *x = checked_alloc(n), *y = checked_alloc(n), *a = checked_alloc(n), *b = checked_alloc(n);
    static double want[LONGEST];
    double worst = 0;
    Random random = { n + (size_t)adds };
    random_floats(&random, x, n, -4, 4);
    random_floats(&random, a, n, shift - 1, shift + 1);
    random_floats(&random, b, n, -1, 1);
    b[n / 2] = -100;                            // as masks have it
    const float *const add[2] = { adds > 0 ? a : NULL, adds > 1 ? b : NULL };
    softmax_in_double(want, x, scale, add, n);
    gcam_kernels()->softmax(y, x, scale, add, n);
    for (size_t i = 0; i < n; i++)
        worst = greater(worst, fabs(y[i] - want[i]));
    // Logits far from zero have fewer digits behind the point.
    if (!(worst < 2e-6 + fabs(shift) * 1e-7))
        fail("%zu elements, %d rows added: off by %g", n, adds, worst);
    gcam_kernels()->softmax(x, x, scale, add, n);
    CHECK(!memcmp(x, y, n * sizeof(*x)));       // in place
    checked_free("x", x, n);
    checked_free("y", y, n);
    checked_free("a", a, n);
    checked_free("b", b, n);
}

static void softmax_keeps_nan(size_t n, size_t at)
{
    float x[40] = { 0 };
    x[at] = NAN;
    gcam_kernels()->softmax(x, x, 1, (const float *const[2]){ NULL, NULL }, n);
    for (size_t i = 0; i < n; i++)
        CHECK(isnan(x[i]));
}

static void layer_norm_agrees(size_t n, float mean)
{
    float *x = checked_alloc(n), *y = checked_alloc(n), *scale = checked_alloc(n), *bias = checked_alloc(n);
    double sum = 0, squares = 0, worst = 0;
    Random random = { n };
    random_floats(&random, x, n, mean - 1, mean + 1);
    random_floats(&random, scale, n, -2, 2);
    random_floats(&random, bias, n, -2, 2);
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - sum / (double)n) * (x[i] - sum / (double)n);
    gcam_kernels()->layer_norm(y, x, scale, bias, 1e-5f, n);
    for (size_t i = 0; i < n; i++) {
        double want = (x[i] - sum / (double)n) / sqrt(squares / (double)n + 1e-5f) * scale[i] + bias[i];
        worst = greater(worst, fabs(y[i] - want));
    }
    if (!(worst < 1e-5 + fabs(mean) * 1e-6))
        fail("%zu elements around %g: off by %g", n, mean, worst);
    checked_free("x", x, n);
    checked_free("y", y, n);
    checked_free("scale", scale, n);
    checked_free("bias", bias, n);
}

static void cases(void)
{
    const size_t lengths[] = { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 49, 197, 768, LONGEST };
    begin_case("%s: softmax", level());
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        for (int adds = 0; adds < 3; adds++) {
            softmax_agrees(lengths[i], 0.25f, adds, 0);
            softmax_agrees(lengths[i], 1, adds, -300);
            softmax_agrees(lengths[i], 1, adds, 300);
        }
    for (size_t n = 1; n < 40; n++)
        softmax_keeps_nan(n, n / 2);
    begin_case("%s: layer norm", level());
    for (size_t i = 1; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        layer_norm_agrees(lengths[i], 0);
        layer_norm_agrees(lengths[i], 30);
    }
}

LEVELS_MAIN(cases)
