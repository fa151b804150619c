/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a result with one raw map per target. Out: one normalised map, and metadata.
 */
#include "heat.h"

#include <math.h>
#include <string.h>

#include "libavutil/avstring.h"
#include "libavutil/common.h"
#include "libavutil/detection_bbox.h"
#include "libavutil/dict.h"
#include "libavutil/error.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"

#define PREFIX "lavfi.gradcam."

// Maps are enlarged to so many columns and rows to find their boxes.
#define BOX_CELLS 112

GcamHeat *gcam_heat_create(int64_t number)
{
    GcamHeat *heat = av_mallocz(sizeof(*heat));

    if (heat) {
        heat->references = 1;
        heat->number = number;
    }
    return heat;
}

GcamHeat *gcam_heat_ref(GcamHeat *heat)
{
    heat->references++;
    return heat;
}

void gcam_heat_unref(GcamHeat **heat)
{
    if (*heat && !--(*heat)->references) {
        gradcam_result_unref(&(*heat)->result);
        gcam_heat_unref(&(*heat)->next);
        av_free((*heat)->map);
        av_free((*heat)->box);
        av_free(*heat);
    }
    *heat = NULL;
}

void gcam_heatmaker_reset(GcamHeatMaker *maker)
{
    for (size_t i = 0; i < maker->count; i++) {
        gradcam_steady_free(&maker->steady[i]);
        av_freep(&maker->name[i]);
    }
    av_freep(&maker->steady);
    av_freep(&maker->name);
    maker->count = 0;
}

// Makes ready for the maps of a result.
static int prepare_maker(GcamHeatMaker *maker, const GcamHeat *heat)
{
    const size_t count = heat->result->count;

    if (heat->fresh || maker->count != count || memcmp(&maker->made, &maker->settings, sizeof(maker->made)))
        gcam_heatmaker_reset(maker);
    if (maker->count || !count)
        return 0;
    maker->made = maker->settings;
    maker->steady = av_calloc(count, sizeof(*maker->steady));
    maker->name = av_calloc(count, sizeof(*maker->name));
    if (!maker->steady || !maker->name)
        return AVERROR(ENOMEM);
    for (; maker->count < count; maker->count++) {
        const int ret = gradcam_steady_create(&maker->steady[maker->count], &maker->settings);
        if (ret < 0)
            return ret;
    }
    return 0;
}

// Of class=auto another class may come: its map has nothing to do with those before.
static int note_name(GcamHeatMaker *maker, size_t i, const char *name)
{
    if (maker->name[i] && !strcmp(maker->name[i], name))
        return 0;
    av_free(maker->name[i]);
    gradcam_steady_reset(maker->steady[i]);
    maker->name[i] = av_strdup(name);
    return maker->name[i] ? 0 : AVERROR(ENOMEM);
}

int gcam_heat_fill(GcamHeat *heat, GradcamResult *result, GcamHeatMaker *maker)
{
    const size_t size = (size_t)result->width * result->height;
    float *one = av_malloc_array(size, 2 * sizeof(*one));       // the map, and the one that is being added
    int ret;

    heat->result = result;
    heat->map = one;
    if (!one)
        return AVERROR(ENOMEM);
    heat->width = result->width;
    heat->height = result->height;
    heat->empty = 1;
    memset(heat->map, 0, size * sizeof(*heat->map));
    one += size;
    if ((ret = prepare_maker(maker, heat)) < 0)
        return ret;
    if (maker->box > 0 && !(heat->box = av_calloc(result->count, sizeof(*heat->box))))
        return AVERROR(ENOMEM);
    for (size_t i = 0; i < result->count; i++) {
        if ((ret = note_name(maker, i, result->map[i].name)) < 0 ||
            (ret = gradcam_steady_update(maker->steady[i], result->map[i].map, size, result->time, one)) < 0)
            return ret;
        if (!ret)
            continue;
        heat->empty = 0;
        if (heat->box && (ret = gradcam_map_box(one, heat->width, heat->height, BOX_CELLS, BOX_CELLS, maker->box,
                                                &heat->box[i])) < 0)
            return ret;
        for (size_t j = 0; j < size; j++)
            heat->map[j] = FFMAX(heat->map[j], one[j]);
    }
    return 0;
}

// A box in pixels of the frame: x, y, width, height.
static void box_pixels(const GradcamRegion *box, const GradcamRegion *region, const AVFrame *frame, int pixels[4])
{
    const double left = region->x + box->x * region->width, top = region->y + box->y * region->height;

    pixels[0] = av_clip(lrint(left), 0, frame->width - 1);
    pixels[1] = av_clip(lrint(top), 0, frame->height - 1);
    pixels[2] = av_clip(lrint(left + box->width * region->width), pixels[0] + 1, frame->width) - pixels[0];
    pixels[3] = av_clip(lrint(top + box->height * region->height), pixels[1] + 1, frame->height) - pixels[1];
}

// Boxes as other filters know them (drawbox, drawtext). Detections that are there already stay as they are.
static int describe_boxes(const GcamHeat *heat, AVFrame *frame, const GradcamRegion *region)
{
    AVDetectionBBoxHeader *header;
    uint32_t count = 0;

    for (size_t i = 0; i < heat->result->count; i++)
        count += heat->box[i].width > 0;
    if (!count || av_frame_get_side_data(frame, AV_FRAME_DATA_DETECTION_BBOXES))
        return 0;
    header = av_detection_bbox_create_side_data(frame, count);
    if (!header)
        return AVERROR(ENOMEM);
    av_strlcpy(header->source, "gradcam", sizeof(header->source));
    for (size_t i = 0, n = 0; i < heat->result->count; i++) {
        const GradcamResultMap *map = &heat->result->map[i];
        AVDetectionBBox *box;
        int pixels[4];

        if (!(heat->box[i].width > 0))
            continue;
        box = av_get_detection_bbox(header, n++);
        box_pixels(&heat->box[i], region, frame, pixels);
        box->x = pixels[0];
        box->y = pixels[1];
        box->w = pixels[2];
        box->h = pixels[3];
        av_strlcpy(box->detect_label, map->name, sizeof(box->detect_label));
        box->detect_confidence = av_make_q(lrintf(av_clipf(map->info.probability, 0, 1) * 10000), 10000);
    }
    return 0;
}

// Sets PREFIX"name" for the first map, PREFIX"2.name" for the second, and so on. pixels: of its box, or NULL.
static int describe_map(AVDictionary **metadata, const GradcamResultMap *map, size_t i, const int *pixels)
{
    static const char *const box_names[] = { "x", "y", "w", "h" };
    char prefix[64] = PREFIX, key[96], value[64];
    const struct { const char *name; double value; } number[] = {
        { "score", map->info.score }, { "probability", map->info.probability },
    };
    int ret;

    if (i)
        snprintf(prefix, sizeof(prefix), PREFIX "%zu.", i + 1);
    snprintf(key, sizeof(key), "%sname", prefix);
    if ((ret = av_dict_set(metadata, key, map->name, 0)) < 0)
        return ret;
    snprintf(key, sizeof(key), "%sclass", prefix);
    if ((ret = av_dict_set_int(metadata, key, map->info.class_index, 0)) < 0)
        return ret;
    for (size_t j = 0; j < FF_ARRAY_ELEMS(number); j++) {
        snprintf(key, sizeof(key), "%s%s", prefix, number[j].name);
        snprintf(value, sizeof(value), "%f", number[j].value);
        if ((ret = av_dict_set(metadata, key, value, 0)) < 0)
            return ret;
    }
    for (size_t j = 0; pixels && j < FF_ARRAY_ELEMS(box_names); j++) {
        snprintf(key, sizeof(key), "%s%s", prefix, box_names[j]);
        if ((ret = av_dict_set_int(metadata, key, pixels[j], 0)) < 0)
            return ret;
    }
    return 0;
}

int gcam_heat_describe(const GcamHeat *heat, AVFrame *frame, int64_t number, const GradcamRegion *region)
{
    int ret, pixels[4];

    for (size_t i = 0; i < heat->result->count; i++) {
        const int boxed = heat->box && heat->box[i].width > 0;

        if (boxed)
            box_pixels(&heat->box[i], region, frame, pixels);
        ret = describe_map(&frame->metadata, &heat->result->map[i], i, boxed ? pixels : NULL);
        if (ret < 0)
            return ret;
    }
    if (heat->box && (ret = describe_boxes(heat, frame, region)) < 0)
        return ret;
    if ((ret = av_dict_set_int(&frame->metadata, PREFIX "age", number - heat->number, 0)) < 0 ||
        (ret = av_dict_set_int(&frame->metadata, PREFIX "key", number == heat->number, 0)) < 0)
        return ret;
    return av_dict_set_int(&frame->metadata, PREFIX "empty", heat->empty, 0);
}
