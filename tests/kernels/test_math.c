/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Functions of each element at each CPU level against libm in double.
 */
#include "kernels/kernels.h"
#include "support.h"

typedef struct Function {
    const char *name;
    void (*map)(float *y, const float *x, size_t n);
    double (*want)(double x);
    float from, to;             // where it is checked
    double tolerance;           // relative
    int unlimited;              // grows with x
} Function;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void is_accurate(const Function *f)
{
    enum { POINTS = 200000 };
    float *x = checked_alloc(POINTS), *y = checked_alloc(POINTS);
    double relative = 0;
    for (int i = 0; i < POINTS; i++)
        x[i] = f->from + (f->to - f->from) * ((float)i / POINTS);
    f->map(y, x, POINTS);
    for (int i = 0; i < POINTS; i++) {
        double want = f->want(x[i]), error = fabs(y[i] - want);
        relative = fmax(relative, want ? error / fabs(want) : 0);
        if (!(error <= f->tolerance * fabs(want))) {
            fail("of %.9g is %.9g, not %.9g", x[i], y[i], want);
            break;
        }
    }
    note("%.1e", relative);
    checked_free("x", x, POINTS);
    checked_free("y", y, POINTS);
}

static double silu(double x)
{
    return x * sigmoid(x);
}

static double gelu(double x)
{
    return x * erfc(-x * sqrt(0.5)) / 2;
}

static double hard_swish(double x)
{
    return x * fmax(0, fmin(1, x / 6 + 0.5));
}

// Any length, in place, and the same value wherever in a vector an element lies.
static void handles_ends(const Function *f)
{
    float whole[40], x[40];
    for (int i = 0; i < 40; i++)
        x[i] = (float)i / 10 - 2;
    f->map(whole, x, 40);
    for (size_t n = 0; n <= 40; n++) {
        float *y = checked_alloc(n);
        memcpy(y, x, n * sizeof(*y));
        f->map(y, y, n);
        CHECK(!memcmp(y, whole, n * sizeof(*y)));
        checked_free("y", y, n);
    }
}

static void handles_extremes(const Function *f)
{
    const float x[] = { NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 0, -0.0f };
    float y[7];
    f->map(y, x, 7);
    CHECK(isnan(y[0]));
    if (f->unlimited) {
        CHECK_NEAR(y[3] / 1e30f, 1, 1e-6);
        CHECK_NEAR(y[4] / 1e30f, 0, 1e-6);
        CHECK(y[5] == 0 && y[6] == 0);
        return;
    }
    for (int i = 1; i < 7; i++)
        CHECK(isfinite(y[i]));
    CHECK_NEAR(y[5], f->want(0), 1e-7);
    if (strcmp(f->name, "exp"))
        for (int i = 1; i < 5; i++)
            CHECK_NEAR(y[i], f->want(x[i]), 4e-7);
}

static void cases(void)
{
    const GcamKernels *k = gcam_kernels();
    const Function functions[] = {
        { "exp", k->exp, exp, -87, 88, 3e-7, 0 },
        { "sigmoid", k->sigmoid, sigmoid, -30, 30, 4e-7, 0 },
        { "tanh", k->tanh, tanh, -10, 10, 4e-7, 0 },
        { "erf", k->erf, erf, -5, 5, 5e-7, 0 },
        { "silu", k->silu, silu, -20, 20, 5e-7, 1 },
        { "gelu", k->gelu, gelu, -2, 10, 5e-6, 1 },
        { "hard_swish", k->hard_swish, hard_swish, -2.5, 10, 1e-6, 1 },
    };
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        begin_case("%s: %s", level(), functions[i].name);
        is_accurate(&functions[i]);
        handles_ends(&functions[i]);
        handles_extremes(&functions[i]);
    }
}

LEVELS_MAIN(cases)
