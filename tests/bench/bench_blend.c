/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench_blend [-s WIDTHxHEIGHT] [-r ROUNDS] [FORMAT...]: what laying a map over a frame takes, for every pixel format
 * that can be blended or those named, enlarged by straight lines and by splines, beside a memcpy of the same frame and
 * beside reading it to 224x224 RGB. One thread, in turn within each round, the shortest of all rounds; processor time,
 * so that other work on the machine disturbs less. The map has heat everywhere: where it has none a frame takes less.
 * Prints a Markdown table; the last column is the time per byte in parts of that of yuv420p. GRADCAM_CPU chooses a
 * lower level.
 */
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/parseutils.h>
#include <libavutil/pixdesc.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gradcam_picture.h"
#include "scale.h"

enum { CELLS = 14, INPUT = 224 };

// Shortest times in ms, and the frame's size in bytes.
typedef struct Times {
    double copy, blend, spline, read, bytes;
} Times;

static int width = 1920, height = 1080, rounds = 60;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void keep(double *best, double start)
{
    const double time = now() - start;
    if (*best == 0 || time < *best)
        *best = time;
}

static AVFrame *make_frame(enum AVPixelFormat format)
{
    AVFrame *frame = av_frame_alloc();
    frame->format = format;
    frame->width = width;
    frame->height = height;
    if (av_frame_get_buffer(frame, 0) < 0)
        exit(1);
    for (int p = 0; p < 4 && frame->buf[p]; p++)
        for (size_t i = 0; i < frame->buf[p]->size; i++)
            frame->buf[p]->data[i] = (uint8_t)(i * 2654435761u >> 24);
    return frame;
}

static void fill_map(float *map)
{
    for (int y = 0; y < CELLS; y++)
        for (int x = 0; x < CELLS; x++)
            map[y * CELLS + x] = 0.05f + 0.95f * expf(-0.05f * (float)((x - 5) * (x - 5) + (y - 8) * (y - 8)));
}

static void draw(GradcamDrawing *drawing, const GradcamOverlaySettings *overlay, enum GradcamUpsample upsample,
                 const GradcamPicture *picture, const float *map, double *best)
{
    GradcamOverlaySettings look = *overlay;
    const GradcamDrawingSettings settings = { .overlay = &look };
    const double start = now();
    look.upsample = upsample;
    if (gradcam_drawing_prepare(drawing, &settings, map, 1, CELLS, CELLS) < 0 ||
        gradcam_drawing_run(drawing, picture, NULL, NULL, 0, 1) < 0)
        exit(1);
    keep(best, start);
}

static Times measure(enum AVPixelFormat format)
{
    AVFrame *frame = make_frame(format), *copy = make_frame(format);
    GradcamOverlaySettings settings = { .colormap = GRADCAM_COLORMAP_TURBO, .opacity = 0.6f, .gamma = 1 };
    GradcamDrawing *lines = NULL, *curves = NULL;
    GcamScaler *scaler = NULL;
    GradcamPicture picture;
    Times times = { .bytes = av_image_get_buffer_size(format, width, height, 1) };
    static uint8_t rgb[INPUT * INPUT * 3];
    float map[CELLS * CELLS];

    fill_map(map);
    if (gcam_frame_picture(frame, &picture) < 0 || gcam_frame_colors(frame, &settings) < 0 ||
        gradcam_drawing_create(&lines) < 0 || gradcam_drawing_create(&curves) < 0 ||
        gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) < 0)
        exit(1);
    for (int i = 0; i < rounds; i++) {
        double start = now();
        av_frame_copy(copy, frame);
        keep(&times.copy, start);
        draw(lines, &settings, GRADCAM_UPSAMPLE_BILINEAR, &picture, map, &times.blend);
        draw(curves, &settings, GRADCAM_UPSAMPLE_SPLINE, &picture, map, &times.spline);
        start = now();
        gcam_scaler_run(scaler, frame, rgb, 3 * INPUT, INPUT, INPUT);
        keep(&times.read, start);
    }
    gcam_scaler_free(&scaler);
    gradcam_drawing_free(&lines);
    gradcam_drawing_free(&curves);
    av_frame_free(&copy);
    av_frame_free(&frame);
    return times;
}

static void print(const char *name, const Times *t, double reference)
{
    printf("| %s | %.1f | %.3f | %.3f | %.1f | %.2f | %.3f | %.2f |\n", name, t->bytes / 1e6, t->copy, t->blend,
           t->blend / t->copy, t->spline / t->blend, t->read, t->blend / t->bytes / reference);
    fflush(stdout);
}

static int wanted(const char *name, char **words, int count)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(name, words[i]))
            return 1;
    return !count;
}

int main(int argc, char **argv)
{
    const AVPixFmtDescriptor *desc = NULL;
    int first = 1;

    for (; first + 1 < argc && argv[first][0] == '-'; first += 2) {
        const char *value = argv[first + 1];
        if (!strcmp(argv[first], "-r"))
            rounds = atoi(value);
        else if (strcmp(argv[first], "-s") || av_parse_video_size(&width, &height, value) < 0)
            rounds = 0;
    }
    if (rounds < 1 || (first < argc && argv[first][0] == '-')) {
        fprintf(stderr, "usage: bench_blend [-s WIDTHxHEIGHT] [-r ROUNDS] [FORMAT...]\n");
        return 2;
    }
    const Times plain = measure(AV_PIX_FMT_YUV420P);
    printf("%dx%d, one thread, %s\n\n", width, height, gradcam_cpu());
    printf("| format | MB | memcpy ms | blend ms | / memcpy | spline / blend | to 224x224 ms | per byte / yuv420p |\n");
    printf("|---|---|---|---|---|---|---|---|\n");
    while ((desc = av_pix_fmt_desc_next(desc))) {
        const enum AVPixelFormat format = av_pix_fmt_desc_get_id(desc);
        if (gcam_format_supported(format) && wanted(desc->name, argv + first, argc - first)) {
            const Times times = measure(format);
            print(desc->name, &times, plain.blend / plain.bytes);
        }
    }
    return 0;
}
