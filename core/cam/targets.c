/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a user typed after class=, taken apart. In: a text. Out: targets, which hold strings and classes of their own.
 *
 *     text  = all | word { | word }
 *     word  = auto[N] | class | class - class | KIND(class{/option}) | KIND(elements) | elements | -(word)
 *     elements = tensor[@index{/index}] | tensor[ index{,index} ]
 *     KIND  = a name in the table of scores
 *
 * A class is what gcam_labels_resolve() finds. What is a whole name of a class or group is that, whatever signs are in
 * it: names come before notation. None of the signs needs an escape in FFmpeg's options and filter graphs.
 */
#include "model/model.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "score.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_TEXT 1024          // bytes of a word

static void clear(GradcamTarget *target)
{
    gcam_free((char *)target->name);
    gcam_free((int *)target->classes);
    gcam_free((int *)target->rivals);
    gcam_free((char *)target->tensor);
    gcam_free((GradcamRange *)target->range);
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

// One word under way.
typedef struct Reader {
    const GradcamModel *model;
    const GradcamLog *log;
    const char *word;           // for messages
    int rank;                   // what "auto" stands for this time
    int ranks;                  // how many it asks for; 0: it does not occur
} Reader;

// ------------------------------------------------------------------------------------------------------------- pieces

// A part of a text without the spaces around it, in `room` bytes; cut where it is longer.
static void trim(char *out, size_t room, const char *text, size_t length)
{
    while (length && isspace((unsigned char)*text))
        text++, length--;
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    snprintf(out, room, "%.*s", (int)length, text);
}

static int set_name(GradcamTarget *target, const char *before, const char *name, const char *after)
{
    size_t size = strlen(before) + strlen(name) + strlen(after) + 1;
    char *text = gcam_alloc(size, 1);
    if (!text)
        return -ENOMEM;
    snprintf(text, size, "%s%s%s", before, name, after);
    gcam_free((char *)target->name);
    target->name = text;
    return 0;
}

static int add_classes(const int **list, size_t *count, const int *more, size_t more_count)
{
    int *joined = gcam_alloc(*count + more_count, sizeof(*joined));
    if (!joined)
        return -ENOMEM;
    if (*count)
        memcpy(joined, *list, *count * sizeof(*joined));
    memcpy(joined + *count, more, more_count * sizeof(*joined));
    gcam_free((int *)*list);
    *list = joined;
    *count += more_count;
    return 0;
}

// Whether a text is one of the comma-separated names, or all of them, letter by letter but for case.
static int is_one_of(const char *names, const char *text)
{
    size_t length = strlen(text);
    if (!strcasecmp(names, text))
        return 1;
    for (const char *at = names; *at; at += *at == ',') {
        at += strspn(at, " ");
        if (!strncasecmp(at, text, length) && (!at[length] || at[length] == ','))
            return 1;
        at += strcspn(at, ",");
    }
    return 0;
}

static int is_name(const GradcamModel *model, const char *text)
{
    const GcamLabels *labels = model->labels;
    for (size_t i = 0; labels && *text && i < labels->count; i++)
        if (is_one_of(labels->label[i], text))
            return 1;
    for (size_t i = 0; labels && *text && i < labels->group_count; i++)
        if (is_one_of(labels->group[i].names, text))
            return 1;
    return 0;
}

// ------------------------------------------------------------------------------------------------------------- classes

// "auto", "auto3", "auto:3": how many; 0 when the text is neither, -1 when its number is no good.
static long auto_count(const Reader *r, const char *text)
{
    size_t classes = r->model->info.classes;
    if (strncmp(text, "auto", 4))
        return 0;
    const char *digits = text + 4 + (text[4] == ':');
    if (!text[4])
        return 1;
    if (text[4] != ':' && (digits[strspn(digits, "0123456789")] || is_name(r->model, text)))
        return 0;
    char *end;
    long count = isdigit((unsigned char)*digits) ? strtol(digits, &end, 10) : -1;
    return count >= 1 && !*end && count <= GCAM_MOST_TARGETS && (size_t)count <= classes ? count : -1;
}

static int read_auto(Reader *r, const char *text, GradcamTarget *target)
{
    long count = auto_count(r, text);
    size_t classes = r->model->info.classes;
    char name[32] = "auto";
    if (count < 0) {
        gcam_log(r->log, GRADCAM_LOG_ERROR, "class '%s': after auto stands a number from 1 to %zu", r->word,
                 classes < GCAM_MOST_TARGETS ? classes : GCAM_MOST_TARGETS);
        return -EINVAL;
    }
    if (r->rank)
        snprintf(name, sizeof(name), "auto %d", r->rank + 1);
    r->ranks = (int)count;
    target->rank = r->rank;
    return set_name(target, "", name, "");
}

static int read_class(Reader *r, const char *text, GradcamTarget *target)
{
    GcamClassSet set;
    if (auto_count(r, text))
        return read_auto(r, text, target);
    int error = gcam_labels_resolve(r->model->labels, r->model->info.classes, text, &set, r->log);
    if (error)
        return error;
    error = set_name(target, "", set.name, "");
    if (!error)
        error = add_classes(&target->classes, &target->count, set.classes, set.count);
    gcam_class_set_clear(&set);
    return error;
}

// Adds a class to those that the target is set against; its name goes to the target's, behind `before`.
static int read_rival(Reader *r, const char *text, GradcamTarget *target, const char *before)
{
    GradcamTarget rival = { 0 };
    char name[MOST_TEXT];
    int ranks = r->ranks, error = read_class(r, text, &rival);
    if (!error && !rival.count) {
        gcam_log(r->log, GRADCAM_LOG_ERROR, "class '%s': what a class is set against cannot be auto", r->word);
        error = -EINVAL;
    }
    r->ranks = ranks;
    if (!error)
        error = add_classes(&target->rivals, &target->rival_count, rival.classes, rival.count);
    if (!error) {
        snprintf(name, sizeof(name), "%s%s", before, rival.name);
        error = set_name(target, target->name, name, "");
    }
    clear(&rival);
    return error;
}

// ------------------------------------------------------------------------------------------------------------ elements

static int refuse_index(const Reader *r, const char *index, size_t size)
{
    gcam_log(r->log, GRADCAM_LOG_ERROR, "class '%s': '%s' is no index or range of a dimension of %zu", r->word, index,
             size);
    return -EINVAL;
}

// A number at *text, from the end where it is below 0; `none` where there is none. *text moves on.
static long read_index(const char **text, size_t size, long none)
{
    char *end;
    long value = strtol(*text, &end, 10);
    if (end == *text)
        return none;
    *text = end;
    value = value < 0 ? value + (long)size : value;
    return value > (long)size ? (long)size + 1 : value;
}

// "3", "2:5", "2..5", ":", "*".
static int read_range(const Reader *r, const char *text, size_t size, GradcamRange *range)
{
    const char *at = text;
    *range = (GradcamRange){ 0, size };
    if (!strcmp(text, "*"))
        return 0;
    long begin = read_index(&at, size, 0), end = begin + 1;
    int is_range = *at == ':' || !strncmp(at, "..", 2);
    if (at == text && !is_range)
        return refuse_index(r, text, size);
    if (is_range) {
        at += *at == ':' ? 1 : 2;
        end = read_index(&at, size, (long)size);
    }
    if (*at || begin < 0 || end <= begin || (size_t)end > size)
        return refuse_index(r, text, size);
    *range = (GradcamRange){ (size_t)begin, (size_t)end };
    return 0;
}

// Where the indices begin: behind the last @, or behind the last [ where a ] ends the text. NULL: there are none.
static const char *find_indices(const char *text)
{
    size_t length = strlen(text);
    return length && text[length - 1] == ']' ? strrchr(text, '[') : strrchr(text, '@');
}

static int read_ranges(Reader *r, const char *indices, const GcamShape *shape, GradcamTarget *target)
{
    GradcamRange *range = gcam_calloc(GCAM_MAX_RANK, sizeof(*range));
    char index[64];
    if (!range)
        return -ENOMEM;
    target->range = range;
    for (const char *at = indices; at; target->ranges++) {
        size_t length = strcspn(at, "/,]");
        if (target->ranges == (size_t)shape->rank) {
            gcam_log(r->log, GRADCAM_LOG_ERROR, "class '%s': more indices than the %d dimensions of '%s'", r->word,
                     shape->rank, target->tensor);
            return -EINVAL;
        }
        trim(index, sizeof(index), at, length);
        int error = read_range(r, index, shape->dim[target->ranges], &range[target->ranges]);
        if (error)
            return error;
        at = at[length] && at[length] != ']' ? at + length + 1 : NULL;
    }
    return 0;
}

// The tensor that is named before the indices, -1: there is none.
static int find_tensor(const Reader *r, const char *text, char name[MOST_TEXT])
{
    const char *indices = find_indices(text);
    int whole = gcam_graph_find_tensor(&r->model->graph, text);         // a name may have such signs itself
    trim(name, MOST_TEXT, text, indices && whole < 0 ? (size_t)(indices - text) : strlen(text));
    return whole >= 0 ? whole : gcam_graph_find_tensor(&r->model->graph, name);
}

static int read_elements(Reader *r, const char *text, GradcamTarget *target)
{
    const GcamGraph *graph = &r->model->graph;
    char name[MOST_TEXT];
    int value = find_tensor(r, text, name);
    if (value < 0 || graph->value[value].node < 0) {
        gcam_log(r->log, GRADCAM_LOG_ERROR, "class '%s': no tensor or node '%s' computes anything", r->word, name);
        return -ENOENT;
    }
    char *copy = gcam_alloc(strlen(name) + 1, 1);
    if (!copy)
        return -ENOMEM;
    target->tensor = strcpy(copy, name);
    return strlen(name) < strlen(text) ? read_ranges(r, find_indices(text) + 1, &graph->value[value].shape, target) : 0;
}

// A tensor with indices, and nothing else.
static int is_elements(const Reader *r, const char *word)
{
    char name[MOST_TEXT];
    return find_indices(word) && find_tensor(r, word, name) >= 0;
}

// --------------------------------------------------------------------------------------------------------------- words

// What follows the class within the brackets of a kind.
static int read_option(Reader *r, const char *text, GradcamTarget *target, const GcamScoreKind *kind)
{
    char option[MOST_TEXT], *end;
    trim(option, sizeof(option), text, strlen(text));
    if (!(kind->takes & GCAM_SCORE_RIVALS)) {
        gcam_log(r->log, GRADCAM_LOG_ERROR, "class '%s': %s takes a class alone, not '%s'", r->word, kind->info.name,
                 option);
        return -EINVAL;
    }
    if (!is_name(r->model, option) && !strcmp(option, "even")) {
        target->even = 1;
        return 0;
    }
    if (strncmp(option, "strength=", 9))
        return read_rival(r, option, target, "/");
    target->strength = strtof(option + 9, &end);
    if (end == option + 9 || *end || !isfinite(target->strength) || target->strength == 0) {
        gcam_log(r->log, GRADCAM_LOG_ERROR, "class '%s': strength= is a number other than 0", r->word);
        return -EINVAL;
    }
    return 0;
}

// class{/option} in the brackets of a kind. A name that has a slash in it is first tried as a whole.
static int read_arguments(Reader *r, char *text, GradcamTarget *target, const GcamScoreKind *kind)
{
    char first[MOST_TEXT];
    char *next = is_name(r->model, text) ? NULL : strchr(text, '/');
    if (next)
        *next++ = '\0';
    trim(first, sizeof(first), text, strlen(text));
    int error = read_class(r, first, target);
    while (next && !error) {
        char *option = next;
        if ((next = strchr(option, '/')))
            *next++ = '\0';
        error = read_option(r, option, target, kind);
    }
    return error;
}

// A kind whose name stands before brackets that close at the end of the word; NULL: it is no such word.
static const GcamScoreKind *find_kind(const char *word)
{
    size_t length = strcspn(word, "("), size = strlen(word);
    char name[32];
    if (!word[length] || word[size - 1] != ')' || length >= sizeof(name))
        return NULL;
    snprintf(name, sizeof(name), "%.*s", (int)length, word);
    const GcamScoreKind *kind = name[0] ? gcam_score_find(name) : NULL;
    return kind && strchr(kind->info.notation, '(') ? kind : NULL;
}

static int read_kind(Reader *r, const char *word, GradcamTarget *target, const GcamScoreKind *kind)
{
    char inner[MOST_TEXT], before[40];
    const char *open = strchr(word, '(');
    trim(inner, sizeof(inner), open + 1, strlen(open) - 2);
    target->score = kind->info.name;
    if (kind->takes & GCAM_SCORE_ELEMENTS) {
        int error = read_elements(r, inner, target);
        return error ? error : set_name(target, "", word, "");
    }
    int error = read_arguments(r, inner, target, kind);
    snprintf(before, sizeof(before), "%s(", kind->info.name);
    return error ? error : set_name(target, before, target->name, ")");
}

// "left - right", divided where both are classes, else at the first such place, so that a message names what is wrong.
static int read_difference(Reader *r, const char *word, GradcamTarget *target)
{
    char left[MOST_TEXT], right[MOST_TEXT];
    int error = -ENOENT;
    const char *first = strstr(word, " - ");
    for (const char *at = first; at && error; at = strstr(at + 1, " - ")) {
        Reader silent = *r;
        silent.log = strstr(first + 1, " - ") ? NULL : r->log;
        clear(target);
        trim(left, sizeof(left), word, (size_t)(at - word));
        trim(right, sizeof(right), at + 3, strlen(at + 3));
        error = read_class(&silent, left, target);
        if (!error)
            error = read_rival(&silent, right, target, " - ");
        r->ranks = silent.ranks;
    }
    target->score = "difference";
    if (error && strstr(first + 1, " - "))
        gcam_log(r->log, GRADCAM_LOG_ERROR, "class '%s' is no name, and no difference of two classes", word);
    return error;
}

static int read_word(Reader *r, const char *word, GradcamTarget *target)
{
    size_t length = strlen(word);
    const GcamScoreKind *kind = find_kind(word);
    if (is_name(r->model, word) || auto_count(r, word))
        return read_class(r, word, target);
    if (length > 3 && !strncmp(word, "-(", 2) && word[length - 1] == ')') {
        char inner[MOST_TEXT];
        trim(inner, sizeof(inner), word + 2, length - 3);
        int error = read_word(r, inner, target);
        target->negative = !target->negative;
        return error ? error : set_name(target, "-(", target->name, ")");
    }
    if (kind)
        return read_kind(r, word, target, kind);
    if (is_elements(r, word)) {
        int error = read_elements(r, word, target);
        target->score = "sum";
        return error ? error : set_name(target, "", word, "");
    }
    return strstr(word, " - ") ? read_difference(r, word, target) : read_class(r, word, target);
}

static int add_word(GradcamTargets *targets, const GradcamModel *model, const char *word, const GradcamLog *log)
{
    Reader r = { .model = model, .log = log, .word = word };
    if (strlen(word) >= MOST_TEXT) {
        gcam_log(log, GRADCAM_LOG_ERROR, "a class of more than %d bytes", MOST_TEXT - 1);
        return -EINVAL;
    }
    do {
        GradcamTarget target = { .size = sizeof(target) };
        int error = read_word(&r, word, &target);
        if (!error && targets->count + (size_t)(r.ranks > r.rank ? r.ranks - r.rank : 1) > GCAM_MOST_TARGETS) {
            gcam_log(log, GRADCAM_LOG_ERROR, "more than %d classes at once", GCAM_MOST_TARGETS);
            error = -EINVAL;
        }
        if (error) {
            clear(&target);
            return error;
        }
        targets->target[targets->count++] = target;
    } while (++r.rank < r.ranks);
    return 0;
}

// A target for each class.
static int add_all(GradcamTargets *targets, const GradcamModel *model, const GradcamLog *log)
{
    const size_t classes = model->info.classes;
    if (classes > GCAM_MOST_TARGETS)
        return gcam_fail(log, -EINVAL, "class 'all': the network '%s' has %zu classes, and %d can be explained at once",
                         model->info.name, classes, GCAM_MOST_TARGETS);
    for (size_t i = 0; i < classes; i++) {
        const int index = (int)i;
        GradcamTarget *target = &targets->target[targets->count++];
        target->size = sizeof(*target);
        int error = set_name(target, "", gradcam_model_label(model, i), "");
        if (error || (error = add_classes(&target->classes, &target->count, &index, 1)))
            return error;
    }
    return 0;
}

int gradcam_targets_resolve(GradcamTargets **out, const GradcamModel *model, const char *text, const GradcamLog *log)
{
    *out = NULL;
    GradcamTargets *targets = gcam_calloc(1, sizeof(*targets));
    size_t size = strlen(text) + 1;
    char *word = gcam_alloc(size, 1);
    int error = -ENOMEM;
    if (!targets || !word || !(targets->target = gcam_calloc(GCAM_MOST_TARGETS, sizeof(*targets->target))))
        goto end;
    trim(word, size, text, strlen(text));
    if (is_name(model, word)) {                         // one that may have | in it
        error = add_word(targets, model, word, log);
        goto end;
    }
    if (!strcmp(word, "all")) {
        error = add_all(targets, model, log);
        goto end;
    }
    for (const char *at = text, *next; at; at = next) {
        size_t length = strcspn(at, "|");
        next = at[length] ? at + length + 1 : NULL;
        trim(word, size, at, length);
        if ((error = add_word(targets, model, word, log)))
            goto end;
    }
end:
    gcam_free(word);
    if (error)
        gradcam_targets_free(&targets);
    *out = targets;
    return error;
}
