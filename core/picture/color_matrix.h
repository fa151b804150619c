/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The matrices between R, G, B in 0..1 and Y in 0..1 with two chroma in -0.5..0.5.
 */
#ifndef GCAM_PICTURE_COLOR_MATRIX_H
#define GCAM_PICTURE_COLOR_MATRIX_H

#include "gradcam_picture.h"

// yuv[i] = sum over j of m[i][j] * rgb[j], and back.
void gcam_color_matrix_from_rgb(enum GradcamMatrix matrix, double m[3][3]);
void gcam_color_matrix_to_rgb(enum GradcamMatrix matrix, double m[3][3]);

#endif
