/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods whose map is a sum over the layer's channels. In: activations A and their gradient G = ds/dA, or its sums
 * over the cells. Out: the map over the cells.
 */
#include "methods.h"

// relu(sign * sum_k alpha_k A^k), Selvaraju et al. 2017, eq. 2; sign -1 is the counterfactual of section 3.3. Sums in
// double: what speaks for and against a class nearly cancels in many channels.
void gcam_weighted_sum(const GcamCam *cam, const float *alpha, double sign, float *map)
{
    const size_t channels = cam->channels;
    for (size_t i = 0; i < cam->cells; i++) {
        const float *a = cam->a + i * channels;
        double sum[4] = { 0 };
        size_t k = 0;
        for (; k + 4 <= channels; k += 4)
            for (size_t j = 0; j < 4; j++)
                sum[j] += (double)a[k + j] * alpha[k + j];
        for (; k < channels; k++)
            sum[0] += (double)a[k] * alpha[k];
        double total = sign * (sum[0] + sum[1] + sum[2] + sum[3]);
        map[i] = total > 0 ? (float)total : 0;
    }
}

// alpha_k = (1/Z) sum_ij dy/dA^k_ij, eq. 1
static float *mean_gradient(const GcamCam *cam)
{
    for (size_t k = 0; k < cam->channels; k++)
        cam->sums[k] /= (float)cam->cells;
    return cam->sums;
}

static int gradcam(const GcamCam *cam, float *map)
{
    gcam_weighted_sum(cam, mean_gradient(cam), 1, map);
    return 0;
}

static int counterfactual(const GcamCam *cam, float *map)
{
    gcam_weighted_sum(cam, mean_gradient(cam), -1, map);
    return 0;
}

// Each cell by its own gradient: relu(sum_k G_k A_k), Draelos and Carin 2020, eq. 5.
static int hirescam(const GcamCam *cam, float *map)
{
    for (size_t i = 0; i < cam->cells; i++) {
        const float *a = cam->a + i * cam->channels, *g = cam->g + i * cam->channels;
        double sum = 0;
        for (size_t k = 0; k < cam->channels; k++)
            sum += (double)a[k] * g[k];
        map[i] = sum > 0 ? (float)sum : 0;
    }
    return 0;
}

const GcamMethod gcam_method_gradcam = {
    .info = {
        .name = "gradcam",
        .summary = "what speaks for the class",
        .formula = "relu(sum_k w_k A_k), w_k = mean_ij G_k",
        .reference = "Selvaraju et al., ICCV 2017, arXiv 1610.02391, eq. 1 and 2",
        .cost = "F + B",
    },
    .needs = GCAM_NEEDS_SUMS,
    .formula = gradcam,
};

const GcamMethod gcam_method_counterfactual = {
    .info = {
        .name = "counterfactual",
        .summary = "what speaks against the class",
        .formula = "relu(-sum_k w_k A_k), w_k = mean_ij G_k",
        .reference = "Selvaraju et al., ICCV 2017, arXiv 1610.02391, section 3.3",
        .cost = "F + B",
    },
    .needs = GCAM_NEEDS_SUMS,
    .formula = counterfactual,
};

const GcamMethod gcam_method_hirescam = {
    .info = {
        .name = "hirescam",
        .summary = "what speaks for the class, each place by its own gradient",
        .formula = "relu(sum_k G_k A_k)",
        .reference = "Draelos and Carin 2020, arXiv 2011.08891",
        .cost = "F + B",
    },
    .needs = GCAM_NEEDS_GRADIENT | GCAM_NEEDS_ONLY_ACTIVE,
    .formula = hirescam,
};
