/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which formats the filter takes, and leaves as they are.
 */
#include "pixel_formats.h"

#include "libavutil/avconfig.h"
#include "libavutil/macros.h"
#include "libavutil/pixdesc.h"

// Of the other byte order.
#if AV_HAVE_BIGENDIAN
#define OTHER(name) AV_PIX_FMT_ ## name ## LE
#else
#define OTHER(name) AV_PIX_FMT_ ## name ## BE
#endif

// Of the formats that gcam_format_supported() and gcam_format_unpacked() know.
const enum AVPixelFormat gcam_pixel_formats[] = {
    AV_PIX_FMT_YUV420P,    AV_PIX_FMT_YUV422P,    AV_PIX_FMT_YUV444P,
    AV_PIX_FMT_YUV440P,    AV_PIX_FMT_YUV411P,    AV_PIX_FMT_YUV410P,
    AV_PIX_FMT_YUVJ420P,   AV_PIX_FMT_YUVJ422P,   AV_PIX_FMT_YUVJ444P,
    AV_PIX_FMT_YUVJ440P,   AV_PIX_FMT_YUVJ411P,
    AV_PIX_FMT_YUVA420P,   AV_PIX_FMT_YUVA422P,   AV_PIX_FMT_YUVA444P,
    AV_PIX_FMT_NV12,       AV_PIX_FMT_NV21,       AV_PIX_FMT_NV16,
    AV_PIX_FMT_NV24,       AV_PIX_FMT_NV42,
    AV_PIX_FMT_YUYV422,    AV_PIX_FMT_UYVY422,    AV_PIX_FMT_YVYU422,
    AV_PIX_FMT_GRAY8,      AV_PIX_FMT_YA8,
    AV_PIX_FMT_RGB24,      AV_PIX_FMT_BGR24,      AV_PIX_FMT_GBRP,        AV_PIX_FMT_GBRAP,
    AV_PIX_FMT_RGBA,       AV_PIX_FMT_BGRA,       AV_PIX_FMT_ARGB,        AV_PIX_FMT_ABGR,
    AV_PIX_FMT_RGB0,       AV_PIX_FMT_BGR0,       AV_PIX_FMT_0RGB,        AV_PIX_FMT_0BGR,
    AV_PIX_FMT_YUV420P9,   AV_PIX_FMT_YUV422P9,   AV_PIX_FMT_YUV444P9,
    AV_PIX_FMT_YUV420P10,  AV_PIX_FMT_YUV422P10,  AV_PIX_FMT_YUV444P10,   AV_PIX_FMT_YUV440P10,
    AV_PIX_FMT_YUV420P12,  AV_PIX_FMT_YUV422P12,  AV_PIX_FMT_YUV444P12,   AV_PIX_FMT_YUV440P12,
    AV_PIX_FMT_YUV420P14,  AV_PIX_FMT_YUV422P14,  AV_PIX_FMT_YUV444P14,
    AV_PIX_FMT_YUV420P16,  AV_PIX_FMT_YUV422P16,  AV_PIX_FMT_YUV444P16,
    AV_PIX_FMT_YUVA420P9,  AV_PIX_FMT_YUVA422P9,  AV_PIX_FMT_YUVA444P9,
    AV_PIX_FMT_YUVA420P10, AV_PIX_FMT_YUVA422P10, AV_PIX_FMT_YUVA444P10,
    AV_PIX_FMT_YUVA422P12, AV_PIX_FMT_YUVA444P12,
    AV_PIX_FMT_YUVA420P16, AV_PIX_FMT_YUVA422P16, AV_PIX_FMT_YUVA444P16,
    AV_PIX_FMT_P010,       AV_PIX_FMT_P016,
    AV_PIX_FMT_GRAY9,      AV_PIX_FMT_GRAY10,     AV_PIX_FMT_GRAY12,      AV_PIX_FMT_GRAY14,
    AV_PIX_FMT_GRAY16,     AV_PIX_FMT_YA16,
    AV_PIX_FMT_RGB48,      AV_PIX_FMT_BGR48,      AV_PIX_FMT_RGBA64,      AV_PIX_FMT_BGRA64,
    AV_PIX_FMT_GBRP9,      AV_PIX_FMT_GBRP10,     AV_PIX_FMT_GBRP12,      AV_PIX_FMT_GBRP14,
    AV_PIX_FMT_GBRP16,     AV_PIX_FMT_GBRAP10,    AV_PIX_FMT_GBRAP12,     AV_PIX_FMT_GBRAP16,
    AV_PIX_FMT_AYUV64,     AV_PIX_FMT_Y210,
    AV_PIX_FMT_P210,       AV_PIX_FMT_P216,       AV_PIX_FMT_P410,        AV_PIX_FMT_P416,
#ifdef AV_PIX_FMT_P012
    AV_PIX_FMT_P012,
#endif
#ifdef AV_PIX_FMT_P212
    AV_PIX_FMT_P212,       AV_PIX_FMT_P412,
#endif
#ifdef AV_PIX_FMT_Y212
    AV_PIX_FMT_Y212,
#endif
    AV_PIX_FMT_X2RGB10,    AV_PIX_FMT_X2BGR10,    AV_PIX_FMT_GRAYF32,     AV_PIX_FMT_GBRPF32,
    OTHER(GRAY10),         OTHER(GRAY12),         OTHER(GRAY16),          OTHER(YA16),
    OTHER(RGB48),          OTHER(BGR48),          OTHER(RGBA64),          OTHER(BGRA64),
    OTHER(GBRP10),         OTHER(GBRP12),         OTHER(GBRP16),          OTHER(GBRAP16),
    OTHER(GRAYF32),        OTHER(GBRPF32),
    AV_PIX_FMT_NONE
};

_Static_assert(FF_ARRAY_ELEMS(gcam_pixel_formats) <= GCAM_MOST_FORMATS, "room for all of them");

void gcam_alpha_formats(enum AVPixelFormat formats[GCAM_MOST_FORMATS])
{
    int count = 0;

    for (int i = 0; gcam_pixel_formats[i] != AV_PIX_FMT_NONE; i++) {
        const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(gcam_pixel_formats[i]);

        if (desc && desc->flags & AV_PIX_FMT_FLAG_ALPHA)
            formats[count++] = gcam_pixel_formats[i];
    }
    formats[count] = AV_PIX_FMT_NONE;
}
