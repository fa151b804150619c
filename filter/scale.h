/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What libgradcam needs to know of an AVFrame: the frame as 8-bit RGB or grey at the model's size, where that
 * lies on the frame, and the frame's own samples described for the overlay. Shared by the FFmpeg filter and the
 * gradcam command; needs libavutil and libswscale of FFmpeg 5.1 or newer. Errors are negative AVERROR
 * values.
 */
#ifndef GCAM_SCALE_H
#define GCAM_SCALE_H

#include <stddef.h>
#include <stdint.h>

#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>

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

// Writes the frame as R, G, B interleaved or grey, width x height, rows `stride` bytes apart. Bilinear,
// antialiased when it shrinks; the frame's matrix and range are honoured, its sample aspect ratio too unless it
// is stretched. HDR (PQ, HLG), linear light and the primaries of BT.2020 and P3 become SDR of BT.709, as
// GradcamResizerSettings has it. Grey is luma in full range: the frame's own, of RGB frames that of BT.601. Any pixel format of
// gcam_format_supported() or that swscale reads. Adapts to a frame that differs from the last one; allocates
// only then.
int gcam_scaler_run(GcamScaler *scaler, const AVFrame *frame,
                    uint8_t *pixels, ptrdiff_t stride, int width, int height);

// Where the picture that gcam_scaler_run() made (and so a map of it) lies on the frame.
void gcam_scaler_region(enum GcamFit fit, const AVFrame *frame, int width, int height, GradcamRegion *region);

// swscale's coefficients of the frame's matrix, and whether it has full range. As gcam_frame_colors(), any
// format.
const int *gcam_frame_matrix(const AVFrame *frame, int *full_range);

// The format without the J of full range, which swscale gives warnings for.
enum AVPixelFormat gcam_format_plain(enum AVPixelFormat format);

// Whether frames of this format can be blended in place: 8 to 16 bits, native byte order, whole samples, no
// palette.
int gcam_format_supported(enum AVPixelFormat format);

// The frame's components for gradcam_overlay_blend(). Points into the frame, takes no reference.
// AVERROR(EINVAL) for a format that is not supported.
int gcam_frame_picture(const AVFrame *frame, GradcamPicture *picture);

// Sets model, matrix, full_range, transfer, primaries and depth of `settings` from the frame, leaves the rest. A frame
// that does not tell its matrix is taken as BT.709 when it is wider than 1279 or higher than 576 pixels, else as BT.601,
// and as BT.2020 in HDR; one that does not tell its range as limited, but full for grey and the yuvj formats. Same
// errors.
int gcam_frame_colors(const AVFrame *frame, GradcamOverlaySettings *settings);

#endif
