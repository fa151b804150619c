/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the filter tells about a frame, in its metadata, its side data and the log.
 */
#ifndef GCAM_REPORT_H
#define GCAM_REPORT_H

#include "gradcam_picture.h"
#include "libavutil/frame.h"

#include "heat.h"
#include "style.h"

// Bytes that there are for the text of a method.
#define GCAM_METHOD_TEXT 256

// About one frame. Owns nothing.
typedef struct GcamReport {
    const GcamHeat *heat;
    const GradcamPlace *place;  // by target, of the maps as they are shown
    const GradcamRegion *region;        // where those lie on the frame, in pixels
    const GcamStyle *style;
    int width, height;          // of the frame
    int64_t number;             // of the frame, counted from 0
    double time;                // seconds, NAN where it has none
    int64_t skipped;            // live=1: frames so far that should have been key frames; -1: not live
} GcamReport;

// Where the target's map is hot, in pixels of the frame.
GradcamPixels gcam_report_pixels(const GcamReport *report, size_t target);

// Writes lavfi.gradcam.* into the frame's metadata, and boxes as detections into its side data. AVERROR(ENOMEM).
int gcam_report_frame(const GcamReport *report, AVFrame *frame);

#endif
