/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which pictures are explained, where folders are named; and what is written beside maps: what the network saw of a
 * picture, and a table of all scores of all pictures.
 */
#include "explain.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "files.h"
#include "picture.h"

// ------------------------------------------------------------------------------------------------------ pictures

// Whether a file in a folder is taken for a picture.
static int is_picture_name(const char *name)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".gif", ".tif", ".tiff",
                                           ".webp", ".jp2", ".avif", ".heic" };
    const char *ending = strrchr(name, '.');

    for (size_t i = 0; *name != '.' && ending && i < sizeof(endings) / sizeof(endings[0]); i++)
        if (!strcasecmp(ending, endings[i]))
            return 1;
    return 0;
}

// Takes over `path`, which may be NULL.
static int add_picture(Explain *e, char *path)
{
    char **longer = path ? realloc(e->picture, (e->pictures + 1) * sizeof(*longer)) : NULL;

    if (longer)
        e->picture = longer;
    if (!longer) {
        free(path);
        return say_failure("out of memory");
    }
    longer[e->pictures++] = path;
    return STATUS_OK;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The pictures in a folder, by name; not those in folders within.
static int add_folder(Explain *e, const char *folder)
{
    DIR *entries = opendir(folder);
    const size_t before = e->pictures, length = strlen(folder);
    int status = entries ? STATUS_OK : say_failure("cannot read folder %s: %s", folder, strerror(errno));

    for (struct dirent *entry; !status && entries && (entry = readdir(entries));) {
        if (!is_picture_name(entry->d_name))
            continue;
        char *path = malloc(length + strlen(entry->d_name) + 2);
        if (path)
            sprintf(path, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", entry->d_name);
        status = add_picture(e, path);
    }
    if (entries)
        closedir(entries);
    if (status)
        return status;
    if (e->pictures == before)
        return say_failure("folder %s has no pictures in it", folder);
    qsort(e->picture + before, e->pictures - before, sizeof(*e->picture), compare_paths);
    return STATUS_OK;
}

int explain_find_pictures(Explain *e)
{
    int status = STATUS_OK;

    for (size_t i = 0; !status && i < e->arguments->count; i++) {
        const char *argument = e->arguments->argument[i];
        struct stat info;

        if (!stat(argument, &info) && S_ISDIR(info.st_mode))
            status = add_folder(e, argument);
        else
            status = add_picture(e, strdup(argument));
    }
    for (size_t i = 0; !status && i < e->pictures; i++)
        status = names_keep(&e->names, e->picture[i]);
    if (!status && explain_model_path(e))
        status = names_keep(&e->names, explain_model_path(e));
    return status;
}

void explain_free_files(Explain *e)
{
    for (size_t i = 0; i < e->pictures; i++)
        free(e->picture[i]);
    free(e->picture);
    if (e->table)
        fclose(e->table);
    free(e->table_text);
}

// ------------------------------------------------------------------------------------------------- what was seen

int explain_write_seen(Explain *e, const char *path)
{
    const GradcamModelInfo *info = gradcam_model_info(e->model);
    const char *out;
    int status = names_make(&e->names, e->seen_out, path, "", 0, ".png", &out);
    AVFrame *frame = status ? NULL : av_frame_alloc();

    if (status)
        return status;
    if (!frame)
        return say_failure("out of memory");
    frame->format = info->channels == 1 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
    frame->width = info->width;
    frame->height = info->height;
    if (av_frame_get_buffer(frame, 0) < 0) {
        status = say_failure("out of memory");
    } else {
        for (int y = 0; y < info->height; y++)
            memcpy(frame->data[0] + (ptrdiff_t)y * frame->linesize[0],
                   e->pixels + (ptrdiff_t)y * info->width * info->channels, (size_t)info->width * info->channels);
        status = picture_write(out, frame);
    }
    av_frame_free(&frame);
    return status;
}

// --------------------------------------------------------------------------------------------------------- table

// A field that may have anything in it.
static void put_text(FILE *table, const char *text)
{
    fputc('"', table);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', table);
        fputc(*text, table);
    }
    fputc('"', table);
}

// Nothing where it means nothing.
static void put_number(FILE *table, double value)
{
    fputc(',', table);
    if (isfinite(value))
        fprintf(table, "%.9g", value);
}

int explain_add_scores(Explain *e, const char *path)
{
    size_t classes;
    const float *scores = gradcam_context_logits(e->context, &classes);

    if (!e->table && !(e->table = open_memstream(&e->table_text, &e->table_size)))
        return say_failure("out of memory");
    if (!ftell(e->table))
        fputs("picture,class,label,score,probability\n", e->table);
    for (size_t i = 0; i < classes; i++) {
        const int index = (int)i;
        const GradcamTarget target = { .name = "", .classes = &index, .count = 1 };

        put_text(e->table, path);
        fprintf(e->table, ",%zu,", i);
        put_text(e->table, gradcam_model_label(e->model, i));
        put_number(e->table, scores[i]);
        put_number(e->table, gradcam_context_probability(e->context, &target));
        fputc('\n', e->table);
    }
    return ferror(e->table) ? say_failure("out of memory") : STATUS_OK;
}

int explain_write_scores(Explain *e)
{
    const char *out;
    int status = e->table ? names_make(&e->names, e->csv_out, "", "", 0, "", &out) : STATUS_OK;

    if (!e->table || status)
        return status;
    return fflush(e->table) ? say_failure("out of memory") : file_save(out, e->table_text, e->table_size);
}
