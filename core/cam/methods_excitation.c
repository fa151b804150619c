/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Excitation backpropagation: shares of the score handed down from the scores to the layer, in the measure of what
 * raises them (ops/excitation.h). In: activations A of the layer, [cells][channels], and the probe. Out: what of the
 * score each cell has.
 */
#include "methods.h"
#include "probe.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// Adds the shares of each cell.
static int add_shares(GcamProbe *probe, const GcamCam *cam, enum GcamRule rule, float *map)
{
    const float *r;
    int error = gcam_probe_excitation(probe, rule, &r);
    for (size_t i = 0; i < cam->cells && !error; i++) {
        double sum = 0;
        for (size_t k = 0; k < cam->channels; k++)
            sum += (double)cam->a[i * cam->channels + k] * r[i * cam->channels + k];
        map[i] += (float)sum;
    }
    return error;
}

static int mwp(GcamProbe *probe, const GcamCam *cam, float *map)
{
    memset(map, 0, cam->cells * sizeof(*map));
    return add_shares(probe, cam, GCAM_RULE_EXCITATION, map);
}

// What the weights negated have is taken away. Below the last product both are handed down by the same weights, so that
// it is one whether this is done at some contrast layer, as section 3.3 has it, or at the end. Where nothing but a
// convolution of 1x1 and pooling come behind the layer both are the same in every cell, which rounding is not to hide.
static int cmwp(GcamProbe *probe, const GcamCam *cam, float *map)
{
    const float least = 1e-5f;
    float *other = gcam_probe_floats(probe, cam->cells);
    int error = other ? mwp(probe, cam, map) : -ENOMEM;
    if (error)
        return error;
    memset(other, 0, cam->cells * sizeof(*other));
    error = add_shares(probe, cam, GCAM_RULE_INHIBITION, other);
    for (size_t i = 0; i < cam->cells && !error; i++) {
        float more = map[i] - other[i];
        map[i] = more > least * fabsf(map[i]) ? more : 0;
    }
    return error;
}

const GcamMethod gcam_method_mwp = {
    .info = {
        .name = "mwp",
        .summary = "which places raise the score, by shares that are handed down (it hardly tells classes apart)",
        .formula = "sum_k p_k, p_j = x_j sum_i w+_ij p_i / sum_l w+_il x_l from layer to layer, 1 at the score",
        .reference = "Zhang et al., ECCV 2016, arXiv 1608.00507",
        .cost = "F + B of two products each",
    },
    .needs = GCAM_NEEDS_EXCITATION,
    .run = mwp,
};

const GcamMethod gcam_method_cmwp = {
    .info = {
        .name = "cmwp",
        .summary = "which places raise the score of this class more than that of any other",
        .formula = "relu(sum_k (p_k - q_k)), p as for mwp, q the same with the weights of the last layer negated",
        .reference = "Zhang et al., ECCV 2016, arXiv 1608.00507, section 3.3",
        .cost = "F + 2 B of two products each",
    },
    .needs = GCAM_NEEDS_EXCITATION,
    .run = cmwp,
};
