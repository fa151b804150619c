/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What it brings to compute of a picture only what a change can reach: maps for every frame of a clip, from streams
 * that differ in `still`: -1, all is computed; 0, exact; and thresholds. They get each frame in turn. Of each frame the
 * least of all rounds counts; maps a second over all frames, as Markdown. still.sh makes the clips.
 *
 *     bench_still [-c] [-t THREADS] [-n ROUNDS] [-s THRESHOLD]... FRAMES MODEL...
 *
 * -c: of a processor's time, not of the clock's, for machines that have other things to do.
 * FRAMES: raw rgb24, of the networks' size.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"
#include "gradcam.h"

enum { MOST_WAYS = 6 };

typedef struct Clip {
    uint8_t *rgb;
    size_t frames, bytes;       // of a frame
} Clip;

static void fail(const char *what, int error)
{
    fprintf(stderr, "bench_still: %s: %s\n", what, gradcam_strerror(error));
    exit(1);
}

static Clip read_clip(const char *path, size_t bytes)
{
    Clip clip = { .bytes = bytes };
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) || !(clip.frames = (size_t)ftell(file) / bytes)) {
        fprintf(stderr, "bench_still: no frames in '%s'\n", path);
        exit(1);
    }
    rewind(file);
    clip.rgb = malloc(clip.frames * bytes);
    if (!clip.rgb || fread(clip.rgb, bytes, clip.frames, file) != clip.frames)
        fail(path, -EIO);
    fclose(file);
    return clip;
}

static int of_processor;

static double now(void)
{
    struct timespec time;
    clock_gettime(of_processor ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double run_frame(GradcamStream *stream, uint8_t *rgb)
{
    GradcamResult *result = NULL;
    double begin = now();
    uint64_t ticket;
    int error = gradcam_stream_submit(stream, rgb, 0, &ticket);
    if (!error)
        error = gradcam_stream_collect(stream, ticket, 1, &result);
    if (error)
        fail("a frame", error);
    gradcam_result_unref(&result);
    return now() - begin;
}

// All frames, `rounds` times, each through every stream.
static void run_rounds(GradcamStream *const *stream, int ways, const Clip *clip, int rounds, double *least)
{
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < clip->frames; i++)
            for (int k = 0; k < ways; k++) {
                int way = (k + (int)i) % ways;
                double *best = &least[i * (size_t)ways + (size_t)way];
                double time = run_frame(stream[way], clip->rgb + i * clip->bytes);
                *best = !round || time < *best ? time : *best;
            }
}

static void run_model(const char *path, const char *frames, const float *still, int ways, int threads, int rounds)
{
    GradcamModel *model;
    GradcamTargets *targets;
    GradcamStream *stream[MOST_WAYS];
    double all = 0;
    int error = gradcam_model_open(&model, path, NULL);
    if (error || (error = gradcam_targets_resolve(&targets, model, "5", NULL)))
        fail(path, error);
    const GradcamModelInfo *info = gradcam_model_info(model);
    Clip clip = read_clip(frames, 3 * (size_t)info->width * (size_t)info->height);
    double *least = calloc(clip.frames * (size_t)ways, sizeof(*least));
    for (int i = 0; i < ways; i++) {
        const GradcamStreamSettings settings = { .threads = threads, .jobs = 1, .load = frame_load,
                                                 .release = frame_release, .still = still[i] };
        if ((error = gradcam_stream_open(&stream[i], model, targets, &settings)))
            fail(path, error);
    }
    run_rounds(stream, ways, &clip, rounds, least);
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    printf("| %.*s |", (int)strcspn(name, "."), name);
    for (int way = 0; way < ways; way++) {
        double sum = 0;
        for (size_t i = 0; i < clip.frames; i++)
            sum += least[i * (size_t)ways + (size_t)way];
        all = way ? all : sum;
        printf(way ? " %.1f | %.2f |" : " %.1f |", (double)clip.frames / sum, all / sum);
        gradcam_stream_close(&stream[way]);
    }
    printf("\n");
    fflush(stdout);
    gradcam_targets_free(&targets);
    gradcam_model_close(&model);
    free(clip.rgb);
    free(least);
}

int main(int argc, char **argv)
{
    float still[MOST_WAYS] = { -1, 0 };
    int threads = 2, rounds = 3, ways = 2;
    for (int option; (option = getopt(argc, argv, "ct:n:s:")) != -1;) {
        if (option == 't')
            threads = atoi(optarg);
        else if (option == 'n')
            rounds = atoi(optarg);
        else if (option == 'c')
            of_processor = 1;
        else if (option == 's' && ways < MOST_WAYS)
            still[ways++] = (float)atof(optarg);
        else
            return 2;
    }
    if (argc - optind < 2 || threads < 1 || rounds < 1) {
        fprintf(stderr, "Usage: bench_still [-c] [-t THREADS] [-n ROUNDS] [-s THRESHOLD]... FRAMES MODEL...\n");
        return 2;
    }
    printf("| network | all computed |");
    for (int i = 1; i < ways; i++)
        printf(" still=%g | ratio |", still[i]);
    printf("\n|---|---|");
    for (int i = 1; i < ways; i++)
        printf("---|---|");
    printf("\n");
    for (int i = optind + 1; i < argc; i++)
        run_model(argv[i], argv[optind], still, ways, threads, rounds);
    return 0;
}
