/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture or a map. Out: the same, turned by quarters.
 */
#include "rotate.h"

#include <math.h>
#include <string.h>

#include <libavutil/display.h>

int gcam_frame_turns(const AVFrame *frame, int rotate)
{
    const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    double angle;               // degrees, counterclockwise

    if (rotate != GCAM_ROTATE_AUTO)
        return rotate / 90 & 3;
    if (!side || side->size < 9 * sizeof(int32_t))
        return 0;
    angle = av_display_rotation_get((const int32_t *)side->data);
    return isnan(angle) ? 0 : (int)lrint(-angle / 90) & 3;
}

void gcam_turn(const uint8_t *in, ptrdiff_t stride, int width, int height, size_t size, int turns, uint8_t *out,
               ptrdiff_t out_stride)
{
    const int out_width = turns & 1 ? height : width, out_height = turns & 1 ? width : height;

    for (int y = 0; y < out_height; y++)
        for (int x = 0; x < out_width; x++) {
            const int from_x = turns == 0 ? x : turns == 1 ? y : turns == 2 ? width - 1 - x : width - 1 - y;
            const int from_y = turns == 0 ? y : turns == 1 ? height - 1 - x : turns == 2 ? height - 1 - y : x;

            memcpy(out + y * out_stride + x * size, in + from_y * stride + from_x * size, size);
        }
}
