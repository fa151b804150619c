/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Lanczos method with full reorthogonalisation (Golub and Van Loan, section 10.1): from v, M v, M^2 v ... comes an
 * orthonormal basis Q in which M is the tridiagonal matrix T, whose greatest eigenvalue soon is that of M, and whose
 * vector y gives Q y. All on one thread, in double, so that results do not depend on threads.
 */
#include "eigen.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MOST_STEPS = 256, CHECK_EVERY = 8 };

static size_t most_steps(size_t size)
{
    return size < MOST_STEPS ? size : MOST_STEPS;
}

size_t gcam_eigen_scratch(size_t size)
{
    return (size + 4) * (most_steps(size) + 1);
}

static double dot(const double *a, const double *b, size_t count)
{
    double sum[4] = { 0 };
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (size_t j = 0; j < 4; j++)
            sum[j] += a[i + j] * b[i + j];
    for (; i < count; i++)
        sum[0] += a[i] * b[i];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

static void add_scaled(double *to, const double *what, double factor, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += factor * what[i];
}

// T: diagonal a, beside it b; n rows.
typedef struct Tridiagonal {
    const double *a, *b;
    size_t n;
} Tridiagonal;

// Whether x is above all eigenvalues: then x - T = L D L' with D above 0, which goes to d.
static int is_above(const Tridiagonal *t, double x, double *d)
{
    for (size_t i = 0; i < t->n; i++) {
        d[i] = x - t->a[i] - (i ? t->b[i - 1] * t->b[i - 1] / d[i - 1] : 0);
        if (!(d[i] > 0))
            return 0;
    }
    return 1;
}

// The lowest number that is above all eigenvalues of T, but for rounding: by halving. d: of its decomposition.
static double upper_end(const Tridiagonal *t, double *d)
{
    double low = t->a[0], high = t->a[0], reach = 0;
    for (size_t i = 0; i < t->n; i++) {                 // Gershgorin
        double beside = (i ? fabs(t->b[i - 1]) : 0) + (i + 1 < t->n ? fabs(t->b[i]) : 0);
        high = fmax(high, t->a[i] + beside);
        low = fmax(low, t->a[i]);
        reach = fmax(reach, fabs(t->a[i]) + beside);
    }
    high += 4 * DBL_EPSILON * reach + DBL_MIN;
    for (int i = 0; i < 100 && high - low > 4 * DBL_EPSILON * reach; i++) {
        double middle = low + (high - low) / 2;
        if (is_above(t, middle, d))
            high = middle;
        else
            low = middle;
    }
    is_above(t, high, d);
    return high;
}

// The vector of the greatest eigenvalue of T, of length 1: inverse iteration at its upper end, where x - T is positive
// definite and solved as it stands.
static double top_of(const Tridiagonal *t, double *y, double *d)
{
    const double x = upper_end(t, d);
    for (size_t i = 0; i < t->n; i++)
        y[i] = 1;
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 1; i < t->n; i++)
            y[i] += t->b[i - 1] / d[i - 1] * y[i - 1];
        for (size_t i = 0; i < t->n; i++)
            y[i] /= d[i];
        for (size_t i = t->n - 1; i-- > 0;)
            y[i] += t->b[i] / d[i] * y[i + 1];
        const double length = sqrt(dot(y, y, t->n));
        for (size_t i = 0; i < t->n; i++)
            y[i] /= length;
    }
    return x;
}

// A vector that no picture makes orthogonal to what is looked for, but by chance: noise, the same each time.
static void begin_vector(double *v, size_t size)
{
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        v[i] = (double)(state >> 8) / (1 << 24) - 0.5;
    }
}

// Takes off v what lies along the vectors of the basis, twice, as once leaves rounding; returns the length of the rest.
static double orthogonalise(double *v, const double *basis, size_t count, size_t size)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++)
            add_scaled(v, basis + i * size, -dot(v, basis + i * size, size), size);
    return sqrt(dot(v, v, size));
}

static void with_sign(double *vector, size_t size)
{
    size_t most = 0;
    for (size_t i = 1; i < size; i++)
        if (fabs(vector[i]) > fabs(vector[most]))
            most = i;
    for (size_t i = 0; size && vector[most] < 0 && i < size; i++)
        vector[i] = i == most ? vector[i] : -vector[i];
    if (size && vector[most] < 0)
        vector[most] = -vector[most];
}

double gcam_eigen_greatest(GcamEigenApply apply, const void *opaque, size_t size, double *vector, double *scratch)
{
    const size_t most = most_steps(size);
    double *basis = scratch, *next = basis + most * size, *a = next + size;
    double *b = a + most + 1, *y = b + most + 1, *d = y + most + 1, value = 0;
    size_t n = 0;
    memset(vector, 0, size * sizeof(*vector));
    begin_vector(basis, size);
    apply(opaque, basis, next);                         // a first step, as M may take most of noise away
    double length = sqrt(dot(next, next, size)), scale = 0;
    for (; n < most && length > scale * 1e-14 && length > 0; n++) {
        double *q = basis + n * size;
        for (size_t i = 0; i < size; i++)
            q[i] = next[i] / length;
        apply(opaque, q, next);
        a[n] = dot(q, next, size);
        length = b[n] = orthogonalise(next, basis, n + 1, size);
        scale = fmax(scale, fabs(a[n]) + length);
        const int is_last = n + 1 == most || length <= scale * 1e-14;
        if (!is_last && n % CHECK_EVERY != CHECK_EVERY - 1)
            continue;
        value = top_of(&(Tridiagonal){ a, b, n + 1 }, y, d);
        if (is_last || length * fabs(y[n]) <= 1e-10 * fabs(value)) {
            n++;
            break;
        }
    }
    for (size_t i = 0; i < n; i++)
        add_scaled(vector, basis + i * size, y[i], size);
    with_sign(vector, size);
    return n ? value : 0;
}

// --------------------------------------------------------------------------------------------------------- components

typedef struct Rows {
    const double *x;
    size_t rows, columns;
    double *between;            // columns
} Rows;

static void take_means_off(double *x, size_t rows, size_t columns, double *mean)
{
    memset(mean, 0, columns * sizeof(*mean));
    for (size_t i = 0; i < rows; i++)
        add_scaled(mean, x + i * columns, 1 / (double)rows, columns);
    for (size_t i = 0; i < rows; i++)
        add_scaled(x + i * columns, mean, -1, columns);
}

// X X' v
static void apply_rows(const void *opaque, const double *v, double *out)
{
    const Rows *r = opaque;
    memset(r->between, 0, r->columns * sizeof(*r->between));
    for (size_t i = 0; i < r->rows; i++)
        add_scaled(r->between, r->x + i * r->columns, v[i], r->columns);
    for (size_t i = 0; i < r->rows; i++)
        out[i] = dot(r->x + i * r->columns, r->between, r->columns);
}

// X = U S V': the projection on the first column of V is that of U times its singular value.
void gcam_principal(double *x, size_t rows, size_t columns, double *projection, double *scratch)
{
    const Rows r = { x, rows, columns, scratch };
    take_means_off(x, rows, columns, scratch);
    double value = gcam_eigen_greatest(apply_rows, &r, rows, projection, scratch + columns);
    for (size_t i = 0; i < rows; i++)
        projection[i] *= sqrt(fmax(value, 0));
}

size_t gcam_principal_scratch(size_t rows, size_t columns)
{
    return columns + gcam_eigen_scratch(rows);
}

static void apply_matrix(const void *opaque, const double *v, double *out)
{
    const Rows *k = opaque;
    for (size_t i = 0; i < k->rows; i++)
        out[i] = dot(k->x + i * k->rows, v, k->rows);
}

void gcam_kernel_principal(double *x, size_t rows, size_t columns, double *projection, double *scratch)
{
    double *kernel = scratch, *mean = kernel + rows * rows, *rest = mean + (rows > columns ? rows : columns);
    const Rows k = { kernel, rows, rows, NULL };
    take_means_off(x, rows, columns, mean);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j <= i; j++)
            kernel[i * rows + j] = kernel[j * rows + i] =
                tanh(dot(x + i * columns, x + j * columns, columns) / (double)columns + 1);
    take_means_off(kernel, rows, rows, mean);           // of columns, and so of rows: then of rows
    for (size_t i = 0; i < rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < rows; j++)
            sum += kernel[i * rows + j] / (double)rows;
        for (size_t j = 0; j < rows; j++)
            kernel[i * rows + j] -= sum;
    }
    double value = gcam_eigen_greatest(apply_matrix, &k, rows, projection, rest);
    for (size_t i = 0; i < rows; i++)
        projection[i] *= sqrt(fmax(value, 0));
}

size_t gcam_kernel_principal_scratch(size_t rows, size_t columns)
{
    return rows * rows + (rows > columns ? rows : columns) + gcam_eigen_scratch(rows);
}
