/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of classes: reading labels and tables, whole and damaged, and what a user's word stands for.
 */
#include <errno.h>

#include "harness.h"
#include "model/labels.h"

static GcamLabels *imagenet;
static char error[1024];

static void keep_error(void *opaque, enum GradcamLogLevel level, const char *message)
{
    (void)opaque;
    (void)level;
    snprintf(error, sizeof(error), "%s", message);
}

static const GradcamLog to_error = { keep_error, NULL };

// A label set from text in memory that is exactly as large as it is, so that a sanitizer sees any access beyond it.
static int parse(GcamLabels **out, const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    error[0] = '\0';
    int ret = gcam_labels_parse(out, copy, size, "test.txt", &to_error);
    free(copy);
    if (ret < 0 ? *out || !error[0] : !*out)
        fail("%d with%s labels and the sentence '%s'", ret, *out ? "" : "out", error);
    return ret;
}

static int resolve(const GcamLabels *labels, size_t classes, const char *text, GcamClassSet *out)
{
    error[0] = '\0';
    int ret = gcam_labels_resolve(labels, classes, text, out, &to_error);
    if (ret < 0 && (out->name || out->classes || out->count || !error[0]))
        fail("'%s' failed, but left something, or no sentence", text);
    return ret;
}

// A word that stands for `count` classes from `first` to `last`, shown as `name`.
static void check_word(const char *text, const char *name, size_t count, int first, int last)
{
    GcamClassSet set;
    int ret = resolve(imagenet, 1000, text, &set);
    if (ret < 0)
        fail("'%s' gave %d: %s", text, ret, error);
    else if (strcmp(set.name, name) || set.count != count || set.classes[0] != first || set.classes[count - 1] != last)
        fail("'%s' is '%s', %zu classes from %d to %d", text, set.name, set.count, set.classes[0],
             set.classes[set.count - 1]);
    for (size_t i = 1; i < set.count; i++)
        CHECK(set.classes[i - 1] < set.classes[i]);
    gcam_class_set_clear(&set);
}

// A word that stands for nothing, and what its sentence says.
static void check_no_word(const GcamLabels *labels, size_t classes, const char *text, int want, const char *words)
{
    GcamClassSet set;
    int ret = resolve(labels, classes, text, &set);
    if (ret != want || !strstr(error, words))
        fail("'%s' gave %d, '%s', not %d, '... %s ...'", text, ret, error, want, words);
    gcam_class_set_clear(&set);
}

// ------------------------------------------------------------------------------------------------------------ built in

static void imagenet_labels(void)
{
    const char *path = shared_file("labels/imagenet1000.txt");
    GcamLabels *common = NULL;
    CHECK_INT(imagenet->count, 1000);
    CHECK(imagenet->group_count > 800);
    CHECK_STR(imagenet->label[0], "tench, Tinca tinca");
    CHECK_STR(imagenet->label[263], "Pembroke, Pembroke Welsh corgi");
    CHECK_STR(imagenet->label[999], "toilet tissue, toilet paper, bathroom tissue");
    if (!path)
        return;
    REQUIRE(gcam_labels_load(&common, path, &to_error) == 0);
    CHECK_INT(common->count, 1000);
    CHECK_INT(common->group_count, 0);
    for (int i = 0; i < 1000; i++)
        CHECK_STR(imagenet->label[i], common->label[i]);
    gcam_labels_free(&common);
}

static void imagenet_groups(void)
{
    check_word("dog", "dog", 118, 151, 268);
    check_word("domestic dog", "domestic dog", 118, 151, 268);
    check_word("Canis familiaris", "Canis familiaris", 118, 151, 268);
    check_word("cat", "cat", 7, 281, 287);
    check_word("domestic cat", "domestic cat", 5, 281, 285);
    check_word("big cat", "big cat", 6, 288, 293);
    check_word("bird", "bird", 59, 7, 146);
    check_word("fish", "fish", 16, 0, 397);
    check_word("car", "car", 10, 407, 817);             // not the railway car
    check_word("automobile", "automobile", 10, 407, 817);
    check_word("plane", "plane", 1, 404, 404);          // not the carpenter's
    check_word("vehicle", "vehicle", 67, 403, 914);
    check_word("animal", "animal", 398, 0, 397);
    check_word("terrier", "terrier", 26, 179, 204);
    check_word("fruit", "fruit", 16, 948, 998);
    check_word("entity", "entity", 1000, 0, 999);
}

static void every_group_by_its_names(void)
{
    for (size_t i = 0; i < imagenet->group_count; i++) {
        const GcamGroup *group = &imagenet->group[i];
        for (const char *at = group->names; *at;) {
            char name[128] = "";
            size_t length = strcspn(at, ",");
            snprintf(name, sizeof(name), "%.*s", (int)length, at);
            GcamClassSet set = {0};
            int ret = resolve(imagenet, 1000, name, &set);
            if (ret >= 0 && !strcmp(set.name, "plate") && set.classes[0] == 923)
                ;                                       // the one group whose name is also a whole label
            else if (ret < 0 || set.count != group->count ||
                     memcmp(set.classes, group->classes, set.count * sizeof(int)))
                fail("'%s' is not the group '%s', but '%s'", name, group->names, ret < 0 ? error : set.name);
            gcam_class_set_clear(&set);
            at += length;
            at += strspn(at, ", ");
        }
    }
}

static void every_label_by_itself(void)
{
    int ambiguous = 0;
    for (int i = 0; i < 1000; i++) {
        GcamClassSet set;
        int ret = resolve(imagenet, 1000, imagenet->label[i], &set);
        if (ret == -ENOENT && !strcmp(imagenet->label[i], "crane"))
            ambiguous++;
        else if (ret < 0 || set.count != 1 || set.classes[0] != i || strcmp(set.name, imagenet->label[i]))
            fail("'%s' is not class %d: %s", imagenet->label[i], i, ret < 0 ? error : set.name);
        gcam_class_set_clear(&set);
    }
    CHECK_INT(ambiguous, 2);
}

// ------------------------------------------------------------------------------------------------------------- resolve

static void indices(void)
{
    GcamClassSet set;
    check_word("0", "0", 1, 0, 0);
    check_word("243", "243", 1, 243, 243);
    check_word(" 0999 ", "999", 1, 999, 999);
    check_no_word(imagenet, 1000, "1000", -ENOENT, "0 to 999");
    check_no_word(imagenet, 1000, "99999999999999999999999", -ENOENT, "0 to 999");
    check_no_word(NULL, 10, "10", -ENOENT, "0 to 9");
    check_no_word(NULL, 0, "0", -ENOENT, "no classes");
    CHECK(resolve(NULL, 10, "7", &set) == 0 && set.count == 1 && set.classes[0] == 7 && !strcmp(set.name, "7"));
    gcam_class_set_clear(&set);
    gcam_class_set_clear(&set);
}

static void names_of_labels(void)
{
    const char *corgi = "Pembroke, Pembroke Welsh corgi", *shepherd =
        "German shepherd, German shepherd dog, German police dog, alsatian";
    check_word("Pembroke, Pembroke Welsh corgi", corgi, 1, 263, 263);
    check_word("pembroke ,  pembroke-welsh_corgi", corgi, 1, 263, 263);
    check_word("Pembroke", corgi, 1, 263, 263);
    check_word("PEMBROKE WELSH CORGI", corgi, 1, 263, 263);
    check_word("german_shepherd", shepherd, 1, 235, 235);
    check_word("Alsatian", shepherd, 1, 235, 235);
    check_word("carpenters plane", "plane, carpenter's plane, woodworking plane", 1, 726, 726);
    check_word("carpenter's plane", "plane, carpenter's plane, woodworking plane", 1, 726, 726);
    check_word("maillot", "maillot", 1, 638, 638);      // also a name of 639, but the whole label of 638
    check_word("Model-T", "Model T", 1, 661, 661);
}

static void parts_of_labels(void)
{
    check_word("shepherd", "German shepherd, German shepherd dog, German police dog, alsatian", 1, 235, 235);
    check_word("pembrok", "Pembroke, Pembroke Welsh corgi", 1, 263, 263);
    check_word("osswor", "crossword puzzle, crossword", 1, 918, 918);
}

static void plurals(void)
{
    check_word("dogs", "dog", 118, 151, 268);
    check_word("foxes", "fox", 4, 277, 280);
    check_word("Terriers", "terrier", 26, 179, 204);
    check_word("goldfishes", "goldfish, Carassius auratus", 1, 1, 1);
    check_word("sunglasses", "sunglasses, dark glasses, shades", 1, 837, 837);
}

static void ambiguous(void)
{
    check_no_word(imagenet, 1000, "crane", -ENOENT, "134 'crane', 517 'crane'");
    check_no_word(imagenet, 1000, "panda", -ENOENT, "387 'lesser panda', 388 'giant panda'");
    check_no_word(imagenet, 1000, "a", -ENOENT, " more");
}

static void near_names(void)
{
    check_no_word(imagenet, 1000, "dgo", -ENOENT, "'dog'");
    check_no_word(imagenet, 1000, "goldn_retreiver", -ENOENT, "'golden retriever'");
    check_no_word(imagenet, 1000, "screwdrver", -ENOENT, "'screwdriver'");
    check_no_word(imagenet, 1000, "poodel", -ENOENT, "poodle");
    check_no_word(imagenet, 1000, "xyzzyplugh", -ENOENT, "no name comes near");
    check_no_word(imagenet, 1000, "", -EINVAL, "empty");
    check_no_word(imagenet, 1000, " _ -,'", -EINVAL, "empty");
    check_no_word(NULL, 10, "dog", -ENOENT, "no labels");
    char long_word[3000];
    memset(long_word, 'x', sizeof(long_word));
    long_word[sizeof(long_word) - 1] = '\0';
    check_no_word(imagenet, 1000, long_word, -ENOENT, "no class");
    CHECK_INT(gcam_labels_resolve(imagenet, 1000, "dgo", &(GcamClassSet){0}, NULL), -ENOENT);
}

static void fewer_classes_than_labels(void)
{
    check_no_word(imagenet, 100, "Pembroke", -ENOENT, "no class");
}

// ------------------------------------------------------------------------------------------------------------- parsing

static void plain_text(void)
{
    static const char text[] = "\xEF\xBB\xBF" "airplane\r\nautomobile, car\r\n\xC3\x96l\r\n\r\n\n";
    GcamLabels *labels = NULL;
    GcamClassSet set = {0};
    REQUIRE(parse(&labels, text, sizeof(text) - 1) == 0);
    CHECK_INT(labels->count, 3);
    CHECK_INT(labels->group_count, 0);
    CHECK_STR(labels->label[0], "airplane");
    CHECK_STR(labels->label[1], "automobile, car");
    CHECK_STR(labels->label[2], "\xC3\x96l");
    CHECK(resolve(labels, 3, "car", &set) == 0 && set.classes[0] == 1);
    gcam_class_set_clear(&set);
    CHECK(resolve(labels, 3, "auto", &set) == 0 && set.classes[0] == 1);
    gcam_class_set_clear(&set);
    gcam_labels_free(&labels);
    CHECK(!labels);
    gcam_labels_free(&labels);
}

static const char table[] =
    "#gradcam labels\n# a comment\nclass\t0\tn1\tbeagle, hound\nclass\t1\t\ttabby\nclass\t2\tn3\tpug\n\n"
    "group\tn4\tdog, Hund\t0,2\ngroup\t\tanimal\t0-2\n";

static void label_table(void)
{
    GcamLabels *labels = NULL, *copy = NULL;
    const char *groups[2];
    REQUIRE(parse(&labels, table, sizeof(table) - 1) == 0);
    CHECK_INT(labels->count, 3);
    CHECK_STR(labels->label[1], "tabby");
    REQUIRE(labels->group_count == 2);
    CHECK_STR(labels->group[0].names, "dog, Hund");
    CHECK_STR(labels->group[0].text, "dog, Hund\t0,2");
    CHECK(labels->group[0].count == 2 && labels->group[0].classes[1] == 2);
    CHECK(labels->group[1].count == 3 && labels->group[1].classes[2] == 2);
    for (int i = 0; i < 2; i++)
        groups[i] = labels->group[i].text;
    REQUIRE(gcam_labels_create(&copy, labels->label, 3, groups, 2, "copy", &to_error) == 0);
    gcam_labels_free(&labels);
    GcamClassSet set;
    CHECK(resolve(copy, 3, "hund", &set) == 0 && set.count == 2 && !strcmp(set.name, "Hund"));
    gcam_class_set_clear(&set);
    gcam_labels_free(&copy);
}

// A text that must be refused, and what the sentence says.
static void check_bad(const char *text, size_t size, const char *words)
{
    GcamLabels *labels = NULL;
    int ret = parse(&labels, text, size);
    if (ret != -EBADMSG || !strstr(error, words))
        fail("\"%.40s\" gave %d, '%s', not '... %s ...'", text, ret, error, words);
    gcam_labels_free(&labels);
}

#define BAD(text, words) check_bad(text, sizeof(text) - 1, words)
#define HEAD "#gradcam labels\nclass\t0\t\ta\nclass\t1\t\tb\n"

static void malformed_text(void)
{
    BAD("", "0 labels");
    BAD("\n\n", "0 labels");
    BAD("a\n\nb\n", "line 2");
    BAD("a\nb\0c\n", "NUL");
    BAD("a\n \n", "class 1");
    BAD("a\nb\tc\n", "class 1");
    BAD("a\n\x1b[31m\n", "class 1");
    BAD("a\n\xff\n", "class 1");
    BAD("a\n\xc3\n", "class 1");
    BAD("a\n\xc0\x80\n", "class 1");
    BAD("a\n\xed\xa0\x80\n", "class 1");
    BAD("a\n\xf4\x90\x80\x80\n", "class 1");
    BAD("a\n, ,\n", "class 1");
}

static void malformed_tables(void)
{
    BAD("#gradcam labels\n", "0 labels");
    BAD("#gradcam labels\nclass\t1\t\ta\n", "line 2");
    BAD("#gradcam labels\nclass\t0\ta\n", "line 2");
    BAD("#gradcam labels\nclass\tx\t\ta\n", "line 2");
    BAD("#gradcam labels\nclass\t0\t\t\n", "class 0");
    BAD(HEAD "nonsense\n", "line 4");
    BAD(HEAD "group\tx\n", "line 4");
    BAD(HEAD "group\tx\tdog\n", "line 4");
    BAD(HEAD "group\tx\tdog\t0\nclass\t2\t\tc\n", "line 5");
    BAD(HEAD "group\tx\t\t0\n", "a group");
    BAD(HEAD "group\tx\tdog\t\n", "group 'dog'");
    BAD(HEAD "group\tx\tdog\t2\n", "below 2");
    BAD(HEAD "group\tx\tdog\t0-2\n", "below 2");
    BAD(HEAD "group\tx\tdog\t1-0\n", "group 'dog'");
    BAD(HEAD "group\tx\tdog\t1,0\n", "group 'dog'");
    BAD(HEAD "group\tx\tdog\t0,0\n", "group 'dog'");
    BAD(HEAD "group\tx\tdog\t-1\n", "group 'dog'");
    BAD(HEAD "group\tx\tdog\t0,\n", "group 'dog'");
    BAD(HEAD "group\tx\tdog\t0-\n", "group 'dog'");
    BAD(HEAD "group\tx\tdog\t0 1\n", "group 'dog'");
    BAD(HEAD "group\tx\tdog\t0\t1\n", "a group");
    BAD(HEAD "group\tx\tdog\t18446744073709551616\n", "group 'dog'");
}

// Groups that together would hold far more classes than the file has bytes.
static void too_many_members(void)
{
    const int classes = 20000, groups = 1000;
    size_t capacity = 1 << 20, size = 0;
    char *text = malloc(capacity);
    size += (size_t)snprintf(text, capacity, "#gradcam labels\n");
    for (int i = 0; i < classes; i++)
        size += (size_t)snprintf(text + size, capacity - size, "class\t%d\t\tc%d\n", i, i);
    for (int i = 0; i < groups; i++)
        size += (size_t)snprintf(text + size, capacity - size, "group\t\tg%d\t0-%d\n", i, classes - 1);
    REQUIRE(size < capacity);
    check_bad(text, size, "more than");
    free(text);
}

static void files(void)
{
    GcamLabels *labels = NULL;
    CHECK_INT(gcam_labels_load(&labels, "missing.txt", &to_error), -ENOENT);
    CHECK(strstr(error, "missing.txt"));
    CHECK_INT(gcam_labels_load(&labels, ".", &to_error), -EISDIR);
    FILE *file = fopen("table.tsv", "wb");
    REQUIRE(file && fwrite(table, 1, sizeof(table) - 1, file) == sizeof(table) - 1 && !fclose(file));
    CHECK_INT(gcam_labels_load(&labels, "table.tsv", &to_error), 0);
    CHECK(labels && labels->count == 3);
    gcam_labels_free(&labels);
    CHECK_INT(gcam_labels_load(&labels, "/dev/zero", &to_error), -EINVAL);
    CHECK(!labels);
}

// Every word is tried on what a damaged text gives.
static int try(const char *text, size_t size)
{
    static const char *const words[] = {"dog", "Hund", "a", "1", "houn", "tabbies"};
    GcamLabels *labels = NULL;
    int ret = parse(&labels, text, size);
    for (size_t i = 0; ret >= 0 && i < sizeof(words) / sizeof(words[0]); i++) {
        GcamClassSet set;
        if (resolve(labels, labels->count, words[i], &set) == 0)
            for (size_t j = 0; j < set.count; j++)
                if (set.classes[j] < 0 || (size_t)set.classes[j] >= labels->count)
                    fail("'%s' gave class %d of %zu", words[i], set.classes[j], labels->count);
        gcam_class_set_clear(&set);
    }
    gcam_labels_free(&labels);
    return ret;
}

static void every_length_and_byte(void)
{
    char text[sizeof(table)];
    size_t refused = 0, size = sizeof(table) - 1;
    for (size_t length = 0; length <= size; length++)
        refused += try(table, length) < 0;
    for (size_t at = 0; at < size; at++) {
        for (int value = 0; value < 256; value++) {
            memcpy(text, table, sizeof(text));
            text[at] = (char)value;
            refused += try(text, size) < 0;
        }
    }
    CHECK(refused > 1000);
    note("%zu texts, %zu refused", size + 1 + 256 * size, refused);
}

int main(void)
{
    if (begin_case("imagenet_table") && gcam_labels_imagenet(&imagenet, &to_error) < 0) {
        fail("%s", error);
        return end_cases();
    }
    RUN(imagenet_labels);
    RUN(imagenet_groups);
    RUN(every_group_by_its_names);
    RUN(every_label_by_itself);
    RUN(indices);
    RUN(names_of_labels);
    RUN(parts_of_labels);
    RUN(plurals);
    RUN(ambiguous);
    RUN(near_names);
    RUN(fewer_classes_than_labels);
    RUN(plain_text);
    RUN(label_table);
    RUN(malformed_text);
    RUN(malformed_tables);
    RUN(too_many_members);
    RUN(files);
    RUN(every_length_and_byte);
    gcam_labels_free(&imagenet);
    return end_cases();
}
