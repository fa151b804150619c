/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The workers of a stream. In: a queued task. Out: the task done, with a result or an error.
 *
 * Results do not depend on the number of workers, with one thing to see to: class=auto remembers the pictures
 * before. So between the forward and its maps a task waits until all tasks before it have decided on their
 * classes. That cannot deadlock: tasks are picked in order, so a task that runs was picked after all those it
 * waits for, and the first of them waits for nobody.
 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "result.h"

void gcam_task_release(GradcamStream *stream, GcamTask *task)
{
    void *frame = task->frame;

    task->frame = NULL;
    if (frame)
        stream->settings.release(stream->settings.opaque, frame);
}

void gcam_task_remove(GradcamStream *stream, GcamTask *task)
{
    GcamTask **at = &stream->first, *before = NULL;

    while (*at != task) {
        before = *at;
        at = &before->next;
    }
    *at = task->next;
    if (stream->last == task)
        stream->last = before;
    gradcam_result_unref(&task->result);
    gcam_look_unref(task->look);
    free(task);
}

// Whether all tasks before this one have decided, under the mutex.
static int is_turn(const GradcamStream *stream, const GcamTask *task)
{
    for (const GcamTask *t = stream->first; t != task; t = t->next)
        if (!t->decided)
            return 0;
    return 1;
}

static int is_stopping(GradcamStream *stream)
{
    int stop;

    pthread_mutex_lock(&stream->mutex);
    stop = stream->stop;
    pthread_mutex_unlock(&stream->mutex);
    return stop;
}

// The task has decided, or gives up its turn.
static void pass_turn(GradcamStream *stream, GcamTask *task)
{
    pthread_mutex_lock(&stream->mutex);
    task->decided = 1;
    pthread_cond_broadcast(&stream->turn);
    pthread_mutex_unlock(&stream->mutex);
}

// Sets task->target[] by the logits: waits for the task's turn where it must. -ECANCELED when the stream
// closes.
static int decide(GradcamStream *stream, GcamTask *task, const float *logits)
{
    GcamLook *look = task->look;
    int stop;

    memcpy(task->target, look->target, look->count * sizeof(task->target[0]));
    if (look->lock) {
        pthread_mutex_lock(&stream->mutex);
        while (!is_turn(stream, task) && !stream->stop)
            pthread_cond_wait(&stream->turn, &stream->mutex);
        stop = stream->stop;
        pthread_mutex_unlock(&stream->mutex);
        if (stop)
            return -ECANCELED;
        gcam_classlock_update(look->lock, logits);
    }
    for (size_t i = 0; i < look->count; i++)
        if (!look->target[i].count) {
            task->auto_class[i] = gcam_classlock_class(look->lock, (size_t)look->target[i].rank);
            task->target[i].name = gradcam_model_label(stream->model, (size_t)task->auto_class[i]);
            task->target[i].classes = &task->auto_class[i];
            task->target[i].count = 1;
        }
    pass_turn(stream, task);
    return 0;
}

static int load(GcamSlot *slot, GcamTask *task)
{
    const GradcamStream *stream = slot->stream;
    const int width = stream->info->width, height = stream->info->height;

    return stream->settings.load(stream->settings.opaque, slot->index, task->frame, slot->rgb,
                                 3 * (ptrdiff_t)width, width, height);
}

static int compute_maps(GcamSlot *slot, GcamTask *task)
{
    GradcamStream *stream = slot->stream;
    int ret = gcam_result_create(&task->result, task->target, task->look->count, stream->map_width,
                                 stream->map_height);

    for (size_t i = 0; ret >= 0 && i < task->look->count; i++)
        ret = is_stopping(stream) ? -ECANCELED :
              gradcam_context_map(slot->context, &task->target[i], task->method,
                                  gcam_result_map(task->result, i), gcam_result_info(task->result, i));
    return ret;
}

// Frame to result, in a worker without the mutex.
static int run(GcamSlot *slot, GcamTask *task)
{
    GradcamStream *stream = slot->stream;
    const double start = gcam_time();
    size_t classes;
    int ret = load(slot, task);

    gcam_task_release(stream, task);
    if (ret >= 0)
        ret = is_stopping(stream) ? -ECANCELED :
              gradcam_context_forward(slot->context, slot->rgb, 3 * (ptrdiff_t)stream->info->width);
    if (ret >= 0)
        ret = decide(stream, task, gradcam_context_logits(slot->context, &classes));
    if (ret < 0) {
        pass_turn(stream, task);
        return ret;
    }
    ret = compute_maps(slot, task);
    if (ret < 0)
        return ret;
    task->result->ticket = task->ticket;
    task->result->time = task->time;
    task->result->elapsed = gcam_time() - start;
    return 0;
}

// The first task that nobody works on, under the mutex.
static GcamTask *find_queued(const GradcamStream *stream)
{
    GcamTask *task = stream->first;

    while (task && task->state != GCAM_TASK_QUEUED)
        task = task->next;
    return task;
}

void *gcam_stream_worker(void *opaque)
{
    GcamSlot *slot = opaque;
    GradcamStream *stream = slot->stream;
    GcamTask *task = NULL;

    pthread_mutex_lock(&stream->mutex);
    for (;;) {
        while (!stream->stop && !(task = find_queued(stream)))
            pthread_cond_wait(&stream->work, &stream->mutex);
        if (stream->stop)
            break;
        task->state = GCAM_TASK_RUNNING;
        pthread_mutex_unlock(&stream->mutex);
        int error = run(slot, task);
        pthread_mutex_lock(&stream->mutex);
        task->error = error;
        task->state = GCAM_TASK_DONE;
        stream->in_flight--;
        if (task->dropped)
            gcam_task_remove(stream, task);
        pthread_cond_signal(&stream->done);
    }
    pthread_mutex_unlock(&stream->mutex);
    return NULL;
}
