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

// One for all, of maps from -1 to 1: at each place the value that is farthest from 0, brought to 0..1 with 0 at 0.5.
void gcam_maps_join_sides(const float *maps, size_t count, size_t size, float *out);

#endif
