/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The workers of a stream. In: a queued task. Out: the task done, with a result or an error.
 *
 * A task loads its frame, compares the picture with the last one that was not the same as the one before it, decides
 * on classes, and then finds the answer, or waits for the task that does. Results do not depend on the number of
 * workers: comparing and deciding, which remember the pictures before, are done in order of tickets, each task
 * waiting for its turn. That cannot deadlock: tasks are picked in order, so a task that runs was picked after all those
 * it waits for, and the first of them waits for nobody.
 */
#include "stream.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/threads.h"
#include "cam/score.h"
#include "model/model.h"
#include "result.h"

void gcam_task_release(GradcamStream *stream, GcamTask *task)
{
    void *frame = task->frame;

    task->frame = NULL;
    if (frame)
        stream->settings.release(stream->settings.opaque, frame);
}

// Lets go of what only a running task needs, under the mutex.
static void forget_picture(GcamTask *task)
{
    gcam_seen_picture_unref(task->picture);
    gcam_answer_unref(task->answer);
    task->picture = NULL;
    task->answer = NULL;
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
    gcam_question_unref(task->question);
    gcam_free(task);
}

// ------------------------------------------------------------------------------------------------------------- turns

// Whether all tasks before this one have come to a stage, under the mutex.
static int is_turn(const GradcamStream *stream, const GcamTask *task, enum GcamStage stage)
{
    for (const GcamTask *t = stream->first; t != task; t = t->next)
        if (t->stage < stage)
            return 0;
    return 1;
}

// Waits until the task may enter a stage. -ECANCELED when the stream closes.
static int await_turn(GradcamStream *stream, const GcamTask *task, enum GcamStage stage)
{
    int stop;

    pthread_mutex_lock(&stream->mutex);
    while (!stream->stop && !is_turn(stream, task, stage))
        pthread_cond_wait(&stream->turn, &stream->mutex);
    stop = stream->stop;
    pthread_mutex_unlock(&stream->mutex);
    return stop ? -ECANCELED : 0;
}

// Waits until somebody else's work is done, or has failed.
static int await_other(GradcamStream *stream, const int *done, const int *failed)
{
    int error;

    pthread_mutex_lock(&stream->mutex);
    while (!stream->stop && !*done && !*failed)
        pthread_cond_wait(&stream->turn, &stream->mutex);
    error = *failed ? *failed : *done ? 0 : -ECANCELED;
    pthread_mutex_unlock(&stream->mutex);
    return error;
}

int gcam_stream_is_stopping(void *opaque)
{
    GradcamStream *stream = opaque;
    int stop;

    pthread_mutex_lock(&stream->mutex);
    stop = stream->stop;
    pthread_mutex_unlock(&stream->mutex);
    return stop;
}

// The task has failed: nobody need wait for it.
static void give_up(GradcamStream *stream, GcamTask *task, int error)
{
    pthread_mutex_lock(&stream->mutex);
    task->stage = GCAM_STAGE_DECIDED;
    if (task->is_own)
        task->answer->error = error;
    if (task->picture && !task->is_still && !task->picture->known)
        task->picture->error = error;
    pthread_cond_broadcast(&stream->turn);
    pthread_mutex_unlock(&stream->mutex);
}

// ------------------------------------------------------------------------------------------------------------- steps

static int load(GcamSlot *slot, GcamTask *task)
{
    GradcamStream *stream = slot->stream;
    const int width = stream->info->width, height = stream->info->height;
    const int samples = stream->info->channels;
    int error = gcam_seen_picture_create(&task->picture, width, height, samples, stream->info->classes);

    if (error >= 0)
        error = stream->settings.load(stream->settings.opaque, slot->index, task->frame, task->picture->pixels,
                                    samples * (ptrdiff_t)width, width, height);
    gcam_task_release(stream, task);
    return error;
}

// Sets task->picture to the last one where that is the same; else it becomes the last one, with what of it is still.
static int compare(GradcamStream *stream, GcamTask *task)
{
    const float threshold = stream->settings.still;
    const int error = await_turn(stream, task, GCAM_STAGE_COMPARED);
    GcamSeenPicture *last = stream->picture;

    if (error < 0)
        return error;
    int same = last && threshold >= 0 && gcam_pixels_settle(last->pixels, task->picture->pixels, stream->info->width,
                                                            stream->info->height, stream->info->channels, threshold);
    pthread_mutex_lock(&stream->mutex);
    task->is_still = same && !last->error;
    if (task->is_still) {
        gcam_seen_picture_unref(task->picture);
        task->picture = last;
    } else {
        gcam_seen_picture_unref(last);
        stream->picture = task->picture;
    }
    task->picture->references++;
    task->stage = GCAM_STAGE_COMPARED;
    pthread_cond_broadcast(&stream->turn);
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}

// Runs the network on the picture, and tells others of the logits.
static int forward(GcamSlot *slot, GcamTask *task)
{
    GradcamStream *stream = slot->stream;
    GcamSeenPicture *picture = task->picture;
    size_t classes;

    if (gcam_stream_is_stopping(stream))
        return -ECANCELED;
    int error = gradcam_context_forward(slot->context, picture->pixels,
                                      stream->info->channels * (ptrdiff_t)stream->info->width);
    if (error < 0 || task->is_still)
        return error;
    const float *logits = gradcam_context_logits(slot->context, &classes);
    memcpy(picture->logits, logits, classes * sizeof(*logits));
    pthread_mutex_lock(&stream->mutex);
    picture->known = 1;
    pthread_cond_broadcast(&stream->turn);
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}

// Sets task->target[], with classes in the place of ranks.
static void choose_classes(GradcamStream *stream, GcamTask *task)
{
    GcamQuestion *question = task->question;

    memcpy(task->target, question->target, question->count * sizeof(task->target[0]));
    if (question->lock)
        gcam_classlock_update(question->lock, task->picture->logits);
    for (size_t i = 0; i < question->count; i++)
        if (!question->target[i].count && !gcam_score_is_of_elements(&question->target[i])) {
            task->auto_class[i] = gcam_classlock_class(question->lock, (size_t)question->target[i].rank);
            if (task->auto_class[i] < 0)        // no score was ever a number: the context says so
                continue;
            task->target[i].name = gradcam_model_label(stream->model, (size_t)task->auto_class[i]);
            task->target[i].classes = &task->auto_class[i];
            task->target[i].count = 1;
        }
}

// Decides what is asked about the picture, and who answers.
static int decide(GradcamStream *stream, GcamTask *task)
{
    GcamSeenPicture *picture = task->picture;
    GcamAnswer *answer;
    int error = await_turn(stream, task, GCAM_STAGE_DECIDED);

    if (error < 0)
        return error;
    choose_classes(stream, task);
    error = gcam_answer_create(&answer, &task->layers, &task->method, task->target, task->question->count);
    if (error < 0)
        return error;
    pthread_mutex_lock(&stream->mutex);
    task->is_own = !picture->answer || picture->answer->error || !gcam_answer_alike(picture->answer, answer);
    if (task->is_own) {
        gcam_answer_unref(picture->answer);
        picture->answer = answer;
    } else {
        gcam_answer_unref(answer);
    }
    task->answer = picture->answer;
    task->answer->references++;
    task->stage = GCAM_STAGE_DECIDED;
    pthread_cond_broadcast(&stream->turn);
    pthread_mutex_unlock(&stream->mutex);
    return 0;
}

// The context explains the layers by the method from now on, and scores that the question asks for. Without one, after
// a failure, it is made anew too.
static int take_layer(GcamSlot *slot, const GcamTask *task)
{
    const GcamQuestion *question = task->question;
    const int is_ready = !question->tensors || slot->question == question->number;

    if (slot->context && is_ready && gcam_layers_equal(&slot->layers, &task->layers) &&
        gradcam_context_serves(slot->context, &task->method))
        return 0;
    return gcam_slot_open(slot, &task->layers, &task->method, question);
}

static int compute_maps(GcamSlot *slot, GcamTask *task)
{
    const size_t count = task->question->count;
    GradcamMapInfo *info = gcam_calloc(count + 1, sizeof(*info));
    int width, height;
    if (info)
        info->size = sizeof(*info);

    gradcam_context_map_size(slot->context, &task->method, &width, &height);
    int error = info ? gcam_result_create(&task->result, task->target, count, width, height) : -ENOMEM;
    if (error >= 0 && count)              // the maps of a result lie one after the other
        error = gradcam_context_maps(slot->context, task->target, count, &task->method,
                                     gcam_result_map(task->result, 0),
                                     count * (size_t)width * (size_t)height, info);
    for (size_t i = 0; error >= 0 && i < count; i++)
        *gcam_result_info(task->result, i) = info[i];
    gcam_free(info);
    return error;
}

// Makes the maps and hands them to all who wait for them.
static int find_answer(GcamSlot *slot, GcamTask *task, int has_run)
{
    GradcamStream *stream = slot->stream;
    int error = has_run ? 0 : forward(slot, task);

    if (error >= 0)
        error = compute_maps(slot, task);
    if (error < 0)
        return error;
    pthread_mutex_lock(&stream->mutex);
    error = gcam_result_copy(&task->answer->result, task->result, task->target);
    task->answer->done = error >= 0;
    pthread_cond_broadcast(&stream->turn);
    pthread_mutex_unlock(&stream->mutex);
    return error;
}

static int await_answer(GradcamStream *stream, GcamTask *task)
{
    int error = await_other(stream, &task->answer->done, &task->answer->error);

    if (error >= 0)
        error = gcam_result_copy(&task->result, task->answer->result, task->target);
    if (error >= 0)
        task->result->reused = 1;
    return error;
}

// Frame to result, in a worker without the mutex.
static int run(GcamSlot *slot, GcamTask *task)
{
    GradcamStream *stream = slot->stream;
    const double start = gcam_time();
    const int needs_logits = task->question->lock != NULL;
    int error = load(slot, task);

    if (error >= 0)
        error = take_layer(slot, task);
    if (error >= 0)
        error = compare(stream, task);
    // class=auto asks about what the network finds.
    if (error >= 0 && needs_logits)
        error = task->is_still ? await_other(stream, &task->picture->known, &task->picture->error)
                               : forward(slot, task);
    if (error >= 0)
        error = decide(stream, task);
    if (error >= 0)
        error = task->is_own ? find_answer(slot, task, needs_logits && !task->is_still) : await_answer(stream, task);
    if (error < 0) {
        give_up(stream, task, error);
        return error;
    }
    task->result->ticket = task->ticket;
    task->result->time = task->time;
    task->result->method = task->method;
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

    gcam_thread_nice(stream->settings.nice);
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
        forget_picture(task);
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
