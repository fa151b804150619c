/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which steps of a plan make and read a value.
 */
#ifndef GCAM_PLAN_USERS_H
#define GCAM_PLAN_USERS_H

#include "plan.h"

// By value. Belongs to the plan's arena; holds until steps are moved, added or taken away.
typedef struct GcamUsers {
    int *count;                 // how many inputs of steps read it, what is added to a result included
    int *producer;              // the step that makes it, or -1
} GcamUsers;

// -ENOMEM.
int gcam_users_count(GcamUsers *users, GcamPlan *plan);

// The step that makes `value`, when nothing but one step reads the value and no one asks for it; else NULL.
GcamStep *gcam_private_producer(const GcamPlan *plan, const GcamUsers *users, int value);

#endif
