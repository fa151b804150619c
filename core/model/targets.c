/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a user typed after class=, taken apart: words joined by '|', each a class, a group, or "auto" with a number.
 */
#include "model.h"

#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TARGETS 64

static void clear(GradcamTarget *target)
{
    free((char *)target->name);
    free((int *)target->classes);
    memset(target, 0, sizeof(*target));
}

void gradcam_targets_free(GradcamTargets **targets)
{
    if (!targets || !*targets)
        return;
    for (size_t i = 0; i < (*targets)->count; i++)
        clear(&(*targets)->target[i]);
    gcam_free((*targets)->target);
    gcam_free(*targets);
    *targets = NULL;
}

static int add_auto(GradcamTargets *targets, int rank)
{
    char name[32] = "auto";
    if (rank)
        snprintf(name, sizeof(name), "auto %d", rank + 1);
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    targets->target[targets->count++] = (GradcamTarget){ .name = copy, .rank = rank };
    return 0;
}

// "auto" or "auto:N"; 0 when the word is neither.
static long auto_count(const char *word)
{
    char *end;
    if (strncmp(word, "auto", 4) || (word[4] && word[4] != ':'))
        return 0;
    if (!word[4])
        return 1;
    long count = isdigit((unsigned char)word[5]) ? strtol(word + 5, &end, 10) : -1;
    return count >= 1 && !*end ? count : -1;
}

static int add_word(GradcamTargets *targets, const GradcamModel *model, const char *word, const GradcamLog *log)
{
    long count = auto_count(word);
    size_t classes = model->info.classes;
    if (count < 0 || count > MOST_TARGETS || (size_t)count > classes) {
        gcam_log(log, GRADCAM_LOG_ERROR, "class '%s': after auto: stands a number from 1 to %zu", word,
                 classes < MOST_TARGETS ? classes : MOST_TARGETS);
        return -EINVAL;
    }
    if (targets->count + (size_t)(count ? count : 1) > MOST_TARGETS) {
        gcam_log(log, GRADCAM_LOG_ERROR, "more than %d classes at once", MOST_TARGETS);
        return -EINVAL;
    }
    for (long i = 0; i < count; i++) {
        int error = add_auto(targets, (int)i);
        if (error)
            return error;
    }
    if (count)
        return 0;
    GcamClassSet set;
    char text[512];
    int error = gcam_labels_resolve(model->labels, classes, word, &set, text, sizeof(text));
    if (error) {
        gcam_log(log, GRADCAM_LOG_ERROR, "%s", text);
        return error;
    }
    targets->target[targets->count++] = (GradcamTarget){ set.name, set.classes, set.count, 0 };
    return 0;
}

int gradcam_targets_resolve(GradcamTargets **out, const GradcamModel *model, const char *text, const GradcamLog *log)
{
    *out = NULL;
    GradcamTargets *targets = gcam_calloc(1, sizeof(*targets));
    char *copy = strdup(text);
    int error = -ENOMEM;
    if (!targets || !copy || !(targets->target = gcam_calloc(MOST_TARGETS, sizeof(*targets->target))))
        goto end;
    for (char *word = copy, *next; word; word = next) {
        next = strchr(word, '|');
        if (next)
            *next++ = '\0';
        while (isspace((unsigned char)*word))
            word++;
        for (char *last = word + strlen(word); last > word && isspace((unsigned char)last[-1]);)
            *--last = '\0';
        if ((error = add_word(targets, model, word, log)))
            goto end;
    }
end:
    free(copy);
    if (error)
        gradcam_targets_free(&targets);
    *out = targets;
    return error;
}
