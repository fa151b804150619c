/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The first frame of a file, through libavformat and libavcodec.
 */
#include "model/picture.h"

#include "scale.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdlib.h>

static AVFrame *decode(AVFormatContext *file, AVCodecContext *decoder)
{
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int got = 0;
    while (packet && frame && !got && av_read_frame(file, packet) >= 0) {
        if (avcodec_send_packet(decoder, packet) >= 0) {
            avcodec_send_packet(decoder, NULL);
            got = avcodec_receive_frame(decoder, frame) >= 0;
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    if (!got)
        av_frame_free(&frame);
    return frame;
}

static AVFrame *load_frame(const char *path)
{
    AVFormatContext *file = NULL;
    AVFrame *frame = NULL;
    if (avformat_open_input(&file, path, NULL, NULL) < 0)
        return NULL;
    const AVCodec *codec =
        file->nb_streams ? avcodec_find_decoder(file->streams[0]->codecpar->codec_id) : NULL;
    AVCodecContext *decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (decoder && avcodec_parameters_to_context(decoder, file->streams[0]->codecpar) >= 0 &&
        avcodec_open2(decoder, codec, NULL) >= 0)
        frame = decode(file, decoder);
    avcodec_free_context(&decoder);
    avformat_close_input(&file);
    return frame;
}

uint8_t *picture_load(const char *path, int width, int height, int *own_width, int *own_height)
{
    GcamScaler *scaler = NULL;
    AVFrame *frame = load_frame(path);
    uint8_t *rgb = frame ? malloc((size_t)width * (size_t)height * 3) : NULL;
    if (rgb) {
        *own_width = frame->width;
        *own_height = frame->height;
        if (gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) < 0 ||
            gcam_scaler_run(scaler, frame, rgb, 3 * width, width, height) < 0) {
            free(rgb);
            rgb = NULL;
        }
    }
    gcam_scaler_free(&scaler);
    av_frame_free(&frame);
    return rgb;
}
