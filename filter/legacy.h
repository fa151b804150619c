/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an instance of the filter leaves to the next one. FFmpeg frees a graph and makes it anew when the size or format
 * of the video changes in mid-stream, and tells neither instance of the other. Thread-safe.
 */
#ifndef GCAM_LEGACY_H
#define GCAM_LEGACY_H

#include <stdint.h>

#include "engine.h"
#include "journal.h"

typedef struct GcamLegacy {
    char *key;                  // name and options of the instance
    GcamJournal *journal;
    GcamWorks *works;           // or NULL
    int64_t count, skipped;     // of frames, see GcamQueue
} GcamLegacy;

// Takes over what *legacy has, all of it, for an instance with the same key that comes at once. If none comes, the
// journal's summary is written when later instances leave something or when the process ends.
void gcam_legacy_leave(const GcamLegacy *legacy);

// Whether somebody with this key has just left something: *legacy is it then, the caller's. Else it is all zero.
int gcam_legacy_take(const char *key, GcamLegacy *legacy);

// Closes and drops what is in it.
void gcam_legacy_free(GcamLegacy *legacy);

#endif
