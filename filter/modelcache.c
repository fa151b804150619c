/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: path and options. Out: a model, opened at most once. The list holds one entry per model in use.
 */
#include "modelcache.h"

#include <string.h>

#include "libavutil/avstring.h"
#include "libavutil/error.h"
#include "libavutil/mem.h"
#include "libavutil/thread.h"

typedef struct Entry {
    char *key;
    GradcamModel *model;
    int users;
    struct Entry *next;
} Entry;

static AVMutex mutex = AV_MUTEX_INITIALIZER;    // guards all entries, and is held while a model opens
static Entry *entries;

// All that decides what a model is, in one string; NULL without memory.
static char *make_key(const char *path, const GradcamModelOptions *options)
{
    const GradcamPreprocessing *p = options->preprocessing;
    char *key, *numbers = p ? av_asprintf("%a %a %a %a %a %a %d", p->mean[0], p->mean[1], p->mean[2],
                                          p->std[0], p->std[1], p->std[2], p->bgr) : NULL;

    key = p && !numbers ? NULL :
          av_asprintf("%s\n%s\n%s\n%s\n%s\n%s\n%dx%d\n%zu %d", path ? path : "",
                      options->labels ? options->labels : "", options->logits ? options->logits : "",
                      options->layer ? options->layer : "", numbers ? numbers : "",
                      options->states ? options->states : "", options->width, options->height, options->memory,
                      options->copy);
    av_free(numbers);
    return key;
}

static Entry *find(const char *key)
{
    Entry *entry = entries;

    while (entry && strcmp(entry->key, key))
        entry = entry->next;
    return entry;
}

// Opens the model and enters it. Takes over *key when it succeeds.
static int enter(Entry **out, char **key, const char *path, const GradcamModelOptions *options)
{
    Entry *entry = av_mallocz(sizeof(*entry));
    int ret;

    if (!entry)
        return AVERROR(ENOMEM);
    ret = gradcam_model_open(&entry->model, path, options);
    if (ret < 0) {
        av_free(entry);
        return ret;
    }
    entry->key = *key;
    *key = NULL;
    entry->next = entries;
    *out = entries = entry;
    return 0;
}

int gcam_modelcache_get(GradcamModel **out, const char *path, const GradcamModelOptions *options)
{
    char *key = make_key(path, options);
    Entry *entry;
    int ret = 0;

    *out = NULL;
    if (!key)
        return AVERROR(ENOMEM);
    ff_mutex_lock(&mutex);
    entry = find(key);
    if (!entry)
        ret = enter(&entry, &key, path, options);
    if (ret >= 0) {
        entry->users++;
        *out = entry->model;
    }
    ff_mutex_unlock(&mutex);
    av_free(key);
    return ret;
}

void gcam_modelcache_put(GradcamModel **model)
{
    Entry **at = &entries, *entry;

    if (!*model)
        return;
    ff_mutex_lock(&mutex);
    while ((*at)->model != *model)
        at = &(*at)->next;
    entry = *at;
    if (!--entry->users) {
        *at = entry->next;
        gradcam_model_close(&entry->model);
        av_free(entry->key);
        av_free(entry);
    }
    ff_mutex_unlock(&mutex);
    *model = NULL;
}
