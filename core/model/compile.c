/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing compiled models: the graph without its large initializers as one key, those as tensors, and all that the
 * model knows about itself.
 *
 * Weights of a fully connected layer behind a ReLU are stored by input, [in][out], where the graph has them as
 * [out][in]: about half of what comes from a ReLU is zero, and then half of such rows are never read. To ONNX that is
 * the same node without transB. Sums of such weights, which maps of the default layer need, are stored too.
 */
#include "model.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sized.h"
#include "file_keys.h"
#include "plan/build.h"
#include "plan/summed_weights.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    LEAST_ROW = 512,            // rows of fewer weights are slower to read one by one
    LEAST_TURNED = 1 << 18,     // matrices of fewer are not worth it: they stay in the cache
};

static void write_text(GcamModelWriter *writer, const char *key, const char *text)
{
    if (text && text[0])
        gcam_modelwriter_string(writer, key, text);
}

// What the preprocessing was found by is not forgotten: it may be wrong.
static void write_clue(GcamModelWriter *writer, const GradcamModelInfo *info)
{
    char text[320];
    if (strcmp(info->preprocessing_source, "graph") && strcmp(info->preprocessing_source, "assumed"))
        return;
    snprintf(text, sizeof(text), "%s: %s", info->preprocessing_source, info->preprocessing_reason);
    gcam_modelwriter_string(writer, KEY_CLUE, text);
}

// The states as they were found or said, so that they are the same when the file is opened.
static int write_states(GcamModelWriter *writer, const GcamInputs *inputs)
{
    size_t size = 5, used = 0;
    for (size_t i = 0; i < inputs->others; i++)
        size += strlen(inputs->other[i].name) + strlen(inputs->other[i].state) + 2;
    char *text = gcam_alloc(size, 1);
    if (!text)
        return -ENOMEM;
    for (size_t i = 0; i < inputs->others; i++)
        if (inputs->other[i].state[0])
            used += (size_t)snprintf(text + used, size - used, "%s%s=%s", used ? "," : "", inputs->other[i].name,
                                     inputs->other[i].state);
    if (inputs->others)
        gcam_modelwriter_string(writer, KEY_STATES, used ? text : "none");
    gcam_free(text);
    return 0;
}

static int write_labels(GcamModelWriter *writer, const GradcamModel *model)
{
    const GcamLabels *labels = model->labels;
    if (!labels)
        return 0;
    write_text(writer, KEY_LABELS_LICENCE, model->labels_licence);
    gcam_modelwriter_strings(writer, KEY_LABELS, labels->label, labels->count);
    const char **groups = gcam_alloc(labels->group_count + 1, sizeof(*groups));
    if (!groups)
        return -ENOMEM;
    for (size_t i = 0; i < labels->group_count; i++)
        groups[i] = labels->group[i].text;
    if (labels->group_count)
        gcam_modelwriter_strings(writer, KEY_GROUPS, groups, labels->group_count);
    gcam_free(groups);
    return 0;
}

// Whether zeros of a ReLU come through to a value.
static int is_behind_relu(const GcamGraph *graph, int value)
{
    while (value >= 0 && graph->value[value].node >= 0) {
        const GcamNode *node = &graph->node[graph->value[value].node];
        if (node->op->act == GCAM_ACT_RELU)
            return 1;
        if (!gcam_op_keeps_zeros(node->op, node))
            return 0;
        value = node->input[0];
    }
    return 0;
}

// Whether a node is a product of one row whose weights are better stored as their transpose.
static int wants_turned(const GcamGraph *graph, const GcamNode *node)
{
    const GcamValue *weights = node->op->flags & GCAM_OP_PRODUCT ? &graph->value[node->input[1]] : NULL;
    return weights && weights->initializer >= 0 && weights->shape.rank == 2 && weights->shape.dim[0] >= LEAST_ROW &&
           gcam_shape_count(&weights->shape) >= LEAST_TURNED && gcam_node_int(node, "transB", 0) &&
           !gcam_node_int(node, "transA", 0) && graph->value[node->output[0]].shape.dim[0] == 1 &&
           is_behind_relu(graph, node->input[0]);
}

// Whether it is worth the time to look for summed weights.
static int has_large_product(const GcamGraph *graph)
{
    for (int i = 0; i < graph->nodes; i++) {
        const GcamNode *node = &graph->node[i];
        if (node->op->flags & GCAM_OP_PRODUCT && graph->value[node->input[1]].data &&
            gcam_shape_count(&graph->value[node->input[1]].shape) >= LEAST_TURNED)
            return 1;
    }
    return 0;
}

// By initializer.
static char *choose_turned(const GradcamModel *model)
{
    size_t count = gcam_onnx_initializers(model->onnx);
    char *turned = gcam_calloc(count + 1, 1);
    int *users = gcam_calloc(count + 1, sizeof(*users));
    for (int i = 0; turned && users && i < model->graph.nodes; i++)
        if (wants_turned(&model->graph, &model->graph.node[i]))
            users[model->graph.value[model->graph.node[i].input[1]].initializer]++;
    for (size_t i = 0; turned && users && i < count; i++)
        turned[i] = users[i] && users[i] == gcam_onnx_turns(model->onnx, i);
    if (!users) {
        gcam_free(turned);
        turned = NULL;
    }
    gcam_free(users);
    return turned;
}

// Summed weights for the default layer: those that the model holds already, when they are for it, or else a block
// that is made, and is the caller's.
static int find_sums(const GradcamModel *model, const float **sums, float **made, int64_t dims[2])
{
    const GcamGraph *graph = &model->graph;
    GcamPlan *plan = NULL;
    size_t out = model->sums.rows, channels = model->sums.columns;
    int error = 0;
    *sums = NULL;
    if (model->default_layer < 0)
        return 0;
    if (model->sums.weights && !strcmp(model->sums.layer, model->info.layer)) {
        *sums = model->sums.weights;
    } else if (has_large_product(graph)) {
        const GcamPlanSpec spec = {
            .picture = model->inputs.picture_value, .output = { { model->logits }, 1 },
            .layer = { model->layer_value[model->default_layer] }, .layers = 1, .threads = 1, .type = GCAM_F32,
        };
        error = gcam_plan_create(&plan, graph, &spec, NULL);
        if (!error)
            error = gcam_sums_compute(plan, made, &out, &channels);
        gcam_plan_free(&plan);
        error = error == -ENOMEM ? error : 0;           // what cannot be planned has no sums
        *sums = *made;
    }
    dims[0] = (int64_t)out;
    dims[1] = (int64_t)channels;
    return error;
}

static void write_tensor(GcamModelWriter *writer, const GcamOnnxTensor *tensor, int fp16)
{
    int64_t dims[GCAM_MAX_RANK];
    enum GcamFileType from = tensor->type == GCAM_TYPE_FLOAT16 ? GCAM_FILE_F16
                           : tensor->type == GCAM_TYPE_BFLOAT16 ? GCAM_FILE_BF16 : GCAM_FILE_F32;
    enum GcamFileType to = fp16 && from == GCAM_FILE_F32 ? GCAM_FILE_F16 : from;
    for (int i = 0; i < tensor->shape.rank; i++)
        dims[i] = (int64_t)tensor->shape.dim[i];
    if (tensor->turned)
        gcam_modelwriter_turned(writer, tensor->name, to, dims, tensor->data, from);
    else
        gcam_modelwriter_tensor(writer, tensor->name, to, tensor->shape.rank, dims, tensor->data, from);
}

int gradcam_model_compile(const GradcamModel *model, const char *path, const GradcamCompileOptions *options,
                          const GradcamLog *log)
{
    GradcamCompileOptions own;
    const GradcamCompileOptions *o = &own;
    const GradcamModelInfo *info = &model->info;
    GcamModelWriter *writer = NULL;
    GcamOnnxTensor *tensors = NULL;
    uint8_t *graph = NULL;
    char *turned = choose_turned(model);
    const float *sums = NULL;
    float *made = NULL;
    int64_t sum_dims[2];
    size_t size = 0, count = 0;
    GCAM_TAKE(own, options);
    int error = turned ? gcam_modelwriter_create(&writer, path) : -ENOMEM;
    if (!error)
        error = gcam_onnx_strip(model->onnx, turned, &graph, &size, &tensors, &count);
    if (!error)
        error = find_sums(model, &sums, &made, sum_dims);
    if (!error)
        error = write_labels(writer, model);
    if (!error)
        error = write_states(writer, &model->inputs);
    if (error) {
        gcam_log(log, GRADCAM_LOG_ERROR, "cannot compile '%s': %s", info->name, gradcam_strerror(error));
        goto end;
    }
    write_text(writer, KEY_NAME, o->name ? o->name : info->name);
    write_text(writer, KEY_LICENCE, o->licence ? o->licence : info->licence);
    write_text(writer, KEY_SHA256, o->source_sha256 ? o->source_sha256 : info->source_sha256);
    gcam_modelwriter_u32(writer, KEY_WIDTH, (uint32_t)info->width);
    gcam_modelwriter_u32(writer, KEY_HEIGHT, (uint32_t)info->height);
    gcam_modelwriter_f32s(writer, KEY_MEAN, info->preprocessing.mean, 3);
    gcam_modelwriter_f32s(writer, KEY_STD, info->preprocessing.std, 3);
    gcam_modelwriter_string(writer, KEY_COLOR, info->preprocessing.bgr ? "bgr" : "rgb");
    write_clue(writer, info);
    write_text(writer, KEY_LAYER, info->layer);
    write_text(writer, KEY_LOGITS, info->logits);
    gcam_modelwriter_u8s(writer, KEY_GRAPH, graph, size);
    for (size_t i = 0; i < count; i++)
        write_tensor(writer, &tensors[i], o->fp16);
    if (sums) {
        write_text(writer, KEY_SUM_LAYER, info->layer);
        gcam_modelwriter_tensor(writer, TENSOR_SUMS, GCAM_FILE_F32, 2, sum_dims, sums, GCAM_FILE_F32);
    }
    error = gcam_modelwriter_finish(writer, log);
end:
    gcam_modelwriter_free(&writer);
    gcam_free(turned);
    gcam_free(made);
    gcam_free(graph);
    gcam_free(tensors);
    return error;
}
