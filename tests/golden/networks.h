/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A case for each of many networks of the shared test data.
 */
#ifndef TESTS_NETWORKS_H
#define TESTS_NETWORKS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/zoo.h"
#include "harness.h"

// Begins a case `TITLE NAME (zoo)` or `(real)` and calls check() with the path of NAME.onnx; a network of the zoo is in
// the current directory meanwhile, its weights beside it. Skips where there is no such data.
static inline void check_network(const char *title, const char *name, int in_zoo,
                                 void (*check)(const char *path, const char *name))
{
    const char *shared = getenv("SHARED");
    char path[4096];
    begin_case("%s %s (%s)", title, name, in_zoo ? "zoo" : "real");
    if (!shared || !*shared) {
        skip("no shared test data");
        return;
    }
    snprintf(path, sizeof(path), in_zoo ? "%s/zoo" : "%s/models/%s.onnx", shared, name);
    if (in_zoo) {
        CHECK(zoo_fill(path, name));
        snprintf(path, sizeof(path), "%s.onnx", name);
    }
    check(path, name);
    if (in_zoo)
        zoo_remove(name);
}

#endif
