/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How a stream makes results.
 */
#ifndef GCAM_STREAM_RESULT_H
#define GCAM_STREAM_RESULT_H

#include "gradcam.h"

// A result for maps of `count` targets, height x width each, with one reference; one block of memory holds it
// all, the targets' names are copied. The caller fills maps and infos.
int gcam_result_create(GradcamResult **out, const GradcamTarget *targets, size_t count, int width, int height);

// The same maps and infos under the names of `targets`, as many as there are maps. ticket and times are left at 0.
int gcam_result_copy(GradcamResult **out, const GradcamResult *from, const GradcamTarget *targets);

// The place of map i, for writing.
float *gcam_result_map(GradcamResult *result, size_t i);
GradcamMapInfo *gcam_result_info(GradcamResult *result, size_t i);

#endif
