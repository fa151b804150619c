/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a result with one raw map per target. Out: the maps from 0 to 1, and where they are hot.
 */
#include "heat.h"

#include <math.h>
#include <string.h>

#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/mem.h"

// Maps are enlarged to so many columns and rows to find their boxes.
#define BOX_CELLS 112

GcamHeat *gcam_heat_create(int64_t number, GcamStyle *style)
{
    GcamHeat *heat = av_mallocz(sizeof(*heat));

    if (heat) {
        heat->references = 1;
        heat->number = number;
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
    const GradcamSteadySettings *settings = &heat->style->steady;
    const size_t count = heat->result->count;

    if (heat->fresh || maker->count != count || memcmp(&maker->settings, settings, sizeof(*settings)))
        gcam_heatmaker_reset(maker);
    if (maker->count || !count)
        return 0;
    maker->settings = *settings;
    maker->steady = av_calloc(count, sizeof(*maker->steady));
    maker->name = av_calloc(count, sizeof(*maker->name));
    if (!maker->steady || !maker->name)
        return AVERROR(ENOMEM);
    for (; maker->count < count; maker->count++) {
        const int ret = gradcam_steady_create(&maker->steady[maker->count], settings);
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

// The centre of gravity, NAN, NAN where there is nothing.
static void find_centre(GcamPlace *place, const float *map, int width, int height)
{
    double sum = 0, x = 0, y = 0;

    for (int j = 0; j < height; j++)
        for (int i = 0; i < width; i++) {
            const double m = map[j * width + i];

            sum += m;
            x += m * (i + 0.5);
            y += m * (j + 0.5);
        }
    place->x = sum > 0 ? x / sum / width : NAN;
    place->y = sum > 0 ? y / sum / height : NAN;
}

int gcam_place_find(GcamPlace *place, const float *map, int width, int height)
{
    int ret;

    place->box = (GradcamRegion){ 0 };
    find_centre(place, map, width, height);
    if (isnan(place->x) || !(place->share > 0))
        return 0;
    ret = gradcam_map_box(map, width, height, BOX_CELLS, BOX_CELLS, place->share, &place->box);
    return FFMIN(ret, 0);
}

GcamMoment gcam_heat_moment(const GcamHeat *heat, size_t target, double n, double t)
{
    const GradcamMapInfo *info = &heat->result->map[target].info;

    return (GcamMoment){ t, n, info->score, info->probability };
}

int gcam_heat_fill(GcamHeat *heat, GradcamResult *result, GcamHeatMaker *maker)
{
    const size_t size = (size_t)result->width * result->height;
    int ret;

    heat->result = result;
    heat->width = result->width;
    heat->height = result->height;
    heat->empty = 1;
    heat->map = av_calloc(FFMAX(result->count, 1), size * sizeof(*heat->map));
    heat->place = av_calloc(FFMAX(result->count, 1), sizeof(*heat->place));
    if (!heat->map || !heat->place)
        return AVERROR(ENOMEM);
    if ((ret = prepare_maker(maker, heat)) < 0)
        return ret;
    for (size_t i = 0; i < result->count; i++) {
        const GcamMoment moment = gcam_heat_moment(heat, i, heat->number, result->time);
        float *map = heat->map + i * size;

        heat->place[i].share = gcam_number_at(&heat->style->box, &moment);
        if ((ret = note_name(maker, i, result->map[i].name)) < 0 ||
            (ret = gradcam_steady_update(maker->steady[i], result->map[i].map, size, result->time, map)) < 0)
            return ret;
        if (ret)
            heat->empty = 0;
        if ((ret = gcam_place_find(&heat->place[i], map, heat->width, heat->height)) < 0)
            return ret;
    }
    return 0;
}
