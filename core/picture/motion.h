/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inside of GradcamMotion: shared by what follows the vectors (motion.c) and what moves maps (motion_map.c).
 */
#ifndef GCAM_PICTURE_MOTION_H
#define GCAM_PICTURE_MOTION_H

#include "gradcam_motion.h"

// Shares of a way by which a map may be moved: none of it, half, all.
#define GCAM_MOTION_TRUSTS 3

// How much weighs each length of vectors, in x and in y; see motion.c.
typedef struct GcamMotionHistogram GcamMotionHistogram;

// The way since a frame: of the anchor and of the newest frame. By cell.
typedef struct GcamMotionWay {
    GradcamShift *anchor, *newest;
} GcamMotionWay;

struct GradcamMotion {
    int width, height;          // in pixels
    int columns, rows;          // of moved maps
    int across, down;           // of ways, in cells
    float cell;                 // side of a cell in pixels
    GcamMotionWay key, mark;    // since the key frame and the marked frame
    GradcamShift *key_to_mark;  // the marked frame's way since the key frame
    GradcamShift *step;         // from the newest frame to the anchor
    GradcamShift *speed;        // from a frame to the one before it, of late
    GradcamShift *vector;       // of the frame under way
    int since_anchor;           // frames
    int paced;                  // speed is known
    int keyed;                  // there is a key frame
    float *hot;                 // the key frame's map, columns x rows, its highest value 1
    float *heat;                // the same where it is in the frame before the one under way
    float *moved;               // the one before, moved
    float misfit[GCAM_MOTION_TRUSTS];   // of maps moved that far, of late
    float trust;                // share of a way by which maps are moved
    GcamMotionHistogram *histogram;     // by cell, and one for sums
};

static inline int gcam_motion_cells(const GradcamMotion *motion)
{
    return motion->across * motion->down;
}

// A way at any place, in pixels: bilinear between the centres of cells.
GradcamShift gcam_motion_sample(const GradcamMotion *motion, const GradcamShift *way, float x, float y);

// Takes the map of the key frame. `way`, from it to the key frame before, is judged by how well it moved the map there.
void gcam_motion_take(GradcamMotion *motion, const GradcamShift *way, const float *map, int map_width, int map_height,
                      const GradcamRegion *region);

// Where the map of the key frame is in the newest frame, into motion->heat.
void gcam_motion_warm(GradcamMotion *motion);

#endif
