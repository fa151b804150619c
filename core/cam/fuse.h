/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One map of the maps of several layers.
 */
#ifndef GCAM_CAM_FUSE_H
#define GCAM_CAM_FUSE_H

#include "method.h"

// Scales a raw map to 0..1; by its largest magnitude where the method is signed. All NaN if any of it is not finite.
void gcam_map_scale(const GcamMethod *method, float *map, size_t size);

// The fused map has `size` cells: width x height, the most that any of the layers has.
void gcam_fuse_begin(const GcamMethod *method, float *map, size_t size);

// Adds a layer's map to it, which is overwritten. room: width x height floats.
void gcam_fuse_add(const GcamMethod *method, float *one, int one_width, int one_height, float *room, float *map,
                   int width, int height);

// After the last.
void gcam_fuse_end(const GcamMethod *method, float *map, size_t size);

// -ENOTSUP, and a sentence to the log, for a method that makes no map of that many layers.
int gcam_method_fits_layers(const GcamMethod *method, int layers, const GradcamLog *log);

#endif
