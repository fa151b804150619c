/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Zone allocator. Small requests are cut from blocks of BLOCK_SIZE bytes, larger ones get a block of their own.
 */
#include "arena.h"

#include "mem.h"

#include <stdint.h>
#include <string.h>

#define BLOCK_SIZE 65536
#define ALIGN 64

struct GcamArenaBlock {
    GcamArenaBlock *next;
    size_t used, size;          // bytes, header included
};

void *gcam_arena_alloc(GcamArena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (gcam_mul(count, size, &bytes) < 0 || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    GcamArenaBlock *block = arena->block;
    if (!block || block->size - block->used < bytes) {
        size_t room = bytes + ALIGN > BLOCK_SIZE ? bytes + ALIGN : BLOCK_SIZE;
        block = gcam_calloc(room, 1);
        if (!block)
            return NULL;
        block->used = ALIGN;
        block->size = room;
        block->next = arena->block;
        arena->block = block;
    }
    void *result = (char *)block + block->used;
    block->used += bytes;
    return result;
}

char *gcam_arena_strdup(GcamArena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = gcam_arena_alloc(arena, size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

void gcam_arena_free(GcamArena *arena)
{
    while (arena->block) {
        GcamArenaBlock *next = arena->block->next;
        gcam_free(arena->block);
        arena->block = next;
    }
}
