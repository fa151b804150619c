/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of methods, in the order in which they are listed. A method is a row of it; method.h tells how to add one.
 */
#include "methods.h"

static const GcamMethod *const table[] = {
    &gcam_method_gradcam,
    &gcam_method_counterfactual,
    &gcam_method_signed,
    &gcam_method_cam,
    &gcam_method_gradcam_plus_plus,
    &gcam_method_xgradcam,
    &gcam_method_hirescam,
    &gcam_method_elementwise,
    &gcam_method_layercam,
    &gcam_method_refinecam,
    &gcam_method_shapleycam,
    &gcam_method_finercam,
    &gcam_method_reciprocam,
    &gcam_method_ablationcam,
    &gcam_method_scorecam,
    &gcam_method_mwp,
    &gcam_method_cmwp,
    &gcam_method_eigencam,
    &gcam_method_eigengradcam,
    &gcam_method_seg_eigen,
    &gcam_method_kpcacam,
    &gcam_method_fem,
    &gcam_method_attention,
    &gcam_method_rollout,
    &gcam_method_gae,
    &gcam_method_legrad,
    &gcam_method_gradient,
    &gcam_method_smoothgrad,
    &gcam_method_integrated,
    &gcam_method_guided,
    &gcam_method_guided_gradcam,
    &gcam_method_deconvnet,
    &gcam_method_fullgrad,
};

const GradcamMethodInfo *gradcam_method_at(size_t index)
{
    return index < sizeof(table) / sizeof(table[0]) ? &table[index]->info : NULL;
}
