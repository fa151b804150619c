/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Patterns to file names.
 */
#include "names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "say.h"

typedef struct KeptFile {
    dev_t device;
    ino_t inode;
} KeptFile;

int names_keep(Names *names, const char *path)
{
    struct stat info;
    KeptFile *longer;

    if (!strcmp(path, "-") || stat(path, &info) || !S_ISREG(info.st_mode))
        return STATUS_OK;
    longer = realloc(names->kept, (names->kept_count + 1) * sizeof(*longer));
    if (!longer)
        return say_failure("out of memory");
    names->kept = longer;
    longer[names->kept_count++] = (KeptFile){ info.st_dev, info.st_ino };
    return STATUS_OK;
}

static int is_kept(const Names *names, const char *path)
{
    struct stat info;

    if (!strcmp(path, "-") || stat(path, &info))
        return 0;
    for (size_t i = 0; i < names->kept_count; i++)
        if (names->kept[i].device == info.st_dev && names->kept[i].inode == info.st_ino)
            return 1;
    return 0;
}

// The folders above a file. That one cannot be made, writing the file tells.
static void make_folders(const char *path)
{
    char part[4096];

    snprintf(part, sizeof(part), "%s", path);
    for (char *slash = part; (slash = strchr(slash + 1, '/')); *slash = '/') {
        *slash = 0;
        mkdir(part, 0777);
    }
}

int names_is_directory(const char *path)
{
    const size_t length = strlen(path);
    struct stat info;

    return (length && path[length - 1] == '/') || (!stat(path, &info) && S_ISDIR(info.st_mode));
}

int names_check(const char *command, const char *option, const char *pattern, size_t pictures, size_t classes)
{
    if (!pattern || (*pattern && names_is_directory(pattern)))
        return STATUS_OK;
    if (!*pattern)
        return say_usage(command, "%s needs the name of a file", option);
    if (pictures > 1 && !strstr(pattern, "{name}"))
        return say_usage(command, "%s for several pictures is a directory, like out/, or has {name} in it, like "
                         "out/{name}.png", option);
    if (classes > 1 && !strstr(pattern, "{class}"))
        return say_usage(command, "%s for several classes is a directory, like out/, or has {class} in it, like "
                         "{class}.png", option);
    return STATUS_OK;
}

// File name without its directories and its ending.
static void base_name(char *out, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');

    if (!strcmp(path, "-"))
        name = "stdin";
    snprintf(out, size, "%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

// The first of several names, letters and digits only.
static void class_part(char *out, size_t size, const char *name)
{
    size_t n = 0;

    for (; *name && *name != ',' && n + 1 < size; name++)
        out[n++] = isalnum((unsigned char)*name) || (unsigned char)*name >= 0x80 ? *name : '_';
    out[n] = 0;
}

static void append(char *out, size_t size, const char *text)
{
    const size_t used = strlen(out);

    snprintf(out + used, size - used, "%s", text);
}

int names_make(Names *names, const char *pattern, const char *picture, const char *class_name,
               int several_classes, const char *extension, const char **path)
{
    char name[512], class_text[128], made[4096] = "";

    base_name(name, sizeof(name), picture);
    class_part(class_text, sizeof(class_text), class_name);
    if (names_is_directory(pattern)) {
        append(made, sizeof(made), pattern);
        if (made[strlen(made) - 1] != '/')
            append(made, sizeof(made), "/");
        append(made, sizeof(made), name);
        if (several_classes) {
            append(made, sizeof(made), "-");
            append(made, sizeof(made), class_text);
        }
        append(made, sizeof(made), extension);
    } else {
        for (const char *p = pattern; *p;) {
            if (!strncmp(p, "{name}", 6)) {
                append(made, sizeof(made), name);
                p += 6;
            } else if (!strncmp(p, "{class}", 7)) {
                append(made, sizeof(made), class_text);
                p += 7;
            } else {
                append(made, sizeof(made), (const char[]) { *p++, 0 });
            }
        }
    }
    if (strlen(made) + 1 == sizeof(made))
        return say_failure("the name that %s gives is too long", pattern);
    if (is_kept(names, made))
        return say_failure("%s is what is read and stays as it is; give another name to write to", made);
    if (names_is_directory(pattern) || strchr(pattern, '{'))
        make_folders(made);
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->given[i], made))
            return say_failure("two results would be written to %s", made);
    char **given = realloc(names->given, (names->count + 1) * sizeof(*given));
    if (given)
        names->given = given;
    if (!given || !(given[names->count] = strdup(made)))
        return say_failure("out of memory");
    *path = given[names->count++];
    return STATUS_OK;
}

void names_free(Names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->given[i]);
    free(names->given);
    free(names->kept);
    *names = (Names) { 0 };
}
