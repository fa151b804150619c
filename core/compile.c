/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing compiled models: the graph without its large initializers as one key, those as tensors, and all that the
 * model knows about itself.
 */
#include "model.h"

#include "log.h"
#include "mem.h"
#include "modelkeys.h"

#include <errno.h>
#include <string.h>

static void write_text(GcamModelWriter *writer, const char *key, const char *text)
{
    if (text && text[0])
        gcam_modelwriter_string(writer, key, text);
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

static void write_tensor(GcamModelWriter *writer, const GcamOnnxTensor *tensor, int fp16)
{
    int64_t dims[GCAM_MAX_RANK];
    enum GcamFileType from = tensor->type == GCAM_TYPE_FLOAT16 ? GCAM_FILE_F16
                           : tensor->type == GCAM_TYPE_BFLOAT16 ? GCAM_FILE_BF16 : GCAM_FILE_F32;
    for (int i = 0; i < tensor->shape.rank; i++)
        dims[i] = (int64_t)tensor->shape.dim[i];
    gcam_modelwriter_tensor(writer, tensor->name, fp16 && from == GCAM_FILE_F32 ? GCAM_FILE_F16 : from,
                            tensor->shape.rank, dims, tensor->data, from);
}

int gradcam_model_compile(const GradcamModel *model, const char *path, const GradcamCompileOptions *options,
                          const GradcamLog *log)
{
    static const GradcamCompileOptions none;
    const GradcamCompileOptions *o = options ? options : &none;
    const GradcamModelInfo *info = &model->info;
    char text[512] = "";
    GcamModelWriter *writer = NULL;
    GcamOnnxTensor *tensors = NULL;
    uint8_t *graph = NULL;
    size_t size = 0, count = 0;
    int error = gcam_modelwriter_create(&writer, path, text, sizeof(text));
    if (!error)
        error = gcam_onnx_strip(model->onnx, &graph, &size, &tensors, &count);
    if (!error)
        error = write_labels(writer, model);
    if (error)
        goto end;
    write_text(writer, KEY_NAME, o->name ? o->name : info->name);
    write_text(writer, KEY_LICENCE, o->licence ? o->licence : info->licence);
    write_text(writer, KEY_SHA256, o->source_sha256 ? o->source_sha256 : info->source_sha256);
    gcam_modelwriter_u32(writer, KEY_WIDTH, (uint32_t)info->width);
    gcam_modelwriter_u32(writer, KEY_HEIGHT, (uint32_t)info->height);
    gcam_modelwriter_f32s(writer, KEY_MEAN, info->preprocessing.mean, 3);
    gcam_modelwriter_f32s(writer, KEY_STD, info->preprocessing.std, 3);
    gcam_modelwriter_string(writer, KEY_COLOR, info->preprocessing.bgr ? "bgr" : "rgb");
    write_text(writer, KEY_LAYER, info->layer);
    write_text(writer, KEY_LOGITS, info->logits);
    gcam_modelwriter_u8s(writer, KEY_GRAPH, graph, size);
    for (size_t i = 0; i < count; i++)
        write_tensor(writer, &tensors[i], o->fp16);
    error = gcam_modelwriter_finish(writer, text, sizeof(text));
end:
    if (error)
        gcam_log(log, GRADCAM_LOG_ERROR, "%s", text[0] ? text : gradcam_strerror(error));
    gcam_modelwriter_free(&writer);
    gcam_free(graph);
    gcam_free(tensors);
    return error;
}
