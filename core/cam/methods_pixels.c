/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods whose maps are of pixels: the gradient of the score by the picture itself, by one of the rules of a ReLU
 * (ops/rule.h). In: that gradient G, [pixels][channels]. Out: its greatest magnitude over the channels, for each pixel,
 * Simonyan et al. 2013, section 3.1.
 */
#include "methods.h"

#include <math.h>

static int magnitude(const GcamCam *cam, float *map)
{
    for (size_t i = 0; i < cam->cells; i++) {
        float most = 0;
        for (size_t k = 0; k < cam->channels; k++)
            most = fmaxf(most, fabsf(cam->g[i * cam->channels + k]));
        map[i] = most;
    }
    return 0;
}

const GcamMethod gcam_method_gradient = {
    .info = {
        .name = "gradient",
        .summary = "which pixels the score hangs on",
        .formula = "max_k abs(G_k), G by the picture",
        .reference = "Simonyan et al. 2013, arXiv 1312.6034",
        .cost = "F + B to the picture",
        .use = GRADCAM_USE_KEY_FRAMES,
        .of_pixels = 1,
    },
    .needs = GCAM_NEEDS_PICTURE_GRADIENT,
    .formula = magnitude,
};

const GcamMethod gcam_method_guided = {
    .info = {
        .name = "guided",
        .summary = "which pixels raise the score, through what each ReLU lets pass (it hardly tells classes apart)",
        .formula = "max_k abs(G_k), G by the picture, g [x > 0] [g > 0] at each ReLU",
        .reference = "Springenberg et al. 2014, arXiv 1412.6806",
        .cost = "F + B to the picture",
        .use = GRADCAM_USE_KEY_FRAMES,
        .of_pixels = 1,
    },
    .needs = GCAM_NEEDS_PICTURE_GRADIENT,
    .rule = GCAM_RULE_GUIDED,
    .formula = magnitude,
};

const GcamMethod gcam_method_deconvnet = {
    .info = {
        .name = "deconvnet",
        .summary = "which pixels raise the score, by the network run backward (it hardly tells classes apart)",
        .formula = "max_k abs(G_k), G by the picture, g [g > 0] at each ReLU",
        .reference = "Zeiler and Fergus 2014, arXiv 1311.2901",
        .cost = "F + B to the picture",
        .use = GRADCAM_USE_KEY_FRAMES,
        .of_pixels = 1,
    },
    .needs = GCAM_NEEDS_PICTURE_GRADIENT,
    .rule = GCAM_RULE_DECONVOLUTION,
    .formula = magnitude,
};
