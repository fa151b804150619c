/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Data sets as COCO has them, a JSON file of images, categories and annotations, read by json-c. Crowds are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "tools/say.h"

#ifdef GCAM_HAVE_JSON_C
#include <json-c/json.h>

// What has an id and a name, sorted by id.
typedef struct Named {
    int64_t id;
    const char *name;
} Named;

static int compare(const void *a, const void *b)
{
    const int64_t x = ((const Named *)a)->id, y = ((const Named *)b)->id;
    return (x > y) - (x < y);
}

static json_object *list_of(json_object *root, const char *name)
{
    json_object *list = json_object_object_get(root, name);
    return json_object_is_type(list, json_type_array) ? list : NULL;
}

static Named *sort_named(json_object *list, const char *key, size_t *count)
{
    const size_t all = json_object_array_length(list);
    Named *named = malloc((all + 1) * sizeof(*named));

    *count = 0;
    for (size_t i = 0; named && i < all; i++) {
        json_object *one = json_object_array_get_idx(list, i), *name = json_object_object_get(one, key);
        if (json_object_is_type(name, json_type_string))
            named[(*count)++] = (Named){ json_object_get_int64(json_object_object_get(one, "id")),
                                         json_object_get_string(name) };
    }
    if (named)
        qsort(named, *count, sizeof(*named), compare);
    return named;
}

static const char *name_by_id(const Named *named, size_t count, json_object *annotation, const char *key)
{
    const Named wanted = { json_object_get_int64(json_object_object_get(annotation, key)), NULL };
    const Named *found = bsearch(&wanted, named, count, sizeof(*named), compare);
    return found ? found->name : NULL;
}

// x, y, width and height.
static int read_box(json_object *annotation, Box *box)
{
    json_object *list = list_of(annotation, "bbox");
    double v[4];

    if (!list || json_object_array_length(list) != 4)
        return 0;
    for (size_t i = 0; i < 4; i++)
        v[i] = json_object_get_double(json_object_array_get_idx(list, i));
    *box = (Box){ v[0], v[1], v[0] + v[2], v[1] + v[3] };
    return v[2] > 0 && v[3] > 0;
}

static int compare_items(const void *a, const void *b)
{
    const Item *x = a, *y = b;
    const int order = strcmp(x->file, y->file);
    return order ? order : x->class_index - y->class_index;
}

// Annotations of one picture lie anywhere in the file: those of a class are brought together.
static int join_items(Dataset *dataset)
{
    size_t kept = 0;
    int status = STATUS_OK;

    qsort(dataset->item, dataset->count, sizeof(*dataset->item), compare_items);
    for (size_t i = 0; i < dataset->count; i++) {
        Item *item = &dataset->item[i], *last = kept ? &dataset->item[kept - 1] : NULL;
        if (!last || compare_items(item, last)) {
            dataset->item[kept++] = *item;
            continue;
        }
        for (size_t k = 0; k < item->boxes && !status; k++)
            status = dataset_box(last, &item->box[k]);
        free(item->file);
        free(item->box);
    }
    dataset->count = kept;
    return status;
}

static int read_annotations(Dataset *dataset, json_object *root, const char *path, const char *images)
{
    json_object *list = list_of(root, "annotations"), *pictures = list_of(root, "images"),
                *categories = list_of(root, "categories");
    size_t files, classes;
    int status = STATUS_OK;

    if (!list || !pictures || !categories)
        return say_failure("%s is no file of COCO: it lacks images, annotations or categories", path);
    Named *file = sort_named(pictures, "file_name", &files), *category = sort_named(categories, "name", &classes);
    if (!file || !category)
        status = say_failure("out of memory");
    for (size_t i = 0; !status && i < json_object_array_length(list); i++) {
        json_object *one = json_object_array_get_idx(list, i);
        const char *name = name_by_id(file, files, one, "image_id");
        const char *class_name = name_by_id(category, classes, one, "category_id");
        Box box;
        if (json_object_get_int(json_object_object_get(one, "iscrowd")))
            continue;
        if (!name || !class_name || !read_box(one, &box)) {
            dataset_complain(dataset, "%s: annotation %zu has no picture, class or box", path, i);
            continue;
        }
        char *picture = dataset_path(images, name);
        Item *item = picture ? dataset_item(dataset, picture, class_name) : NULL;
        status = item ? dataset_box(item, &box) : say_failure("out of memory");
        free(picture);
    }
    free(file);
    free(category);
    return status ? status : join_items(dataset);
}

int dataset_read_coco(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    json_object *root = json_object_from_file(path);

    if (!root)
        return say_failure("%s is no JSON", path);
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : strdup(".");
    const int status = folder ? read_annotations(dataset, root, path, options->images ? options->images : folder)
                              : say_failure("out of memory");
    free(folder);
    json_object_put(root);
    return status;
}

#else

int dataset_read_coco(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    (void)dataset, (void)options;
    return say_failure("cannot read %s: this gradcam was built without json-c", path);
}

#endif
