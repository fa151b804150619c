/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Options that are numbers or expressions of the frame, as "0.6" or "if(gt(probability,0.5),0.6,0)".
 */
#ifndef GCAM_NUMBER_H
#define GCAM_NUMBER_H

#include "libavutil/eval.h"

// What an expression can depend on.
typedef struct GcamMoment {
    double t;                   // seconds, NAN where the frame has no time
    double n;                   // of the frame, counted from 0
    double score;               // of the first class
    double probability;
} GcamMoment;

// Used by one thread at a time.
typedef struct GcamNumber {
    AVExpr *expr;
    double min, max;            // what the expression gives is brought into this range
} GcamNumber;

// Reads the text of the option `name`; AVERROR(EINVAL), and a sentence in log, for one that is no expression or a
// number outside of min..max. *number, which may hold an older one, is changed only on success.
int gcam_number_parse(GcamNumber *number, void *log, const char *name, const char *text, double min, double max);

// Its value; `min` where the expression gives no number.
double gcam_number_at(const GcamNumber *number, const GcamMoment *moment);

void gcam_number_free(GcamNumber *number);

#endif
