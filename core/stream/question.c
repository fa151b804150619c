/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Copies targets into one block: GcamQuestion | GradcamTarget[count] | their classes | their names.
 */
#include "question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_question(GcamQuestion *question)
{
    gcam_classlock_free(&question->lock);
    free(question);
}

void gcam_question_unref(GcamQuestion *question)
{
    if (question && --question->references == 0)
        free_question(question);
}

static size_t find_size(const GradcamTargets *targets)
{
    size_t size = sizeof(GcamQuestion) + targets->count * sizeof(GradcamTarget);

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

int gcam_question_create(GcamQuestion **out, const GradcamTargets *targets, size_t classes, int hold, float margin)
{
    size_t wanted;
    GcamQuestion *question;
    int *class;
    char *name;
    int ret;

    *out = NULL;
    if (!are_valid(targets, classes))
        return -EINVAL;
    question = calloc(1, find_size(targets));
    if (!question)
        return -ENOMEM;
    wanted = count_wanted(targets);
    ret = wanted ? gcam_classlock_create(&question->lock, classes, wanted, hold, margin) : 0;
    if (ret < 0) {
        free_question(question);
        return ret;
    }
    question->references = 1;
    question->count = targets->count;
    question->target = (GradcamTarget *)(question + 1);
    class = (int *)(question->target + question->count);
    for (size_t i = 0; i < question->count; i++) {
        question->target[i] = targets->target[i];
        question->target[i].classes = class;
        if (question->target[i].count)
            memcpy(class, targets->target[i].classes, question->target[i].count * sizeof(*class));
        class += question->target[i].count;
    }
    name = (char *)class;
    for (size_t i = 0; i < question->count; i++) {
        question->target[i].name = strcpy(name, targets->target[i].name);
        name += strlen(name) + 1;
    }
    *out = question;
    return 0;
}
