/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files are called that explain writes: a name, a directory, or a pattern with {name} and {class}.
 */
#ifndef GCAM_TOOLS_NAMES_H
#define GCAM_TOOLS_NAMES_H

#include <stddef.h>

// Names given so far, so that none is given twice; and what none may be.
typedef struct Names {
    char **given;
    size_t count;
    struct KeptFile *kept;
    size_t kept_count;
} Names;

// A file that is read, and so not to be written to under any name. One that is not there is fine. Returns a status.
int names_keep(Names *names, const char *path);

// Usage error when `pattern` would give one name to several pictures or classes. pattern NULL is fine.
int names_check(const char *command, const char *option, const char *pattern, size_t pictures,
                size_t classes);

// Whether there is such a directory, or the name ends in a slash, which makes one.
int names_is_directory(const char *path);

// The file for a picture and a class. extension (".png") is for directories, several_classes adds the class
// there. Folders that a pattern or a slash speaks of are made. Returns a status; *path belongs to `names`.
int names_make(Names *names, const char *pattern, const char *picture, const char *class_name,
               int several_classes, const char *extension, const char **path);

void names_free(Names *names);

#endif
