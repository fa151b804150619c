/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * class=auto over time: which classes are "the top ones" of a video, without flicker between two that are
 * nearly alike. A class that is held keeps its place until a rival has been among the top ones for `hold`
 * pictures in a row, or beats it by `margin` in one.
 */
#ifndef GCAM_STREAM_CLASSLOCK_H
#define GCAM_STREAM_CLASSLOCK_H

#include <stddef.h>

typedef struct GcamClassLock GcamClassLock;

// wanted: how many of the `classes` are followed, 1..classes; hold >= 1; margin >= 0. -EINVAL, -ENOMEM.
int gcam_classlock_create(GcamClassLock **out, size_t classes, size_t wanted, int hold, float margin);
void gcam_classlock_free(GcamClassLock **lock);

// Takes the logits of the next picture, one per class. A picture of which none is a number changes nothing.
void gcam_classlock_update(GcamClassLock *lock, const float *logits);

// The held class with the rank-th highest logit in the last picture; rank below `wanted`. -1: no picture had a
// number among its logits yet.
int gcam_classlock_class(const GcamClassLock *lock, size_t rank);

#endif
