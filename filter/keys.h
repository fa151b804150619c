/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which frames get a map of their own: every stride-th, and those after a cut.
 */
#ifndef GCAM_KEYS_H
#define GCAM_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "libavutil/frame.h"
#include "libavutil/rational.h"

#include "scene_sad.h"

// Where the stride is counted from. The fields of GcamKeys that take it are options, hence int.
enum GcamOrigin {
    GCAM_ORIGIN_START,          // the last key frame
    GCAM_ORIGIN_KEYFRAME,       // and anew from each key frame of the coded video
    GCAM_ORIGIN_TIMESTAMP,      // time 0: frame number is timestamp times frame rate
    GCAM_ORIGIN_COUNT
};

// Used by one thread at a time.
typedef struct GcamKeys {
    // options, may be changed at any time
    int stride, origin;
    double scene;               // score from which on a frame begins a new scene; 0: no cuts are looked for

    AVRational time_base, frame_rate;   // of the frames; frame_rate 0/1: not known

    int64_t since;              // frames since the last key frame
    int64_t slot;               // of the last frame, origin=timestamp
    int due;                    // a key frame is to come
    int fresh;                  // and what it shows has nothing to do with what was shown before

    uint8_t *luma;              // rows of the frame before, for the score
    size_t luma_size;           // bytes
    int luma_width, luma_height, luma_bits;     // 0: none
    double difference;          // mean absolute difference of the last two frames
    ff_scene_sad_fn sad;
} GcamKeys;

// Takes note of the next frame. Returns 1 when it is to be a key frame, 0, AVERROR(ENOMEM). Once it is due, that stays
// so until gcam_keys_taken().
int gcam_keys_frame(GcamKeys *keys, const AVFrame *frame);

// The frame has become a key frame.
void gcam_keys_taken(GcamKeys *keys);

// Something else is looked for from now on: the next frame is to be a key frame.
void gcam_keys_restart(GcamKeys *keys);

// Before the first frame.
void gcam_keys_reset(GcamKeys *keys);

#endif
