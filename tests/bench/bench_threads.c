/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How a map scales: on one thread and on several, several maps in flight on one thread each, several classes after one
 * forward, and how long the first map takes from the opening of the file on. Contestants in turn, the least of all
 * rounds, as a Markdown table.
 *
 *     bench_threads [-t THREADS] [-n ROUNDS] MODEL...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "frames.h"
#include "gradcam.h"

enum { MAX_CLASSES = 3, IN_FLIGHT = 24 };

static const int classes[MAX_CLASSES] = { 1, 2, 3 };

typedef struct Bench {
    GradcamModel *model;
    GradcamTarget target[MAX_CLASSES];
    int width, height;
    uint8_t *rgb;
    float *map;
} Bench;

static void fail(const char *what, int error)
{
    fprintf(stderr, "bench_threads: %s: %s\n", what, gradcam_strerror(error));
    exit(1);
}

static void least(double *time, double now)
{
    if (*time == 0 || now < *time)
        *time = now;
}

// Opens the file; the picture is noise.
static void open_model(Bench *b, const char *path)
{
    int error = gradcam_model_open(&b->model, path, NULL);

    if (error < 0)
        fail(path, error);
    const GradcamModelInfo *info = gradcam_model_info(b->model);
    b->width = info->width;
    b->height = info->height;
    free(b->rgb);
    free(b->map);
    b->rgb = malloc((size_t)b->width * (size_t)b->height * 3);
    b->map = malloc((size_t)b->width * (size_t)b->height * MAX_CLASSES * sizeof(*b->map));
    if (!b->rgb || !b->map)
        fail(path, -12);
    for (size_t i = 0; i < (size_t)b->width * (size_t)b->height * 3; i++)
        b->rgb[i] = (uint8_t)(i * 2654435761u >> 24);
    for (int i = 0; i < MAX_CLASSES; i++)
        b->target[i] = (GradcamTarget){ .name = "", .classes = &classes[i], .count = 1 };
}

static GradcamContext *open_context(const Bench *b, int threads)
{
    const GradcamSettings settings = { .threads = threads };
    GradcamContext *context;
    int error = gradcam_context_open(&context, b->model, &settings);

    if (error < 0)
        fail("context", error);
    return context;
}

// Seconds of a forward and the maps of some classes.
static double run(const Bench *b, GradcamContext *context, int count)
{
    const double begin = gcam_time();
    int error = gradcam_context_forward(context, b->rgb, 3 * b->width);

    if (error >= 0)
        error = gradcam_context_maps(context, b->target, (size_t)count, NULL, b->map,
                                     (size_t)b->width * (size_t)b->height * MAX_CLASSES, NULL);
    if (error < 0)
        fail("map", error);
    return gcam_time() - begin;
}

// Seconds from the opening of the file to its first map.
static double run_first(Bench *b, const char *path, int threads)
{
    const double begin = gcam_time();

    open_model(b, path);
    GradcamContext *context = open_context(b, threads);
    run(b, context, 1);
    const double end = gcam_time();
    gradcam_context_close(&context);
    return end - begin;
}

// Seconds per map of a stream with so many maps in flight, each on one thread. Each picture counts as new.
static double run_stream(Bench *b, int jobs)
{
    const GradcamStreamSettings settings = {
        .threads = jobs, .jobs = jobs, .load = frame_load, .release = frame_release, .still = -1
    };
    const GradcamTargets targets = { .target = b->target, .count = 1 };
    GradcamStream *stream;
    GradcamResult *result;
    uint64_t next = 1, ticket = 0;
    double begin = 0;
    int error = gradcam_stream_open(&stream, b->model, &targets, &settings);

    if (error < 0)
        fail("stream", error);
    for (int i = 0; i < IN_FLIGHT + jobs; i++) {
        if (i == jobs)          // the first of each are not counted
            begin = gcam_time();
        while (gradcam_stream_submit(stream, b->rgb, i, &ticket) < 0)
            if (gradcam_stream_collect(stream, next++, 1, &result) >= 0)
                gradcam_result_unref(&result);
    }
    for (; next <= ticket; next++)
        if (gradcam_stream_collect(stream, next, 1, &result) >= 0)
            gradcam_result_unref(&result);
    const double end = gcam_time();
    gradcam_stream_close(&stream);
    return (end - begin) / IN_FLIGHT;
}

static void bench(const char *path, int threads, int rounds)
{
    Bench b = { 0 };
    double first = 0, one = 0, all = 0, three = 0, alone = 0, flight = 0;
    const char *name = strrchr(path, '/');

    for (int i = 0; i < 3; i++) {
        least(&first, run_first(&b, path, threads));
        gradcam_model_close(&b.model);
    }
    open_model(&b, path);
    GradcamContext *single = open_context(&b, 1), *many = open_context(&b, threads);
    for (int i = 0; i <= rounds; i++) {
        const double times[] = { run(&b, single, 1), run(&b, many, 1), run(&b, many, MAX_CLASSES) };
        if (i) {
            least(&one, times[0]);
            least(&all, times[1]);
            least(&three, times[2]);
        }
    }
    gradcam_context_close(&single);
    gradcam_context_close(&many);
    for (int i = 0; i < 2; i++) {
        least(&alone, run_stream(&b, 1));
        least(&flight, run_stream(&b, threads));
    }
    printf("| %s | %.1f | %.1f | %.2f | %.1f | %.2f | %.1f | %.0f |\n", name ? name + 1 : path, 1e3 * one, 1e3 * all,
           one / all, 1e3 * flight, alone / flight, 1e3 * three, 1e3 * first);
    fflush(stdout);
    gradcam_model_close(&b.model);
    free(b.rgb);
    free(b.map);
}

int main(int argc, char **argv)
{
    int threads = 2, rounds = 10, at = 1;

    for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
        if (!strcmp(argv[at], "-t"))
            threads = atoi(argv[at + 1]);
        else if (!strcmp(argv[at], "-n"))
            rounds = atoi(argv[at + 1]);
    }
    if (at >= argc || threads < 1 || rounds < 1) {
        fprintf(stderr, "usage: bench_threads [-t THREADS] [-n ROUNDS] MODEL...\n");
        return 2;
    }
    printf("%s, milliseconds\n\n| network | 1 thread | %d threads | ratio | %d in flight, each | ratio | %d classes | "
           "open to first map |\n|---|---|---|---|---|---|---|---|\n", gradcam_cpu(), threads, threads, MAX_CLASSES);
    for (; at < argc; at++)
        bench(argv[at], threads, rounds);
    return 0;
}
