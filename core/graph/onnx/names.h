/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of a graph's values while it is read: which value a name is, in the scope where it is spoken.
 */
#ifndef GCAM_GRAPH_ONNX_NAMES_H
#define GCAM_GRAPH_ONNX_NAMES_H

#include "graph/graph.h"

// A branch of an operator, or the whole graph: NULL. Names of a branch are told from others by what comes before them.
typedef struct GcamScope {
    const struct GcamScope *outer;
    const char *prefix;
} GcamScope;

// Open addressing, power-of-two size, entries are index + 1. Begins as zeros; slot is gcam_alloc'd.
typedef struct GcamNames {
    int *slot;
    size_t room, used;
} GcamNames;

// The value of a name, in the innermost scope that has it; -1 where there is none, -ENOMEM.
int gcam_names_find(const GcamNames *names, GcamGraph *graph, const GcamScope *scope, const char *name);

// A value of a name that is not taken yet: its index; -EEXIST, -ENOMEM.
int gcam_names_define(GcamNames *names, GcamGraph *graph, const GcamScope *scope, const char *name);

#endif
