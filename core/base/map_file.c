/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a path, trusted in nothing. Out: the file's bytes, in memory of our own or mapped.
 */
#include "map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"

#define SMALL ((off_t)1 << 20)  // bytes up to which a copy costs nothing

// What it is instead of a regular file, or NULL.
static const char *strange(const struct stat *info)
{
    return S_ISREG(info->st_mode) ? NULL : S_ISDIR(info->st_mode) ? "a directory" : S_ISFIFO(info->st_mode) ? "a FIFO"
         : S_ISSOCK(info->st_mode) ? "a socket" : "a device";
}

static int check(const struct stat *info, const char *path, const char *what, size_t most, const GradcamLog *log)
{
    const char *instead = strange(info);
    if (instead)
        return gcam_fail(log, S_ISDIR(info->st_mode) ? -EISDIR : -EINVAL, "cannot read %s '%s': it is %s", what, path,
                         instead);
    if ((uintmax_t)info->st_size > (most ? most : PTRDIFF_MAX))
        return gcam_fail(log, -EFBIG, "cannot read %s '%s': it has %jd bytes, more than %zu", what, path,
                         (intmax_t)info->st_size, most ? most : (size_t)PTRDIFF_MAX);
    return 0;
}

// Opens without waiting, and without touching what is known to be no file: to open a device may do something.
static int open_regular(const char *path, const char *what, size_t most, struct stat *info, const GradcamLog *log)
{
    if (stat(path, info) < 0)
        return gcam_fail(log, -errno, "cannot open %s '%s': %m", what, path);
    int error = check(info, path, what, most, log);
    if (error)
        return error;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, info) < 0)
        error = gcam_fail(log, -errno, "cannot open %s '%s': %m", what, path);
    else
        error = check(info, path, what, most, log);
    if (error && fd >= 0)
        close(fd);
    return error ? error : fd;
}

static int read_all(int fd, char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        const ssize_t got = read(fd, data + at, size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        at += (size_t)got;
    }
    return 0;
}

int gcam_map_file(GcamMapFile *out, const char *path, const char *what, size_t most, int copy, const GradcamLog *log)
{
    struct stat info;
    *out = (GcamMapFile){ 0 };
    const int fd = open_regular(path, what, most, &info, log);
    if (fd < 0)
        return fd;
    const size_t size = (size_t)info.st_size;
    const int is_mapped = !copy && info.st_size > SMALL;
    void *data = is_mapped ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : gcam_alloc(size, 1);
    int error = 0;
    if (is_mapped && data == MAP_FAILED)
        error = -errno;
    else if (!is_mapped)
        error = data ? read_all(fd, data, size) : -ENOMEM;
    close(fd);
    if (error) {
        if (!is_mapped)
            gcam_free(data);
        return gcam_fail(log, error, "cannot read %s '%s': %m", what, path);
    }
    *out = (GcamMapFile){ data, size, is_mapped };
    return 0;
}

void gcam_unmap_file(GcamMapFile *file)
{
    if (file->is_mapped)
        munmap((void *)file->data, file->size);
    else
        gcam_free((void *)file->data);
    *file = (GcamMapFile){ 0 };
}
