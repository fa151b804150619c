/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which frames get a map of their own: every stride-th, those a while after the last one, and those after a cut.
 */
#ifndef GCAM_KEYS_H
#define GCAM_KEYS_H

#include <stdint.h>

#include "libavutil/frame.h"
#include "libavutil/rational.h"

#include "scene.h"

// Where the stride is counted from. The fields of GcamKeys that take it are options, hence int.
enum GcamOrigin {
    GCAM_ORIGIN_START,          // the last key frame
    GCAM_ORIGIN_KEYFRAME,       // and anew from each key frame of the coded video
    GCAM_ORIGIN_TIMESTAMP,      // time 0: frame number is timestamp times frame rate
    GCAM_ORIGIN_COUNT
};

// The stride that suits the video: every 5th frame, and each that comes a fifth of a second after the one before, or
// later.
#define GCAM_STRIDE_AUTO 0

// Used by one thread at a time.
typedef struct GcamKeys {
    // options, may be changed at any time
    int stride, origin;
    double every;               // seconds, in the place of the stride; 0: the stride counts
    double scene;               // score from which on a frame begins a new scene; 0: no cuts are looked for

    AVRational time_base, frame_rate;   // of the frames; frame_rate 0/1: not known

    int64_t since;              // frames since the last key frame
    int64_t slot;               // of the last frame, origin=timestamp
    double time, key_time;      // seconds, of the last frame and the last key frame; NAN: not known
    int due;                    // a key frame is to come
    int fresh;                  // and what it shows has nothing to do with what was shown before
    GcamScene seen;
} GcamKeys;

// Takes note of the next frame. Returns 1 when it is to be a key frame, 0, AVERROR(ENOMEM). Once it is due, that stays
// so until gcam_keys_taken().
int gcam_keys_frame(GcamKeys *keys, const AVFrame *frame);

// The frame has become a key frame.
void gcam_keys_taken(GcamKeys *keys);

// Something else is looked for from now on: the next frame is to be a key frame.
void gcam_keys_restart(GcamKeys *keys);

// Frames from one key frame to the next, about, and at least 1; and seconds, 0 where that is not known.
int gcam_keys_frames(const GcamKeys *keys);
double gcam_keys_seconds(const GcamKeys *keys);

// Before the first frame.
void gcam_keys_reset(GcamKeys *keys);

#endif
