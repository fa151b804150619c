/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A contact sheet: one picture by several classes or methods, small, each with a caption of two lines.
 */
#ifndef GCAM_TOOLS_SHEET_H
#define GCAM_TOOLS_SHEET_H

#include <stddef.h>

#include "draw.h"

typedef struct Sheet {
    AVFrame *frame;             // the sheet
    AVFrame *small;             // the picture in the size of a tile
    double shrink_x, shrink_y;  // size of a tile in parts of the picture's
    int columns;
    size_t used, tiles;
} Sheet;

// All return a status (say.h).

// A sheet for so many tiles of a frame. path: what the picture is called.
int sheet_open(Sheet *sheet, const AVFrame *frame, const char *path, size_t tiles);

// The next tile: the picture with these maps on it; maps NULL: the picture alone.
int sheet_add(Sheet *sheet, Draw *draw, const Maps *maps, const char *title, const char *note);

int sheet_save(const Sheet *sheet, const char *path);
void sheet_close(Sheet *sheet);

#endif
