/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: what a user called a network. Out: the file that is meant: one of that name, or a network by that name in the
 * directories where `gradcam fetch` and packages put them. Nothing is opened here.
 */
#include "model.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef GCAM_DATADIR
#define GCAM_DATADIR "/usr/local/share"
#endif

// ------------------------------------------------------------------------------------------------------- directories

// Where directories are told of, in the order in which they count.
typedef struct Source {
    const char *variable;       // of the environment, directories joined by ':'
    const char *otherwise;      // where that is not set: directories; may begin with "$HOME"
    const char *within;         // what is added to each
} Source;

static const Source sources[] = {
    { "GRADCAM_MODELS", "", "" },
    { "XDG_DATA_HOME", "$HOME/.local/share", "/gradcam" },
    { "XDG_DATA_DIRS", "/usr/local/share:/usr/share", "/gradcam" },
    { NULL, GCAM_DATADIR, "/gradcam" },
};
#define SOURCES (sizeof(sources) / sizeof(sources[0]))

static const char *list_of(const Source *source)
{
    const char *list = source->variable ? getenv(source->variable) : NULL;
    return list && *list ? list : source->otherwise;
}

int gradcam_model_directory(size_t index, char *path, size_t room)
{
    static const char home_name[] = "$HOME";
    const size_t prefix = sizeof(home_name) - 1;
    const char *home = getenv("HOME");
    for (size_t s = 0; s < SOURCES; s++)
        for (const char *at = list_of(&sources[s]), *end; *at; at = *end ? end + 1 : end) {
            end = at + strcspn(at, ":");
            const int from_home = !strncmp(at, home_name, prefix);
            if (end == at || (from_home && !(home && *home)) || index--)
                continue;
            const char *first = from_home ? home : "", *rest = from_home ? at + prefix : at;
            const int length = snprintf(path, room, "%s%.*s%s", first, (int)(end - rest), rest, sources[s].within);
            return length < 0 || (size_t)length >= room ? -ENOSPC : 0;
        }
    return -ENOENT;
}

// -------------------------------------------------------------------------------------------------------------- files

static int is_file(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISREG(info.st_mode);
}

// DIRECTORY/NAME with the first ending under which there is a file.
static int find_in(const char *directory, const char *name, char *path, size_t room)
{
    static const char *const endings[] = { ".bin", ".onnx", "" };
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        const int length = snprintf(path, room, "%s/%s%s", directory, name, endings[i]);
        if (length < 0 || (size_t)length >= room)
            return -ENOSPC;
        if (is_file(path))
            return 0;
    }
    return -ENOENT;
}

int gradcam_model_find(const char *name, char *path, size_t room)
{
    struct stat info;
    char directory[GCAM_MOST_PATH];
    if (!*name)
        return -ENOENT;
    if (!strchr(name, '/') && (stat(name, &info) < 0 || S_ISDIR(info.st_mode)))
        for (size_t i = 0; ; i++) {
            int error = gradcam_model_directory(i, directory, sizeof(directory));
            if (error == -ENOENT)
                break;
            if (!error)
                error = find_in(directory, name, path, room);
            if (error != -ENOENT)
                return error;
        }
    if (stat(name, &info) < 0)
        return -errno;
    if (S_ISDIR(info.st_mode))
        return -EISDIR;
    return (size_t)snprintf(path, room, "%s", name) < room ? 0 : -ENOSPC;
}

int gcam_model_find_path(const char **path, const char *name, char found[GCAM_MOST_PATH], const GradcamLog *log)
{
    const char *slash = strchr(name, '/'), *dot = strrchr(name, '.');
    const int is_name = *name && !slash && !(dot && (!strcmp(dot, ".bin") || !strcmp(dot, ".onnx")));
    const int error = gradcam_model_find(name, found, GCAM_MOST_PATH);
    *path = error ? name : found;
    if (error == -ENOENT && is_name)
        return gcam_fail(log, error, "there is no file '%s', and no network of that name was fetched: 'gradcam models' "
                         "lists those that 'gradcam fetch' knows", name);
    return 0;       // what else is wrong, opening it tells
}
