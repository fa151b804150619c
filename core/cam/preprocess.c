/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture at the model's size, 8-bit samples, or floats that are already normalised. Out: the engine's input,
 * H x W x C fp32, in a buffer of the caller. Nothing is kept.
 */
#include "preprocess.h"

#include <string.h>

enum { ROWS = 8 };              // that one thread takes at a time

typedef struct Job {
    const uint8_t *pixels;
    ptrdiff_t stride;
    int width, rows, frames, channels, bgr;
    float table[3][256];        // by channel: every value that it can take
    float *out;
} Job;

// Of one channel, with one table.
static void normalize_gray(const Job *job, const uint8_t *in, float *out)
{
    for (int i = 0; i < job->width * job->frames; i++)
        out[i] = job->table[0][in[i]];
}

// Of three, in the network's order.
static void normalize_color(const Job *job, const uint8_t *in, float *out)
{
    const int first = job->bgr ? 2 : 0, last = 2 - first;

    for (int i = 0; i < job->width * job->frames; i++, in += 3, out += 3) {
        out[0] = job->table[0][in[first]];
        out[1] = job->table[1][in[1]];
        out[2] = job->table[2][in[last]];
    }
}

static void normalize_rows(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    const int begin = (int)index * ROWS, end = job->rows - begin > ROWS ? begin + ROWS : job->rows;
    const size_t row = (size_t)job->width * (size_t)job->frames * (size_t)job->channels;

    (void)thread;
    for (int y = begin; y < end; y++)
        (job->channels == 1 ? normalize_gray : normalize_color)(job, job->pixels + y * job->stride,
                                                                job->out + (size_t)y * row);
}

void gcam_preprocess_pixels(GcamThreads *pool, const GradcamInput *picture, const uint8_t *pixels, ptrdiff_t stride,
                            int rows, const GradcamPreprocessing *preprocessing, float *out)
{
    Job job = {
        .pixels = pixels, .stride = stride, .width = picture->width, .rows = rows, .frames = picture->frames,
        .channels = picture->channels, .bgr = preprocessing->bgr, .out = out,
    };

    for (int c = 0; c < job.channels; c++)
        for (int v = 0; v < 256; v++)
            job.table[c][v] = ((float)v - preprocessing->mean[c]) / preprocessing->std[c];
    gcam_threads_run(pool, ((size_t)rows + ROWS - 1) / ROWS, normalize_rows, &job);
}

void gcam_preprocess_float(const GradcamInput *picture, const float *floats, float *out)
{
    const size_t plane = (size_t)picture->height * (size_t)picture->width;
    const size_t channels = (size_t)picture->frames * (size_t)picture->channels;

    if (picture->layout[strlen(picture->layout) - 1] == 'C') {
        memcpy(out, floats, plane * channels * sizeof(*out));
        return;
    }
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < channels; c++)
            out[i * channels + c] = floats[c * plane + i];
}
