/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Class activation maps. In: A and G = dy/dA of the target layer, [cells][channels]. Out: the map over the cells.
 */
#include "method.h"

#include <string.h>

#include "base/enum_names.h"

void gcam_cam_sums(const float *g, size_t cells, size_t channels, float *sum)
{
    memset(sum, 0, channels * sizeof(*sum));
    for (size_t i = 0; i < cells; i++)
        for (size_t k = 0; k < channels; k++)
            sum[k] += g[i * channels + k];
}

// relu(sign * sum_k alpha_k A^k), Selvaraju et al. 2017, eq. 2; sign -1 is the counterfactual of section 3.3. Sums in
// double: what speaks for and against a class nearly cancels in many channels.
static void weighted_sum(const float *a, const float *alpha, size_t cells, size_t channels, double sign, float *map)
{
    for (size_t i = 0; i < cells; i++) {
        double sum[4] = { 0 };
        size_t k = 0;
        for (; k + 4 <= channels; k += 4)
            for (size_t j = 0; j < 4; j++)
                sum[j] += (double)a[i * channels + k + j] * alpha[k + j];
        for (; k < channels; k++)
            sum[0] += (double)a[i * channels + k] * alpha[k];
        double total = sign * (sum[0] + sum[1] + sum[2] + sum[3]);
        map[i] = total > 0 ? (float)total : 0;
    }
}

// alpha_k = (1/Z) sum_ij dy/dA^k_ij, eq. 1
void gcam_cam_map(enum GradcamMethod method, const float *a, float *alpha, size_t cells, size_t channels, float *map)
{
    for (size_t k = 0; k < channels; k++)
        alpha[k] /= (float)cells;
    weighted_sum(a, alpha, cells, channels, method == GRADCAM_METHOD_COUNTERFACTUAL ? -1 : 1, map);
}

static const char *const names[GRADCAM_METHOD_COUNT] = {
    [GRADCAM_METHOD_GRADCAM] = "gradcam",
    [GRADCAM_METHOD_COUNTERFACTUAL] = "counterfactual",
};

const char *gradcam_method_name(enum GradcamMethod method)
{
    return (unsigned)method < GRADCAM_METHOD_COUNT ? names[method] : NULL;
}

int gradcam_method_find(const char *name)
{
    return gcam_enum_find(names, GRADCAM_METHOD_COUNT, name);
}
