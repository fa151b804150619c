/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The greatest eigenvalue of a symmetric matrix and its vector, and with them first principal components.
 */
#ifndef GCAM_CAM_EIGEN_H
#define GCAM_CAM_EIGEN_H

#include <stddef.h>

// The matrix: out = M v, `size` doubles each.
typedef void (*GcamEigenApply)(const void *opaque, const double *v, double *out);

// Doubles of scratch for a matrix of that size.
size_t gcam_eigen_scratch(size_t size);

// The greatest eigenvalue (the largest number, not magnitude); vector: of length 1, `size` doubles, with its entry of
// the largest magnitude above 0. A matrix of zeros gives 0 and a vector of zeros. Always the same bits.
double gcam_eigen_greatest(GcamEigenApply apply, const void *opaque, size_t size, double *vector, double *scratch);

// x: [rows][columns], overwritten: the mean of each column is taken off. projection: of each row on the first right
// singular vector of what is left, with the sign of gcam_eigen_greatest(). scratch: gcam_principal_scratch().
void gcam_principal(double *x, size_t rows, size_t columns, double *projection, double *scratch);
size_t gcam_principal_scratch(size_t rows, size_t columns);

// The same by the kernel tanh(gamma x.y + 1), centred (Schoelkopf et al. 1998): x without its means, gamma one over the
// number of columns.
void gcam_kernel_principal(double *x, size_t rows, size_t columns, double *projection, double *scratch);
size_t gcam_kernel_principal_scratch(size_t rows, size_t columns);

#endif
