/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rows of the table of methods, for methods.c.
 */
#ifndef GCAM_CAM_METHODS_H
#define GCAM_CAM_METHODS_H

#include "method.h"

// methods_weighted.c: sums over channels
extern const GcamMethod gcam_method_gradcam, gcam_method_counterfactual, gcam_method_signed, gcam_method_cam,
                        gcam_method_gradcam_plus_plus, gcam_method_xgradcam, gcam_method_fem;

// methods_elementwise.c: each cell by its own gradient
extern const GcamMethod gcam_method_hirescam, gcam_method_elementwise, gcam_method_layercam;

// methods_refine.c: several layers
extern const GcamMethod gcam_method_refinecam;

// methods_eigen.c: principal components
extern const GcamMethod gcam_method_eigencam, gcam_method_eigengradcam, gcam_method_seg_eigen, gcam_method_kpcacam;

// methods_pixels.c: gradients by the picture
extern const GcamMethod gcam_method_gradient, gcam_method_smoothgrad, gcam_method_guided, gcam_method_deconvnet;

// methods_scored.c: of scores of their own
extern const GcamMethod gcam_method_shapleycam, gcam_method_finercam;

// methods_excitation.c: shares of the score that are handed down
extern const GcamMethod gcam_method_mwp, gcam_method_cmwp;

// methods_fullgrad.c: the picture and all biases
extern const GcamMethod gcam_method_fullgrad;

// methods_attribution.c: shares of the score by pixel
extern const GcamMethod gcam_method_integrated, gcam_method_guided_gradcam;

// methods_masks.c: scores of activations that are taken away
extern const GcamMethod gcam_method_reciprocam, gcam_method_ablationcam, gcam_method_scorecam;

// methods_attention.c: attention among the patches of transformers
extern const GcamMethod gcam_method_attention, gcam_method_rollout, gcam_method_gae, gcam_method_legrad;

// The option of methods with weights that their map is that sum, or the first principal component of the weighted
// channels, relu(PC1(alpha_k A^k)), which leaves out what is in few of them; scratch for it. It comes first of their
// options. (methods_eigen.c) Words that begin with aug ask for the mean over the picture's variants, which is not the
// method's to make (augment.h).
#define GCAM_SMOOTH_OPTION \
    { .name = "smooth", .help = "eigen: the first principal component of w_k A_k in the place of their sum; aug: the " \
      "mean over mirror images and scalings, seven runs; aug+eigen: both", \
      .words = (const char *const[]){ "none", "eigen", "aug", "aug+eigen", NULL } }
enum { GCAM_SMOOTH_EIGEN = 1, GCAM_SMOOTH_AUG_EIGEN = 3 };
int gcam_weighted_map(const GcamCam *cam, const float *alpha, float *map);
size_t gcam_weighted_scratch(const double *option, size_t cells, size_t channels);

// The same of methods without such a component.
#define GCAM_AUG_OPTION \
    { .name = "smooth", .help = "aug: the mean over mirror images and scalings, seven runs", \
      .words = (const char *const[]){ "none", "aug", NULL } }

// relu(sign * sum_k alpha_k A^k), which many of them end in. (methods_weighted.c)
void gcam_weighted_sum(const GcamCam *cam, const float *alpha, double sign, float *map);

// max_k abs(g_k) of each pixel; g as GcamCam.g has it. (methods_pixels.c)
void gcam_greatest_magnitude(const GcamCam *cam, const float *g, float *map);

#endif
