/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading files that somebody else names: what is none is refused at once, and what is one comes as it is.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map_file.h"
#include "base/mem.h"
#include "harness.h"

static char said[1024];

static void hear(void *opaque, enum GradcamLogLevel level, const char *message)
{
    (void)opaque;
    (void)level;
    snprintf(said, sizeof(said), "%s", message);
}

static const GradcamLog to_said = { hear, NULL };

static void check_refused(const char *path, int want, const char *words)
{
    GcamMapFile file;
    said[0] = '\0';
    CHECK_INT(gcam_map_file(&file, path, "model", 1000, 0, &to_said), want);
    CHECK(!file.data && !file.size);
    if (!strstr(said, words) || !strstr(said, path))
        fail("'%s' is refused with '%s', not '... %s ...'", path, said, words);
}

// Nobody writes to the FIFO: to wait for somebody would be for ever.
static void no_files(void)
{
    REQUIRE(mkfifo("fifo", 0600) == 0 && symlink("fifo", "link") == 0 && mkdir("folder", 0700) == 0);
    alarm(20);
    check_refused("fifo", -EINVAL, "a FIFO");
    check_refused("link", -EINVAL, "a FIFO");
    check_refused("folder", -EISDIR, "a directory");
    check_refused("/dev/zero", -EINVAL, "a device");
    check_refused("missing", -ENOENT, "No such file");
    alarm(0);
    unlink("fifo");
    unlink("link");
    rmdir("folder");
}

static void write_bytes(const char *path, size_t size)
{
    FILE *file = fopen(path, "wb");
    REQUIRE(file);
    for (size_t i = 0; i < size; i++)
        fputc((int)(i * 7 % 251), file);
    CHECK(!fclose(file));
}

static void check_bytes(size_t size, int copy, int is_mapped)
{
    GcamMapFile file;
    size_t wrong = 0;
    write_bytes("bytes", size);
    REQUIRE(gcam_map_file(&file, "bytes", "model", 0, copy, &to_said) == 0);
    CHECK_INT(file.size, size);
    CHECK_INT(file.is_mapped, is_mapped);
    CHECK(file.data && (uintptr_t)file.data % 64 == 0);
    for (size_t i = 0; i < size; i++)
        wrong += ((const unsigned char *)file.data)[i] != i * 7 % 251;
    CHECK_INT(wrong, 0);
    if (!is_mapped) {           // and then what becomes of the file does not matter
        CHECK(!truncate("bytes", 0));
        CHECK(!size || ((const unsigned char *)file.data)[size - 1] == (size - 1) * 7 % 251);
    }
    gcam_unmap_file(&file);
    CHECK(!file.data);
    gcam_unmap_file(&file);
}

static void files(void)
{
    check_bytes(0, 0, 0);
    check_bytes(1001, 0, 0);
    check_bytes((3 << 20) + 5, 0, 1);
    check_bytes((3 << 20) + 5, 1, 0);
    write_bytes("bytes", 1001);
    check_refused("bytes", -EFBIG, "1001 bytes");
    unlink("bytes");
}

static void blocks(void)
{
    char *block = gcam_realloc(NULL, 3, 5);
    REQUIRE(block);
    memcpy(block, "fourteen bytes", 15);
    CHECK((block = gcam_realloc(block, 3 << 20, 1)) && !strcmp(block, "fourteen bytes"));
    CHECK((block = gcam_realloc(block, 4, 1)) && !memcmp(block, "four", 4));
    CHECK(!gcam_realloc(block, SIZE_MAX / 2, 3) && !memcmp(block, "four", 4));
    gcam_free(block);
    char *copy = gcam_strdup("text");
    CHECK_STR(copy, "text");
    gcam_free(copy);
}

int main(void)
{
    RUN(no_files);
    RUN(files);
    RUN(blocks);
    return end_cases();
}
