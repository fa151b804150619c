/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Makes maps visible on a frame.
 */
#ifndef GCAM_SHOW_H
#define GCAM_SHOW_H

#include "gradcam_picture.h"
#include "avfilter.h"

#include "between.h"
#include "style.h"
#include "unpack.h"

// Memory that one filter needs for it. All zero at first.
typedef struct GcamShow {
    GradcamDrawing *drawing;
    GcamUnpacked unpacked[2];   // of frames that are; of floating point, black and white
} GcamShow;

// Width of the output for frames of this width; differs for GRADCAM_OUTPUT_SIDE only.
int gcam_show_width(int output, enum AVPixelFormat format, int width);

// Lays the maps of a result over the frame, as planes and style have them; moment is that of the first. planes NULL:
// there is no map; the frame stays, in the size of the output. *frame may be replaced. Uses the filter's slice threads.
// AVERROR(ENOMEM), or AVERROR(EINVAL) for a format that is not supported.
int gcam_show_frame(GcamShow *show, AVFilterContext *ctx, AVFrame **frame, const GcamPlanes *planes,
                    const GradcamResult *result, const GcamStyle *style, const GcamMoment *moment);

void gcam_show_reset(GcamShow *show);

#endif
