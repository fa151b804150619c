/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures of several things at once, drawn from a seed: the data that the built-in network is trained and
 * tested on, and the demo clip. A scene shows two to four objects of different kinds (shapes.h) before a
 * cluttered background. Colour, texture, size, angle and place are drawn independently of the kind, so that
 * only the outline tells it.
 *
 * Coordinates are in units of the picture's height: x in 0..aspect to the right, y in 0..1 down. A scene can
 * be drawn at any size; pixels need not be square (a wide scene squeezed into a square picture is what a
 * network gets to see). The same scene gives the same bytes at the same size.
 */
#ifndef GCAM_SCENES_H
#define GCAM_SCENES_H

#include <stddef.h>
#include <stdint.h>

#include "shapes.h"

enum { GCAM_SCENE_OBJECTS = 4, GCAM_SCENE_MARKS = 20 };

typedef struct GcamColor {
    float r, g, b;              // 0..1
} GcamColor;

enum GcamTexture {
    GCAM_TEXTURE_PLAIN,
    GCAM_TEXTURE_GRADIENT,
    GCAM_TEXTURE_STRIPES,
    GCAM_TEXTURE_DOTS,
    GCAM_TEXTURE_CHECKS,
    GCAM_TEXTURE_CLOUDS,
    GCAM_TEXTURE_COUNT
};

// How a surface is coloured: a texture that mixes two colours.
typedef struct GcamSurface {
    enum GcamTexture texture;
    GcamColor color[2];
    float angle;                // radians
    float period;               // of the pattern, in units of the picture's height
    float x, y;                 // shift of the pattern
    float rough;                // strength of the noise on top, 0..1
    uint32_t seed;              // of that noise
} GcamSurface;

typedef struct GcamSceneObject {
    int shape;                  // index into shapes.h
    float x, y;                 // centre
    float size;                 // radius of the circle around it
    float angle;                // radians
    float bevel;                // width of the rounded edge, in radii
    float gloss;                // strength of the highlight, 0..1
    GcamSurface surface;
    float phase;                // of its way in gcam_scene_at()
} GcamSceneObject;

// Clutter: a soft line, disc or box that is none of the kinds.
typedef struct GcamSceneMark {
    int kind;                   // 0 line, 1 ellipse, 2 box
    float x, y, angle;
    float width, height;        // half of each
    float soft;                 // width of the blurred edge
    float opacity;
    GcamColor color;
} GcamSceneMark;

typedef struct GcamScene {
    float aspect;               // width / height
    GcamSurface ground;
    GcamColor glow;             // of a wide soft light on the ground
    float glow_x, glow_y, glow_size;
    float light_x, light_y;     // direction towards the light, unit length
    float shadow, shadow_length, shadow_soft;   // opacity, offset and blur of the shadows
    float vignette;             // darkening of the corners, 0..1
    int marks;
    GcamSceneMark mark[GCAM_SCENE_MARKS];
    int objects;
    GcamSceneObject object[GCAM_SCENE_OBJECTS];     // drawn in this order
} GcamScene;

// Draws up the scene of a seed with min..max objects (0 <= min <= max <= GCAM_SCENE_OBJECTS) of different
// kinds. At least 70 % of each object is visible. aspect in 0.5..2.5.
void gcam_scene_describe(GcamScene *scene, const GcamShapes *shapes, uint32_t seed, float aspect,
                         int min, int max);

// The scene `seconds` later: its objects ride on a carousel, nearer ones larger and in front, and the clutter
// drifts. Smooth in time, and each object keeps turning and swaying.
void gcam_scene_at(GcamScene *out, const GcamScene *scene, double seconds);

// Draws 8-bit RGB, rows `stride` bytes apart.
void gcam_scene_render(const GcamScene *scene, const GcamShapes *shapes, uint8_t *rgb, ptrdiff_t stride,
                       int width, int height);

// How much of each pixel shows the object: 0..255, rows `stride` bytes apart.
void gcam_scene_mask(const GcamScene *scene, const GcamShapes *shapes, int object,
                     uint8_t *mask, ptrdiff_t stride, int width, int height);

// Visible part of an object's area, 0..1.
float gcam_scene_visible(const GcamScene *scene, const GcamShapes *shapes, int object);

#endif
