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
 *     gradcam_steadies_update(steadies, &scale, result, maps, room);
 *     gradcam_drawing_prepare(drawing, &settings, maps, count, width, height);
 *     gradcam_drawing_run(drawing, &picture, NULL, NULL, 0, 1);
 *
 * One map on one picture needs no more than gradcam_map_normalize() and a GradcamOverlay. gradcam_map_place() tells
 * where a map is hot, for boxes and metadata; a GradcamResizer makes a network's input of a picture. Errors, structs
 * that grow and threads are as in gradcam.h.
 */
#ifndef GRADCAM_PICTURE_H
#define GRADCAM_PICTURE_H

#include "gradcam.h"

#ifdef __cplusplus
extern "C" {
#endif

// ------------------------------------------------------------------------------------------------------------- regions

// Where a map lies on a picture, in pixels, fractions allowed; it may reach beyond the picture. What is outside of it
// is left as it is (overlay) or gets the colour of zero (heatmap, mask).
typedef struct GradcamRegion {
    double x, y, width, height;
} GradcamRegion;

// --------------------------------------------------------------------------------------------------------- steady maps

enum GradcamScale {
    GRADCAM_SCALE_FRAME,        // each map from its own lowest to its own highest value
    GRADCAM_SCALE_RUNNING,      // 0 to the highest value of late: rises at once, falls with a time constant
    GRADCAM_SCALE_FIXED,        // a range that is given
};

// "frame", "running", "fixed"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_scale_name(enum GradcamScale scale);
GRADCAM_API int gradcam_scale_find(const char *name);

typedef struct GradcamSteadySettings {
    size_t size;                // sizeof of this struct, or 0: see above
    double smooth;              // seconds: time constant of the smoothing of raw maps, M += (1 - exp(-dt / smooth)) *
                                // (new - M), so that the distance of key frames does not change the look; 0: none
    enum GradcamScale scale;
    double release;             // seconds: time constant with which GRADCAM_SCALE_RUNNING falls; 0: 2
    float low, high;            // range of GRADCAM_SCALE_FIXED, low < high
    int is_signed;              // maps have values below 0 and become -1..1: 0 stays 0, and what is farthest from it,
                                // or was of late, or high, becomes 1 or -1
    int of_pixels;              // of single pixels: GRADCAM_SCALE_FRAME and _RUNNING end at the value that a hundredth
                                // of them pass, and _FRAME begins at 0
} GradcamSteadySettings;

// What makes the maps of a video steady: remembers the smoothed map and the running scale.
typedef struct GradcamSteady GradcamSteady;

// -EINVAL for a time below 0, a range that is none, and what is not finite.
GRADCAM_API int gradcam_steady_create(GradcamSteady **out, const GradcamSteadySettings *settings);
GRADCAM_API void gradcam_steady_free(GradcamSteady **steady);

// Takes the next raw map, of a moment in seconds, and writes it smoothed and scaled to 0..1, signed ones to -1..1.
// Starts anew where time goes back, the size changes, or after gradcam_steady_reset(). Returns 1 when there is
// something to see, 0 when the map is empty (zeros are written), -ENOMEM.
GRADCAM_API int gradcam_steady_update(GradcamSteady *steady, const float *map, size_t count, double time, float *out);

// Forgets: the next map stands for itself (after a cut, or when something else is looked for).
GRADCAM_API void gradcam_steady_reset(GradcamSteady *steady);

// The maps of several targets, each steady on its own (see GradcamSteady) and known by the target's name.
typedef struct GradcamSteadies GradcamSteadies;

// Nothing is remembered yet. -ENOMEM.
GRADCAM_API int gradcam_steadies_create(GradcamSteadies **out);
GRADCAM_API void gradcam_steadies_free(GradcamSteadies **steadies);

// Takes the next result and writes its maps, one after the other, smoothed and scaled to 0..1 each, those of a signed
// method to -1..1: result->count times result->height x result->width floats. capacity: how many floats there is room
// for at out. settings->is_signed and of_pixels are the method's, not looked at. What was before is forgotten where the
// number of targets or the settings are others than before, and for a target whose name is another one (class=auto
// found another class). Returns 1 when there is something to see in any of them, 0 when all are empty, -ENOSPC where
// the maps do not fit, and nothing is written or taken in, -EINVAL for settings that gradcam_steady_create() refuses,
// -ENOMEM.
GRADCAM_API int gradcam_steadies_update(GradcamSteadies *steadies, const GradcamSteadySettings *settings,
                                        const GradcamResult *result, float *out, size_t capacity);

// Forgets: the next result stands for itself.
GRADCAM_API void gradcam_steadies_reset(GradcamSteadies *steadies);

// ------------------------------------------------------------------------------------------------------------- colours

enum GradcamColormap {
    GRADCAM_COLORMAP_TURBO,
    GRADCAM_COLORMAP_JET,
    GRADCAM_COLORMAP_VIRIDIS,
    GRADCAM_COLORMAP_INFERNO,
    GRADCAM_COLORMAP_MAGMA,
    GRADCAM_COLORMAP_PLASMA,
    GRADCAM_COLORMAP_CIVIDIS,
    GRADCAM_COLORMAP_HOT,
    GRADCAM_COLORMAP_GRAY,
    GRADCAM_COLORMAP_BWR,       // for maps with two sides: blue below, white in the middle, red above
};

// "turbo", "jet", ...; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_colormap_name(enum GradcamColormap colormap);
GRADCAM_API int gradcam_colormap_find(const char *name);

// The table: 256 colours, 8-bit R, G, B. Static, NULL for a value out of range.
GRADCAM_API const uint8_t (*gradcam_colormap_table(enum GradcamColormap colormap))[3];

// A colour for each of several classes, 8-bit R, G, B: the eight of Okabe and Ito, which colour-blind eyes tell apart
// too, black last; the ninth is the first again. Static.
GRADCAM_API const uint8_t *gradcam_palette(size_t index);

// ------------------------------------------------------------------------------------------------------------ overlay

enum GradcamColorModel { GRADCAM_COLOR_RGB, GRADCAM_COLOR_YUV, GRADCAM_COLOR_GRAY };
enum GradcamMatrix { GRADCAM_MATRIX_BT601, GRADCAM_MATRIX_BT709, GRADCAM_MATRIX_BT2020, GRADCAM_MATRIX_SMPTE240M,
                     GRADCAM_MATRIX_FCC, GRADCAM_MATRIX_YCGCO };

// "rgb", "yuv", "gray"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_color_model_name(enum GradcamColorModel model);
GRADCAM_API int gradcam_color_model_find(const char *name);

// "bt601", "bt709", "bt2020", "smpte240m", "fcc", "ycgco"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_matrix_name(enum GradcamMatrix matrix);
GRADCAM_API int gradcam_matrix_find(const char *name);

// What light a code stands for.
enum GradcamTransfer {
    GRADCAM_TRANSFER_SDR,       // that of sRGB and of SDR video, which are taken alike
    GRADCAM_TRANSFER_PQ,        // HDR, SMPTE ST 2084
    GRADCAM_TRANSFER_HLG,       // HDR, ARIB STD-B67
    GRADCAM_TRANSFER_LINEAR,    // 1 is white
};
enum GradcamPrimaries { GRADCAM_PRIMARIES_BT709, GRADCAM_PRIMARIES_BT2020, GRADCAM_PRIMARIES_P3 };

// "sdr", "pq", "hlg", "linear"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_transfer_name(enum GradcamTransfer transfer);
GRADCAM_API int gradcam_transfer_find(const char *name);

// "bt709", "bt2020", "p3"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_primaries_name(enum GradcamPrimaries primaries);
GRADCAM_API int gradcam_primaries_find(const char *name);

// The code of a grey, 0..1, as that of SDR, 0..1: 203 cd/m2 of HDR are white (ITU-R BT.2408), what is brighter is
// clipped. 0 for a transfer that is none. Thread-safe.
GRADCAM_API double gradcam_transfer_to_sdr(enum GradcamTransfer transfer, double code);

// One component of a picture (R, or Cb ...), planar or interleaved, 8 to 16 bits.
typedef struct GradcamComponent {
    uint8_t *data;              // first sample
    ptrdiff_t stride;           // bytes from row to row, may be negative
    int step;                   // bytes from sample to sample in a row
    int width, height;          // in samples: subsampled chroma has fewer than the picture has pixels
    int depth;                  // bits of a sample, 8..16; a sample of more than 8 bits is a native-endian uint16_t
    int shift;                  // bits that the value is shifted up within its sample (p010: 6)
} GradcamComponent;

// A picture by its components in the order R, G, B or Y, Cb, Cr or Y. Alpha is not listed: it is never touched.
typedef struct GradcamPicture {
    int width, height;          // in pixels
    GradcamComponent component[3];
} GradcamPicture;

enum GradcamBlend {
    GRADCAM_BLEND_HEAT,         // weight opacity * m^gamma: what the network ignores stays as it is
    GRADCAM_BLEND_FLAT,         // weight opacity everywhere
};

// "heat", "flat"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_blend_name(enum GradcamBlend blend);
GRADCAM_API int gradcam_blend_find(const char *name);

enum GradcamOutput {
    GRADCAM_OUTPUT_OVERLAY,     // picture + weight * (colour - picture)
    GRADCAM_OUTPUT_HEATMAP,     // the colours alone
    GRADCAM_OUTPUT_MASK,        // the map as grey levels, white is hot
    // Of drawings (gradcam_picture.h) alone, not of a single overlay:
    GRADCAM_OUTPUT_SIDE,        // as overlay, on the right one of two pictures side by side
    GRADCAM_OUTPUT_ALPHA,       // the colours alone, their weight as the picture's alpha
};

// "overlay", "heatmap", "mask", "side", "alpha"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_output_name(enum GradcamOutput output);
GRADCAM_API int gradcam_output_find(const char *name);

// How a map of few cells becomes one of many pixels.
enum GradcamUpsample {
    GRADCAM_UPSAMPLE_BILINEAR,  // straight lines from cell to cell: what numbers refer to (boxes, centres)
    GRADCAM_UPSAMPLE_BICUBIC,   // curves through the cells' values (Keys, a = -1/2)
    GRADCAM_UPSAMPLE_SPLINE,    // the uniform cubic B-spline, smoothest: round blobs without rings. It passes below a
                                // peak, so all is scaled to reach the map's highest value
};

// "bilinear", "bicubic", "spline"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_upsample_name(enum GradcamUpsample upsample);
GRADCAM_API int gradcam_upsample_find(const char *name);

// All fields may be zero: turbo at an opacity of 0.6, on 8-bit R, G, B.
typedef struct GradcamOverlaySettings {
    size_t size;                // sizeof of this struct, or 0: see above
    const uint8_t (*table)[3];  // 256 colours of the caller's own, copied by gradcam_overlay_create(); NULL: colormap's
    enum GradcamColormap colormap;
    enum GradcamBlend blend;
    enum GradcamOutput output;
    float opacity;              // 0..1; 0 where gamma is 0 too: 0.6
    float gamma;                // > 0, of GRADCAM_BLEND_HEAT; 0: 1
    float threshold;            // 0..1: where the map is below it, it counts as 0, whatever blend is
    enum GradcamColorModel model;
    enum GradcamMatrix matrix;  // of GRADCAM_COLOR_YUV
    int full_range;             // 0: 16..235 and 16..240 scaled to the depth; GRADCAM_COLOR_YUV and _GRAY only
    int depth[3];               // bits of each component, 8..16; 0: 8
    enum GradcamUpsample upsample;      // of maps of at most 64 x 64 cells; finer ones are enlarged by straight lines
    int two_sided;              // 0.5 of the map is nothing: opacity and threshold are of how far a value is from
                                // there, in parts of the way to 0 or 1
    enum GradcamTransfer transfer;      // of the picture: colours, sRGB, are drawn as it has them, white at 203 cd/m2
    enum GradcamPrimaries primaries;
} GradcamOverlaySettings;

// Tables for one look on one kind of picture. Immutable: several threads may blend with it at once.
typedef struct GradcamOverlay GradcamOverlay;

// Reads the settings, the table with them, during the call only. -EINVAL for NULL and for values out of range, -ENOMEM.
GRADCAM_API int gradcam_overlay_create(GradcamOverlay **out, const GradcamOverlaySettings *settings);
GRADCAM_API void gradcam_overlay_free(GradcamOverlay **overlay);

// Lays a map with values in 0..1 (others are clamped, NaN counts as 0) over a picture, in place: enlarged to each
// component's own size, coloured with entry floor(255 * m), blended. region NULL: the whole
// picture. Slice `slice` of `slices` covers its share of the rows, so that threads can divide the work: all slices
// together give the same picture for any number of them. No allocation. -EINVAL for a picture that does not fit the
// overlay's settings.
GRADCAM_API int gradcam_overlay_blend(const GradcamOverlay *overlay, const GradcamPicture *picture, const float *map,
                                      int map_width, int map_height, const GradcamRegion *region,
                                      int slice, int slices);

// ------------------------------------------------------------------------------------------------------------ resizer

typedef struct GradcamResizerSettings {
    size_t size;                // sizeof of this struct, or 0: see above
    GradcamPicture picture;     // its size and its components' layout; data and strides do not count
    enum GradcamColorModel model;
    enum GradcamMatrix matrix;  // of GRADCAM_COLOR_YUV
    int full_range;             // as in GradcamOverlaySettings
    double chroma_x, chroma_y;  // where subsampled chroma lies, in pixels from the middle of those it stands for: of
                                // 4:2:0 that is sited left (MPEG-2, H.264) -0.5, 0
    GradcamRegion region;       // of the picture that becomes the output; may reach beyond it
    int width, height;          // of the output
    int gray;                   // the output is grey
    enum GradcamTransfer transfer;      // of the picture: what comes out is SDR, as gradcam_transfer_to_sdr() has it
    enum GradcamPrimaries primaries;    // and of BT.709
} GradcamResizerSettings;

// Makes a network's input of pictures, 8-bit RGB or grey at the network's size: bilinear, antialiased where it shrinks
// (as Pillow and torchvision do with RGB), converted after that and rounded once. Grey is luma in full range: that of
// the picture where it has one, of R, G, B what ITU-R BT.601 makes of them, as Pillow and OpenCV do. Used by one thread
// at a time.
typedef struct GradcamResizer GradcamResizer;

// -EINVAL for sizes below 1 or above 32768, and for components that make no sense.
GRADCAM_API int gradcam_resizer_create(GradcamResizer **out, const GradcamResizerSettings *settings);
GRADCAM_API void gradcam_resizer_free(GradcamResizer **resizer);

// Reads a picture of the size and layout given before, at any address. Rows of the output, R, G, B interleaved or grey,
// are `stride` bytes apart (may be negative). Pixels of it whose centre is not on the picture are left as they are.
// -EINVAL for a picture of another size or layout. No allocation.
GRADCAM_API int gradcam_resizer_run(GradcamResizer *resizer, const GradcamPicture *picture, uint8_t *pixels,
                                    ptrdiff_t stride);

// Resizes a picture, 8-bit RGB interleaved, with bilinear filtering that is antialiased when it shrinks (as
// torchvision). For programs without a scaler of their own. -ENOMEM, or -EINVAL for sizes below 1 or above 32768.
GRADCAM_API int gradcam_resize_rgb(const uint8_t *rgb, ptrdiff_t stride, int width, int height,
                                   uint8_t *out, ptrdiff_t out_stride, int out_width, int out_height);

// -------------------------------------------------------------------------------------------------------------- alpha

// Whether an alpha, the component of a picture, is opaque everywhere: 1 or 0. -EINVAL for one that makes no sense.
GRADCAM_API int gradcam_picture_is_opaque(const GradcamComponent *alpha);

// Lays a picture over even mid grey (128 of sRGB's 255) by its alpha, in place: what is hidden cannot be told any more,
// and a network sees what somebody would. Colours are not premultiplied. alpha: in the picture's size, stays as it is.
// settings: the kind of the picture, which is all that is read of them. -EINVAL for what does not fit together.
GRADCAM_API int gradcam_picture_flatten(const GradcamPicture *picture, const GradcamComponent *alpha,
                                        const GradcamOverlaySettings *settings);

// ------------------------------------------------------------------------------------------------------ several maps

// Enlarges (or reduces) a map of height x width to out_height x out_width with bilinear interpolation: half-pixel
// centres, edges clamped. capacity: how many floats there is room for at out, which must not overlap the map. -EINVAL
// for sizes below 1, -ENOSPC where the map does not fit: nothing is written then. No allocation. Thread-safe.
GRADCAM_API int gradcam_map_resize(const float *map, int width, int height, float *out, size_t capacity, int out_width,
                                   int out_height);

// At each of `size` places the greatest value of `count` maps that lie one after the other; zeros when count is 0. out
// may be the first map.
GRADCAM_API void gradcam_maps_join(const float *maps, size_t count, size_t size, float *out);

// What lies between two maps of `size` places: from + share * (to - from). out may be one of them.
GRADCAM_API void gradcam_maps_between(const float *from, const float *to, float share, size_t size, float *out);

// Enlarges a finite map of height x width to out_height x out_width: half-pixel centres, beyond the map its edge goes
// on. Of a map that is nowhere below 0, nothing that comes out is below its lowest or above its highest value. BILINEAR
// is gradcam_map_resize(); capacity and errors are as there, and -EINVAL for an upsample that is none. out must not
// overlap the map. No allocation. Thread-safe.
GRADCAM_API int gradcam_map_upsample(const float *map, int width, int height, float *out, size_t capacity,
                                     int out_width, int out_height, enum GradcamUpsample upsample);

// ------------------------------------------------------------------------------------------------------------ places

// The box around the hottest object of a map (Selvaraju et al. 2017, section 4.1): the map is enlarged to columns x
// rows cells, those with at least `threshold` times the highest value are kept, and the tight box of their largest
// connected part (8 neighbours; of equal ones that with the larger sum) is written to *box as parts of the region that
// the map covers, each from 0 to 1. Returns 1, 0 when the map is empty, -EINVAL for sizes below 1 or above 4096,
// -ENOMEM.
GRADCAM_API int gradcam_map_box(const float *map, int map_width, int map_height, int columns, int rows, float threshold,
                                GradcamRegion *box);

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
    const GradcamOverlaySettings *overlay;      // the look of the maps, and the kind of the picture; any GradcamOutput.
                                // Its table, if any, is used in the place of the colormap. NULL: all zeros
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

// Draws nothing before gradcam_drawing_prepare(). -ENOMEM.
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
