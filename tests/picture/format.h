/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pixel formats as the tests of pictures describe them, and how the components of a picture lie in one.
 */
#ifndef GCAM_TESTS_FORMAT_H
#define GCAM_TESTS_FORMAT_H

#include "gradcam_picture.h"

enum Layout { PLANAR, SEMIPLANAR, PACKED, YUYV };

typedef struct Format {
    const char *name;
    enum GradcamColorModel model;
    enum Layout layout;
    int depth, shift;
    int log2_w, log2_h;         // subsampling of chroma
    int packed;                 // samples from pixel to pixel, PACKED
} Format;

static inline int format_components(const Format *f)
{
    return f->model == GRADCAM_COLOR_GRAY ? 1 : 3;
}

static inline int format_bytes(const Format *f)
{
    return f->depth > 8 ? 2 : 1;
}

// The plane of component c.
static inline int format_plane(const Format *f, int c)
{
    return f->layout == PLANAR ? c : f->layout == SEMIPLANAR && c > 0;
}

// Bytes before its first sample in a row of that plane.
static inline int format_offset(const Format *f, int c)
{
    const int samples = f->layout == PACKED ? c : f->layout == SEMIPLANAR && c == 2 ? 1 :
                        f->layout == YUYV && c > 0 ? 2 * c - 1 : 0;

    return samples * format_bytes(f);
}

// Component c of a picture of width x height, without data and stride.
static inline GradcamComponent format_component(const Format *f, int c, int width, int height)
{
    const int chroma = c > 0 && f->model == GRADCAM_COLOR_YUV;
    const int log2_w = chroma ? f->log2_w : 0, log2_h = chroma ? f->log2_h : 0;
    const int samples = f->layout == PACKED ? f->packed : f->layout == SEMIPLANAR && c > 0 ? 2 :
                        f->layout == YUYV ? (c > 0 ? 4 : 2) : 1;

    return (GradcamComponent){
        .width = (width + (1 << log2_w) - 1) >> log2_w, .height = (height + (1 << log2_h) - 1) >> log2_h,
        .depth = f->depth, .shift = f->shift, .step = samples * format_bytes(f),
    };
}

// What a random 16-bit word is as a sample.
static inline uint16_t format_sample(const Format *f, uint16_t word)
{
    return (uint16_t)((word & ((1 << f->depth) - 1)) << f->shift);
}

#endif
