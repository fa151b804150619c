/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RefineCAM: what an early layer's map shows finely, kept only where the later layers' maps are hot too. In:
 * activations and gradients of each layer, one after the other. Out: the layer's map by another method; that they are
 * multiplied, the row says (fuse.h).
 */
#include "methods.h"

static const GcamMethod *const base[] = {
    &gcam_method_gradcam_plus_plus, &gcam_method_gradcam, &gcam_method_xgradcam, &gcam_method_hirescam,
    &gcam_method_elementwise, &gcam_method_layercam,
};
static const char *const names[] = { "gradcam++", "gradcam", "xgradcam", "hirescam", "elementwise", "layercam", NULL };

// N(prod_l up(N(M_l))), N scaling to 0..1: Domeniconi et al. 2026.
static int refinecam(const GcamCam *cam, float *map)
{
    static const double none[GRADCAM_METHOD_MOST_OPTIONS];      // each base's first words are its defaults
    GcamCam of_base = *cam;
    of_base.option = none;
    return base[(size_t)cam->option[0]]->formula(&of_base, map);
}

const GcamMethod gcam_method_refinecam = {
    .info = {
        .name = "refinecam",
        .summary = "the product of several layers' maps: fine as the first, for the class as the last",
        .formula = "N(prod_l up(N(M_l))), N: scaled to 0..1, M_l: map of layer l by base",
        .reference = "Domeniconi et al. 2026, arXiv 2605.14641",
        .cost = "F + B to the first layer",
        .option = (const GradcamMethodOption[]){
            { .name = "base", .help = "method of each layer's map", .words = names },
        },
        .options = 1,
    },
    .needs = GCAM_NEEDS_SUMS | GCAM_NEEDS_GRADIENT,
    .fuse = GCAM_FUSE_PRODUCT,
    .formula = refinecam,
};
