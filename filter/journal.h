/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The log of the filter: a record for each frame that shows a map, in a file, and a summary at the end.
 */
#ifndef GCAM_JOURNAL_H
#define GCAM_JOURNAL_H

#include "report.h"

// The option log_fmt, hence int where it is used.
enum GcamJournalFormat { GCAM_JOURNAL_JSON, GCAM_JOURNAL_CSV, GCAM_JOURNAL_COUNT };

typedef struct GcamJournal GcamJournal;

// path NULL: no file, only the summary; "-": standard output. A file that the same process has written a log to already
// goes on, since FFmpeg makes a new filter when the size of the video changes. Errors go to log.
int gcam_journal_open(GcamJournal **out, void *log, const char *path, int format);

// A frame that shows a map. A file that cannot be written to, on a full disk say, ends there, with a sentence in log.
int gcam_journal_frame(GcamJournal *journal, const GcamReport *report);

// A frame that shows none.
void gcam_journal_plain(GcamJournal *journal);

// Writes the summary, to the file (JSON) and to log. Accepts a pointer to NULL, sets it to NULL.
void gcam_journal_close(GcamJournal **journal);

#endif
