/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Colour matrices, made in double from the shares of red and blue in the luma that each standard gives.
 */
#include <string.h>

#include "color_matrix.h"
#include "gradcam_picture.h"

static const struct {
    double r, b;
} luma[] = {
    [GRADCAM_MATRIX_BT601] = { 0.299, 0.114 },      [GRADCAM_MATRIX_BT709] = { 0.2126, 0.0722 },
    [GRADCAM_MATRIX_BT2020] = { 0.2627, 0.0593 },   [GRADCAM_MATRIX_SMPTE240M] = { 0.212, 0.087 },
    [GRADCAM_MATRIX_FCC] = { 0.30, 0.11 },
};

void gcam_color_matrix_from_rgb(enum GradcamMatrix matrix, double m[3][3])
{
    static const double ycgco[3][3] = { { 0.25, 0.5, 0.25 }, { -0.25, 0.5, -0.25 }, { 0.5, 0.0, -0.5 } };

    if (matrix == GRADCAM_MATRIX_YCGCO) {
        memcpy(m, ycgco, sizeof(ycgco));
        return;
    }
    const double y[3] = { luma[matrix].r, 1.0 - luma[matrix].r - luma[matrix].b, luma[matrix].b };
    for (int i = 0; i < 3; i++) {
        m[0][i] = y[i];
        m[1][i] = ((i == 2) - y[i]) / (2.0 * (1.0 - y[2]));
        m[2][i] = ((i == 0) - y[i]) / (2.0 * (1.0 - y[0]));
    }
}

void gcam_color_matrix_to_rgb(enum GradcamMatrix matrix, double m[3][3])
{
    static const double ycgco[3][3] = { { 1.0, -1.0, 1.0 }, { 1.0, 1.0, 0.0 }, { 1.0, -1.0, -1.0 } };

    if (matrix == GRADCAM_MATRIX_YCGCO) {
        memcpy(m, ycgco, sizeof(ycgco));
        return;
    }
    const double r = luma[matrix].r, b = luma[matrix].b, g = 1.0 - r - b;
    const double rows[3][3] = {
        { 1.0, 0.0, 2.0 * (1.0 - r) },
        { 1.0, -2.0 * b * (1.0 - b) / g, -2.0 * r * (1.0 - r) / g },
        { 1.0, 2.0 * (1.0 - b), 0.0 },
    };
    memcpy(m, rows, sizeof(rows));
}
