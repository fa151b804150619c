/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Raw maps of a video in .npy files: float32, as the network made them, neither scaled nor turned back.
 */
#ifndef GCAM_MAPFILE_H
#define GCAM_MAPFILE_H

#include <stdint.h>

#include "gradcam.h"

// Used by one thread at a time.
typedef struct GcamMapFile GcamMapFile;

// A path with %d: a file for each key frame, classes x rows x columns, by the number of the frame; else one for all of
// them, key frames x classes x rows x columns. Errors go to log.
int gcam_mapfile_open(GcamMapFile **out, void *log, const char *path);

// The maps of the frame of this number. What goes wrong ends the writing, not the video, with a sentence in log.
void gcam_mapfile_write(GcamMapFile *maps, void *log, const GradcamResult *result, int64_t number);

// Accepts a pointer to NULL, sets it to NULL.
void gcam_mapfile_close(GcamMapFile **maps, void *log);

#endif
