/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a graph is as a classifier of pictures. The picture is known (inputs.c), and so are the logits (logits.c); the
 * layers that can be explained are the tensors with rows and columns between the two (choose.c has which of them is
 * explained where nobody names one). Where the network sees several pictures as its batch, a layer is the newest's part
 * of it, the last.
 */
#include "model.h"

#include "base/log.h"
#include "base/mem.h"
#include "layers.h"
#include "tokens.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// Values that depend on one.
static void mark_behind(const GcamGraph *graph, int from, char *on_value)
{
    on_value[from] = 1;
    for (int i = 0; i < graph->nodes; i++)
        for (int j = 0; j < graph->node[i].inputs; j++)
            if (graph->node[i].input[j] >= 0 && on_value[graph->node[i].input[j]])
                for (int k = 0; k < graph->node[i].outputs; k++)
                    if (graph->node[i].output[k] >= 0)
                        on_value[graph->node[i].output[k]] = 1;
}

// Values that lie as rows and columns of channels: the picture, what convolutions and poolings make of it, and what
// works on each element of those.
static void mark_spatial(const GradcamModel *model, char *spatial)
{
    const GcamGraph *graph = &model->graph;
    // One that the network takes as N, H, W, C is no such tensor, nor what is made of it element by element.
    spatial[model->inputs.picture_value] = (char)graph->value[model->inputs.picture_value].channels_last;
    for (int i = 0; i < graph->nodes; i++) {
        const GcamNode *node = &graph->node[i];
        int from_spatial = 0;
        for (int j = 0; j < node->inputs; j++)
            from_spatial |= node->input[j] >= 0 && spatial[node->input[j]];
        // A reshape or transpose loses the rows; it comes back where a transpose makes channels first again, which
        // only a convolution after it shows.
        int keeps = node->op->layout == GCAM_LAYOUT_LAST || (node->op->layout == GCAM_LAYOUT_ANY && from_spatial);
        for (int j = 0; keeps && j < node->outputs; j++)
            if (node->output[j] >= 0 && graph->value[node->output[j]].shape.rank == 4)
                spatial[node->output[j]] = 1;
    }
}

// What leads to the logits.
static void mark_needed(const GradcamModel *model, char *needed)
{
    const GcamGraph *graph = &model->graph;
    needed[model->logits] = 1;
    for (int i = graph->nodes - 1; i >= 0; i--) {
        int used = 0;
        for (int k = 0; k < graph->node[i].outputs; k++)
            used |= graph->node[i].output[k] >= 0 && needed[graph->node[i].output[k]];
        for (int j = 0; used && j < graph->node[i].inputs; j++)
            if (graph->node[i].input[j] >= 0)
                needed[graph->node[i].input[j]] = 1;
    }
}

void gcam_model_mark_between(const GradcamModel *model, char *marks)
{
    const GcamGraph *graph = &model->graph;
    memset(marks, 0, (size_t)graph->values);
    mark_needed(model, marks);
    for (int i = 0; i < graph->values; i++)     // those that no node makes: all but the picture
        marks[i] = (char)(marks[i] && (graph->value[i].node >= 0 || i == model->inputs.picture_value));
    for (int i = 0; i < graph->nodes; i++) {
        int depends = 0;
        for (int j = 0; j < graph->node[i].inputs; j++)
            depends |= graph->node[i].input[j] >= 0 && marks[graph->node[i].input[j]];
        for (int k = 0; !depends && k < graph->node[i].outputs; k++)
            if (graph->node[i].output[k] >= 0)
                marks[graph->node[i].output[k]] = 0;
    }
}

static void add_layer(GradcamModel *model, int value, const GcamTokens *tokens)
{
    const GcamGraph *graph = &model->graph;
    const GcamValue *v = &graph->value[value];
    const GcamNode *node = v->node >= 0 ? &graph->node[v->node] : NULL;
    int last = !node && !v->channels_last;      // a picture that the network takes as N, H, W, C
    GradcamLayer *layer = &model->layer[model->layers];
    *layer = (GradcamLayer){ v->name, node ? node->name : "", node ? node->type : "Input", 0, 0, 0, 0 };
    if (tokens) {
        layer->channels = (int)v->shape.dim[v->shape.rank - 1];
        layer->height = (int)tokens->height;
        layer->width = (int)tokens->width;
    } else {
        layer->channels = (int)v->shape.dim[last ? 3 : 1];
        layer->height = (int)v->shape.dim[last ? 1 : 2];
        layer->width = (int)v->shape.dim[last ? 2 : 3];
    }
    model->layer_skip[model->layers] = tokens ? tokens->before * v->shape.dim[v->shape.rank - 1]
                                     : v->shape.dim[0] > 1 && v->shape.dim[0] == model->inputs.batch
                                     ? gcam_shape_count(&v->shape) / v->shape.dim[0] * (v->shape.dim[0] - 1) : 0;
    model->layer_value[model->layers++] = value;
}

static int find_layers(GradcamModel *model)
{
    const GcamGraph *graph = &model->graph;
    size_t n = (size_t)graph->values;
    char *spatial = gcam_calloc(3 * n, 1), *needed = spatial + n, *on_value = spatial + 2 * n;
    GcamTokens *tokens = gcam_calloc(n, sizeof(*tokens));
    model->layer = gcam_arena_alloc(&model->arena, n + 1, sizeof(*model->layer));
    model->layer_value = gcam_arena_alloc(&model->arena, n + 1, sizeof(int));
    model->layer_skip = gcam_arena_alloc(&model->arena, n + 1, sizeof(size_t));
    int error = !spatial || !tokens || !model->layer || !model->layer_value || !model->layer_skip ? -ENOMEM : 0;
    if (error)
        goto end;
    mark_spatial(model, spatial);
    mark_needed(model, needed);
    gcam_tokens_find(graph, model->inputs.picture_value, spatial, tokens);
    mark_behind(graph, model->inputs.picture_value, on_value);
    add_layer(model, model->inputs.picture_value, NULL);
    for (int i = 0; i < graph->nodes; i++)
        for (int k = 0; k < graph->node[i].outputs; k++) {
            int value = graph->node[i].output[k];
            if (value < 0 || !needed[value] || !on_value[value] || value == model->logits)
                continue;
            if (tokens[value].is_layer)
                add_layer(model, value, &tokens[value]);
            else if (spatial[value] && graph->value[value].shape.dim[2] * graph->value[value].shape.dim[3] > 1)
                add_layer(model, value, NULL);
        }
    error = gcam_layers_choose(model, needed, tokens, &model->default_layer);
    gcam_blocks_find(graph, needed, tokens, &model->blocks);
end:
    gcam_free(spatial);
    gcam_free(tokens);
    return error;
}

int gcam_model_find_layer(const GradcamModel *model, const char *name, const GradcamLog *log)
{
    if (!name || !name[0] || !strcmp(name, "auto")) {
        if (model->default_layer < 0)
            gcam_log(log, GRADCAM_LOG_ERROR, "the network '%s' has no layer with rows and columns to explain",
                     model->info.name);
        return model->default_layer < 0 ? -ENOTSUP : model->default_layer;
    }
    for (size_t i = 0; i < model->layers; i++)
        if (!strcmp(model->layer[i].name, name))
            return (int)i;
    for (size_t i = 0; i < model->layers; i++)
        if (model->layer[i].node[0] && !strcmp(model->layer[i].node, name))
            return (int)i;
    int value = gcam_graph_find_value(&model->graph, name);     // a name that simplifying dropped
    for (size_t i = 0; value >= 0 && i < model->layers; i++)
        if (model->layer_value[i] == value)
            return (int)i;
    const int module = gcam_layers_find_module(model, name);
    if (module >= 0)
        return module;
    char near[384] = "";
    size_t used = 0;
    for (size_t i = model->layers; i-- > 0 && used < sizeof(near) - 80;)
        if (strstr(model->layer[i].name, name) || strstr(name, model->layer[i].name))
            used += (size_t)snprintf(near + used, sizeof(near) - used, "%s'%.64s'", used ? ", " : "",
                                     model->layer[i].name);
    const int is_near = used > 0;
    for (size_t i = model->layers; !is_near && i-- > 0 && used < sizeof(near) - 200;)
        used += (size_t)snprintf(near + used, sizeof(near) - used, "%s'%.64s'%s", used ? ", " : "",
                                 model->layer[i].name, (int)i == model->default_layer ? " (automatic)" : "");
    gcam_log(log, GRADCAM_LOG_ERROR, "no layer '%s' with rows and columns in '%s'; %s%s", name, model->info.name,
             is_near ? "near it: " : used ? "the last ones are " : "it has none", near);
    return -ENOENT;
}

int gcam_model_classify(GradcamModel *model, const char *logits, const char *layer, const GradcamLog *log)
{
    int error;
    model->layers = 0;
    if ((error = gcam_model_find_logits(model, logits, log)) || (error = find_layers(model)))
        return error;
    gcam_model_choose_probability(model);
    if (layer && layer[0] && strcmp(layer, "auto")) {
        int index = gcam_model_find_layer(model, layer, log);
        if (index < 0)
            return index;
        model->default_layer = index;
    } else if (model->default_layer >= 0) {
        gcam_layers_warn_early(model, log);
    }
    model->info.layer = "";
    if (model->default_layer >= 0) {
        model->layer[model->default_layer].is_auto = 1;
        model->info.layer = model->layer[model->default_layer].name;
    }
    return 0;
}
