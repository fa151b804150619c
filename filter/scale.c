/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: an AVFrame. Out: 8-bit RGB or grey at the model's size in a buffer of the caller. Every fit is one idea: the
 * picture is scaled to some size, and lies at some offset on the model's input, reaching beyond it (crop) or leaving
 * bars (pad). Formats that can be described are scaled by libgradcam, which is faster and nearer to what networks were
 * trained with, the others by swscale.
 */
#include "scale.h"
#include "gradcam_picture.h"
#include "rotate.h"
#include "unpack.h"

#include <string.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#include <libavutil/rational.h>
#include <libswscale/swscale.h>

// A picture longer than this many times the model's shape is squeezed to it, so that memory stays bounded.
#define MAX_STRETCH 16

// swscale may write whole vectors past the end of a row.
#define ROW_ALIGN   64

// The scaled picture and its place on the model's input, in pixels of that input.
typedef struct Geometry {
    int width, height;
    int x, y;
} Geometry;

// What a scaler was made ready for.
typedef struct Job {
    int width, height, format, colorspace, range, chroma, transfer, primaries;
    AVRational aspect;
    int out_width, out_height;
} Job;

struct GcamScaler {
    enum GcamFit fit;
    int channels;               // of what comes out
    uint8_t pad[3];
    Job job;
    Geometry geometry;
    GradcamResizer *resizer;    // or NULL, then
    struct SwsContext *sws;
    uint8_t *scaled;            // geometry.height rows of `stride` bytes, RGB
    double luma[3];             // shares of R, G, B
    ptrdiff_t stride;
    int turns;                  // of frames, clockwise
    uint8_t *lying;             // the picture before it is turned
    unsigned lying_size;        // bytes
    GcamUnpacked unpacked;      // frames of formats that cannot be described
    AVFrame *flat;              // where frames with alpha are laid over grey; or NULL
};

int gcam_scaler_create(GcamScaler **out, enum GcamFit fit, int channels, const uint8_t *pad)
{
    GcamScaler *scaler = NULL;

    *out = NULL;
    if ((unsigned)fit >= GCAM_FIT_COUNT || (channels != 1 && channels != 3))
        return AVERROR(EINVAL);
    scaler = av_mallocz(sizeof(*scaler));
    if (!scaler)
        return AVERROR(ENOMEM);
    scaler->fit = fit;
    scaler->channels = channels;
    if (pad)
        memcpy(scaler->pad, pad, channels);
    *out = scaler;
    return 0;
}

static void unready(GcamScaler *scaler)
{
    gradcam_resizer_free(&scaler->resizer);
    sws_freeContext(scaler->sws);
    scaler->sws = NULL;
    av_freep(&scaler->scaled);
    av_frame_free(&scaler->flat);
    gcam_unpacked_free(&scaler->unpacked);
}

void gcam_scaler_free(GcamScaler **scaler)
{
    if (!scaler || !*scaler)
        return;
    unready(*scaler);
    av_free((*scaler)->lying);
    av_freep(scaler);
}

static Geometry find_geometry(enum GcamFit fit, int width, int height, AVRational aspect,
                              int out_width, int out_height)
{
    Geometry g = { out_width, out_height, 0, 0 };

    if (fit == GCAM_FIT_STRETCH)
        return g;
    double pixel = aspect.num > 0 && aspect.den > 0 ? av_q2d(aspect) : 1.0;
    // How much wider the picture is than the input, for equal heights.
    double ratio = width * pixel * out_height / ((double)height * out_width);
    ratio = av_clipd(ratio, 1.0 / MAX_STRETCH, MAX_STRETCH);
    if ((fit == GCAM_FIT_CROP) == (ratio > 1.0))
        g.width = FFMAX((int)(out_width * ratio + 0.5), 1);
    else
        g.height = FFMAX((int)(out_height / ratio + 0.5), 1);
    g.x = (out_width - g.width) / 2;
    g.y = (out_height - g.height) / 2;
    return g;
}

// Where an output of the given size lies on the frame.
static GradcamRegion find_region(const Geometry *g, const AVFrame *frame, int width, int height)
{
    return (GradcamRegion){
        -(double)g->x * frame->width / g->width, -(double)g->y * frame->height / g->height,
        (double)width * frame->width / g->width, (double)height * frame->height / g->height,
    };
}

void gcam_scaler_region(enum GcamFit fit, const AVFrame *frame, int turns, int width, int height,
                        GradcamRegion *region)
{
    const int w = turns & 1 ? height : width, h = turns & 1 ? width : height;
    Geometry g = find_geometry(fit, frame->width, frame->height, frame->sample_aspect_ratio, w, h);

    *region = find_region(&g, frame, w, h);
}

void gcam_scaler_set_turns(GcamScaler *scaler, int turns)
{
    scaler->turns = turns & 3;
}

static int jobs_equal(const Job *a, const Job *b)
{
    return a->width == b->width && a->height == b->height && a->format == b->format &&
           a->colorspace == b->colorspace && a->range == b->range && a->chroma == b->chroma &&
           a->transfer == b->transfer && a->primaries == b->primaries &&
           a->aspect.num == b->aspect.num && a->aspect.den == b->aspect.den &&
           a->out_width == b->out_width && a->out_height == b->out_height;
}

// How far chroma lies from the middle of the pixels it stands for. A frame that does not tell has it in the
// middle, where swscale puts it too; decoders do tell.
static void find_chroma(const AVFrame *frame, double *x, double *y)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const double half_x = 0.5 * ((1 << desc->log2_chroma_w) - 1), half_y = 0.5 * ((1 << desc->log2_chroma_h) - 1);
    const enum AVChromaLocation at = frame->chroma_location;

    *x = at == AVCHROMA_LOC_LEFT || at == AVCHROMA_LOC_TOPLEFT || at == AVCHROMA_LOC_BOTTOMLEFT ? -half_x : 0;
    *y = at == AVCHROMA_LOC_TOP || at == AVCHROMA_LOC_TOPLEFT ? -half_y :
         at == AVCHROMA_LOC_BOTTOM || at == AVCHROMA_LOC_BOTTOMLEFT ? half_y : 0;
}

static int ready_resizer(GcamScaler *scaler, const AVFrame *frame, int width, int height)
{
    GradcamOverlaySettings colors = { .size = sizeof(colors) };
    GradcamResizerSettings settings = {
        .size = sizeof(settings),
        .region = find_region(&scaler->geometry, frame, width, height), .width = width, .height = height,
        .gray = scaler->channels == 1,
    };
    int ret = gcam_frame_picture(frame, &settings.picture);

    if (ret < 0 && (ret = gcam_unpacked_prepare(&scaler->unpacked, frame)) >= 0)
        settings.picture = scaler->unpacked.picture;
    if (ret < 0 || (ret = gcam_frame_colors(frame, &colors)) < 0)
        return ret;
    settings.model = colors.model;
    settings.matrix = colors.matrix;
    settings.full_range = colors.full_range;
    settings.transfer = colors.transfer;
    settings.primaries = colors.primaries;
    find_chroma(frame, &settings.chroma_x, &settings.chroma_y);
    return gradcam_resizer_create(&scaler->resizer, &settings);
}

// Shares of red, green and blue in the luma: swscale's coefficients are 2 (1 - share) of red and blue, for limited
// range.
static void find_luma(const int *matrix, double luma[3])
{
    luma[0] = 1.0 - matrix[0] / 65536.0 * 224 / 255 / 2;
    luma[2] = 1.0 - matrix[1] / 65536.0 * 224 / 255 / 2;
    luma[1] = 1.0 - luma[0] - luma[2];
}

static int ready_swscale(GcamScaler *scaler, const AVFrame *frame, const Job *job)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(job->format);
    const int flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;
    const Geometry *g = &scaler->geometry;
    const int *matrix;
    int full_range;

    if (!desc || !sws_isSupportedInput(gcam_format_plain(job->format)))
        return AVERROR(ENOTSUP);
    scaler->stride = FFALIGN((ptrdiff_t)g->width * 3, ROW_ALIGN);
    scaler->scaled = av_malloc((size_t)scaler->stride * g->height + ROW_ALIGN);
    if (!scaler->scaled)
        return AVERROR(ENOMEM);
    scaler->sws = sws_getContext(job->width, job->height, gcam_format_plain(job->format), g->width, g->height,
                                 AV_PIX_FMT_RGB24, flags, NULL, NULL, NULL);
    if (!scaler->sws)
        return AVERROR(EINVAL);
    matrix = gcam_frame_matrix(frame, &full_range);
    if (desc->flags & AV_PIX_FMT_FLAG_RGB)
        matrix = sws_getCoefficients(SWS_CS_ITU601);
    // Fails for RGB sources, which need nothing of it.
    sws_setColorspaceDetails(scaler->sws, matrix, full_range, matrix, 1, 0, 1 << 16, 1 << 16);
    find_luma(matrix, scaler->luma);
    return 0;
}

static int make_ready(GcamScaler *scaler, const AVFrame *frame, const Job *job)
{
    int ret = AVERROR(EINVAL);

    unready(scaler);
    scaler->geometry = find_geometry(scaler->fit, job->width, job->height, job->aspect, job->out_width,
                                     job->out_height);
    if (gcam_format_supported(job->format) || gcam_format_unpacked(job->format))
        ret = ready_resizer(scaler, frame, job->out_width, job->out_height);
    if (ret == AVERROR(EINVAL))         // of another format, or larger than it takes
        ret = ready_swscale(scaler, frame, job);
    if (ret < 0)
        unready(scaler);
    else
        scaler->job = *job;
    return ret;
}

static void fill_row(const GcamScaler *scaler, uint8_t *row, int width)
{
    for (int x = 0; x < width; x++)
        memcpy(row + scaler->channels * x, scaler->pad, scaler->channels);
}

// Paints what the scaled picture does not cover.
static void paint_bars(const GcamScaler *scaler, uint8_t *pixels, ptrdiff_t stride, int width, int height)
{
    const Geometry *g = &scaler->geometry;
    const int left = FFMAX(g->x, 0), right = FFMIN(g->x + g->width, width);

    for (int y = 0; y < height; y++) {
        uint8_t *row = pixels + y * stride;
        if (y < g->y || y >= g->y + g->height) {
            fill_row(scaler, row, width);
        } else {
            fill_row(scaler, row, left);
            fill_row(scaler, row + scaler->channels * right, width - right);
        }
    }
}

static void copy_row(const GcamScaler *scaler, const uint8_t *rgb, uint8_t *out, int width)
{
    const double *luma = scaler->luma;

    if (scaler->channels == 3)
        memcpy(out, rgb, 3 * width);
    else
        for (int x = 0; x < width; x++, rgb += 3)
            out[x] = (uint8_t)(luma[0] * rgb[0] + luma[1] * rgb[1] + luma[2] * rgb[2] + 0.5);
}

static int run_swscale(GcamScaler *scaler, const AVFrame *frame, uint8_t *pixels, ptrdiff_t stride, int width,
                       int height)
{
    const Geometry *g = &scaler->geometry;
    const int left = FFMAX(g->x, 0), right = FFMIN(g->x + g->width, width);
    uint8_t *const planes[4] = { scaler->scaled };
    const int strides[4] = { (int)scaler->stride };
    int ret = sws_scale(scaler->sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
                        planes, strides);

    if (ret < 0)
        return ret;
    for (int y = FFMAX(g->y, 0); y < FFMIN(g->y + g->height, height); y++)
        copy_row(scaler, scaler->scaled + (y - g->y) * scaler->stride + 3 * (left - g->x),
                 pixels + y * stride + scaler->channels * left, right - left);
    return 0;
}

// A copy of the frame in the scaler's memory.
static int copy_frame(GcamScaler *scaler, const AVFrame *frame)
{
    AVFrame *flat = scaler->flat;
    int ret;

    if (!flat || flat->width != frame->width || flat->height != frame->height || flat->format != frame->format) {
        av_frame_free(&scaler->flat);
        if (!(flat = scaler->flat = av_frame_alloc()))
            return AVERROR(ENOMEM);
        flat->width = frame->width;
        flat->height = frame->height;
        flat->format = frame->format;
        if ((ret = av_frame_get_buffer(flat, 0)) < 0) {
            av_frame_free(&scaler->flat);
            return ret;
        }
    }
    return av_frame_copy(flat, frame);
}

// The same of a frame that is unpacked.
static int unpack(GcamScaler *scaler, const AVFrame *frame, GradcamPicture *picture)
{
    GcamUnpacked *u = &scaler->unpacked;
    GradcamOverlaySettings colors = { .size = sizeof(colors) };
    int ret = gcam_unpacked_prepare(u, frame);

    if (ret < 0 || (ret = gcam_frame_colors(frame, &colors)) < 0)
        return ret;
    gcam_unpack(u, frame, 0, 1);
    *picture = u->picture;
    return u->alpha.data ? gradcam_picture_flatten(picture, &u->alpha, &colors) : 0;
}

// The picture that the network is to see: the frame's, or, where something is transparent, that over grey.
static int find_picture(GcamScaler *scaler, const AVFrame *frame, GradcamPicture *picture)
{
    GradcamOverlaySettings colors = { .size = sizeof(colors) };
    GradcamComponent alpha;
    int ret;

    if (gcam_format_unpacked(frame->format))
        return unpack(scaler, frame, picture);
    ret = gcam_frame_picture(frame, picture);
    if (ret < 0 || gcam_frame_alpha(frame, &alpha) < 0 || gradcam_picture_is_opaque(&alpha))
        return ret;
    if ((ret = copy_frame(scaler, frame)) < 0 || (ret = gcam_frame_picture(scaler->flat, picture)) < 0 ||
        (ret = gcam_frame_alpha(scaler->flat, &alpha)) < 0 || (ret = gcam_frame_colors(frame, &colors)) < 0)
        return ret;
    return gradcam_picture_flatten(picture, &alpha, &colors);
}

static int run_lying(GcamScaler *scaler, const AVFrame *frame, uint8_t *pixels, ptrdiff_t stride, int width,
                     int height)
{
    const Job job = { frame->width, frame->height, frame->format, frame->colorspace, frame->color_range,
                      frame->chroma_location, frame->color_trc, frame->color_primaries, frame->sample_aspect_ratio,
                      width, height };
    GradcamPicture picture;
    int ret;

    if ((!scaler->sws && !scaler->resizer) || !jobs_equal(&job, &scaler->job)) {
        ret = make_ready(scaler, frame, &job);
        if (ret < 0)
            return ret;
    }
    paint_bars(scaler, pixels, stride, width, height);
    if (!scaler->resizer)
        return run_swscale(scaler, frame, pixels, stride, width, height);
    if ((ret = find_picture(scaler, frame, &picture)) < 0)
        return ret;
    return gradcam_resizer_run(scaler->resizer, &picture, pixels, stride);
}

int gcam_scaler_run(GcamScaler *scaler, const AVFrame *frame,
                    uint8_t *pixels, ptrdiff_t stride, int width, int height)
{
    const int w = scaler->turns & 1 ? height : width, h = scaler->turns & 1 ? width : height;
    const ptrdiff_t line = (ptrdiff_t)w * scaler->channels;
    int ret;

    if (!scaler->turns)
        return run_lying(scaler, frame, pixels, stride, width, height);
    av_fast_malloc(&scaler->lying, &scaler->lying_size, line * h);
    if (!scaler->lying)
        return AVERROR(ENOMEM);
    if ((ret = run_lying(scaler, frame, scaler->lying, line, w, h)) < 0)
        return ret;
    gcam_turn(scaler->lying, line, w, h, scaler->channels, scaler->turns, pixels, stride);
    return 0;
}
