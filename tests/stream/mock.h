/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A network that does as it is told, in place of the library's: gradcam_model_* and gradcam_context_* as they
 * are defined here come before those in the library's archive, so this is for one test program to include. A
 * picture is a number, its script says what happens to it, and a map is a function of the number, the class
 * and the method.
 */
#ifndef TESTS_STREAM_MOCK_H
#define TESTS_STREAM_MOCK_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gradcam.h"

enum { CLASSES = 6, MAP_WIDTH = 3, MAP_HEIGHT = 2, SCRIPTS = 256 };

// What happens to picture `number`.
typedef struct Script {
    float logits[CLASSES];
    int load_error, forward_error, map_error;
    int delay;                  // microseconds that the forward takes
    int gate;                   // the forward waits until open_gate()
} Script;

typedef struct Mock {
    Script script[SCRIPTS];
    atomic_int models, contexts, frames;    // that are open
    atomic_int loads, releases, forwards;
    atomic_int at_gate;         // pictures that wait there
    atomic_int open_error;      // of the context that is opened while `open_after` others are
    atomic_int open_after;
    atomic_int threads;         // of all contexts together
} Mock;

static Mock mock;

static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static int gate_open, gate_waiting;     // guarded by gate_mutex

struct GradcamModel {
    atomic_int references;
};

struct GradcamContext {
    int threads, number;
    atomic_int busy;            // calls inside: more than one is a fault of the stream
    float logits[CLASSES];
    const GradcamLog log;
};

// Closes the gate, all scripts are plain, all counts 0.
static void mock_reset(void)
{
    memset(&mock, 0, sizeof(mock));
    pthread_mutex_lock(&gate_mutex);
    gate_open = gate_waiting = 0;
    pthread_mutex_unlock(&gate_mutex);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate_mutex);
    gate_open = 1;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_mutex);
}

// Waits until so many pictures stand at the gate.
static void await_gate(int count)
{
    pthread_mutex_lock(&gate_mutex);
    while (gate_waiting < count)
        pthread_cond_wait(&gate_changed, &gate_mutex);
    pthread_mutex_unlock(&gate_mutex);
}

static void pass_gate(void)
{
    pthread_mutex_lock(&gate_mutex);
    gate_waiting++;
    pthread_cond_broadcast(&gate_changed);
    while (!gate_open)
        pthread_cond_wait(&gate_changed, &gate_mutex);
    gate_waiting--;
    pthread_mutex_unlock(&gate_mutex);
}

// Two methods, the second of which has the number 1.
static const GradcamMethodInfo mock_methods[2] = { { .name = "gradcam" }, { .name = "other" } };

static float mock_value(int number, int class, int method, int i)
{
    return (float)(number * 1000 + class * 100 + method * 10 + i);
}

// A frame that holds a number.
static void *mock_frame(int number)
{
    int *frame = malloc(sizeof(*frame));

    *frame = number;
    mock.frames++;
    return frame;
}

static int mock_load(void *opaque, int job, void *frame, uint8_t *rgb, ptrdiff_t stride, int width,
                     int height)
{
    const int number = *(int *)frame;

    (void)opaque;
    (void)job;
    mock.loads++;
    for (int y = 0; y < height; y++)
        memset(rgb + y * stride, number, 3 * (size_t)width);
    return mock.script[number].load_error;
}

static void mock_release(void *opaque, void *frame)
{
    (void)opaque;
    mock.releases++;
    mock.frames--;
    free(frame);
}

// ---------------------------------------------------------------------------------------- the library's part

static GradcamModel *mock_model(void)
{
    GradcamModel *model = calloc(1, sizeof(*model));

    model->references = 1;
    mock.models++;
    return model;
}

GradcamModel *gradcam_model_ref(GradcamModel *model)
{
    model->references++;
    return model;
}

void gradcam_model_close(GradcamModel **model)
{
    if (*model && --(*model)->references == 0) {
        mock.models--;
        free(*model);
    }
    *model = NULL;
}

const GradcamModelInfo *gradcam_model_info(const GradcamModel *model)
{
    static const GradcamModelInfo info = { .width = 4, .height = 3, .channels = 3, .frames = 1, .classes = CLASSES };

    (void)model;
    return &info;
}

const char *gradcam_model_label(const GradcamModel *model, size_t index)
{
    static const char *const label[CLASSES] = { "zero", "one", "two", "three", "four", "five" };

    (void)model;
    return index < CLASSES ? label[index] : NULL;
}

int gradcam_method_check(const GradcamMethod *method)
{
    return !method->info || method->info == &mock_methods[0] || method->info == &mock_methods[1] ? 0 : -EINVAL;
}

int gradcam_context_serves(const GradcamContext *context, const GradcamMethod *method)
{
    (void)context;
    (void)method;
    return 1;
}

void gradcam_context_map_size(const GradcamContext *context, const GradcamMethod *method, int *width, int *height)
{
    (void)context;
    (void)method;
    *width = MAP_WIDTH;
    *height = MAP_HEIGHT;
}

int gradcam_context_open(GradcamContext **out, GradcamModel *model, const GradcamSettings *settings)
{
    const GradcamContext init = { .threads = settings->threads, .number = -1, .log = settings->log };

    (void)model;
    *out = NULL;
    if (settings->log.callback && settings->layer)
        settings->log.callback(settings->log.opaque, GRADCAM_LOG_INFO, settings->layer);
    if (mock.open_error && mock.contexts == mock.open_after)
        return mock.open_error;
    *out = malloc(sizeof(init));
    memcpy(*out, &init, sizeof(init));
    mock.contexts++;
    mock.threads += settings->threads;
    return 0;
}

void gradcam_context_close(GradcamContext **context)
{
    if (*context)
        mock.contexts--;
    free(*context);
    *context = NULL;
}

const GradcamLayer *gradcam_context_layer(const GradcamContext *context)
{
    static const GradcamLayer layer = { .name = "layer", .width = MAP_WIDTH, .height = MAP_HEIGHT };

    (void)context;
    return &layer;
}

int gradcam_context_read_inputs(GradcamContext *context, const char *text)
{
    (void)context;
    return strcmp(text, "wrong") ? 0 : -EINVAL;
}

int gradcam_context_forward(GradcamContext *context, const uint8_t *rgb, ptrdiff_t stride)
{
    const Script *script = &mock.script[rgb[2 * stride + 11]];

    mock.forwards++;
    if (context->busy++)
        return -EDEADLK;
    context->number = rgb[0];
    if (script->gate)
        pass_gate();
    if (script->delay)
        usleep((useconds_t)script->delay);
    memcpy(context->logits, script->logits, sizeof(context->logits));
    if (context->log.callback && script->forward_error)
        context->log.callback(context->log.opaque, GRADCAM_LOG_ERROR, "forward failed");
    context->busy--;
    return script->forward_error;
}

const float *gradcam_context_logits(const GradcamContext *context, size_t *count)
{
    *count = CLASSES;
    return context->logits;
}

int gradcam_context_maps(GradcamContext *context, const GradcamTarget *targets, size_t count,
                         const GradcamMethod *method, float *maps, size_t capacity, GradcamMapInfo *infos)
{
    if (capacity < count * MAP_WIDTH * MAP_HEIGHT)
        return -ENOSPC;
    for (size_t k = 0; k < count; k++) {
        const int class = targets[k].count ? targets[k].classes[0] : -1;

        for (int i = 0; i < MAP_WIDTH * MAP_HEIGHT; i++)
            *maps++ = mock_value(context->number, class, method->info == &mock_methods[1], i);
        infos[k].class_index = class;
        infos[k].score = context->logits[class];
    }
    return mock.script[context->number].map_error;
}

#endif
