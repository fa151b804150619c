/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a user's word stands for. In: one word, labels and groups. Out: a class or the classes of a group, or a sentence
 * that helps: the candidates of an ambiguous word, or the names that come near by edit distance.
 *
 * Words and names are compared in folded form. How well a word fits a label is one number, the best over all places
 * where it occurs there; a tie between labels at the best number is an ambiguity.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "labels.h"

// How a word fits a label, worst to best.
enum Fit { FIT_NONE, FIT_PART, FIT_BEGINNING, FIT_WORDS, FIT_NAME, FIT_LABEL, FIT_COUNT };

#define MAX_NEAR 5              // names in a message
#define MAX_CANDIDATES 6
#define MAX_COMPARED 63         // bytes: longer names are not searched for near ones

void gcam_labels_fold(char *out, const char *text)
{
    size_t length = 0;
    for (; *text; text++) {
        char c = *text;
        if (c == '\'')
            continue;
        if (c == '_' || c == '-' || c == '\t')
            c = ' ';
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        char last = length ? out[length - 1] : ',';
        if ((c == ' ' || c == ',') && last == ',')
            continue;
        if (c == ' ' && last == ' ')
            continue;
        if (c == ',' && last == ' ')
            length--;
        out[length++] = c;
    }
    while (length && (out[length - 1] == ' ' || out[length - 1] == ','))
        length--;
    out[length] = '\0';
}

// ------------------------------------------------------------------------------------------------------------- fitting

static int is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

// How one occurrence of a word in a label fits, from what stands beside it.
static enum Fit fit_here(const char *label, const char *begin, const char *end)
{
    int begins = begin == label, ends = !*end;
    if (begins && ends)
        return FIT_LABEL;
    if ((begins || begin[-1] == ',') && (ends || *end == ','))
        return FIT_NAME;
    if (!begins && is_word_byte(begin[-1]))
        return FIT_PART;
    return ends || !is_word_byte(*end) ? FIT_WORDS : FIT_BEGINNING;
}

static enum Fit fit(const char *label, const char *word)
{
    enum Fit best = FIT_NONE;
    size_t length = strlen(word);
    for (const char *at = label; (at = strstr(at, word)); at++) {
        enum Fit here = fit_here(label, at, at + length);
        best = here > best ? here : best;
    }
    return best;
}

// ------------------------------------------------------------------------------------------------------------- results

static int set_result(GcamClassSet *out, const char *name, size_t name_length, const int *classes, size_t count,
                      const GradcamLog *log)
{
    out->name = gcam_alloc(name_length + 1, 1);
    out->classes = gcam_alloc(count, sizeof(*classes));
    if (!out->name || !out->classes) {
        gcam_class_set_clear(out);
        return gcam_fail(log, -ENOMEM, "no memory for the classes of '%.*s'", (int)name_length, name);
    }
    memcpy(out->name, name, name_length);
    out->name[name_length] = '\0';
    memcpy(out->classes, classes, count * sizeof(*classes));
    out->count = count;
    return 0;
}

void gcam_class_set_clear(GcamClassSet *set)
{
    gcam_free(set->name);
    gcam_free(set->classes);
    *set = (GcamClassSet){0};
}

// ------------------------------------------------------------------------------------------------------------ messages

// A sentence that grows; what does not fit is dropped.
typedef struct Sentence {
    char text[640];
    size_t length;
} Sentence;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void say(Sentence *sentence, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof(sentence->text) - sentence->length;
    int length = vsnprintf(sentence->text + sentence->length, room, format, arguments);
    if (length > 0)
        sentence->length += (size_t)length < room ? (size_t)length : room - 1;
    va_end(arguments);
}

// The next of comma-separated names, without the spaces around it; *at moves on. NULL at the end.
static const char *next_name(const char **at, size_t *length)
{
    const char *name = *at + strspn(*at, ", ");
    if (!*name)
        return NULL;
    *length = strcspn(name, ",");
    *at = name + *length;
    while (name[*length - 1] == ' ')
        (*length)--;
    return name;
}

// Lists the classes that fit as well as any: "class 'crane' is ambiguous: it could be 134 'crane', 517 'crane'".
static int fail_ambiguous(const GcamLabels *labels, size_t count, const char *text, const char *word, enum Fit wanted,
                          size_t fitting, const GradcamLog *log)
{
    Sentence sentence = {.length = 0};
    size_t listed = 0;
    for (size_t i = 0; i < count && listed < MAX_CANDIDATES; i++) {
        if (fit(labels->folded[i], word) != wanted)
            continue;
        const char *at = labels->label[i];
        size_t length = 0;
        const char *name = next_name(&at, &length);
        say(&sentence, "%s%zu '%.*s'", listed++ ? ", " : "", i, (int)length, name ? name : "");
    }
    if (fitting > listed)
        say(&sentence, " and %zu more", fitting - listed);
    return gcam_fail(log, -ENOENT, "class '%s' is ambiguous: it could be %s", text, sentence.text);
}

// A name that comes near a word.
typedef struct Near {
    const char *name;
    size_t length;
    int distance;
} Near;

typedef struct Search {
    char word[MAX_COMPARED + 1];
    size_t length;
    Near near[MAX_NEAR];        // the nearest first
    size_t count;
} Search;

// Number of insertions, deletions, substitutions and swaps of neighbours that make one text the other.
static int edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int rows[3][MAX_COMPARED + 1];
    int *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int *oldest = before;
        before = above;
        above = row;
        row = oldest;
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return row[b_length];
}

// Distance to a folded name: to the whole of it, or one more than to one of its words.
static int name_distance(const Search *search, const char *folded)
{
    int best = edit_distance(search->word, search->length, folded, strlen(folded));
    for (const char *at = folded; *at;) {
        size_t length = strcspn(at, " ");
        int distance = edit_distance(search->word, search->length, at, length) + 1;
        best = distance < best ? distance : best;
        at += length + (at[length] == ' ');
    }
    return best;
}

static void insert_near(Search *search, const Near *found)
{
    for (size_t i = 0; i < search->count; i++)
        if (search->near[i].length == found->length && !memcmp(search->near[i].name, found->name, found->length))
            return;
    size_t at = search->count < MAX_NEAR ? search->count++ : MAX_NEAR - 1;
    if (at == MAX_NEAR - 1 && search->near[at].name && search->near[at].distance <= found->distance)
        return;
    for (; at && search->near[at - 1].distance > found->distance; at--)
        search->near[at] = search->near[at - 1];
    search->near[at] = *found;
}

// Looks through the comma-separated names of a label or group.
static void search_names(Search *search, const char *names)
{
    int limit = search->length < 6 ? 1 : search->length < 9 ? 2 : 3;
    Near found;
    while ((found.name = next_name(&names, &found.length))) {
        char name[MAX_COMPARED + 1], folded[MAX_COMPARED + 1];
        if (found.length > MAX_COMPARED)
            continue;
        memcpy(name, found.name, found.length);
        name[found.length] = '\0';
        gcam_labels_fold(folded, name);
        found.distance = name_distance(search, folded);
        if (found.distance <= limit)
            insert_near(search, &found);
    }
}

static int fail_unknown(const GcamLabels *labels, size_t count, const char *text, const char *word,
                        const GradcamLog *log)
{
    Search search = {.length = strlen(word)};
    Sentence sentence = {.length = 0};
    if (search.length <= MAX_COMPARED) {
        memcpy(search.word, word, search.length + 1);
        for (size_t i = 0; i < labels->group_count; i++)
            search_names(&search, labels->group[i].names);
        for (size_t i = 0; i < count; i++)
            search_names(&search, labels->label[i]);
    }
    if (!search.count)
        return gcam_fail(log, -ENOENT, "no class is called '%s', and no name comes near", text);
    for (size_t i = 0; i < search.count; i++)
        say(&sentence, "%s'%.*s'", !i ? "" : i + 1 < search.count ? ", " : " or ", (int)search.near[i].length,
            search.near[i].name);
    return gcam_fail(log, -ENOENT, "no class is called '%s': is it %s?", text, sentence.text);
}

// ----------------------------------------------------------------------------------------------------------- resolving

static int resolve_index(size_t class_count, const char *text, GcamClassSet *out, const GradcamLog *log)
{
    errno = 0;
    unsigned long value = strtoul(text, NULL, 10);
    if (errno || value >= class_count || value > INT_MAX)
        return gcam_fail(log, -ENOENT, "there is no class %s: the model has classes 0 to %zu", text,
                         class_count - 1);
    char digits[24];
    int index = (int)value, length = snprintf(digits, sizeof(digits), "%d", index);
    return set_result(out, digits, (size_t)length, &index, 1, log);
}

// The first group that has the word among its names; its spelling there goes to *name.
static const GcamGroup *find_group(const GcamLabels *labels, const char *word, const char **name, size_t *name_length)
{
    for (size_t i = 0; i < labels->group_count; i++) {
        const GcamGroup *group = &labels->group[i];
        if (fit(group->folded, word) < FIT_NAME)
            continue;
        // Names in the text and in its folded form are the same in number and order.
        const char *at = group->names, *folded = group->folded;
        size_t length = 0, wanted = strlen(word);
        while ((*name = next_name(&at, name_length)) && next_name(&folded, &length))
            if (length == wanted && !memcmp(folded - length, word, length))
                return group;
        *name = group->names;
        *name_length = strlen(group->names);
        return group;
    }
    return NULL;
}

// How a word fits all that there is.
typedef struct Tally {
    size_t fitting[FIT_COUNT];  // labels by fit
    int first[FIT_COUNT];       // the first of these
    const GcamGroup *group;     // the group of this name, unless it is a whole label
    const char *name;           // the group's own spelling, not ended by NUL
    size_t name_length;
    enum Fit best;              // the best fit that a label has
} Tally;

static void tally_word(Tally *tally, const GcamLabels *labels, size_t count, const char *word)
{
    *tally = (Tally){.best = FIT_NONE};
    for (size_t i = 0; i < count; i++) {
        enum Fit here = fit(labels->folded[i], word);
        if (!tally->fitting[here]++)
            tally->first[here] = (int)i;
        tally->best = here > tally->best ? here : tally->best;
    }
    if (tally->best < FIT_LABEL)
        tally->group = find_group(labels, word, &tally->name, &tally->name_length);
}

// Tallies a word or, where only that is a name, its singular: "dogs" are dogs before they are a part of "dogsled".
// `word` is then the one that was tallied.
static void tally_singular(Tally *tally, const GcamLabels *labels, size_t count, char *word)
{
    tally_word(tally, labels, count, word);
    if (tally->group || tally->best >= FIT_NAME)
        return;
    size_t length = strlen(word);
    for (size_t cut = 1; cut <= 2 && cut + 3 <= length && word[length - cut] == "se"[cut - 1]; cut++) {
        char last = word[length - cut];
        Tally singular;
        word[length - cut] = '\0';
        tally_word(&singular, labels, count, word);
        if (singular.group || singular.best >= FIT_NAME) {
            *tally = singular;
            return;
        }
        word[length - cut] = last;
    }
}

static int resolve_word(const GcamLabels *labels, size_t count, const char *text, char *word, GcamClassSet *out,
                        const GradcamLog *log)
{
    Tally tally;
    tally_singular(&tally, labels, count, word);
    if (tally.group)
        return set_result(out, tally.name, tally.name_length, tally.group->classes, tally.group->count, log);
    if (tally.best == FIT_NONE)
        return fail_unknown(labels, count, text, word, log);
    if (tally.fitting[tally.best] > 1)
        return fail_ambiguous(labels, count, text, word, tally.best, tally.fitting[tally.best], log);
    int index = tally.first[tally.best];
    return set_result(out, labels->label[index], strlen(labels->label[index]), &index, 1, log);
}

int gcam_labels_resolve(const GcamLabels *labels, size_t class_count, const char *text, GcamClassSet *out,
                        const GradcamLog *log)
{
    *out = (GcamClassSet){0};
    char *word = gcam_alloc(strlen(text) + 1, 1);
    if (!word)
        return gcam_fail(log, -ENOMEM, "no memory for the class '%s'", text);
    gcam_labels_fold(word, text);
    int error;
    if (!*word)
        error = gcam_fail(log, -EINVAL, "the name of a class is empty");
    else if (!class_count)
        error = gcam_fail(log, -ENOENT, "there is no class '%s': the model has no classes", text);
    else if (!word[strspn(word, "0123456789")])
        error = resolve_index(class_count, word, out, log);
    else if (!labels)
        error = gcam_fail(log, -ENOENT, "the model has no labels: give a class by its index, 0 to %zu, "
                        "instead of '%s'", class_count - 1, text);
    else
        error = resolve_word(labels, labels->count < class_count ? labels->count : class_count, text, word, out, log);
    gcam_free(word);
    return error;
}
