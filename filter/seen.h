/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures that the network saw, in files.
 */
#ifndef GCAM_SEEN_H
#define GCAM_SEEN_H

#include <stddef.h>
#include <stdint.h>

typedef struct GcamSeen GcamSeen;

// A path with %d: a file for each picture, by the number of its frame; else the newest is in the file. AVERROR(EINVAL),
// with a sentence in log, for a path that makes no sense.
int gcam_seen_create(GcamSeen **out, void *log, const char *path);

// Writes 8-bit R, G, B interleaved or, of 1 channel, grey, as PPM or PGM. What goes wrong ends the writing, not the
// video, with a sentence in log. Thread-safe.
void gcam_seen_write(GcamSeen *seen, void *log, const uint8_t *pixels, ptrdiff_t stride, int width, int height,
                     int channels, int64_t number);

// Accepts a pointer to NULL, sets it to NULL.
void gcam_seen_free(GcamSeen **seen);

#endif
