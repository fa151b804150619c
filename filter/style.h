/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How raw maps become what is seen.
 */
#ifndef GCAM_STYLE_H
#define GCAM_STYLE_H

#include <stddef.h>
#include <stdint.h>

#include "gradcam.h"
#include "number.h"

// What to make of a frame and its map. The first three do what GradcamOutput says.
enum GcamOutput {
    GCAM_OUTPUT_OVERLAY = GRADCAM_OUTPUT_OVERLAY,
    GCAM_OUTPUT_HEATMAP = GRADCAM_OUTPUT_HEATMAP,
    GCAM_OUTPUT_MASK = GRADCAM_OUTPUT_MASK,
    GCAM_OUTPUT_SIDE,           // the frame, and right of it the overlay
    GCAM_OUTPUT_ALPHA,          // the colours, their weight as alpha
    GCAM_OUTPUT_COUNT
};

// The options it is made of; hence int.
typedef struct GcamStyleOptions {
    int colormap, blend, output, scale;
    float gamma;
    double smooth, release, low, high;
    char *opacity, *threshold, *colors, *box;
} GcamStyleOptions;

// Immutable; the frames that came in while it held share it.
typedef struct GcamStyle {
    int references;
    int colormap, blend, output;
    float gamma;
    GradcamSteadySettings steady;       // unused bytes are zero: to be compared as bytes
    GcamNumber box;             // share of the highest value from which on a cell belongs to a class's box; 0: no boxes
    GcamNumber opacity, threshold;      // of the first class
    int one_colormap;           // several classes share the colormap
    uint8_t (*color)[3];        // given colours of the classes, cycled
    size_t colors;              // 0: none given
} GcamStyle;

// One with one reference. AVERROR(EINVAL), and a sentence in log, for a text that cannot be read and a range that is
// none; AVERROR(ENOMEM).
int gcam_style_create(GcamStyle **out, void *log, const GcamStyleOptions *options);
GcamStyle *gcam_style_ref(GcamStyle *style);
void gcam_style_unref(GcamStyle **style);

// Colour of the class at `index` of `count`, R, G, B; NULL: the colormap's.
const uint8_t *gcam_style_color(const GcamStyle *style, size_t index, size_t count);

#endif
