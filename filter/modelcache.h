/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models shared by all instances of the filter in a process: FFmpeg makes a filter more than once, and a
 * graph may hold several that look at different classes. Thread-safe.
 */
#ifndef GCAM_MODELCACHE_H
#define GCAM_MODELCACHE_H

#include "gradcam.h"

// The model that was opened with the same path and options, while somebody uses it; else opens it. path NULL
// is the built-in network. Each one that was got is put back. Errors as of gradcam_model_open().
int gcam_modelcache_get(GradcamModel **out, const char *path, const GradcamModelOptions *options);

// Drops the model when nobody uses it any more. Accepts a pointer to NULL, sets it to NULL.
void gcam_modelcache_put(GradcamModel **model);

#endif
