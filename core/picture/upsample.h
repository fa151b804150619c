/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Curves between the cells of a map, along a row or a column of it: polynomials of the third degree, each made of four
 * neighbouring values. Shared by what enlarges maps (map_upsample.c) and what blends along them (blend_curve.c).
 */
#ifndef GCAM_PICTURE_UPSAMPLE_H
#define GCAM_PICTURE_UPSAMPLE_H

#include "gradcam_picture.h"

#define GCAM_UPSAMPLE_TAPS 4

// The polynomial, constant term first, in the share t of the way from the second of four values to the third.
void gcam_upsample_fit(double polynomial[GCAM_UPSAMPLE_TAPS], const double value[GCAM_UPSAMPLE_TAPS],
                       enum GradcamUpsample upsample);

// What each of the four values weighs at t.
void gcam_upsample_weigh(double weight[GCAM_UPSAMPLE_TAPS], double t, enum GradcamUpsample upsample);

// What makes the highest value of a map's spline that of the map: at least 1. The spline is looked at in the middle of
// cells and half a cell off. two_sided: the same for what is farthest from 0.5 on either side.
double gcam_upsample_factor(const float *map, int width, int height, int two_sided);

// gradcam_map_resize() of sizes from 1 on, to where there is room.
void gcam_map_resize(const float *map, int width, int height, float *out, int out_width, int out_height);

// 0 where a map of out_height x out_width may be made of one of height x width: -EINVAL for a size below 1, -ENOSPC
// where there is no room for it in `capacity` floats.
int gcam_map_check_room(int width, int height, size_t capacity, int out_width, int out_height);

// Beyond a map its edge goes on.
static inline int gcam_upsample_clamp(int cell, int size)
{
    return cell < 0 ? 0 : cell < size ? cell : size - 1;
}

#endif
