/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam bench: how long a map takes, and where the time goes.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/limits.h"
#include "base/enum_names.h"
#include "command.h"
#include "json.h"
#include "machine.h"
#include "methods.h"
#include "network.h"

static const Option options[] = {
    { "threads", 't', "N", "threads inside one map, 1 to 1024 (default 0: one per processor)" },
    { "runs", 'n', "N", "runs that count, after two that do not, 1 to 10000 (default 20)" },
    METHOD_OPTION,
    { "precision", 0, "NAME", "f32, or bf16: large products of bfloat16, where the processor has that (default f32)" },
    { "json", 0, NULL, "print JSON" },
    { "quiet", 'q', NULL, "print the median time of a whole map in milliseconds, and nothing else" },
    { "verbose", 'v', NULL, "every operator: its time, the algorithm, its share of what the machine can do" },
    { 0 }
};

// Times of one kind, a run each.
typedef struct Series {
    double *seconds;
    double median, least, most;
} Series;

typedef struct Bench {
    GradcamModel *model;
    GradcamContext *context;
    GradcamMethod method;
    int runs;
    Machine machine;                    // zeros where nobody asked
    size_t entries;
    Series whole, phase[GCAM_PHASES], *entry;
} Bench;

static double seconds_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void finish_series(Series *series, int runs)
{
    qsort(series->seconds, (size_t)runs, sizeof(*series->seconds), compare);
    series->median = (series->seconds[(runs - 1) / 2] + series->seconds[runs / 2]) / 2;
    series->least = series->seconds[0];
    series->most = series->seconds[runs - 1];
}

static int allocate(Bench *bench)
{
    size_t all = 1 + GCAM_PHASES + bench->entries;
    double *times = calloc(all * (size_t)bench->runs, sizeof(*times));

    bench->entry = calloc(bench->entries + 1, sizeof(*bench->entry));
    bench->whole.seconds = times;
    if (!times || !bench->entry)
        return say_failure("out of memory");
    for (size_t i = 0; i < GCAM_PHASES; i++)
        bench->phase[i].seconds = times += bench->runs;
    for (size_t i = 0; i < bench->entries; i++)
        bench->entry[i].seconds = times += bench->runs;
    return STATUS_OK;
}

// One picture through the network; run -1 does not count.
static int run_once(Bench *bench, const uint8_t *rgb, float *map, size_t room, int run)
{
    const GradcamModelInfo *info = gradcam_model_info(bench->model);
    const GradcamTarget top = { .name = "auto" };
    const double begin = seconds_now();
    int error = gradcam_context_forward(bench->context, rgb, info->channels * (ptrdiff_t)info->width);

    if (!error)
        error = gradcam_context_map(bench->context, &top, &bench->method, map, room, NULL);
    const double whole = seconds_now() - begin;
    if (error)
        return say_failure("cannot run the network: %s", gradcam_strerror(error));
    if (run >= 0)
        bench->whole.seconds[run] = whole;
    bench->entries = 0;
    for (const GradcamProfile *p; (p = gradcam_context_profile_at(bench->context, bench->entries)); bench->entries++) {
        if (run >= 0) {
            bench->entry[bench->entries].seconds[run] = p->seconds;
            bench->phase[p->phase].seconds[run] += p->seconds;
        }
    }
    return STATUS_OK;
}

static int run_all(Bench *bench)
{
    const GradcamModelInfo *info = gradcam_model_info(bench->model);
    const size_t bytes = (size_t)info->channels * (size_t)info->width * (size_t)info->height;
    int columns, rows;

    gradcam_context_map_size(bench->context, &bench->method, &columns, &rows);
    uint8_t *rgb = malloc(bytes);
    float *map = malloc(sizeof(*map) * (size_t)columns * (size_t)rows);
    int status = rgb && map ? STATUS_OK : say_failure("out of memory");

    for (size_t i = 0; !status && i < bytes; i++)       // any picture that is not flat
        rgb[i] = (uint8_t)(i * 2654435761u >> 24);
    for (int i = -2; !status && i < bench->runs; i++) {
        if (!i)
            status = allocate(bench);
        if (!status)
            status = run_once(bench, rgb, map, (size_t)columns * (size_t)rows, i);
    }
    if (!status) {
        finish_series(&bench->whole, bench->runs);
        for (size_t i = 0; i < GCAM_PHASES; i++)
            finish_series(&bench->phase[i], bench->runs);
        for (size_t i = 0; i < bench->entries; i++)
            finish_series(&bench->entry[i], bench->runs);
    }
    free(rgb);
    free(map);
    return status;
}

static double gigaflops(const GradcamProfile *profile, const Series *series)
{
    return series->median > 0 ? profile->flops / series->median * 1e-9 : 0;
}

static double gigabytes(const GradcamProfile *profile, const Series *series)
{
    return series->median > 0 ? profile->bytes / series->median * 1e-9 : 0;
}

// Of the machine's peak in percent, or of what it reads from memory: which is nearer. Operations are those of the
// direct definition, memory may be a cache, and what is zero may be skipped, so that more than 100 is possible.
static double share_of_peak(const Bench *bench, size_t i)
{
    const GradcamProfile *p = gradcam_context_profile_at(bench->context, i);
    const double operations = 1e9 * gigaflops(p, &bench->entry[i]), bytes = 1e9 * gigabytes(p, &bench->entry[i]);

    if (!(bench->machine.flops > 0 && bench->machine.bytes > 0))
        return 0;
    return 100 * fmax(operations / bench->machine.flops, bytes / bench->machine.bytes);
}

static void print_text(const Bench *bench, int threads, int verbose)
{
    const GradcamLayer *layer = gradcam_context_layer(bench->context);

    printf("%-12s %s, layer %s (%d x %d x %d)\n", "network", gradcam_model_info(bench->model)->name, layer->name,
           layer->channels, layer->height, layer->width);
    if (threads)
        printf("%-12s %s, %d threads, median of %d runs\n", "machine", gradcam_cpu(), threads, bench->runs);
    else
        printf("%-12s %s, a thread per processor, median of %d runs\n", "machine", gradcam_cpu(), bench->runs);
    printf("%-12s %9.3f ms  (%.3f to %.3f)\n", "whole map", 1e3 * bench->whole.median, 1e3 * bench->whole.least,
           1e3 * bench->whole.most);
    for (int i = 0; i < GCAM_PHASES; i++)
        printf("%-12s %9.3f ms\n", gradcam_phase_name(i), 1e3 * bench->phase[i].median);
    if (!verbose)
        return;
    printf("%-12s %.1f GFLOP/s, %.1f GB/s, measured beside this\n", "peak", 1e-9 * bench->machine.flops,
           1e-9 * bench->machine.bytes);
    printf("\n%9s %6s %8s %7s %8s  %-10s %-20s %-14s %s\n", "ms", "share", "GFLOP/s", "GB/s", "of peak", "phase",
           "operator", "algorithm", "node");
    for (size_t i = 0; i < bench->entries; i++) {
        const GradcamProfile *p = gradcam_context_profile_at(bench->context, i);
        printf("%9.3f %5.1f%% %8.1f %7.1f %7.0f%%  %-10s %-20s %-14s %s\n", 1e3 * bench->entry[i].median,
               100 * bench->entry[i].median / bench->whole.median, gigaflops(p, &bench->entry[i]),
               gigabytes(p, &bench->entry[i]), share_of_peak(bench, i), gradcam_phase_name(p->phase), p->op, p->kernel,
               p->name);
    }
}

static void print_json(const Bench *bench, int threads, int verbose)
{
    const GradcamLayer *layer = gradcam_context_layer(bench->context);
    Json json = { stdout, 0, 0 };

    json_open(&json, NULL, '{');
    json_string(&json, "network", gradcam_model_info(bench->model)->name);
    json_string(&json, "layer", layer->name);
    json_string(&json, "cpu", gradcam_cpu());
    json_integer(&json, "threads", threads);
    json_integer(&json, "runs", bench->runs);
    json_number(&json, "median_ms", 1e3 * bench->whole.median);
    json_number(&json, "min_ms", 1e3 * bench->whole.least);
    json_number(&json, "max_ms", 1e3 * bench->whole.most);
    json_open(&json, "phases_ms", '{');
    for (int i = 0; i < GCAM_PHASES; i++)
        json_number(&json, gradcam_phase_name(i), 1e3 * bench->phase[i].median);
    json_close(&json, '}');
    if (verbose) {
        json_number(&json, "peak_gflops", 1e-9 * bench->machine.flops);
        json_number(&json, "peak_gbytes", 1e-9 * bench->machine.bytes);
        json_open(&json, "operators", '[');
        for (size_t i = 0; i < bench->entries; i++) {
            const GradcamProfile *p = gradcam_context_profile_at(bench->context, i);
            json_open(&json, NULL, '{');
            json_string(&json, "phase", gradcam_phase_name(p->phase));
            json_string(&json, "node", p->name);
            json_string(&json, "op", p->op);
            json_string(&json, "algorithm", p->kernel);
            json_number(&json, "median_ms", 1e3 * bench->entry[i].median);
            json_number(&json, "gflops", gigaflops(p, &bench->entry[i]));
            json_number(&json, "gbytes", gigabytes(p, &bench->entry[i]));
            json_number(&json, "percent_of_peak", share_of_peak(bench, i));
            json_close(&json, '}');
        }
        json_close(&json, ']');
    }
    json_close(&json, '}');
}

static int run_bench(const Arguments *arguments)
{
    static const char *const precisions[] = { "f32", "bf16", NULL };
    Bench bench = { .runs = 20 };
    GradcamSettings settings = { .size = sizeof(settings) };
    int precision = 0, status;
    SayLog log;

    say_log_init(&log, 0);
    status = option_integer(arguments, "threads", 0, GCAM_MOST_THREADS, &settings.threads);
    if (!status)
        status = option_integer(arguments, "runs", 1, 10000, &bench.runs);
    if (!status)
        status = method_read(arguments, &bench.method);
    if (!status)
        status = option_choice(arguments, "precision", precisions, &precision);
    if (!status)
        status = network_open(&bench.model, arguments, arguments->count ? arguments->argument[0] : NULL, NULL,
                              &log);
    if (status)
        return status;
    settings.log = log.log;
    settings.layer = option_value(arguments, "layer");
    settings.method = bench.method;
    settings.precision = (enum GradcamPrecision)precision;
    int error = gradcam_context_open(&bench.context, bench.model, &settings);
    if (!error)
        error = gradcam_context_set_profiling(bench.context, 1);
    status = error ? say_library(&log, error, "cannot run the network") : run_all(&bench);
    if (!status && option_given(arguments, "verbose"))
        bench.machine = machine_measure(settings.threads ? settings.threads : gcam_cpu_processors());
    if (!status && option_given(arguments, "quiet"))
        printf("%.4f\n", 1e3 * bench.whole.median);
    else if (!status && option_given(arguments, "json"))
        print_json(&bench, settings.threads, option_given(arguments, "verbose"));
    else if (!status)
        print_text(&bench, settings.threads, option_given(arguments, "verbose"));
    free(bench.entry);
    free(bench.whole.seconds);
    gradcam_context_close(&bench.context);
    gradcam_model_close(&bench.model);
    return status;
}

const Command command_bench = {
    .name = "bench",
    .summary = "how long a map takes, and where the time goes",
    .usage = "[MODEL] [OPTION]...",
    .examples = "  gradcam bench vgg16.bin --threads 2\n"
                "  gradcam bench vgg16.bin -v                    operator by operator\n"
                "  gradcam bench vgg16.bin --quiet               one number, for scripts\n",
    .options = { options, network_options },
    .most = 1,
    .run = run_bench,
};
