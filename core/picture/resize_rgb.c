/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A resizer for one picture of 8-bit RGB.
 */
#include <errno.h>

#include "gradcam_picture.h"

int gradcam_resize_rgb(const uint8_t *rgb, ptrdiff_t stride, int width, int height,
                       uint8_t *out, ptrdiff_t out_stride, int out_width, int out_height)
{
    GradcamResizerSettings settings = {
        .size = sizeof(settings),
        .picture = { .width = width, .height = height },
        .model = GRADCAM_COLOR_RGB,
        .region = { 0, 0, width, height },
        .width = out_width,
        .height = out_height,
    };
    GradcamResizer *resizer = NULL;

    if (!rgb || !out)
        return -EINVAL;
    for (int c = 0; c < 3; c++)
        settings.picture.component[c] = (GradcamComponent){
            .data = (uint8_t *)rgb + c, .stride = stride, .step = 3, .width = width, .height = height, .depth = 8,
        };
    int error = gradcam_resizer_create(&resizer, &settings);
    if (!error)
        error = gradcam_resizer_run(resizer, &settings.picture, out, out_stride);
    gradcam_resizer_free(&resizer);
    return error;
}
