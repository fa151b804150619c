/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An AVFrame as 8-bit RGB or grey at the model's size, and where that lies on the frame. Shared as frame.h is.
 */
#ifndef GCAM_SCALE_H
#define GCAM_SCALE_H

#include <stddef.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "frame.h"
#include "gradcam_picture.h"

// How a picture becomes one of the model's shape.
enum GcamFit {
    GCAM_FIT_STRETCH,           // the whole picture, its aspect ratio lost
    GCAM_FIT_CROP,              // the largest centred part that has the model's shape
    GCAM_FIT_PAD,               // the whole picture, centred, with bars
    GCAM_FIT_COUNT
};

// Used by one thread at a time; every thread has its own.
typedef struct GcamScaler GcamScaler;

// channels: samples of a pixel that comes out, 3 for R, G, B, or 1 for grey. pad: those of the bars of
// GCAM_FIT_PAD; NULL for black.
int gcam_scaler_create(GcamScaler **out, enum GcamFit fit, int channels, const uint8_t *pad);
void gcam_scaler_free(GcamScaler **scaler);

// From now on frames are turned clockwise by so many quarters before they are scaled; 0 at first.
void gcam_scaler_set_turns(GcamScaler *scaler, int turns);

// Writes the frame as R, G, B interleaved or grey, width x height, rows `stride` bytes apart. Bilinear, antialiased
// when it shrinks; the frame's matrix and range are honoured, its sample aspect ratio too unless it is stretched. HDR
// (PQ, HLG), linear light and the primaries of BT.2020 and P3 become SDR of BT.709, as GradcamResizerSettings has it. A
// frame with alpha is seen on even grey. Grey is luma in full range: the frame's own, of RGB frames that of BT.601. Any
// pixel format of gcam_format_supported() or that swscale reads. Adapts to a frame that differs from the last one;
// allocates only then.
int gcam_scaler_run(GcamScaler *scaler, const AVFrame *frame,
                    uint8_t *pixels, ptrdiff_t stride, int width, int height);

// Where the picture that gcam_scaler_run() made (and so a map of it, turned back) lies on the frame.
void gcam_scaler_region(enum GcamFit fit, const AVFrame *frame, int turns, int width, int height,
                        GradcamRegion *region);

#endif
