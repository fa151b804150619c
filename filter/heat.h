/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is shown on the frames that belong to one key frame: the maps of its result as one map from 0 to 1,
 * and the metadata that tells about them. Used by one thread at a time.
 */
#ifndef GCAM_HEAT_H
#define GCAM_HEAT_H

#include <stdint.h>

#include "libavutil/frame.h"

#include "gradcam.h"

// How raw maps become what is shown; remembers, for each target, what came before.
typedef struct GcamHeatMaker {
    GradcamSteadySettings settings;     // may be changed at any time
    double box;                 // share of the highest value from which on a cell belongs to the box; 0: no boxes

    GradcamSteadySettings made; // settings of the steadies
    GradcamSteady **steady;     // by target
    char **name;                // of each target, when its map was last seen
    size_t count;
} GcamHeatMaker;

// Forgets what came before.
void gcam_heatmaker_reset(GcamHeatMaker *maker);

// Shared by the frames that show it, or will.
typedef struct GcamHeat {
    int references;
    int64_t number;             // of the key frame, counted from 0
    uint64_t ticket;            // of its job
    int empty;                  // nothing to see
    float *map;                 // height x width, NULL until gcam_heat_fill()
    int width, height;
    GradcamResult *result;
    GradcamRegion *box;         // by target, in parts of the map; width 0: none. NULL: no boxes
    int fresh;                  // has nothing to do with the one before
    struct GcamHeat *next;      // of the key frame after, where the frames between are to know it
} GcamHeat;

// One that waits for its result, with one reference.
GcamHeat *gcam_heat_create(int64_t number);
GcamHeat *gcam_heat_ref(GcamHeat *heat);
void gcam_heat_unref(GcamHeat **heat);

// Takes over the result, whatever becomes of it. Each of its maps is scaled to 0..1 by itself; where they
// overlap, the greatest value counts. To be called in the order of the key frames. AVERROR(ENOMEM).
int gcam_heat_fill(GcamHeat *heat, GradcamResult *result, GcamHeatMaker *maker);

// Writes lavfi.gradcam.* into the frame's metadata, and boxes as detections into its side data; `number` is
// the frame's, region where the map lies.
int gcam_heat_describe(const GcamHeat *heat, AVFrame *frame, int64_t number, const GradcamRegion *region);

#endif
