/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the ways back of excitation backpropagation have in common. In: r at the output. Out: r at the input.
 */
#include "excitation.h"

int gcam_excitation_of(const GcamRun *run, const GcamStep *step)
{
    return run->rule == GCAM_RULE_INHIBITION && step->excites == GCAM_EXCITES_TOP ? GCAM_INHIBITION : GCAM_EXCITATION;
}

int gcam_excitation_wanted(const GcamStep *step, int which)
{
    return step->excites == GCAM_EXCITES_TOP || (step->excites && which == GCAM_EXCITATION);
}

void gcam_excitation_weights(const float *w, size_t count, float factor, int which, float *out)
{
    for (size_t i = 0; i < count; i++) {
        float scaled = which == GCAM_INHIBITION ? -factor * w[i] : factor * w[i];
        out[i] = scaled > 0 ? scaled : 0;
    }
}

void gcam_excitation_shares(const float *r, const float *y, float *z, size_t count)
{
    for (size_t i = 0; i < count; i++)
        z[i] = z[i] > 0 ? r[i] * y[i] / z[i] : 0;
}

void gcam_excite_same(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    const float *x = run->data[step->input[input]], *y = run->data[step->output[0]], *r = run->grad[step->output[0]];
    for (size_t i = 0, n = gcam_shape_count(&run->value[step->output[0]].shape); i < n; i++)
        dx[i] = x[i] != 0 ? r[i] * y[i] / x[i] : 0;
}
