/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is shown on the frames that belong to one key frame: the maps of its result, each from 0 to 1 (signed ones from
 * -1), and where they are hot. Used by one thread at a time.
 */
#ifndef GCAM_HEAT_H
#define GCAM_HEAT_H

#include <stdint.h>

#include "gradcam_picture.h"
#include "style.h"

// Shared by the frames that show it, or will.
typedef struct GcamHeat {
    int references;
    int64_t number;             // of the key frame, counted from 0
    double time;                // of it, in seconds; NAN: not known
    int turns;                  // of its frame, see gcam_frame_turns()
    GcamStyle *style;           // as it was then
    uint64_t ticket;            // of its job
    int fresh;                  // has nothing to do with the one before
    struct GcamHeat *next;      // of the key frame after, where the frames between are to know it

    GradcamResult *result;      // NULL until gcam_heat_fill()
    int empty;                  // nothing to see
    int width, height;          // of the maps on the frame, which are turned back
    float *map;                 // by target, height x width each
    GradcamPlace *place;        // by target
} GcamHeat;

// One that waits for its result, with one reference.
GcamHeat *gcam_heat_create(int64_t number, double time, int turns, GcamStyle *style);
GcamHeat *gcam_heat_ref(GcamHeat *heat);
void gcam_heat_unref(GcamHeat **heat);

// Takes over the result, whatever becomes of it, and makes its maps. To be called in the order of the key frames.
// AVERROR(ENOMEM).
int gcam_heat_fill(GcamHeat *heat, GradcamResult *result, GradcamSteadies *steadies);

// Finds where each of the heat's targets is hot in maps of height x width, into place[target]. AVERROR(ENOMEM).
int gcam_heat_places(const GcamHeat *heat, const float *map, int width, int height, GradcamPlace *place);

// What an expression of the target's can depend on, on frame n at t seconds.
GcamMoment gcam_heat_moment(const GcamHeat *heat, size_t target, double n, double t);

#endif
