/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opening models. An .onnx file is parsed and simplified; a .bin file holds the same graph without its large weights,
 * which are used where they lie in the mapped file, and beside it what else belongs to the network (compile.c lists
 * the keys). Both then become a classifier, with labels and preprocessing.
 */
#include "model.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sized.h"
#include "base/utf8.h"
#include "file_keys.h"
#include "plan/build.h"
#include "plan/simplify.h"
#include "plan/take_token.h"
#include "preprocessing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IMAGENET_CLASSES 1000

#if GCAM_HAVE_DEFAULT_MODEL
extern const uint8_t gcam_default_model[] __attribute__((visibility("hidden")));
extern const uint8_t gcam_default_model_end[] __attribute__((visibility("hidden")));
#endif

// ----------------------------------------------------------------------------------------------------------- the bytes

static int find_weights(void *opaque, const char *name, const void **data, int *type, size_t *size)
{
    static const struct { int file, onnx; } types[] = {
        { GCAM_FILE_F32, GCAM_TYPE_FLOAT }, { GCAM_FILE_F16, GCAM_TYPE_FLOAT16 },
        { GCAM_FILE_BF16, GCAM_TYPE_BFLOAT16 },
    };
    const GcamFileTensor *tensor = gcam_modelfile_find_tensor(opaque, name);
    for (size_t i = 0; tensor && i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].file == (int)tensor->type) {
            *data = tensor->data;
            *type = types[i].onnx;
            *size = tensor->size;
            return 0;
        }
    return -ENOENT;
}

static int read_bin(GradcamModel *model, const char *path, const GradcamLog *log)
{
    const uint8_t *graph;
    size_t size;
    if (gcam_modelfile_u8s(model->file, KEY_GRAPH, &graph, &size) < 0)
        return gcam_fail(log, -EBADMSG, "%s: a GGUF file without a graph in it: not one that `gradcam compile` wrote",
                         path);
    const GcamOnnxWeights weights = { find_weights, model->file };
    return gcam_onnx_parse(&model->onnx, path, graph, size, &weights, 0, log);
}

static int open_default(GradcamModel *model, const GradcamLog *log)
{
#if GCAM_HAVE_DEFAULT_MODEL
    static const char name[] = "(built-in)";
    const size_t size = (size_t)(gcam_default_model_end - gcam_default_model);
    int error = gcam_modelfile_open_memory(&model->file, gcam_default_model, size, name, log);
    return error ? error : read_bin(model, name, log);
#else
    (void)model;
    return gcam_fail(log, -ENOENT, "this libgradcam was built without its default network: name a model file");
#endif
}

static int open_file(GradcamModel *model, const char *path, int copy, const GradcamLog *log)
{
    GcamMapFile bytes;
    int error = gcam_map_file(&bytes, path, "model", 0, copy, log);
    if (error)
        return error;
    if (!bytes.size)
        error = gcam_fail(log, -EBADMSG, "'%s' is not a model: it is empty", path);
    else if (!gcam_modelfile_detect(bytes.data, bytes.size))
        error = gcam_onnx_parse(&model->onnx, path, bytes.data, bytes.size, NULL, copy, log);
    else if (!(error = gcam_modelfile_open(&model->file, &bytes, path, log)))
        error = read_bin(model, path, log);
    gcam_unmap_file(&bytes);
    return error;
}

typedef struct Alone {
    const char *name;
    const GradcamLog *log;
} Alone;

// What a model in memory has beside it.
static int find_nothing(void *opaque, const char *name, const void **data, int *type, size_t *size)
{
    const Alone *alone = opaque;
    (void)data;
    (void)type;
    (void)size;
    return gcam_fail(alone->log, -ENOTSUP, "%s: some of its weights lie in a file, '%s': open it by its path",
                     alone->name, name);
}

static int open_memory(GradcamModel *model, const void *data, size_t size, const char *name, const GradcamLog *log)
{
    Alone alone = { name, log };
    const GcamOnnxWeights nothing = { find_nothing, &alone };
    if (!gcam_modelfile_detect(data, size))
        return gcam_onnx_parse(&model->onnx, name, data, size, &nothing, 0, log);
    void *copy = gcam_alloc(size, 1);
    if (!copy)
        return -ENOMEM;
    GcamMapFile bytes = { memcpy(copy, data, size), size, 0 };
    int error = gcam_modelfile_open(&model->file, &bytes, name, log);
    return error ? error : read_bin(model, name, log);
}

// --------------------------------------------------------------------------------------------- what belongs to a model

static const char *file_string(const GradcamModel *model, const char *key)
{
    const char *string = "";
    if (model->file)
        gcam_modelfile_string(model->file, key, &string);
    return string;
}

static int imagenet_labels(GradcamModel *model, const GradcamLog *log)
{
    size_t size;
    const char *licence = gcam_labels_imagenet_licence(&size);
    char *copy = gcam_arena_alloc(&model->arena, size + 1, 1);
    model->labels_licence = copy;
    return copy ? memcpy(copy, licence, size), gcam_labels_imagenet(&model->labels, log) : -ENOMEM;
}

static int read_labels(GradcamModel *model, const char *wanted, const GradcamLog *log)
{
    const char *const *labels, *const *groups = NULL;
    size_t count, group_count = 0;
    int error = 0;
    model->labels_licence = "";
    if (wanted && !strcmp(wanted, "none"))
        return 0;
    if (wanted && strcmp(wanted, "imagenet"))
        error = gcam_labels_load(&model->labels, wanted, log);
    else if (wanted)
        error = imagenet_labels(model, log);
    else if (model->file) {
        if (gcam_modelfile_strings(model->file, KEY_LABELS, &labels, &count) < 0)
            return 0;
        gcam_modelfile_strings(model->file, KEY_GROUPS, &groups, &group_count);
        error = gcam_labels_create(&model->labels, labels, count, groups, group_count,
                                   gcam_modelfile_path(model->file), log);
        model->labels_licence = file_string(model, KEY_LABELS_LICENCE);
    } else {
        error = gcam_labels_from_metadata(&model->labels, &model->graph, model->info.classes, log);
        if (!error && !model->labels && model->info.classes == IMAGENET_CLASSES)
            error = imagenet_labels(model, log);
    }
    if (!error && model->labels && model->labels->count != model->info.classes) {
        gcam_log(log, GRADCAM_LOG_ERROR, "%zu labels ('%s') for a network of %zu classes", model->labels->count,
                 wanted ? wanted : "in the model", model->info.classes);
        return -EINVAL;
    }
    return error;
}

// Of a compiled model: what it was given, or what was found when it was compiled, in its key for clues.
static int read_compiled(GradcamModel *model, GcamPreprocessingFound *found)
{
    const char *clue = file_string(model, KEY_CLUE);
    size_t means = 0, stds = 0;
    *found = (GcamPreprocessingFound){ .source = "file" };
    gcam_modelfile_f32s(model->file, KEY_MEAN, found->preprocessing.mean, 3, &means);
    gcam_modelfile_f32s(model->file, KEY_STD, found->preprocessing.std, 3, &stds);
    found->preprocessing.bgr = !strcmp(file_string(model, KEY_COLOR), "bgr");
    if (!means && !stds && !clue[0]) {
        gcam_preprocessing_find(found, &model->graph, &model->inputs);
        return 0;
    }
    if (!strncmp(clue, "graph: ", 7) || !strncmp(clue, "assumed: ", 9)) {
        found->source = clue[0] == 'g' ? "graph" : "assumed";
        snprintf(found->reason, sizeof(found->reason), "%s", clue + strlen(found->source) + 2);
        gcam_utf8_trim(found->reason);
        gcam_utf8_disarm(found->reason);
    }
    return means == 3 && stds == 3 ? 0 : -EBADMSG;
}

static int read_preprocessing(GradcamModel *model, const GradcamPreprocessing *wanted, const GradcamLog *log)
{
    GradcamModelInfo *info = &model->info;
    GcamPreprocessingFound found = { .source = "given" };
    if (wanted)
        found.preprocessing = *wanted;
    else if (!model->file)
        gcam_preprocessing_find(&found, &model->graph, &model->inputs);
    else if (read_compiled(model, &found))
        found.preprocessing.std[0] = 0;
    if (gcam_preprocessing_check(&found.preprocessing, log))
        return wanted ? -EINVAL : -EBADMSG;
    info->preprocessing = found.preprocessing;
    info->preprocessing_source = found.source;
    info->preprocessing_reason = gcam_arena_strdup(&model->arena, found.reason);
    return info->preprocessing_reason ? 0 : -ENOMEM;
}

// A copy that is harmless to print.
static const char *plain_text(GradcamModel *model, const char *text)
{
    char *copy = gcam_arena_strdup(&model->arena, text);
    if (copy)
        gcam_utf8_disarm(copy);
    return copy;
}

static int fill_info(GradcamModel *model, const char *path, size_t memory)
{
    GradcamModelInfo *info = &model->info;
    const GradcamInput *picture = &model->inputs.picture;
    const char *slash = path ? strrchr(path, '/') : NULL;
    info->format = model->file ? "bin" : "onnx";
    info->input = picture->name;
    info->width = picture->width;
    info->height = picture->height;
    info->channels = picture->channels;
    info->frames = picture->frames;
    info->producer = model->graph.producer;
    info->opset = model->graph.opset;
    if (memory)
        model->graph.memory = memory;
    const char *name = file_string(model, KEY_NAME);
    info->source_sha256 = plain_text(model, file_string(model, KEY_SHA256));
    info->licence = plain_text(model, file_string(model, KEY_LICENCE));
    info->name = plain_text(model, name[0] || !path ? name : slash ? slash + 1 : path);
    return info->source_sha256 && info->licence && info->name ? 0 : -ENOMEM;
}

static int find_states(GradcamModel *model, const char *wanted, const GradcamLog *log)
{
    int error = gcam_inputs_find_states(&model->inputs, &model->graph, model->logits,
                                        wanted ? wanted : file_string(model, KEY_STATES), log);
    model->info.states = (int)model->inputs.states;
    return error;
}

static int fill_counts(GradcamModel *model)
{
    GradcamModelInfo *info = &model->info;
    info->nodes = (size_t)model->graph.nodes;
    for (int i = 0; i < model->graph.values; i++)
        if (model->graph.value[i].initializer >= 0 && gcam_data_is_float(model->graph.value[i].type))
            info->parameters += gcam_shape_count(&model->graph.value[i].shape);
    info->labels = model->labels ? model->labels->count : 0;
    info->groups = model->labels ? model->labels->group_count : 0;
    if (info->labels)
        return 0;
    model->index_text = gcam_arena_alloc(&model->arena, info->classes, sizeof(*model->index_text));
    for (size_t i = 0; model->index_text && i < info->classes; i++)
        snprintf(model->index_text[i], sizeof(*model->index_text), "%u", (unsigned)i);
    return model->index_text ? 0 : -ENOMEM;
}

// The files whose pages are given back once the weights in them are packed.
static int list_mappings(GradcamModel *model)
{
    GcamGraph *graph = &model->graph;
    size_t count = 0;
    while (gcam_onnx_mapping(model->onnx, count).data)
        count++;
    GcamMapping *mapping = gcam_arena_alloc(&model->arena, count + 1, sizeof(*mapping));
    if (!mapping)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        mapping[i] = gcam_onnx_mapping(model->onnx, i);
    if (model->file) {
        mapping[count].data = gcam_modelfile_mapping(model->file, &mapping[count].size);
        count += mapping[count].data != NULL;
    }
    graph->mapping = mapping;
    graph->mappings = count;
    return 0;
}

// Summed weights, where a compiled model has them.
static void find_sums(GradcamModel *model)
{
    const GcamFileTensor *tensor = model->file ? gcam_modelfile_find_tensor(model->file, TENSOR_SUMS) : NULL;
    if (!tensor || tensor->type != GCAM_FILE_F32 || tensor->rank != 2)
        return;
    model->sums = (GcamStoredSums){ tensor->data, (size_t)tensor->dims[0], (size_t)tensor->dims[1],
                                    file_string(model, KEY_SUM_LAYER) };
}

static void free_model(GradcamModel *model)
{
    while (model->plans) {
        GcamSharedPlan *next = model->plans->next;
        gcam_plan_free(&model->plans->plan);
        gcam_free(model->plans);
        model->plans = next;
    }
    gcam_labels_free(&model->labels);
    gcam_graph_free(&model->graph);
    gcam_onnx_free(&model->onnx);
    gcam_modelfile_close(&model->file);
    gcam_arena_free(&model->arena);
    pthread_mutex_destroy(&model->mutex);
    gcam_free(model);
}

// What of a caller's options the graph depends on, and those of the file.
typedef struct Wanted {
    const char *name, *logits, *layer;
    int width, height;
    size_t memory;
} Wanted;

// The graph as it is run, and what it is as a classifier. frames: see gcam_inputs_decide().
static int understand(GradcamModel *model, const Wanted *wanted, int frames, const GradcamLog *log)
{
    int error;
    gcam_graph_free(&model->graph);
    if ((error = gcam_onnx_build(model->onnx, &model->graph, log)) ||
        (error = gcam_inputs_decide(&model->inputs, &model->graph, wanted->width, wanted->height, frames, log)) ||
        (error = fill_info(model, wanted->name, wanted->memory)) ||
        (error = gcam_model_add_logits(&model->graph, wanted->logits, log)) ||
        (error = gcam_graph_simplify(&model->graph, wanted->logits, log)) ||
        (error = gcam_graph_take_token(&model->graph, log)))
        return error;
    return gcam_model_classify(model, wanted->logits, wanted->layer, log);
}

// A network that was exported for several pictures sees frames of a video where it makes one row of scores of them;
// where it makes a row of each, it can mostly be run for one.
static int understand_batch(GradcamModel *model, const Wanted *wanted, const GradcamLog *log)
{
    const GradcamLog silent = { 0 };
    int error = gcam_onnx_build(model->onnx, &model->graph, log);
    if (error)
        return error;
    if (gcam_inputs_batch(&model->graph) < 2)
        return understand(model, wanted, 0, log);
    if (!understand(model, wanted, 1, &silent) || !understand(model, wanted, 0, &silent))
        return 0;
    return understand(model, wanted, 1, log);
}

// From a file, or where `data` is given from memory that `path` is a name for.
static int open_model(GradcamModel **out, const char *path, const void *data, size_t size,
                      const GradcamModelOptions *options)
{
    GradcamModelOptions own;
    const GradcamModelOptions *o = &own;
    uint32_t width = 224, height = 224;
    char found[GCAM_MOST_PATH];
    int error;
    *out = NULL;
    GCAM_TAKE(own, options);
    if (path && !data && (error = gcam_model_find_path(&path, path, found, &o->log)))
        return error;
    if (o->width < 0 || o->height < 0 || o->width > GCAM_MOST_PIXELS || o->height > GCAM_MOST_PIXELS) {
        gcam_log(&o->log, GRADCAM_LOG_ERROR, "an input of %dx%d: sizes are 1 to %d", o->width, o->height,
                 GCAM_MOST_PIXELS);
        return -EINVAL;
    }
    GradcamModel *model = gcam_calloc(1, sizeof(*model));
    if (!model)
        return -ENOMEM;
    atomic_init(&model->references, 1);
    if (pthread_mutex_init(&model->mutex, NULL)) {
        gcam_free(model);
        return -ENOMEM;
    }
    if ((error = data ? open_memory(model, data, size, path, &o->log)
                      : path ? open_file(model, path, o->copy, &o->log) : open_default(model, &o->log)))
        goto fail;
    if (model->file) {
        gcam_modelfile_u32(model->file, KEY_WIDTH, &width);
        gcam_modelfile_u32(model->file, KEY_HEIGHT, &height);
    }
    if (width < 1 || height < 1 || width > GCAM_MOST_PIXELS || height > GCAM_MOST_PIXELS) {
        gcam_log(&o->log, GRADCAM_LOG_ERROR, "%s: an input of %ux%u", path ? path : "(built-in)", width, height);
        error = -EBADMSG;
        goto fail;
    }
    const char *logits = o->logits ? o->logits : file_string(model, KEY_LOGITS);
    const char *layer = o->layer ? o->layer : file_string(model, KEY_LAYER);
    const Wanted wanted = { path, logits, layer, o->width ? o->width : (int)width,
                            o->height ? o->height : (int)height, o->memory };
    if ((error = understand_batch(model, &wanted, &o->log)) ||
        (error = find_states(model, o->states, &o->log)) ||
        (error = read_labels(model, o->labels, &o->log)) ||
        (error = read_preprocessing(model, o->preprocessing, &o->log)) ||
        (error = fill_counts(model)))
        goto fail;
    if ((error = list_mappings(model)))
        goto fail;
    find_sums(model);
    *out = model;
    return 0;
fail:
    if (error == -ENOMEM)
        gcam_log(&o->log, GRADCAM_LOG_ERROR, "out of memory for the model '%s'", path ? path : "(built-in)");
    free_model(model);
    return error;
}

int gradcam_model_open(GradcamModel **out, const char *path, const GradcamModelOptions *options)
{
    return open_model(out, path, NULL, 0, options);
}

int gradcam_model_open_memory(GradcamModel **out, const void *data, size_t size, const char *name,
                              const GradcamModelOptions *options)
{
    *out = NULL;
    return data && name ? open_model(out, name, data, size, options) : -EINVAL;
}

GradcamModel *gradcam_model_ref(GradcamModel *model)
{
    atomic_fetch_add(&model->references, 1);
    return model;
}

void gradcam_model_close(GradcamModel **model)
{
    if (model && *model && atomic_fetch_sub(&(*model)->references, 1) == 1)
        free_model(*model);
    if (model)
        *model = NULL;
}

const GradcamModelInfo *gradcam_model_info(const GradcamModel *model)
{
    return &model->info;
}

const char *gradcam_model_label(const GradcamModel *model, size_t index)
{
    if (index >= model->info.classes)
        return NULL;
    return model->labels ? model->labels->label[index] : model->index_text[index];
}

const char *gradcam_model_group(const GradcamModel *model, size_t index, const int **classes, size_t *count)
{
    if (index >= model->info.groups)
        return NULL;
    const GcamGroup *group = &model->labels->group[index];
    if (classes)
        *classes = group->classes;
    if (count)
        *count = group->count;
    return group->names;
}

const GradcamLayer *gradcam_model_layer_at(const GradcamModel *model, size_t index)
{
    return index < model->layers ? &model->layer[index] : NULL;
}

const GradcamInput *gradcam_model_picture(const GradcamModel *model)
{
    return &model->inputs.picture;
}

const GradcamInput *gradcam_model_input_at(const GradcamModel *model, size_t index)
{
    return index < model->inputs.others ? &model->inputs.other[index] : NULL;
}

// --------------------------------------------------------------------------------------------------------------- plans

// What products are multiplied as. Without an instruction for bfloat16 it would only be slower.
static enum GcamType product_type(enum GradcamPrecision precision, const GradcamLog *log)
{
    if (precision != GRADCAM_PRECISION_BF16)
        return GCAM_F32;
    if (gcam_gemm_has(GCAM_BF16))
        return GCAM_BF16;
    gcam_log(log, GRADCAM_LOG_INFO, "precision bf16: this processor (%s) has no instructions for it; computed in f32",
             gradcam_cpu());
    return GCAM_F32;
}

static int create_plan(GcamPlan **out, const GradcamModel *model, const GcamLayers *layers, const GcamOutputs *output,
                       unsigned needs, int threads, enum GcamType type, const GradcamLog *log)
{
    GcamPlanSpec spec = {
        .picture = model->inputs.picture_value, .output = *output, .explained = layers->count, .threads = threads,
        .type = type, .stored = model->sums,
    };
    spec.excites = (needs & GCAM_NEEDS_EXCITATION) != 0;
    for (int i = 0; i < layers->count; i++)
        spec.layer[spec.layers++] = model->layer_value[layers->index[i]];
    if (needs & GCAM_NEEDS_PICTURE_GRADIENT && spec.layer[0] != model->inputs.picture_value)
        spec.layer[spec.layers++] = model->inputs.picture_value;
    for (int i = 0; needs & GCAM_NEEDS_ATTENTION && i < model->blocks.count; i++)
        spec.layer[spec.layers++] = model->blocks.value[i];
    return gcam_plan_create(out, &model->graph, &spec, log);
}

static int has_outputs(const GcamSharedPlan *shared, const GcamOutputs *output)
{
    return shared->output.count == output->count &&
           !memcmp(shared->output.value, output->value, (size_t)output->count * sizeof(*output->value));
}

int gcam_model_plan(GradcamModel *model, const GcamLayers *layers, const GcamOutputs *output, unsigned needs,
                    int threads, enum GradcamPrecision precision, const GcamPlan **out, const GradcamLog *log)
{
    int error = 0;
    needs &= GCAM_NEEDS_OF_PLANS;
    *out = NULL;
    pthread_mutex_lock(&model->mutex);
    GcamSharedPlan *shared = model->plans;
    while (shared && (!gcam_layers_equal(&shared->layers, layers) || shared->threads < threads ||
                      shared->needs != needs ||
                      shared->precision != precision || !has_outputs(shared, output)))
        shared = shared->next;
    if (!shared) {
        shared = gcam_calloc(1, sizeof(*shared));
        error = !shared ? -ENOMEM : create_plan(&shared->plan, model, layers, output, needs, threads,
                                                product_type(precision, log), log);
        if (error) {
            gcam_free(shared);
        } else {
            shared->layers = *layers;
            shared->needs = needs;
            shared->threads = threads;
            shared->precision = precision;
            shared->output = *output;
            shared->next = model->plans;
            model->plans = shared;
        }
    }
    if (!error) {
        shared->users++;
        *out = shared->plan;
    }
    pthread_mutex_unlock(&model->mutex);
    return error;
}

void gcam_model_release_plan(GradcamModel *model, const GcamPlan *plan)
{
    pthread_mutex_lock(&model->mutex);
    for (GcamSharedPlan **link = &model->plans; *link; link = &(*link)->next) {
        GcamSharedPlan *shared = *link;
        if (shared->plan != plan)
            continue;
        if (!--shared->users) {
            *link = shared->next;
            gcam_plan_free(&shared->plan);
            gcam_free(shared);
        }
        break;
    }
    pthread_mutex_unlock(&model->mutex);
}
