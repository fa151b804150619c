/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads which layers are to be explained. In: a user's text. Out: indices into the model's layers, in order.
 */
#include "layers.h"

#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = GCAM_MOST_LAYERS - 1 };           // beside the picture

// Puts a layer into its place by order of computation.
static int add(GcamLayers *layers, int index, const GradcamLog *log)
{
    int at = 0;
    while (at < layers->count && layers->index[at] < index)
        at++;
    if (at < layers->count && layers->index[at] == index)
        return 0;
    if (layers->count == MOST)
        return gcam_fail(log, -EINVAL, "maps of more than %d layers", MOST);
    memmove(&layers->index[at + 1], &layers->index[at], (size_t)(layers->count++ - at) * sizeof(layers->index[0]));
    layers->index[at] = index;
    return 0;
}

// --------------------------------------------------------------------------------------------------------- their names

// The layer that the first `length` letters name, with nothing said where there is none.
static int find(const GradcamModel *model, const char *text, size_t length, char *name)
{
    memcpy(name, text, length);
    name[length] = 0;
    return gcam_model_find_layer(model, name, NULL);
}

// Reads names joined by '+', each the longest that there is. name: room for the text.
static int read_names(const GradcamModel *model, const char *text, char *name, GcamLayers *out, const GradcamLog *log)
{
    for (int error; ; text++) {
        size_t length = strlen(text);
        int index = find(model, text, length, name);
        while (index < 0 && length && memchr(text, '+', length)) {
            while (text[--length] != '+')
                ;
            index = find(model, text, length, name);
        }
        if (index < 0 || !length) {             // said of what stands before the next '+'
            find(model, text, strcspn(text, "+"), name);
            index = gcam_model_find_layer(model, name[0] ? name : "+", log);
            return index < 0 ? index : -ENOENT;
        }
        if ((error = add(out, index, log)))
            return error;
        text += length;
        if (!*text)
            return 0;
    }
}

// -------------------------------------------------------------------------------------------------------------- stages

static int add_stages(const GradcamModel *model, int count, GcamLayers *out, const GradcamLog *log)
{
    size_t values = (size_t)model->graph.values;
    int stage = gcam_model_find_layer(model, "auto", log), error = 0;
    if (stage < 0)
        return stage;
    char *cut = gcam_calloc(values, 1);
    if (!cut || (error = gcam_layers_mark_cuts(model, cut)))
        error = -ENOMEM;
    else
        error = add(out, stage, log);
    for (int i = stage; --i > 0 && out->count < count && !error;) {
        const GradcamLayer *layer = &model->layer[i], *behind = &model->layer[stage];
        if ((int64_t)layer->width * layer->height > (int64_t)behind->width * behind->height &&
            cut[model->layer_value[i]]) {
            error = add(out, i, log);
            stage = i;
        }
    }
    gcam_free(cut);
    if (!error && out->count < count)
        return gcam_fail(log, -ENOENT, "last%d: the network '%s' has %d stage%s of different size, the automatic layer "
                         "included", count, model->info.name, out->count, out->count == 1 ? "" : "s");
    return error;
}

// The number of "last3", or 0.
static int stages_of(const char *text)
{
    if (strncmp(text, "last", 4) || !isdigit((unsigned char)text[4]) || text[5 + !!isdigit((unsigned char)text[5])])
        return 0;
    return atoi(text + 4);
}

int gcam_layers_find(const GradcamModel *model, const char *text, GcamLayers *out, const GradcamLog *log)
{
    int index = gcam_model_find_layer(model, text, text && (stages_of(text) || strchr(text, '+')) ? NULL : log);
    *out = (GcamLayers){ { index }, index >= 0 };
    if (index >= 0 || !text || (!stages_of(text) && !strchr(text, '+')))
        return index < 0 ? index : 0;
    if (stages_of(text) > MOST)
        return gcam_fail(log, -EINVAL, "%s: maps of more than %d layers", text, MOST);
    if (stages_of(text))
        return add_stages(model, stages_of(text), out, log);
    char *name = gcam_alloc(strlen(text) + 1, 1);
    int error = name ? read_names(model, text, name, out, log) : -ENOMEM;
    gcam_free(name);
    return error;
}

char *gcam_layers_text(const GradcamModel *model, const GcamLayers *layers)
{
    size_t size = 1;
    for (int i = 0; i < layers->count; i++)
        size += strlen(model->layer[layers->index[i]].name) + 1;
    char *text = gcam_calloc(size, 1);
    for (int i = 0; i < layers->count && text; i++) {
        strcat(text, i ? "+" : "");
        strcat(text, model->layer[layers->index[i]].name);
    }
    return text;
}
