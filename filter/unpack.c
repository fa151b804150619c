/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a frame. Out: its samples as planes of 16 bits of this machine's byte order; and back.
 *
 * A sample lies in a word of 16 or 32 bits, from some bit on, or is a float; FFmpeg's descriptors tell where. Samples
 * of words are written without touching the others of the word.
 */
#include "unpack.h"

#include <math.h>
#include <string.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "frame.h"

// One component as it lies in a frame.
typedef struct Layout {
    int step, offset;           // bytes
    int shift, depth;           // bits
    int is_float, is_word, big; // is_word: of 32 bits, else of 16
} Layout;

static Layout find_layout(const AVPixFmtDescriptor *desc, int component)
{
    const AVComponentDescriptor *c = &desc->comp[component];
    Layout layout = {
        c->step, c->offset, c->shift, c->depth, !!(desc->flags & AV_PIX_FMT_FLAG_FLOAT), 0,
        !!(desc->flags & AV_PIX_FMT_FLAG_BE)
    };

    if (layout.depth == 10 && layout.step == 4 && desc->comp[1].offset % 2) {
        layout.is_word = 1;     // x2rgb10: bits of a word of four bytes
        layout.shift += 8 * layout.offset;
        layout.offset = 0;
    }
    return layout;
}

static int is_readable(const AVPixFmtDescriptor *desc, int component)
{
    const Layout l = find_layout(desc, component);

    if (l.is_float)
        return l.depth == 32 && l.step % 4 == 0 && l.offset % 4 == 0;
    if (l.is_word)
        return !l.big;
    return l.depth > 8 && l.depth + l.shift <= 16 && l.step % 2 == 0 && l.offset % 2 == 0;
}

int gcam_format_unpacked(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    const uint64_t strange = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                             AV_PIX_FMT_FLAG_BAYER;

    if (!desc || desc->flags & strange || !strncmp(desc->name, "xyz", 3) || gcam_format_supported(format) ||
        (desc->nb_components == 2 && desc->flags & AV_PIX_FMT_FLAG_RGB))
        return 0;
    for (int i = 0; i < desc->nb_components; i++)
        if (!is_readable(desc, i))
            return 0;
    return !gcam_format_float(format) || !(desc->flags & AV_PIX_FMT_FLAG_ALPHA);
}

int gcam_format_float(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);

    return desc && !!(desc->flags & AV_PIX_FMT_FLAG_FLOAT);
}

int gcam_unpacked_depth(enum AVPixelFormat format, int component)
{
    return gcam_format_float(format) ? 16 : av_pix_fmt_desc_get(format)->comp[component].depth;
}

// Whether the component has as few samples as chroma.
static int is_chroma(const AVPixFmtDescriptor *desc, int component)
{
    return (component == 1 || component == 2) && desc->nb_components > 2 && !(desc->flags & AV_PIX_FMT_FLAG_RGB);
}

static int find_width(const AVFrame *frame, const AVPixFmtDescriptor *desc, int component)
{
    return AV_CEIL_RSHIFT(frame->width, is_chroma(desc, component) ? desc->log2_chroma_w : 0);
}

static int find_height(const AVFrame *frame, const AVPixFmtDescriptor *desc, int component)
{
    return AV_CEIL_RSHIFT(frame->height, is_chroma(desc, component) ? desc->log2_chroma_h : 0);
}

// ------------------------------------------------------------------------------------------------------- samples

static float read_float(const uint8_t *at, const Layout *l)
{
    return av_int2float(l->big ? AV_RB32(at) : AV_RL32(at));
}

static unsigned read_word(const uint8_t *at, const Layout *l)
{
    return l->is_word ? AV_RL32(at) : l->big ? AV_RB16(at) : AV_RL16(at);
}

static void write_word(uint8_t *at, const Layout *l, unsigned value)
{
    if (l->is_word)
        AV_WL32(at, value);
    else if (l->big)
        AV_WB16(at, value);
    else
        AV_WL16(at, value);
}

void gcam_unpack_row(const AVFrame *frame, int component, int y, uint16_t *out)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const Layout l = find_layout(desc, component);
    const int plane = desc->comp[component].plane, width = find_width(frame, desc, component);
    const uint8_t *at = frame->data[plane] + y * (ptrdiff_t)frame->linesize[plane] + l.offset;
    const unsigned most = (1U << FFMIN(l.depth, 16)) - 1;

    for (int x = 0; x < width; x++, at += l.step)
        if (l.is_float) {
            const float value = read_float(at, &l);
            out[x] = value > 0 ? lrintf(FFMIN(value, 1) * 65535) : 0;   // NaN: 0
        } else {
            out[x] = read_word(at, &l) >> l.shift & most;
        }
}

static void pack_row(AVFrame *frame, int component, int y, const uint16_t *in)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const Layout l = find_layout(desc, component);
    const int plane = desc->comp[component].plane, width = find_width(frame, desc, component);
    uint8_t *at = frame->data[plane] + y * (ptrdiff_t)frame->linesize[plane] + l.offset;
    const unsigned mask = ((1U << l.depth) - 1) << l.shift;

    for (int x = 0; x < width; x++, at += l.step)
        write_word(at, &l, (read_word(at, &l) & ~mask) | (unsigned)in[x] << l.shift);
}

static void pack_float_row(AVFrame *frame, int component, int y, const uint16_t *black, const uint16_t *white)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const Layout l = find_layout(desc, component);
    const int plane = desc->comp[component].plane;
    uint8_t *at = frame->data[plane] + y * (ptrdiff_t)frame->linesize[plane] + l.offset;

    for (int x = 0; x < frame->width; x++, at += l.step) {
        const unsigned bits = av_float2int(read_float(at, &l) * ((white[x] - black[x]) / 65535.0f) +
                                           black[x] / 65535.0f);

        if (white[x] - black[x] == 65535)
            continue;           // nothing was drawn
        if (l.big)
            AV_WB32(at, bits);
        else
            AV_WL32(at, bits);
    }
}

// -------------------------------------------------------------------------------------------------------- planes

// The plane of the component, alpha being the last.
static GradcamComponent *find_plane(GcamUnpacked *unpacked, const AVPixFmtDescriptor *desc, int component)
{
    const int is_alpha = desc->flags & AV_PIX_FMT_FLAG_ALPHA && component == desc->nb_components - 1;

    return is_alpha ? &unpacked->alpha : &unpacked->picture.component[component];
}

int gcam_unpacked_prepare(GcamUnpacked *u, const AVFrame *frame)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const ptrdiff_t stride = FFALIGN((ptrdiff_t)frame->width * 2, 64);
    uint8_t *at;

    if (!gcam_format_unpacked(frame->format))
        return AVERROR(EINVAL);
    av_fast_malloc(&u->memory, &u->size, stride * frame->height * desc->nb_components);
    if (!(at = u->memory))
        return AVERROR(ENOMEM);
    u->picture = (GradcamPicture){ .width = frame->width, .height = frame->height };
    u->alpha = (GradcamComponent){ .data = NULL };
    for (int i = 0; i < desc->nb_components; i++, at += stride * frame->height)
        *find_plane(u, desc, i) = (GradcamComponent){
            .data = at, .stride = stride, .step = 2, .width = find_width(frame, desc, i),
            .height = find_height(frame, desc, i), .depth = gcam_unpacked_depth(frame->format, i),
        };
    return 0;
}

void gcam_unpacked_free(GcamUnpacked *u)
{
    av_freep(&u->memory);
    *u = (GcamUnpacked){ .size = 0 };
}

// A slice of the rows of a plane.
static void find_slice(const GradcamComponent *plane, int slice, int slices, int *begin, int *end)
{
    *begin = (int64_t)plane->height * slice / slices;
    *end = (int64_t)plane->height * (slice + 1) / slices;
}

void gcam_unpack(GcamUnpacked *u, const AVFrame *frame, int slice, int slices)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);

    for (int i = 0; i < desc->nb_components; i++) {
        const GradcamComponent *plane = find_plane(u, desc, i);
        int y, end;

        for (find_slice(plane, slice, slices, &y, &end); y < end; y++)
            gcam_unpack_row(frame, i, y, (uint16_t *)(plane->data + y * plane->stride));
    }
}

void gcam_pack(const GcamUnpacked *u, AVFrame *frame, int slice, int slices)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);

    for (int i = 0; i < desc->nb_components; i++) {
        const GradcamComponent *plane = find_plane((GcamUnpacked *)u, desc, i);
        int y, end;

        for (find_slice(plane, slice, slices, &y, &end); y < end; y++)
            pack_row(frame, i, y, (const uint16_t *)(plane->data + y * plane->stride));
    }
}

void gcam_unpacked_fill(GcamUnpacked *u, int white, int slice, int slices)
{
    for (int i = 0; i < 3 && u->picture.component[i].data; i++) {
        const GradcamComponent *plane = &u->picture.component[i];
        int y, end;

        for (find_slice(plane, slice, slices, &y, &end); y < end; y++)
            memset(plane->data + y * plane->stride, white ? 0xff : 0, plane->width * 2);
    }
}

void gcam_pack_float(const GcamUnpacked *black, const GcamUnpacked *white, AVFrame *frame, int slice, int slices)
{
    for (int i = 0; i < 3 && black->picture.component[i].data; i++) {
        const GradcamComponent *a = &black->picture.component[i], *b = &white->picture.component[i];
        int y, end;

        for (find_slice(a, slice, slices, &y, &end); y < end; y++)
            pack_float_row(frame, i, y, (const uint16_t *)(a->data + y * a->stride),
                           (const uint16_t *)(b->data + y * b->stride));
    }
}
