/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods that are what others are, of another score than the logit where the target does not name one. In: activations
 * A of the layer and their gradient G, [cells][channels]. Out: the map over the cells.
 */
#include "methods.h"
#include "probe.h"

#include <errno.h>
#include <string.h>

// w_k = mean_ij (G - (Hess A) / 2), Cai 2025: what each channel gives to the score, as a game shares it out, up to the
// second order. ReST is the score whose second derivative does not vanish.
static int shapleycam(GcamProbe *probe, const GcamCam *cam, float *map)
{
    const float *g = NULL;
    float *weight = gcam_probe_floats(probe, cam->channels);
    int error = weight ? gcam_probe_curved(probe, 0.5, &g) : -ENOMEM;
    if (error)
        return error;
    memset(weight, 0, cam->channels * sizeof(*weight));
    for (size_t i = 0; i < cam->cells; i++)
        for (size_t k = 0; k < cam->channels; k++)
            weight[k] += g[i * cam->channels + k] / (float)cam->cells;
    gcam_weighted_sum(cam, weight, 1, map);
    return 0;
}

const GcamMethod gcam_method_shapleycam = {
    .info = {
        .name = "shapleycam",
        .summary = "what speaks for the class, each channel by its share of ReST, the score with its log-probability",
        .formula = "relu(sum_k w_k A_k), w_k = mean_ij (G_k - (Hess A)_k / 2), s = y_c + log p_c",
        .reference = "Cai 2025, arXiv 2501.06261",
        .cost = "F + B + 3 runs from the layer to the score",
    },
    .needs = GCAM_NEEDS_HEAD,
    .score = "rest",
    .run = shapleycam,
};

static const GcamMethod *const bases[] = {
    &gcam_method_gradcam, &gcam_method_gradcam_plus_plus, &gcam_method_xgradcam, &gcam_method_hirescam,
    &gcam_method_elementwise, &gcam_method_layercam,
};

static int finercam(const GcamCam *cam, float *map)
{
    static const double none[GRADCAM_METHOD_MOST_OPTIONS];      // a base does not read this method's options as its own
    GcamCam of_base = *cam;
    of_base.option = none;
    return bases[(size_t)cam->option[0]]->formula(&of_base, map);
}

const GcamMethod gcam_method_finercam = {
    .info = {
        .name = "finercam",
        .summary = "what tells the class from those with the nearest scores",
        .formula = "as the base has it, s = y_c - sum_d q_d y_d, q = softmax_d y over three rivals d",
        .reference = "Zhang et al., CVPR 2025, arXiv 2501.11309",
        .cost = "F + B",
        .option = (const GradcamMethodOption[]){
            { .name = "base", .help = "the method that the map is made by", .words = (const char *const[]){
              "gradcam", "gradcam++", "xgradcam", "hirescam", "elementwise", "layercam", NULL } },
            GCAM_AUG_OPTION,
        },
        .options = 2,
    },
    .needs = GCAM_NEEDS_GRADIENT | GCAM_NEEDS_SUMS,
    .score = "finer",
    .formula = finercam,
};
