/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The shuffle of channels (Zhang et al. 2018), which ONNX writes as Reshape, Transpose, Reshape: of C channels in g
 * groups, channel i of group j becomes channel i * g + j. A plan puts this in their place; params are the groups, as a
 * size_t. Channels last: every pixel alone.
 */
#include "ops/ops.h"

#define PIXELS 64               // that one thread takes at a time

// out[i * groups + j] = in[j * size + i] at each pixel. The way back is the shuffle with groups and size exchanged.
typedef struct Shuffle {
    size_t pixels, groups, size;
    const float *in;
    float *out;
} Shuffle;

static void shuffle_pixels(void *opaque, size_t index, int thread)
{
    const Shuffle *s = opaque;
    size_t channels = s->groups * s->size, size = s->size, first = index * PIXELS;
    size_t last = first + PIXELS < s->pixels ? first + PIXELS : s->pixels;
    (void)thread;
    for (size_t p = first; p < last; p++) {
        const float *in = s->in + p * channels;
        float *restrict out = s->out + p * channels;
        if (s->groups == 2)
            for (size_t i = 0; i < size; i++) {
                out[2 * i] = in[i];
                out[2 * i + 1] = in[size + i];
            }
        else
            for (size_t j = 0; j < s->groups; j++)
                for (size_t i = 0; i < size; i++)
                    out[i * s->groups + j] = in[j * size + i];
    }
}

static void shuffle(const GcamRun *run, const GcamStep *step, const float *in, float *out, int backward)
{
    const GcamShape *shape = &run->value[step->input[0]].shape;
    size_t groups = *(const size_t *)step->node->params, size = shape->dim[1] / groups;
    Shuffle s = { shape->dim[0] * shape->dim[2] * shape->dim[3], backward ? size : groups, backward ? groups : size,
                  in, out };
    gcam_pool_run(run->pool, (s.pixels + PIXELS - 1) / PIXELS, shuffle_pixels, &s);
}

static void shuffle_forward(const GcamRun *run, const GcamStep *step)
{
    shuffle(run, step, run->data[step->input[0]], run->data[step->output[0]], 0);
}

static void shuffle_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    (void)input;
    shuffle(run, step, run->grad[step->output[0]], dx, 1);
}

const GcamOp gcam_op_channel_shuffle = {
    .type = "ChannelShuffle", .layout = GCAM_LAYOUT_LAST, .forward = shuffle_forward, .backward = shuffle_backward,
};
