/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods whose map is a sum over the layer's channels, one weight w_k for each. In: activations A and their gradient
 * G = ds/dA, [cells][channels], or its sums over the cells. Out: the map over the cells.
 */
#include "methods.h"

#include "base/log.h"

#include <errno.h>
#include <math.h>

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
    return gcam_weighted_map(cam, mean_gradient(cam), map);
}

static int counterfactual(const GcamCam *cam, float *map)
{
    gcam_weighted_sum(cam, mean_gradient(cam), -1, map);
    return 0;
}

// w_k A_k summed over the channels, both signs kept.
static int signed_sum(const GcamCam *cam, float *map)
{
    const float *alpha = mean_gradient(cam);
    for (size_t i = 0; i < cam->cells; i++) {
        double sum = 0;
        for (size_t k = 0; k < cam->channels; k++)
            sum += (double)cam->a[i * cam->channels + k] * alpha[k];
        map[i] = (float)sum;
    }
    return 0;
}

// Where pooling and one linear layer follow, the score is sum_k (w_k / Z) sum_ij A^k_ij + b: the gradient is w_k / Z in
// every cell, and the weight is the sum of it. Zhou et al. 2016, eq. 2; without a ReLU.
static int cam_weights(const GcamCam *cam, float *map)
{
    int is_pooled = cam->is_constant;
    for (size_t i = cam->channels; is_pooled && i < cam->cells * cam->channels; i++)
        is_pooled = cam->g[i] == cam->g[i - cam->channels];
    if (!is_pooled) {
        gcam_log(cam->log, GRADCAM_LOG_ERROR, "method cam: behind the layer come other steps than global average "
                 "pooling and one linear layer; gradcam is the same where cam can be had");
        return -ENOTSUP;
    }
    for (size_t i = 0; i < cam->cells; i++) {
        double sum = 0;
        for (size_t k = 0; k < cam->channels; k++)
            sum += (double)cam->a[i * cam->channels + k] * cam->g[k] * (double)cam->cells;
        map[i] = (float)sum;
    }
    return 0;
}

// sum over the cells of each channel: of A; of G A.
static double sum_of(const GcamCam *cam, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i < cam->cells; i++)
        sum += cam->a[i * cam->channels + k];
    return sum;
}

// w_k = sum_ij a relu(G), a = G^2 / (2 G^2 + S_k G^3), S_k = sum_ij A^k: Chattopadhyay et al. 2018, eq. 5 and 19. The
// factor exp(s) of the paper is one for all k. 1e-6 keeps the quotient apart from 0 / 0; a = 0 where G = 0.
static float *plus_plus(const GcamCam *cam)
{
    for (size_t k = 0; k < cam->channels; k++) {
        double sum = sum_of(cam, k), weight = 0;
        for (size_t i = 0; i < cam->cells; i++) {
            double g = cam->g[i * cam->channels + k];
            if (g > 0)
                weight += g * g / (2 * g * g + sum * g * g * g + 1e-6) * g;
        }
        cam->sums[k] = (float)weight;
    }
    return cam->sums;
}

static int gradcam_plus_plus(const GcamCam *cam, float *map)
{
    return gcam_weighted_map(cam, plus_plus(cam), map);
}

// w_k = sum_ij G A / S_k: each cell's gradient counts by its share of the channel. Fu et al. 2020, eq. 7.
static int xgradcam(const GcamCam *cam, float *map)
{
    for (size_t k = 0; k < cam->channels; k++) {
        double weight = 0;
        for (size_t i = 0; i < cam->cells; i++)
            weight += (double)cam->a[i * cam->channels + k] * cam->g[i * cam->channels + k];
        cam->sums[k] = (float)(weight / (sum_of(cam, k) + 1e-7));
    }
    return gcam_weighted_map(cam, cam->sums, map);
}

// w_k = share of the cells with A > mean + 2 standard deviations of the channel: Fuad et al. 2020, section 3. No
// gradient: what the network finds remarkable, whatever the class.
static int fem(const GcamCam *cam, float *map)
{
    const double cells = (double)cam->cells, width = cam->option[0];
    for (size_t k = 0; k < cam->channels; k++) {
        const float *a = cam->a + k;
        double mean = sum_of(cam, k) / cells, square = 0, rare = 0;
        for (size_t i = 0; i < cam->cells; i++)
            square += (a[i * cam->channels] - mean) * (a[i * cam->channels] - mean);
        const double most = mean + width * sqrt(square / cells);
        for (size_t i = 0; i < cam->cells; i++)
            rare += a[i * cam->channels] > most;
        cam->sums[k] = (float)(rare / cells);
    }
    gcam_weighted_sum(cam, cam->sums, 1, map);
    return 0;
}

const GcamMethod gcam_method_gradcam = {
    .info = {
        .name = "gradcam",
        .summary = "what speaks for the class",
        .formula = "relu(sum_k w_k A_k), w_k = mean_ij G_k",
        .reference = "Selvaraju et al., ICCV 2017, arXiv 1610.02391, eq. 1 and 2",
        .cost = "F + B",
        .option = (const GradcamMethodOption[]){ GCAM_SMOOTH_OPTION },
        .options = 1,
    },
    .needs = GCAM_NEEDS_SUMS,
    .formula = gradcam,
    .scratch = gcam_weighted_scratch,
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

const GcamMethod gcam_method_signed = {
    .info = {
        .name = "signed",
        .summary = "what speaks for the class, above 0, and against it, below 0",
        .formula = "sum_k w_k A_k, w_k = mean_ij G_k",
        .reference = "Selvaraju et al., ICCV 2017, arXiv 1610.02391, eq. 2 without its ReLU",
        .cost = "F + B",
        .is_signed = 1,
    },
    .needs = GCAM_NEEDS_SUMS,
    .formula = signed_sum,
};

const GcamMethod gcam_method_cam = {
    .info = {
        .name = "cam",
        .summary = "what speaks for the class, and against it below 0, by the weights of the last layer; only where "
                   "global average pooling and one linear layer follow",
        .formula = "sum_k w_k A_k, w_k the weight of the class for channel k",
        .reference = "Zhou et al., CVPR 2016, arXiv 1512.04150",
        .cost = "F",
        .is_signed = 1,
    },
    .needs = GCAM_NEEDS_GRADIENT,
    .formula = cam_weights,
};

const GcamMethod gcam_method_gradcam_plus_plus = {
    .info = {
        .name = "gradcam++",
        .summary = "what speaks for the class, several objects of it more evenly",
        .formula = "relu(sum_k w_k A_k), w_k = sum_ij a relu(G_k), a = G^2 / (2 G^2 + G^3 sum_ij A_k)",
        .reference = "Chattopadhyay et al., WACV 2018, arXiv 1710.11063",
        .cost = "F + B",
        .option = (const GradcamMethodOption[]){ GCAM_SMOOTH_OPTION },
        .options = 1,
    },
    .needs = GCAM_NEEDS_GRADIENT,
    .formula = gradcam_plus_plus,
    .scratch = gcam_weighted_scratch,
};

const GcamMethod gcam_method_xgradcam = {
    .info = {
        .name = "xgradcam",
        .summary = "what speaks for the class, gradients weighed by the activations",
        .formula = "relu(sum_k w_k A_k), w_k = sum_ij G_k A_k / sum_ij A_k",
        .reference = "Fu et al., BMVC 2020, arXiv 2008.02312",
        .cost = "F + B",
        .option = (const GradcamMethodOption[]){ GCAM_SMOOTH_OPTION },
        .options = 1,
    },
    .needs = GCAM_NEEDS_GRADIENT | GCAM_NEEDS_ONLY_ACTIVE,
    .formula = xgradcam,
    .scratch = gcam_weighted_scratch,
};

static const GradcamMethodOption fem_options[] = {
    { .name = "deviations", .help = "standard deviations above a channel's mean from which on a cell is remarkable",
      .standard = 2, .least = 0, .most = 10 },
};

const GcamMethod gcam_method_fem = {
    .info = {
        .name = "fem",
        .summary = "what is remarkable in the picture, whatever the class",
        .formula = "relu(sum_k w_k A_k), w_k = share of the cells with A_k > mean + 2 std",
        .reference = "Fuad et al., IPTA 2020",
        .cost = "F",
        .option = fem_options,
        .options = 1,
    },
    .formula = fem,
};
