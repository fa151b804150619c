/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Data sets that are plain text or folders: CSV, a list of files and classes, MaxBoxAcc's lists, a folder for each
 * class.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dataset.h"
#include "tools/say.h"

// The next line of a text, ended by 0; NULL at its end. *text moves on.
static char *next_line(char **text)
{
    char *line = *text;
    if (!*line)
        return NULL;
    char *end = line + strcspn(line, "\r\n");
    char *next = end + (*end == '\r');
    next += *next == '\n';
    *end = 0;
    *text = next;
    return line;
}

// Fields of a line of CSV, unquoted in place; returns how many, at most `most`.
static size_t split_csv(char *line, char **field, size_t most)
{
    size_t count = 0;
    for (char *at = line; count < most;) {
        char *to = at;
        field[count++] = at;
        const int quoted = *at == '"';
        at += quoted;
        for (; *at && (quoted || *at != ','); at++) {
            if (quoted && *at == '"' && *++at != '"')
                break;
            *to++ = *at;
        }
        at += strcspn(at, ",");
        const int more = *at == ',';
        *to = 0;
        at += more;
        if (!more)
            break;
    }
    return count;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : strdup(".");
}

static int is_there(const char *path)
{
    struct stat info;
    return !stat(path, &info);
}

// ----------------------------------------------------------------------------------------------------------------- CSV

enum Column { FILE_NAME, CLASS, XMIN, YMIN, XMAX, YMAX, MASK, DIFFICULT, COLUMNS };
enum { MOST_FIELDS = 64 };
static const char *const column_names[COLUMNS] = {
    "file", "class", "xmin", "ymin", "xmax", "ymax", "mask", "difficult",
};

typedef struct Csv {
    Dataset *dataset;
    const char *path;
    char *folder, *beside;      // where pictures lie: the file's folder, and the one of its name without .csv
    const char *images;
    int column[COLUMNS];        // -1: there is none
} Csv;

static int read_heading(Csv *csv, char *line)
{
    char *field[MOST_FIELDS];
    const size_t fields = split_csv(line, field, MOST_FIELDS);

    for (int c = 0; c < COLUMNS; c++) {
        csv->column[c] = -1;
        for (size_t i = 0; i < fields; i++)
            if (!strcasecmp(field[i], column_names[c]))
                csv->column[c] = (int)i;
    }
    if (csv->column[FILE_NAME] < 0 || csv->column[CLASS] < 0)
        return say_failure("%s does not begin with the names of its columns, file,class,xmin,ymin,xmax,ymax",
                           csv->path);
    return STATUS_OK;
}

// The picture's path in the first of the folders where it is.
static char *find_picture(const Csv *csv, const char *name)
{
    const char *const folders[] = { csv->images, csv->folder, csv->beside };
    char *path = NULL;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (!folders[i])
            continue;
        free(path);
        path = dataset_path(folders[i], name);
        if (path && is_there(path))
            return path;
    }
    return path;
}

static int read_number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && isfinite(*value);
}

// The four of a line. 1: they are there, 0: they are left out, -1: they are no numbers.
static int read_csv_box(const Csv *csv, char *const *field, size_t fields, Box *box)
{
    double value[4];

    for (int i = 0; i < 4; i++) {
        const int at = csv->column[XMIN + i];
        if (at < 0 || (size_t)at >= fields || !field[at][0])
            return 0;
        if (!read_number(field[at], &value[i]))
            return -1;
    }
    *box = (Box){ value[0], value[1], value[2], value[3] };
    return box->right > box->left && box->bottom > box->top ? 1 : -1;
}

static const char *field_of(const Csv *csv, enum Column column, char *const *field, size_t fields)
{
    const int at = csv->column[column];
    return at < 0 || (size_t)at >= fields ? "" : field[at];
}

// A mask of an item, once, however many boxes name it.
static int csv_mask(const Csv *csv, Item *item, const char *name)
{
    char *path = find_picture(csv, name);
    int known = 0;

    for (size_t i = 0; path && i < item->masks; i++)
        known |= !strcmp(item->mask[i], path);
    const int status = !path ? say_failure("out of memory") : known ? STATUS_OK : dataset_mask(item, path);
    free(path);
    return status;
}

static int read_csv_line(Csv *csv, char *line, int number)
{
    char *field[MOST_FIELDS];
    const size_t fields = split_csv(line, field, MOST_FIELDS);
    const char *file = field_of(csv, FILE_NAME, field, fields), *name = field_of(csv, CLASS, field, fields);
    const char *mask = field_of(csv, MASK, field, fields);
    Box box;

    if (!file[0] || !name[0]) {
        dataset_complain(csv->dataset, "%s: line %d has no file or no class", csv->path, number);
        return STATUS_OK;
    }
    const int boxed = read_csv_box(csv, field, fields, &box);
    if (boxed < 0) {
        dataset_complain(csv->dataset, "%s: the box in line %d is none", csv->path, number);
        return STATUS_OK;
    }
    char *picture = find_picture(csv, file);
    Item *item = picture ? dataset_item(csv->dataset, picture, name) : NULL;
    free(picture);
    if (!item)
        return say_failure("out of memory");
    item->difficult |= atoi(field_of(csv, DIFFICULT, field, fields)) != 0;
    if (mask[0] && csv_mask(csv, item, mask))
        return STATUS_FAILURE;
    return boxed ? dataset_box(item, &box) : STATUS_OK;
}

int dataset_read_csv(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    Csv csv = { .dataset = dataset, .path = path, .images = options->images, .folder = folder_of(path),
                .beside = strndup(path, strlen(path) - 4) };
    char *text = dataset_text(path), *at = text, *line;
    int status = text && csv.folder && csv.beside ? STATUS_OK : STATUS_FAILURE;

    if (!status && (line = next_line(&at)))
        status = read_heading(&csv, strncmp(line, "\xef\xbb\xbf", 3) ? line : line + 3);
    for (int number = 2; !status && (line = next_line(&at)); number++)
        if (line[0])
            status = read_csv_line(&csv, line, number);
    free(text);
    free(csv.folder);
    free(csv.beside);
    return status;
}

// -------------------------------------------------------------------------------------------------- a file and a class

// Without its folders and its ending.
static char *stem_of(const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
    return strndup(name, dot ? (size_t)(dot - name) : strlen(name));
}

static int read_list_line(Dataset *dataset, const DatasetOptions *options, const char *folder, char *line, int number)
{
    char *name = line + strcspn(line, " \t,");
    if (!*name) {
        dataset_complain(dataset, "line %d has a file and no class", number);
        return STATUS_OK;
    }
    *name++ = 0;
    name += strspn(name, " \t,");
    char *picture = dataset_path(options->images ? options->images : folder, line), *xml = NULL;
    Item *item = picture ? dataset_item(dataset, picture, name) : NULL;
    int status = item ? STATUS_OK : say_failure("out of memory");
    if (!status && options->boxes) {
        char *stem = stem_of(line), file[256];
        snprintf(file, sizeof(file), "%s.xml", stem ? stem : "");
        free(stem);
        xml = dataset_path(options->boxes, file);
        status = xml ? dataset_read_xml(dataset, xml, picture, name) : say_failure("out of memory");
    }
    free(picture);
    free(xml);
    return status;
}

int dataset_read_list(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    char *text = dataset_text(path), *folder = folder_of(path), *at = text, *line;
    int status = text && folder ? STATUS_OK : STATUS_FAILURE;

    for (int number = 1; !status && (line = next_line(&at)); number++)
        if (line[0])
            status = read_list_line(dataset, options, folder, line, number);
    free(text);
    free(folder);
    return status;
}

// ----------------------------------------------------------------------------------------------------------- MaxBoxAcc

static char *text_in(const char *folder, const char *name)
{
    char *path = dataset_path(folder, name), *text = path ? dataset_text(path) : NULL;
    free(path);
    return text;
}

// The item of a file. Both lists have one order, so that it is looked for from the last one on. NULL: there is none.
static Item *item_of_file(Dataset *dataset, const char *file, size_t *from)
{
    for (size_t tried = 0; tried < dataset->count; tried++, *from = (*from + 1) % dataset->count)
        if (!strcmp(dataset->item[*from].file, file))
            return &dataset->item[*from];
    return NULL;
}

// A line of localization.txt behind its file: a box by its first and last pixel, "x0,y0,x1,y1", or a mask and what the
// file says nothing about, "mask.png,ignore.png", the latter or nothing.
static int read_place(Item *item, const char *folder, char *const *field, size_t fields)
{
    double v[4];

    if (fields >= 5 && read_number(field[1], &v[0]) && read_number(field[2], &v[1]) && read_number(field[3], &v[2]) &&
        read_number(field[4], &v[3]))
        return dataset_box(item, &(Box){ v[0], v[1], v[2] + 1, v[3] + 1 });
    if (fields < 2 || fields > 3 || !field[1][0])
        return STATUS_OK;
    char *mask = dataset_path(folder, field[1]);
    const int status = mask ? dataset_mask(item, mask) : say_failure("out of memory");
    free(mask);
    if (!status && fields == 3 && field[2][0] && !item->ignore && !(item->ignore = dataset_path(folder, field[2])))
        return say_failure("out of memory");
    return status;
}

// "file,class" in class_labels.txt, in localization.txt a line for each box or mask.
int dataset_read_maxboxacc(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    char *labels = text_in(path, "class_labels.txt"), *boxes = text_in(path, "localization.txt"), *at, *line;
    int status = labels && boxes ? STATUS_OK : STATUS_FAILURE;
    char *field[5];
    size_t from = 0;

    for (at = labels; !status && (line = next_line(&at));) {
        if (split_csv(line, field, 5) < 2)
            continue;
        char *picture = dataset_path(options->images ? options->images : path, field[0]);
        status = picture && dataset_item(dataset, picture, field[1]) ? STATUS_OK : say_failure("out of memory");
        free(picture);
    }
    for (at = boxes; !status && (line = next_line(&at));) {
        const size_t fields = split_csv(line, field, 5);
        char *picture = dataset_path(options->images ? options->images : path, field[0]);
        Item *item = picture ? item_of_file(dataset, picture, &from) : NULL;
        if (item)
            status = read_place(item, path, field, fields);
        free(picture);
    }
    free(labels);
    free(boxes);
    return status;
}

// ------------------------------------------------------------------------------------------------ a folder for a class

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int read_class_folder(Dataset *dataset, const char *folder, const char *name)
{
    struct dirent **entry;
    const int count = scandir(folder, &entry, is_visible, alphasort);
    int status = STATUS_OK;

    for (int i = 0; i < count; i++) {
        char *picture = status ? NULL : dataset_path(folder, entry[i]->d_name);
        if (!status && (!picture || !dataset_item(dataset, picture, name)))
            status = say_failure("out of memory");
        free(picture);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    else
        dataset_complain(dataset, "cannot read the folder %s", folder);
    return status;
}

// Without folders inside, its files are pictures of which no class is known.
int dataset_read_folders(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    struct dirent **entry;
    const int count = scandir(path, &entry, is_visible, alphasort);
    int status = STATUS_OK, folders = 0;

    (void)options;
    for (int i = 0; i < count; i++) {
        struct stat info;
        char *folder = dataset_path(path, entry[i]->d_name);
        if (!status && folder && !stat(folder, &info) && S_ISDIR(info.st_mode)) {
            status = read_class_folder(dataset, folder, entry[i]->d_name);
            folders++;
        }
        free(folder);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    if (count > 0 && !folders && !status) {
        dataset->form = "pictures";
        status = read_class_folder(dataset, path, "");
    }
    return count < 0 ? say_failure("cannot read the folder %s", path) : status;
}
