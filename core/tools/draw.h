/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How maps are drawn: the options of the look, which are those of the filter, and pictures with maps on them.
 */
#ifndef GCAM_TOOLS_DRAW_H
#define GCAM_TOOLS_DRAW_H

#include <libavutil/frame.h>

#include "command.h"
#include "gradcam_picture.h"

extern const Option draw_options[];

typedef struct Draw {
    GradcamDrawingSettings settings;
    GradcamOverlaySettings overlay;     // what settings.overlay will point to
    GradcamSteadySettings scale;
    GradcamDrawing *drawing;
    GradcamSteady *steady;
    uint8_t (*color)[3];        // given colours
    double box;                 // share of a map's highest value from which on a cell belongs to its box
    int boxes;                  // they are drawn and told
    int auto_colormap;          // the method's
} Draw;

// Maps of one picture, and where they are hot.
typedef struct Maps {
    const float *map;           // as draw_scale() makes them, height x width each
    const GradcamPlace *place;
    size_t count;
    int width, height;
    GradcamRegion region;       // of the picture, in pixels
} Maps;

// Reads the options. Returns a status (say.h), as all that follow unless said otherwise.
int draw_open(Draw *draw, const Arguments *arguments);
void draw_close(Draw *draw);

// Draws maps of that method from now on.
int draw_set_method(Draw *draw, const GradcamMethodInfo *method);

// A raw map as it is shown, from 0 to 1 (signed ones from -1), and where it is hot. 0 or a negative errno.
int draw_scale(Draw *draw, const float *raw, int width, int height, float *shown, GradcamPlace *place);

// Draws all the maps on an RGB frame that is the caller's own; for output=side another one, twice as wide, takes its
// place. 0 or a negative errno.
int draw_on_frame(Draw *draw, AVFrame **frame, const Maps *maps);

// *out becomes the frame in RGB (with alpha, for output=alpha) with all the maps on it. path: what it is called.
int draw_maps(Draw *draw, AVFrame **out, const AVFrame *frame, const char *path, const Maps *maps);

#endif
