/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is shown on the frames that belong to one key frame: the maps of its result, each from 0 to 1, and where they
 * are hot. Used by one thread at a time.
 */
#ifndef GCAM_HEAT_H
#define GCAM_HEAT_H

#include <stdint.h>

#include "gradcam.h"
#include "style.h"

// Makes maps of raw ones; remembers, for each target, what came before.
typedef struct GcamHeatMaker {
    GradcamSteadySettings settings;     // of the steadies
    GradcamSteady **steady;     // by target
    char **name;                // of each target, when its map was last seen
    size_t count;
} GcamHeatMaker;

// Forgets what came before.
void gcam_heatmaker_reset(GcamHeatMaker *maker);

// Where a map is hot, in parts of the map, from 0 to 1.
typedef struct GcamPlace {
    GradcamRegion box;          // width 0: none
    double x, y;                // centre of gravity; NAN where the map is empty
    double share;               // of the highest value, of the box
} GcamPlace;

// Finds the place of a map of height x width; place->share is set by the caller, 0 for no box. AVERROR(ENOMEM).
int gcam_place_find(GcamPlace *place, const float *map, int width, int height);

// Shared by the frames that show it, or will.
typedef struct GcamHeat {
    int references;
    int64_t number;             // of the key frame, counted from 0
    GcamStyle *style;           // as it was then
    uint64_t ticket;            // of its job
    int fresh;                  // has nothing to do with the one before
    struct GcamHeat *next;      // of the key frame after, where the frames between are to know it

    GradcamResult *result;      // NULL until gcam_heat_fill()
    int empty;                  // nothing to see
    int width, height;
    float *map;                 // by target, height x width each
    GcamPlace *place;           // by target
} GcamHeat;

// One that waits for its result, with one reference.
GcamHeat *gcam_heat_create(int64_t number, GcamStyle *style);
GcamHeat *gcam_heat_ref(GcamHeat *heat);
void gcam_heat_unref(GcamHeat **heat);

// Takes over the result, whatever becomes of it, and makes its maps. To be called in the order of the key frames.
// AVERROR(ENOMEM).
int gcam_heat_fill(GcamHeat *heat, GradcamResult *result, GcamHeatMaker *maker);

// What an expression of the target's can depend on, on frame n at t seconds.
GcamMoment gcam_heat_moment(const GcamHeat *heat, size_t target, double n, double t);

#endif
