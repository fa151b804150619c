/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a result with one raw map per target. Out: one normalised map, and metadata.
 */
#include "heat.h"

#include <string.h>

#include "libavutil/avstring.h"
#include "libavutil/dict.h"
#include "libavutil/error.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"

#define PREFIX "lavfi.gradcam."

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
        av_free((*heat)->map);
        av_free(*heat);
    }
    *heat = NULL;
}

int gcam_heat_fill(GcamHeat *heat, GradcamResult *result)
{
    const size_t size = (size_t)result->width * result->height;
    float *one = av_malloc_array(size, 2 * sizeof(*one));       // the map, and the one that is being added

    heat->result = result;
    heat->map = one;
    if (!one)
        return AVERROR(ENOMEM);
    heat->width = result->width;
    heat->height = result->height;
    heat->empty = 1;
    memset(heat->map, 0, size * sizeof(*heat->map));
    one += size;
    for (size_t i = 0; i < result->count; i++) {
        memcpy(one, result->map[i].map, size * sizeof(*one));
        if (gradcam_map_normalize(one, size))
            heat->empty = 0;
        for (size_t j = 0; j < size; j++)
            heat->map[j] = FFMAX(heat->map[j], one[j]);
    }
    return 0;
}

// Sets PREFIX"name" for the first map, PREFIX"2.name" for the second, and so on.
static int describe_map(AVDictionary **metadata, const GradcamResultMap *map, size_t i)
{
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
    return 0;
}

int gcam_heat_describe(const GcamHeat *heat, AVFrame *frame, int64_t number)
{
    int ret;

    for (size_t i = 0; i < heat->result->count; i++)
        if ((ret = describe_map(&frame->metadata, &heat->result->map[i], i)) < 0)
            return ret;
    if ((ret = av_dict_set_int(&frame->metadata, PREFIX "age", number - heat->number, 0)) < 0 ||
        (ret = av_dict_set_int(&frame->metadata, PREFIX "key", number == heat->number, 0)) < 0)
        return ret;
    return av_dict_set_int(&frame->metadata, PREFIX "empty", heat->empty, 0);
}
