/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file that results are written to as they come, a line for each row and item, so that a run that was ended goes on
 * where it was, and runs over parts of a data set become one. Numbers are written so that they are read as the same
 * ones. All that return an int return a status (say.h).
 */
#ifndef GCAM_EVAL_JOURNAL_H
#define GCAM_EVAL_JOURNAL_H

#include <stdio.h>

#include "results.h"

typedef struct Journal {
    FILE *out;
    const char *path;
    int failed;                 // a line could not be written: said once
} Journal;

// settings: what the results depend on, in one line.
// Reads a journal into results. must_be: it has to be there. A last line that was cut off is passed over.
int journal_read(Results *results, const char *path, const char *settings, int must_be, size_t *lines);
// Opens it to be added to; begins it where it is new.
int journal_open(Journal *journal, const char *path, const char *settings);
// One row and item; flushed.
void journal_write(Journal *journal, const Results *results, size_t row, size_t item);
int journal_close(Journal *journal);

#endif
