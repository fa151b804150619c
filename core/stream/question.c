/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Copies targets into one block: GcamQuestion | GradcamTarget[count] | their classes and rivals | their names.
 */
#include "question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cam/score.h"

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
        size += (targets->target[i].count + targets->target[i].rival_count) * sizeof(int) +
                strlen(targets->target[i].name) + 1;
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

static int are_classes(const int *list, size_t count, size_t classes)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] < 0 || (size_t)list[i] >= classes)
            return 0;
    return 1;
}

static int are_valid(const GradcamTargets *targets, size_t classes)
{
    if (!targets || !targets->count)
        return 0;
    for (size_t i = 0; i < targets->count; i++) {
        const GradcamTarget *target = &targets->target[i];
        if (!target->name || !gcam_score_find(target->score) ||
            (!target->count && (target->rank < 0 || (size_t)target->rank >= classes)) ||
            !are_classes(target->classes, target->count, classes) ||
            !are_classes(target->rivals, target->rival_count, classes))
            return 0;
    }
    return 1;
}

// Copies a list to where there is room for it, and returns the room behind.
static int *copy_classes(const int **list, size_t count, int *to)
{
    if (count)
        memcpy(to, *list, count * sizeof(*to));
    *list = to;
    return to + count;
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
        question->target[i].score = gcam_score_find(targets->target[i].score)->info.name;
        class = copy_classes(&question->target[i].classes, question->target[i].count, class);
        class = copy_classes(&question->target[i].rivals, question->target[i].rival_count, class);
    }
    name = (char *)class;
    for (size_t i = 0; i < question->count; i++) {
        question->target[i].name = strcpy(name, targets->target[i].name);
        name += strlen(name) + 1;
    }
    *out = question;
    return 0;
}
