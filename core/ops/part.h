/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parts of values: of those that lie in memory as lines of pixels, [1][rows][columns][channels], operators can
 * compute a rectangle alone, and say which one a change of their input can reach.
 */
#ifndef GCAM_OPS_PART_H
#define GCAM_OPS_PART_H

#include "move.h"
#include "ops.h"
#include "window.h"

// Rows, columns and channels of a value in memory; 0 where it does not lie like that.
int gcam_value_lines(const GcamValue *value, int *rows, int *columns, size_t *channels);

// All of any value.
GcamRect gcam_rect_all(void);

// GcamOp.reach of operators that compute each pixel from the same one of their inputs.
GcamRect gcam_reach_same(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in);
// Of a window: the outputs that read some of `in`.
GcamRect gcam_reach_window(const GcamWindow *window, const GcamRect *in);
// The inputs that a part of the outputs reads.
GcamRect gcam_window_reads(const GcamWindow *window, const GcamRect *out);

// The floats of a value that run->part wants, or all: `lines` times `count` of them, `line` apart, from `first` on.
typedef struct GcamStretches {
    size_t first, count, line, lines;
} GcamStretches;

GcamStretches gcam_part_floats(const GcamRun *run, const GcamValue *value);
// The same in pieces of at most `length`, for threads: how many, and where one is; *count floats.
size_t gcam_pieces(const GcamStretches *stretches, size_t length);
size_t gcam_piece(const GcamStretches *stretches, size_t length, size_t index, size_t *count);

// Zeros in a buffer of a value's size.
void gcam_clear(const GcamRun *run, int value, float *data);

// A box of that shape, of neighbours from the first element on.
GcamBox gcam_box_all(const GcamShape *shape);

// Restricts a move between values, all rows and columns of `value` among it, to run->part.
void gcam_move_part(GcamMove *move, const GcamRun *run, const GcamValue *value);

#endif
