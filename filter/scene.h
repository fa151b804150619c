/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How much a frame has to do with the frame before, and with the last key frame.
 */
#ifndef GCAM_SCENE_H
#define GCAM_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "libavutil/frame.h"

#include "scene_sad.h"

// Cells of a sketch.
#define GCAM_SKETCH_WIDTH  16
#define GCAM_SKETCH_HEIGHT 9
#define GCAM_SKETCH_CELLS  (GCAM_SKETCH_WIDTH * GCAM_SKETCH_HEIGHT)

// A frame as a few cells: mean code values of the first plane, 0 to 255.
typedef struct GcamSketch {
    int known;
    float cell[GCAM_SKETCH_CELLS];
} GcamSketch;

// All zero at first. Used by one thread at a time.
typedef struct GcamScene {
    uint8_t *luma;              // rows of the frame before
    size_t luma_size;           // bytes
    int width, height, bits;    // of them; 0: none
    double difference;          // mean absolute difference of the last two frames, in codes of 8 bits
    ff_scene_sad_fn sad;
    uint8_t *sdr;               // of HDR: by code, what it is in SDR
    int sdr_bits, sdr_full, sdr_transfer;       // that is for; bits 0: none
    uint8_t *converted;         // rows of the frame under way, in SDR
    unsigned converted_size;    // bytes
    GcamSketch last, key;       // of the newest frame, of the last key frame
} GcamScene;

enum GcamSceneChange {
    GCAM_SCENE_CUT   = 1,       // has nothing to do with the frame before
    GCAM_SCENE_DRIFT = 2,       // nor with the last key frame, step by step or at once
};

// Compares the next frame; returns flags of GcamSceneChange, or AVERROR(ENOMEM). threshold: score from which on frames
// have nothing to do with each other, above 0 and at most 1.
int gcam_scene_frame(GcamScene *scene, const AVFrame *frame, double threshold);

// The newest frame has become a key frame.
void gcam_scene_key(GcamScene *scene);

// The frames so far do not count for the score of the next one but one: see origin=keyframe.
void gcam_scene_anew(GcamScene *scene);

// Before the first frame, or after the last.
void gcam_scene_reset(GcamScene *scene);

#endif
