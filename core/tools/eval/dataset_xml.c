/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Data sets whose boxes are XML, as PASCAL VOC and ILSVRC have them, read by libxml2. Coordinates are of the first and
 * the last pixel, counted from 1 in PASCAL VOC.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "tools/say.h"

#ifdef GCAM_HAVE_LIBXML2
#include <libxml/parser.h>
#include <libxml/tree.h>

static xmlNode *child_of(xmlNode *node, const char *name)
{
    for (xmlNode *at = node ? node->children : NULL; at; at = at->next)
        if (at->type == XML_ELEMENT_NODE && !strcmp((const char *)at->name, name))
            return at;
    return NULL;
}

static int number_in(xmlNode *node, const char *name, double *value)
{
    xmlChar *text = xmlNodeGetContent(child_of(node, name));
    char *end = (char *)text;
    *value = text ? strtod((const char *)text, &end) : 0;
    const int found = text && end != (char *)text;
    xmlFree(text);
    return found;
}

// 0: it has no box that is one.
static int read_box(xmlNode *object, double first, Box *box)
{
    xmlNode *b = child_of(object, "bndbox");
    double x0, y0, x1, y1;

    if (!number_in(b, "xmin", &x0) || !number_in(b, "ymin", &y0) || !number_in(b, "xmax", &x1) ||
        !number_in(b, "ymax", &y1) || x1 < x0 || y1 < y0)
        return 0;
    *box = (Box){ x0 - first, y0 - first, x1 + 1 - first, y1 + 1 - first };
    return 1;
}

static int read_object(Dataset *dataset, xmlNode *object, double first, const char *xml, const char *picture,
                       const char *only)
{
    xmlChar *name = xmlNodeGetContent(child_of(object, "name"));
    double difficult;
    Box box;
    int status = STATUS_OK;

    number_in(object, "difficult", &difficult);
    if (!name || !read_box(object, first, &box)) {
        dataset_complain(dataset, "%s has an object without a name or a box", xml);
    } else {
        Item *item = dataset_item(dataset, picture, only ? only : (const char *)name);
        status = item ? dataset_box(item, &box) : say_failure("out of memory");
        if (item)
            item->difficult |= difficult != 0;
    }
    xmlFree(name);
    return status;
}

static xmlDoc *open_xml(Dataset *dataset, const char *xml)
{
    xmlDoc *doc = xmlReadFile(xml, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc)
        dataset_complain(dataset, "%s is not there, or no XML", xml);
    return doc;
}

int dataset_read_xml(Dataset *dataset, const char *xml, const char *picture, const char *only)
{
    xmlDoc *doc = open_xml(dataset, xml);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    int status = STATUS_OK;

    for (xmlNode *at = root ? root->children : NULL; at && !status; at = at->next)
        if (at->type == XML_ELEMENT_NODE && !strcmp((const char *)at->name, "object"))
            status = read_object(dataset, at, only ? 0 : 1, xml, picture, only);
    xmlFreeDoc(doc);
    return status;
}

// The picture that an XML file of PASCAL VOC is about: by its own word, else of its own name.
static char *picture_of(Dataset *dataset, const char *xml, const char *images, const char *stem)
{
    xmlDoc *doc = open_xml(dataset, xml);
    xmlChar *name = doc ? xmlNodeGetContent(child_of(xmlDocGetRootElement(doc), "filename")) : NULL;
    char file[300];

    snprintf(file, sizeof(file), "%s.jpg", stem);
    const int named = name && name[0] && !strchr((char *)name, '/');
    char *picture = doc ? dataset_path(images, named ? (char *)name : file) : NULL;
    xmlFree(name);
    xmlFreeDoc(doc);
    return picture;
}

static int read_annotation(Dataset *dataset, const char *folder, const char *images, const char *stem)
{
    char file[300];
    snprintf(file, sizeof(file), "%s.xml", stem);
    char *xml = dataset_path(folder, file), *picture = xml ? picture_of(dataset, xml, images, stem) : NULL;
    const int status = picture ? dataset_read_xml(dataset, xml, picture, NULL) : STATUS_OK;

    free(xml);
    free(picture);
    return status;
}

static int is_xml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot != entry->d_name && !strcmp(dot, ".xml");
}

static int read_all(Dataset *dataset, const char *folder, const char *images)
{
    struct dirent **entry;
    const int count = scandir(folder, &entry, is_xml, alphasort);
    int status = STATUS_OK;

    for (int i = 0; i < count; i++) {
        *strrchr(entry[i]->d_name, '.') = 0;
        if (!status)
            status = read_annotation(dataset, folder, images, entry[i]->d_name);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    return count < 0 ? say_failure("cannot read the folder %s", folder) : status;
}

static int read_split(Dataset *dataset, const char *path, const char *split, const char *folder, const char *images)
{
    char file[300];
    snprintf(file, sizeof(file), "ImageSets/Main/%s.txt", split);
    char *list = dataset_path(path, file), *text = list ? dataset_text(list) : NULL, *save = NULL;
    int status = text ? STATUS_OK : STATUS_FAILURE;

    char *line = text ? strtok_r(text, "\r\n", &save) : NULL;
    for (; line && !status; line = strtok_r(NULL, "\r\n", &save)) {
        line[strcspn(line, " \t")] = 0;
        status = read_annotation(dataset, folder, images, line);
    }
    free(list);
    free(text);
    return status;
}

int dataset_read_voc(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    char *folder = dataset_path(path, "Annotations"), *usual = dataset_path(path, "JPEGImages");
    const char *images = options->images ? options->images : usual;
    int status = folder && usual ? STATUS_OK : say_failure("out of memory");

    if (!status)
        status = options->split ? read_split(dataset, path, options->split, folder, images)
                                : read_all(dataset, folder, images);
    free(folder);
    free(usual);
    return status;
}

#else

int dataset_read_xml(Dataset *dataset, const char *xml, const char *picture, const char *only)
{
    (void)dataset, (void)picture, (void)only;
    return say_failure("cannot read %s: this gradcam was built without libxml2", xml);
}

int dataset_read_voc(Dataset *dataset, const char *path, const DatasetOptions *options)
{
    (void)dataset, (void)options;
    return say_failure("cannot read the XML files of %s: this gradcam was built without libxml2", path);
}

#endif
