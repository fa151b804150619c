/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Label sets. In: strings from a model file, or a text of either kind that labels.h describes, trusted in nothing. Out:
 * labels and groups, checked and copied, with the folded forms that resolve.c compares.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/map_file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "labels.h"

#define TABLE "#gradcam labels" // the first line of a table

// What GcamLabels points to, in as few blocks as there are kinds.
typedef struct Owner {
    GcamLabels labels;          // first: a GcamLabels * is an Owner *
    char *text;                 // labels, groups, and their folded forms
    const char **label, **folded;
    GcamGroup *group;
    int *members;
} Owner;

// Where messages come from and go to.
typedef struct Report {
    const char *source;
    const GradcamLog *log;
} Report;

#define FAIL(report, code, ...) gcam_fail((report)->log, code, __VA_ARGS__)

static int no_memory(const Report *report)
{
    return FAIL(report, -ENOMEM, "no memory for the labels of '%s'", report->source);
}

// Whether names can be shown: UTF-8, no control characters but the tabs that `tabs` allows, not blank.
static int is_text(const char *text, int tabs)
{
    int is_blank = 1;
    for (const char *at = text; *at;) {
        size_t length = gcam_utf8_length(at);
        int is_control = ((unsigned char)*at < ' ' && !(tabs && *at == '\t')) || *at == 0x7F ||
                         ((unsigned char)at[0] == 0xC2 && (unsigned char)at[1] < 0xA0);
        if (!length || is_control)
            return 0;
        is_blank &= *at == ' ' || *at == '\t' || *at == ',';
        at += length;
    }
    return !is_blank;
}

// ------------------------------------------------------------------------------------------------------------ creation

// Reads a decimal number at *at and moves on; -1 when there is none or it is `limit` or more.
static int take_index(const char **at, int limit)
{
    const char *start = *at;
    int value = 0;
    while (**at >= '0' && **at <= '9' && value < limit)
        value = 10 * value + (*(*at)++ - '0');
    return *at == start || value >= limit ? -1 : value;
}

// Reads "151-268,275" and counts the classes; writes them too when out is given. -1 when it is malformed.
static long take_classes(const char *at, int limit, int *out)
{
    long count = 0;
    for (int previous = -1;; at++) {
        int first = take_index(&at, limit), last = first;
        if (*at == '-') {
            at++;
            last = take_index(&at, limit);
        }
        if (first <= previous || last < first)
            return -1;
        for (int i = first; i <= last && out; i++)
            out[count + i - first] = i;
        count += last - first + 1;
        previous = last;
        if (*at != ',')
            return *at ? -1 : count;
    }
}

static int check_label(const Report *report, const char *label, size_t index)
{
    if (is_text(label, 0))
        return 0;
    return FAIL(report, -EBADMSG, "the label of class %zu in '%s' is blank or not plain UTF-8 text", index,
                report->source);
}

// Checks the text of a group and adds the number of its classes to *members.
static int check_group(const Report *report, const char *text, int classes, size_t *members)
{
    const char *tab = strchr(text, '\t');
    if (!is_text(text, 1) || !tab || tab == text || strchr(tab + 1, '\t'))
        return FAIL(report, -EBADMSG, "a group in '%s' is not 'names, tab, classes' in UTF-8", report->source);
    long count = take_classes(tab + 1, classes, NULL);
    if (count < 1)
        return FAIL(report, -EBADMSG, "the classes of group '%.*s' in '%s' are not an ascending list of numbers below "
                    "%d", (int)(tab - text), text, report->source, classes);
    *members += (size_t)count;
    if (*members > GCAM_MOST_MEMBERS)
        return FAIL(report, -EBADMSG, "the groups in '%s' hold more than %d classes", report->source,
                    GCAM_MOST_MEMBERS);
    return 0;
}

static int check_all(const Report *report, const char *const *labels, size_t count, const char *const *groups,
                     size_t group_count, size_t *text_size, size_t *members)
{
    int error = 0;
    *text_size = *members = 0;
    if (!count || count > GCAM_MOST_CLASSES || group_count > GCAM_MOST_GROUPS)
        return FAIL(report, -EBADMSG, "'%s' holds %zu labels and %zu groups, not 1 to %d and at most %d",
                    report->source, count, group_count, GCAM_MOST_CLASSES, GCAM_MOST_GROUPS);
    for (size_t i = 0; i < count && error >= 0; i++) {
        error = check_label(report, labels[i], i);
        *text_size += 2 * (strlen(labels[i]) + 1);
    }
    for (size_t i = 0; i < group_count && error >= 0; i++) {
        error = check_group(report, groups[i], (int)count, members);
        *text_size += 3 * (strlen(groups[i]) + 1);
    }
    return error;
}

// Copies a string to *at, which moves on.
static const char *put(char **at, const char *text, size_t length)
{
    char *copy = *at;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *at += length + 1;
    return copy;
}

static const char *put_folded(char **at, const char *text)
{
    char *copy = *at;
    gcam_labels_fold(copy, text);
    *at += strlen(copy) + 1;
    return copy;
}

static void fill(Owner *owner, const char *const *labels, const char *const *groups)
{
    char *at = owner->text;
    int *members = owner->members;
    for (size_t i = 0; i < owner->labels.count; i++) {
        owner->label[i] = put(&at, labels[i], strlen(labels[i]));
        owner->folded[i] = put_folded(&at, labels[i]);
    }
    for (size_t i = 0; i < owner->labels.group_count; i++) {
        GcamGroup *group = &owner->group[i];
        const char *tab = strchr(groups[i], '\t');
        group->text = put(&at, groups[i], strlen(groups[i]));
        group->names = put(&at, groups[i], (size_t)(tab - groups[i]));
        group->folded = put_folded(&at, group->names);
        group->classes = members;
        group->count = (size_t)take_classes(tab + 1, (int)owner->labels.count, members);
        members += group->count;
    }
}

int gcam_labels_create(GcamLabels **out, const char *const *labels, size_t count, const char *const *groups,
                       size_t group_count, const char *source, const GradcamLog *log)
{
    const Report report = {source, log};
    size_t text_size, members;
    *out = NULL;
    int error = check_all(&report, labels, count, groups, group_count, &text_size, &members);
    if (error < 0)
        return error;
    Owner *owner = gcam_calloc(1, sizeof(*owner));
    if (!owner)
        return no_memory(&report);
    GcamLabels *made = &owner->labels;
    owner->text = gcam_alloc(text_size, 1);
    owner->label = gcam_alloc(count, sizeof(*owner->label));
    owner->folded = gcam_alloc(count, sizeof(*owner->folded));
    owner->group = gcam_alloc(group_count + 1, sizeof(*owner->group));
    owner->members = gcam_alloc(members + 1, sizeof(*owner->members));
    if (!owner->text || !owner->label || !owner->folded || !owner->group || !owner->members) {
        gcam_labels_free(&made);
        return no_memory(&report);
    }
    *made = (GcamLabels){.count = count, .group_count = group_count, .label = owner->label, .folded = owner->folded,
                         .group = owner->group};
    fill(owner, labels, groups);
    *out = made;
    return 0;
}

void gcam_labels_free(GcamLabels **labels)
{
    if (!labels || !*labels)
        return;
    Owner *owner = (Owner *)*labels;
    gcam_free(owner->text);
    gcam_free(owner->label);
    gcam_free(owner->folded);
    gcam_free(owner->group);
    gcam_free(owner->members);
    gcam_free(owner);
    *labels = NULL;
}

// ------------------------------------------------------------------------------------------------------------- parsing

// The lines of a text that is being taken apart, and what was found in them.
typedef struct Lines {
    char *next;                 // NULL at the end
    size_t number;              // of the line last taken, from 1
    const char **label, **group;
    size_t label_count, group_count;
} Lines;

// Ends the next line with NUL and returns it, without its CR; NULL at the end.
static char *take_line(Lines *lines)
{
    char *line = lines->next;
    if (!line)
        return NULL;
    char *end = strchr(line, '\n');
    lines->next = end ? end + 1 : NULL;
    if (!end)
        end = line + strlen(line);
    *end = '\0';
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    lines->number++;
    return line;
}

// One label per line. Blank lines may only stand at the end.
static int parse_plain(const Report *report, Lines *lines)
{
    size_t blank = 0;
    for (char *line; (line = take_line(lines));) {
        if (!*line) {
            blank = blank ? blank : lines->number;
        } else if (blank) {
            return FAIL(report, -EBADMSG, "line %zu of labels file '%s' is empty", blank, report->source);
        } else {
            lines->label[lines->label_count++] = line;
        }
    }
    return 0;
}

// class INDEX ID NAMES
static int parse_class(Lines *lines, const char *at)
{
    int index = take_index(&at, GCAM_MOST_CLASSES);
    const char *tab = *at == '\t' ? strchr(at + 1, '\t') : NULL;
    if (!tab || lines->group_count || (size_t)index != lines->label_count)
        return -1;
    lines->label[lines->label_count++] = tab + 1;
    return 0;
}

// group ID NAMES CLASSES: the last two are what gcam_labels_create() takes
static int parse_group(Lines *lines, const char *at)
{
    const char *tab = strchr(at, '\t');
    if (!tab || !strchr(tab + 1, '\t'))
        return -1;
    lines->group[lines->group_count++] = tab + 1;
    return 0;
}

static int parse_table(const Report *report, Lines *lines)
{
    for (char *line; (line = take_line(lines));) {
        int error = 0;
        if (!strncmp(line, "class\t", 6))
            error = parse_class(lines, line + 6);
        else if (!strncmp(line, "group\t", 6))
            error = parse_group(lines, line + 6);
        else if (*line && *line != '#')
            error = -1;
        if (error < 0)
            return FAIL(report, -EBADMSG, "line %zu of label table '%s' is neither the next class nor a group",
                        lines->number, report->source);
    }
    return 0;
}

// text ends in NUL and is taken apart in place.
static int parse_lines(GcamLabels **out, const Report *report, char *text)
{
    size_t line_count = 1;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        line_count++;
    Lines lines = {.next = text};
    lines.label = gcam_alloc(line_count, sizeof(*lines.label));
    lines.group = gcam_alloc(line_count, sizeof(*lines.group));
    int error;
    if (!lines.label || !lines.group)
        error = no_memory(report);
    else if (!strncmp(text, TABLE, strlen(TABLE)))
        error = parse_table(report, &lines);
    else
        error = parse_plain(report, &lines);
    if (error >= 0)
        error = gcam_labels_create(out, lines.label, lines.label_count, lines.group, lines.group_count, report->source,
                                 report->log);
    gcam_free(lines.label);
    gcam_free(lines.group);
    return error;
}

int gcam_labels_parse(GcamLabels **out, const char *text, size_t size, const char *source,
                      const GradcamLog *log)
{
    const Report report = {source, log};
    *out = NULL;
    if (size > GCAM_MOST_LABELS_TEXT)
        return FAIL(&report, -EBADMSG, "labels file '%s' is larger than %d bytes", source, GCAM_MOST_LABELS_TEXT);
    if (size >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) {
        text += 3;
        size -= 3;
    }
    if (size && memchr(text, 0, size))
        return FAIL(&report, -EBADMSG, "labels file '%s' is not text: it contains NUL", source);
    char *copy = gcam_alloc(size + 1, 1);
    if (!copy)
        return no_memory(&report);
    if (size)
        memcpy(copy, text, size);
    copy[size] = '\0';
    int error = parse_lines(out, &report, copy);
    gcam_free(copy);
    return error;
}

int gcam_labels_load(GcamLabels **out, const char *path, const GradcamLog *log)
{
    GcamMapFile file;
    *out = NULL;
    int error = gcam_map_file(&file, path, "labels file", GCAM_MOST_LABELS_TEXT, 1, log);
    if (!error)
        error = gcam_labels_parse(out, file.data, file.size, path, log);
    gcam_unmap_file(&file);
    return error;
}

// ------------------------------------------------------------------------------------------------------------ built in

// models/imagenet.tsv as it is, found from the folder that is on the include path for the headers here.
__asm__(".pushsection .rodata\n"
        "    .globl gcam_imagenet_table, gcam_imagenet_table_end\n"
        "    .hidden gcam_imagenet_table, gcam_imagenet_table_end\n"
        "gcam_imagenet_table:\n"
        "    .incbin \"../models/imagenet.tsv\"\n"
        "gcam_imagenet_table_end:\n"
        "    .byte 0\n"
        ".popsection\n");

extern const char gcam_imagenet_table[] __attribute__((visibility("hidden")));
extern const char gcam_imagenet_table_end[] __attribute__((visibility("hidden")));

int gcam_labels_imagenet(GcamLabels **out, const GradcamLog *log)
{
    return gcam_labels_parse(out, gcam_imagenet_table, (size_t)(gcam_imagenet_table_end - gcam_imagenet_table),
                             "imagenet", log);
}

// The comment from "WordNet's licence" on to the first class.
const char *gcam_labels_imagenet_licence(size_t *size)
{
    const char *first = strstr(gcam_imagenet_table, "# WordNet's licence"), *last = strstr(first, "\nclass\t");
    *size = (size_t)(last - first);
    return first;
}
