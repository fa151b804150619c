/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: an AVFrame and what it says of itself. Out: the same in libgradcam's words, pointing into the frame.
 */
#include "frame.h"
#include "unpack.h"

#include <string.h>

#include <libavutil/error.h>
#include <libavutil/macros.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

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

int gcam_frame_alpha(const AVFrame *frame, GradcamComponent *alpha)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const AVComponentDescriptor *comp = &desc->comp[desc->nb_components - 1];

    if (!(desc->flags & AV_PIX_FMT_FLAG_ALPHA) || !count_components(desc))
        return AVERROR(EINVAL);
    *alpha = (GradcamComponent){
        frame->data[comp->plane] + comp->offset, frame->linesize[comp->plane], comp->step, frame->width,
        frame->height, comp->depth, comp->shift
    };
    return 0;
}

int gcam_frame_colors(const AVFrame *frame, GradcamOverlaySettings *settings)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const int unpacked = gcam_format_unpacked(frame->format);
    const int count = unpacked ? is_gray(desc) ? 1 : 3 : count_components(desc);

    if (!count)
        return AVERROR(EINVAL);
    settings->model = desc->flags & AV_PIX_FMT_FLAG_RGB ? GRADCAM_COLOR_RGB :
                      count == 1 ? GRADCAM_COLOR_GRAY : GRADCAM_COLOR_YUV;
    settings->matrix = find_frame_matrix(frame);
    settings->transfer = find_transfer(frame->color_trc);
    settings->primaries = find_primaries(frame);
    settings->full_range = is_full_range(desc, frame->format, frame->color_range);
    for (int i = 0; i < 3; i++)
        settings->depth[i] = i >= count ? 0 : unpacked ? gcam_unpacked_depth(frame->format, i) : desc->comp[i].depth;
    return 0;
}
