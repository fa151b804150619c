/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: results. Out: .npy files of version 1.0 (NumPy enhancement proposal 1). Of a file that grows, the header has room
 * for any number of key frames and is written anew behind each, so that the file can be read at any time.
 */
#include "mapfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/mem.h"

#include "outfile.h"

#define HEADER 128              // bytes, a multiple of 64
#define LONGEST 4096            // path

struct GcamMapFile {
    char *path;
    FILE *file;                 // of all key frames; NULL: a file for each
    int ended;
    int64_t frames;             // in the file
    size_t count;               // of maps in each
    int width, height;
};

static void give_up(GcamMapFile *maps, void *log, const char *path, int error)
{
    char text[128];

    av_log(log, AV_LOG_ERROR, "Cannot write to map_path=%s, which ends here: %s\n", path,
           gcam_outfile_reason(error, text, sizeof(text)));
    maps->ended = 1;
}

int gcam_mapfile_open(GcamMapFile **out, void *log, const char *path)
{
    GcamMapFile *maps = av_mallocz(sizeof(*maps));
    char first[LONGEST], text[128];
    int ret;

    *out = NULL;
    if (!maps || !(maps->path = av_strdup(path))) {
        av_free(maps);
        return AVERROR(ENOMEM);
    }
    ret = gcam_outfile_numbered(first, sizeof(first), path, 0);
    if (ret == AVERROR(EINVAL))
        av_log(log, AV_LOG_ERROR, "map_path=%s: a %% stands before d or 0Nd, once\n", path);
    else if (!ret && (ret = gcam_outfile_create(&maps->file, first)) < 0)
        av_log(log, AV_LOG_ERROR, "Cannot open map_path=%s: %s\n", path, gcam_outfile_reason(ret, text, sizeof(text)));
    if (ret < 0) {
        gcam_mapfile_close(&maps, log);
        return ret;
    }
    *out = maps;
    return 0;
}

// frames < 0: an array without that dimension.
static int write_header(FILE *file, int64_t frames, const GradcamResult *result)
{
    char header[HEADER], first[32] = "";
    const int size = HEADER - 10;

    if (frames >= 0)
        snprintf(first, sizeof(first), "%"PRId64", ", frames);
    memcpy(header, "\x93NUMPY\x01", 8);
    header[8] = size & 0xff;
    header[9] = size >> 8;
    memset(header + 10, ' ', size);
    header[10 + snprintf(header + 10, size, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s%zu, %d, %d), }",
                         first, result->count, result->height, result->width)] = ' ';
    header[HEADER - 1] = '\n';
    return fwrite(header, 1, HEADER, file) == HEADER ? 0 : AVERROR(errno);
}

static int write_maps(FILE *file, const GradcamResult *result)
{
    const size_t size = (size_t)result->width * result->height;

    for (size_t i = 0; i < result->count; i++)
        if (fwrite(result->map[i].map, sizeof(float), size, file) != size)
            return AVERROR(errno);
    return fflush(file) ? AVERROR(errno) : 0;
}

static void write_one(GcamMapFile *maps, void *log, const GradcamResult *result, int64_t number)
{
    char path[LONGEST];
    FILE *file = NULL;
    int ret = gcam_outfile_numbered(path, sizeof(path), maps->path, number), closed;

    if (ret >= 0)
        ret = gcam_outfile_create(&file, path);
    if (ret >= 0 && (ret = write_header(file, -1, result)) >= 0)
        ret = write_maps(file, result);
    closed = gcam_outfile_close(&file);
    if (ret < 0 || closed < 0)
        give_up(maps, log, ret < 0 ? maps->path : path, ret < 0 ? ret : closed);
}

static int is_of_shape(const GcamMapFile *maps, const GradcamResult *result)
{
    return maps->count == result->count && maps->width == result->width && maps->height == result->height;
}

static void write_next(GcamMapFile *maps, void *log, const GradcamResult *result)
{
    int64_t at;
    int ret = 0;

    if (!maps->frames) {
        maps->count = result->count;
        maps->width = result->width;
        maps->height = result->height;
    } else if (!is_of_shape(maps, result)) {
        av_log(log, AV_LOG_ERROR, "map_path=%s ends here: %zu maps of %dx%d come after %zu of %dx%d; with %%d in the "
               "path, each key frame has a file of its own\n", maps->path, result->count, result->width,
               result->height, maps->count, maps->width, maps->height);
        maps->ended = 1;
        return;
    }
    at = HEADER + maps->frames * sizeof(float) * result->count * result->width * result->height;
    if (!fseeko(maps->file, at, SEEK_SET) && (ret = write_maps(maps->file, result)) >= 0 &&
        !fseeko(maps->file, 0, SEEK_SET) && (ret = write_header(maps->file, maps->frames + 1, result)) >= 0 &&
        !fflush(maps->file))
        maps->frames++;
    else
        give_up(maps, log, maps->path, ret < 0 ? ret : AVERROR(errno));
}

void gcam_mapfile_write(GcamMapFile *maps, void *log, const GradcamResult *result, int64_t number)
{
    if (maps->ended)
        return;
    if (maps->file)
        write_next(maps, log, result);
    else
        write_one(maps, log, result, number);
}

void gcam_mapfile_close(GcamMapFile **maps, void *log)
{
    int ret;

    if (!*maps)
        return;
    ret = gcam_outfile_close(&(*maps)->file);
    if (ret < 0 && !(*maps)->ended)
        give_up(*maps, log, (*maps)->path, ret);
    av_free((*maps)->path);
    av_freep(maps);
}
