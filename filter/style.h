/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How raw maps become what is seen.
 */
#ifndef GCAM_STYLE_H
#define GCAM_STYLE_H

#include <stddef.h>
#include <stdint.h>

#include "gradcam_picture.h"
#include "number.h"

// The option colormap: that which suits the method.
#define GCAM_COLORMAP_AUTO (-1)

// The options it is made of; hence int.
typedef struct GcamStyleOptions {
    int colormap, blend, output, scale, upsample;
    float gamma;
    double smooth, release, low, high;
    char *opacity, *threshold, *colors, *box;
} GcamStyleOptions;

// Immutable; the frames that came in while it held share it.
typedef struct GcamStyle {
    int references;
    GradcamDrawingSettings drawing;     // both without what depends on the frame and the method
    GradcamOverlaySettings overlay;     // what drawing.overlay will point to
    int auto_colormap;          // the method's, in the place of the drawing's
    GradcamSteadySettings steady;
    GcamNumber box;             // share of the highest value from which on a cell belongs to a class's box; 0: no boxes
    GcamNumber opacity, threshold;      // of the first class
    uint8_t (*color)[3];        // given colours of the classes
} GcamStyle;

// One with one reference. AVERROR(EINVAL), and a sentence in log, for a text that cannot be read and a range that is
// none; AVERROR(ENOMEM).
int gcam_style_create(GcamStyle **out, void *log, const GcamStyleOptions *options);
GcamStyle *gcam_style_ref(GcamStyle *style);
void gcam_style_unref(GcamStyle **style);

#endif
