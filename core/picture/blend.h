/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of an overlay: what is looked up for each component (kernels/blend.h), made by overlay.c, read by
 * blend_lines.c and blend_curve.c.
 */
#ifndef GCAM_PICTURE_BLEND_H
#define GCAM_PICTURE_BLEND_H

#include "gradcam_picture.h"
#include "kernels/blend.h"

struct GradcamOverlay {
    GradcamOverlaySettings settings;
    int components;             // 3, or 1 for grey
    int skip_zero;              // index 0 leaves a sample as it is
    GcamBlendTable table[3];
};

// Level of nothing, of 255.
static inline double gcam_overlay_middle(const GradcamOverlaySettings *settings)
{
    return settings->two_sided ? 127.5 : 0;
}

// How far a level, 0 to 255, is from nothing: 0 to 1; and what it weighs over a picture.
double gcam_overlay_magnitude(const GradcamOverlaySettings *settings, int level);
double gcam_overlay_weight(const GradcamOverlaySettings *settings, int level);

// Codes of a grey, 0 to 255 of sRGB, by component of a picture. -EINVAL for settings that gradcam_overlay_create()
// refuses.
int gcam_overlay_code(const GradcamOverlaySettings *settings, int gray, uint16_t code[3]);

#endif
