/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: an AVFrame. Out: 8-bit RGB or grey at the model's size in a buffer of the caller, or a description of the
 * frame's samples that points into it. Every fit is one idea: the picture is scaled to some size, and lies at
 * some offset on the model's input, reaching beyond it (crop) or leaving bars (pad). Formats that can be
 * described are scaled by libgradcam, which is faster and nearer to what networks were trained with, the
 * others by swscale.
 */
#include "scale.h"
#include "gradcam_picture.h"

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
}

void gcam_scaler_free(GcamScaler **scaler)
{
    if (!scaler || !*scaler)
        return;
    unready(*scaler);
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

void gcam_scaler_region(enum GcamFit fit, const AVFrame *frame, int width, int height, GradcamRegion *region)
{
    Geometry g = find_geometry(fit, frame->width, frame->height, frame->sample_aspect_ratio, width, height);

    *region = find_region(&g, frame, width, height);
}

enum AVPixelFormat gcam_format_plain(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ411P: return AV_PIX_FMT_YUV411P;
    case AV_PIX_FMT_YUVJ420P: return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P: return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ440P: return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ444P: return AV_PIX_FMT_YUV444P;
    default:                  return format;
    }
}

static int is_gray(const AVPixFmtDescriptor *desc)
{
    return desc->nb_components < 3 && !(desc->flags & AV_PIX_FMT_FLAG_RGB);
}

static int is_full_range(const AVPixFmtDescriptor *desc, enum AVPixelFormat format, enum AVColorRange range)
{
    if (gcam_format_plain(format) != format)
        return 1;
    return range == AVCOL_RANGE_JPEG || (range == AVCOL_RANGE_UNSPECIFIED && is_gray(desc));
}

static enum GradcamTransfer find_transfer(enum AVColorTransferCharacteristic transfer)
{
    switch (transfer) {
    case AVCOL_TRC_SMPTE2084:    return GRADCAM_TRANSFER_PQ;
    case AVCOL_TRC_ARIB_STD_B67: return GRADCAM_TRANSFER_HLG;
    case AVCOL_TRC_LINEAR:       return GRADCAM_TRANSFER_LINEAR;
    default:                     return GRADCAM_TRANSFER_SDR;
    }
}

static int is_hdr(enum AVColorTransferCharacteristic transfer)
{
    return transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
}

// Those of SD video are next to BT.709's. HDR that does not tell has BT.2020's.
static enum GradcamPrimaries find_primaries(const AVFrame *frame)
{
    switch (frame->color_primaries) {
    case AVCOL_PRI_BT2020:      return GRADCAM_PRIMARIES_BT2020;
    case AVCOL_PRI_SMPTE431:
    case AVCOL_PRI_SMPTE432:    return GRADCAM_PRIMARIES_P3;
    case AVCOL_PRI_UNSPECIFIED: return is_hdr(frame->color_trc) ? GRADCAM_PRIMARIES_BT2020 : GRADCAM_PRIMARIES_BT709;
    default:                    return GRADCAM_PRIMARIES_BT709;
    }
}

static enum GradcamMatrix find_matrix(enum AVColorSpace space, int width, int height)
{
    switch (space) {
    case AVCOL_SPC_BT709:      return GRADCAM_MATRIX_BT709;
    case AVCOL_SPC_FCC:        return GRADCAM_MATRIX_FCC;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:  return GRADCAM_MATRIX_BT601;
    case AVCOL_SPC_SMPTE240M:  return GRADCAM_MATRIX_SMPTE240M;
    case AVCOL_SPC_YCGCO:      return GRADCAM_MATRIX_YCGCO;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:  return GRADCAM_MATRIX_BT2020;
    default:                   break;
    }
    return width >= 1280 || height > 576 ? GRADCAM_MATRIX_BT709 : GRADCAM_MATRIX_BT601;
}

// The same of a frame, which may be HDR.
static enum GradcamMatrix find_frame_matrix(const AVFrame *frame)
{
    if (frame->colorspace == AVCOL_SPC_UNSPECIFIED && is_hdr(frame->color_trc))
        return GRADCAM_MATRIX_BT2020;
    return find_matrix(frame->colorspace, frame->width, frame->height);
}

// swscale knows no YCgCo: it gets the nearest there is.
static const int *find_coefficients(enum GradcamMatrix matrix)
{
    static const int swscale_name[] = {
        [GRADCAM_MATRIX_BT601] = SWS_CS_ITU601,         [GRADCAM_MATRIX_BT709] = SWS_CS_ITU709,
        [GRADCAM_MATRIX_BT2020] = SWS_CS_BT2020,        [GRADCAM_MATRIX_SMPTE240M] = SWS_CS_SMPTE240M,
        [GRADCAM_MATRIX_FCC] = SWS_CS_FCC,              [GRADCAM_MATRIX_YCGCO] = SWS_CS_ITU709,
    };

    return sws_getCoefficients(swscale_name[matrix]);
}

const int *gcam_frame_matrix(const AVFrame *frame, int *full_range)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);

    *full_range = desc && is_full_range(desc, frame->format, frame->color_range);
    return find_coefficients(find_frame_matrix(frame));
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

static int ready_swscale(GcamScaler *scaler, const Job *job)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(job->format);
    const int flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;
    const Geometry *g = &scaler->geometry;

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
    // Fails for RGB sources, which need nothing of it.
    const int *matrix = find_coefficients(desc->flags & AV_PIX_FMT_FLAG_RGB
                                              ? GRADCAM_MATRIX_BT601
                                              : find_matrix(job->colorspace, job->width, job->height));
    sws_setColorspaceDetails(scaler->sws, matrix, is_full_range(desc, job->format, job->range), matrix, 1,
                             0, 1 << 16, 1 << 16);
    find_luma(matrix, scaler->luma);
    return 0;
}

static int make_ready(GcamScaler *scaler, const AVFrame *frame, const Job *job)
{
    int ret = AVERROR(EINVAL);

    unready(scaler);
    scaler->geometry = find_geometry(scaler->fit, job->width, job->height, job->aspect, job->out_width,
                                     job->out_height);
    if (gcam_format_supported(job->format))
        ret = ready_resizer(scaler, frame, job->out_width, job->out_height);
    if (ret == AVERROR(EINVAL))         // of another format, or larger than it takes
        ret = ready_swscale(scaler, job);
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

int gcam_scaler_run(GcamScaler *scaler, const AVFrame *frame,
                    uint8_t *pixels, ptrdiff_t stride, int width, int height)
{
    const Job job = { frame->width, frame->height, frame->format, frame->colorspace, frame->color_range,
                      frame->chroma_location, frame->color_trc, frame->color_primaries, frame->sample_aspect_ratio,
                      width, height };
    GradcamPicture picture;

    if ((!scaler->sws && !scaler->resizer) || !jobs_equal(&job, &scaler->job)) {
        int ret = make_ready(scaler, frame, &job);
        if (ret < 0)
            return ret;
    }
    paint_bars(scaler, pixels, stride, width, height);
    if (!scaler->resizer)
        return run_swscale(scaler, frame, pixels, stride, width, height);
    gcam_frame_picture(frame, &picture);
    return gradcam_resizer_run(scaler->resizer, &picture, pixels, stride);
}

// Number of components that are blended, alpha left out; 0 when the format cannot be.
static int count_components(const AVPixFmtDescriptor *desc)
{
    const uint64_t strange = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                             AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT;

    if (!desc || desc->flags & strange || !strncmp(desc->name, "xyz", 3))
        return 0;
    if (!(desc->flags & AV_PIX_FMT_FLAG_PLANAR) && desc->log2_chroma_w > 1)
        return 0;               // uyyvyy411: luma samples are not evenly spaced
    const int foreign = !!(desc->flags & AV_PIX_FMT_FLAG_BE) != AV_HAVE_BIGENDIAN;
    const int count = is_gray(desc) ? 1 : desc->nb_components < 3 ? 0 : 3;
    for (int i = 0; i < count; i++) {
        const AVComponentDescriptor *c = &desc->comp[i];
        if (c->depth < 8 || c->depth + c->shift > 16 || (c->depth == 8 && c->shift))
            return 0;
        if (c->depth > 8 && (c->step % 2 || c->offset % 2 || foreign))
            return 0;
    }
    return count;
}

int gcam_format_supported(enum AVPixelFormat format)
{
    return count_components(av_pix_fmt_desc_get(format)) > 0;
}

int gcam_frame_picture(const AVFrame *frame, GradcamPicture *picture)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const int count = count_components(desc);

    memset(picture, 0, sizeof(*picture));
    if (!count)
        return AVERROR(EINVAL);
    picture->width = frame->width;
    picture->height = frame->height;
    for (int i = 0; i < count; i++) {
        const AVComponentDescriptor *c = &desc->comp[i];
        const int chroma = i > 0 && !(desc->flags & AV_PIX_FMT_FLAG_RGB);
        picture->component[i] = (GradcamComponent) {
            .data = frame->data[c->plane] + c->offset,
            .stride = frame->linesize[c->plane],
            .step = c->step,
            .width = AV_CEIL_RSHIFT(frame->width, chroma ? desc->log2_chroma_w : 0),
            .height = AV_CEIL_RSHIFT(frame->height, chroma ? desc->log2_chroma_h : 0),
            .depth = c->depth,
            .shift = c->shift,
        };
    }
    return 0;
}

int gcam_frame_colors(const AVFrame *frame, GradcamOverlaySettings *settings)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const int count = count_components(desc);

    if (!count)
        return AVERROR(EINVAL);
    settings->model = desc->flags & AV_PIX_FMT_FLAG_RGB ? GRADCAM_COLOR_RGB :
                      count == 1 ? GRADCAM_COLOR_GRAY : GRADCAM_COLOR_YUV;
    settings->matrix = find_frame_matrix(frame);
    settings->transfer = find_transfer(frame->color_trc);
    settings->primaries = find_primaries(frame);
    settings->full_range = is_full_range(desc, frame->format, frame->color_range);
    for (int i = 0; i < 3; i++)
        settings->depth[i] = i < count ? desc->comp[i].depth : 0;
    return 0;
}
