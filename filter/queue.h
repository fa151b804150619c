/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The frames on their way through the filter: which of them become key frames, and which waits for which map.
 */
#ifndef GCAM_QUEUE_H
#define GCAM_QUEUE_H

#include "gradcam_picture.h"
#include "avfilter.h"
#include "libavutil/fifo.h"

#include "between.h"
#include "engine.h"
#include "heat.h"
#include "journal.h"
#include "keys.h"
#include "show.h"
#include "style.h"

// All zero at first, but for the options.
typedef struct GcamQueue {
    // options
    GcamEngine engine;
    GcamKeys keys;
    GcamBetween between;
    int lookahead, live;

    GcamStyle *style;           // of the frames that come in; the queue's own reference
    GcamJournal *journal;       // where frames are told about; the caller's

    AVFilterContext *ctx;
    GradcamSteadies *steadies;  // of the key frames
    GcamShow show;
    const GradcamMethodInfo *dear;      // the method whose cost was told of last
    GradcamPlace *place;        // of the frame under way, by target
    unsigned place_size;        // bytes

    AVFifo *fifo;               // of the frames that wait
    int most;                   // frames that memory allows in it
    int64_t count;              // frames taken so far
    GcamHeat *heat;             // of the newest key frame; live=1: the one that is shown
    GcamHeat *coming;           // live=1: submitted, not finished
    int64_t skipped;            // live=1: frames that should have been key frames
    int ended;                  // set by the caller: no more frames will be taken
} GcamQueue;

// Opens the engine, for frames of the filter's input; the style is set. left: see gcam_engine_open().
// gcam_queue_close() is due even when it fails. Negative AVERROR values.
int gcam_queue_open(GcamQueue *queue, AVFilterContext *ctx, GcamWorks *left);

// Drops the frames that wait, the engine and the style. The count of frames goes on.
void gcam_queue_close(GcamQueue *queue);

// Takes over the next frame of the input, whatever becomes of it.
int gcam_queue_take(GcamQueue *queue, AVFrame *frame);

// Passes on to the filter's output what need not wait, computing maps meanwhile where the queue is full or has ended.
// AVERROR(EAGAIN) when in the end nothing could be passed on.
int gcam_queue_pass(GcamQueue *queue);

#endif
