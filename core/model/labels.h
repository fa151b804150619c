/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of classes: the labels of a model, groups of them, and what a user's word stands for.
 *
 * A label is one line of text that may hold several names, separated by commas: "Pembroke, Pembroke Welsh corgi". A
 * group has names too, and a list of classes: "dog, domestic dog, Canis familiaris" are classes 151 to 268. Two texts
 * are read: one label per line; and a table, which begins with the line "#gradcam labels" and whose lines, with columns
 * separated by one tab, are
 *
 *     class  INDEX  ID  NAMES          every index from 0 on, in order; ID may be empty
 *     group  ID     NAMES  CLASSES     after the classes; CLASSES like "151-268,275", ascending
 *     # anything                       a comment
 *
 * models/imagenet.tsv is such a table and is built into the library. Labels are immutable once made; any number of
 * threads may use them. Texts are untrusted: they are checked completely, also for being UTF-8 without control
 * characters. Errors: -EBADMSG malformed, -ENOMEM; the log (may be NULL) receives one sentence.
 */
#ifndef GCAM_MODEL_LABELS_H
#define GCAM_MODEL_LABELS_H

#include <stddef.h>

#include "gradcam.h"
#include "graph/graph.h"

typedef struct GcamGroup {
    const char *text;           // names, tab, classes: what gcam_labels_create() takes, to be stored in a model
    const char *names;          // "dog, domestic dog, Canis familiaris"
    const char *folded;         // the names as gcam_labels_fold() makes them
    const int *classes;         // ascending, each once
    size_t count;               // >= 1
} GcamGroup;

typedef struct GcamLabels {
    size_t count, group_count;
    const char *const *label;   // by class index
    const char *const *folded;  // the labels as gcam_labels_fold() makes them
    const GcamGroup *group;
} GcamLabels;

// From strings, as a model file has them; all is copied. `source` names them in messages.
int gcam_labels_create(GcamLabels **out, const char *const *labels, size_t count, const char *const *groups,
                       size_t group_count, const char *source, const GradcamLog *log);

// From either kind of text in memory; ends of lines may be LF or CR LF, a byte order mark is skipped.
int gcam_labels_parse(GcamLabels **out, const char *text, size_t size, const char *source,
                      const GradcamLog *log);

// From a file of either kind, at most 16 MiB. Also what gcam_map_file() gives.
int gcam_labels_load(GcamLabels **out, const char *path, const GradcamLog *log);

// The 1000 classes of ILSVRC with their WordNet groups, which are built in.
int gcam_labels_imagenet(GcamLabels **out, const GradcamLog *log);

// The licence that goes with copies of the built-in names, as text, not NUL-terminated. Static.
const char *gcam_labels_imagenet_licence(size_t *size);

// From what a file's metadata says of its classes; *out NULL, and a warning, where it does not name each of them once,
// and NULL where it says nothing. -ENOMEM.
int gcam_labels_from_metadata(GcamLabels **out, const GcamGraph *graph, size_t classes, const GradcamLog *log);

void gcam_labels_free(GcamLabels **labels);

// What a word stands for: one class, or the classes of a group.
typedef struct GcamClassSet {
    char *name;                 // to show: the label, the group's name that was asked for, or the index in digits
    int *classes;               // ascending
    size_t count;               // >= 1
} GcamClassSet;

// Finds what one word means (no '|', no "auto": those are the caller's) among class_count classes. In this order:
//   an index in digits;
//   a whole label;
//   a name of a group (before the names of a label: in the built-in table a group has only those names that WordNet
//   gives it first, so that "plane" is the airplane and not "plane, carpenter's plane, woodworking plane");
//   one of the comma-separated names of a label;
//   the plural in -s or -es of any of these;
//   a part of a label: whole words, else beginnings of words, else any part.
// Each must fit one class only. Upper and lower case are the same, and so are space, underscore and hyphen; apostrophes
// do not count. Else -ENOENT, with a sentence that names the candidates of an ambiguous word, or what comes near;
// -EINVAL when text is empty. labels may be NULL (only indices are known then). On failure *out is all zeros.
int gcam_labels_resolve(const GcamLabels *labels, size_t class_count, const char *text, GcamClassSet *out,
                        const GradcamLog *log);

// Writes names in the form in which they are compared: lower case, single spaces for space, underscore and hyphen,
// none around commas, no apostrophes. out holds at least strlen(text) + 1 bytes.
void gcam_labels_fold(char *out, const char *text);

// Frees what a set holds and makes it all zeros.
void gcam_class_set_clear(GcamClassSet *set);

#endif
