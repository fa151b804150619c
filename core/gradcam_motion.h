/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libgradcam: maps that follow what moves.
 *
 * Between two key frames of a video, whose maps are known, the map of each frame is that of a key frame moved along
 * with the picture's content, as the motion vectors of the video tell. In order of need:
 *
 *     gradcam_motion_create(&motion, width, height);
 *     gradcam_motion_frame(motion, type, vectors, count);           // 1. every frame, in the order of display
 *     gradcam_motion_key(motion, map, 14, 14, &region);             // 2. now and then: its map is known
 *     gradcam_motion_apply(motion, NULL, map, 14, 14, &region, out, room);  // 3. the map of the newest frame
 *
 * Errors and threads are as in gradcam.h: one thread at a time for each GradcamMotion.
 */
#ifndef GRADCAM_MOTION_H
#define GRADCAM_MOTION_H

#include "gradcam_picture.h"

#ifdef __cplusplus
extern "C" {
#endif

// ------------------------------------------------------------------------------------------------------------- motion

// A block of a frame and where its content was in the frame that it refers to, as video decoders export it.
typedef struct GradcamMotionVector {
    int x, y, width, height;    // of the block, in pixels
    float dx, dy;               // from the block to its place in the frame referred to, in pixels
    int future;                 // the frame referred to comes later
} GradcamMotionVector;

enum GradcamPictureType {
    GRADCAM_PICTURE_I,          // refers to nothing
    GRADCAM_PICTURE_P,          // refers to the past; others may refer to it
    GRADCAM_PICTURE_B,          // refers to past and future
};

// "I", "P", "B"; NULL for a value out of range. And back, or -EINVAL.
GRADCAM_API const char *gradcam_picture_type_name(enum GradcamPictureType type);
GRADCAM_API int gradcam_picture_type_find(const char *name);

// Follows what moves from a key frame on, so that its map can be moved along with it. Its map tells which vectors
// matter: those where heat is. How well the map of a key frame fits that of the next one where it was moved to tells
// how far maps are moved from then on: all the way, half of it, or, where motion says nothing of them, not at all.
typedef struct GradcamMotion GradcamMotion;

// How far off the content of a place of one frame is in another frame, in pixels. A way is an array of these, over the
// whole frame.
typedef struct GradcamShift {
    float x, y;
} GradcamShift;

// For frames of width x height pixels. -EINVAL for sizes below 1 or above 65536.
GRADCAM_API int gradcam_motion_create(GradcamMotion **out, int width, int height);
GRADCAM_API void gradcam_motion_free(GradcamMotion **motion);

// The next frame, in the order of display. Without vectors (count 0) what moved of late goes on for a moment; where
// nothing moved, everything stays where it is.
GRADCAM_API void gradcam_motion_frame(GradcamMotion *motion, enum GradcamPictureType type,
                                      const GradcamMotionVector *vector, size_t count);

// Makes the newest frame the key frame: from here on motion is counted from it. Its map is read during the call only;
// region as in gradcam_overlay_blend().
GRADCAM_API void gradcam_motion_key(GradcamMotion *motion, const float *map, int map_width, int map_height,
                                    const GradcamRegion *region);

// Remembers the newest frame; gradcam_motion_key_marked() makes it the key frame later on, when its map is there.
GRADCAM_API void gradcam_motion_mark(GradcamMotion *motion);
GRADCAM_API void gradcam_motion_key_marked(GradcamMotion *motion, const float *map, int map_width, int map_height,
                                           const GradcamRegion *region);

// Forgets all frames, for a scene that has nothing to do with the one before. There is no key frame then.
GRADCAM_API void gradcam_motion_reset(GradcamMotion *motion);

// Number of shifts in a way, the same for all of them.
GRADCAM_API size_t gradcam_motion_way_count(const GradcamMotion *motion);

// The way from the newest frame to the key frame, in pixels. capacity: how many shifts there is room for; -ENOSPC, and
// nothing is written, where these are fewer than gradcam_motion_way_count().
GRADCAM_API int gradcam_motion_way(const GradcamMotion *motion, GradcamShift *way, size_t capacity);

// The way from a frame to the next key frame, which comes after it, from the ways of both to the key frame before it.
// out may be neither of them; capacity and -ENOSPC as in gradcam_motion_way().
GRADCAM_API int gradcam_motion_way_on(const GradcamMotion *motion, const GradcamShift *way, const GradcamShift *next,
                                      GradcamShift *out, size_t capacity);

// Size of a moved map. It covers the whole frame.
GRADCAM_API void gradcam_motion_size(const GradcamMotion *motion, int *width, int *height);

// Moves a map of a key frame to the frame from which the way leads there (NULL: from the newest frame to its key
// frame). region as in gradcam_overlay_blend(). out has the size that gradcam_motion_size() tells; outside of the
// region it is 0. capacity: how many floats there is room for at out. -EINVAL for a map size below 1, -ENOSPC where
// the moved map does not fit: nothing is written then.
GRADCAM_API int gradcam_motion_apply(const GradcamMotion *motion, const GradcamShift *way, const float *map,
                                     int map_width, int map_height, const GradcamRegion *region, float *out,
                                     size_t capacity);

// What lies between two key frames: 1 - share times the map of the one before, moved by `way`, and share times the map
// of the one after, moved by `next` (see gradcam_motion_way_on()), at the share of the time between them. Both maps
// have the same size; capacity, -EINVAL and -ENOSPC as gradcam_motion_apply().
GRADCAM_API int gradcam_motion_meet(const GradcamMotion *motion, const GradcamShift *way, const float *map,
                                    const GradcamShift *next, const float *next_map, float share, int map_width,
                                    int map_height, const GradcamRegion *region, float *out, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
