/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One picture at a time: decoded from whatever FFmpeg demuxes, encoded by the encoder that the file's name
 * asks for. A still picture's packet is its file, so no muxer is needed, and files are saved whole or not
 * at all.
 */
#include "picture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "base/limits.h"
#include "files.h"
#include "say.h"
#include "scale.h"

enum { MOST_STREAMS = 64 };

// ------------------------------------------------------------------------------------------------------ read

// A name that exists as a file is that file, whatever protocol or pattern it looks like.
static int open_input(AVFormatContext **format, const char *path)
{
    struct stat info;
    AVDictionary *options = NULL;
    char *url = NULL;

    if (!strcmp(path, "-"))
        url = av_strdup("pipe:0");
    else
        url = !stat(path, &info) ? av_asprintf("file:%s", path) : av_strdup(path);
    if (!url)
        return AVERROR(ENOMEM);
    av_dict_set(&options, "pattern_type", "none", 0);
    int error = avformat_open_input(format, url, NULL, &options);
    av_dict_free(&options);
    av_free(url);
    return error;
}

// FFmpeg renders text as a picture of a terminal, which is never meant here.
static int is_text(enum AVCodecID id)
{
    return id == AV_CODEC_ID_ANSI || id == AV_CODEC_ID_BINTEXT || id == AV_CODEC_ID_XBIN ||
           id == AV_CODEC_ID_IDF;
}

// Memory for a picture that is not too large.
static int get_limited(AVCodecContext *codec, AVFrame *frame, int flags)
{
    if ((int64_t)frame->width * frame->height > GCAM_MOST_PICTURE)
        return AVERROR(EFBIG);
    return avcodec_default_get_buffer2(codec, frame, flags);
}

static int open_decoder(AVCodecContext **codec, AVFormatContext *format, int strict, int *stream)
{
    const AVCodec *decoder = NULL;

    *stream = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (*stream < 0)
        return *stream;
    if (is_text(decoder->id))
        return AVERROR_INVALIDDATA;
    *codec = avcodec_alloc_context3(decoder);
    if (!*codec)
        return AVERROR(ENOMEM);
    int error = avcodec_parameters_to_context(*codec, format->streams[*stream]->codecpar);
    if (strict)
        (*codec)->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
    (*codec)->get_buffer2 = get_limited;
    return error < 0 ? error : avcodec_open2(*codec, decoder, NULL);
}

// Feeds packets until a picture comes out.
static int decode_first(AVFormatContext *format, AVCodecContext *codec, int stream, AVFrame *frame)
{
    AVPacket *packet = av_packet_alloc();
    int error = packet ? AVERROR(EAGAIN) : AVERROR(ENOMEM);

    while (error == AVERROR(EAGAIN)) {
        error = av_read_frame(format, packet);
        if (error == AVERROR_EOF) {
            error = avcodec_send_packet(codec, NULL);
        } else if (error >= 0) {
            error = packet->stream_index == stream ? avcodec_send_packet(codec, packet) : AVERROR(EAGAIN);
            av_packet_unref(packet);
        }
        if (error >= 0)
            error = avcodec_receive_frame(codec, frame);
    }
    av_packet_free(&packet);
    return error;
}

// What is known of the streams without decoding more than a limited picture.
static int find_streams(AVFormatContext *format)
{
    AVDictionary *options[MOST_STREAMS] = { NULL };
    const unsigned count = format->nb_streams;
    int error = count > MOST_STREAMS ? AVERROR_INVALIDDATA : 0;

    for (unsigned i = 0; error >= 0 && i < count; i++)
        error = av_dict_set_int(&options[i], "max_pixels", GCAM_MOST_PICTURE, 0);
    if (error >= 0)
        error = avformat_find_stream_info(format, options);
    for (unsigned i = 0; i < count && i < MOST_STREAMS; i++)
        av_dict_free(&options[i]);
    return error;
}

// strict: a damaged picture is an error, else what can be read of it is enough.
static int read_first(AVFrame *frame, const char *path, int strict)
{
    AVFormatContext *format = NULL;
    AVCodecContext *codec = NULL;
    int stream, error = open_input(&format, path);

    if (error >= 0)
        error = find_streams(format);
    if (error >= 0)
        error = open_decoder(&codec, format, strict, &stream);
    if (error >= 0)
        error = decode_first(format, codec, stream, frame);
    if (error >= 0 && (frame->width < 1 || frame->height < 1))
        error = AVERROR_INVALIDDATA;
    avcodec_free_context(&codec);
    avformat_close_input(&format);
    return error;
}

// --------------------------------------------------------------------------------------------------- convert

// The frame in another pixel format, full range; YUV is written as JPEG's BT.601.
static int convert(AVFrame **out, const AVFrame *frame, enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    int full, error = AVERROR(ENOMEM);
    const int *matrix = gcam_frame_matrix(frame, &full);
    struct SwsContext *sws = NULL;

    *out = av_frame_alloc();
    if (!*out)
        return error;
    (*out)->format = format;
    (*out)->width = frame->width;
    (*out)->height = frame->height;
    (*out)->color_range = AVCOL_RANGE_JPEG;
    (*out)->colorspace = desc->flags & AV_PIX_FMT_FLAG_RGB ? AVCOL_SPC_RGB : AVCOL_SPC_BT470BG;
    error = av_frame_get_buffer(*out, 0);
    if (error < 0)
        return error;
    sws = sws_getContext(frame->width, frame->height, gcam_format_plain(frame->format), frame->width,
                         frame->height, gcam_format_plain(format),
                         SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, NULL, NULL,
                         NULL);
    if (!sws)
        return AVERROR(EINVAL);
    sws_setColorspaceDetails(sws, matrix, full, sws_getCoefficients(SWS_CS_ITU601), 1, 0, 1 << 16, 1 << 16);
    error = sws_scale(sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
                      (*out)->data, (*out)->linesize);
    sws_freeContext(sws);
    return error;
}

static int convert_to_rgb(AVFrame **out, const AVFrame *frame, enum AVPixelFormat format, const char *path)
{
    const int error = av_pix_fmt_desc_get(frame->format) ? convert(out, frame, format) : AVERROR(EINVAL);

    if (error >= 0)
        return STATUS_OK;
    av_frame_free(out);
    return say_failure("cannot convert %s to RGB: %s", path, av_err2str(error));
}

int picture_to_rgb(AVFrame **out, const AVFrame *frame, int alpha, const char *path)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const int deep = desc && desc->comp[0].depth > 8, with = alpha || (desc && desc->flags & AV_PIX_FMT_FLAG_ALPHA);

    return convert_to_rgb(out, frame, deep ? with ? AV_PIX_FMT_RGBA64 : AV_PIX_FMT_RGB48
                                           : with ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24, path);
}

int picture_to_rgb8(AVFrame **out, const AVFrame *frame, const char *path)
{
    return convert_to_rgb(out, frame, AV_PIX_FMT_RGB24, path);
}

static int sign(int32_t v)
{
    return (v > 0) - (v < 0);
}

// Turns a picture that its camera held otherwise (EXIF). It is then RGB.
static int turn_upright(AVFrame **frame, const char *path)
{
    const AVFrameSideData *side = av_frame_get_side_data(*frame, AV_FRAME_DATA_DISPLAYMATRIX);
    const int32_t *m = side ? (const int32_t *)side->data : (const int32_t[5]) { 1, 0, 0, 0, 1 };
    const int a = sign(m[0]), b = sign(m[1]), c = sign(m[3]), d = sign(m[4]);   // x' = ax + cy, y' = bx + dy
    AVFrame *rgb = NULL, *turned = NULL;

    if ((a == 1 && d == 1) || abs(a * d) + abs(b * c) != 1)
        return STATUS_OK;
    if (picture_to_rgb(&rgb, *frame, 0, path) || !(turned = av_frame_alloc()))
        goto failed;
    turned->format = rgb->format;
    turned->width = a ? rgb->width : rgb->height;
    turned->height = a ? rgb->height : rgb->width;
    if (av_frame_get_buffer(turned, 0) < 0)
        goto failed;
    const int step = av_pix_fmt_desc_get(rgb->format)->comp[0].step;
    const int left = a + c < 0 ? turned->width - 1 : 0, top = b + d < 0 ? turned->height - 1 : 0;
    for (int y = 0; y < rgb->height; y++)
        for (int x = 0; x < rgb->width; x++)
            memcpy(turned->data[0] + (top + b * x + d * y) * turned->linesize[0] +
                       (left + a * x + c * y) * step,
                   rgb->data[0] + y * rgb->linesize[0] + x * step, step);
    av_frame_free(&rgb);
    av_frame_free(frame);
    *frame = turned;
    return STATUS_OK;

failed:
    av_frame_free(&rgb);
    av_frame_free(&turned);
    av_frame_free(frame);
    return say_failure("cannot turn %s upright", path);
}

int picture_read(AVFrame **out, const char *path)
{
    AVFrame *frame = av_frame_alloc();
    int error = frame ? read_first(frame, path, 1) : AVERROR(ENOMEM);

    if (error == AVERROR_INVALIDDATA && strcmp(path, "-")) {
        av_frame_unref(frame);
        error = read_first(frame, path, 0);
        if (error >= 0)
            say_warning("%s is damaged, what can be read of it is used", path);
    }
    *out = frame;
    if (error >= 0)
        return turn_upright(out, path);
    av_frame_free(out);
    if (error == AVERROR(EFBIG))
        return say_failure("%s has more than the %d million pixels that are read", path, GCAM_MOST_PICTURE / 1000000);
    if (error == AVERROR_INVALIDDATA || error == AVERROR_EOF || error == AVERROR_STREAM_NOT_FOUND)
        return say_failure("%s is not a picture that can be read", path);
    return say_failure("cannot read %s: %s", path, av_err2str(error));
}

// ----------------------------------------------------------------------------------------------------- write

// Formats whose packets are whole files.
static const AVCodec *find_encoder(const char *path)
{
    static const struct {
        const char *ending;
        enum AVCodecID id;
    } formats[] = {
        { ".png", AV_CODEC_ID_PNG },    { ".jpg", AV_CODEC_ID_MJPEG },  { ".jpeg", AV_CODEC_ID_MJPEG },
        { ".webp", AV_CODEC_ID_WEBP },  { ".tif", AV_CODEC_ID_TIFF },   { ".tiff", AV_CODEC_ID_TIFF },
        { ".bmp", AV_CODEC_ID_BMP },    { ".ppm", AV_CODEC_ID_PPM },    { ".tga", AV_CODEC_ID_TARGA },
    };
    const char *ending = strrchr(path, '.');

    if (!strcmp(path, "-"))
        return avcodec_find_encoder(AV_CODEC_ID_PNG);
    for (size_t i = 0; ending && i < sizeof(formats) / sizeof(formats[0]); i++)
        if (!av_strcasecmp(ending, formats[i].ending))
            return avcodec_find_encoder(formats[i].id);
    return NULL;
}

int picture_check_name(const char *path)
{
    if (find_encoder(path))
        return STATUS_OK;
    return say_failure("no picture format has a name like \"%s\", use .png or .jpg", path);
}

static const enum AVPixelFormat *encoder_formats(const AVCodec *encoder)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
    const void *formats = NULL;

    avcodec_get_supported_config(NULL, encoder, AV_CODEC_CONFIG_PIX_FORMAT, 0, &formats, NULL);
    return formats;
#else
    return encoder->pix_fmts;
#endif
}

static int encode(const AVCodec *encoder, AVFrame *frame, AVPacket *packet)
{
    AVCodecContext *codec = avcodec_alloc_context3(encoder);
    int error;

    if (!codec)
        return AVERROR(ENOMEM);
    codec->width = frame->width;
    codec->height = frame->height;
    codec->pix_fmt = frame->format;
    codec->color_range = frame->color_range;
    codec->colorspace = frame->colorspace;
    codec->time_base = (AVRational) { 1, 25 };
    codec->flags |= AV_CODEC_FLAG_QSCALE;   // lossy formats: nearly the best quality
    codec->global_quality = frame->quality = 2 * FF_QP2LAMBDA;
    frame->pts = 0;
    error = avcodec_open2(codec, encoder, NULL);
    if (error >= 0)
        error = avcodec_send_frame(codec, frame);
    if (error >= 0)
        error = avcodec_send_frame(codec, NULL);
    if (error >= 0)
        error = avcodec_receive_packet(codec, packet);
    avcodec_free_context(&codec);
    return error;
}

// The file that a name asks for, in a packet.
static int make_packet(const char *path, const AVFrame *frame, AVPacket *packet)
{
    const AVCodec *encoder = find_encoder(path);
    const enum AVPixelFormat *formats = encoder ? encoder_formats(encoder) : NULL;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    AVFrame *converted = NULL;
    int error = AVERROR(EINVAL);

    if (formats) {
        const int alpha = !!(desc->flags & AV_PIX_FMT_FLAG_ALPHA);
        error = convert(&converted, frame,
                        avcodec_find_best_pix_fmt_of_list(formats, frame->format, alpha, NULL));
        if (error >= 0)
            error = encode(encoder, converted, packet);
    }
    av_frame_free(&converted);
    return error < 0 ? say_failure("cannot encode %s: %s", path, av_err2str(error)) : STATUS_OK;
}

int picture_write(const char *path, const AVFrame *frame)
{
    AVPacket *packet = av_packet_alloc();
    int status = packet ? make_packet(path, frame, packet) : say_failure("out of memory");

    if (!status)
        status = file_save(path, packet->data, packet->size);
    av_packet_free(&packet);
    return status;
}

int picture_encode(const char *ending, const AVFrame *frame, uint8_t **data, size_t *size)
{
    AVPacket *packet = av_packet_alloc();
    int status = packet ? make_packet(ending, frame, packet) : say_failure("out of memory");

    *data = NULL;
    *size = 0;
    if (!status) {
        *size = (size_t)packet->size;
        *data = malloc(*size + 1);
        if (*data)
            memcpy(*data, packet->data, *size);
        else
            status = say_failure("out of memory");
    }
    av_packet_free(&packet);
    return status;
}
