/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two pictures side by side: a picture twice in one that is wider, and the right one of the two.
 */
#include "gradcam_picture.h"

#include <string.h>

void gradcam_plane_double(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t stride, size_t bytes,
                          int rows, size_t right, int step)
{
    for (int y = 0; y < rows; y++) {
        uint8_t *row = out + y * out_stride;
        memcpy(row, in + y * stride, bytes);
        for (size_t x = bytes; x < right; x += step)
            memcpy(row + x, row + bytes - step, step);
        memcpy(row + right, in + y * stride, bytes);
    }
}

void gradcam_picture_right(GradcamPicture *picture, int column)
{
    for (int i = 0; i < 3 && picture->component[i].data; i++) {
        GradcamComponent *c = &picture->component[i];
        const int left = (int)((int64_t)column * c->width / picture->width);
        c->data += (ptrdiff_t)left * c->step;
        c->width -= left;
    }
    picture->width -= column;
}
