/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Checks of the pictures that callers describe.
 */
#ifndef GCAM_PICTURE_PICTURE_H
#define GCAM_PICTURE_PICTURE_H

#include "gradcam_picture.h"

// Whether a component's sizes, bits, step and stride make sense; its data is not looked at.
static inline int gcam_component_valid(const GradcamComponent *c)
{
    const int bytes = c->depth > 8 ? 2 : 1;

    return c->width >= 1 && c->height >= 1 && c->depth >= 8 && c->shift >= 0 && c->depth + c->shift <= 8 * bytes &&
           c->step >= bytes && c->step % bytes == 0 && c->stride % bytes == 0;
}

// Whether a region is a place on a picture: finite, neither far away nor of no size (nor NaN).
static inline int gcam_region_valid(const GradcamRegion *r)
{
    const double most = 1e6;    // pixels

    return r->x >= -most && r->x <= most && r->y >= -most && r->y <= most &&
           r->width >= 1 / most && r->width <= most && r->height >= 1 / most && r->height <= most;
}

#endif
