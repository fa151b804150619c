/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ten kinds of things, each known by its outline alone. A shape lives in its own coordinates: centre at 0, 0,
 * x to the right, y down, everything within a circle of radius 1. Distances are tabulated once, so that
 * drawing is cheap.
 */
#ifndef GCAM_SHAPES_H
#define GCAM_SHAPES_H

enum { GCAM_SHAPE_COUNT = 10 };

// Distances of all shapes, tabulated. Immutable once created; may be shared by threads.
typedef struct GcamShapes GcamShapes;

// 0 or -ENOMEM.
int gcam_shapes_create(GcamShapes **out);
void gcam_shapes_free(GcamShapes **shapes);

// "star", "heart" ...; NULL for an index out of range.
const char *gcam_shape_name(int shape);
// The shape of that name, or -EINVAL.
int gcam_shape_find(const char *name);

// Signed distance from (x, y) to the outline, negative inside; beyond the table (far outside) a lower bound
// of it.
float gcam_shape_distance(const GcamShapes *shapes, int shape, float x, float y);

#endif
