/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The .bin container: what is written comes back; files that are cut or damaged in any byte are refused or harmless;
 * a file is replaced completely or not at all. `test_modelfile write PATH` writes the sample file for other readers.
 */
#define _GNU_SOURCE    // memmem
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/half.h"
#include "harness.h"
#include "model/file.h"

#define SAMPLE "sample.bin"

static const float weights[2][3][1][2] = {{{{1, 2}}, {{3, 4}}, {{5, 6}}}, {{{-1, -2}}, {{-3.5f, 1e-6f}}, {{0, 65504}}}};
static const int64_t weights_dims[4] = {2, 3, 1, 2};
static const int64_t indices[3] = {-1, 0, INT64_C(1) << 40};
static const int8_t bytes[5] = {1, -2, 3, -4, 5};
static const char *const labels[3] = {"tench, Tinca tinca", "", "K\xC3\xB6nigspudel"};
static char error[1024];

static void keep_error(void *opaque, enum GradcamLogLevel level, const char *message)
{
    (void)opaque;
    (void)level;
    snprintf(error, sizeof(error), "%s", message);
}

static const GradcamLog to_error = { keep_error, NULL };

static void add_sample(GcamModelWriter *writer)
{
    const int64_t three = 3, five = 5, empty[2] = {0, 4};
    gcam_modelwriter_string(writer, "general.name", "sample");
    gcam_modelwriter_u32(writer, "test.u32", 4000000000u);
    gcam_modelwriter_u64(writer, "test.u64", UINT64_C(1) << 60);
    gcam_modelwriter_f32(writer, "test.f32", 0.25f);
    gcam_modelwriter_bool(writer, "test.bool", 7);
    gcam_modelwriter_strings(writer, "test.strings", labels, 3);
    gcam_modelwriter_strings(writer, "test.no_strings", NULL, 0);
    gcam_modelwriter_u8s(writer, "test.u8s", (const uint8_t[]){0, 255, 10}, 3);
    gcam_modelwriter_i32s(writer, "test.i32s", (const int32_t[]){-7, 8}, 2);
    gcam_modelwriter_f32s(writer, "test.f32s", (const float[]){1.5f, -2, 3}, 3);
    gcam_modelwriter_tensor(writer, "weights", GCAM_FILE_F32, 4, weights_dims, weights, GCAM_FILE_F32);
    gcam_modelwriter_tensor(writer, "half", GCAM_FILE_F16, 4, weights_dims, weights, GCAM_FILE_F32);
    gcam_modelwriter_tensor(writer, "bytes", GCAM_FILE_I8, 1, &five, bytes, GCAM_FILE_I8);
    gcam_modelwriter_tensor(writer, "empty", GCAM_FILE_I32, 2, empty, NULL, GCAM_FILE_I32);
    gcam_modelwriter_tensor(writer, "scalar", GCAM_FILE_F32, 0, NULL, &weights[0][2], GCAM_FILE_F32);
    gcam_modelwriter_tensor(writer, "indices", GCAM_FILE_I64, 1, &three, indices, GCAM_FILE_I64);
}

static int write_sample(const char *path)
{
    GcamModelWriter *writer;
    int ret = gcam_modelwriter_create(&writer, path);
    if (ret < 0)
        return ret;
    add_sample(writer);
    ret = gcam_modelwriter_finish(writer, &to_error);
    gcam_modelwriter_free(&writer);
    return ret;
}

static int open_file(GcamModelFile **out, const char *path)
{
    GcamMapFile bytes;
    int failed = gcam_map_file(&bytes, path, "model", 0, 0, &to_error);
    return failed ? failed : gcam_modelfile_open(out, &bytes, path, &to_error);
}

// The bytes of a file; freed by the caller.
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = aligned_alloc(64, 1 << 16);
    *size = file && data ? fread(data, 1, 1 << 16, file) : 0;
    if (file)
        fclose(file);
    return data;
}

// Files in the directory of the test whose name contains `part`.
static int count_files(const char *part)
{
    DIR *directory = opendir(".");
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        count += strstr(entry->d_name, part) != NULL;
    closedir(directory);
    return count;
}

// ---------------------------------------------------------------------------------------------------------- round trip

static void check_metadata(const GcamModelFile *file)
{
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    float f32 = 0, f32s[3] = {0};
    int32_t i32s[2] = {0};
    int truth = 0;
    const char *string = NULL, *const *strings = NULL;
    const uint8_t *u8s = NULL;
    size_t count = 9;
    CHECK(gcam_modelfile_u32(file, "test.u32", &u32) == 0 && u32 == 4000000000u);
    CHECK(gcam_modelfile_u64(file, "test.u64", &u64) == 0 && u64 == UINT64_C(1) << 60);
    CHECK(gcam_modelfile_f32(file, "test.f32", &f32) == 0 && f32 == 0.25f);
    CHECK(gcam_modelfile_bool(file, "test.bool", &truth) == 0 && truth == 1);
    CHECK(gcam_modelfile_string(file, "general.architecture", &string) == 0 && !strcmp(string, "gradcam"));
    CHECK(gcam_modelfile_string(file, "general.name", &string) == 0 && !strcmp(string, "sample"));
    CHECK(gcam_modelfile_strings(file, "test.no_strings", &strings, &count) == 0 && count == 0);
    REQUIRE(gcam_modelfile_strings(file, "test.strings", &strings, &count) == 0 && count == 3);
    for (int i = 0; i < 3; i++)
        CHECK_STR(strings[i], labels[i]);
    CHECK(gcam_modelfile_u8s(file, "test.u8s", &u8s, &count) == 0 && count == 3 && u8s[1] == 255);
    CHECK(gcam_modelfile_i32s(file, "test.i32s", NULL, 0, &count) == 0 && count == 2);
    CHECK(gcam_modelfile_i32s(file, "test.i32s", i32s, 2, &count) == 0 && i32s[0] == -7 && i32s[1] == 8);
    CHECK(gcam_modelfile_f32s(file, "test.f32s", f32s, 2, &count) == 0 && count == 3 && f32s[1] == -2 && f32s[2] == 0);
    CHECK_INT(gcam_modelfile_u32(file, "test.none", &u32), -ENOENT);
    CHECK_INT(gcam_modelfile_u32(file, "test.u64", &u32), -EBADMSG);
    CHECK_INT(gcam_modelfile_string(file, "test.strings", &string), -EBADMSG);
    CHECK_INT(gcam_modelfile_strings(file, "general.name", &strings, &count), -EBADMSG);
    CHECK(u32 == 4000000000u && !strcmp(string, "sample"));
}

static void check_tensor(const GcamModelFile *file, const char *name, enum GcamFileType type, int rank,
                         const int64_t *dims, const void *data, size_t size)
{
    const GcamFileTensor *tensor = gcam_modelfile_find_tensor(file, name);
    REQUIRE(tensor != NULL);
    CHECK_STR(tensor->name, name);
    CHECK_INT(tensor->type, type);
    CHECK_INT(tensor->rank, rank);
    CHECK_INT(tensor->size, size);
    CHECK_INT(tensor->count, size / gcam_file_type_size(type));
    CHECK_INT((uintptr_t)tensor->data % 64, 0);
    CHECK(!rank || !memcmp(tensor->dims, dims, (size_t)rank * sizeof(*dims)));
    CHECK(!data || !memcmp(tensor->data, data, size));
}

static void check_sample(const GcamModelFile *file)
{
    const int64_t three = 3, five = 5, empty[2] = {0, 4};
    static const char *const names[] = {"weights", "half", "bytes", "empty", "scalar", "indices"};
    check_metadata(file);
    CHECK_INT(gcam_modelfile_align(file), 64);
    CHECK_INT(gcam_modelfile_tensor_count(file), 6);
    for (size_t i = 0; i < 6; i++)
        CHECK_STR(gcam_modelfile_tensor(file, i)->name, names[i]);
    CHECK(!gcam_modelfile_tensor(file, 6) && !gcam_modelfile_find_tensor(file, "weight"));
    check_tensor(file, "weights", GCAM_FILE_F32, 4, weights_dims, weights, sizeof(weights));
    check_tensor(file, "half", GCAM_FILE_F16, 4, weights_dims, NULL, sizeof(weights) / 2);
    check_tensor(file, "bytes", GCAM_FILE_I8, 1, &five, bytes, 5);
    check_tensor(file, "empty", GCAM_FILE_I32, 2, empty, NULL, 0);
    check_tensor(file, "scalar", GCAM_FILE_F32, 0, NULL, &weights[0][2], 4);
    check_tensor(file, "indices", GCAM_FILE_I64, 1, &three, indices, sizeof(indices));
    const uint16_t *half = gcam_modelfile_find_tensor(file, "half")->data;
    for (int i = 0; i < 12; i++)
        CHECK_INT(half[i], gcam_float_to_half((&weights[0][0][0][0])[i]));
}

static void round_trip(void)
{
    GcamModelFile *file = NULL;
    REQUIRE(write_sample(SAMPLE) == 0);
    CHECK_INT(count_files(".tmp"), 0);
    REQUIRE(open_file(&file, SAMPLE) == 0);
    CHECK_STR(gcam_modelfile_path(file), SAMPLE);
    check_sample(file);
    gcam_modelfile_close(&file);
    CHECK(!file);
    gcam_modelfile_close(&file);
    gcam_modelfile_close(NULL);
}

static void from_memory(void)
{
    GcamModelFile *file = NULL;
    size_t size;
    uint8_t *data = read_file(SAMPLE, &size);
    REQUIRE(gcam_modelfile_open_memory(&file, data, size, "built in", &to_error) == 0);
    CHECK_STR(gcam_modelfile_path(file), "built in");
    check_sample(file);
    gcam_modelfile_close(&file);
    CHECK_INT(gcam_modelfile_open_memory(&file, data + 4, size - 4, "built in", &to_error), -EINVAL);
    free(data);
}

static void same_bytes_twice(void)
{
    size_t size, again;
    uint8_t *data = read_file(SAMPLE, &size);
    REQUIRE(write_sample("again.bin") == 0);
    uint8_t *other = read_file("again.bin", &again);
    CHECK(size > 0 && size == again && !memcmp(data, other, size));
    free(data);
    free(other);
}

// -------------------------------------------------------------------------------------------------------------- damage

// Opens a block of exactly `size` bytes, so that a sanitizer sees any access beyond it; reads all that can be read.
static int open_copy(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"general.name", "test.u32", "test.strings", "test.u8s", "test.i32s", "nothing"};
    GcamModelFile *file = NULL;
    void *copy = NULL;
    if (posix_memalign(&copy, 64, size ? size : 1))
        return -ENOMEM;
    memcpy(copy, data, size);
    error[0] = '\0';
    int ret = gcam_modelfile_open_memory(&file, copy, size, "copy", &to_error);
    unsigned sum = 0;
    for (size_t i = 0; ret >= 0 && i < gcam_modelfile_tensor_count(file); i++) {
        const GcamFileTensor *tensor = gcam_modelfile_tensor(file, i);
        for (size_t j = 0; j < tensor->size; j++)
            sum += ((const uint8_t *)tensor->data)[j];
        if (gcam_modelfile_find_tensor(file, tensor->name) != tensor)
            fail("tensor %zu is not found by its name", i);
    }
    for (size_t i = 0; ret >= 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *string = "", *const *strings = NULL;
        const uint8_t *u8s = NULL;
        int32_t i32s[4];
        size_t count = 0;
        gcam_modelfile_string(file, keys[i], &string);
        sum += (unsigned)strlen(string);
        if (gcam_modelfile_strings(file, keys[i], &strings, &count) == 0)
            for (size_t j = 0; j < count; j++)
                sum += (unsigned)strlen(strings[j]);
        if (gcam_modelfile_u8s(file, keys[i], &u8s, &count) == 0)
            for (size_t j = 0; j < count; j++)
                sum += u8s[j];
        gcam_modelfile_i32s(file, keys[i], i32s, 4, &count);
    }
    if (ret < 0 && (!error[0] || file))
        fail("error %d without a sentence, or with a file", ret);
    gcam_modelfile_close(&file);
    free(copy);
    return ret < 0 ? ret : (int)(sum & 0xFFFF);
}

static void every_length(void)
{
    size_t size;
    uint8_t *data = read_file(SAMPLE, &size);
    const size_t end = size - 64 + sizeof(indices);     // after the last tensor there is only padding
    for (size_t length = 0; length < size; length++) {
        int ret = open_copy(data, length);
        if (length < end ? ret != -EBADMSG : ret < 0)
            fail("the first %zu of %zu bytes gave %d", length, size, ret);
    }
    note("%zu lengths", size);
    free(data);
}

static void every_byte(void)
{
    size_t size, refused = 0;
    uint8_t *data = read_file(SAMPLE, &size);
    for (size_t at = 0; at < size; at++) {
        const uint8_t right = data[at];
        for (int bit = 0; bit < 10; bit++) {
            data[at] = bit == 8 ? 0 : bit == 9 ? 0xFF : right ^ (uint8_t)(1 << bit);
            refused += open_copy(data, size) < 0;
        }
        data[at] = right;
    }
    CHECK(refused > 1000);
    CHECK(open_copy(data, size) >= 0);
    note("%zu changes, %zu refused", 10 * size, refused);
    free(data);
}

// Finds a name in the file and returns the place after it.
static uint8_t *after(uint8_t *data, size_t size, const char *name)
{
    uint8_t *at = memmem(data, size, name, strlen(name));
    return at ? at + strlen(name) : data;
}

// Expects an error and words in its sentence after `length` bytes were put behind a name of the sample.
static void check_patch(const char *name, size_t skip_bytes, const void *patch, size_t length, int want,
                        const char *words)
{
    size_t size;
    uint8_t *data = read_file(SAMPLE, &size);
    memcpy((name ? after(data, size, name) : data) + skip_bytes, patch, length);
    int ret = open_copy(data, size);
    if (ret != want || !strstr(error, words))
        fail("patch behind '%s' gave %d, '%s' instead of %d, '... %s ...'", name ? name : "", ret, error, want, words);
    free(data);
}

static void damage_by_name(void)
{
    const uint32_t two = 2, three = 3, zero = 0, string = 8;
    const uint64_t huge = UINT64_MAX;
    const uint8_t swapped[4] = {0, 0, 0, 3};
    check_patch(NULL, 0, "GGML", 4, -EBADMSG, "does not begin");
    check_patch(NULL, 4, &two, 4, -ENOTSUP, "version 2");
    check_patch(NULL, 4, swapped, 4, -ENOTSUP, "version");
    check_patch(NULL, 8, &huge, 8, -EBADMSG, "do not fit");
    check_patch(NULL, 16, &huge, 8, -EBADMSG, "do not fit");
    check_patch("general.architecture", 12, "llama7b", 7, -ENOTSUP, "llama7b");
    check_patch("general.", 0, "architectura", 12, -ENOTSUP, "does not say");
    check_patch("general.alignment", 4, &zero, 4, -EBADMSG, "alignment is 0");
    check_patch("general.alignment", 4, &three, 4, -EBADMSG, "alignment is 3");
    check_patch("general.alignment", 0, &string, 4, -EBADMSG, "");
    check_patch("test.bool", 4, "\2", 1, -EBADMSG, "truth value");
}

static void damage_to_arrays(void)
{
    const uint32_t array = 9, unknown = 13;
    const uint64_t huge = UINT64_MAX, large = UINT64_C(1) << 61;
    check_patch("test.strings", 4, &array, 4, -EBADMSG, "array of elements");
    check_patch("test.strings", 4, &unknown, 4, -EBADMSG, "array of elements");
    check_patch("test.strings", 8, &huge, 8, -EBADMSG, "elements");
    check_patch("test.f32s", 8, &large, 8, -EBADMSG, "elements");
    check_patch("test.strings", 16, &huge, 8, -EBADMSG, "reaches beyond");
    check_patch("test.strings", 25, "\0", 1, -EBADMSG, "NUL");
    check_patch("test.u32", 0, &unknown, 4, -EBADMSG, "unknown type");
}

// A tensor record is: name, rank (4 bytes), dims (8 each), type (4), offset (8). "weights" has rank 4.
static void damage_to_tensors(void)
{
    const uint32_t rank = 9, type = 2;
    const uint64_t negative = UINT64_MAX, large = UINT64_C(1) << 62, wide = 1000, odd = 4, far = 1 << 20, end = -64ull;
    check_patch("weights", 0, &rank, 4, -EBADMSG, "9 dimensions");
    check_patch("weights", 4, &negative, 8, -EBADMSG, "overflows");
    check_patch("weights", 12, &large, 8, -EBADMSG, "overflows");
    check_patch("weights", 4, &wide, 8, -EBADMSG, "reaches beyond");
    check_patch("weights", 36, &type, 4, -EBADMSG, "unknown type 2");
    check_patch("weights", 40, &odd, 8, -EBADMSG, "not aligned");
    check_patch("weights", 40, &far, 8, -EBADMSG, "reaches beyond");
    check_patch("weights", 40, &end, 8, -EBADMSG, "reaches beyond");
    check_patch("bytes", 16, &end, 8, -EBADMSG, "reaches beyond");
}

static void names_twice(void)
{
    size_t size;
    uint8_t *data = read_file(SAMPLE, &size);
    memcpy(after(data, size, "test.u"), "64", 2);      // test.u32 becomes a second test.u64
    CHECK_INT(open_copy(data, size), -EBADMSG);
    CHECK(strstr(error, "'test.u64' twice"));
    memcpy(after(data, size, "test.u"), "32", 2);
    memcpy(after(data, size, "byt") - 3, "empty", 5);
    CHECK_INT(open_copy(data, size), -EBADMSG);
    CHECK(strstr(error, "'empty' twice"));
    free(data);
}

static void not_a_file(void)
{
    GcamModelFile *file = NULL;
    CHECK_INT(open_file(&file, "missing.bin"), -ENOENT);
    CHECK(strstr(error, "missing.bin"));
    CHECK_INT(open_file(&file, "."), -EISDIR);
    CHECK_INT(open_file(&file, "/dev/null"), -EINVAL);
    fclose(fopen("void.bin", "wb"));
    CHECK_INT(open_file(&file, "void.bin"), -EBADMSG);
    CHECK(!file);
}

// ------------------------------------------------------------------------------------------------------------- writing

// Writes a file with one tensor that cannot be written; *ret and the sentence tell why.
static int write_bad(enum GcamFileType type, int rank, const int64_t *dims, const void *data, const char *name)
{
    GcamModelWriter *writer;
    if (gcam_modelwriter_create(&writer, SAMPLE) < 0)
        return -ENOMEM;
    gcam_modelwriter_tensor(writer, "good", GCAM_FILE_I8, 1, (const int64_t[]){5}, bytes, GCAM_FILE_I8);
    gcam_modelwriter_tensor(writer, name, type, rank, dims, data, GCAM_FILE_F32);
    int ret = gcam_modelwriter_finish(writer, &to_error);
    gcam_modelwriter_free(&writer);
    return ret;
}

static void refused_tensors(void)
{
    const int64_t one = 1, negative = -1, vast[3] = {INT64_C(1) << 31, INT64_C(1) << 31, 4};
    const float large = 65520, infinite = INFINITY, fits = 65519;
    CHECK_INT(write_bad(GCAM_FILE_F16, 1, &one, &large, "x"), -EINVAL);
    CHECK(strstr(error, "float16"));
    CHECK_INT(write_bad(GCAM_FILE_F32, 1, &negative, &large, "x"), -EINVAL);
    CHECK_INT(write_bad(GCAM_FILE_F32, 3, vast, &large, "x"), -EINVAL);
    CHECK_INT(write_bad(GCAM_FILE_F32, 9, vast, &large, "x"), -EINVAL);
    CHECK_INT(write_bad(GCAM_FILE_I32, 1, &one, &large, "x"), -EINVAL);
    CHECK_INT(write_bad(GCAM_FILE_F32, 1, &one, NULL, "x"), -EINVAL);
    CHECK_INT(write_bad(GCAM_FILE_F32, 1, &one, &large, ""), -EINVAL);
    CHECK_INT(write_bad(GCAM_FILE_F32, 1, &one, &large, "good"), -EINVAL);
    CHECK(strstr(error, "twice"));
    GcamModelFile *file = NULL;     // all of this left the sample as it was
    REQUIRE(open_file(&file, SAMPLE) == 0);
    check_sample(file);
    gcam_modelfile_close(&file);
    CHECK_INT(count_files(".tmp"), 0);
    CHECK_INT(write_bad(GCAM_FILE_F16, 1, &one, &infinite, "x"), 0);
    CHECK_INT(write_bad(GCAM_FILE_F16, 1, &one, &fits, "x"), 0);
    CHECK_INT(write_sample(SAMPLE), 0);
}

static void refused_keys(void)
{
    GcamModelWriter *writer;
    REQUIRE(gcam_modelwriter_create(&writer, "keys.bin") == 0);
    gcam_modelwriter_u32(writer, "twice", 1);
    gcam_modelwriter_string(writer, "twice", "2");
    CHECK_INT(gcam_modelwriter_finish(writer, &to_error), -EINVAL);
    CHECK(strstr(error, "'twice'") && strstr(error, "keys.bin"));
    gcam_modelwriter_free(&writer);
    CHECK(!writer);
    REQUIRE(gcam_modelwriter_create(&writer, "keys.bin") == 0);
    gcam_modelwriter_string(writer, "nothing", NULL);
    CHECK_INT(gcam_modelwriter_finish(writer, &to_error), -EINVAL);
    gcam_modelwriter_free(&writer);
    CHECK_INT(count_files("keys.bin"), 0);
}

static void places_that_cannot_be_written(void)
{
    CHECK_INT(write_sample("no/such/folder.bin"), -ENOENT);
    CHECK_INT(write_sample("."), -EISDIR);
    CHECK_INT(write_sample("/dev/null"), 0);
    struct stat info;
    CHECK(stat("/dev/null", &info) == 0 && S_ISCHR(info.st_mode));
}

// A file that may not grow far enough stands for a full disk.
static void full_disk(void)
{
    struct rlimit saved, small;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &saved) == 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){700, saved.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    int ret = write_sample("full.bin"), again = write_sample(SAMPLE);
    setrlimit(RLIMIT_FSIZE, &saved);
    CHECK_INT(ret, -EFBIG);
    CHECK_INT(again, -EFBIG);
    CHECK_INT(count_files("full.bin") + count_files(".tmp"), 0);
    GcamModelFile *file = NULL;
    CHECK_INT(open_file(&file, SAMPLE), 0);
    gcam_modelfile_close(&file);
}

static void many_tensors(void)
{
    GcamModelWriter *writer;
    GcamModelFile *file = NULL;
    char name[32];
    REQUIRE(gcam_modelwriter_create(&writer, "many.bin") == 0);
    for (int64_t i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "tensor %d", (int)(i * 7919 % 3000));
        gcam_modelwriter_tensor(writer, name, GCAM_FILE_F32, 1, &(int64_t){i % 12}, weights, GCAM_FILE_F32);
        gcam_modelwriter_u32(writer, name, (uint32_t)i);
    }
    CHECK_INT(gcam_modelwriter_finish(writer, &to_error), 0);
    gcam_modelwriter_free(&writer);
    REQUIRE(open_file(&file, "many.bin") == 0);
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t value = 0;
        snprintf(name, sizeof(name), "tensor %d", (int)(i * 7919 % 3000));
        const GcamFileTensor *tensor = gcam_modelfile_find_tensor(file, name);
        REQUIRE(tensor && tensor->dims[0] == i % 12 && gcam_modelfile_tensor(file, i) == tensor);
        CHECK(gcam_modelfile_u32(file, name, &value) == 0 && value == i);
    }
    gcam_modelfile_close(&file);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "write")) {
        int ret = write_sample(argv[2]);
        if (ret < 0)
            fprintf(stderr, "%s\n", error);
        return ret < 0;
    }
    RUN(round_trip);
    RUN(from_memory);
    RUN(same_bytes_twice);
    RUN(every_length);
    RUN(every_byte);
    RUN(damage_by_name);
    RUN(damage_to_arrays);
    RUN(damage_to_tensors);
    RUN(names_twice);
    RUN(not_a_file);
    RUN(refused_tensors);
    RUN(refused_keys);
    RUN(places_that_cannot_be_written);
    RUN(full_disk);
    RUN(many_tensors);
    return end_cases();
}
