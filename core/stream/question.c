/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Copies targets into one block: GcamLook | GradcamTarget[count] | their classes | their names.
 */
#include "question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_look(GcamLook *look)
{
    gcam_classlock_free(&look->lock);
    free(look);
}

void gcam_look_unref(GcamLook *look)
{
    if (look && --look->references == 0)
        free_look(look);
}

static size_t find_size(const GradcamTargets *targets)
{
    size_t size = sizeof(GcamLook) + targets->count * sizeof(GradcamTarget);

    for (size_t i = 0; i < targets->count; i++)
        size += targets->target[i].count * sizeof(int) + strlen(targets->target[i].name) + 1;
    return size;
}

// Number of top classes that the targets ask for; 0 when none is of class=auto.
static size_t count_wanted(const GradcamTargets *targets)
{
    size_t wanted = 0;

    for (size_t i = 0; i < targets->count; i++)
        if (!targets->target[i].count && wanted < (size_t)targets->target[i].rank + 1)
            wanted = (size_t)targets->target[i].rank + 1;
    return wanted;
}

static int are_valid(const GradcamTargets *targets, size_t classes)
{
    if (!targets || !targets->count)
        return 0;
    for (size_t i = 0; i < targets->count; i++) {
        const GradcamTarget *target = &targets->target[i];
        if (!target->name || (!target->count && (target->rank < 0 || (size_t)target->rank >= classes)))
            return 0;
        for (size_t j = 0; j < target->count; j++)
            if (target->classes[j] < 0 || (size_t)target->classes[j] >= classes)
                return 0;
    }
    return 1;
}

int gcam_look_create(GcamLook **out, const GradcamTargets *targets, size_t classes, int hold, float margin)
{
    size_t wanted;
    GcamLook *look;
    int *class;
    char *name;
    int ret;

    *out = NULL;
    if (!are_valid(targets, classes))
        return -EINVAL;
    look = calloc(1, find_size(targets));
    if (!look)
        return -ENOMEM;
    wanted = count_wanted(targets);
    ret = wanted ? gcam_classlock_create(&look->lock, classes, wanted, hold, margin) : 0;
    if (ret < 0) {
        free_look(look);
        return ret;
    }
    look->references = 1;
    look->count = targets->count;
    look->target = (GradcamTarget *)(look + 1);
    class = (int *)(look->target + look->count);
    for (size_t i = 0; i < look->count; i++) {
        look->target[i] = targets->target[i];
        look->target[i].classes = class;
        if (look->target[i].count)
            memcpy(class, targets->target[i].classes, look->target[i].count * sizeof(*class));
        class += look->target[i].count;
    }
    name = (char *)class;
    for (size_t i = 0; i < look->count; i++) {
        look->target[i].name = strcpy(name, targets->target[i].name);
        name += strlen(name) + 1;
    }
    *out = look;
    return 0;
}
