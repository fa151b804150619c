/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods whose maps are of pixels: the gradient of the score by the picture itself, by one of the rules of a ReLU
 * (ops/rule.h). In: that gradient G, [pixels][channels]. Out: its greatest magnitude over the channels, for each pixel,
 * Simonyan et al. 2013, section 3.1.
 */
#include "methods.h"
#include "probe.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

void gcam_greatest_magnitude(const GcamCam *cam, const float *g, float *map)
{
    for (size_t i = 0; i < cam->cells; i++) {
        float most = 0;
        for (size_t k = 0; k < cam->channels; k++)
            most = fmaxf(most, fabsf(g[i * cam->channels + k]));
        map[i] = most;
    }
}

static int magnitude(const GcamCam *cam, float *map)
{
    gcam_greatest_magnitude(cam, cam->g, map);
    return 0;
}

// From 0 to 1, neither of them, the same numbers at each map: SplitMix64, Steele et al. 2014.
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

// Normally distributed, of standard deviation 1: Box and Muller 1958.
static double normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(uniform(state)));
    return radius * cos(6.283185307179586 * uniform(state));
}

static double range(const GcamCam *cam)
{
    float low = cam->a[0], high = cam->a[0];
    for (size_t i = 1; i < cam->cells * cam->channels; i++) {
        low = fminf(low, cam->a[i]);
        high = fmaxf(high, cam->a[i]);
    }
    return (double)high - low;
}

static int smoothgrad(GcamProbe *probe, const GcamCam *cam, float *map)
{
    const size_t floats = cam->cells * cam->channels;
    const double samples = cam->option[0], deviation = cam->option[1] * range(cam);
    float *noisy = gcam_probe_floats(probe, 2 * floats), *sum = noisy ? noisy + floats : NULL;
    uint64_t state = 0;
    if (!noisy)
        return -ENOMEM;
    memset(sum, 0, floats * sizeof(*sum));
    for (int n = 0; n < samples; n++) {
        const float *g = NULL;
        double score;
        for (size_t i = 0; i < floats; i++)
            noisy[i] = (float)(cam->a[i] + deviation * normal(&state));
        int error = gcam_probe_score_of_picture(probe, noisy, &score);
        if (!error)
            error = gcam_probe_gradient(probe, GCAM_RULE_PLAIN, NULL, &g);
        if (error)
            return error;
        for (size_t i = 0; i < floats; i++)
            sum[i] += g[i] / (float)samples;
    }
    gcam_greatest_magnitude(cam, sum, map);
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

const GcamMethod gcam_method_smoothgrad = {
    .info = {
        .name = "smoothgrad",
        .summary = "which pixels the score hangs on, in the mean over pictures with noise",
        .formula = "max_k abs(mean_n G_k(x + noise_n)), G by the picture x",
        .reference = "Smilkov et al. 2017, arXiv 1706.03825",
        .cost = "samples * (F + B to the picture)",
        .use = GRADCAM_USE_STILLS,
        .of_pixels = 1,
        .option = (const GradcamMethodOption[]){
            { .name = "samples", .help = "pictures", .is_whole = 1, .standard = 50, .least = 1, .most = 1000 },
            { .name = "noise", .help = "standard deviation of the noise, in parts of the picture's range",
              .standard = 0.15, .least = 0, .most = 1 },
        },
        .options = 2,
    },
    .needs = GCAM_NEEDS_PICTURE_GRADIENT | GCAM_NEEDS_NETWORK,
    .run = smoothgrad,
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
