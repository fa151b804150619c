/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods whose maps are of pixels and that ask for more than one gradient by the picture. In: the picture x,
 * [pixels][channels], the layer, and the probe. Out: a number for each pixel.
 */
#include "picture/upsample.h"
#include "methods.h"

#include "base/log.h"
#include "probe.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------ integrated gradients

// Score and gradient at `share` of the way from zeros to the picture.
static int gradient_at(GcamProbe *probe, const GcamCam *cam, double share, float *picture, const float **g)
{
    double score;
    for (size_t i = 0; i < cam->cells * cam->channels; i++)
        picture[i] = (float)(share * cam->a[i]);
    int error = gcam_probe_score_of_picture(probe, picture, &score);
    return error ? error : gcam_probe_gradient(probe, GCAM_RULE_PLAIN, NULL, g);
}

// Shares add up to what the score of the picture is above that of zeros (Sundararajan et al. 2017, proposition 1), but
// for the error of the sum that stands for the integral.
static int report(GcamProbe *probe, const GcamCam *cam, float *zeros, const float *map)
{
    double own, none, sum = 0;
    memset(zeros, 0, cam->cells * cam->channels * sizeof(*zeros));
    int error = gcam_probe_score_of_picture(probe, zeros, &none);
    if (!error)
        error = gcam_probe_score_of_picture(probe, cam->a, &own);
    if (error)
        return error;
    for (size_t i = 0; i < cam->cells; i++)
        sum += map[i];
    gcam_log(gcam_probe_log(probe), GRADCAM_LOG_INFO, "integrated: the pixels' shares add up to %g, the score is %g "
             "above that of the baseline: off by %.2g%%", sum, own - none,
             own == none ? 0 : 100 * fabs(sum - (own - none)) / fabs(own - none));
    return 0;
}

// x mean_t G(t x), t in the middle of each step: eq. 3, its integral by the midpoint rule.
static int integrated(GcamProbe *probe, const GcamCam *cam, float *map)
{
    const size_t floats = cam->cells * cam->channels;
    const int steps = (int)cam->option[0];
    float *picture = gcam_probe_floats(probe, 2 * floats), *mean = picture ? picture + floats : NULL;
    if (!picture)
        return -ENOMEM;
    memset(mean, 0, floats * sizeof(*mean));
    for (int n = 0; n < steps; n++) {
        const float *g = NULL;
        int error = gradient_at(probe, cam, (n + 0.5) / steps, picture, &g);
        if (error)
            return error;
        for (size_t i = 0; i < floats; i++)
            mean[i] += g[i] / (float)steps;
    }
    for (size_t i = 0; i < cam->cells; i++) {
        double sum = 0;
        for (size_t k = 0; k < cam->channels; k++)
            sum += (double)cam->a[i * cam->channels + k] * mean[i * cam->channels + k];
        map[i] = (float)sum;
    }
    return report(probe, cam, picture, map);
}

const GcamMethod gcam_method_integrated = {
    .info = {
        .name = "integrated",
        .summary = "each pixel's share of the score, beside that of a picture of the mean colour",
        .formula = "sum_k x_k mean_t G_k(t x), G by the picture x, t from 0 to 1",
        .reference = "Sundararajan et al., ICML 2017, arXiv 1703.01365",
        .cost = "steps * (F + B to the picture)",
        .use = GRADCAM_USE_STILLS,
        .of_pixels = 1,
        .is_signed = 1,
        .option = (const GradcamMethodOption[]){
            { .name = "steps", .help = "pictures on the way", .is_whole = 1, .standard = 50, .least = 1, .most = 1000 },
        },
        .options = 1,
    },
    .needs = GCAM_NEEDS_PICTURE_GRADIENT | GCAM_NEEDS_NETWORK,
    .run = integrated,
};

// ----------------------------------------------------------------------------------------------------- guided Grad-CAM

// Grad-CAM of the layer, from 0 to 1, at the picture's size.
static int gradcam_of_pixels(GcamProbe *probe, float *alpha, float *small, float *large)
{
    const GcamCam *layer = gcam_probe_layer(probe), *picture = gcam_probe_picture(probe);
    const float *g = NULL;
    int error = gcam_probe_gradient(probe, GCAM_RULE_PLAIN, &g, NULL);
    if (error)
        return error;
    memset(alpha, 0, layer->channels * sizeof(*alpha));
    for (size_t i = 0; i < layer->cells; i++)
        for (size_t k = 0; k < layer->channels; k++)
            alpha[k] += g[i * layer->channels + k] / (float)layer->cells;
    gcam_weighted_sum(layer, alpha, 1, small);
    gradcam_map_normalize(small, layer->cells);
    gcam_map_resize(small, (int)layer->width, (int)layer->height, large, (int)picture->width,
                    (int)picture->height);
    gradcam_map_normalize(large, picture->cells);
    return 0;
}

// Selvaraju et al. 2017, section 3.2: the gradient by the rule of guided backpropagation, times Grad-CAM.
static int guided_gradcam(GcamProbe *probe, const GcamCam *cam, float *map)
{
    const GcamCam *layer = gcam_probe_layer(probe);
    float *own = gcam_probe_floats(probe, layer->channels + layer->cells + cam->cells);
    if (!own)
        return -ENOMEM;
    float *small = own + layer->channels, *large = small + layer->cells;
    int error = gradcam_of_pixels(probe, own, small, large);
    if (error)
        return error;
    gcam_greatest_magnitude(cam, cam->g, map);
    for (size_t i = 0; i < cam->cells; i++)
        map[i] *= large[i];
    return 0;
}

const GcamMethod gcam_method_guided_gradcam = {
    .info = {
        .name = "guided-gradcam",
        .summary = "which pixels raise the score, where Grad-CAM finds what speaks for the class",
        .formula = "max_k abs(G_k) N(relu(sum_k w_k A_k)), G as for guided",
        .reference = "Selvaraju et al., ICCV 2017, arXiv 1610.02391, section 3.2",
        .cost = "F + B to the picture + B",
        .use = GRADCAM_USE_KEY_FRAMES,
        .of_pixels = 1,
    },
    .needs = GCAM_NEEDS_PICTURE_GRADIENT,
    .rule = GCAM_RULE_GUIDED,
    .run = guided_gradcam,
};
