/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What libgradcam needs to know of an AVFrame: its samples and their colours. Shared by the FFmpeg filter and the
 * gradcam command; needs libavutil and libswscale of FFmpeg 5.1 or newer. Errors are negative AVERROR values.
 */
#ifndef GCAM_FRAME_H
#define GCAM_FRAME_H

#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>

#include "gradcam_picture.h"

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

// The same of the frame's alpha. AVERROR(EINVAL) where it has none.
int gcam_frame_alpha(const AVFrame *frame, GradcamComponent *alpha);

// Sets model, matrix, full_range, transfer, primaries and depth of `settings` from the frame, leaves the rest. A frame
// that does not tell its matrix is taken as BT.709 when it is wider than 1279 or higher than 576 pixels, else as
// BT.601, in HDR as BT.2020; one that does not tell its range as limited, but full for grey and the yuvj formats. Same
// errors, but for formats of unpack.h, which are told of as they are unpacked.
int gcam_frame_colors(const AVFrame *frame, GradcamOverlaySettings *settings);

#endif
