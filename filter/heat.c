/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a result with one raw map per target. Out: the maps from 0 to 1, and where they are hot.
 */
#include "heat.h"
#include "gradcam_picture.h"
#include "rotate.h"

#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/mem.h"

GcamHeat *gcam_heat_create(int64_t number, double time, int turns, GcamStyle *style)
{
    GcamHeat *heat = av_mallocz(sizeof(*heat));

    if (heat) {
        heat->references = 1;
        heat->number = number;
        heat->time = time;
        heat->turns = turns;
        heat->style = gcam_style_ref(style);
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
        gcam_style_unref(&(*heat)->style);
        gradcam_result_unref(&(*heat)->result);
        gcam_heat_unref(&(*heat)->next);
        av_free((*heat)->map);
        av_free((*heat)->place);
        av_free(*heat);
    }
    *heat = NULL;
}

GcamMoment gcam_heat_moment(const GcamHeat *heat, size_t target, double n, double t)
{
    const GradcamMapInfo *info = heat->result->map[target].info;

    return (GcamMoment){ t, n, info->score, info->probability };
}

// The share that counts as inside of a box is that of the key frame, whatever frame the maps are of.
int gcam_heat_places(const GcamHeat *heat, const float *map, int width, int height, GradcamPlace *place)
{
    const size_t size = (size_t)width * height;

    for (size_t i = 0; i < heat->result->count; i++) {
        place[i].size = sizeof(place[i]);
        const GcamMoment moment = gcam_heat_moment(heat, i, heat->number, heat->result->time);
        const int ret = gradcam_map_place(map + i * size, width, height, gcam_number_at(&heat->style->box, &moment),
                                          &place[i]);
        if (ret < 0)
            return ret;
    }
    return 0;
}

// Turns the maps back, to how the frame lies.
static int turn_back(GcamHeat *heat)
{
    const size_t size = (size_t)heat->width * heat->height, count = heat->result->count;
    const int width = heat->turns & 1 ? heat->height : heat->width;
    const ptrdiff_t line = heat->width * sizeof(*heat->map), out_line = width * sizeof(*heat->map);
    float *map;

    if (!heat->turns || !count)
        return 0;
    if (!(map = av_calloc(count, size * sizeof(*map))))
        return AVERROR(ENOMEM);
    for (size_t i = 0; i < count; i++)
        gcam_turn((const uint8_t *)(heat->map + i * size), line, heat->width, heat->height, sizeof(*map),
                  4 - heat->turns, (uint8_t *)(map + i * size), out_line);
    av_free(heat->map);
    heat->map = map;
    heat->height = size / width;
    heat->width = width;
    return 0;
}

int gcam_heat_fill(GcamHeat *heat, GradcamResult *result, GradcamSteadies *steadies)
{
    const size_t size = (size_t)result->width * result->height;
    int ret;

    heat->result = result;
    heat->width = result->width;
    heat->height = result->height;
    heat->map = av_calloc(FFMAX(result->count, 1), size * sizeof(*heat->map));
    heat->place = av_calloc(FFMAX(result->count, 1), sizeof(*heat->place));
    if (!heat->map || !heat->place)
        return AVERROR(ENOMEM);
    if (heat->fresh)
        gradcam_steadies_reset(steadies);
    ret = gradcam_steadies_update(steadies, &heat->style->steady, result, heat->map, result->count * size);
    if (ret < 0)
        return ret;
    heat->empty = !ret;
    if ((ret = turn_back(heat)) < 0)
        return ret;
    return gcam_heat_places(heat, heat->map, heat->width, heat->height, heat->place);
}
