/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A zone: many small allocations that are freed together. A graph, a plan, a model each own one.
 */
#ifndef GCAM_BASE_ARENA_H
#define GCAM_BASE_ARENA_H

#include <stddef.h>

typedef struct GcamZoneBlock GcamZoneBlock;

typedef struct GcamZone {
    GcamZoneBlock *block;       // newest first
} GcamZone;

// count * size bytes, zeroed, aligned to 64 bytes; NULL when out of memory or the product overflows.
void *gcam_zone_alloc(GcamZone *zone, size_t count, size_t size);

// A copy of a string, or NULL.
char *gcam_zone_strdup(GcamZone *zone, const char *text);

// Frees all; the zone is empty again.
void gcam_zone_free(GcamZone *zone);

#endif
