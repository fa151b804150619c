/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An arena: many small allocations that are freed together. A graph, a plan, a model each own one.
 */
#ifndef GCAM_BASE_ARENA_H
#define GCAM_BASE_ARENA_H

#include <stddef.h>

typedef struct GcamArenaBlock GcamArenaBlock;

typedef struct GcamArena {
    GcamArenaBlock *block;       // newest first
} GcamArena;

// count * size bytes, zeroed, aligned to 64 bytes; NULL when out of memory or the product overflows.
void *gcam_arena_alloc(GcamArena *arena, size_t count, size_t size);

// A copy of a string, or NULL.
char *gcam_arena_strdup(GcamArena *arena, const char *text);

// Frees all; the arena is empty again.
void gcam_arena_free(GcamArena *arena);

#endif
