/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a frame, a colour, what is to have it. Out: the frame, painted on.
 */
#include "paint.h"
#include "gradcam_picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "font.h"
#include "scale.h"

int paint_alpha(const AVFrame *frame, GradcamComponent *alpha)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const AVComponentDescriptor *comp = desc ? &desc->comp[desc->nb_components - 1] : NULL;

    if (!desc || !(desc->flags & AV_PIX_FMT_FLAG_ALPHA))
        return 0;
    *alpha = (GradcamComponent){
        frame->data[comp->plane] + comp->offset, frame->linesize[comp->plane], comp->step, frame->width,
        frame->height, comp->depth, comp->shift
    };
    return 1;
}

static int blend(GradcamOverlaySettings settings, const uint8_t color[3], const GradcamPicture *picture,
                 const float *map, int width, int height, const GradcamRegion *region)
{
    GradcamOverlay *overlay = NULL;
    uint8_t table[256][3];

    for (int i = 0; i < 256; i++)
        memcpy(table[i], color, 3);
    settings.table = (const uint8_t (*)[3])table;
    settings.opacity = settings.gamma = 1;
    int error = gradcam_overlay_create(&overlay, &settings);
    if (!error)
        error = gradcam_overlay_blend(overlay, picture, map, width, height, region, 0, 1);
    gradcam_overlay_free(&overlay);
    return error;
}

static int paint(AVFrame *frame, const uint8_t color[3], const float *map, int width, int height,
                 const GradcamRegion *region)
{
    const uint8_t white[3] = { 255, 255, 255 };
    GradcamOverlaySettings settings = { .size = sizeof(settings) };
    GradcamPicture picture;
    GradcamComponent alpha;
    int error = gcam_frame_picture(frame, &picture);

    if (!error)
        error = gcam_frame_colors(frame, &settings);
    if (!error)
        error = blend(settings, color, &picture, map, width, height, region);
    if (error || !paint_alpha(frame, &alpha))
        return error;
    const GradcamOverlaySettings gray = {
        .size = sizeof(gray), .model = GRADCAM_COLOR_GRAY, .full_range = 1, .depth = { alpha.depth },
    };
    const GradcamPicture plane = { frame->width, frame->height, { alpha } };
    return blend(gray, white, &plane, map, width, height, region);
}

int paint_map(AVFrame *frame, const uint8_t color[3], const float *map, int width, int height, int x, int y)
{
    const GradcamRegion region = { x, y, width, height };

    return paint(frame, color, map, width, height, &region);
}

int paint_box(AVFrame *frame, const uint8_t color[3], int x, int y, int width, int height, int line)
{
    const float ink[1] = { 1 };
    const GradcamRegion sides[4] = {
        { x, y, width, line }, { x, y + height - line, width, line }, { x, y, line, height },
        { x + width - line, y, line, height },
    };
    int error = 0;

    for (int i = 0; !error && i < 4; i++)
        error = paint(frame, color, ink, 1, 1, &sides[i]);
    return error;
}

int paint_text(AVFrame *frame, const uint8_t color[3], const char *text, int size, size_t most, int x, int y)
{
    const size_t columns = most * FONT_WIDTH * size, rows = FONT_HEIGHT * size;
    float *map = malloc(columns * rows * sizeof(*map));

    if (!map)
        return -ENOMEM;
    font_draw(text, size, most, map);
    const int error = paint_map(frame, color, map, (int)columns, (int)rows, x, y);
    free(map);
    return error;
}
