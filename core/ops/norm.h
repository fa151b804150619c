/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a plan needs to fold a BatchNormalization into the convolution before it.
 */
#ifndef GCAM_OPS_NORM_H
#define GCAM_OPS_NORM_H

#include "ops.h"

// At inference BatchNormalization is y = scale * x + shift, one pair per channel: fills both arrays.
void gcam_batch_norm_affine(const GcamNode *node, const GcamValue *values, float *scale, float *shift);

#endif
