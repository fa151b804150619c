/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a stream looks for: a copy of the caller's targets with the memory that class=auto needs.
 */
#ifndef GCAM_STREAM_QUESTION_H
#define GCAM_STREAM_QUESTION_H

#include <stdint.h>

#include "classlock.h"
#include "gradcam.h"

// Shared by the stream and the tasks that were submitted with it. Immutable, except for what the comments
// say.
typedef struct GcamQuestion {
    int references;             // guarded by the stream's mutex
    GcamClassLock *lock;        // NULL without a target of class=auto; used by the task whose turn it is
    uint64_t number;            // of no other question of the stream
    int tensors;                // targets that are scores of a tensor: a context has to be made ready for them
    size_t count;
    GradcamTarget *target;
} GcamQuestion;

// A copy with one reference. -EINVAL for targets that do not fit a model of `classes` classes. hold, margin:
// as in gcam_classlock_create().
int gcam_question_create(GcamQuestion **out, const GradcamTargets *targets, size_t classes, int hold, float margin);

// Drops a reference. Accepts NULL.
void gcam_question_unref(GcamQuestion *question);

#endif
