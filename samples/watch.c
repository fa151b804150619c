/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * watch VIDEO [FILTERS]: the filter in a program of one's own, through libavfilter. Decodes the video, sends its
 * frames through the filters (default: gradcam) and prints a line for each that comes out with a map:
 *
 *     $ build/samples/watch clip.mp4 gradcam=class=star
 *     0.000   star  0.981  at 132,40 of size 64x71
 *     0.040   star  0.981  at 132,40 of size 64x71
 *
 * that is its time in seconds, the label of the class, its probability, and the box around the heat, in pixels. The
 * program makes no use of libgradcam itself, only of FFmpeg: what the filter found is in the metadata of the frames.
 */
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>

#include <stdio.h>

typedef struct Watch {
    AVFormatContext *input;
    int stream;                         // of the video, in the input
    AVCodecContext *decoder;
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;     // owned by the graph
    AVPacket *packet;
    AVFrame *frame, *filtered;
} Watch;

static int open_video(Watch *w, const char *path)
{
    const AVCodec *codec;
    int ret;

    if ((ret = avformat_open_input(&w->input, path, NULL, NULL)) < 0 ||
        (ret = avformat_find_stream_info(w->input, NULL)) < 0)
        return ret;
    ret = av_find_best_stream(w->input, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (ret < 0)
        return ret;
    w->stream = ret;
    w->decoder = avcodec_alloc_context3(codec);
    if (!w->decoder)
        return AVERROR(ENOMEM);
    ret = avcodec_parameters_to_context(w->decoder, w->input->streams[w->stream]->codecpar);
    if (ret < 0)
        return ret;
    w->decoder->pkt_timebase = w->input->streams[w->stream]->time_base;
    w->decoder->thread_count = 0;       // one per processor
    return avcodec_open2(w->decoder, codec, NULL);
}

// Source and sink are what the filters' open ends are linked to. The names are the parser's: what comes in is, seen
// from the source, an output.
static int parse_filters(Watch *w, const char *filters)
{
    AVFilterInOut *from = avfilter_inout_alloc(), *to = avfilter_inout_alloc();
    int ret = AVERROR(ENOMEM);

    if (from && to) {
        *from = (AVFilterInOut){ .name = av_strdup("in"), .filter_ctx = w->source };
        *to = (AVFilterInOut){ .name = av_strdup("out"), .filter_ctx = w->sink };
        if (from->name && to->name)
            ret = avfilter_graph_parse_ptr(w->graph, filters, &to, &from, NULL);
    }
    avfilter_inout_free(&from);
    avfilter_inout_free(&to);
    return ret;
}

// The graph needs to know what frames will come, so it is made with the first one.
static int make_graph(Watch *w, const char *filters)
{
    const AVRational base = w->decoder->pkt_timebase, aspect = w->frame->sample_aspect_ratio;
    char arguments[256];
    int ret;

    snprintf(arguments, sizeof(arguments), "video_size=%dx%d:pix_fmt=%d:time_base=%d/%d:pixel_aspect=%d/%d",
             w->frame->width, w->frame->height, w->frame->format, base.num, base.den, aspect.num,
             aspect.den ? aspect.den : 1);
    w->graph = avfilter_graph_alloc();
    if (!w->graph)
        return AVERROR(ENOMEM);
    if ((ret = avfilter_graph_create_filter(&w->source, avfilter_get_by_name("buffer"), "in", arguments, NULL,
                                            w->graph)) < 0 ||
        (ret = avfilter_graph_create_filter(&w->sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL,
                                            w->graph)) < 0 ||
        (ret = parse_filters(w, filters)) < 0)
        return ret;
    return avfilter_graph_config(w->graph, NULL);
}

// A value of the frame's metadata; what is not there is told by a dash.
static const char *value(const AVFrame *frame, const char *key)
{
    const AVDictionaryEntry *entry = av_dict_get(frame->metadata, key, NULL, 0);

    return entry ? entry->value : "-";
}

static void print_line(const Watch *w)
{
    const AVFrame *f = w->filtered;

    if (!av_dict_get(f->metadata, "lavfi.gradcam.class", NULL, 0))
        return;
    printf("%.3f\t%s\t%s", (double)f->pts * av_q2d(av_buffersink_get_time_base(w->sink)),
           value(f, "lavfi.gradcam.label"), value(f, "lavfi.gradcam.probability"));
    if (av_dict_get(f->metadata, "lavfi.gradcam.w", NULL, 0))
        printf("\tat %s,%s of size %sx%s", value(f, "lavfi.gradcam.x"), value(f, "lavfi.gradcam.y"),
               value(f, "lavfi.gradcam.w"), value(f, "lavfi.gradcam.h"));
    putchar('\n');
}

// Gives the filters a frame, or NULL for the end, and prints what comes out. They may hold frames back.
static int filter_frame(Watch *w, AVFrame *frame)
{
    int ret = av_buffersrc_add_frame(w->source, frame);

    while (ret >= 0 && (ret = av_buffersink_get_frame(w->sink, w->filtered)) >= 0) {
        print_line(w);                  // and here one would show the picture
        av_frame_unref(w->filtered);
    }
    return ret == AVERROR(EAGAIN) || ret == AVERROR_EOF ? 0 : ret;
}

// Gives the decoder a packet, or NULL for the end, and the filters what comes out.
static int decode_packet(Watch *w, const AVPacket *packet, const char *filters)
{
    int ret = avcodec_send_packet(w->decoder, packet);

    while (ret >= 0 && (ret = avcodec_receive_frame(w->decoder, w->frame)) >= 0) {
        w->frame->pts = w->frame->best_effort_timestamp;
        if (!w->graph && (ret = make_graph(w, filters)) < 0)
            fprintf(stderr, "watch: cannot set up the filters %s\n", filters);
        if (ret >= 0)
            ret = filter_frame(w, w->frame);
        av_frame_unref(w->frame);
    }
    return ret == AVERROR(EAGAIN) || ret == AVERROR_EOF ? 0 : ret;
}

static int run(Watch *w, const char *path, const char *filters)
{
    int ret = open_video(w, path);

    w->packet = av_packet_alloc();
    w->frame = av_frame_alloc();
    w->filtered = av_frame_alloc();
    if (!w->packet || !w->frame || !w->filtered)
        return AVERROR(ENOMEM);
    while (ret >= 0 && (ret = av_read_frame(w->input, w->packet)) >= 0) {
        if (w->packet->stream_index == w->stream)
            ret = decode_packet(w, w->packet, filters);
        av_packet_unref(w->packet);
    }
    if (ret == AVERROR_EOF)
        ret = decode_packet(w, NULL, filters);
    return ret >= 0 && w->graph ? filter_frame(w, NULL) : ret;
}

int main(int argc, char **argv)
{
    Watch w = { 0 };
    int ret;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: watch VIDEO [FILTERS]\n");
        return 2;
    }
    if (!avfilter_get_by_name("gradcam")) {
        fprintf(stderr, "watch: this libavfilter has no gradcam filter; the built one is in build/ffmpeg/lib\n");
        return 1;
    }
    av_log_set_level(AV_LOG_WARNING);
    ret = run(&w, argv[1], argc > 2 ? argv[2] : "gradcam");
    if (ret < 0)
        fprintf(stderr, "watch: %s: %s\n", argv[1], av_err2str(ret));
    av_packet_free(&w.packet);
    av_frame_free(&w.frame);
    av_frame_free(&w.filtered);
    avfilter_graph_free(&w.graph);
    avcodec_free_context(&w.decoder);
    avformat_close_input(&w.input);
    return ret < 0;
}
