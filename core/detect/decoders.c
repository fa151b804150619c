/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The families of detectors, and which of them a network is. In: shapes and names of the outputs, size of the picture.
 * Out: where each number of a candidate lies.
 */
#include "detect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// -------------------------------------------------------------------------------------------------------------- clues

static int always(const GcamDetectTensor *scores, const GcamDetectTensor *boxes)
{
    (void)scores;
    (void)boxes;
    return 1;
}

static int is_undecoded(const GcamDetectTensor *scores, const GcamDetectTensor *boxes)
{
    (void)boxes;
    return !scores->has_exp;
}

static int is_decoded(const GcamDetectTensor *scores, const GcamDetectTensor *boxes)
{
    (void)boxes;
    return scores->has_exp;
}

// Joined of objectness, box and classes, in this order.
static int is_joined(const GcamDetectTensor *scores, const GcamDetectTensor *boxes)
{
    (void)boxes;
    return scores->parts == 3 && scores->part[0] == 1 && scores->part[1] == 4;
}

static int is_softmax(const GcamDetectTensor *scores, const GcamDetectTensor *boxes)
{
    (void)boxes;
    return !strcmp(scores->ends, "softmax");
}

static int is_sigmoid(const GcamDetectTensor *scores, const GcamDetectTensor *boxes)
{
    (void)boxes;
    return !strcmp(scores->ends, "sigmoid");
}

// The names that such networks are exported with.
static int is_query(const GcamDetectTensor *scores, const GcamDetectTensor *boxes)
{
    return strstr(scores->name, "logits") && strstr(boxes->name, "boxes") && scores->shape.dim[1] < 1000;
}

// -------------------------------------------------------------------------------------------------------------- table

static const GcamDecoder decoders[] = {
    { .name = "yolox", .summary = "boxes as offsets from cells of 8, 16 and 32 pixels, objectness, classes",
      .reference = "Ge et al., 2021, arXiv 2107.08430", .arrangement = GCAM_ROWS, .coding = GCAM_BOX_EXPONENTIAL,
      .box = 0, .object = 4, .classes = 5, .anchors = 1, .stride = { 8, 16, 32 }, .class_power = 1, .object_power = 1,
      .threshold = 0.3, .suppresses = 1, .letterbox = 114, .is_sure = is_undecoded },
    { .name = "yolox-decoded", .summary = "the same with boxes in pixels", .reference = "Ge et al., arXiv 2107.08430",
      .arrangement = GCAM_ROWS, .coding = GCAM_BOX_CENTRE_PIXELS, .box = 0, .object = 4, .classes = 5, .anchors = 1,
      .stride = { 8, 16, 32 }, .class_power = 1, .object_power = 1, .threshold = 0.3, .suppresses = 1,
      .letterbox = 114, .is_sure = is_decoded },
    { .name = "yolov5", .summary = "boxes in pixels, objectness, classes; three for each cell", .reference = "",
      .arrangement = GCAM_ROWS, .coding = GCAM_BOX_CENTRE_PIXELS, .box = 0, .object = 4, .classes = 5, .anchors = 3,
      .stride = { 8, 16, 32 }, .class_power = 1, .object_power = 1, .threshold = 0.25, .suppresses = 1,
      .letterbox = 114, .is_sure = always },
    { .name = "yolov5-raw", .summary = "the same before sigmoids, boxes relative to the usual anchors",
      .reference = "", .arrangement = GCAM_ROWS, .coding = GCAM_BOX_ANCHORS, .confidence = GCAM_SIGMOID, .box = 0,
      .object = 4, .classes = 5, .anchors = 3, .stride = { 8, 16, 32 }, .class_power = 1, .object_power = 1,
      .threshold = 0.25, .suppresses = 1, .letterbox = 114 },
    { .name = "yolov8", .summary = "boxes in pixels, then classes, as columns; also of YOLO 9, 11, 12",
      .reference = "", .arrangement = GCAM_COLUMNS, .coding = GCAM_BOX_CENTRE_PIXELS, .box = 0, .object = -1,
      .classes = 4, .anchors = 1, .stride = { 8, 16, 32 }, .class_power = 1, .threshold = 0.25, .suppresses = 1,
      .letterbox = 114, .is_sure = always },
    { .name = "yolov8-raw", .summary = "distances to the sides as distributions over 16 bins, classes before sigmoids",
      .reference = "Li et al., 2020, arXiv 2006.04388", .arrangement = GCAM_COLUMNS, .coding = GCAM_BOX_DISTANCES,
      .confidence = GCAM_SIGMOID, .box = 0, .object = -1, .classes = 64, .bins = 16, .anchors = 1,
      .stride = { 8, 16, 32 }, .middle = 0.5, .class_power = 1, .threshold = 0.25, .suppresses = 1,
      .letterbox = 114 },
    { .name = "fastestdet", .summary = "objectness, box, classes for each cell of 16 pixels",
      .reference = "https://github.com/dog-qiuqiu/FastestDet", .arrangement = GCAM_GRID, .coding = GCAM_BOX_TANH,
      .box = 1, .object = 0, .classes = 5, .anchors = 1, .stride = { 16 }, .class_power = 0.4, .object_power = 0.6,
      .threshold = 0.65, .suppresses = 1, .letterbox = -1, .is_sure = is_joined },
    { .name = "nanodet", .summary = "classes, distances to the sides as distributions over 8 bins; strides 8 to 64",
      .reference = "Li et al., 2020, arXiv 2006.04388", .arrangement = GCAM_ROWS, .coding = GCAM_BOX_DISTANCES,
      .box = -1, .object = -1, .classes = 0, .bins = 8, .anchors = 1, .stride = { 8, 16, 32, 64 }, .class_power = 1,
      .threshold = 0.35, .suppresses = 1, .letterbox = -1, .is_sure = always },
    { .name = "nanodet-3", .summary = "the same with strides 8, 16 and 32", .reference = "",
      .arrangement = GCAM_ROWS, .coding = GCAM_BOX_DISTANCES, .box = -1, .object = -1, .classes = 0, .bins = 8,
      .anchors = 1, .stride = { 8, 16, 32 }, .middle = 0.5, .class_power = 1, .threshold = 0.35, .suppresses = 1,
      .letterbox = -1 },
    { .name = "picodet", .summary = "probabilities of classes as columns, corners of boxes in pixels apart",
      .reference = "Yu et al., 2021, arXiv 2111.00902", .arrangement = GCAM_PAIR_COLUMNS,
      .coding = GCAM_BOX_CORNERS_PIXELS, .object = -1, .class_power = 1, .threshold = 0.4, .suppresses = 1,
      .letterbox = -1, .is_sure = always },
    { .name = "detr", .summary = "scores of classes, the last for no object, and boxes apart, one for each query",
      .reference = "Carion et al., ECCV 2020, arXiv 2005.12872", .arrangement = GCAM_PAIR,
      .coding = GCAM_BOX_CENTRE_UNIT, .confidence = GCAM_SOFTMAX, .object = -1, .background = -1, .class_power = 1,
      .threshold = 0.7, .letterbox = -1, .is_sure = is_query },
    { .name = "rtdetr", .summary = "scores of classes before a sigmoid and boxes apart, one for each query",
      .reference = "Zhao et al., CVPR 2024, arXiv 2304.08069", .arrangement = GCAM_PAIR,
      .coding = GCAM_BOX_CENTRE_UNIT, .confidence = GCAM_SIGMOID, .object = -1, .class_power = 1, .threshold = 0.5,
      .letterbox = -1 },
    { .name = "ssd", .summary = "probabilities, the first for no object, and corners of boxes apart, 0 to 1",
      .reference = "Liu et al., ECCV 2016, arXiv 1512.02325", .arrangement = GCAM_PAIR,
      .coding = GCAM_BOX_CORNERS_UNIT, .object = -1, .background = 1, .class_power = 1, .threshold = 0.5,
      .suppresses = 1, .letterbox = -1, .is_sure = is_softmax },
    { .name = "ssd-raw", .summary = "the same before the softmax", .reference = "Liu et al., arXiv 1512.02325",
      .arrangement = GCAM_PAIR, .coding = GCAM_BOX_CORNERS_UNIT, .confidence = GCAM_SOFTMAX, .object = -1,
      .background = 1, .class_power = 1, .threshold = 0.5, .suppresses = 1, .letterbox = -1 },
    { .name = "ssd-sigmoid", .summary = "probabilities, each class by itself, and corners of boxes apart, 0 to 1",
      .reference = "", .arrangement = GCAM_PAIR, .coding = GCAM_BOX_CORNERS_UNIT, .object = -1, .class_power = 1,
      .threshold = 0.5, .suppresses = 1, .letterbox = -1, .is_sure = is_sigmoid },
};

enum { DECODERS = sizeof(decoders) / sizeof(decoders[0]) };

const GcamDecoder *gcam_decoder_at(size_t index)
{
    return index < DECODERS ? &decoders[index] : NULL;
}

// -------------------------------------------------------------------------------------------------------------- shapes

// Levels of the decoder's strides on a picture; returns how many candidates they have.
static size_t fill_levels(GcamDetector *d)
{
    const GcamDecoder *decoder = d->decoder;
    size_t candidates = 0;
    for (d->levels = 0; decoder->anchors && decoder->stride[d->levels]; d->levels++) {
        const int stride = decoder->stride[d->levels];
        d->level[d->levels] = (GcamDetectLevel){ candidates, stride, (d->width + stride - 1) / stride,
                                                 (d->height + stride - 1) / stride };
        candidates += (size_t)d->level[d->levels].columns * (size_t)d->level[d->levels].rows * (size_t)decoder->anchors;
    }
    return candidates;
}

// Elements of a candidate in a tensor of all, once their number and arrangement are known.
static int fill_single(GcamDetector *d, const GcamShape *shape)
{
    const GcamDecoder *decoder = d->decoder;
    const int is_rows = decoder->arrangement == GCAM_ROWS, is_grid = decoder->arrangement == GCAM_GRID;
    if (shape->rank != (is_grid ? 4 : 3) || shape->dim[0] != 1)
        return 0;
    const size_t items = shape->dim[is_rows ? 2 : 1];
    const size_t box_items = decoder->coding == GCAM_BOX_DISTANCES ? 4 * (size_t)decoder->bins : 4;
    const size_t before = decoder->box < 0 ? box_items : (size_t)decoder->classes;
    d->candidates = is_rows ? shape->dim[1] : shape->dim[2] * (is_grid ? shape->dim[3] : 1);
    if (items <= before || d->candidates != fill_levels(d) ||
        (is_grid && shape->dim[3] != (size_t)d->level[0].columns))
        return 0;
    d->all_classes = d->classes = items - before;
    d->first_class = (size_t)decoder->classes;
    d->score_step = d->box_step = is_rows ? items : 1;
    d->score_item = d->box_item = is_rows ? 1 : d->candidates;
    d->box_at = (decoder->box < 0 ? d->classes : (size_t)decoder->box) * d->box_item;
    return 1;
}

static int fill_pair(GcamDetector *d, const GcamShape *scores, const GcamShape *boxes)
{
    const int is_columns = d->decoder->arrangement == GCAM_PAIR_COLUMNS;
    if (scores->rank != 3 || boxes->rank != 3 || scores->dim[0] != 1 || boxes->dim[0] != 1 || boxes->dim[2] != 4 ||
        boxes->dim[1] != scores->dim[is_columns ? 2 : 1])
        return 0;
    d->candidates = boxes->dim[1];
    d->all_classes = scores->dim[is_columns ? 1 : 2];
    if (d->all_classes < 1 + (size_t)(d->decoder->background != 0) || (is_columns && d->all_classes > d->candidates))
        return 0;
    d->classes = d->all_classes - (d->decoder->background != 0);
    d->first_class = d->decoder->background > 0;
    d->score_step = is_columns ? 1 : d->all_classes;
    d->score_item = is_columns ? d->candidates : 1;
    d->box_at = gcam_shape_count(scores);
    d->box_step = 4;
    d->box_item = 1;
    return 1;
}

// Whether the decoder fits some of the tensors, which are then chosen.
static int fits(GcamDetector *d, const GcamDetectTensor *tensor, size_t count)
{
    const int is_pair = d->decoder->arrangement == GCAM_PAIR || d->decoder->arrangement == GCAM_PAIR_COLUMNS;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < (is_pair ? count : 1); j++) {
            d->scores = (int)i;
            d->boxes = is_pair ? (int)j : (int)i;
            // Of two with four elements each the one that is called so has the boxes.
            const int is_swapped = tensor[i].shape.rank == 3 && tensor[i].shape.dim[2] == 4 &&
                                   strstr(tensor[i].name, "box");
            if (is_pair ? i != j && !is_swapped && fill_pair(d, &tensor[i].shape, &tensor[j].shape)
                        : fill_single(d, &tensor[i].shape))
                return d->candidates <= GCAM_MOST_CANDIDATES && d->all_classes <= GCAM_MOST_CLASS_SCORES;
        }
    return 0;
}

static int refuse(const char *wanted, int is_known, const GradcamLog *log)
{
    char names[256] = "";
    if (is_known)
        return gcam_fail(log, -EINVAL, "the outputs have not the shapes of decoder '%s' for pictures of this size",
                         wanted);
    for (size_t i = 0, used = 0; i < DECODERS && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "", decoders[i].name);
    return gcam_fail(log, -EINVAL, "there is no decoder '%s'; there are auto, none, %s", wanted, names);
}

int gcam_detector_find(GcamDetector *out, const GcamDetectTensor *tensor, size_t count, int width, int height,
                       const char *wanted, const GradcamLog *log)
{
    const int is_auto = !wanted || !wanted[0] || !strcmp(wanted, "auto");
    int is_known = 0;
    for (size_t i = 0; i < DECODERS; i++) {
        *out = (GcamDetector){ .decoder = &decoders[i], .width = width, .height = height };
        const int is_wanted = !is_auto && !strcmp(wanted, decoders[i].name);
        is_known |= is_wanted;
        if ((is_wanted || (is_auto && decoders[i].is_sure)) && fits(out, tensor, count) &&
            (is_wanted || decoders[i].is_sure(&tensor[out->scores], &tensor[out->boxes])))
            return 1;
    }
    *out = (GcamDetector){ 0 };
    return is_auto ? 0 : refuse(wanted, is_known, log);
}
