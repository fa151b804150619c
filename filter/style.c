/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: options as texts. Out: an immutable style.
 */
#include "style.h"
#include "gradcam_picture.h"

#include <string.h>

#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/mem.h"
#include "libavutil/parseutils.h"

// Names of colours joined by |.
static int parse_colors(GcamStyle *style, void *log, const char *text)
{
    const char *at = text;
    size_t most = 1, count = 0;
    char name[128];

    for (const char *bar = text; (bar = strchr(bar, '|')); bar++)
        most++;
    style->color = av_calloc(most, sizeof(*style->color));
    if (!style->color)
        return AVERROR(ENOMEM);
    for (; count < most; count++) {
        const size_t length = strcspn(at, "|");
        uint8_t rgba[4];

        if (length >= sizeof(name))
            return AVERROR(EINVAL);
        memcpy(name, at, length);
        name[length] = 0;
        if (av_parse_color(rgba, name, -1, log) < 0) {
            av_log(log, AV_LOG_ERROR, "colors=%s: '%s' is not a colour\n", text, name);
            return AVERROR(EINVAL);
        }
        memcpy(style->color[count], rgba, 3);
        at += length + 1;
    }
    style->drawing.color = (const uint8_t (*)[3])style->color;
    style->drawing.colors = count;
    return 0;
}

// How maps are scaled and smoothed.
static int take_steady(GcamStyle *style, void *log, const GcamStyleOptions *options)
{
    style->steady.smooth = options->smooth;
    style->steady.scale = options->scale;
    style->steady.release = options->release;
    style->steady.low = options->low;
    style->steady.high = options->high;
    if (options->scale == GRADCAM_SCALE_FIXED && style->steady.low >= style->steady.high) {
        av_log(log, AV_LOG_ERROR, "low=%.9g is not below high=%.9g\n", style->steady.low, style->steady.high);
        return AVERROR(EINVAL);
    }
    return 0;
}

int gcam_style_create(GcamStyle **out, void *log, const GcamStyleOptions *options)
{
    GcamStyle *style = av_mallocz(sizeof(*style));
    int ret;

    *out = NULL;
    if (!style)
        return AVERROR(ENOMEM);
    style->references = 1;
    style->drawing.size = sizeof(style->drawing);
    style->overlay.size = sizeof(style->overlay);
    style->steady.size = sizeof(style->steady);
    style->auto_colormap = options->colormap == GCAM_COLORMAP_AUTO;
    style->overlay.colormap = style->auto_colormap ? GRADCAM_COLORMAP_TURBO : options->colormap;
    style->overlay.blend = options->blend;
    style->overlay.output = options->output;
    style->overlay.gamma = options->gamma;
    style->overlay.upsample = options->upsample;
    style->drawing.one_colormap = !strcmp(options->colors, "none");
    if ((ret = take_steady(style, log, options)) < 0 ||
        (ret = gcam_number_parse(&style->box, log, "box", options->box, 0, 1)) < 0 ||
        (ret = gcam_number_parse(&style->opacity, log, "opacity", options->opacity, 0, 1)) < 0 ||
        (ret = gcam_number_parse(&style->threshold, log, "threshold", options->threshold, 0, 1)) < 0 ||
        (!style->drawing.one_colormap && strcmp(options->colors, "auto") &&
         (ret = parse_colors(style, log, options->colors)) < 0)) {
        gcam_style_unref(&style);
        return ret;
    }
    *out = style;
    return 0;
}

GcamStyle *gcam_style_ref(GcamStyle *style)
{
    style->references++;
    return style;
}

void gcam_style_unref(GcamStyle **style)
{
    if (*style && !--(*style)->references) {
        gcam_number_free(&(*style)->box);
        gcam_number_free(&(*style)->opacity);
        gcam_number_free(&(*style)->threshold);
        av_free((*style)->color);
        av_free(*style);
    }
    *style = NULL;
}
