/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Turns pixels, or floats in ONNX order, into the engine's input: channels-last fp32.
 */
#ifndef GCAM_CAM_PREPROCESS_H
#define GCAM_CAM_PREPROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/threads.h"
#include "gradcam.h"

// rgb: height rows of 3 * width bytes, R, G, B interleaved, `stride` bytes apart (may be negative). nhwc:
// height x width x 3 floats, tightly packed; channel c is (pixel - mean[c]) / std[c], with c counting in
// the network's own order (B, G, R when preprocessing->bgr).
void gcam_preprocess_rgb(GcamThreads *pool, const uint8_t *rgb, ptrdiff_t stride, int width, int height,
                         const GradcamPreprocessing *preprocessing, float *nhwc);

// nchw: channels x height x width, already normalised. nhwc: the same values, height x width x channels. No
// overlap.
void gcam_preprocess_float(const float *nchw, int channels, int height, int width, float *nhwc);

#endif
