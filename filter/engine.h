/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The network and the threads that compute maps with it: libgradcam as the filter's options want it.
 */
#ifndef GCAM_ENGINE_H
#define GCAM_ENGINE_H

#include "libavutil/frame.h"

#include "gradcam.h"
#include "scale.h"

// What runs: model, threads, scalers. Outlives a filter that another one takes the place of.
typedef struct GcamWorks GcamWorks;

// Used by one thread at a time.
typedef struct GcamEngine {
    // options
    char *path, *class_text, *method_text, *layer, *labels, *logits, *preset, *mean, *std, *inputs, *states,
         *seen_path;
    int bgr, width, height, memory, mmap, threads, fit, rotate, precision, probability;
    float still;

    void *log;                  // where messages go
    GcamWorks *works;
    GradcamModel *model;        // of the works
    GradcamStream *stream;      // likewise
    int changed;                // it looks for something else than the options say that it was opened with
} GcamEngine;

// Opens what the options name. processors: threads to use where the options leave it open, 0: as many as there are;
// jobs: maps that may be computed at once; nice: of the threads. left: what gcam_engine_leave() gave for the same
// options, taken over in any case, or NULL. gcam_engine_close() is due even when it fails. Negative AVERROR values.
int gcam_engine_open(GcamEngine *engine, void *log, int processors, int jobs, int nice, GcamWorks *left);
void gcam_engine_close(GcamEngine *engine);

// Closes the engine and returns what is worth to be kept of it for another one, the caller's then; NULL: nothing.
GcamWorks *gcam_engine_leave(GcamEngine *engine);
void gcam_works_close(GcamWorks **works);

// AVERROR(EINVAL), and a sentence in the log, where the option rotate is no quarter turn.
int gcam_engine_check_rotate(const GcamEngine *engine);

// Changes what the next key frames are computed for. -ENOENT, and a sentence in the log, for a class that there is not.
int gcam_engine_set_class(GcamEngine *engine, const char *text);
// -EINVAL, likewise, for a method that there is not; "help" is none, and lists them all.
int gcam_engine_set_method(GcamEngine *engine, const char *text);

// -ENOENT, likewise, for a layer.
int gcam_engine_set_layer(GcamEngine *engine, const char *layer);

// Hands a frame in as a key frame, taking a reference of its own. time in seconds. AVERROR(EAGAIN) when the engine is
// busy. number: of the frame, counted from 0. cut: it has nothing to do with those before. turns: of the frame, see
// gcam_frame_turns().
int gcam_engine_submit(GcamEngine *engine, const AVFrame *frame, int64_t number, double time, int cut, int turns,
                       uint64_t *ticket);

#endif
