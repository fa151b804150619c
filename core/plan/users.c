/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the steps of a plan. Out: by value, who makes it and how often it is read.
 */
#include "users.h"

#include <errno.h>

int gcam_users_count(GcamUsers *users, GcamPlan *plan)
{
    users->count = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(int));
    users->producer = gcam_arena_alloc(&plan->arena, (size_t)plan->values, sizeof(int));
    if (!users->count || !users->producer)
        return -ENOMEM;
    for (int i = 0; i < plan->values; i++)
        users->producer[i] = -1;
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        for (int j = 0; j < step->inputs; j++)
            if (step->input[j] >= 0)
                users->count[step->input[j]]++;
        if (step->add >= 0)
            users->count[step->add]++;
        for (int j = 0; j < step->outputs; j++)
            if (step->output[j] >= 0)
                users->producer[step->output[j]] = i;
    }
    for (int i = 0; i < plan->carrieds; i++)
        users->count[plan->carried[i]]++;
    return 0;
}

GcamStep *gcam_private_producer(const GcamPlan *plan, const GcamUsers *users, int value)
{
    if (users->producer[value] < 0 || users->count[value] != 1 || gcam_plan_shows(plan, value))
        return NULL;
    return &plan->step[users->producer[value]];
}
