/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture at the model's size, 8-bit RGB, or floats C x H x W that are already normalised. Out: the
 * engine's input, H x W x C fp32, in a buffer of the caller. Nothing is kept.
 */
#include "preprocess.h"

void gcam_preprocess_rgb(const uint8_t *rgb, ptrdiff_t stride, int width, int height,
                         const GradcamPreprocessing *preprocessing, float *nhwc)
{
    const int first = preprocessing->bgr ? 2 : 0, last = 2 - first;
    float table[3][256];        // every value that a channel can take

    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[c][v] = ((float)v - preprocessing->mean[c]) / preprocessing->std[c];
    for (int y = 0; y < height; y++) {
        const uint8_t *in = rgb + y * stride;
        float *out = nhwc + (size_t)y * width * 3;
        for (int x = 0; x < width; x++, in += 3, out += 3) {
            out[0] = table[0][in[first]];
            out[1] = table[1][in[1]];
            out[2] = table[2][in[last]];
        }
    }
}

void gcam_preprocess_float(const float *nchw, int channels, int height, int width, float *nhwc)
{
    const size_t plane = (size_t)height * width;

    for (size_t i = 0; i < plane; i++)
        for (int c = 0; c < channels; c++)
            nhwc[i * channels + c] = nchw[c * plane + i];
}
