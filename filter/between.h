/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a frame shows: the maps of its key frame, or, between two key frames, what interp makes of them. Used by one
 * thread at a time.
 */
#ifndef GCAM_BETWEEN_H
#define GCAM_BETWEEN_H

#include "libavutil/frame.h"

#include "gradcam_motion.h"
#include "heat.h"

// The field of GcamBetween is an option, hence int.
enum GcamInterp { GCAM_INTERP_HOLD, GCAM_INTERP_LINEAR, GCAM_INTERP_MOTION, GCAM_INTERP_COUNT };

typedef struct GcamBetween {
    int interp;                 // option

    GradcamMotion *motion;      // interp=motion, for frames of this size
    int motion_width, motion_height;
    GradcamMotionVector *vector;        // of the frame under way
    unsigned vector_size;       // bytes
    int64_t followed;           // number of the newest frame that was followed
    int64_t key;                // of the motion's key frame; -1: none
    int moving, moved;          // a frame since it has vectors; a frame between it and the one before had

    GradcamShift *way;          // the ways that were kept, to the key frame before
    unsigned way_size;          // bytes
    int64_t way_first, way_end; // numbers of their frames

    float *map;                 // of the frame under way
    unsigned map_size;          // bytes
    float *fine;                // two maps of key frames, enlarged
    unsigned fine_size;         // bytes
} GcamBetween;

// The maps on one frame.
typedef struct GcamPlanes {
    const float *map;           // by target, height x width each, as the heat has them; belongs to the heat or the
                                // GcamBetween
    int width, height;
    GradcamRegion region;       // where they lie on the frame, in pixels
    int own;                    // they are not those of the key frame
} GcamPlanes;

enum GcamFollow {
    GCAM_FOLLOW_FRESH = 1,      // has nothing to do with the frame before
    GCAM_FOLLOW_MARK  = 2,      // will be the key frame, at gcam_between_key_marked()
    GCAM_FOLLOW_KEEP  = 4,      // its way is kept: its maps may be asked for when later frames have been followed
};

// Frame `number`, the next one in order: where everything in it has come from. flags are of GcamFollow. interp=motion
// only, else nothing is done. AVERROR(ENOMEM).
int gcam_between_follow(GcamBetween *between, const AVFrame *frame, int64_t number, int flags);

// The newest frame, or the marked one, is the key frame of this heat. region: where its maps lie on it.
// AVERROR(ENOMEM).
int gcam_between_key(GcamBetween *between, const GcamHeat *heat, const GradcamRegion *region);
int gcam_between_key_marked(GcamBetween *between, const GcamHeat *heat, const GradcamRegion *region);

// The maps on frame `number`, at `time` seconds (NAN: not known): between those of the heat and of the next one, where
// that is known and the ways up to its key frame have been kept; else the frame is that of the last
// gcam_between_follow(). region: where the heat's maps lie on it. AVERROR(ENOMEM).
int gcam_between_planes(GcamBetween *between, const GcamHeat *heat, int64_t number, double time,
                        const GradcamRegion *region, GcamPlanes *planes);

// Before the first frame, or after the last one.
void gcam_between_reset(GcamBetween *between);

#endif
