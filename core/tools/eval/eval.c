/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam eval: how good maps are, by the measures of the literature. In: a data set, networks and methods. Out: a
 * table, JSON, CSV, a page.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/network.h"
#include "base/cpu.h"
#include "base/limits.h"
#include "evaluation.h"

static const Option options[] = {
    { "model", 'm', "FILE", "the network, .onnx or .bin (default: the small one that is built in); may be repeated" },
    { "methods", 0, "A,B,...", "the methods, with their options behind slashes (default gradcam)" },
    { "metrics", 0, "A,B,...",
      "what is measured: names of measures, cheap for all that take a few runs of the network, or all (default "
      "cheap)" },
    { "images", 0, "DIR", "where the pictures lie, when it is not where the data set has them" },
    { "boxes", 0, "DIR", "XML files with boxes, one for each picture, for a list of files and classes" },
    { "split", 0, "NAME", "of PASCAL VOC: the pictures of ImageSets/Main/NAME.txt" },
    { "classes", 0, "FILE", "what the data set calls the network's classes, one a line, in the network's order" },
    { "limit", 0, "N", "at most N pictures, evenly spread, 0: all (default 0)" },
    { "guess", 0, NULL, "explain the network's best guess in the place of the true class" },
    { "threshold", 0, "SHARE", "of boxes: of a map's highest value, 0 to 1 (default 0.15, the paper's)" },
    { "margin", 0, "PIXELS", "of the pointing game, in pixels of the picture's file, 0 to 1000 (default 15)" },
    { "steps", 0, "N", "of insertion and deletion, 1 to 10000 (default 224)" },
    { "resamples", 0, "N", "of the bootstrap, 0 to 100000 (default 1000)" },
    { "seed", 0, "N", "of the bootstrap and of ROAD's noise, 0 to 1000000 (default 1)" },
    { "no-control", 0, NULL, "leave out the control, which measures the inverse of each map too" },
    { "table1", 0, NULL, "print the paper's Table 1: gradient, cmwp, gradcam and cam, errors of class and place" },
    { "journal", 0, "FILE", "keep results there as they come; a run that was ended goes on where it was" },
    { "shard", 0, "I/N", "do the I-th of N parts alone, from 0, into a journal of its own" },
    { "merge", 0, "FILE", "take in a journal, of a part; may be repeated; nothing is computed then" },
    { "json", 0, NULL, "print JSON" },
    { "csv", 0, "FILE", "write a line for each picture and row" },
    { "html", 0, "FILE", "write a page with tables, plots and pictures, which needs no network" },
    { "threads", 't', "N", "pictures at once, 0 to 256; 0 is one per processor (default 0)" },
    { 0 }
};

// ------------------------------------------------------------------------------------------------------------- options

static int read_settings(Evaluation *e)
{
    const Arguments *a = e->arguments;
    MeasureSettings *s = &e->settings;
    int seed = 1, status;

    *s = (MeasureSettings){ .threshold = 0.15, .margin = 15, .steps = 224, .noise = 0.01, .patch = 35,
                            .patch_step = 16 };
    e->resamples = 1000;
    if ((status = option_number(a, "threshold", 0, 1, &s->threshold)) ||
        (status = option_number(a, "margin", 0, 1000, &s->margin)) ||
        (status = option_integer(a, "steps", 1, 10000, &s->steps)) ||
        (status = option_integer(a, "resamples", 0, 100000, &e->resamples)) ||
        (status = option_integer(a, "seed", 0, 1000000, &seed)) ||
        (status = option_integer(a, "threads", 0, GCAM_MOST_THREADS, &e->threads)))
        return status;
    s->seed = (uint64_t)seed;
    e->guess = option_given(a, "guess");
    e->results.controls = !option_given(a, "no-control") && !option_given(a, "table1");
    e->shards = 1;
    const char *shard = option_value(a, "shard");
    char rest;
    if (shard && (sscanf(shard, "%d/%d%c", &e->shard, &e->shards, &rest) != 2 || e->shards < 1 || e->shard < 0 ||
                  e->shard >= e->shards))
        return say_usage("eval", "--shard takes a part and the number of parts, 0/4 to 3/4, not \"%s\"", shard);
    if (shard && !option_given(a, "journal"))
        return say_usage("eval", "--shard needs a --journal of its own");
    return STATUS_OK;
}

static int read_models(Evaluation *e)
{
    for (size_t i = 0; i < e->arguments->given_count; i++)
        if (!strcmp(e->arguments->given[i].option->name, "model")) {
            if (e->models == MOST_MODELS)
                return say_usage("eval", "at most %d networks at once", MOST_MODELS);
            e->model_path[e->models++] = e->arguments->given[i].value;
        }
    e->models += !e->models;
    return STATUS_OK;
}

static int read_methods(Evaluation *e)
{
    const char *text = option_value(e->arguments, "methods");
    const char *usual = option_given(e->arguments, "table1") ? "gradient,cmwp,gradcam,cam" : "gradcam";
    char *list = strdup(text ? text : usual), *save = NULL;
    SayLog log;
    int status = list ? STATUS_OK : say_failure("out of memory");

    say_log_init(&log, 0);
    for (char *name = list ? strtok_r(list, ",", &save) : NULL; name && !status; name = strtok_r(NULL, ",", &save)) {
        if (e->methods == MOST_METHODS)
            status = say_usage("eval", "at most %d methods at once", MOST_METHODS);
        else if (gradcam_method_parse(&e->method[e->methods++], name, &log.log))
            status = say_usage("eval", "--methods: %s", log.error);
    }
    free(list);
    return status || e->methods ? status : say_usage("eval", "--methods names none");
}

// -------------------------------------------------------------------------------------------------------------- set-up

static int open_dataset(Evaluation *e)
{
    int limit = 0;
    const int status = option_integer(e->arguments, "limit", 0, 1000000000, &limit);
    const DatasetOptions dataset = {
        .images = option_value(e->arguments, "images"), .boxes = option_value(e->arguments, "boxes"),
        .split = option_value(e->arguments, "split"), .limit = (size_t)limit,
    };
    return status ? status : dataset_open(&e->dataset, e->arguments->argument[0], &dataset);
}

// FNV-1a over what is not worth printing: the files and classes.
static uint64_t hash_items(const Dataset *d)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < d->count; i++)
        for (int part = 0; part < 2; part++) {
            const char *text = part ? d->class_of[d->item[i].class_index].name : d->item[i].file;
            const char *slash = part ? NULL : strrchr(text, '/');
            for (text = slash ? slash + 1 : text; *text; text++)
                hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
        }
    return hash;
}

// What the results depend on, in one line, which the caller frees.
static char *describe(const Evaluation *e)
{
    const MeasureSettings *s = &e->settings;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "items=%zu:%016llx guess=%d control=%d threshold=%.17g margin=%.17g steps=%d noise=%.17g patch=%d/%d "
            "seed=%llu measures=", e->dataset.count, (unsigned long long)hash_items(&e->dataset), e->guess,
            e->results.controls, s->threshold, s->margin, s->steps, s->noise, s->patch, s->patch_step,
            (unsigned long long)s->seed);
    for (size_t m = 0; m < e->results.measures; m++)
        fprintf(out, "%s%s", m ? "," : "", e->results.measure[m]->name);
    for (size_t i = 0; i < e->results.rows; i++)
        fprintf(out, " row=%.16s:%s:%s", e->row[i].sha256, e->row[i].layer, e->row[i].method_text);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    for (char *at = text; at && *at; at++)
        *at = *at == '\n' ? ' ' : *at;
    return text;
}

static int read_journals(Evaluation *e, const char *settings)
{
    const char *journal = option_value(e->arguments, "journal");
    size_t lines;
    int status = STATUS_OK;

    for (size_t i = 0; i < e->arguments->given_count && !status; i++)
        if (!strcmp(e->arguments->given[i].option->name, "merge"))
            status = journal_read(&e->results, e->arguments->given[i].value, settings, 1, &lines);
    if (!status && journal)
        status = journal_read(&e->results, journal, settings, 0, &lines);
    if (!status && journal)
        status = journal_open(&e->journal, journal, settings);
    return status;
}

static int count_missing(const Evaluation *e)
{
    size_t missing = 0;

    for (size_t row = 0; row < e->results.rows; row++)
        for (size_t i = 0; i < e->dataset.count; i++)
            missing += *results_state(&e->results, row, i) == NOT_DONE;
    if (missing)
        say_warning("%zu of %zu pictures and rows are in none of the journals", missing,
                    e->results.rows * e->dataset.count);
    return STATUS_OK;
}

static void count_broken(Evaluation *e)
{
    e->broken = 0;
    for (size_t i = 0; i < e->dataset.count; i++)
        e->broken += *results_state(&e->results, 0, i) == BROKEN;
}

static int report(Evaluation *e)
{
    const char *csv = option_value(e->arguments, "csv"), *html = option_value(e->arguments, "html");
    int status = STATUS_OK;

    count_broken(e);
    if (option_given(e->arguments, "json"))
        status = report_json(e, stdout);
    else if (option_given(e->arguments, "table1"))
        status = report_table1(e);
    else
        status = report_print(e);
    if (!status && csv)
        status = report_csv(e, csv);
    if (!status && html)
        status = report_html(e, html);
    return status;
}

static int run_eval(const Arguments *arguments)
{
    Evaluation e = { .arguments = arguments };
    char *settings = NULL;
    int status;

    say_log_init(&e.log, 0);
    if (!(status = read_settings(&e)) && !(status = read_models(&e)) && !(status = read_methods(&e)) &&
        !(status = evaluation_read_measures(&e)) && !(status = open_dataset(&e)) && !(status = evaluation_open(&e)) &&
        !(status = (settings = describe(&e)) ? STATUS_OK : say_failure("out of memory")) &&
        !(status = read_journals(&e, settings))) {
        status = option_given(arguments, "merge") ? count_missing(&e) : evaluation_run(&e);
        const int closed = journal_close(&e.journal);
        if (!status)
            status = closed;
        if (!status)
            status = report(&e);
    }
    free(settings);
    evaluation_close(&e);
    return status;
}

const Command command_eval = {
    .name = "eval",
    .summary = "measure how good maps are, over a data set",
    .usage = "DATASET [OPTION]...",
    .examples =
        "  gradcam eval boxes.csv -m resnet50.bin        file,class,xmin,ymin,xmax,ymax\n"
        "  gradcam eval VOC2007 --split test -m vgg16.bin --methods gradcam,layercam --metrics pointing_game\n"
        "  gradcam eval val.txt --images ILSVRC/val --boxes ILSVRC/bbox -m vgg16.bin -m alexnet.bin --table1\n"
        "  gradcam eval val/ -m resnet50.bin --metrics road,insertion,deletion --limit 500 --json\n"
        "  gradcam eval val/ -m resnet50.bin --journal part0 --shard 0/8\n",
    .options = { options, network_options },
    .least = 1,
    .most = 1,
    .run = run_eval,
};
