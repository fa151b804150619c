/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Data sets: pictures, what is on them, and where. Whatever their form, they become a list of items, a picture and a
 * class each. What is missing or broken is counted and told, and the rest is used. All that return an int return a
 * status (say.h), unless said otherwise.
 */
#ifndef GCAM_EVAL_DATASET_H
#define GCAM_EVAL_DATASET_H

#include <stddef.h>

#include "gradcam.h"

// In pixels of the picture's file, as real numbers: right and bottom are where the box ends. A box that a data set
// gives by its first and last pixel, x0 and x1, has left x0 and right x1 + 1.
typedef struct Box {
    double left, top, right, bottom;
} Box;

// What a data set calls a class, and the network's classes that it stands for.
typedef struct DataClass {
    char *name;
    int *index;                 // ascending
    size_t count;               // 0: the network does not know it
} DataClass;

typedef struct Item {
    char *file;                 // as it is opened
    int class_index;            // of the data set's classes
    Box *box;
    size_t boxes;
    int difficult;              // the data set says so
    int others;                 // there are things of other classes
    char **mask;                // pictures of the same shape, white where a thing of the class is
    size_t masks;
    char *ignore;               // likewise, where nobody says what is there; or NULL
} Item;

typedef struct Dataset {
    const char *form;           // "csv", "folders", "pictures", "voc", "list", "coco", "maxboxacc"
    Item *item;
    size_t count;
    DataClass *class_of;
    size_t classes;
    char **complaint;           // what was missing or broken, a sentence each, the first MOST_COMPLAINTS
    size_t complaints;
    size_t skipped;             // pictures and boxes that had to be left out
} Dataset;

enum { MOST_COMPLAINTS = 20 };

typedef struct DatasetOptions {
    const char *images;         // folder of the pictures, or NULL: the form's usual one
    const char *boxes;          // folder of XML files (list), or NULL
    const char *split;          // of PASCAL VOC: a list in ImageSets/Main; NULL: all pictures
    size_t limit;               // at most so many items, evenly spread; 0: all
} DatasetOptions;

// Reads a data set. Its form is told from what lies at the path: a .csv with a heading (file, class, and xmin, ymin,
// xmax, ymax, mask); a .json of COCO's instances; a .txt with a file and a class in each line; a folder with
// Annotations (PASCAL VOC), with class_labels.txt and localization.txt (MaxBoxAcc), with a folder for each class, or of
// pictures alone, whose class "" nobody knows.
int dataset_open(Dataset *dataset, const char *path, const DatasetOptions *options);
void dataset_close(Dataset *dataset);

// Finds the network's classes for those of the data set. names: a class name for each line, in the network's order, as
// the data set calls them, or NULL: an index in digits, or what gradcam_targets_resolve() makes of the name.
int dataset_match(Dataset *dataset, const GradcamModel *model, const char *names);

// For readers (dataset_*.c). -------------------------------------------------------------------------------------

// Item of a file and class, a new one where there is none yet; the newest ones are found first. NULL: out of memory.
Item *dataset_item(Dataset *dataset, const char *file, const char *class_name);
int dataset_box(Item *item, const Box *box);
int dataset_mask(Item *item, const char *path);
// Something was left out.
void dataset_complain(Dataset *dataset, const char *format, ...) __attribute__((format(printf, 2, 3)));
// "folder/name", or the name where it is absolute; the caller frees it.
char *dataset_path(const char *folder, const char *name);
// The whole of a text file, ended by 0; NULL and a sentence where it cannot be read.
char *dataset_text(const char *path);

int dataset_read_csv(Dataset *dataset, const char *path, const DatasetOptions *options);
int dataset_read_list(Dataset *dataset, const char *path, const DatasetOptions *options);
int dataset_read_folders(Dataset *dataset, const char *path, const DatasetOptions *options);
int dataset_read_maxboxacc(Dataset *dataset, const char *path, const DatasetOptions *options);
int dataset_read_voc(Dataset *dataset, const char *path, const DatasetOptions *options);
int dataset_read_coco(Dataset *dataset, const char *path, const DatasetOptions *options);
// The boxes of an XML file as ILSVRC and PASCAL VOC have them. only: of this class alone, which is made; NULL: of each.
int dataset_read_xml(Dataset *dataset, const char *xml, const char *picture, const char *only);

#endif
