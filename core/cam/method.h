/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From activations and gradients to a map.
 */
#ifndef GCAM_CAM_METHOD_H
#define GCAM_CAM_METHOD_H

#include <stddef.h>

#include "gradcam.h"

// The sums over all cells of the layer's gradients g, [cells][channels]: `channels` floats.
void gcam_cam_sums(const float *g, size_t cells, size_t channels, float *sum);

// a: activations of the layer, [cells][channels]. alpha: in, the sums of its gradients; out, the weights of its
// channels. map: `cells` floats.
void gcam_cam_map(enum GradcamMethod method, const float *a, float *alpha, size_t cells, size_t channels, float *map);

#endif
