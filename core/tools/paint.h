/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Things of one colour on pictures: maps (so text too), boxes. All are overlays, so that any pixel format will do.
 */
#ifndef GCAM_TOOLS_PAINT_H
#define GCAM_TOOLS_PAINT_H

#include <libavutil/frame.h>

#include "gradcam_picture.h"

// The frame's alpha, or 0 when it has none.
int paint_alpha(const AVFrame *frame, GradcamComponent *alpha);

// All of these take effect on the frame's alpha too, and return 0 or a negative errno.

// The colour with the map as its weight, 1 per pixel from x, y on.
int paint_map(AVFrame *frame, const uint8_t color[3], const float *map, int width, int height, int x, int y);

// The outline of a box, inside of it, `line` pixels wide.
int paint_box(AVFrame *frame, const uint8_t color[3], int x, int y, int width, int height, int line);

// A line of text, dots `size` pixels wide, at most `most` characters.
int paint_text(AVFrame *frame, const uint8_t color[3], const char *text, int size, size_t most, int x, int y);

#endif
