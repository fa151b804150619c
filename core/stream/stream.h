/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inside of a stream: shared by its caller's side (stream.c) and its workers (worker.c).
 */
#ifndef GCAM_STREAM_STREAM_H
#define GCAM_STREAM_STREAM_H

#include <pthread.h>

#include "gradcam.h"
#include "model/layers.h"
#include "picture_memory.h"
#include "question.h"

enum GcamTaskState { GCAM_TASK_QUEUED, GCAM_TASK_RUNNING, GCAM_TASK_DONE };

// What tasks do one after the other, in order of tickets: compare the picture with the one before, decide on classes.
enum GcamStage { GCAM_STAGE_BEGUN, GCAM_STAGE_COMPARED, GCAM_STAGE_DECIDED };

// One submitted frame. A worker owns it while it runs, apart from the fields that the stream's mutex guards.
typedef struct GcamTask GcamTask;

struct GcamTask {
    uint64_t ticket;
    void *frame;
    double time;
    GcamQuestion *question;
    GradcamMethod method;
    GcamLayers layers;
    enum GcamTaskState state;
    enum GcamStage stage;       // how far it is, or need not be waited for
    int dropped;                // nobody will collect it: freed when it is done
    int error;
    GcamSeenPicture *picture;       // what it shows, or the one before when that is the same
    int is_still;               // the one before
    GcamAnswer *answer;         // about the picture
    int is_own;                 // this task finds the answer
    GradcamResult *result;
    GcamTask *next;
    int *auto_class;            // [question->count], behind target[]
    GradcamTarget target[];     // question's, with classes in the place of ranks once it is decided
};

// A worker: one job slot.
typedef struct GcamSlot {
    GradcamStream *stream;
    int index;
    pthread_t thread;
    GradcamContext *context;
    GcamLayers layers;          // that the context was opened for
    uint64_t question;          // number of the question that the context was opened for
} GcamSlot;

struct GradcamStream {
    GradcamModel *model;
    const GradcamModelInfo *info;
    GradcamStreamSettings settings;     // .log and .layer are not used after open
    char *first_layer;          // settings.layer, until another is set
    char *inputs;               // what every context is given beside the picture, or NULL
    int jobs;                   // number of slots
    int threads_started;
    GcamSlot *slot;

    // Guards what follows down to stop; state, stage, dropped and next of tasks; references of looks; settings.method;
    // what picture_memory.h says.
    pthread_mutex_t mutex;
    pthread_cond_t work;        // a task was queued, or stop
    pthread_cond_t turn;        // a task's stage, a picture or an answer changed, or stop
    pthread_cond_t done;        // a task is done
    GcamTask *first, *last;     // by ticket
    GcamQuestion *question;             // for the next submit
    GcamLayers layers;          // likewise; none: first_layer
    GcamSeenPicture *picture;       // the last that was not the same as the one before, or NULL; set by the task whose
                                // turn it is to compare
    uint64_t ticket;            // the last one given out
    int in_flight;              // tasks queued or running
    int stop;

    pthread_mutex_t log_mutex;  // guards the calls of log
    GradcamLog log;
};

// A context for the layers, the method and a question's scores, with the slot's share of the threads, in the place of
// the one that it has.
int gcam_slot_open(GcamSlot *slot, const GcamLayers *layers, const GradcamMethod *method, const GcamQuestion *question);

// The thread of a slot: works on queued tasks until the stream stops. opaque is a GcamSlot.
void *gcam_stream_worker(void *opaque);

// Whether the stream, a GradcamStream, is being closed. Thread-safe.
int gcam_stream_is_stopping(void *stream);

// Gives the frame back to the caller of the stream, if that has not been done. Not under the mutex.
void gcam_task_release(GradcamStream *stream, GcamTask *task);
// Takes a task that is not running out of the list, and frees it. Under the mutex; its frame must be
// released.
void gcam_task_remove(GradcamStream *stream, GcamTask *task);

#endif
