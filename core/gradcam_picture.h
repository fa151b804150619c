/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libgradcam: maps as they are seen.
 *
 * From raw maps to a picture with heat on it, in order of need:
 *
 *     GradcamSteadies *steadies;                                    // 1. raw values to 0..1, steady over time
 *     GradcamDrawing *drawing;                                      // 2. colours on a picture
 *     gradcam_steadies_create(&steadies);
 *     gradcam_drawing_create(&drawing);
 *     gradcam_steadies_update(steadies, &scale, result, maps);
 *     gradcam_drawing_prepare(drawing, &settings, maps, count, width, height);
 *     gradcam_drawing_run(drawing, &picture, NULL, NULL, 0, 1);
 *
 * gradcam_map_place() tells where a map is hot, for boxes and metadata. Errors and threads are as in gradcam.h.
 */
#ifndef GRADCAM_PICTURE_H
#define GRADCAM_PICTURE_H

#include "gradcam.h"

#ifdef __cplusplus
extern "C" {
#endif

// ------------------------------------------------------------------------------------------------------- steady maps

// The maps of several targets, each steady on its own (see GradcamSteady) and known by the target's name.
typedef struct GradcamSteadies GradcamSteadies;

GRADCAM_API int gradcam_steadies_create(GradcamSteadies **out);
GRADCAM_API void gradcam_steadies_free(GradcamSteadies **steadies);

// Takes the next result and writes its maps, one after the other, smoothed and scaled to 0..1 each, those of a signed
// method to -1..1: result->count times result->height x result->width floats. settings->is_signed and of_pixels are the
// method's, not looked at. What was before is forgotten where the number of targets or the settings are
// others than before, and for a target whose name is another one (class=auto found another class). Returns 1 when
// there is something to see in any of them, 0 when all are empty, -EINVAL for settings that gradcam_steady_create()
// refuses, -ENOMEM.
GRADCAM_API int gradcam_steadies_update(GradcamSteadies *steadies, const GradcamSteadySettings *settings,
                                        const GradcamResult *result, float *out);

// Forgets: the next result stands for itself.
GRADCAM_API void gradcam_steadies_reset(GradcamSteadies *steadies);

// ------------------------------------------------------------------------------------------------------ several maps

// At each of `size` places the greatest value of `count` maps that lie one after the other; zeros when count is 0. out
// may be the first map.
GRADCAM_API void gradcam_maps_join(const float *maps, size_t count, size_t size, float *out);

// What lies between two maps of `size` places: from + share * (to - from). out may be one of them.
GRADCAM_API void gradcam_maps_between(const float *from, const float *to, float share, size_t size, float *out);

// Enlarges a finite map of height x width to out_height x out_width: half-pixel centres, beyond the map its edge goes
// on. Of a map that is nowhere below 0, nothing that comes out is below its lowest or above its highest value. BILINEAR
// is gradcam_map_resize(). out must not overlap the map. No allocation.
GRADCAM_API void gradcam_map_upsample(const float *map, int width, int height, float *out, int out_width,
                                      int out_height, enum GradcamUpsample upsample);

// ------------------------------------------------------------------------------------------------------------ places

// Where a map is hot, in parts of the region that it covers, each from 0 to 1. Values below 0 count as 0.
typedef struct GradcamPlace {
    size_t size;                // sizeof of this struct, or 0: see gradcam.h
    double x, y;                // centre of gravity; NAN where the map is empty (its sum is not above 0)
    double peak_x, peak_y;      // middle of the cell with the highest value, of equal ones the first by rows
    GradcamRegion box;          // of the hottest object, by gradcam_map_box(); width 0: none
} GradcamPlace;

// Finds it in a map of height x width. share: of the highest value, from which on a cell belongs to the box; 0: no
// box is looked for. -EINVAL for sizes below 1, -ENOMEM.
GRADCAM_API int gradcam_map_place(const float *map, int width, int height, double share, GradcamPlace *place);

// A place in whole pixels of a picture, always on it.
typedef struct GradcamPixels {
    size_t size;                // sizeof of this struct, or 0: see gradcam.h
    int boxed, centred;         // whether the map has a box, a centre; else they are 0
    int x, y, width, height;    // of the box, at least 1 x 1
    int centre_x, centre_y;     // the pixel that holds the centre
} GradcamPixels;

// region: where the map lies on the picture of width x height pixels.
GRADCAM_API void gradcam_place_pixels(const GradcamPlace *place, const GradcamRegion *region, int width, int height,
                                      GradcamPixels *pixels);

// ----------------------------------------------------------------------------------------------------------- drawing

typedef struct GradcamDrawingSettings {
    size_t size;                // sizeof of this struct, or 0: see gradcam.h
    GradcamOverlaySettings overlay;     // the look of the maps, and the kind of the picture; any GradcamOutput. Its
                                        // table, if any, is used in the place of the colormap
    const uint8_t (*color)[3];  // a colour for each class, 8-bit R, G, B; after the last one comes the first again
    size_t colors;              // 0: none are given: several classes have gradcam_palette()'s, one has the colormap
    int one_colormap;           // with colors 0: several classes share the colormap, the highest of their maps is shown
    int alpha_depth;            // of GRADCAM_OUTPUT_ALPHA: bits of the picture's alpha
} GradcamDrawingSettings;

// Colour in which the class at `index` of `count` is drawn, R, G, B; NULL: the colormap's. May point into
// settings->color.
GRADCAM_API const uint8_t *gradcam_drawing_color(const GradcamDrawingSettings *settings, size_t index, size_t count);

// Lays the maps of one or more classes over pictures. Keeps tables and memory from picture to picture: after the first
// one of a kind nothing is allocated.
//
// Where all classes share a colormap, the greatest of their values is shown. Else each has one colour, and where their
// heat overlaps, each has its part of the weight: of the squares of the maps, so that the stronger one is seen and the
// order of the classes hardly matters.
typedef struct GradcamDrawing GradcamDrawing;

GRADCAM_API int gradcam_drawing_create(GradcamDrawing **out);
GRADCAM_API void gradcam_drawing_free(GradcamDrawing **drawing);

// The colours that suit the maps of a method best: GRADCAM_COLORMAP_TURBO; BWR for signed ones. NULL: Grad-CAM.
GRADCAM_API enum GradcamColormap gradcam_colormap_for(const GradcamMethodInfo *method);

// Makes ready to draw `count` maps (one after the other, map_height x map_width each, 0 to 1) in a look. With
// overlay.two_sided they are from -1 to 1; classes with colours of their own show what is above 0 then, and with a
// colormap the value farthest from 0 is shown. Maps and
// settings are read during the call only. -EINVAL for count or sizes below 1 and for settings that make no sense,
// -ENOMEM.
GRADCAM_API int gradcam_drawing_prepare(GradcamDrawing *drawing, const GradcamDrawingSettings *settings,
                                        const float *maps, size_t count, int map_width, int map_height);

// Draws them over a picture, in place; region and slices as for gradcam_overlay_blend(): different slices may be drawn
// by several threads at once. alpha: the picture's alpha, for GRADCAM_OUTPUT_ALPHA; else not used, may be NULL.
// -EINVAL before gradcam_drawing_prepare(), and for a picture that does not fit its settings.
GRADCAM_API int gradcam_drawing_run(const GradcamDrawing *drawing, const GradcamPicture *picture,
                                    const GradcamComponent *alpha, const GradcamRegion *region,
                                    int slice, int slices);

// ------------------------------------------------------------------------------------------------------ side by side

// Copies a plane of `rows` rows of `bytes` bytes twice into a wider one: to its left edge and to `right` bytes from
// there, right >= bytes. What lies between, if anything, repeats the left copy's last sample, of `step` bytes. Strides
// may be negative.
GRADCAM_API void gradcam_plane_double(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t stride,
                                      size_t bytes, int rows, size_t right, int step);

// Leaves of a picture what is right of `column`, which is a multiple of the width of chroma samples in pixels, and
// below the picture's width.
GRADCAM_API void gradcam_picture_right(GradcamPicture *picture, int column);

#ifdef __cplusplus
}
#endif

#endif
