/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps for the frames of a video, on background threads: the caller's side.
 *
 * In: frames of the caller (opaque; his callbacks load and release them) in order, each with a ticket. Out: a
 * result per ticket. Tasks lie in one list by ticket, from submit until they are collected or dropped;
 * workers (worker.c) pick them in order.
 */
#include "stream.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sized.h"
#include "model/model.h"

enum { AUTO_HOLD = 3 };
#define AUTO_MARGIN 2.0f

static void forward_log(void *opaque, enum GradcamLogLevel level, const char *message)
{
    GradcamStream *stream = opaque;

    pthread_mutex_lock(&stream->log_mutex);
    stream->log.callback(stream->log.opaque, level, message);
    pthread_mutex_unlock(&stream->log_mutex);
}

// Defaults in the place of zeros; -EINVAL for what makes no sense. A network that remembers has to see every picture,
// one after the other.
static int complete_settings(GradcamStreamSettings *settings, const GradcamModelInfo *info)
{
    if (!settings->threads)
        settings->threads = gcam_cpu_processors();
    if (!settings->jobs)
        settings->jobs = settings->threads < GCAM_MOST_THREADS ? settings->threads : GCAM_MOST_THREADS;
    if (!settings->auto_hold)
        settings->auto_hold = AUTO_HOLD;
    if (settings->auto_margin == 0)
        settings->auto_margin = AUTO_MARGIN;
    if (!settings->load || !settings->release || settings->threads < 0 || settings->jobs < 0 ||
        settings->jobs > settings->threads || settings->jobs > GCAM_MOST_THREADS || settings->auto_hold < 0 ||
        !(settings->auto_margin > 0) || isnan(settings->still) || gradcam_method_check(&settings->method) ||
        !gradcam_precision_name(settings->precision) || !gradcam_probability_name(settings->probability))
        return -EINVAL;
    if (info->frames > 1 || info->states) {
        settings->jobs = 1;
        settings->still = -1;
    }
    return 0;
}

int gcam_slot_open(GcamSlot *slot, const GcamLayers *layers, const GradcamMethod *method, const GcamQuestion *question)
{
    const GradcamStream *stream = slot->stream;
    const int threads = stream->settings.threads, jobs = stream->settings.jobs;
    const GradcamTargets targets = { question->target, question->count };
    char *text = layers->count ? gcam_layers_text(stream->model, layers) : NULL;
    const GradcamSettings settings = {
        .size = sizeof(settings),
        .log = { stream->log.callback ? forward_log : NULL, (void *)stream },
        .layer = layers->count ? text : stream->first_layer,
        .method = *method,
        .threads = threads / jobs + (slot->index < threads % jobs),
        .precision = stream->settings.precision,
        .nice = stream->settings.nice,
        .probability = stream->settings.probability,
        .targets = &targets,
        .interrupt = gcam_stream_is_stopping,
        .interrupt_opaque = (void *)stream,
        .reuse = stream->settings.still >= 0,
    };

    gradcam_context_close(&slot->context);
    slot->question = question->number;
    slot->layers = *layers;
    int error = layers->count && !text ? -ENOMEM : gradcam_context_open(&slot->context, stream->model, &settings);
    gcam_free(text);
    if (!error && stream->inputs)
        error = gradcam_context_read_inputs(slot->context, stream->inputs);
    return error;
}

static int open_slot(GradcamStream *stream, int i)
{
    GcamSlot *slot = &stream->slot[i];

    slot->stream = stream;
    slot->index = i;
    return gcam_slot_open(slot, &stream->layers, &stream->settings.method, stream->question);
}

static int open_slots(GradcamStream *stream)
{
    stream->slot = gcam_calloc((size_t)stream->settings.jobs, sizeof(*stream->slot));
    if (!stream->slot)
        return -ENOMEM;
    for (stream->jobs = 0; stream->jobs < stream->settings.jobs; stream->jobs++) {
        int error = open_slot(stream, stream->jobs);
        if (error < 0) {
            stream->jobs++;     // close what this one has
            return error;
        }
    }
    for (; stream->threads_started < stream->jobs; stream->threads_started++) {
        GcamSlot *slot = &stream->slot[stream->threads_started];
        int error = pthread_create(&slot->thread, NULL, gcam_stream_worker, slot);
        if (error) {
            gcam_log(&stream->log, GRADCAM_LOG_ERROR, "cannot start thread %d of %d: %s",
                     stream->threads_started + 1, stream->jobs, strerror(error));
            return error == EAGAIN ? -ENOMEM : -error;
        }
    }
    return 0;
}

// Lets the workers come to an end; they drop what they have begun.
static void stop_workers(GradcamStream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    stream->stop = 1;
    pthread_cond_broadcast(&stream->work);
    pthread_cond_broadcast(&stream->turn);
    pthread_mutex_unlock(&stream->mutex);
    for (int i = 0; i < stream->threads_started; i++)
        pthread_join(stream->slot[i].thread, NULL);
}

// After the workers have ended.
static void drop_tasks(GradcamStream *stream)
{
    while (stream->first) {
        gcam_task_release(stream, stream->first);
        gcam_task_remove(stream, stream->first);
    }
}

// Creates the mutexes and conditions; a positive errno, and none of them, when one fails.
static int init_sync(GradcamStream *stream)
{
    int error = pthread_mutex_init(&stream->mutex, NULL);

    if (error)
        return error;
    if ((error = pthread_mutex_init(&stream->log_mutex, NULL)))
        goto no_log_mutex;
    if ((error = pthread_cond_init(&stream->work, NULL)))
        goto no_work;
    if ((error = pthread_cond_init(&stream->turn, NULL)))
        goto no_turn;
    if ((error = pthread_cond_init(&stream->done, NULL)))
        goto no_done;
    return 0;

no_done:
    pthread_cond_destroy(&stream->turn);
no_turn:
    pthread_cond_destroy(&stream->work);
no_work:
    pthread_mutex_destroy(&stream->log_mutex);
no_log_mutex:
    pthread_mutex_destroy(&stream->mutex);
    return error;
}

static void destroy_sync(GradcamStream *stream)
{
    pthread_cond_destroy(&stream->done);
    pthread_cond_destroy(&stream->turn);
    pthread_cond_destroy(&stream->work);
    pthread_mutex_destroy(&stream->log_mutex);
    pthread_mutex_destroy(&stream->mutex);
}

int gradcam_stream_open(GradcamStream **out, GradcamModel *model, const GradcamTargets *targets,
                        const GradcamStreamSettings *settings)
{
    GradcamStream *stream;
    int error;

    *out = NULL;
    if (!model || !settings)
        return -EINVAL;
    stream = gcam_calloc(1, sizeof(*stream));
    if (!stream)
        return -ENOMEM;
    error = init_sync(stream);
    if (error) {
        gcam_free(stream);
        return -error;
    }
    stream->model = gradcam_model_ref(model);
    stream->info = gradcam_model_info(model);
    GCAM_TAKE(stream->settings, settings);
    stream->log = stream->settings.log;
    error = complete_settings(&stream->settings, stream->info);
    if (error >= 0 && settings->layer && !(stream->first_layer = gcam_strdup(settings->layer)))
        error = -ENOMEM;
    if (error >= 0 && stream->settings.inputs && !(stream->inputs = gcam_strdup(stream->settings.inputs)))
        error = -ENOMEM;
    if (error >= 0)
        error = gcam_question_create(&stream->question, targets, stream->info->classes, stream->settings.auto_hold,
                               stream->settings.auto_margin);
    if (error >= 0)
        error = open_slots(stream);
    stream->settings.layer = stream->settings.inputs = NULL;    // the caller's strings
    if (error < 0) {
        gradcam_stream_close(&stream);
        return error;
    }
    *out = stream;
    return 0;
}

void gradcam_stream_close(GradcamStream **out)
{
    GradcamStream *stream = out ? *out : NULL;

    if (!stream)
        return;
    *out = NULL;
    stop_workers(stream);
    drop_tasks(stream);
    gcam_question_unref(stream->question);
    gcam_seen_picture_unref(stream->picture);
    for (int i = 0; i < stream->jobs; i++)
        gradcam_context_close(&stream->slot[i].context);
    gcam_free(stream->slot);
    gcam_free(stream->first_layer);
    gcam_free(stream->inputs);
    gradcam_model_close(&stream->model);
    destroy_sync(stream);
    gcam_free(stream);
}

// ---------------------------------------------------------------------------------------- submit and collect

int gradcam_stream_submit(GradcamStream *stream, void *frame, double time, uint64_t *ticket)
{
    const size_t count = stream->question->count;   // only this thread sets question
    GcamTask *task;

    task = gcam_calloc(1, sizeof(*task) + count * (sizeof(task->target[0]) + sizeof(task->auto_class[0])));
    if (!task)
        return -ENOMEM;
    task->frame = frame;
    task->time = time;
    task->auto_class = (int *)(task->target + count);

    pthread_mutex_lock(&stream->mutex);
    if (stream->in_flight >= 2 * stream->jobs) {
        pthread_mutex_unlock(&stream->mutex);
        gcam_free(task);
        return -EAGAIN;
    }
    task->method = stream->settings.method;
    task->layers = stream->layers;
    task->question = stream->question;
    task->question->references++;
    task->ticket = ++stream->ticket;
    *(stream->last ? &stream->last->next : &stream->first) = task;
    stream->last = task;
    stream->in_flight++;
    *ticket = task->ticket;
    pthread_cond_signal(&stream->work);
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}

int gradcam_stream_cut(GradcamStream *stream)
{
    const GcamQuestion *before = stream->question;      // only this thread sets question
    const GradcamTargets targets = { before->target, before->count };
    GcamQuestion *question;
    int error = before->lock ? gcam_question_create(&question, &targets, stream->info->classes,
                                                    stream->settings.auto_hold, stream->settings.auto_margin) : 0;

    if (error < 0 || !before->lock)
        return error;
    pthread_mutex_lock(&stream->mutex);
    question->number = before->number;
    gcam_question_unref(stream->question);
    stream->question = question;
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}

int gradcam_stream_idle(GradcamStream *stream)
{
    int idle;

    pthread_mutex_lock(&stream->mutex);
    idle = stream->jobs - stream->in_flight;
    pthread_mutex_unlock(&stream->mutex);
    return idle > 0 ? idle : 0;
}

// Hands over what a task that is done has made, and frees it; under the mutex.
static int take(GradcamStream *stream, GcamTask *task, GradcamResult **out)
{
    const int error = task->error;

    if (error >= 0) {
        *out = task->result;
        task->result = NULL;
    }
    gcam_task_remove(stream, task);
    return error;
}

int gradcam_stream_collect(GradcamStream *stream, uint64_t ticket, int wait, GradcamResult **out)
{
    GcamTask *task;
    int error;

    *out = NULL;
    pthread_mutex_lock(&stream->mutex);
    for (task = stream->first; task && task->ticket != ticket; task = task->next)
        ;
    if (!task || task->dropped) {
        error = -EINVAL;
    } else {
        while (task->state != GCAM_TASK_DONE && wait)
            pthread_cond_wait(&stream->done, &stream->mutex);
        error = task->state == GCAM_TASK_DONE ? take(stream, task, out) : -EAGAIN;
    }
    pthread_mutex_unlock(&stream->mutex);
    return error;
}

// The task whose outcome gradcam_stream_newest() gives: the oldest that failed, else the newest that is done.
static GcamTask *find_newest(const GradcamStream *stream)
{
    GcamTask *newest = NULL;

    for (GcamTask *task = stream->first; task; task = task->next)
        if (task->state == GCAM_TASK_DONE) {
            newest = task;
            if (task->error < 0)
                break;
        }
    return newest;
}

int gradcam_stream_newest(GradcamStream *stream, GradcamResult **out)
{
    GcamTask *newest, *next;
    int error = -EAGAIN;

    *out = NULL;
    pthread_mutex_lock(&stream->mutex);
    newest = find_newest(stream);
    for (GcamTask *task = stream->first; newest && task != newest; task = next) {
        next = task->next;
        task->dropped = 1;
        if (task->state == GCAM_TASK_DONE)
            gcam_task_remove(stream, task);
    }
    if (newest)
        error = take(stream, newest, out);
    pthread_mutex_unlock(&stream->mutex);
    return error;
}

int gradcam_stream_set_targets(GradcamStream *stream, const GradcamTargets *targets)
{
    GcamQuestion *question;
    int error = gcam_question_create(&question, targets, stream->info->classes, stream->settings.auto_hold,
                               stream->settings.auto_margin);

    if (error < 0)
        return error;
    pthread_mutex_lock(&stream->mutex);
    question->number = stream->question->number + 1;
    gcam_question_unref(stream->question);
    stream->question = question;
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}

int gradcam_stream_set_method(GradcamStream *stream, const GradcamMethod *method)
{
    if (!method || gradcam_method_check(method))
        return -EINVAL;
    pthread_mutex_lock(&stream->mutex);
    stream->settings.method = *method;
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}

int gradcam_stream_set_layer(GradcamStream *stream, const char *name)
{
    const GradcamLog log = { stream->log.callback ? forward_log : NULL, stream };
    GcamLayers layers;
    const int error = gcam_layers_find(stream->model, name, &layers, &log);

    if (error < 0)
        return error;
    pthread_mutex_lock(&stream->mutex);
    stream->layers = layers;
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}
