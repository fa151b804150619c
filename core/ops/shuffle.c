/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The shuffle of channels (Zhang et al. 2018), which ONNX writes as Reshape, Transpose, Reshape: of C channels in g
 * groups, channel i of group j becomes channel i * g + j. A plan puts this in their place; params are a
 * GcamShuffle. Of two groups, each may be an input of its own (a Concat before), and the result may be two outputs, its
 * lower and upper half of channels (Slices after). Channels last: every pixel alone.
 */
#include "shuffle.h"

#include "part.h"

#define PIXELS 64               // that one thread takes at a time

// out[i * groups + j] = in[j * size + i] at each pixel. The way back is the shuffle with groups and size exchanged.
typedef struct Shuffle {
    size_t groups, size;
    GcamStretches floats;       // of the first output, with `channels`
    size_t channels;
    const float *in[2];         // groups that are inputs of their own, or the one input
    float *out[2];              // halves of the result, or the result
    int ins, outs;
} Shuffle;

// Two groups, element by element.
static void interleave(const float *a, const float *b, float *restrict out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = a[i];
        out[2 * i + 1] = b[i];
    }
}

// One pixel of two groups.
static void shuffle_two(const Shuffle *s, size_t p)
{
    size_t size = s->size, half = size / 2;
    const float *a = s->in[0] + p * (s->ins > 1 ? size : 2 * size);
    const float *b = s->ins > 1 ? s->in[1] + p * size : a + size;
    if (s->outs == 1) {
        interleave(a, b, s->out[0] + p * 2 * size, size);
        return;
    }
    interleave(a, b, s->out[0] + p * size, half);
    interleave(a + half, b + half, s->out[1] + p * size, half);
}

static void shuffle_pixels(void *opaque, size_t index, int thread)
{
    const Shuffle *s = opaque;
    size_t channels = s->groups * s->size, size = s->size, count;
    size_t first = gcam_piece(&s->floats, PIXELS * s->channels, index, &count) / s->channels;
    (void)thread;
    for (size_t p = first; p < first + count / s->channels; p++) {
        if (s->groups == 2) {
            shuffle_two(s, p);
            continue;
        }
        const float *in = s->in[0] + p * channels;
        float *restrict out = s->out[0] + p * channels;
        for (size_t j = 0; j < s->groups; j++)
            for (size_t i = 0; i < size; i++)
                out[i * s->groups + j] = in[j * size + i];
    }
}

// Pixels are cut among threads.
static void shuffle(const GcamRun *run, const GcamStep *step, Shuffle *s, int backward)
{
    const GcamShape *shape = &run->value[step->output[0]].shape;
    const GcamShuffle *params = step->node->params;
    size_t groups = params->groups, size = shape->dim[1] * (size_t)step->outputs / groups;
    s->floats = gcam_part_floats(run, &run->value[step->output[0]]);
    s->channels = shape->dim[1];
    s->groups = backward ? size : groups;
    s->size = backward ? groups : size;
    gcam_threads_run(run->pool, gcam_pieces(&s->floats, PIXELS * s->channels), shuffle_pixels, s);
}

static void shuffle_forward(const GcamRun *run, const GcamStep *step)
{
    Shuffle s = { .ins = step->inputs, .outs = step->outputs };
    for (int i = 0; i < s.ins; i++)
        s.in[i] = run->data[step->input[i]];
    for (int i = 0; i < s.outs; i++)
        s.out[i] = run->data[step->output[i]];
    shuffle(run, step, &s, 0);
}

// Of one input and one output: a plan joins and divides only what is not run backward.
static void shuffle_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    (void)input;
    Shuffle s = { .in = { run->grad[step->output[0]] }, .out = { dx }, .ins = 1, .outs = 1 };
    shuffle(run, step, &s, 1);
}

const GcamOp gcam_op_channel_shuffle = {
    .type = "ChannelShuffle", .layout = GCAM_LAYOUT_LAST, .forward = shuffle_forward, .backward = shuffle_backward,
    .excite = shuffle_backward,
    .reach = gcam_reach_same,
};
