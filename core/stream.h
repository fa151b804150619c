/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inside of a stream: shared by its caller's side (stream.c) and its workers (worker.c).
 */
#ifndef GCAM_STREAM_H
#define GCAM_STREAM_H

#include <pthread.h>

#include "gradcam.h"
#include "look.h"

enum GcamTaskState { GCAM_TASK_QUEUED, GCAM_TASK_RUNNING, GCAM_TASK_DONE };

// One submitted frame. A worker owns it while it runs, apart from the fields that the stream's mutex guards.
typedef struct GcamTask GcamTask;

struct GcamTask {
    uint64_t ticket;
    void *frame;
    double time;
    GcamLook *look;
    enum GradcamMethod method;
    enum GcamTaskState state;
    int decided;                // the class decision is made, or there will be none
    int dropped;                // nobody will collect it: freed when it is done
    int error;
    GradcamResult *result;
    GcamTask *next;
    int *auto_class;            // [look->count], behind target[]
    GradcamTarget target[];     // look's, with classes in the place of ranks once it is decided
};

// A worker: one job slot.
typedef struct GcamSlot {
    GradcamStream *stream;
    int index;
    pthread_t thread;
    GradcamContext *context;
    uint8_t *rgb;               // the model's width x height, 3 bytes each
} GcamSlot;

struct GradcamStream {
    GradcamModel *model;
    const GradcamModelInfo *info;
    GradcamStreamSettings settings;     // .log and .layer are not used after open
    int map_width, map_height;
    int jobs;                   // number of slots
    int threads_started;
    GcamSlot *slot;

    // Guards what follows down to stop; state, decided, dropped and next of tasks; references of looks;
    // settings.method.
    pthread_mutex_t mutex;
    pthread_cond_t work;        // a task was queued, or stop
    pthread_cond_t turn;        // a task decided, or stop
    pthread_cond_t done;        // a task is done
    GcamTask *first, *last;     // by ticket
    GcamLook *look;             // for the next submit
    uint64_t ticket;            // the last one given out
    int in_flight;              // tasks queued or running
    int stop;

    pthread_mutex_t log_mutex;  // guards the calls of log
    GradcamLog log;
};

// The thread of a slot: works on queued tasks until the stream stops. opaque is a GcamSlot.
void *gcam_stream_worker(void *opaque);

// Gives the frame back to the caller of the stream, if that has not been done. Not under the mutex.
void gcam_task_release(GradcamStream *stream, GcamTask *task);
// Takes a task that is not running out of the list, and frees it. Under the mutex; its frame must be
// released.
void gcam_task_remove(GradcamStream *stream, GcamTask *task);

#endif
