/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps of a picture's variants, mirrored and scaled, for the mean of them.
 */
#ifndef GCAM_CAM_AUGMENT_H
#define GCAM_CAM_AUGMENT_H

#include "context.h"

// The last of them is the picture itself.
enum { GCAM_VARIANTS = 6 };

// Whether a method's option `smooth` asks for the mean over the variants.
int gcam_method_augments(const GradcamMethod *method);

// Runs the network on variant i. picture: the last picture, as gcam_augment_keep() left it. -ECANCELED.
int gcam_augment_show(GradcamContext *context, const float *picture, int i);

// Copies the last picture, and takes room for `count` floats behind it: all belong to the context. NULL without memory.
float *gcam_augment_keep(GradcamContext *context, size_t count, float **room);

// Adds to `mean` the map of variant i, of which it makes 0..1, or -1..1 where it is signed.
void gcam_augment_add(const GcamMethod *method, int i, float *map, int width, int height, float *mean);

#endif
