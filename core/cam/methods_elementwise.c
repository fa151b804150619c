/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods that weigh each cell of each channel by its own gradient. In: activations A and their gradient G = ds/dA,
 * [cells][channels]. Out: the map over the cells, sums in double.
 */
#include "methods.h"

#include <math.h>

// relu(sum_k G_k A_k), Draelos and Carin 2020, eq. 5.
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

// sum_k relu(G_k A_k)
static int elementwise(const GcamCam *cam, float *map)
{
    for (size_t i = 0; i < cam->cells; i++) {
        const float *a = cam->a + i * cam->channels, *g = cam->g + i * cam->channels;
        double sum = 0;
        for (size_t k = 0; k < cam->channels; k++) {
            double product = (double)a[k] * g[k];
            sum += product > 0 ? product : 0;
        }
        map[i] = (float)sum;
    }
    return 0;
}

// relu(sum_k relu(G_k) A_k), Jiang et al. 2021, eq. 3 to 5; of early layers tanh(2 M / max M), eq. 9, which brings up
// what is low there.
static int layercam(const GcamCam *cam, float *map)
{
    float most = 0;
    for (size_t i = 0; i < cam->cells; i++) {
        const float *a = cam->a + i * cam->channels, *g = cam->g + i * cam->channels;
        double sum = 0;
        for (size_t k = 0; k < cam->channels; k++)
            sum += g[k] > 0 ? (double)a[k] * g[k] : 0;
        map[i] = sum > 0 ? (float)sum : 0;
    }
    for (size_t i = 0; cam->option[0] == 1 && i < cam->cells; i++)
        most = map[i] > most ? map[i] : most;
    for (size_t i = 0; most > 0 && i < cam->cells; i++)
        map[i] = tanhf(2 * map[i] / most);
    return 0;
}

const GcamMethod gcam_method_hirescam = {
    .info = {
        .name = "hirescam",
        .summary = "what speaks for the class, each place by its own gradient",
        .formula = "relu(sum_k G_k A_k)",
        .reference = "Draelos and Carin 2020, arXiv 2011.08891",
        .cost = "F + B",
        .option = (const GradcamMethodOption[]){ GCAM_AUG_OPTION },
        .options = 1,
    },
    .needs = GCAM_NEEDS_GRADIENT | GCAM_NEEDS_ONLY_ACTIVE,
    .formula = hirescam,
};

const GcamMethod gcam_method_elementwise = {
    .info = {
        .name = "elementwise",
        .summary = "what speaks for the class, channels that speak against it left out place by place",
        .formula = "sum_k relu(G_k A_k)",
        .reference = "GradCAMElementWise of pytorch-grad-cam (Gildenblat)",
        .cost = "F + B",
        .option = (const GradcamMethodOption[]){ GCAM_AUG_OPTION },
        .options = 1,
    },
    .needs = GCAM_NEEDS_GRADIENT | GCAM_NEEDS_ONLY_ACTIVE,
    .formula = elementwise,
};

const GcamMethod gcam_method_layercam = {
    .info = {
        .name = "layercam",
        .summary = "what speaks for the class, each place by its own positive gradient; fit for early layers too",
        .formula = "relu(sum_k relu(G_k) A_k)",
        .reference = "Jiang et al., IEEE TIP 2021, doi 10.1109/TIP.2021.3089943",
        .cost = "F + B",
        .option = (const GradcamMethodOption[]){
            { .name = "scale", .help = "tanh: tanh(2 M / max M), for early layers",
              .words = (const char *const[]){ "none", "tanh", NULL } },
            GCAM_AUG_OPTION,
        },
        .options = 2,
    },
    .needs = GCAM_NEEDS_GRADIENT | GCAM_NEEDS_ONLY_ACTIVE,
    .formula = layercam,
};
