/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a path and what lies there. Out: a list of items. The forms themselves are read in dataset_*.c.
 */
#include "dataset.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/say.h"

enum { MOST_TEXT = 1 << 30, LOOK_BACK = 64 };

// ------------------------------------------------------------------------------------------------------------- growing

// Room for one more in an array that is doubled when it is full. 0: out of memory.
static int grow(void *array, size_t count, size_t size)
{
    void **a = array;
    if (count & (count - 1))
        return 1;
    void *more = realloc(*a, (count ? 2 * count : 1) * size);
    if (more)
        *a = more;
    return more != NULL;
}

void dataset_complain(Dataset *dataset, const char *format, ...)
{
    char text[512];
    va_list arguments;

    dataset->skipped++;
    if (dataset->complaints == MOST_COMPLAINTS || !grow(&dataset->complaint, dataset->complaints, sizeof(char *)))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if ((dataset->complaint[dataset->complaints] = strdup(text)))
        dataset->complaints++;
}

// Its index, or -1: out of memory.
static int find_class(Dataset *dataset, const char *name)
{
    for (size_t i = 0; i < dataset->classes; i++)
        if (!strcmp(dataset->class_of[i].name, name))
            return (int)i;
    if (!grow(&dataset->class_of, dataset->classes, sizeof(*dataset->class_of)))
        return -1;
    DataClass *added = &dataset->class_of[dataset->classes];
    *added = (DataClass){ .name = strdup(name) };
    return added->name ? (int)dataset->classes++ : -1;
}

Item *dataset_item(Dataset *dataset, const char *file, const char *class_name)
{
    const int class_index = find_class(dataset, class_name);
    const size_t begin = dataset->count > LOOK_BACK ? dataset->count - LOOK_BACK : 0;

    if (class_index < 0)
        return NULL;
    for (size_t i = dataset->count; i > begin; i--)
        if (dataset->item[i - 1].class_index == class_index && !strcmp(dataset->item[i - 1].file, file))
            return &dataset->item[i - 1];
    if (!grow(&dataset->item, dataset->count, sizeof(*dataset->item)))
        return NULL;
    Item *item = &dataset->item[dataset->count];
    *item = (Item){ .file = strdup(file), .class_index = class_index };
    if (!item->file)
        return NULL;
    dataset->count++;
    return item;
}

int dataset_box(Item *item, const Box *box)
{
    if (!grow(&item->box, item->boxes, sizeof(*item->box)))
        return say_failure("out of memory");
    item->box[item->boxes++] = *box;
    return STATUS_OK;
}

int dataset_mask(Item *item, const char *path)
{
    char *copy = strdup(path);

    if (!copy || !grow(&item->mask, item->masks, sizeof(*item->mask))) {
        free(copy);
        return say_failure("out of memory");
    }
    item->mask[item->masks++] = copy;
    return STATUS_OK;
}

char *dataset_path(const char *folder, const char *name)
{
    const size_t room = strlen(folder) + strlen(name) + 2;
    char *path = malloc(room);

    if (path)
        snprintf(path, room, "%s%s%s", name[0] == '/' ? "" : folder, name[0] == '/' || !folder[0] ? "" : "/", name);
    return path;
}

char *dataset_text(const char *path)
{
    struct stat info;
    FILE *in = stat(path, &info) || !S_ISREG(info.st_mode) || info.st_size > MOST_TEXT ? NULL : fopen(path, "rb");
    char *text = in ? malloc((size_t)info.st_size + 1) : NULL;

    if (text)
        text[fread(text, 1, (size_t)info.st_size, in)] = 0;
    if (in)
        fclose(in);
    if (!text)
        say_failure("cannot read %s: %s", path, in ? "out of memory" : errno ? strerror(errno) : "it is no text file");
    return text;
}

// ------------------------------------------------------------------------------------------------------------- opening

static int exists(const char *folder, const char *name)
{
    struct stat info;
    char *path = dataset_path(folder, name);
    const int there = path && !stat(path, &info);

    free(path);
    return there;
}

static int ends_in(const char *path, const char *ending)
{
    const size_t a = strlen(path), b = strlen(ending);
    return a > b && !strcasecmp(path + a - b, ending);
}

typedef int Reader(Dataset *, const char *, const DatasetOptions *);

static Reader *find_form(Dataset *dataset, const char *path)
{
    struct stat info;

    if (stat(path, &info)) {
        say_failure("cannot read the data set %s: %s", path, strerror(errno));
        return NULL;
    }
    if (S_ISDIR(info.st_mode)) {
        if (exists(path, "Annotations"))
            return dataset->form = "voc", dataset_read_voc;
        if (exists(path, "class_labels.txt"))
            return dataset->form = "maxboxacc", dataset_read_maxboxacc;
        return dataset->form = "folders", dataset_read_folders;
    }
    if (ends_in(path, ".csv"))
        return dataset->form = "csv", dataset_read_csv;
    if (ends_in(path, ".json"))
        return dataset->form = "coco", dataset_read_coco;
    if (ends_in(path, ".txt"))
        return dataset->form = "list", dataset_read_list;
    say_failure("%s is no data set: neither a folder, nor a .csv, a .json of COCO or a .txt with a file and a class in "
                "each line", path);
    return NULL;
}

static void free_item(Item *item)
{
    free(item->file);
    free(item->box);
    for (size_t i = 0; i < item->masks; i++)
        free(item->mask[i]);
    free(item->mask);
    free(item->ignore);
}

// Evenly spread, so that all classes of an ordered list have their share.
static void limit_items(Dataset *dataset, size_t limit)
{
    size_t kept = 0;

    if (!limit || dataset->count <= limit)
        return;
    for (size_t i = 0; i < dataset->count; i++) {
        if (kept < limit && i == kept * dataset->count / limit)
            dataset->item[kept++] = dataset->item[i];
        else
            free_item(&dataset->item[i]);
    }
    dataset->count = kept;
}

// Pictures with things of other classes, as pointing games call them difficult.
static void find_difficult(Dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++)
        for (size_t k = i + 1; k < dataset->count && k < i + LOOK_BACK; k++)
            if (!strcmp(dataset->item[i].file, dataset->item[k].file))
                dataset->item[i].others = dataset->item[k].others = 1;
}

int dataset_open(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    *dataset = (Dataset){ 0 };
    Reader *read = find_form(dataset, path);
    int status = read ? read(dataset, path, options) : STATUS_FAILURE;

    if (status)
        return status;
    if (!dataset->count) {
        if (dataset->complaints)
            say_failure("%s", dataset->complaint[0]);
        return say_failure("%s has no pictures that can be used", path);
    }
    find_difficult(dataset);
    limit_items(dataset, options->limit);
    return STATUS_OK;
}

void dataset_close(Dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++)
        free_item(&dataset->item[i]);
    for (size_t i = 0; i < dataset->classes; i++) {
        free(dataset->class_of[i].name);
        free(dataset->class_of[i].index);
    }
    for (size_t i = 0; i < dataset->complaints; i++)
        free(dataset->complaint[i]);
    free(dataset->item);
    free(dataset->class_of);
    free(dataset->complaint);
    *dataset = (Dataset){ 0 };
}

// ------------------------------------------------------------------------------------------------------------ matching

static int set_classes(DataClass *to, const int *index, size_t count)
{
    free(to->index);
    to->index = malloc((count + !count) * sizeof(*index));
    if (!to->index)
        return say_failure("out of memory");
    if (count)
        memcpy(to->index, index, count * sizeof(*index));
    to->count = count;
    return STATUS_OK;
}

// The line that has the name, from 0; -1: none.
static int find_line(const char *text, const char *name)
{
    const size_t length = strlen(name);

    for (int line = 0; *text; line++) {
        const size_t end = strcspn(text, "\r\n");
        if (end == length && !memcmp(text, name, end))
            return line;
        text += end;
        text += *text == '\r';
        text += *text == '\n';
    }
    return -1;
}

static int match_class(DataClass *data_class, const GradcamModel *model, const char *lines)
{
    const size_t classes = gradcam_model_info(model)->classes;
    int index = -1, status;

    if (lines) {
        index = find_line(lines, data_class->name);
        return set_classes(data_class, &index, index >= 0 && (size_t)index < classes);
    }
    GradcamTargets *targets = NULL;
    const int error = gradcam_targets_resolve(&targets, model, data_class->name, NULL);
    const GradcamTarget *target = error ? NULL : gradcam_targets_at(targets, 0);
    if (target && targets->count == 1 && target->count && !target->score && !target->negative)
        status = set_classes(data_class, target->classes, target->count);
    else
        status = error == -ENOMEM ? say_failure("out of memory") : set_classes(data_class, NULL, 0);
    gradcam_targets_free(&targets);
    return status;
}

int dataset_match(Dataset *dataset, const GradcamModel *model, const char *names)
{
    char *lines = names ? dataset_text(names) : NULL;
    int status = names && !lines ? STATUS_FAILURE : STATUS_OK;
    size_t known = 0;

    for (size_t i = 0; i < dataset->classes && !status; i++) {
        DataClass *data_class = &dataset->class_of[i];
        status = data_class->name[0] ? match_class(data_class, model, lines) : set_classes(data_class, NULL, 0);
        known += data_class->count > 0 || !data_class->name[0];
    }
    free(lines);
    if (!status && !known && dataset->classes)
        return say_failure("the network knows none of the data set's classes, such as \"%s\"; --classes FILE gives "
                           "their names in the network's order", dataset->class_of[0].name);
    return status;
}
