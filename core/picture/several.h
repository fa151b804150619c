/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What drawings make of the maps of several classes. `count` maps of `size` places lie one after the other, and so do
 * those that come out.
 */
#ifndef GCAM_PICTURE_SEVERAL_H
#define GCAM_PICTURE_SEVERAL_H

#include <stddef.h>

// For each its map times its share of the sum of squares.
void gcam_maps_part(const float *maps, size_t count, size_t size, float *out);

// For each its share of itself and those before it: laid over each other, the colours are mixed by the maps.
void gcam_maps_share(const float *maps, size_t count, size_t size, float *out);

#endif
