/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: items, rows and measures. Out: a number for each. Pictures are measured in parallel, each thread with a context
 * of its own that runs on that thread alone, so that memory does not depend on how many pictures there are.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/network.h"
#include "tools/picture.h"
#include "base/cpu.h"
#include "base/limits.h"
#include "evaluation.h"

typedef struct Work {
    Evaluation *e;
    GradcamModel *model;
    size_t row;
    pthread_mutex_t lock;       // of all that follows, the results' journal and what is printed
    size_t next, done, todo;
    double begun;
    int status;                 // of the first that failed; ends the rest
} Work;

static double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// ----------------------------------------------------------------------------------------------------------- a picture

static int fits(const Evaluation *e, const Measure *measure, const Item *item)
{
    const int has_class = e->dataset.class_of[item->class_index].count > 0;
    return !(measure->needs & NEEDS_BOXES && !item->boxes) && !(measure->needs & NEEDS_MASK && !item->masks) &&
           !(measure->needs & NEEDS_CLASS && !has_class);
}

static int measure_side(Evaluation *e, Subject *subject, size_t row, size_t index, size_t side)
{
    double *value = results_value(&e->results, row, index, side);

    for (size_t m = 0; m < e->results.measures; m++) {
        const Measure *measure = e->results.measure[m];
        int error = 0;
        value[m] = NAN;
        if (!fits(e, measure, subject->item) || (side && measure->needs & IS_OF_NETWORK))
            continue;
        if (measure->fill) {
            int found = 1;
            error = measure->fill(subject, &e->settings, results_record(&e->results, row, index, side, m), &found);
            value[m] = found ? 0 : NAN;
        } else {
            error = measure->value(subject, &e->settings, &value[m]);
        }
        if (error)
            return error;
    }
    return 0;
}

static int measure_item(Work *work, Subject *subject, size_t index, const AVFrame *frame)
{
    Evaluation *e = work->e;
    const Item *item = &e->dataset.item[index];
    const DataClass *data_class = &e->dataset.class_of[item->class_index];
    int error = subject_show(subject, item, data_class, frame, e->guess || !data_class->count);

    if (!error)
        error = subject_explain(subject, &e->row[work->row].method);
    for (size_t side = 0; side < results_sides(&e->results) && !error; side++) {
        if (side)
            subject_invert(subject);
        error = measure_side(e, subject, work->row, index, side);
    }
    return error;
}

// ------------------------------------------------------------------------------------------------------------- threads

// The next item that nobody has measured; the data set's count when there is none.
static size_t take_item(Work *work)
{
    const Evaluation *e = work->e;
    size_t taken;

    pthread_mutex_lock(&work->lock);
    while (work->next < e->dataset.count && (*results_state(&e->results, work->row, work->next) != NOT_DONE ||
                                             work->next % (size_t)e->shards != (size_t)e->shard))
        work->next++;
    taken = work->status ? e->dataset.count : work->next++;
    pthread_mutex_unlock(&work->lock);
    return taken < e->dataset.count ? taken : e->dataset.count;
}

static void tell(Work *work, const char *file)
{
    char text[80];
    const double each = work->done ? (seconds_now() - work->begun) / (double)work->done : 0;
    const double left = each * (double)(work->todo - work->done);
    const char *slash = strrchr(file, '/');

    if (left < 90)
        snprintf(text, sizeof(text), "%.0f s left, %.24s", left, slash ? slash + 1 : file);
    else
        snprintf(text, sizeof(text), "%.0f min left, %.24s", left / 60, slash ? slash + 1 : file);
    progress_step(work->done, text);
}

static void give_item(Work *work, size_t index, enum State state, int error)
{
    Evaluation *e = work->e;

    pthread_mutex_lock(&work->lock);
    if (error && !work->status)
        work->status = error == -ENOTSUP ? -ENOTSUP : say_failure("%s: %s", e->dataset.item[index].file,
                                                                   gradcam_strerror(error));
    if (!error) {
        *results_state(&e->results, work->row, index) = (uint8_t)state;
        journal_write(&e->journal, &e->results, work->row, index);
        e->broken += state == BROKEN;
        e->done++;
        work->done++;
        tell(work, e->dataset.item[index].file);
    }
    pthread_mutex_unlock(&work->lock);
}

static void *work_on(void *opaque)
{
    Work *work = opaque;
    Evaluation *e = work->e;
    const GradcamSettings settings = {
        .size = sizeof(settings), .log = e->log.log, .layer = option_value(e->arguments, "layer"), .threads = 1,
        .method = e->row[work->row].method,
    };
    Subject subject;
    int error = subject_open(&subject, work->model, &settings);

    if (error) {
        pthread_mutex_lock(&work->lock);
        if (!work->status)
            work->status = error == -ENOTSUP ? -ENOTSUP : say_library(&e->log, error, "cannot run the network");
        pthread_mutex_unlock(&work->lock);
    }
    while (!error) {
        const size_t index = take_item(work);
        AVFrame *frame = NULL;
        if (index == e->dataset.count)
            break;
        const int unreadable = picture_read(&frame, e->dataset.item[index].file);
        const double begun = seconds_now();
        error = unreadable ? 0 : measure_item(work, &subject, index, frame);
        const double taken = seconds_now() - begun;
        av_frame_free(&frame);
        give_item(work, index, unreadable ? BROKEN : DONE, error);
        pthread_mutex_lock(&work->lock);
        e->network_seconds += taken;
        pthread_mutex_unlock(&work->lock);
    }
    subject_close(&subject);
    return NULL;
}

static size_t count_todo(const Evaluation *e, size_t row)
{
    size_t todo = 0;
    for (size_t i = (size_t)e->shard; i < e->dataset.count; i += (size_t)e->shards)
        todo += *results_state(&e->results, row, i) == NOT_DONE;
    return todo;
}

static int run_row(Evaluation *e, GradcamModel *model, size_t row)
{
    Work work = { .e = e, .model = model, .row = row, .lock = PTHREAD_MUTEX_INITIALIZER, .begun = seconds_now() };
    pthread_t thread[GCAM_MOST_THREADS];
    size_t started = 0;

    if (!(work.todo = count_todo(e, row)))
        return STATUS_OK;
    const size_t wanted = work.todo < (size_t)e->threads_used ? work.todo : (size_t)e->threads_used;
    progress_begin(work.todo);
    while (started + 1 < wanted && !pthread_create(&thread[started], NULL, work_on, &work))
        started++;
    work_on(&work);
    for (size_t i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    progress_end();
    pthread_mutex_destroy(&work.lock);
    if (work.status != -ENOTSUP)
        return work.status;
    e->unfit[row] = strdup(e->log.error[0] ? e->log.error : "it does not fit this network");
    e->log.error[0] = 0;
    return e->unfit[row] ? STATUS_OK : say_failure("out of memory");
}

int evaluation_run(Evaluation *e)
{
    const double begun = seconds_now();
    int status = STATUS_OK;

    e->threads_used = e->threads ? e->threads : gcam_cpu_processors();
    for (size_t m = 0; m < e->models && !status; m++) {
        GradcamModel *model = NULL;
        status = network_open(&model, e->arguments, e->model_path[m], NULL, &e->log);
        if (!status)
            status = dataset_match(&e->dataset, model, option_value(e->arguments, "classes"));
        if (!status)
            network_warn(model, e->model_path[m]);
        for (size_t k = 0; k < e->methods && !status; k++)
            status = run_row(e, model, m * e->methods + k);
        gradcam_model_close(&model);
    }
    e->seconds = seconds_now() - begun;
    return status;
}
