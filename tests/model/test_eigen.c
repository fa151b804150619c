/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Greatest eigenvalues against Jacobi's method in full, and principal components against their definition.
 */
#include "cam/eigen.h"
#include "harness.h"

enum { MOST = 48 };

static double matrix[MOST * MOST], left[MOST * MOST], vectors[MOST * MOST];

static void apply(const void *opaque, const double *v, double *out)
{
    const size_t n = *(const size_t *)opaque;
    for (size_t i = 0; i < n; i++) {
        out[i] = 0;
        for (size_t j = 0; j < n; j++)
            out[i] += matrix[i * n + j] * v[j];
    }
}

static void rotate(size_t n, size_t p, size_t q)
{
    if (fabs(left[p * n + q]) < 1e-300)
        return;
    double angle = 0.5 * atan2(2 * left[p * n + q], left[q * n + q] - left[p * n + p]);
    double c = cos(angle), s = sin(angle);
    for (size_t k = 0; k < n; k++) {
        double a = left[k * n + p], b = left[k * n + q], u = vectors[k * n + p], v = vectors[k * n + q];
        left[k * n + p] = c * a - s * b;
        left[k * n + q] = s * a + c * b;
        vectors[k * n + p] = c * u - s * v;
        vectors[k * n + q] = s * u + c * v;
    }
    for (size_t k = 0; k < n; k++) {
        double a = left[p * n + k], b = left[q * n + k];
        left[p * n + k] = c * a - s * b;
        left[q * n + k] = s * a + c * b;
    }
}

// All of it by rotations; the column of `vectors` of the greatest eigenvalue.
static size_t jacobi(size_t n, double *value)
{
    memcpy(left, matrix, n * n * sizeof(*left));
    for (size_t i = 0; i < n * n; i++)
        vectors[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < 30; sweep++)
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++)
                rotate(n, p, q);
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = left[i * n + i] > left[best * n + best] ? i : best;
    *value = left[best * n + best];
    return best;
}

static void check_matrix(size_t n, int is_vector_unique)
{
    double scratch[(MOST + 4) * (MOST + 1)], vector[MOST], again[MOST], out[MOST], want, along = 0, length = 0;
    REQUIRE(gcam_eigen_scratch(n) <= sizeof(scratch) / sizeof(*scratch));
    size_t column = jacobi(n, &want), most = 0;
    double value = gcam_eigen_greatest(apply, &n, n, vector, scratch);
    CHECK(fabs(value - want) <= 1e-9 * (1 + fabs(want)));
    apply(&n, vector, out);
    for (size_t i = 0; i < n; i++) {
        CHECK(fabs(out[i] - value * vector[i]) <= 1e-7 * (1 + fabs(value)));
        along += vector[i] * vectors[i * n + column];
        length += vector[i] * vector[i];
        most = fabs(vector[i]) > fabs(vector[most]) ? i : most;
    }
    CHECK(fabs(length - 1) < 1e-12);
    CHECK(vector[most] > 0);
    if (is_vector_unique)
        CHECK(fabs(fabs(along) - 1) < 1e-9);
    CHECK(gcam_eigen_greatest(apply, &n, n, again, scratch) == value && !memcmp(vector, again, n * sizeof(*again)));
}

static void symmetric_matrices(void)
{
    Random random = { 5 };
    for (size_t n = 1; n <= MOST; n += n < 6 ? 1 : 7) {
        float noise[MOST * MOST];
        random_floats(&random, noise, n * n, -1, 1);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                matrix[i * n + j] = noise[i * n + j] + noise[j * n + i];
        check_matrix(n, 1);
    }
}

static void equal_eigenvalues(void)
{
    for (size_t n = 2; n < 8; n++) {
        for (size_t i = 0; i < n * n; i++)
            matrix[i] = i % (n + 1) == 0 ? 3 : 0;
        check_matrix(n, 0);
        matrix[n * n - 1] = -50;                // the largest in magnitude is not the greatest
        check_matrix(n, 0);
    }
}

static void a_matrix_of_zeros(void)
{
    double scratch[(8 + 4) * 9], vector[8];
    size_t n = 8;
    memset(matrix, 0, sizeof(matrix));
    CHECK(gcam_eigen_greatest(apply, &n, n, vector, scratch) == 0);
    for (size_t i = 0; i < n; i++)
        CHECK(vector[i] == 0);
}

// The variance of the projection is the greatest there is, and rows along one line give their places on it.
static void rows_along_a_line(void)
{
    enum { ROWS = 7, COLUMNS = 5 };
    static const double direction[COLUMNS] = { 2, -1, 0, 4, 2 };        // of length 5
    double x[ROWS * COLUMNS], projection[ROWS], scratch[400];
    REQUIRE(gcam_principal_scratch(ROWS, COLUMNS) <= sizeof(scratch) / sizeof(*scratch));
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            x[i * COLUMNS + j] = 100 + j + (i * i - 13) * direction[j];
    gcam_principal(x, ROWS, COLUMNS, projection, scratch);
    for (int i = 0; i < ROWS; i++)
        CHECK(fabs(projection[i] - (i * i - 13) * 5.0) < 1e-9);
}

// Against the matrix as it is defined.
static void kernel_components(void)
{
    enum { ROWS = 9, COLUMNS = 4 };
    double x[ROWS * COLUMNS], k[ROWS * ROWS], projection[ROWS], value;
    static double scratch[4000];
    float noise[ROWS * COLUMNS];
    Random random = { 3 };
    REQUIRE(gcam_kernel_principal_scratch(ROWS, COLUMNS) <= sizeof(scratch) / sizeof(*scratch));
    random_floats(&random, noise, ROWS * COLUMNS, -2, 2);
    for (int j = 0; j < COLUMNS; j++) {
        double mean = 0;
        for (int i = 0; i < ROWS; i++)
            mean += (double)noise[i * COLUMNS + j] / ROWS;
        for (int i = 0; i < ROWS; i++)
            x[i * COLUMNS + j] = noise[i * COLUMNS + j] - mean;
    }
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            double product = 0;
            for (int c = 0; c < COLUMNS; c++)
                product += x[i * COLUMNS + c] * x[j * COLUMNS + c];
            k[i * ROWS + j] = tanh(product / COLUMNS + 1);
        }
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            double row = 0, column = 0, all = 0;
            for (int a = 0; a < ROWS; a++) {
                row += k[i * ROWS + a] / ROWS;
                column += k[a * ROWS + j] / ROWS;
                for (int b = 0; b < ROWS; b++)
                    all += k[a * ROWS + b] / ROWS / ROWS;
            }
            matrix[i * ROWS + j] = k[i * ROWS + j] - row - column + all;
        }
    size_t column = jacobi(ROWS, &value);
    gcam_kernel_principal(x, ROWS, COLUMNS, projection, scratch);
    double sign = 0;
    for (int i = 0; i < ROWS; i++)
        sign += projection[i] * vectors[(size_t)i * ROWS + column];
    for (int i = 0; i < ROWS; i++)
        CHECK(fabs(projection[i] - (sign < 0 ? -1 : 1) * sqrt(value) * vectors[(size_t)i * ROWS + column]) < 1e-9);
}

int main(void)
{
    RUN(symmetric_matrices);
    RUN(equal_eigenvalues);
    RUN(a_matrix_of_zeros);
    RUN(rows_along_a_line);
    RUN(kernel_components);
    return end_cases();
}
