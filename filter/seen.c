/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: pictures at the network's size. Out: PPM or PGM files, which need no encoder.
 */
#include "seen.h"

#include <pthread.h>
#include <stdio.h>

#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/mem.h"

#include "outfile.h"

#define LONGEST 4096            // path

struct GcamSeen {
    pthread_mutex_t mutex;      // one file at a time: of a path without number it is the same
    char *path;
    int64_t newest;             // number of a frame
    int numbered, ended;
};

int gcam_seen_create(GcamSeen **out, void *log, const char *path)
{
    GcamSeen *seen = av_mallocz(sizeof(*seen));
    char first[LONGEST];
    const int numbered = gcam_outfile_numbered(first, sizeof(first), path, 0);

    *out = NULL;
    if (numbered < 0)
        av_log(log, AV_LOG_ERROR, "seen_path=%s: a %% stands before d or 0Nd, once\n", path);
    if (!seen || numbered < 0 || !(seen->path = av_strdup(path))) {
        av_free(seen);
        return numbered < 0 ? numbered : AVERROR(ENOMEM);
    }
    seen->numbered = numbered;
    seen->newest = -1;
    pthread_mutex_init(&seen->mutex, NULL);
    *out = seen;
    return 0;
}

static int write_picture(const char *path, const uint8_t *pixels, ptrdiff_t stride, int width, int height, int channels)
{
    const size_t row = (size_t)width * channels;
    FILE *file;
    int ret = gcam_outfile_create(&file, path), closed;

    if (ret >= 0 && fprintf(file, "P%d\n%d %d\n255\n", channels == 1 ? 5 : 6, width, height) < 0)
        ret = AVERROR(errno);
    for (int y = 0; ret >= 0 && y < height; y++)
        if (fwrite(pixels + y * stride, 1, row, file) != row)
            ret = AVERROR(errno);
    closed = gcam_outfile_close(&file);
    return ret < 0 ? ret : closed;
}

void gcam_seen_write(GcamSeen *seen, void *log, const uint8_t *pixels, ptrdiff_t stride, int width, int height,
                     int channels, int64_t number)
{
    char path[LONGEST], text[128];
    int ret = 0;

    pthread_mutex_lock(&seen->mutex);
    if (!seen->ended && (seen->numbered || number > seen->newest)) {
        ret = gcam_outfile_numbered(path, sizeof(path), seen->path, number);
        if (ret >= 0)
            ret = write_picture(path, pixels, stride, width, height, channels);
        seen->newest = number;
        seen->ended = ret < 0;
    }
    pthread_mutex_unlock(&seen->mutex);
    if (ret < 0)
        av_log(log, AV_LOG_ERROR, "Cannot write to seen_path=%s, which ends here: %s\n", seen->path,
               gcam_outfile_reason(ret, text, sizeof(text)));
}

void gcam_seen_free(GcamSeen **seen)
{
    if (!*seen)
        return;
    pthread_mutex_destroy(&(*seen)->mutex);
    av_free((*seen)->path);
    av_freep(seen);
}
