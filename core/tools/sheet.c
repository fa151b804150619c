/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture, maps by and by. Out: a sheet with a tile for each, from left to right and from top to bottom.
 */
#include "sheet.h"
#include "gradcam_picture.h"

#include <math.h>
#include <string.h>

#include <libavutil/imgutils.h>

#include "font.h"
#include "paint.h"
#include "picture.h"
#include "say.h"

enum {
    TILE = 336,                 // pixels of a tile's longer side, at most
    LEAST = 168,                // and across: captions need room
    GAP = 12,                   // around tiles
    DOT = 2,                    // pixels of a dot of text
    LINE = (FONT_HEIGHT + 2) * DOT,
    DARK = 24,                  // grey of the sheet
};

// Wider than high, as screens are.
#define SHAPE 1.6

static AVFrame *make_frame(int width, int height)
{
    AVFrame *frame = av_frame_alloc();

    if (!frame)
        return NULL;
    frame->format = AV_PIX_FMT_RGB24;
    frame->width = width;
    frame->height = height;
    frame->color_range = AVCOL_RANGE_JPEG;
    frame->colorspace = AVCOL_SPC_RGB;
    if (av_frame_get_buffer(frame, 0) < 0)
        av_frame_free(&frame);
    return frame;
}

static int cell_width(const Sheet *sheet)
{
    return (sheet->small->width > LEAST ? sheet->small->width : LEAST) + GAP;
}

static int cell_height(const Sheet *sheet)
{
    return sheet->small->height + 2 * LINE + 2 * GAP;
}

static int shrink(Sheet *sheet, const AVFrame *rgb)
{
    const int longer = rgb->width > rgb->height ? rgb->width : rgb->height;
    const double scale = longer > TILE ? (double)TILE / longer : 1;
    const int width = (int)fmax(rint(rgb->width * scale), 1), height = (int)fmax(rint(rgb->height * scale), 1);

    sheet->small = make_frame(width, height);
    if (!sheet->small)
        return -1;
    sheet->shrink_x = (double)width / rgb->width;
    sheet->shrink_y = (double)height / rgb->height;
    return gradcam_resize_rgb(rgb->data[0], rgb->linesize[0], rgb->width, rgb->height, sheet->small->data[0],
                              sheet->small->linesize[0], width, height);
}

int sheet_open(Sheet *sheet, const AVFrame *frame, const char *path, size_t tiles)
{
    AVFrame *rgb = NULL;
    int status = picture_to_rgb8(&rgb, frame, path);

    *sheet = (Sheet){ .tiles = tiles };
    if (status)
        return status;
    const int failed = shrink(sheet, rgb);
    av_frame_free(&rgb);
    if (failed)
        return say_failure("cannot make a small picture of %s", path);
    const double columns = ceil(sqrt(SHAPE * (double)tiles * cell_height(sheet) / cell_width(sheet)));
    sheet->columns = (int)fmin(columns, (double)tiles);
    const size_t rows = (tiles + sheet->columns - 1) / sheet->columns;
    if (rows * cell_height(sheet) > 32768)
        return say_failure("a sheet of %zu tiles is too large", tiles);
    sheet->frame = make_frame(sheet->columns * cell_width(sheet) + GAP, (int)rows * cell_height(sheet) + GAP);
    if (!sheet->frame)
        return say_failure("out of memory");
    for (int y = 0; y < sheet->frame->height; y++)
        memset(sheet->frame->data[0] + (ptrdiff_t)y * sheet->frame->linesize[0], DARK, (size_t)sheet->frame->width * 3);
    return STATUS_OK;
}

// The small picture with the maps on it. Side by side and alpha make no sense here: they are overlays.
static int draw_tile(const Sheet *sheet, Draw *draw, AVFrame **tile, const Maps *maps)
{
    const enum GradcamOutput output = draw->overlay.output;
    Maps small = *maps;

    small.region.x *= sheet->shrink_x;
    small.region.y *= sheet->shrink_y;
    small.region.width *= sheet->shrink_x;
    small.region.height *= sheet->shrink_y;
    if (output >= GRADCAM_OUTPUT_SIDE)
        draw->overlay.output = GRADCAM_OUTPUT_OVERLAY;
    const int error = draw_on_frame(draw, tile, &small);
    draw->overlay.output = output;
    return error;
}

int sheet_add(Sheet *sheet, Draw *draw, const Maps *maps, const char *title, const char *note)
{
    static const uint8_t bright[3] = { 240, 240, 240 }, dim[3] = { 160, 160, 160 };
    const int x = (int)(sheet->used % sheet->columns) * cell_width(sheet) + GAP;
    const int y = (int)(sheet->used / sheet->columns) * cell_height(sheet) + GAP;
    const size_t letters = (size_t)(cell_width(sheet) - GAP) / (FONT_WIDTH * DOT);
    const int below = y + sheet->small->height + LINE / 4;
    AVFrame *tile = make_frame(sheet->small->width, sheet->small->height);

    if (!tile || sheet->used++ >= sheet->tiles || av_frame_copy(tile, sheet->small) < 0) {
        av_frame_free(&tile);
        return say_failure("out of memory");
    }
    int error = maps ? draw_tile(sheet, draw, &tile, maps) : 0;
    av_image_copy_plane(sheet->frame->data[0] + (ptrdiff_t)y * sheet->frame->linesize[0] + 3 * x,
                        sheet->frame->linesize[0], tile->data[0], tile->linesize[0], 3 * tile->width, tile->height);
    av_frame_free(&tile);
    if (!error)
        error = paint_text(sheet->frame, bright, title, DOT, letters, x, below);
    if (!error)
        error = paint_text(sheet->frame, dim, note, DOT, letters, x, below + LINE);
    return error ? say_failure("cannot draw the sheet: %s", gradcam_strerror(error)) : STATUS_OK;
}

int sheet_save(const Sheet *sheet, const char *path)
{
    return picture_write(path, sheet->frame);
}

void sheet_close(Sheet *sheet)
{
    av_frame_free(&sheet->frame);
    av_frame_free(&sheet->small);
}
