/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a frame, the maps of one or more classes, a style. Out: the frame with the maps on it.
 *
 * What is seen is made in passes, each an overlay with colours of its own: a single one where all classes share a
 * colormap, else one for each class. Where the heat of classes overlaps, each has its part of the weight: of the
 * squares of their maps, so that the stronger is seen and the order of the passes hardly matters.
 */
#include "show.h"

#include <math.h>
#include <string.h>

#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/imgutils.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"

#include "ffcompat.h"
#include "video.h"

#include "gradcam.h"
#include "scale.h"

// Rows that a slice thread should have at least.
#define SLICE_ROWS 16

enum Colors {
    COLORS_MAP,                 // the style's colormap
    COLORS_ONE,                 // one colour
    COLORS_RAMP,                // from black to that colour
    COLORS_WEIGHT,              // the weight as grey, for alpha
};

// What an overlay is made for. All bytes count: keep it zeroed before it is filled.
typedef struct Look {
    GradcamOverlaySettings settings;    // without a table
    int colors;
    uint8_t color[3];
} Look;

// One pass. Overlays are kept while they fit.
typedef struct GcamPaint {
    Look look;
    GradcamOverlay *overlay;
    GradcamPicture picture;
    const float *map;
} Paint;

typedef struct Painting {
    const Paint *paint;
    int count;
    int width, height;          // of the maps
    GradcamRegion region;
} Painting;

static int paint_slice(AVFilterContext *ctx, void *arg, int slice, int slices)
{
    const Painting *p = arg;

    for (int i = 0; i < p->count; i++) {
        const int ret = gradcam_overlay_blend(p->paint[i].overlay, &p->paint[i].picture, p->paint[i].map, p->width,
                                              p->height, &p->region, slice, slices);
        if (ret < 0)
            return ret;
    }
    return 0;
}

// ---------------------------------------------------------------------------------------------------------- maps

static float *allocate_maps(GcamShow *show, size_t count)
{
    av_fast_malloc(&show->map, &show->map_size, sizeof(*show->map) * FFMAX(count, 1));
    return show->map;
}

// The greatest value of all classes at each place.
static void join_maps(const float *map, size_t targets, size_t size, float *out)
{
    memcpy(out, map, size * sizeof(*out));
    for (size_t i = 1; i < targets; i++)
        for (size_t j = 0; j < size; j++)
            out[j] = FFMAX(out[j], map[i * size + j]);
}

// For each class its map times its share of the sum of squares.
static void part_maps(const float *map, size_t targets, size_t size, float *out)
{
    for (size_t j = 0; j < size; j++) {
        float sum = 0;

        for (size_t i = 0; i < targets; i++)
            sum += map[i * size + j] * map[i * size + j];
        for (size_t i = 0; i < targets; i++) {
            const float m = map[i * size + j];

            out[i * size + j] = sum > 0 ? m * (m * m / sum) : 0;
        }
    }
}

// For each class its share of itself and those before it: laid over each other, the colours are mixed by the maps.
static void mix_maps(const float *map, size_t targets, size_t size, float *out)
{
    for (size_t j = 0; j < size; j++) {
        float sum = 0;

        for (size_t i = 0; i < targets; i++) {
            sum += map[i * size + j];
            out[i * size + j] = sum > 0 ? map[i * size + j] / sum : 0;
        }
    }
}

// -------------------------------------------------------------------------------------------------------- passes

static void fill_table(const Look *look, uint8_t table[256][3], const GradcamOverlaySettings *weight)
{
    for (int i = 0; i < 256; i++) {
        const double m = i / 255., w = i < 255 * weight->threshold ? 0
                                     : weight->blend == GRADCAM_BLEND_FLAT ? weight->opacity
                                                                           : weight->opacity * pow(m, weight->gamma);
        for (int c = 0; c < 3; c++)
            table[i][c] = look->colors == COLORS_WEIGHT ? lrint(255 * w)
                        : look->colors == COLORS_RAMP ? lrint(look->color[c] * m) : look->color[c];
    }
}

// The overlay of pass i.
static int prepare_paint(GcamShow *show, int i, const Look *look)
{
    Paint *paint;
    GradcamOverlaySettings settings = look->settings;
    uint8_t table[256][3];

    if (i >= show->paints) {
        paint = av_realloc_array(show->paint, i + 1, sizeof(*paint));
        if (!paint)
            return AVERROR(ENOMEM);
        show->paint = paint;
        memset(&paint[show->paints], 0, (i + 1 - show->paints) * sizeof(*paint));
        show->paints = i + 1;
    }
    paint = &show->paint[i];
    if (paint->overlay && !memcmp(look, &paint->look, sizeof(*look)))
        return 0;
    gradcam_overlay_free(&paint->overlay);
    paint->look = *look;
    if (look->colors != COLORS_MAP) {
        fill_table(look, table, &look->settings);
        settings.table = (const uint8_t (*)[3])table;
    }
    return gradcam_overlay_create(&paint->overlay, &settings);
}

// What the style asks for, of frames like this one.
static int start_look(Look *look, const AVFrame *frame, const GcamStyle *style, const GcamMoment *moment)
{
    memset(look, 0, sizeof(*look));
    look->settings.colormap = style->colormap;
    look->settings.blend = style->blend;
    look->settings.output = style->output < GCAM_OUTPUT_SIDE ? style->output : GRADCAM_OUTPUT_OVERLAY;
    look->settings.opacity = gcam_number_at(&style->opacity, moment);
    look->settings.threshold = gcam_number_at(&style->threshold, moment);
    look->settings.gamma = style->gamma;
    return gcam_frame_colors(frame, &look->settings);
}

// From the second pass on of outputs that do not have the frame under them: as the map has it.
static void set_plain(GradcamOverlaySettings *settings)
{
    settings->output = GRADCAM_OUTPUT_OVERLAY;
    settings->blend = GRADCAM_BLEND_HEAT;
    settings->opacity = 1;
    settings->gamma = 1;
    settings->threshold = 0;
}

// A pass for each class; for the alpha the joined maps too, at show->map. Returns how many.
static int plan_classes(GcamShow *show, Look look, const GradcamPicture *picture, const GcamPlanes *planes,
                        size_t targets, const GcamStyle *style)
{
    const size_t size = (size_t)planes->width * planes->height;
    float *joined = allocate_maps(show, (1 + targets) * size), *map;
    int ret;

    if (!joined)
        return AVERROR(ENOMEM);
    map = joined + size;
    if (style->output == GCAM_OUTPUT_ALPHA) {
        join_maps(planes->map, targets, size, joined);
        mix_maps(planes->map, targets, size, map);
    } else {
        part_maps(planes->map, targets, size, map);
    }
    look.colors = COLORS_ONE;
    if (style->output == GCAM_OUTPUT_HEATMAP)
        look.colors = COLORS_RAMP;
    else if (style->output == GCAM_OUTPUT_ALPHA)
        look.settings.output = GRADCAM_OUTPUT_HEATMAP;
    for (size_t i = 0; i < targets; i++) {
        memcpy(look.color, gcam_style_color(style, i, targets), 3);
        if ((ret = prepare_paint(show, i, &look)) < 0)
            return ret;
        show->paint[i].map = map + i * size;
        show->paint[i].picture = *picture;
        if (look.settings.output != GRADCAM_OUTPUT_OVERLAY) {
            look.colors = COLORS_ONE;
            set_plain(&look.settings);
        }
    }
    return targets;
}

// One pass for all classes, of the joined maps at show->map. Returns 1.
static int plan_joined(GcamShow *show, Look look, const GradcamPicture *picture, const GcamPlanes *planes,
                       size_t targets, const GcamStyle *style)
{
    const size_t size = (size_t)planes->width * planes->height;
    float *map = allocate_maps(show, size);
    int ret;

    if (!map)
        return AVERROR(ENOMEM);
    join_maps(planes->map, targets, size, map);
    if (style->output == GCAM_OUTPUT_ALPHA)
        look.settings.output = GRADCAM_OUTPUT_HEATMAP;
    if ((ret = prepare_paint(show, 0, &look)) < 0)
        return ret;
    show->paint[0].map = map;
    show->paint[0].picture = *picture;
    return 1;
}

// The pass that writes the weights, of the joined maps, into the frame's alpha.
static int plan_alpha(GcamShow *show, int pass, Look look, const AVFrame *frame)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const AVComponentDescriptor *alpha = &desc->comp[desc->nb_components - 1];
    int ret;

    if (!(desc->flags & AV_PIX_FMT_FLAG_ALPHA))
        return AVERROR(EINVAL);
    look.colors = COLORS_WEIGHT;
    look.settings.output = GRADCAM_OUTPUT_HEATMAP;
    look.settings.model = GRADCAM_COLOR_GRAY;
    look.settings.full_range = 1;
    look.settings.depth[0] = alpha->depth;
    look.settings.depth[1] = look.settings.depth[2] = 0;
    if ((ret = prepare_paint(show, pass, &look)) < 0)
        return ret;
    show->paint[pass].map = show->map;
    show->paint[pass].picture = (GradcamPicture){ frame->width, frame->height, { {
        frame->data[alpha->plane] + alpha->offset, frame->linesize[alpha->plane], alpha->step, frame->width,
        frame->height, alpha->depth, alpha->shift
    } } };
    return pass + 1;
}

// Returns the number of passes.
static int plan(GcamShow *show, const AVFrame *frame, const GradcamPicture *picture, const GcamPlanes *planes,
                size_t targets, const GcamStyle *style, const GcamMoment *moment)
{
    const int each = gcam_style_color(style, 0, targets) && style->output != GCAM_OUTPUT_MASK;
    Look look;
    int ret;

    if ((ret = start_look(&look, frame, style, moment)) < 0)
        return ret;
    ret = each ? plan_classes(show, look, picture, planes, targets, style)
               : plan_joined(show, look, picture, planes, targets, style);
    if (ret < 0 || style->output != GCAM_OUTPUT_ALPHA)
        return ret;
    return plan_alpha(show, ret, look, frame);
}

// --------------------------------------------------------------------------------------------------------- frames

// Column at which the right one of two frames begins: chroma samples of both must not meet in one.
static int find_column(const AVPixFmtDescriptor *desc, int width)
{
    return FFALIGN(width, 1 << desc->log2_chroma_w);
}

int gcam_show_width(int output, enum AVPixelFormat format, int width)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);

    return output == GCAM_OUTPUT_SIDE && desc ? find_column(desc, width) + width : width;
}

// Columns between the two frames, of a plane that has a sample for each: the last one is repeated.
static void fill_gap(AVFrame *out, int plane, int step, int from, int to)
{
    for (int y = 0; y < out->height; y++) {
        uint8_t *row = out->data[plane] + (ptrdiff_t)y * out->linesize[plane];

        for (int x = from; x < to; x++)
            memcpy(row + x * step, row + (from - 1) * step, step);
    }
}

// Two of the frame side by side in the place of it.
static int double_frame(AVFilterLink *outlink, AVFrame **frame)
{
    const AVFrame *in = *frame;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(in->format);
    const int column = find_column(desc, in->width);
    AVFrame *out = ff_get_video_buffer(outlink, column + in->width, in->height);
    int ret;

    if (!out)
        return AVERROR(ENOMEM);
    if ((ret = av_frame_copy_props(out, in)) < 0) {
        av_frame_free(&out);
        return ret;
    }
    for (int plane = 0; plane < av_pix_fmt_count_planes(in->format); plane++) {
        const int chroma = (plane == 1 || plane == 2) && !(desc->flags & AV_PIX_FMT_FLAG_RGB);
        const int rows = AV_CEIL_RSHIFT(in->height, chroma ? desc->log2_chroma_h : 0);
        const int bytes = av_image_get_linesize(in->format, in->width, plane);
        uint8_t *right = out->data[plane] + av_image_get_linesize(in->format, column, plane);

        av_image_copy_plane(out->data[plane], out->linesize[plane], in->data[plane], in->linesize[plane], bytes, rows);
        av_image_copy_plane(right, out->linesize[plane], in->data[plane], in->linesize[plane], bytes, rows);
        if (!chroma && av_pix_fmt_count_planes(in->format) > 1)
            fill_gap(out, plane, desc->comp[0].step, in->width, column);
    }
    av_frame_free(frame);
    *frame = out;
    return 0;
}

// The right one of the two.
static void find_right(const AVFrame *frame, int width, GradcamPicture *picture)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const int column = find_column(desc, width);

    picture->width = width;
    for (int i = 0; i < 3 && picture->component[i].data; i++) {
        GradcamComponent *c = &picture->component[i];
        const int shift = i > 0 && !(desc->flags & AV_PIX_FMT_FLAG_RGB) ? desc->log2_chroma_w : 0;

        c->data += (column >> shift) * c->step;
        c->width = AV_CEIL_RSHIFT(width, shift);
    }
}

// A host may send frames of another size or format than it announced; the link's buffers are no help then.
static int make_writable(AVFilterLink *inlink, AVFrame **frame)
{
    if ((*frame)->width == inlink->w && (*frame)->height == inlink->h && (*frame)->format == inlink->format)
        return ff_inlink_make_frame_writable(inlink, frame);
    return av_frame_make_writable(*frame);
}

int gcam_show_frame(GcamShow *show, AVFilterContext *ctx, AVFrame **frame, const GcamPlanes *planes, size_t targets,
                    const GcamStyle *style, const GcamMoment *moment)
{
    const int width = (*frame)->width, slices = FFMIN(ff_filter_get_nb_threads(ctx),
                                                      FFMAX((*frame)->height / SLICE_ROWS, 1));
    const int side = style->output == GCAM_OUTPUT_SIDE;
    Painting painting = { 0 };
    GradcamPicture picture;
    int ret = 0;

    if (side)
        ret = double_frame(ctx->outputs[0], frame);
    else if (planes)
        ret = make_writable(ctx->inputs[0], frame);
    if (ret < 0 || !planes || !targets)
        return ret;
    if ((ret = gcam_frame_picture(*frame, &picture)) < 0)
        return ret;
    if (side)
        find_right(*frame, width, &picture);
    if ((ret = plan(show, *frame, &picture, planes, targets, style, moment)) < 0)
        return ret;
    painting.paint = show->paint;
    painting.count = ret;
    painting.width = planes->width;
    painting.height = planes->height;
    painting.region = planes->region;
    ff_filter_execute(ctx, paint_slice, &painting, NULL, slices);
    return 0;
}

void gcam_show_reset(GcamShow *show)
{
    for (int i = 0; i < show->paints; i++)
        gradcam_overlay_free(&show->paint[i].overlay);
    av_freep(&show->paint);
    show->paints = 0;
    av_freep(&show->map);
    show->map_size = 0;
}
