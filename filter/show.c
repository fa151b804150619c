/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a frame, the maps of one or more classes, a style. Out: the frame with the maps on it. What is drawn is the
 * library's; here frames are made ready for it, and slices of them given to the filter's threads.
 */
#include "show.h"

#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/imgutils.h"
#include "libavutil/pixdesc.h"

#include "ffcompat.h"
#include "video.h"

#include "gradcam_picture.h"
#include "scale.h"

// Rows that a slice thread should have at least.
#define SLICE_ROWS 16

typedef struct Painting {
    const GradcamDrawing *drawing;
    GradcamPicture picture;
    GradcamComponent alpha;
    GradcamRegion region;
} Painting;

// A frame that is unpacked.
typedef struct Unpacking {
    GcamUnpacked *unpacked;
    AVFrame *frame;
} Unpacking;

static int unpack_slice(AVFilterContext *ctx, void *arg, int slice, int slices)
{
    const Unpacking *u = arg;

    if (gcam_format_float(u->frame->format)) {
        gcam_unpacked_fill(&u->unpacked[0], 0, slice, slices);
        gcam_unpacked_fill(&u->unpacked[1], 1, slice, slices);
    } else {
        gcam_unpack(&u->unpacked[0], u->frame, slice, slices);
    }
    return 0;
}

static int pack_slice(AVFilterContext *ctx, void *arg, int slice, int slices)
{
    const Unpacking *u = arg;

    if (gcam_format_float(u->frame->format))
        gcam_pack_float(&u->unpacked[0], &u->unpacked[1], u->frame, slice, slices);
    else
        gcam_pack(&u->unpacked[0], u->frame, slice, slices);
    return 0;
}

static int paint_slice(AVFilterContext *ctx, void *arg, int slice, int slices)
{
    const Painting *p = arg;

    return gradcam_drawing_run(p->drawing, &p->picture, &p->alpha, &p->region, slice, slices);
}

// The look that the style asks for, of frames like this one.
static int find_overlay(GradcamOverlaySettings *overlay, const AVFrame *frame, const GcamStyle *style,
                        const GradcamMethodInfo *method, const GcamMoment *moment)
{
    *overlay = style->overlay;
    overlay->two_sided = method->is_signed;
    if (style->auto_colormap)
        overlay->colormap = gradcam_colormap_for(method);
    overlay->opacity = gcam_number_at(&style->opacity, moment);
    overlay->threshold = gcam_number_at(&style->threshold, moment);
    return gcam_frame_colors(frame, overlay);
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

    return output == GRADCAM_OUTPUT_SIDE && desc ? find_column(desc, width) + width : width;
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

        gradcam_plane_double(out->data[plane], out->linesize[plane], in->data[plane], in->linesize[plane],
                             av_image_get_linesize(in->format, in->width, plane),
                             AV_CEIL_RSHIFT(in->height, chroma ? desc->log2_chroma_h : 0),
                             av_image_get_linesize(in->format, column, plane), desc->comp[0].step);
    }
    av_frame_free(frame);
    *frame = out;
    return 0;
}

// A host may send frames of another size or format than it announced; the link's buffers are no help then.
static int make_writable(AVFilterLink *inlink, AVFrame **frame)
{
    if ((*frame)->width == inlink->w && (*frame)->height == inlink->h && (*frame)->format == inlink->format)
        return ff_inlink_make_frame_writable(inlink, frame);
    return av_frame_make_writable(*frame);
}

// Makes the frame one that can be painted on, in the size of the output.
static int prepare_frame(AVFilterContext *ctx, AVFrame **frame, int side, int painted)
{
    if (side)
        return double_frame(ctx->outputs[0], frame);
    return painted ? make_writable(ctx->inputs[0], frame) : 0;
}

// Planes for a frame that is unpacked.
static int prepare_unpacked(GcamShow *show, const AVFrame *frame, enum GradcamOutput output, Painting *painting)
{
    int ret = gcam_unpacked_prepare(&show->unpacked[0], frame);

    if (ret >= 0 && gcam_format_float(frame->format))
        ret = gcam_unpacked_prepare(&show->unpacked[1], frame);
    painting->alpha = show->unpacked[0].alpha;
    return ret >= 0 && output == GRADCAM_OUTPUT_ALPHA && !painting->alpha.data ? AVERROR(EINVAL) : ret;
}

// Unpacks the frame, paints on its planes from `column` on, and packs it again.
static void paint_unpacked(AVFilterContext *ctx, GcamShow *show, AVFrame *frame, Painting *painting, int column,
                           int slices)
{
    Unpacking unpacking = { show->unpacked, frame };

    ff_filter_execute(ctx, unpack_slice, &unpacking, NULL, slices);
    for (int i = 0; i <= gcam_format_float(frame->format); i++) {
        painting->picture = show->unpacked[i].picture;
        if (column)
            gradcam_picture_right(&painting->picture, column);
        ff_filter_execute(ctx, paint_slice, painting, NULL, slices);
    }
    ff_filter_execute(ctx, pack_slice, &unpacking, NULL, slices);
}

int gcam_show_frame(GcamShow *show, AVFilterContext *ctx, AVFrame **frame, const GcamPlanes *planes,
                    const GradcamResult *result, const GcamStyle *style, const GcamMoment *moment)
{
    const enum GradcamOutput output = style->overlay.output;
    const int width = (*frame)->width, height = (*frame)->height;
    const int slices = FFMIN(ff_filter_get_nb_threads(ctx), FFMAX(height / SLICE_ROWS, 1));
    const int column = output == GRADCAM_OUTPUT_SIDE ? find_column(av_pix_fmt_desc_get((*frame)->format), width) : 0;
    GradcamDrawingSettings settings = style->drawing;
    GradcamOverlaySettings overlay;
    Painting painting = { 0 };
    int ret = prepare_frame(ctx, frame, output == GRADCAM_OUTPUT_SIDE, !!planes);

    if (ret < 0 || !planes || !result->count)
        return ret;
    if ((ret = find_overlay(&overlay, *frame, style, result->method.info, moment)) < 0 ||
        (!show->drawing && (ret = gradcam_drawing_create(&show->drawing)) < 0))
        return ret;
    if (gcam_format_unpacked((*frame)->format))
        ret = prepare_unpacked(show, *frame, output, &painting);
    else if ((ret = gcam_frame_picture(*frame, &painting.picture)) >= 0 && output == GRADCAM_OUTPUT_ALPHA)
        ret = gcam_frame_alpha(*frame, &painting.alpha);
    if (ret < 0)
        return ret;
    settings.overlay = &overlay;
    settings.alpha_depth = painting.alpha.depth;
    ret = gradcam_drawing_prepare(show->drawing, &settings, planes->map, result->count, planes->width, planes->height);
    if (ret < 0)
        return ret;
    painting.drawing = show->drawing;
    painting.region = planes->region;
    if (gcam_format_unpacked((*frame)->format)) {
        paint_unpacked(ctx, show, *frame, &painting, column, slices);
        return 0;
    }
    if (column)
        gradcam_picture_right(&painting.picture, column);
    ff_filter_execute(ctx, paint_slice, &painting, NULL, slices);
    return 0;
}

void gcam_show_reset(GcamShow *show)
{
    gradcam_drawing_free(&show->drawing);
    gcam_unpacked_free(&show->unpacked[0]);
    gcam_unpacked_free(&show->unpacked[1]);
}
