/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * delay [-s WIDTHxHEIGHT] [-r RATE] [-t SECONDS] FILTERS...: how long each of the filter chains keeps a frame. Frames
 * are sent at the rate, as a camera does, through the buffer source; a frame's delay is the time from there until it
 * comes out of the buffer sink. Prints a Markdown table: the median, the 99th percentile and the greatest in
 * milliseconds, how many frames came out of how many, and how many key frames were skipped for lack of time. The
 * pictures are shared with the sender, as a decoder's are with the decoder, so that a filter that draws has to copy
 * them. For example, with a network of tests/filter/slow_network:
 *
 *     build/tests/filter/slow_network slow.onnx 300
 *     build/tests/bench/delay null copy gradcam=slow.onnx:3:live=1:stride=1 gradcam=slow.onnx:3:live=1:stride=1000000
 */
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/imgutils.h>
#include <libavutil/parseutils.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PICTURES = 8 };

typedef struct Delay {
    int width, height, rate, seconds;
    AVFrame *picture[PICTURES];
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    double *took;                       // milliseconds, of each frame that came out
    int frames, out;
    int skipped;
} Delay;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void sleep_until(double when)
{
    const struct timespec time = { (time_t)when, (long)(1e9 * (when - (double)(time_t)when)) };

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

// Gradients that drift to and fro, slowly: no picture is the one before, and none is a cut.
static int make_pictures(Delay *d)
{
    for (int i = 0; i < PICTURES; i++) {
        AVFrame *f = d->picture[i] = av_frame_alloc();

        if (!f)
            return AVERROR(ENOMEM);
        f->width = d->width;
        f->height = d->height;
        f->format = AV_PIX_FMT_YUV420P;
        const int ret = av_frame_get_buffer(f, 0);
        if (ret < 0)
            return ret;
        for (int plane = 0; plane < 3; plane++)
            for (int y = 0; y < (plane ? (d->height + 1) / 2 : d->height); y++)
                for (int x = 0; x < (plane ? (d->width + 1) / 2 : d->width); x++)
                    f->data[plane][y * f->linesize[plane] + x] = (uint8_t)(x * (plane + 1) / 4 + y / 2 + 2 * i);
    }
    return 0;
}

static int make_graph(Delay *d, const char *filters)
{
    AVFilterInOut *from = avfilter_inout_alloc(), *to = avfilter_inout_alloc();
    char arguments[128];
    int ret = AVERROR(ENOMEM);

    snprintf(arguments, sizeof(arguments), "video_size=%dx%d:pix_fmt=%d:time_base=1/%d:frame_rate=%d/1", d->width,
             d->height, AV_PIX_FMT_YUV420P, d->rate, d->rate);
    d->graph = avfilter_graph_alloc();
    if (!from || !to || !d->graph ||
        (ret = avfilter_graph_create_filter(&d->source, avfilter_get_by_name("buffer"), "in", arguments, NULL,
                                            d->graph)) < 0 ||
        (ret = avfilter_graph_create_filter(&d->sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL,
                                            d->graph)) < 0)
        goto end;
    *from = (AVFilterInOut){ .name = av_strdup("in"), .filter_ctx = d->source };
    *to = (AVFilterInOut){ .name = av_strdup("out"), .filter_ctx = d->sink };
    ret = avfilter_graph_parse_ptr(d->graph, filters, &to, &from, NULL);
    if (ret >= 0)
        ret = avfilter_graph_config(d->graph, NULL);
end:
    avfilter_inout_free(&from);
    avfilter_inout_free(&to);
    return ret;
}

// Sends a frame and takes out what comes. sent[n]: when the n-th was sent.
static int pass_frame(Delay *d, int n, double *sent, AVFrame *out)
{
    const int turn = 2 * PICTURES - 2, at = n % turn;
    AVFrame *in = av_frame_clone(d->picture[at < PICTURES ? at : turn - at]);
    int ret;

    if (!in)
        return AVERROR(ENOMEM);
    in->pts = n;
    sent[n] = now();
    ret = av_buffersrc_add_frame(d->source, in);
    av_frame_free(&in);
    while (ret >= 0 && (ret = av_buffersink_get_frame(d->sink, out)) >= 0) {
        const AVDictionaryEntry *skipped = av_dict_get(out->metadata, "lavfi.gradcam.skipped", NULL, 0);

        if (out->pts >= 0 && out->pts <= n)
            d->took[d->out++] = 1e3 * (now() - sent[out->pts]);
        if (skipped)
            d->skipped = atoi(skipped->value);
        av_frame_unref(out);
    }
    return ret == AVERROR(EAGAIN) ? 0 : ret;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

// A line of the table.
static int measure(Delay *d, const char *filters)
{
    double *sent = calloc((size_t)d->frames, sizeof(*sent));
    AVFrame *out = av_frame_alloc();
    int ret = AVERROR(ENOMEM);

    d->out = d->skipped = 0;
    if (sent && out)
        ret = make_graph(d, filters);
    const double begin = now();
    for (int i = 0; ret >= 0 && i < d->frames; i++) {
        sleep_until(begin + (double)i / d->rate);
        ret = pass_frame(d, i, sent, out);
    }
    if (ret >= 0 && d->out) {
        qsort(d->took, (size_t)d->out, sizeof(*d->took), compare);
        printf("| `%s` | %.2f | %.2f | %.2f | %d of %d | %d |\n", filters, d->took[d->out / 2],
               d->took[d->out * 99 / 100], d->took[d->out - 1], d->out, d->frames, d->skipped);
        fflush(stdout);
    }
    if (ret < 0)
        fprintf(stderr, "delay: %s: %s\n", filters, av_err2str(ret));
    avfilter_graph_free(&d->graph);
    av_frame_free(&out);
    free(sent);
    return ret;
}

int main(int argc, char **argv)
{
    Delay d = { .width = 1920, .height = 1080, .rate = 30, .seconds = 20 };
    int at = 1, ret = 0;

    for (; at + 1 < argc && argv[at][0] == '-' && ret >= 0; at += 2)
        switch (argv[at][1]) {
        case 's':   ret = av_parse_video_size(&d.width, &d.height, argv[at + 1]); break;
        case 'r':   d.rate = atoi(argv[at + 1]); break;
        case 't':   d.seconds = atoi(argv[at + 1]); break;
        default:    ret = -1;
        }
    if (ret < 0 || at >= argc || d.rate < 1 || d.rate > 10000 || d.seconds < 1 || d.seconds > 10000) {
        fprintf(stderr, "usage: delay [-s WIDTHxHEIGHT] [-r RATE] [-t SECONDS] FILTERS...\n");
        return 2;
    }
    av_log_set_level(AV_LOG_WARNING);
    d.frames = d.rate * d.seconds;
    d.took = calloc((size_t)d.frames, sizeof(*d.took));
    ret = d.took ? make_pictures(&d) : AVERROR(ENOMEM);
    printf("Milliseconds that a frame of %dx%d is kept, %d a second for %d s:\n\n", d.width, d.height, d.rate,
           d.seconds);
    printf("| filters | p50 | p99 | greatest | frames out | key frames skipped |\n|---|---|---|---|---|---|\n");
    for (; ret >= 0 && at < argc; at++)
        ret = measure(&d, argv[at]);
    for (int i = 0; i < PICTURES; i++)
        av_frame_free(&d.picture[i]);
    free(d.took);
    return ret < 0;
}
