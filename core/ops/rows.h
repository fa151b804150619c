/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows in another order: what a plan makes of several operators that only move whole rows, as where Swin cuts a picture
 * into windows, shifts it, and puts it together again.
 */
#ifndef GCAM_OPS_ROWS_H
#define GCAM_OPS_ROWS_H

#include "ops.h"

typedef struct GcamRows {
    size_t size;                // floats of a row
    size_t from_rows, to_rows;
    const int *from;            // by row of the result: which row of the input it is; all differ
    const int *to;              // by row of the input: where it goes, or -1
} GcamRows;

extern const GcamOp gcam_op_rows;

#endif
