/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture and its class. Out: the network's scores of it, its map, and those of altered pictures.
 */
#include "subject.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int is_last(const Subject *subject)
{
    const char *layout = gradcam_model_picture(subject->model)->layout;
    return layout[strlen(layout) - 1] == 'C';
}

size_t subject_sample(const Subject *subject, size_t at, int channel)
{
    return is_last(subject) ? at * (size_t)subject->channels + (size_t)channel : (size_t)channel * subject->pixels + at;
}

static int allocate(Subject *s)
{
    const size_t cells = (size_t)s->columns * (size_t)s->rows;
    int failed = 0;

    s->bytes = malloc(s->samples);
    s->input = malloc(s->samples * sizeof(float));
    s->changed = malloc(s->samples * sizeof(float));
    s->map = malloc(cells * sizeof(float));
    s->raw = malloc(cells * sizeof(float));
    s->shown = malloc(s->pixels * sizeof(float));
    s->other = malloc(s->pixels * sizeof(float));
    s->order = malloc(s->pixels * sizeof(*s->order));
    for (int i = 0; i < 4; i++)
        failed |= !(s->plane[i] = malloc(s->pixels * sizeof(float)));
    failed |= !s->bytes || !s->input || !s->changed || !s->map || !s->raw || !s->shown || !s->other || !s->order;
    return failed ? -ENOMEM : 0;
}

int subject_open(Subject *s, GradcamModel *model, const GradcamSettings *settings)
{
    const GradcamModelInfo *info = gradcam_model_info(model);

    *s = (Subject){ .model = model, .method = &settings->method, .width = info->width, .height = info->height,
                    .channels = info->channels };
    s->pixels = (size_t)info->width * (size_t)info->height;
    s->samples = s->pixels * (size_t)info->channels;
    if (info->frames > 1)
        return -ENOTSUP;
    int error = gradcam_context_open(&s->context, model, settings);
    if (error)
        return error;
    gradcam_context_map_size(s->context, &settings->method, &s->columns, &s->rows);
    if ((error = allocate(s)))
        return error;
    return gcam_scaler_create(&s->scaler, GCAM_FIT_STRETCH, info->channels, NULL) < 0 ? -ENOMEM : 0;
}

void subject_close(Subject *s)
{
    gcam_scaler_free(&s->scaler);
    gradcam_context_close(&s->context);
    free(s->bytes);
    free(s->input);
    free(s->changed);
    free(s->map);
    free(s->raw);
    free(s->shown);
    free(s->other);
    free(s->order);
    for (int i = 0; i < 4; i++)
        free(s->plane[i]);
    *s = (Subject){ 0 };
}

// The bytes as the network sees them, as gradcam.h has it: (pixel - mean) / std, channels in its own order.
static void normalise(Subject *s)
{
    const GradcamPreprocessing *p = &gradcam_model_info(s->model)->preprocessing;

    for (size_t at = 0; at < s->pixels; at++)
        for (int c = 0; c < s->channels; c++) {
            const int from = p->bgr && s->channels == 3 ? 2 - c : c;
            const float pixel = s->bytes[at * (size_t)s->channels + (size_t)from];
            s->input[subject_sample(s, at, c)] = (pixel - p->mean[c]) / p->std[c];
        }
}

static int is_one_of(const DataClass *data_class, int index)
{
    for (size_t i = 0; i < data_class->count; i++)
        if (data_class->index[i] == index)
            return 1;
    return 0;
}

int subject_show(Subject *s, const Item *item, const DataClass *data_class, const AVFrame *frame, int guess)
{
    s->item = item;
    s->file_width = frame->width;
    s->file_height = frame->height;
    int error = gcam_scaler_run(s->scaler, frame, s->bytes, (ptrdiff_t)s->width * s->channels, s->width, s->height);
    if (error)
        return error;
    normalise(s);
    if ((error = gradcam_context_forward_float(s->context, s->input)))
        return error;
    for (int i = 0; i < SUBJECT_TOP; i++) {
        const int top = gradcam_context_top(s->context, i);
        s->right[i] = top >= 0 && is_one_of(data_class, top);
    }
    s->guessed = guess ? gradcam_context_top(s->context, 0) : -1;
    if (guess && s->guessed < 0)
        return s->guessed;
    s->target = (GradcamTarget){ .size = sizeof(s->target), .name = data_class->name,
                                 .classes = guess ? &s->guessed : data_class->index,
                                 .count = guess ? 1 : data_class->count };
    s->probability = gradcam_context_probability(s->context, &s->target);
    return 0;
}

// Raw cells to 0..1 at the network's size; of signed maps the side that speaks for the class. Returns whether there is
// something to see.
static int show_map(const Subject *s, float *raw, float *shown)
{
    const size_t cells = (size_t)s->columns * (size_t)s->rows;
    for (size_t i = 0; s->method->info && s->method->info->is_signed && i < cells; i++)
        raw[i] = fmaxf(raw[i], 0);
    gradcam_map_resize(raw, s->columns, s->rows, shown, s->pixels, s->width, s->height);
    int seen = 0;
    for (size_t i = 0; i < cells && !seen; i++)
        seen = raw[i] != raw[0];
    return gradcam_map_normalize(shown, s->pixels) && seen;
}

static int make_map(Subject *s, float *raw, float *shown, GradcamMapInfo *info)
{
    const size_t room = (size_t)s->columns * (size_t)s->rows;
    const int error = gradcam_context_map(s->context, &s->target, s->method, raw, room, info);
    return error ? error : show_map(s, raw, shown);
}

int subject_explain(Subject *s, const GradcamMethod *method)
{
    GradcamMapInfo info = { .size = sizeof(info) };

    s->method = method;
    int error = gradcam_context_forward_float(s->context, s->input);
    if (error)
        return error;
    const int seen = make_map(s, s->map, s->shown, &info);
    if (seen < 0)
        return seen;
    s->empty = !seen;
    s->masked_probability = s->coherency = NAN;
    s->score = info.score;
    s->probability = info.probability;
    return 0;
}

void subject_invert(Subject *s)
{
    const size_t cells = (size_t)s->columns * (size_t)s->rows;
    float least = s->map[0], most = s->map[0];

    for (size_t i = 0; i < cells; i++) {
        least = fminf(least, s->map[i]);
        most = fmaxf(most, s->map[i]);
    }
    for (size_t i = 0; i < cells; i++)
        s->map[i] = most - s->map[i] + fmaxf(least, 0);
    for (size_t i = 0; i < s->pixels; i++)
        s->shown[i] = 1 - s->shown[i];
    s->masked_probability = s->coherency = NAN;
}

int subject_ask(Subject *s, const float *input, float *probability, float *score)
{
    int error = gradcam_context_forward_float(s->context, input);
    if (!error && probability)
        *probability = gradcam_context_probability(s->context, &s->target);
    if (!error && score) {
        size_t classes;
        const float *y = gradcam_context_logits(s->context, &classes);
        double most = -INFINITY, sum = 0;
        for (size_t i = 0; i < s->target.count; i++)
            most = fmax(most, y[s->target.classes[i]]);
        for (size_t i = 0; i < s->target.count; i++)
            sum += exp(y[s->target.classes[i]] - most);
        *score = (float)(most + log(sum));
    }
    return error;
}

int subject_explain_input(Subject *s, const float *input)
{
    const int error = gradcam_context_forward_float(s->context, input);
    const int seen = error ? error : make_map(s, s->raw, s->other, NULL);
    return seen < 0 ? seen : 0;
}
