/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files that the filter writes. No two filters of a process write to one; a path may have the number of a frame in it.
 */
#ifndef GCAM_OUTFILE_H
#define GCAM_OUTFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Opens a file for writing at its end, a terminal, or a FIFO that somebody reads now. A regular file that this process
// has not written to before is emptied. AVERROR(EEXIST) where another filter writes to it now.
int gcam_outfile_append(FILE **file, const char *path);

// Opens and empties a regular file, to be written to anywhere in it. AVERROR(EEXIST) likewise, AVERROR(ESPIPE) for what
// is no regular file.
int gcam_outfile_create(FILE **file, const char *path);

// Accepts a pointer to NULL, sets it to NULL. 0 or what went wrong with what was written.
int gcam_outfile_close(FILE **file);

// The sentence's end for an error of these.
const char *gcam_outfile_reason(int error, char *text, size_t size);

// Writes the path into `out`, with `number` in the place of its %d or %0Nd (%% is %). Returns whether it had one;
// AVERROR(EINVAL) where something else follows a % or it has two, AVERROR(ENAMETOOLONG).
int gcam_outfile_numbered(char *out, size_t size, const char *path, int64_t number);

#endif
