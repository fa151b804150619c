/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How a stream makes results.
 */
#ifndef GCAM_RESULT_H
#define GCAM_RESULT_H

#include "gradcam.h"

// A result for maps of `count` targets, height x width each, with one reference; one block of memory holds it
// all, the targets' names are copied. The caller fills maps and infos.
int gcam_result_create(GradcamResult **out, const GradcamTarget *targets, size_t count, int width, int height);

// The place of map i, for writing.
float *gcam_result_map(GradcamResult *result, size_t i);
GradcamMapInfo *gcam_result_info(GradcamResult *result, size_t i);

#endif
