/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A hash table with open addressing that grows when it is half full. What is found is compared by the values' names,
 * so that a table holds indices alone.
 */
#include "names.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

// The slot that has the name, or the empty one where it is to go.
static int *find_slot(const GcamNames *names, const GcamGraph *graph, const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = hash & (names->room - 1);; i = (i + 1) & (names->room - 1))
        if (!names->slot[i] || !strcmp(graph->value[names->slot[i] - 1].name, name))
            return &names->slot[i];
}

static int grow(GcamNames *names, const GcamGraph *graph)
{
    if (2 * names->used < names->room)
        return 0;
    GcamNames larger = { .room = names->room ? 2 * names->room : 256, .used = names->used };
    larger.slot = gcam_calloc(larger.room, sizeof(*larger.slot));
    if (!larger.slot)
        return -ENOMEM;
    for (size_t i = 0; i < names->room; i++)
        if (names->slot[i])
            *find_slot(&larger, graph, graph->value[names->slot[i] - 1].name) = names->slot[i];
    gcam_free(names->slot);
    *names = larger;
    return 0;
}

// The name as the graph has it; NULL when out of memory.
static const char *whole_name(GcamGraph *graph, const GcamScope *scope, const char *name)
{
    if (!scope)
        return name;
    const size_t prefix = strlen(scope->prefix), length = strlen(name);
    char *whole = gcam_arena_alloc(&graph->arena, prefix + length + 1, 1);
    if (whole) {
        memcpy(whole, scope->prefix, prefix);
        memcpy(whole + prefix, name, length);
    }
    return whole;
}

int gcam_names_find(const GcamNames *names, GcamGraph *graph, const GcamScope *scope, const char *name)
{
    for (;; scope = scope->outer) {
        const char *whole = whole_name(graph, scope, name);
        if (!whole)
            return -ENOMEM;
        int found = names->room ? *find_slot(names, graph, whole) - 1 : -1;
        if (found >= 0 || !scope)
            return found;
    }
}

int gcam_names_define(GcamNames *names, GcamGraph *graph, const GcamScope *scope, const char *name)
{
    const char *whole = whole_name(graph, scope, name);
    if (!whole || grow(names, graph) < 0)
        return -ENOMEM;
    int *slot = find_slot(names, graph, whole);
    if (*slot)
        return -EEXIST;
    int index = gcam_graph_add_value(graph, whole);
    if (index >= 0) {
        *slot = index + 1;
        names->used++;
    }
    return index;
}
