/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods whose map is the first principal component of the layer: each cell is a row of its channels' activations A,
 * or of those times their gradient G = ds/dA; the map is where the cells lie along the direction in which they differ
 * most. A component has no sign of its own: it gets the one that makes its largest magnitude positive.
 */
#include "methods.h"

#include "base/log.h"
#include "eigen.h"

#include <errno.h>
#include <math.h>

enum { MOST_KERNEL_CELLS = 4096 };      // whose kernel is a matrix of 128 MB

static size_t scratch(const double *option, size_t cells, size_t channels)
{
    (void)option;
    return cells * (channels + 1) + gcam_principal_scratch(cells, channels);
}

static size_t kernel_scratch(const double *option, size_t cells, size_t channels)
{
    (void)option;
    return cells > MOST_KERNEL_CELLS ? 1
                                     : cells * (channels + 1) + gcam_kernel_principal_scratch(cells, channels);
}

// relu of the component of what is in cam->scratch, [cells][channels].
static int component(const GcamCam *cam, float *map)
{
    double *projection = cam->scratch + cam->cells * cam->channels;
    gcam_principal(cam->scratch, cam->cells, cam->channels, projection, projection + cam->cells);
    for (size_t i = 0; i < cam->cells; i++)
        map[i] = projection[i] > 0 ? (float)projection[i] : 0;
    return 0;
}

static int is_eigen(const double *option)
{
    return option[0] == GCAM_SMOOTH_EIGEN || option[0] == GCAM_SMOOTH_AUG_EIGEN;
}

size_t gcam_weighted_scratch(const double *option, size_t cells, size_t channels)
{
    return is_eigen(option) ? scratch(option, cells, channels) : 1;
}

int gcam_weighted_map(const GcamCam *cam, const float *alpha, float *map)
{
    if (!is_eigen(cam->option)) {
        gcam_weighted_sum(cam, alpha, 1, map);
        return 0;
    }
    for (size_t i = 0; i < cam->cells; i++)
        for (size_t k = 0; k < cam->channels; k++)
            cam->scratch[i * cam->channels + k] = (double)alpha[k] * cam->a[i * cam->channels + k];
    return component(cam, map);
}

static int eigencam(const GcamCam *cam, float *map)
{
    for (size_t i = 0; i < cam->cells * cam->channels; i++)
        cam->scratch[i] = cam->a[i];
    return component(cam, map);
}

static int eigengradcam(const GcamCam *cam, float *map)
{
    for (size_t i = 0; i < cam->cells * cam->channels; i++)
        cam->scratch[i] = (double)cam->g[i] * cam->a[i];
    return component(cam, map);
}

static int seg_eigen(const GcamCam *cam, float *map)
{
    for (size_t i = 0; i < cam->cells * cam->channels; i++)
        cam->scratch[i] = fabs((double)cam->g[i]) * cam->a[i];
    return component(cam, map);
}

static int kpcacam(const GcamCam *cam, float *map)
{
    double *projection = cam->scratch + cam->cells * cam->channels;
    if (cam->cells > MOST_KERNEL_CELLS) {
        gcam_log(cam->log, GRADCAM_LOG_ERROR, "method kpcacam: a layer of %zu cells; it takes up to %d", cam->cells,
                 MOST_KERNEL_CELLS);
        return -ENOTSUP;
    }
    for (size_t i = 0; i < cam->cells * cam->channels; i++)
        cam->scratch[i] = cam->a[i];
    gcam_kernel_principal(cam->scratch, cam->cells, cam->channels, projection, projection + cam->cells);
    for (size_t i = 0; i < cam->cells; i++)
        map[i] = projection[i] > 0 ? (float)projection[i] : 0;
    return 0;
}

const GcamMethod gcam_method_eigencam = {
    .info = {
        .name = "eigencam",
        .summary = "what stands out in the picture, whatever the class",
        .formula = "relu(PC1(A)), the first principal component over the cells",
        .reference = "Muhammad and Yeasin, IJCNN 2020, arXiv 2008.00299",
        .cost = "F + a singular vector",
    },
    .formula = eigencam,
    .scratch = scratch,
};

const GcamMethod gcam_method_eigengradcam = {
    .info = {
        .name = "eigengradcam",
        .summary = "what stands out in what the class is found by",
        .formula = "relu(PC1(G A))",
        .reference = "EigenGradCAM of pytorch-grad-cam (Gildenblat)",
        .cost = "F + B + a singular vector",
    },
    .needs = GCAM_NEEDS_GRADIENT | GCAM_NEEDS_ONLY_ACTIVE,
    .formula = eigengradcam,
    .scratch = scratch,
};

const GcamMethod gcam_method_seg_eigen = {
    .info = {
        .name = "seg-eigen",
        .summary = "what stands out in what the class hangs on, made for segmentation",
        .formula = "relu(PC1(abs(G) A))",
        .reference = "Chung and Ying, Applied Sciences 2025 (Seg-Eigen-CAM)",
        .cost = "F + B + a singular vector",
    },
    .needs = GCAM_NEEDS_GRADIENT | GCAM_NEEDS_ONLY_ACTIVE,
    .formula = seg_eigen,
    .scratch = scratch,
};

const GcamMethod gcam_method_kpcacam = {
    .info = {
        .name = "kpcacam",
        .summary = "what stands out in the picture, whatever the class, by curved components too",
        .formula = "relu(the first component of A by the kernel tanh(x.y / C + 1))",
        .reference = "Karmani et al. 2024, arXiv 2410.00267",
        .cost = "F + cells^2 C",
        .use = GRADCAM_USE_KEY_FRAMES,
    },
    .formula = kpcacam,
    .scratch = kernel_scratch,
};
