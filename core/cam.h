/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From activations and gradients to a map.
 */
#ifndef GCAM_CAM_H
#define GCAM_CAM_H

#include <stddef.h>

#include "gradcam.h"

// a, g: activations and gradients of the layer, [cells][channels]. alpha: room for `channels` floats.
// map: `cells` floats.
void gcam_cam(enum GradcamMethod method, const float *a, const float *g, size_t cells, size_t channels, float *alpha,
              float *map);

#endif
