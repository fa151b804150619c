/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a frame shows: the maps of its key frame, or, between two key frames, what interp makes of them. Used by one
 * thread at a time.
 */
#ifndef GCAM_BETWEEN_H
#define GCAM_BETWEEN_H

#include "libavutil/frame.h"

#include "gradcam.h"
#include "heat.h"

// The field of GcamBetween is an option, hence int.
enum GcamInterp { GCAM_INTERP_HOLD, GCAM_INTERP_LINEAR, GCAM_INTERP_MOTION, GCAM_INTERP_COUNT };

typedef struct GcamBetween {
    int interp;                 // option

    GradcamMotion *motion;      // interp=motion, for frames of this size
    int motion_width, motion_height;
    GradcamMotionVector *vector;        // of the frame under way
    unsigned vector_size;       // bytes
    float *map;                 // of the frame under way
    unsigned map_size;          // bytes
} GcamBetween;

// The maps on one frame.
typedef struct GcamPlanes {
    const float *map;           // by target, height x width each, 0 to 1; belongs to the heat or the GcamBetween
    int width, height;
    GradcamRegion region;       // where they lie on the frame, in pixels
    int own;                    // they are not those of the key frame
} GcamPlanes;

// The next frame in order: where everything in it has come from. key: it is the key frame from now on; marked: it will
// be, at gcam_between_key_marked().
int gcam_between_follow(GcamBetween *between, const AVFrame *frame, int key, int marked);
void gcam_between_key_marked(GcamBetween *between);

// The maps on frame `number`, that of the last gcam_between_follow(). region: where the heat's maps lie on it.
int gcam_between_planes(GcamBetween *between, const GcamHeat *heat, int64_t number, const GradcamRegion *region,
                        GcamPlanes *planes);

// Before the first frame, or after the last one.
void gcam_between_reset(GcamBetween *between);

#endif
