/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inside of gradcam eval and compare. eval.c reads the options, run.c goes through the pictures, report*.c write tables
 * and files; compare.c does the same for two networks. All that return an int return a status (say.h).
 */
#ifndef GCAM_EVAL_EVALUATION_H
#define GCAM_EVAL_EVALUATION_H

#include "tools/command.h"
#include "journal.h"
#include "results.h"

enum { MOST_MODELS = 16, MOST_METHODS = 64 };

typedef struct Evaluation {
    const Arguments *arguments;
    SayLog log;
    Dataset dataset;
    MeasureSettings settings;
    const char *model_path[MOST_MODELS];        // NULL: the built-in network
    size_t models;
    GradcamMethod method[MOST_METHODS];
    size_t methods;
    int guess, threads, resamples;
    int shard, shards;                  // this run does the items whose number leaves `shard` when divided by `shards`
    Results results;
    Row *row;
    char **unfit;                       // of each row: why the method does not fit the network, or NULL
    Journal journal;
    size_t broken;                      // pictures that could not be read
    double seconds, network_seconds;    // wall time of the run; time in the network, of all threads
    size_t done;                        // pictures and rows that were measured in this run
    int threads_used;
} Evaluation;

// Reads --metrics. (setup.c)
int evaluation_read_measures(Evaluation *e);
// Rows for its networks and methods, and room for results.
int evaluation_open(Evaluation *e);
void evaluation_close(Evaluation *e);

// Measures what is not yet in the results.
int evaluation_run(Evaluation *e);

// Name of a row, "resnet18 gradcam".
void evaluation_row_name(const Evaluation *e, size_t row, char *text, size_t size);

// A figure of each row for a measure.
int evaluation_figures(const Evaluation *e, size_t measure, size_t side, Figure *figure);

int report_print(Evaluation *e);                // a table for people
int report_table1(Evaluation *e);               // as the paper's
int report_json(Evaluation *e, FILE *out);
int report_csv(Evaluation *e, const char *path);
int report_html(Evaluation *e, const char *path);

#endif
