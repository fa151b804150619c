/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam annotate: labels data. In: pictures, and what to look for. Out: a box or a mask for each class that the
 * network finds, from its map, in a form that other tools read.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset.h"
#include "subject.h"
#include "tools/command.h"
#include "tools/files.h"
#include "tools/json.h"
#include "tools/methods.h"
#include "tools/network.h"
#include "tools/picture.h"

enum Form { VOC, COCO, YOLO, MASKS, FORMS };
static const char *const forms[] = { "voc", "coco", "yolo", "masks", NULL };

static const Option options[] = {
    { "model", 'm', "FILE", "the network, .onnx or .bin (default: the small one that is built in)" },
    { "class", 'c', "CLASS",
      "what to look for: classes or groups, joined by |, or auto, the best guess (default auto); may be repeated" },
    METHOD_OPTION,
    { "out", 'o', "DIR", "where the files go, made if it is not there" },
    { "form", 0, "FORM",
      "voc: an .xml for each picture; coco: instances.json; yolo: a .txt for each and classes.txt; masks: a .png for "
      "each picture and class, white where it is (default voc)" },
    { "threshold", 0, "SHARE",
      "of a map's highest value, from which on a place belongs to the thing, 0 to 1 (default 0.4; the paper's 0.15 "
      "gives larger boxes)" },
    { "least", 0, "P", "probability that a class needs to be taken as there, 0 to 1 (default 0.2)" },
    { "threads", 0, "N", "threads, 0 to 256; 0 is one per processor (default 0)" },
    { 0 }
};

typedef struct Annotate {
    const Arguments *arguments;
    const char *out;
    int form;
    double threshold, least;
    GradcamTargets *targets;
    Dataset dataset;
    Subject subject;
    Json json;
    FILE *coco;                 // instances.json, in memory
    char *coco_text, *found;    // found: classes that something was found of, one byte each
    size_t coco_size, picture, boxes;   // picture, boxes: numbers of the one at hand, from 1, and of the last box
} Annotate;

// What is known of one class in a picture.
typedef struct Label {
    const char *name;
    int class_index;
    Box box;                    // in pixels, whole numbers
} Label;

// Without folders and ending.
static void stem_of(const char *file, char *stem, size_t size)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
    snprintf(stem, size, "%.*s", (int)(dot && dot != name ? dot - name : (ptrdiff_t)strlen(name)), name);
}

static const char *name_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

static int save(const Annotate *a, const char *stem, const char *ending, const char *text, size_t size)
{
    char name[4096];
    snprintf(name, sizeof(name), "%s/%s%s", a->out, stem, ending);
    return file_save(name, text, size);
}

// --------------------------------------------------------------------------------------------------------------- forms

static void write_xml_text(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        default: fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
        }
}

// Pixels of PASCAL VOC count from 1, and the last one belongs to the box.
static void write_voc(FILE *out, const Subject *s, const char *file, const Label *label, size_t count)
{
    fputs("<annotation>\n  <filename>", out);
    write_xml_text(out, name_of(file));
    fprintf(out, "</filename>\n  <size><width>%d</width><height>%d</height><depth>3</depth></size>\n", s->file_width,
            s->file_height);
    for (size_t i = 0; i < count; i++) {
        const Box *b = &label[i].box;
        fputs("  <object>\n    <name>", out);
        write_xml_text(out, label[i].name);
        fprintf(out, "</name>\n    <difficult>0</difficult>\n    <bndbox><xmin>%.0f</xmin><ymin>%.0f</ymin><xmax>%.0f"
                "</xmax><ymax>%.0f</ymax></bndbox>\n  </object>\n", b->left + 1, b->top + 1, b->right, b->bottom);
    }
    fputs("</annotation>\n", out);
}

static void write_yolo(FILE *out, const Subject *s, const Label *label, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Box *b = &label[i].box;
        fprintf(out, "%d %.6f %.6f %.6f %.6f\n", label[i].class_index, (b->left + b->right) / 2 / s->file_width,
                (b->top + b->bottom) / 2 / s->file_height, (b->right - b->left) / s->file_width,
                (b->bottom - b->top) / s->file_height);
    }
}

static void write_coco(Annotate *a, const Label *label, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Box *b = &label[i].box;
        const double numbers[] = { b->left, b->top, b->right - b->left, b->bottom - b->top };
        json_open(&a->json, NULL, '{');
        json_integer(&a->json, "id", (long long)++a->boxes);
        json_integer(&a->json, "image_id", (long long)a->picture);
        json_integer(&a->json, "category_id", label[i].class_index + 1);
        json_open(&a->json, "bbox", '[');
        for (int k = 0; k < 4; k++)
            json_number(&a->json, NULL, numbers[k]);
        json_close(&a->json, ']');
        json_number(&a->json, "area", numbers[2] * numbers[3]);
        json_integer(&a->json, "iscrowd", 0);
        json_close(&a->json, '}');
    }
}

// White where the map, enlarged to the picture, reaches the threshold.
static int write_mask(const Annotate *a, const char *stem, const Label *label)
{
    const Subject *s = &a->subject;
    const size_t pixels = (size_t)s->file_width * (size_t)s->file_height;
    float *map = malloc(pixels * sizeof(*map)), most = 0;
    AVFrame *frame = av_frame_alloc();
    char name[4096];
    int status = STATUS_FAILURE;

    if (map && frame) {
        frame->format = AV_PIX_FMT_GRAY8;
        frame->width = s->file_width;
        frame->height = s->file_height;
        frame->color_range = AVCOL_RANGE_JPEG;
    }
    if (map && frame && av_frame_get_buffer(frame, 0) >= 0) {
        gradcam_map_resize(s->shown, s->width, s->height, map, pixels, s->file_width, s->file_height);
        for (size_t i = 0; i < pixels; i++)
            most = fmaxf(most, map[i]);
        for (size_t i = 0; i < pixels; i++)
            frame->data[0][(ptrdiff_t)(i / (size_t)s->file_width) * frame->linesize[0] +
                           (ptrdiff_t)(i % (size_t)s->file_width)] = map[i] >= a->threshold * most ? 255 : 0;
        snprintf(name, sizeof(name), "%s/%s_%d.png", a->out, stem, label->class_index);
        status = picture_write(name, frame);
    } else {
        say_failure("out of memory");
    }
    av_frame_free(&frame);
    free(map);
    return status;
}

// ------------------------------------------------------------------------------------------------------------ pictures

// Where the map of the target is hot, in whole pixels. 0: it is not there.
static int find_label(const Annotate *a, const GradcamTarget *target, Label *label)
{
    const Subject *s = &a->subject;
    GradcamRegion r;

    if (s->empty || isnan(s->probability) || s->probability < a->least ||
        gradcam_map_box(s->shown, s->width, s->height, s->width, s->height, (float)a->threshold, &r) != 1)
        return 0;
    label->box = (Box){ floor(r.x * s->file_width), floor(r.y * s->file_height),
                        ceil((r.x + r.width) * s->file_width), ceil((r.y + r.height) * s->file_height) };
    label->class_index = s->target.classes[0];
    label->name = target->count > 1 ? target->name : gradcam_model_label(s->model, label->class_index);
    a->found[label->class_index] = 1;
    return 1;
}

static int write_labels(Annotate *a, const char *file, const Label *label, size_t count)
{
    char stem[1024], *text = NULL;
    size_t size = 0;

    stem_of(file, stem, sizeof(stem));
    if (a->form == COCO) {
        write_coco(a, label, count);
        return STATUS_OK;
    }
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return say_failure("out of memory");
    if (a->form == VOC)
        write_voc(out, &a->subject, file, label, count);
    else
        write_yolo(out, &a->subject, label, count);
    const int status = fclose(out) ? say_failure("out of memory")
                                   : save(a, stem, a->form == VOC ? ".xml" : ".txt", text, size);
    free(text);
    return status;
}

static int annotate_frame(Annotate *a, const Item *item, const AVFrame *frame)
{
    Label label[64];
    char stem[1024];
    size_t count = 0;
    int status = STATUS_OK;

    stem_of(item->file, stem, sizeof(stem));
    for (size_t i = 0; i < a->targets->count && !status; i++) {
        const GradcamTarget *target = gradcam_targets_at(a->targets, i);
        const DataClass data_class = { (char *)target->name, (int *)target->classes, target->count };
        int error = subject_show(&a->subject, item, &data_class, frame, !target->count);
        if (!error)
            error = subject_explain(&a->subject, a->subject.method);
        if (error)
            return say_failure("%s: %s", item->file, gradcam_strerror(error));
        if (find_label(a, target, &label[count])) {
            status = a->form == MASKS ? write_mask(a, stem, &label[count]) : STATUS_OK;
            count++;
        }
    }
    return status || a->form == MASKS ? status : write_labels(a, item->file, label, count);
}

static int annotate_all(Annotate *a)
{
    int status = STATUS_OK;

    progress_begin(a->dataset.count);
    for (size_t i = 0; i < a->dataset.count; i++) {
        AVFrame *frame = NULL;
        a->picture = i + 1;
        progress_step(i, a->dataset.item[i].file);
        int failed = picture_read(&frame, a->dataset.item[i].file);
        if (!failed)
            failed = annotate_frame(a, &a->dataset.item[i], frame);
        av_frame_free(&frame);
        status = failed ? failed : status;
    }
    progress_end();
    return status;
}

// -------------------------------------------------------------------------------------------------- the set as a whole

static int write_classes(Annotate *a)
{
    const size_t classes = gradcam_model_info(a->subject.model)->classes;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return say_failure("out of memory");
    for (size_t i = 0; i < classes; i++)
        fprintf(out, "%s\n", gradcam_model_label(a->subject.model, i));
    const int status = fclose(out) ? say_failure("out of memory") : save(a, "classes", ".txt", text, size);
    free(text);
    return status;
}

static int open_coco(Annotate *a)
{
    if (a->form != COCO)
        return STATUS_OK;
    a->coco = open_memstream(&a->coco_text, &a->coco_size);
    if (!a->coco)
        return say_failure("out of memory");
    a->json = (Json){ a->coco, 0, 0 };
    json_open(&a->json, NULL, '{');
    json_open(&a->json, "images", '[');
    for (size_t i = 0; i < a->dataset.count; i++) {
        json_open(&a->json, NULL, '{');
        json_integer(&a->json, "id", (long long)i + 1);
        json_string(&a->json, "file_name", name_of(a->dataset.item[i].file));
        json_close(&a->json, '}');
    }
    json_close(&a->json, ']');
    json_open(&a->json, "annotations", '[');
    return STATUS_OK;
}

static int close_coco(Annotate *a, int status)
{
    if (!a->coco)
        return status;
    json_close(&a->json, ']');
    json_open(&a->json, "categories", '[');
    for (size_t i = 0; i < gradcam_model_info(a->subject.model)->classes; i++)
        if (a->found[i]) {
            json_open(&a->json, NULL, '{');
            json_integer(&a->json, "id", (long long)i + 1);
            json_string(&a->json, "name", gradcam_model_label(a->subject.model, i));
            json_close(&a->json, '}');
        }
    json_close(&a->json, ']');
    json_close(&a->json, '}');
    const int failed = fclose(a->coco) ? say_failure("out of memory") : STATUS_OK;
    const int saved = failed ? failed : save(a, "instances", ".json", a->coco_text, a->coco_size);
    free(a->coco_text);
    return status ? status : saved;
}

// -------------------------------------------------------------------------------------------------------------- set-up

static int read_options(Annotate *a)
{
    int status = option_choice(a->arguments, "form", forms, &a->form);

    a->out = option_value(a->arguments, "out");
    a->threshold = 0.4;
    a->least = 0.2;
    if (!status)
        status = option_number(a->arguments, "threshold", 0, 1, &a->threshold);
    if (!status)
        status = option_number(a->arguments, "least", 0, 1, &a->least);
    if (!status && !a->out)
        status = say_usage("annotate", "-o DIR says where the files go");
    if (!status && mkdir(a->out, 0777) && errno != EEXIST)
        status = say_failure("cannot make the folder %s: %s", a->out, strerror(errno));
    return status;
}

// Pictures and folders of them.
static int read_pictures(Annotate *a)
{
    int status = STATUS_OK;

    for (size_t i = 0; i < a->arguments->count && !status; i++) {
        const char *path = a->arguments->argument[i];
        struct stat info;
        if (!stat(path, &info) && S_ISDIR(info.st_mode))
            status = dataset_read_folders(&a->dataset, path, &(DatasetOptions){ 0 });
        else if (!dataset_item(&a->dataset, path, ""))
            status = say_failure("out of memory");
    }
    return status || a->dataset.count ? status : say_failure("there are no pictures");
}

static int open_network(Annotate *a, GradcamModel **model, GradcamMethod *method, SayLog *log)
{
    const char *path = option_value(a->arguments, "model");
    char *classes = option_joined(a->arguments, "class", '|');
    int threads = 0, error = 0;
    int status = network_open(model, a->arguments, path, NULL, log);

    if (!status && (error = gradcam_targets_resolve(&a->targets, *model, classes ? classes : "auto", &log->log)))
        status = say_library(log, error, "class");
    free(classes);
    for (size_t i = 0; !status && i < a->targets->count; i++) {
        const GradcamTarget *target = gradcam_targets_at(a->targets, i);
        if (target->score || target->negative || target->rank)
            status = say_usage("annotate", "--class takes classes, groups and auto, not \"%s\"", target->name);
    }
    if (!status)
        status = method_read(a->arguments, method);
    if (!status)
        status = option_integer(a->arguments, "threads", 0, 256, &threads);
    if (status)
        return status;
    network_warn(*model, path);
    const GradcamSettings settings = { .size = sizeof(settings), .log = log->log, .method = *method, .threads = threads,
                                       .layer = option_value(a->arguments, "layer") };
    if ((error = subject_open(&a->subject, *model, &settings)))
        return say_library(log, error, "cannot run the network");
    a->subject.method = method;
    a->found = calloc(gradcam_model_info(*model)->classes + 1, 1);
    return a->found ? STATUS_OK : say_failure("out of memory");
}

static int run_annotate(const Arguments *arguments)
{
    Annotate a = { .arguments = arguments };
    GradcamModel *model = NULL;
    GradcamMethod method = { 0 };
    SayLog log;
    int status;

    say_log_init(&log, 0);
    if (!(status = read_options(&a)) && !(status = read_pictures(&a)) &&
        !(status = open_network(&a, &model, &method, &log)) && !(status = open_coco(&a))) {
        status = close_coco(&a, annotate_all(&a));
        if (a.form == YOLO && !status)
            status = write_classes(&a);
    }
    subject_close(&a.subject);
    gradcam_targets_free(&a.targets);
    gradcam_model_close(&model);
    dataset_close(&a.dataset);
    free(a.found);
    return status;
}

const Command command_annotate = {
    .name = "annotate",
    .summary = "label pictures: boxes and masks from maps",
    .usage = "PICTURE|DIR... -o DIR [OPTION]...",
    .examples =
        "  gradcam annotate photos/ -m resnet50.bin -o labels/                  what each shows, as PASCAL VOC has it\n"
        "  gradcam annotate photos/ -m resnet50.bin -c 'dog|cat' --form yolo -o labels/\n"
        "  gradcam annotate photos/ -m resnet50.bin -c dog --form masks -o masks/\n",
    .options = { options, network_options },
    .least = 1,
    .most = (size_t)-1,
    .run = run_annotate,
};
