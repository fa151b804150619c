/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a path. Out: a stream, whose bytes come to lie under that path at once and whole, or not at all.
 */
#define _GNU_SOURCE             // O_TMPFILE
#include "write_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

// Room for a path and what name_temporary() puts behind it.
enum { SUFFIX = 32, TRIES = 16 };

static int name_temporary(char *out, const char *path)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -EIO;
    sprintf(out, "%s.%016llx.tmp", path, (unsigned long long)random);
    return 0;
}

// Whether a file may be made here without a name, to be given one by /proc.
static int open_nameless(const char *path, mode_t mode)
{
#ifdef O_TMPFILE
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;
    char folder[PATH_MAX];
    if (length >= sizeof(folder) || access("/proc/self/fd", X_OK) < 0)
        return -1;
    memcpy(folder, path, length);
    folder[length] = '\0';
    return open(length ? folder : slash ? "/" : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
#else
    (void)path;
    (void)mode;
    return -1;
#endif
}

// Opens a new file for `file`. A descriptor or a negative errno.
static int open_new(GcamWriteFile *file, mode_t mode)
{
    int fd = open_nameless(file->path, mode);
    if (fd >= 0)
        return fd;
    file->temporary = gcam_alloc(strlen(file->path) + SUFFIX, 1);
    int error = file->temporary ? -EEXIST : -ENOMEM;
    for (int i = 0; error == -EEXIST && i < TRIES; i++) {
        error = name_temporary(file->temporary, file->path);
        if (!error && (fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)) < 0)
            error = -errno;
    }
    return error ? error : fd;
}

static int open_descriptor(GcamWriteFile *file, const char *path)
{
    struct stat info;
    char real[PATH_MAX];
    const int reason = stat(path, &info) < 0 ? errno : 0, is_there = !reason, is_device = !strncmp(path, "/dev/", 5);
    if (reason && (reason != ENOENT || lstat(path, &info) == 0))
        return -reason;
    if (is_there && (S_ISDIR(info.st_mode) || S_ISBLK(info.st_mode)))
        return S_ISDIR(info.st_mode) ? -EISDIR : -EPERM;
    file->is_written_into = is_device || (is_there && !S_ISREG(info.st_mode));
    if (is_there && !file->is_written_into && !realpath(path, real))
        return -errno;
    file->path = gcam_strdup(is_there && !file->is_written_into ? real : path);
    if (!file->path)
        return -ENOMEM;
    if (!file->is_written_into) {
        const int fd = open_new(file, 0666);
        if (fd >= 0 && is_there)
            (void)!fchmod(fd, info.st_mode & 0777);     // as far as we may
        return fd;
    }
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -errno : fd;
}

// Lets go of everything but what is on disk.
static void clear(GcamWriteFile *file)
{
    gcam_free(file->temporary);
    gcam_free(file->path);
    *file = (GcamWriteFile){ 0 };
}

int gcam_write_file_open(GcamWriteFile *out, const char *path)
{
    *out = (GcamWriteFile){ 0 };
    if (!*path)
        return -ENOENT;
    const int fd = open_descriptor(out, path);
    int error = fd < 0 ? fd : 0;
    errno = ENOMEM;
    if (!error && !(out->stream = fdopen(fd, "wb"))) {
        error = -errno;
        close(fd);
        if (out->temporary)
            unlink(out->temporary);
    }
    if (error)
        clear(out);
    return error;
}

// Gives a file that has no name yet one: its own, where that is free, else a temporary one.
static int give_name(GcamWriteFile *file)
{
    char descriptor[64];
    snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", fileno(file->stream));
    if (linkat(AT_FDCWD, descriptor, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    file->temporary = gcam_alloc(strlen(file->path) + SUFFIX, 1);
    int error = file->temporary ? -EEXIST : -ENOMEM;
    for (int i = 0; error == -EEXIST && i < TRIES; i++) {
        error = name_temporary(file->temporary, file->path);
        if (!error && linkat(AT_FDCWD, descriptor, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW) < 0)
            error = -errno;
    }
    if (error) {
        gcam_free(file->temporary);
        file->temporary = NULL;
    }
    return error;
}

int gcam_write_file_close(GcamWriteFile *file, int error)
{
    if (!file->stream)
        return error;
    errno = EIO;                // where a write failed before and nothing is left to write
    if (!error && (fflush(file->stream) || ferror(file->stream)))
        error = -errno;
    if (!error && !file->is_written_into && fsync(fileno(file->stream)) < 0)
        error = -errno;
    if (!error && !file->is_written_into && !file->temporary)
        error = give_name(file);
    if (fclose(file->stream) && !error)
        error = -errno;
    if (!error && file->temporary && rename(file->temporary, file->path) < 0)
        error = -errno;
    if (error && file->temporary)
        unlink(file->temporary);
    clear(file);
    return error;
}
