/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames whose samples libgradcam cannot be pointed to: of the other byte order, packed into words, or floating point.
 * Their samples are brought into planes of 16 bits, and back after something was drawn there. Shared as frame.h is.
 */
#ifndef GCAM_UNPACK_H
#define GCAM_UNPACK_H

#include <stdint.h>

#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>

#include "gradcam_picture.h"

// Planes of a frame. All zero at first. Of floating point, 0 to 1 are 0 to 65535, and what is beyond is clipped.
typedef struct GcamUnpacked {
    GradcamPicture picture;
    GradcamComponent alpha;     // data NULL: none
    uint8_t *memory;
    unsigned size;              // bytes
} GcamUnpacked;

// Whether frames of this format are read and written that way.
int gcam_format_unpacked(enum AVPixelFormat format);

// Bits of a sample of a component once it is unpacked.
int gcam_unpacked_depth(enum AVPixelFormat format, int component);

// A row of a component of the frame; out has its width.
void gcam_unpack_row(const AVFrame *frame, int component, int y, uint16_t *out);

// Makes room for planes of the frame's size. AVERROR(EINVAL) for another format, AVERROR(ENOMEM).
int gcam_unpacked_prepare(GcamUnpacked *unpacked, const AVFrame *frame);
void gcam_unpacked_free(GcamUnpacked *unpacked);

// Slices of the frame's rows, of prepared planes: different ones may be worked on by several threads at once.
void gcam_unpack(GcamUnpacked *unpacked, const AVFrame *frame, int slice, int slices);
void gcam_pack(const GcamUnpacked *unpacked, AVFrame *frame, int slice, int slices);

// Of floating point, samples that nothing is drawn on are to stay what they are. It is drawn on black and on white
// planes, which tells weight and colour: sample * (white - black) + black.
int gcam_format_float(enum AVPixelFormat format);
void gcam_unpacked_fill(GcamUnpacked *unpacked, int white, int slice, int slices);
void gcam_pack_float(const GcamUnpacked *black, const GcamUnpacked *white, AVFrame *frame, int slice, int slices);

#endif
