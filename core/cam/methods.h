/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rows of the table of methods, for methods.c.
 */
#ifndef GCAM_CAM_METHODS_H
#define GCAM_CAM_METHODS_H

#include "method.h"

// methods_weighted.c: sums over channels
extern const GcamMethod gcam_method_gradcam, gcam_method_counterfactual, gcam_method_hirescam;

// methods_pixels.c: gradients by the picture
extern const GcamMethod gcam_method_gradient, gcam_method_smoothgrad, gcam_method_guided, gcam_method_deconvnet;

// methods_masks.c: scores of activations that are taken away
extern const GcamMethod gcam_method_reciprocam;

#endif
