/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: options, a decoded picture, raw maps. Out: an RGB picture with the maps on it, in the look that the options ask
 * for.
 */
#include "draw.h"
#include "gradcam_picture.h"

#include <stdlib.h>
#include <string.h>

#include <libavutil/parseutils.h>
#include <libavutil/pixdesc.h>

#include "paint.h"
#include "picture.h"
#include "say.h"
#include "scale.h"

const Option draw_options[] = {
    { "output", 0, "WHAT",
      "overlay; heatmap: the colours alone; mask: grey levels; side: the picture and right of it the overlay; alpha: "
      "the colours with their weight as alpha (default overlay)" },
    { "colors", 0, "COLORS",
      "a colour for each class, joined by | , as red|0x00FF80; auto: a palette for several classes, the colormap for "
      "one; none: the colormap for all (default auto)" },
    { "colormap", 0, "NAME",
      "turbo, jet, viridis, inferno, magma, plasma, cividis, hot, gray or bwr (default turbo; bwr, blue over white to "
      "red, for maps of what speaks for and against)" },
    { "opacity", 0, "NUMBER", "greatest weight of the colours, 0 to 1 (default 0.6)" },
    { "threshold", 0, "NUMBER", "value of the map, 0 to 1, below which it counts as 0 (default 0)" },
    { "blend", 0, "heat|flat",
      "weight of the colours: opacity times map^gamma, or opacity everywhere (default heat)" },
    { "gamma", 0, "NUMBER", "exponent of --blend heat, 0.1 to 10 (default 1)" },
    { "scale", 0, "HOW",
      "what the colours stand for: the lowest to the highest value of each map (frame), 0 to the highest (running), "
      "--low to --high (fixed) (default frame)" },
    { "low", 0, "NUMBER", "raw value of --scale fixed that gets the lowest colour (default 0)" },
    { "high", 0, "NUMBER", "raw value of --scale fixed that gets the highest colour (default 1)" },
    { "upsample", 0, "HOW", 
      "how the map is enlarged: bilinear, bicubic or spline (default spline)" },
    { "boxes", 0, NULL, "draw a box around what is hottest, and tell it" },
    { "box", 0, "NUMBER", "share of a map's highest value that counts as inside its box, 0 to 1 (default 0.15)" },
    { 0 }
};

static const char *const blends[] = { "heat", "flat", NULL };

// -------------------------------------------------------------------------------------------------------- options

// --colors, a list of names joined by |.
static int read_colors(Draw *draw, const char *text)
{
    size_t most = 1;

    draw->settings.one_colormap = !strcmp(text, "none");
    if (draw->settings.one_colormap || !strcmp(text, "auto"))
        return STATUS_OK;
    for (const char *bar = text; (bar = strchr(bar, '|')); bar++)
        most++;
    draw->color = calloc(most, sizeof(*draw->color));
    if (!draw->color)
        return say_failure("out of memory");
    for (size_t i = 0; i < most; i++) {
        const int length = (int)strcspn(text, "|");
        uint8_t rgba[4];
        if (av_parse_color(rgba, text, length, NULL) < 0)
            return say_usage("explain", "--colors: \"%.*s\" is not a colour", length, text);
        memcpy(draw->color[i], rgba, 3);
        text += length + 1;
    }
    draw->settings.color = (const uint8_t (*)[3])draw->color;
    draw->settings.colors = most;
    return STATUS_OK;
}

// One of the names of an enumeration of the library.
static int read_enum(const Arguments *a, const char *option, const char *(*name)(int), int *value)
{
    const char *names[16] = { NULL };

    for (int i = 0; i < 15 && (names[i] = name(i)); i++)
        ;
    return option_choice(a, option, names, value);
}

static const char *output_name(int i)
{
    return gradcam_output_name(i);
}

static const char *colormap_name(int i)
{
    return gradcam_colormap_name(i);
}

static const char *scale_name(int i)
{
    return gradcam_scale_name(i);
}

static const char *upsample_name(int i)
{
    return gradcam_upsample_name(i);
}

static int read_scale(Draw *draw, const Arguments *a)
{
    int scale = GRADCAM_SCALE_FRAME, status;
    double low = 0, high = 1;

    if ((status = read_enum(a, "scale", scale_name, &scale)) ||
        (status = option_number(a, "low", -1e30, 1e30, &low)) ||
        (status = option_number(a, "high", -1e30, 1e30, &high)))
        return status;
    draw->scale = (GradcamSteadySettings){
        .size = sizeof(draw->scale), .scale = scale, .low = (float)low, .high = (float)high,
    };
    if (gradcam_steady_create(&draw->steady, &draw->scale) < 0)
        return say_usage("explain", "--low %g is not below --high %g", low, high);
    return STATUS_OK;
}

int draw_open(Draw *draw, const Arguments *a)
{
    const char *colors = option_value(a, "colors");
    double opacity = 0.6, gamma = 1, threshold = 0;
    int colormap = GRADCAM_COLORMAP_TURBO, blend = GRADCAM_BLEND_HEAT, output = GRADCAM_OUTPUT_OVERLAY,
        upsample = GRADCAM_UPSAMPLE_SPLINE, status;

    draw->box = 0.15;
    draw->boxes = option_given(a, "boxes");
    draw->auto_colormap = !option_given(a, "colormap");
    if ((status = read_enum(a, "output", output_name, &output)) ||
        (status = read_enum(a, "colormap", colormap_name, &colormap)) ||
        (status = read_enum(a, "upsample", upsample_name, &upsample)) ||
        (status = option_choice(a, "blend", blends, &blend)) ||
        (status = option_number(a, "opacity", 0, 1, &opacity)) ||
        (status = option_number(a, "threshold", 0, 1, &threshold)) ||
        (status = option_number(a, "gamma", 0.1, 10, &gamma)) ||
        (status = option_number(a, "box", 0, 1, &draw->box)) ||
        (status = read_scale(draw, a)) || (colors && (status = read_colors(draw, colors))))
        return status;
    draw->settings.size = sizeof(draw->settings);
    draw->overlay = (GradcamOverlaySettings){
        .size = sizeof(draw->overlay),
        .colormap = colormap, .blend = blend, .output = output, .opacity = (float)opacity, .gamma = (float)gamma,
        .threshold = (float)threshold, .upsample = upsample,
    };
    return gradcam_drawing_create(&draw->drawing) < 0 ? say_failure("out of memory") : STATUS_OK;
}

int draw_set_method(Draw *draw, const GradcamMethodInfo *method)
{
    draw->overlay.two_sided = draw->scale.is_signed = method->is_signed;
    draw->scale.of_pixels = method->of_pixels;
    if (draw->auto_colormap)
        draw->overlay.colormap = gradcam_colormap_for(method);
    gradcam_steady_free(&draw->steady);
    return gradcam_steady_create(&draw->steady, &draw->scale) < 0 ? say_failure("out of memory") : STATUS_OK;
}

void draw_close(Draw *draw)
{
    gradcam_drawing_free(&draw->drawing);
    gradcam_steady_free(&draw->steady);
    free(draw->color);
}

// -------------------------------------------------------------------------------------------------------- drawing

int draw_scale(Draw *draw, const float *raw, int width, int height, float *shown, GradcamPlace *place)
{
    gradcam_steady_reset(draw->steady);
    GradcamPlace peak = { .size = sizeof(peak) };
    int error = gradcam_steady_update(draw->steady, raw, (size_t)width * height, 0, shown);

    if (error >= 0)
        error = gradcam_map_place(raw, width, height, 0, &peak);
    if (error >= 0)
        error = gradcam_map_place(shown, width, height, draw->boxes ? draw->box : 0, place);
    if (error < 0)
        return error;
    place->peak_x = peak.peak_x;        // which a scale may have cut off
    place->peak_y = peak.peak_y;
    return 0;
}

// Two of the frame side by side, in the place of it.
static int double_frame(AVFrame **frame)
{
    const AVFrame *in = *frame;
    AVFrame *out = av_frame_alloc();
    const int step = av_pix_fmt_desc_get(in->format)->comp[0].step;
    const size_t bytes = (size_t)in->width * step;

    if (!out)
        return AVERROR(ENOMEM);
    out->format = in->format;
    out->width = 2 * in->width;
    out->height = in->height;
    out->color_range = in->color_range;
    out->colorspace = in->colorspace;
    const int error = av_frame_get_buffer(out, 0);
    if (error < 0) {
        av_frame_free(&out);
        return error;
    }
    gradcam_plane_double(out->data[0], out->linesize[0], in->data[0], in->linesize[0], bytes, in->height, bytes, step);
    av_frame_free(frame);
    *frame = out;
    return 0;
}

// left: of the picture in the frame.
static int draw_boxes(const Draw *draw, AVFrame *frame, const Maps *maps, int left)
{
    static const uint8_t white[3] = { 255, 255, 255 };
    const int width = frame->width - left, shorter = width < frame->height ? width : frame->height;
    const int line = shorter / 200 > 2 ? shorter / 200 : 2;
    int error = 0;

    for (size_t i = 0; !error && draw->boxes && i < maps->count; i++) {
        const uint8_t *color = gradcam_drawing_color(&draw->settings, i, maps->count);
        GradcamPixels p = { .size = sizeof(p) };
        gradcam_place_pixels(&maps->place[i], &maps->region, width, frame->height, &p);
        if (p.boxed)
            error = paint_box(frame, color ? color : white, left + p.x, p.y, p.width, p.height, line);
    }
    return error;
}

int draw_on_frame(Draw *draw, AVFrame **frame, const Maps *maps)
{
    const int width = (*frame)->width, side = draw->overlay.output == GRADCAM_OUTPUT_SIDE;
    GradcamPicture picture;
    GradcamComponent alpha = { 0 };
    int error = side ? double_frame(frame) : 0;

    if (!error)
        error = gcam_frame_picture(*frame, &picture);
    if (!error)
        error = gcam_frame_colors(*frame, &draw->overlay);
    if (error)
        return error;
    paint_alpha(*frame, &alpha);
    draw->settings.overlay = &draw->overlay;
    draw->settings.alpha_depth = alpha.depth;
    if (side)
        gradcam_picture_right(&picture, width);
    error = gradcam_drawing_prepare(draw->drawing, &draw->settings, maps->map, maps->count, maps->width, maps->height);
    if (!error)
        error = gradcam_drawing_run(draw->drawing, &picture, &alpha, &maps->region, 0, 1);
    return error ? error : draw_boxes(draw, *frame, maps, side ? width : 0);
}

int draw_maps(Draw *draw, AVFrame **out, const AVFrame *frame, const char *path, const Maps *maps)
{
    int status = picture_to_rgb(out, frame, draw->overlay.output == GRADCAM_OUTPUT_ALPHA, path);

    if (status)
        return status;
    const int error = draw_on_frame(draw, out, maps);
    if (!error)
        return STATUS_OK;
    av_frame_free(out);
    return say_failure("cannot draw on %s: %s", path, gradcam_strerror(error));
}
