/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of blending and resizing for SSE2.
 */
#include "samples_sse2.h"

#include "kernels/blend_body.h"
#include "kernels/resize_body.h"

void gcam_picture_init_sse2(GcamKernels *kernels)
{
    kernels->blend = (GcamBlendKernels){ blend_index, blend_curve, blend_mix8, blend_mix16, blend_mix_deep };
    kernels->resize = (GcamResizeKernels){ rows8, rows16, resize_columns, resize_color };
}
