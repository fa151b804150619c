/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pixel formats of the filter.
 */
#ifndef GCAM_PIXEL_FORMATS_H
#define GCAM_PIXEL_FORMATS_H

#include "libavutil/pixfmt.h"

#define GCAM_MOST_FORMATS 256

// All of them, AV_PIX_FMT_NONE last.
extern const enum AVPixelFormat gcam_pixel_formats[];

// Those that have alpha, likewise.
void gcam_alpha_formats(enum AVPixelFormat formats[GCAM_MOST_FORMATS]);

#endif
