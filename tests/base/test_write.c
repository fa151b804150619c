/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing files: whole or not at all, over files only, and nothing left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/write_file.h"
#include "harness.h"

static int save(const char *path, const char *text)
{
    GcamWriteFile file;
    int error = gcam_write_file_open(&file, path);
    if (error) {
        CHECK(!file.stream && !file.path && !file.temporary);
        return error;
    }
    fputs(text, file.stream);
    return gcam_write_file_close(&file, 0);
}

static void check_text(const char *path, const char *want)
{
    char text[64] = "";
    FILE *file = fopen(path, "rb");
    if (!file || !fread(text, 1, sizeof(text) - 1, file) || strcmp(text, want))
        fail("%s holds '%s', not '%s'", path, text, want);
    if (file)
        fclose(file);
}

static int count_entries(const char *folder)
{
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    if (entries)
        closedir(entries);
    return count;
}

static void whole_or_not(void)
{
    struct stat info;
    REQUIRE(mkdir("all", 0700) == 0);
    umask(027);
    CHECK_INT(save("all/a", "first"), 0);
    CHECK(stat("all/a", &info) == 0 && (info.st_mode & 0777) == 0640);
    REQUIRE(chmod("all/a", 0600) == 0);
    CHECK_INT(save("all/a", "second"), 0);
    check_text("all/a", "second");
    CHECK(stat("all/a", &info) == 0 && (info.st_mode & 0777) == 0600);
    GcamWriteFile file;
    REQUIRE(gcam_write_file_open(&file, "all/a") == 0);
    fputs("third", file.stream);
    fflush(file.stream);
    check_text("all/a", "second");              // which is there until the new one is whole
    CHECK_INT(gcam_write_file_close(&file, -EINVAL), -EINVAL);
    CHECK_INT(gcam_write_file_close(&file, 0), 0);
    check_text("all/a", "second");
    CHECK_INT(count_entries("all"), 1);
    CHECK_INT(save("no/such", "x"), -ENOENT);
    CHECK_INT(save("", "x"), -ENOENT);
}

// The process that writes is killed while it does.
static void killed(void)
{
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();
    if (!child) {
        GcamWriteFile file;
        if (gcam_write_file_open(&file, "all/b") == 0) {
            fputs("half", file.stream);
            fflush(file.stream);
            (void)!write(ready[1], file.temporary ? "n" : "-", 1);
        }
        for (;;)
            pause();
    }
    char nameless = 0;
    close(ready[1]);
    REQUIRE(read(ready[0], &nameless, 1) == 1);
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    close(ready[0]);
    if (nameless == '-')
        CHECK_INT(count_entries("all"), 1);
    else
        skip("this file system has no files without a name");
}

static void links(void)
{
    struct stat info;
    REQUIRE(symlink("a", "all/link") == 0 && symlink("nothing", "all/dangling") == 0);
    CHECK_INT(save("all/link", "linked"), 0);
    CHECK(lstat("all/link", &info) == 0 && S_ISLNK(info.st_mode));
    check_text("all/a", "linked");
    CHECK_INT(save("all/dangling", "x"), -ENOENT);
    CHECK_INT(count_entries("all"), 3);
}

static void no_files(void)
{
    struct stat info;
    char text[8] = "";
    REQUIRE(mkfifo("all/fifo", 0600) == 0);
    const int reader = open("all/fifo", O_RDONLY | O_NONBLOCK);
    CHECK_INT(save("all/fifo", "piped"), 0);
    CHECK(read(reader, text, sizeof(text) - 1) == 5 && !strcmp(text, "piped"));
    close(reader);
    CHECK(lstat("all/fifo", &info) == 0 && S_ISFIFO(info.st_mode));
    CHECK_INT(save("/dev/null", "gone"), 0);
    CHECK(stat("/dev/null", &info) == 0 && S_ISCHR(info.st_mode));
    CHECK_INT(save("all", "x"), -EISDIR);
    if (stat("/dev/full", &info) == 0)
        CHECK_INT(save("/dev/full", "x"), -ENOSPC);
}

// A file that may not grow far enough stands for a full disk, at a write and at what was left for the end.
static void full_disk(void)
{
    struct rlimit saved, small;
    static char much[100000];
    memset(much, 'x', sizeof(much) - 1);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &saved) == 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){ 4, saved.rlim_max };
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    const int early = save("all/a", much), late = save("all/a", "a few bytes");
    setrlimit(RLIMIT_FSIZE, &saved);
    CHECK(early == -EFBIG || early == -EIO);    // the reason of a write is told to who asks at once
    CHECK_INT(late, -EFBIG);
    check_text("all/a", "linked");
    CHECK_INT(count_entries("all"), 4);
}

int main(void)
{
    RUN(whole_or_not);
    RUN(killed);
    RUN(links);
    RUN(no_files);
    RUN(full_disk);
    return end_cases();
}
