/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a heat and where it is hot. Out: metadata and detections of a frame.
 */
#include "report.h"
#include "gradcam_picture.h"

#include <math.h>
#include <string.h>

#include "libavutil/avstring.h"
#include "libavutil/common.h"
#include "libavutil/detection_bbox.h"
#include "libavutil/dict.h"
#include "libavutil/error.h"
#include "libavutil/macros.h"

#define PREFIX "lavfi.gradcam."

GradcamPixels gcam_report_pixels(const GcamReport *report, size_t target)
{
    GradcamPixels pixels = { .size = sizeof(pixels) };

    gradcam_place_pixels(&report->place[target], report->region, report->width, report->height, &pixels);
    return pixels;
}

// Boxes as other filters know them (drawbox, drawtext). Detections that are there already stay as they are.
static int add_detections(const GcamReport *report, AVFrame *frame)
{
    const GradcamResult *result = report->heat->result;
    AVDetectionBBoxHeader *header;
    uint32_t count = 0;

    for (size_t i = 0; i < result->count; i++)
        count += report->place[i].box.width > 0;
    if (!count || av_frame_get_side_data(frame, AV_FRAME_DATA_DETECTION_BBOXES))
        return 0;
    header = av_detection_bbox_create_side_data(frame, count);
    if (!header)
        return AVERROR(ENOMEM);
    av_strlcpy(header->source, "gradcam", sizeof(header->source));
    for (size_t i = 0, n = 0; i < result->count; i++) {
        const GradcamPixels pixels = gcam_report_pixels(report, i);
        const float probability = result->map[i].info->probability;
        AVDetectionBBox *box;

        if (!pixels.boxed)
            continue;
        box = av_get_detection_bbox(header, n++);
        box->x = pixels.x;
        box->y = pixels.y;
        box->w = pixels.width;
        box->h = pixels.height;
        av_strlcpy(box->detect_label, result->map[i].name, sizeof(box->detect_label));
        box->detect_confidence = av_make_q(isnan(probability) ? 0 : lrintf(av_clipf(probability, 0, 1) * 10000), 10000);
    }
    return 0;
}

// One value: PREFIX"name" of the first target, PREFIX"2.name" of the second, and so on.
static int set_text(AVFrame *frame, size_t target, const char *name, const char *value)
{
    char key[96];

    if (target)
        snprintf(key, sizeof(key), PREFIX "%zu.%s", target + 1, name);
    else
        snprintf(key, sizeof(key), PREFIX "%s", name);
    return av_dict_set(&frame->metadata, key, value, 0);
}

static int set_int(AVFrame *frame, size_t target, const char *name, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%"PRId64, value);
    return set_text(frame, target, name, text);
}

// Not set where the number means nothing.
static int set_float(AVFrame *frame, size_t target, const char *name, double value)
{
    char text[64];

    if (!isfinite(value))
        return 0;
    snprintf(text, sizeof(text), "%f", value);
    return set_text(frame, target, name, text);
}

static int set_place(AVFrame *frame, size_t target, const GradcamPixels *p)
{
    int ret = 0;

    if (p->boxed && ((ret = set_int(frame, target, "x", p->x)) < 0 ||
                     (ret = set_int(frame, target, "y", p->y)) < 0 ||
                     (ret = set_int(frame, target, "w", p->width)) < 0 ||
                     (ret = set_int(frame, target, "h", p->height)) < 0))
        return ret;
    if (p->centred && (ret = set_int(frame, target, "cx", p->centre_x)) >= 0)
        ret = set_int(frame, target, "cy", p->centre_y);
    return ret;
}

static int set_target(const GcamReport *report, AVFrame *frame, size_t i)
{
    const GradcamResult *result = report->heat->result;
    const GradcamResultMap *map = &result->map[i];
    const GradcamPixels pixels = gcam_report_pixels(report, i);
    const uint8_t *color = gradcam_drawing_color(&report->style->drawing, i, result->count);
    char text[16];
    int ret;

    if ((ret = set_text(frame, i, "label", map->name)) < 0 ||
        (map->info->class_index >= 0 && (ret = set_int(frame, i, "class", map->info->class_index)) < 0) ||
        (ret = set_float(frame, i, "score", map->info->score)) < 0 ||
        (ret = set_float(frame, i, "probability", map->info->probability)) < 0 ||
        (ret = set_place(frame, i, &pixels)) < 0)
        return ret;
    if (!color)
        return 0;
    snprintf(text, sizeof(text), "0x%02X%02X%02X", color[0], color[1], color[2]);
    return set_text(frame, i, "color", text);
}

static int set_method(AVFrame *frame, const GradcamMethod *method)
{
    char text[GCAM_METHOD_TEXT];

    return set_text(frame, 0, "method", gradcam_method_text(method, text, sizeof(text)));
}

int gcam_report_frame(const GcamReport *report, AVFrame *frame)
{
    const GcamHeat *heat = report->heat;
    int ret;

    for (size_t i = 0; i < heat->result->count; i++)
        if ((ret = set_target(report, frame, i)) < 0)
            return ret;
    if ((ret = add_detections(report, frame)) < 0 ||
        (ret = set_int(frame, 0, "age", report->number - heat->number)) < 0 ||
        (ret = set_int(frame, 0, "key", report->number == heat->number)) < 0 ||
        (ret = set_int(frame, 0, "empty", heat->empty)) < 0 ||
        (ret = set_float(frame, 0, "ms", heat->result->elapsed * 1000)) < 0 ||
        (ret = set_method(frame, &heat->result->method)) < 0)
        return ret;
    return report->skipped < 0 ? 0 : set_int(frame, 0, "skipped", report->skipped);
}
