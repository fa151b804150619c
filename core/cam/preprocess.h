/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Turns pixels, or floats in the network's order, into the engine's input: channels-last fp32.
 */
#ifndef GCAM_CAM_PREPROCESS_H
#define GCAM_CAM_PREPROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/threads.h"
#include "gradcam.h"

// pixels: `rows` rows of the picture, frames * channels samples a pixel (R, G, B or grey, frame after frame), `stride`
// bytes apart (may be negative). out: rows x width x the same number of floats, tightly packed; of each frame channel c
// is (sample - mean[c]) / std[c], with c counting in the network's own order (B, G, R when preprocessing->bgr).
void gcam_preprocess_pixels(GcamThreads *pool, const GradcamInput *picture, const uint8_t *pixels, ptrdiff_t stride,
                            int rows, const GradcamPreprocessing *preprocessing, float *out);

// floats: the picture in the order of its own shape, already normalised. out: the same values, channels last. No
// overlap.
void gcam_preprocess_float(const GradcamInput *picture, const float *floats, float *out);

#endif
