/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What was measured: of each row (a network and a method) and item a number for each measure, of the map and of its
 * inverse; and what becomes of them.
 */
#ifndef GCAM_EVAL_RESULTS_H
#define GCAM_EVAL_RESULTS_H

#include "measure.h"

typedef struct Row {
    const char *model_path;
    char sha256[65];
    char model[128];            // name to print
    char layer[256];
    GradcamMethod method;
    char method_text[256];
} Row;

enum State { NOT_DONE, DONE, BROKEN };

typedef struct Results {
    const Dataset *dataset;
    const Measure *measure[64];
    size_t measures;
    int controls;                       // the inverse is measured too
    Row *row;
    size_t rows;
    uint8_t *state;                     // rows x items: enum State
    double *value;                      // rows x items x sides x measures, NAN where there is none; 0 beside a record
    uint8_t *record;                    // rows x items x sides x record_size: those of all measures that have one
    size_t record_size;
} Results;

// A figure: of all pictures, with its interval at 95 % by bootstrap.
typedef struct Figure {
    double value, low, high;
    size_t n;                           // pictures
    double threshold[MOST_BOUNDS];      // of REDUCE_BEST: where the most are hits
    int has_threshold;
} Figure;

// Allocates; dataset, measures and rows are given. 0 or -ENOMEM.
int results_alloc(Results *results);
void results_free(Results *results);

size_t results_sides(const Results *results);
uint8_t *results_state(const Results *results, size_t row, size_t item);
// side 0: the map, 1: its inverse.
double *results_value(const Results *results, size_t row, size_t item, size_t side);
// NULL for a measure without records.
void *results_record(const Results *results, size_t row, size_t item, size_t side, size_t measure);

// resamples: of the bootstrap. 0 or -ENOMEM.
int results_figure(const Results *results, size_t row, size_t side, size_t measure, int resamples, uint64_t seed,
                   Figure *figure);
// Row `a` less row `b`, over the pictures that both have.
int results_difference(const Results *results, size_t a, size_t b, size_t measure, int resamples, uint64_t seed,
                       Figure *figure);

// Ranks of the rows by a measure, 1 the best, ties sharing their mean; NAN where a row has no figure.
void results_rank(const Figure *figure, size_t rows, int better, double *rank);

#endif
