/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Copies targets into one block: GcamQuestion | GradcamTarget[count] | their ranges | classes and rivals | names.
 */
#include "question.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "cam/score.h"

static void free_question(GcamQuestion *question)
{
    gcam_classlock_free(&question->lock);
    gcam_free(question);
}

void gcam_question_unref(GcamQuestion *question)
{
    if (question && --question->references == 0)
        free_question(question);
}

static size_t find_size(const GradcamTargets *targets)
{
    size_t size = sizeof(GcamQuestion) + targets->count * sizeof(GradcamTarget);

    for (size_t i = 0; i < targets->count; i++) {
        const GradcamTarget *target = &targets->target[i];
        size += (target->count + target->rival_count) * sizeof(int) + target->ranges * sizeof(*target->range) +
                strlen(target->name) + 1 + (target->tensor ? strlen(target->tensor) + 1 : 0);
    }
    return size;
}

static int is_auto(const GradcamTarget *target)
{
    return !target->count && !gcam_score_is_of_elements(target);
}

// Number of top classes that the targets ask for; 0 when none is of class=auto.
static size_t count_wanted(const GradcamTargets *targets)
{
    size_t wanted = 0;

    for (size_t i = 0; i < targets->count; i++)
        if (is_auto(&targets->target[i]) && wanted < (size_t)targets->target[i].rank + 1)
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
    for (size_t i = 0; i < targets->count; i++) {
        const GradcamTarget *target = &targets->target[i];
        if (!target->name || !gcam_score_find(target->score) ||
            (is_auto(target) && (target->rank < 0 || (size_t)target->rank >= classes)) ||
            !are_classes(target->classes, target->count, classes) ||
            !are_classes(target->rivals, target->rival_count, classes))
            return 0;
    }
    return 1;
}

// Copies a target, its ranges to where there is room for them; returns the room behind.
static GradcamRange *copy_ranges(const GradcamTarget *from, GradcamTarget *to, GradcamRange *room)
{
    *to = *from;
    if (from->ranges)
        memcpy(room, from->range, from->ranges * sizeof(*room));
    to->range = room;
    return room + from->ranges;
}

// The same of a text, which may be NULL.
static char *copy_text(const char **text, char *to)
{
    if (!*text)
        return to;
    *text = strcpy(to, *text);
    return to + strlen(to) + 1;
}

// Copies a list to where there is room for it, and returns the room behind.
static int *copy_classes(const int **list, size_t count, int *to)
{
    if (count)
        memcpy(to, *list, count * sizeof(*to));
    *list = to;
    return to + count;
}

static int copy_question(GcamQuestion **out, const GradcamTargets *targets, size_t classes, int hold, float margin)
{
    size_t wanted;
    GcamQuestion *question;
    GradcamRange *range;
    int *class;
    char *name;
    int error;

    *out = NULL;
    if (!are_valid(targets, classes))
        return -EINVAL;
    question = gcam_calloc(1, find_size(targets));
    if (!question)
        return -ENOMEM;
    wanted = count_wanted(targets);
    error = wanted ? gcam_classlock_create(&question->lock, classes, wanted, hold, margin) : 0;
    if (error < 0) {
        free_question(question);
        return error;
    }
    question->references = 1;
    question->count = targets->count;
    question->target = (GradcamTarget *)(question + 1);
    range = (GradcamRange *)(question->target + question->count);
    for (size_t i = 0; i < question->count; i++)
        range = copy_ranges(&targets->target[i], &question->target[i], range);
    class = (int *)range;
    for (size_t i = 0; i < question->count; i++) {
        question->tensors += targets->target[i].tensor != NULL;
        question->target[i].score = gcam_score_find(targets->target[i].score)->info.name;
        class = copy_classes(&question->target[i].classes, question->target[i].count, class);
        class = copy_classes(&question->target[i].rivals, question->target[i].rival_count, class);
    }
    name = (char *)class;
    for (size_t i = 0; i < question->count; i++) {
        name = copy_text(&question->target[i].name, name);
        name = copy_text(&question->target[i].tensor, name);
    }
    *out = question;
    return 0;
}

int gcam_question_create(GcamQuestion **out, const GradcamTargets *targets, size_t classes, int hold, float margin)
{
    GradcamTargets own = { .count = targets ? targets->count : 0 };
    *out = NULL;
    if (!own.count)
        return -EINVAL;
    own.target = gcam_alloc(own.count, sizeof(*own.target));
    if (!own.target)
        return -ENOMEM;
    for (size_t i = 0; i < own.count; i++)
        own.target[i] = gcam_target_take(targets->target, i);
    int error = copy_question(out, &own, classes, hold, margin);
    gcam_free(own.target);
    return error;
}
