/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture at the model's size, 8-bit RGB, or floats C x H x W that are already normalised. Out: the
 * engine's input, H x W x C fp32, in a buffer of the caller. Nothing is kept.
 */
#include "preprocess.h"

enum { ROWS = 8 };              // that one thread takes at a time

typedef struct Job {
    const uint8_t *rgb;
    ptrdiff_t stride;
    int width, height, bgr;
    float table[3][256];        // every value that a channel can take
    float *nhwc;
} Job;

static void normalize_rows(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    const int first = job->bgr ? 2 : 0, last = 2 - first;
    const int begin = (int)index * ROWS, end = job->height - begin > ROWS ? begin + ROWS : job->height;

    (void)thread;
    for (int y = begin; y < end; y++) {
        const uint8_t *in = job->rgb + y * job->stride;
        float *out = job->nhwc + (size_t)y * job->width * 3;
        for (int x = 0; x < job->width; x++, in += 3, out += 3) {
            out[0] = job->table[0][in[first]];
            out[1] = job->table[1][in[1]];
            out[2] = job->table[2][in[last]];
        }
    }
}

void gcam_preprocess_rgb(GcamThreads *pool, const uint8_t *rgb, ptrdiff_t stride, int width, int height,
                         const GradcamPreprocessing *preprocessing, float *nhwc)
{
    Job job = {
        .rgb = rgb, .stride = stride, .width = width, .height = height, .bgr = preprocessing->bgr, .nhwc = nhwc,
    };

    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            job.table[c][v] = ((float)v - preprocessing->mean[c]) / preprocessing->std[c];
    gcam_threads_run(pool, ((size_t)height + ROWS - 1) / ROWS, normalize_rows, &job);
}

void gcam_preprocess_float(const float *nchw, int channels, int height, int width, float *nhwc)
{
    const size_t plane = (size_t)height * width;

    for (size_t i = 0; i < plane; i++)
        for (int c = 0; c < channels; c++)
            nhwc[i * channels + c] = nchw[c * plane + i];
}
