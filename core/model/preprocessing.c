/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Presets, the check of what a user gives, and the clues in their order (preprocessing.h); those of them that are mere
 * habits of the programs that write networks are here too.
 */
#include "preprocessing.h"

#include "base/log.h"
#include "base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const GradcamPreset presets[GCAM_PRESETS] = {
    [GCAM_PRESET_TORCHVISION] = { "torchvision", "PyTorch: mean 0.485, 0.456, 0.406 and std 0.229, 0.224, 0.225 of R, "
                                  "G, B in 0..1", { { 123.675f, 116.28f, 103.53f }, { 58.395f, 57.12f, 57.375f }, 0 } },
    [GCAM_PRESET_CAFFE] = { "caffe", "Caffe, VGG of Keras: B, G, R less 103.939, 116.779, 123.68",
                            { { 103.939f, 116.779f, 123.68f }, { 1, 1, 1 }, 1 } },
    [GCAM_PRESET_TF] = { "tf", "TensorFlow, Keras: pixels in -1..1",
                         { { 127.5f, 127.5f, 127.5f }, { 127.5f, 127.5f, 127.5f }, 0 } },
    [GCAM_PRESET_UNIT] = { "unit", "pixels in 0..1", { { 0, 0, 0 }, { 255, 255, 255 }, 0 } },
    [GCAM_PRESET_NONE] = { "none", "pixels in 0..255, as they are", { { 0, 0, 0 }, { 1, 1, 1 }, 0 } },
};

const GradcamPreset *gradcam_preset_at(size_t index)
{
    return index < GCAM_PRESETS ? &presets[index] : NULL;
}

GradcamPreprocessing gcam_preset_in_order(int preset, int bgr)
{
    GradcamPreprocessing p = presets[preset].preprocessing;
    if (p.bgr != bgr) {
        float mean = p.mean[0], std = p.std[0];
        p.mean[0] = p.mean[2], p.mean[2] = mean;
        p.std[0] = p.std[2], p.std[2] = std;
        p.bgr = bgr;
    }
    return p;
}

// Numbers between 0 and 1 that are meant for pixels in 0..1: no network has such a mean of 0..255, nor so small a std.
static int is_of_unit(const float x[3], int is_std)
{
    int small = 1, broken = is_std;
    for (int i = 0; i < 3; i++) {
        small &= is_std ? x[i] < 1 : fabsf(x[i]) <= 1;
        broken |= x[i] != truncf(x[i]);
    }
    return small && broken;
}

int gcam_preprocessing_check(const GradcamPreprocessing *p, const GradcamLog *log)
{
    for (int i = 0; i < 3; i++)
        if (!(p->std[i] > 0 && p->std[i] <= 1e6f && p->mean[i] >= -1e6f && p->mean[i] <= 1e6f))
            return gcam_fail(log, -EINVAL, "mean and std must be three numbers each, std above 0");
    if (!is_of_unit(p->mean, 0) && !is_of_unit(p->std, 1))
        return 0;
    const char *what = is_of_unit(p->mean, 0) ? "mean" : "std";
    return gcam_fail(log, -EINVAL, "%s %g is one of pixels in 0..1; pixels are in 0..255 here: 255 times as much", what,
                     is_of_unit(p->mean, 0) ? (double)p->mean[0] : (double)p->std[0]);
}

// --------------------------------------------------------------------------------------------------------------- clues

int gcam_clue_preset(GcamPreprocessingFound *found, int preset, int bgr, const char *format, ...)
{
    va_list arguments;
    found->preprocessing = gcam_preset_in_order(preset, bgr);
    int length = snprintf(found->reason, sizeof(found->reason), "%s%s: ", presets[preset].name,
                          bgr != presets[preset].preprocessing.bgr ? bgr ? " in B, G, R" : " in R, G, B" : "");
    va_start(arguments, format);
    vsnprintf(found->reason + length, sizeof(found->reason) - (size_t)length, format, arguments);
    va_end(arguments);
    gcam_utf8_trim(found->reason);
    gcam_utf8_disarm(found->reason);
    return 1;
}

// What takes whole numbers takes pixels as they are.
static int clue_type(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    const char *type = inputs->picture.type;
    (void)graph;
    return strncmp(type, "float", 5) && strcmp(type, "bfloat16") &&
           gcam_clue_preset(found, GCAM_PRESET_NONE, 0, "its input is of type %s", type);
}

static int begins_with(const char *text, const char *begin)
{
    return !strncmp(text, begin, strlen(begin));
}

// Networks of Keras that keep what Caffe's originals took, by a node that only they have.
static int clue_keras(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    static const struct { const char *node, *network; } caffe[] = {
        { "block1_conv1", "VGG" }, { "conv2_block1_1_conv", "ResNet" },
    };
    int is_second = 0;          // ResNet of the second version takes -1..1
    (void)inputs;
    for (int i = 0; i < graph->nodes; i++)
        is_second |= strstr(graph->node[i].name, "preact") != NULL;
    for (int i = 0; i < graph->nodes && !is_second; i++)
        for (size_t k = 0; k < sizeof(caffe) / sizeof(caffe[0]); k++)
            if (strstr(graph->node[i].name, caffe[k].node))
                return gcam_clue_preset(found, GCAM_PRESET_CAFFE, 1, "its nodes have the names of Keras' %s",
                                        caffe[k].network);
    return 0;
}

// Caffe calls what comes in "data". So does MXNet, which its graph's name tells, and whose networks take what PyTorch's
// do; and those who rewrite Caffe's networks in PyTorch mostly change that with the rest.
static int clue_name(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    const char *name = inputs->picture.name, *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    if ((strcmp(name, "data") && strcmp(name, "data_0")) || begins_with(graph->producer, "pytorch"))
        return 0;
    if (strstr(graph->name, "mxnet"))
        return gcam_clue_preset(found, GCAM_PRESET_TORCHVISION, 0, "MXNet wrote it");
    return gcam_clue_preset(found, GCAM_PRESET_CAFFE, 1, "its input is called '%.60s', as in Caffe",
                            inputs->picture.name);
}

static int clue_producer(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    static const struct { const char *producer; int preset; } producers[] = {
        { "pytorch", GCAM_PRESET_TORCHVISION }, { "tf2onnx", GCAM_PRESET_TF }, { "keras2onnx", GCAM_PRESET_TF },
        { "onnx-caffe2", GCAM_PRESET_CAFFE }, { "PaddlePaddle", GCAM_PRESET_TORCHVISION },
    };
    (void)inputs;
    for (size_t i = 0; i < sizeof(producers) / sizeof(producers[0]); i++)
        if (begins_with(graph->producer, producers[i].producer))
            return gcam_clue_preset(found, producers[i].preset, presets[producers[i].preset].preprocessing.bgr,
                                    "usual where %s wrote the file", producers[i].producer);
    return 0;
}

// "SAME" of TensorFlow pads one more behind than before where a stride of 2 leaves an odd number, which PyTorch and
// Caffe cannot; channels that lie last are TensorFlow's too.
static int clue_tensorflow(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    if (inputs->picture.layout[strlen(inputs->picture.layout) - 1] == 'C')
        return gcam_clue_preset(found, GCAM_PRESET_TF, 0, "its input lies channels last, as in TensorFlow");
    for (int i = 0; i < graph->nodes; i++) {
        const GcamNode *node = &graph->node[i];
        if (strcmp(node->type, "Conv"))
            continue;
        const GcamAttribute *pads = gcam_node_attribute(node, "pads");
        size_t sides = pads ? pads->int_count / 2 : 0;
        int is_more = begins_with(gcam_node_string(node, "auto_pad", ""), "SAME_UPPER");
        for (size_t k = 0; k < sides; k++)
            is_more |= pads->ints[k + sides] == pads->ints[k] + 1;
        if (is_more)
            return gcam_clue_preset(found, GCAM_PRESET_TF, 0, "convolution '%.60s' is padded as TensorFlow does it",
                                    node->name);
    }
    return 0;
}

static int clue_nothing(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    (void)graph;
    return gcam_clue_preset(found, inputs->picture.channels == 1 ? GCAM_PRESET_UNIT : GCAM_PRESET_TORCHVISION, 0,
                            "nothing in the file tells");
}

// Grey pictures have no B, G, R; of the habits only those of names and numbers are common with them.
void gcam_preprocessing_find(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    static const struct {
        int (*find)(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs);
        const char *source;
        int of_colours;
    } clues[] = {
        { gcam_clue_metadata, "file", 0 },      { clue_type, "file", 0 },
        { gcam_clue_constants, "graph", 0 },    { gcam_clue_statistics, "graph", 0 },
        { clue_keras, "assumed", 1 },           { clue_name, "assumed", 1 },
        { clue_producer, "assumed", 1 },        { clue_tensorflow, "assumed", 1 },
        { clue_nothing, "assumed", 0 },
    };
    for (size_t i = 0; i < sizeof(clues) / sizeof(clues[0]); i++) {
        *found = (GcamPreprocessingFound){ .source = clues[i].source };
        if ((!clues[i].of_colours || inputs->picture.channels == 3) && clues[i].find(found, graph, inputs))
            return;
    }
}
