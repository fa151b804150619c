/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scores: the one number s that a map explains, and the gradient ds/dy by what the network computes, y, which is where
 * every backward pass begins. What a score is stands in one table of kinds (scores.c); what turns y into probabilities
 * in another (probability.c).
 *
 *     GradcamTarget (what the user wants) -> GcamScore (on one picture's y) -> value, seed ds/dy, probability
 *
 * A new kind of score is a row: two functions over GcamScoreCase, and what it is called.
 */
#ifndef GCAM_CAM_SCORE_H
#define GCAM_CAM_SCORE_H

#include <stddef.h>
#include <stdint.h>

#include "gradcam.h"
#include "graph/graph.h"

enum { GCAM_NEAREST = 3 };              // rivals of "finer" where the target names none

typedef struct GcamProbability GcamProbability;

// Elements of a tensor that count: begin <= index < end in each dimension.
typedef struct GcamElements {
    GcamShape shape;
    size_t begin[GCAM_MAX_RANK], end[GCAM_MAX_RANK];
} GcamElements;

// What formulas read: y of one picture, and of the target what they ask for.
typedef struct GcamScoreCase {
    const float *y;             // [outputs], as ONNX orders them
    size_t outputs;
    const int *classes;         // indices into y
    size_t count;               // 0: there is none, as no score is a number
    const int *rivals;
    size_t rival_count;
    double strength;
    int even;
    const GcamProbability *probability;
    GcamElements elements;      // of kinds that ask for them, which have no classes
} GcamScoreCase;

// How y becomes probabilities.
struct GcamProbability {
    const char *name;
    double (*value)(const GcamScoreCase *c);            // p of c->classes
    double (*log)(const GcamScoreCase *c);              // log p, also where p is too small for a number
    // Adds dp/dy to dy, or d(log p)/dy where of_log is set.
    void (*slope)(const GcamScoreCase *c, int of_log, float *dy);
};

// NULL for what is out of range; that of GRADCAM_PROBABILITY_AUTO, which is to be decided before, has no value.
const GcamProbability *gcam_probability(enum GradcamProbability probability);

// What a kind wants of a target.
enum {
    GCAM_SCORE_RIVALS = 1,      // classes to set against those of the target
    GCAM_SCORE_NEAREST = 2,     // finds them itself where the target has none
    GCAM_SCORE_ELEMENTS = 4,    // elements of a tensor in the place of classes
};

// A row of the table.
typedef struct GcamScoreKind {
    GradcamScoreInfo info;
    unsigned takes;
    double (*value)(const GcamScoreCase *c);
    void (*seed)(const GcamScoreCase *c, float *dy);    // adds ds/dy to dy, [outputs]
} GcamScoreKind;

// The row of that name; NULL is the first, "logit". NULL when there is none.
const GcamScoreKind *gcam_score_find(const char *name);
// Its place in the table, SIZE_MAX when there is none.
size_t gcam_score_index(const char *name);

// log sum exp of y over some outputs, over all of them where classes is NULL. -inf over none, NaN with one that is NaN.
double gcam_log_sum_exp(const float *y, const int *classes, size_t count);

// A target on one picture. Not to be copied: it may point into itself.
typedef struct GcamScore {
    const GcamScoreKind *kind;
    GcamScoreCase on;
    double sign;
    size_t at, whole;           // y is a part, from `at`, of all that the network computes
    int single, nearest[GCAM_NEAREST];
} GcamScore;

// Makes *score of a target and y. -EINVAL for a target that does not fit; rank_class: the class that is meant by a
// target of a rank, or below 0: there is none.
int gcam_score_take(GcamScore *score, const GradcamTarget *target, const float *y, size_t outputs, int rank_class,
                    const GcamProbability *probability);

// The same of a target that is made of elements of a tensor y of that shape, which begins at `at` of `whole` outputs.
int gcam_score_take_elements(GcamScore *score, const GradcamTarget *target, const float *y, const GcamShape *shape,
                             size_t at, size_t whole);

// The i-th of a caller's array of targets, as the library knows them.
GradcamTarget gcam_target_take(const GradcamTarget *target, size_t i);

// Whether a target is made of elements of a tensor, not of classes.
int gcam_score_is_of_elements(const GradcamTarget *target);

// The score's value; and the same with the gradient by all outputs written to dy: ds/dy, and zeros.
double gcam_score_value(const GcamScore *score);
double gcam_score_seed(const GcamScore *score, float *dy);

// Of the score's classes, whatever its kind.
float gcam_score_probability(const GcamScore *score);

// The class with the highest y of those of the score; -1: it has none.
int gcam_score_class(const GcamScore *score);

// The class whose y is all that the score is, so that ds/dy is the same for any picture; -1: it is something else.
int gcam_score_constant(const GcamScore *score);

// The class of the rank-th highest y (from 0), ties in order of index. -ENOENT when fewer of them are numbers.
int gcam_score_rank(const float *y, size_t outputs, int rank);

#endif
