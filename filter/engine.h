/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The network and the threads that compute maps with it: libgradcam as the filter's options want it.
 */
#ifndef GCAM_ENGINE_H
#define GCAM_ENGINE_H

#include "libavutil/frame.h"

#include "gradcam.h"
#include "scale.h"

// Used by one thread at a time.
typedef struct GcamEngine {
    // options
    char *path, *class_text, *method_text, *layer, *labels, *logits, *preset, *mean, *std, *inputs, *states;
    int bgr, width, height, memory, mmap, threads, fit, precision, probability;
    float still;

    void *log;                  // where messages go
    GradcamModel *model;
    GradcamStream *stream;
    GcamScaler **scaler;        // one per job
    int jobs;
} GcamEngine;

// Opens what the options name. processors: threads to use where the options leave it open, 0: as many as there are;
// jobs: maps that may be computed at once; nice: of the threads. gcam_engine_close() is due even when it fails.
// Negative AVERROR values.
int gcam_engine_open(GcamEngine *engine, void *log, int processors, int jobs, int nice);
void gcam_engine_close(GcamEngine *engine);

// Changes what the next key frames are computed for. -ENOENT, and a sentence in the log, for a class that there is not.
int gcam_engine_set_class(GcamEngine *engine, const char *text);
// -EINVAL, likewise, for a method that there is not; "help" is none, and lists them all.
int gcam_engine_set_method(GcamEngine *engine, const char *text);

// Hands a frame in as a key frame, taking a reference of its own. time in seconds. AVERROR(EAGAIN) when the engine is
// busy.
int gcam_engine_submit(GcamEngine *engine, const AVFrame *frame, double time, uint64_t *ticket);

#endif
