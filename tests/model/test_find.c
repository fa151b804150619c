/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Networks by name: where they are looked for and in which order, and what is said when there is none.
 */
#include "ops/check.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/limits.h"

static void set(const char *models, const char *data_home, const char *data_dirs, const char *home)
{
    setenv("GRADCAM_MODELS", models, 1);
    setenv("XDG_DATA_HOME", data_home, 1);
    setenv("XDG_DATA_DIRS", data_dirs, 1);
    setenv("HOME", home, 1);
}

static void check_directory(size_t index, const char *want)
{
    char path[GCAM_MOST_PATH] = "";

    CHECK_INT(gradcam_model_directory(index, path, sizeof(path)), 0);
    if (strcmp(path, want))
        fail("directory %zu is %s, not %s", index, path, want);
}

static void the_order_of_directories(void)
{
    char path[GCAM_MOST_PATH];
    size_t count = 0;

    set("one::two:", "data", "three:four", "home");
    check_directory(0, "one");
    check_directory(1, "two");
    check_directory(2, "data/gradcam");
    check_directory(3, "three/gradcam");
    check_directory(4, "four/gradcam");
    CHECK_INT(gradcam_model_directory(5, path, sizeof(path)), 0);       // where the library was configured for
    CHECK_INT(gradcam_model_directory(6, path, sizeof(path)), -ENOENT);
    set("", "", "", "home");
    check_directory(0, "home/.local/share/gradcam");
    check_directory(1, "/usr/local/share/gradcam");
    check_directory(2, "/usr/share/gradcam");
    set("", "", "", "");
    check_directory(0, "/usr/local/share/gradcam");
    while (!gradcam_model_directory(count, path, sizeof(path)))
        count++;
    CHECK_INT(count, 3);
}

static void a_path_that_does_not_fit(void)
{
    char path[5] = "....";

    set("five5:four", "", "", "");
    CHECK_INT(gradcam_model_directory(0, path, sizeof(path)), -ENOSPC);
    CHECK_INT(gradcam_model_directory(1, path, sizeof(path)), 0);
    CHECK(!strcmp(path, "four"));
    CHECK_INT(gradcam_model_find("net", path, sizeof(path)), -ENOSPC);
}

static void check_found(const char *name, const char *want)
{
    char path[GCAM_MOST_PATH] = "";
    const int error = gradcam_model_find(name, path, sizeof(path));

    if (error || strcmp(path, want))
        fail("%s: error %d, '%s', not %s", name, error, path, want);
}

static void files_by_name(void)
{
    char path[GCAM_MOST_PATH];

    set("one:two", "data", "/nowhere", "");
    REQUIRE(!mkdir("one", 0700) && !mkdir("two", 0700) && !mkdir("data", 0700) && !mkdir("data/gradcam", 0700));
    write_file("two/net.bin", "x", 1);
    write_file("data/gradcam/net.bin", "x", 1);
    write_file("data/gradcam/v1.1.bin", "x", 1);
    write_file("one/raw.onnx", "x", 1);
    check_found("net", "two/net.bin");
    check_found("net.bin", "two/net.bin");
    check_found("v1.1", "data/gradcam/v1.1.bin");
    check_found("raw", "one/raw.onnx");
    check_found("raw.onnx", "one/raw.onnx");
    write_file("one/raw.bin", "x", 1);
    check_found("raw", "one/raw.bin");
    check_found("one/raw.onnx", "one/raw.onnx");
    REQUIRE(!mkdir("net", 0700));               // no file: the name counts
    check_found("net", "two/net.bin");
    write_file("raw", "x", 1);                  // a file: the name does not
    check_found("raw", "raw");
    CHECK_INT(gradcam_model_find("other", path, sizeof(path)), -ENOENT);
    CHECK_INT(gradcam_model_find("gradcam/net", path, sizeof(path)), -ENOENT);
    CHECK_INT(gradcam_model_find("", path, sizeof(path)), -ENOENT);
    CHECK_INT(gradcam_model_find("two", path, sizeof(path)), -EISDIR);
    REQUIRE(!mkdir("one/other.bin", 0700));
    CHECK_INT(gradcam_model_find("other", path, sizeof(path)), -ENOENT);
}

// The built-in network under a name, and what is said of others.
static void opening_by_name(void)
{
    Messages messages;
    GradcamModelOptions options = { .log = messages_log(&messages) };
    GradcamModel *model;

    set("compiled", "", "/nowhere", "");
    REQUIRE(!mkdir("compiled", 0700));
    REQUIRE(!gradcam_model_open(&model, NULL, NULL));
    CHECK_INT(gradcam_model_compile(model, "compiled/shapes.bin", NULL, NULL), 0);
    gradcam_model_close(&model);
    CHECK_INT(gradcam_model_open(&model, "shapes", &options), 0);
    gradcam_model_close(&model);
    CHECK_INT(gradcam_model_open(&model, "shapez", &options), -ENOENT);
    CHECK(!model && messages.count == 1 && strstr(messages.text, "'shapez'") && strstr(messages.text, "gradcam fetch"));
    messages = (Messages){ 0 };
    CHECK_INT(gradcam_model_open(&model, "shapez.bin", &options), -ENOENT);
    CHECK(!model && messages.count == 1 && strstr(messages.text, "cannot open model 'shapez.bin'"));
    write_file("compiled/broken.bin", "no model", 8);
    messages = (Messages){ 0 };
    CHECK_INT(gradcam_model_open(&model, "broken", &options), -EBADMSG);
    CHECK(messages.count == 1 && strstr(messages.text, "compiled/broken.bin"));
}

int main(void)
{
    RUN(the_order_of_directories);
    RUN(a_path_that_does_not_fit);
    RUN(files_by_name);
    RUN(opening_by_name);
    return end_cases();
}
