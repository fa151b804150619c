/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The log of the filter: a record for each frame that shows a map, in a file, and a summary at the end; and raw maps.
 */
#ifndef GCAM_JOURNAL_H
#define GCAM_JOURNAL_H

#include "report.h"

// The option log_fmt, hence int where it is used. Auto: CSV where the path ends in .csv, else JSON.
enum GcamJournalFormat { GCAM_JOURNAL_AUTO, GCAM_JOURNAL_JSON, GCAM_JOURNAL_CSV, GCAM_JOURNAL_COUNT };

typedef struct GcamJournal GcamJournal;

// path NULL: no file, only the summary; "-": standard output. A file that another journal of this process writes to is
// refused with AVERROR(EEXIST); one that an earlier one has written to goes on. map_path: of gcam_mapfile_open(), or
// NULL. Errors go to log.
int gcam_journal_open(GcamJournal **out, void *log, const char *path, int format, const char *map_path);

// Where errors and the summary go from now on: a filter, or NULL for none in particular.
void gcam_journal_log_to(GcamJournal *journal, void *log);

// A frame that shows a map. A file that cannot be written to, on a full disk say, ends there, with a sentence in log.
int gcam_journal_frame(GcamJournal *journal, const GcamReport *report);

// A frame that shows none.
void gcam_journal_plain(GcamJournal *journal);

// Writes the summary, to the file (JSON) and to log. Accepts a pointer to NULL, sets it to NULL.
void gcam_journal_close(GcamJournal **journal);

#endif
