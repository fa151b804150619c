/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: paths. Out: open files, each of one filter. Files that are open, and those that this process has appended to, are
 * known by device and inode, for as long as it runs.
 */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libavutil/error.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"

// A file that this process writes or has appended to, whatever its path.
typedef struct Written {
    dev_t device;
    ino_t inode;
    int open;                   // a filter writes to it now
} Written;

static pthread_mutex_t written_mutex = PTHREAD_MUTEX_INITIALIZER;
static Written *written;
static int written_count;

// The entry of a file, or NULL. The mutex is held.
static Written *find_written(const struct stat *file)
{
    for (int i = 0; i < written_count; i++)
        if (written[i].device == file->st_dev && written[i].inode == file->st_ino)
            return &written[i];
    return NULL;
}

// Enters a regular file that was opened. Returns whether this process has written to it before, AVERROR(EEXIST) where
// another filter does so now, AVERROR(ENOMEM).
static int enter_file(const struct stat *file)
{
    Written *entry, *grown;
    int ret = 1;

    pthread_mutex_lock(&written_mutex);
    entry = find_written(file);
    if (entry && entry->open) {
        ret = AVERROR(EEXIST);
    } else if (entry) {
        entry->open = 1;
    } else if ((grown = av_realloc_array(written, written_count + 1, sizeof(*written)))) {
        written = grown;
        written[written_count++] = (Written){ file->st_dev, file->st_ino, 1 };
        ret = 0;
    } else {
        ret = AVERROR(ENOMEM);
    }
    pthread_mutex_unlock(&written_mutex);
    return ret;
}

// One that was appended to is known from now on, another one forgotten: there may be one for each frame.
static void leave_file(int fd)
{
    struct stat file;
    Written *entry;

    if (fstat(fd, &file) < 0)
        return;
    pthread_mutex_lock(&written_mutex);
    entry = find_written(&file);
    if (entry && fcntl(fd, F_GETFL) & O_APPEND)
        entry->open = 0;
    else if (entry)
        *entry = written[--written_count];
    pthread_mutex_unlock(&written_mutex);
}

// A regular file that this process writes for the first time, or is to write from its beginning, is emptied.
static int claim_file(int fd, int anew)
{
    struct stat file;
    int ret;

    if (fstat(fd, &file) < 0)
        return AVERROR(errno);
    if (!S_ISREG(file.st_mode))
        return anew ? AVERROR(ESPIPE) : 0;
    if ((ret = enter_file(&file)) < 0)
        return ret;
    if ((ret == 0 || anew) && ftruncate(fd, 0) < 0) {
        ret = AVERROR(errno);
        leave_file(fd);
    }
    return FFMIN(ret, 0);
}

// That somebody may read a FIFO one day is not waited for.
static int open_file(FILE **file, const char *path, int anew)
{
    const int fd = open(path, (anew ? O_RDWR : O_WRONLY | O_APPEND) | O_CREAT | O_NONBLOCK, 0666);
    int ret;

    *file = NULL;
    if (fd < 0)
        return AVERROR(errno);
    fcntl(fd, F_SETFD, FD_CLOEXEC);     // O_CLOEXEC is not there in FFmpeg 5.1, built for POSIX of 2001
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    ret = claim_file(fd, anew);
    if (ret >= 0 && !(*file = fdopen(fd, anew ? "r+" : "a"))) {
        ret = AVERROR(errno);
        leave_file(fd);
    }
    if (ret < 0)
        close(fd);
    return ret;
}

int gcam_outfile_append(FILE **file, const char *path)
{
    return open_file(file, path, 0);
}

int gcam_outfile_create(FILE **file, const char *path)
{
    return open_file(file, path, 1);
}

int gcam_outfile_close(FILE **file)
{
    int ret;

    if (!*file)
        return 0;
    leave_file(fileno(*file));
    ret = fclose(*file) ? AVERROR(errno) : 0;
    *file = NULL;
    return ret;
}

const char *gcam_outfile_reason(int error, char *text, size_t size)
{
    if (error == AVERROR(ENXIO))
        return "a FIFO that nobody reads";
    if (error == AVERROR(EEXIST))
        return "another gradcam filter writes to it; each needs a file of its own";
    if (error == AVERROR(ESPIPE))
        return "not a regular file";
    av_strerror(error, text, size);
    return text;
}

// Of what follows a %: characters of %, d or 0Nd, 0: something else. *digits: N.
static int scan_number(const char *at, int *digits)
{
    int length = 0;

    *digits = 0;
    if (at[0] == '%')
        return 1;
    if (at[0] == '0')
        for (length = 1; at[length] >= '0' && at[length] <= '9' && *digits < 10; length++)
            *digits = 10 * *digits + at[length] - '0';
    return at[length] == 'd' && *digits < 20 ? length + 1 : 0;
}

int gcam_outfile_numbered(char *out, size_t size, const char *path, int64_t number)
{
    size_t at = 0;
    int found = 0;

    for (; *path; path++) {
        int digits, length = 0, wrote = 1;

        if (*path == '%' && (!(length = scan_number(path + 1, &digits)) || (path[1] != '%' && found++)))
            return AVERROR(EINVAL);
        if (length && path[1] != '%')
            wrote = snprintf(out + at, size - at, "%0*"PRId64, digits, number);
        else if (at + 1 < size)
            out[at] = *path;
        at += wrote;
        path += length;
        if (at >= size)
            return AVERROR(ENAMETOOLONG);
    }
    out[at] = '\0';
    return found;
}
