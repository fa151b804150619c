/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a network takes: inputs beside the picture, as numbers or arrays, and arrays in the place of a picture. In:
 * texts and .npy files. Out: floats for the context, and pixels to draw on.
 */
#include "explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "picture.h"

// Numbers separated by commas.
static int read_numbers(const char *text, const GradcamInput *input, float **data)
{
    size_t count = 0;

    *data = malloc((strlen(text) + 1) * sizeof(**data));
    if (!*data)
        return say_failure("out of memory");
    for (const char *at = text;;) {
        char *end;
        (*data)[count++] = strtof(at, &end);
        if (end == at || (*end && *end != ','))
            return say_usage("explain", "--input takes numbers separated by commas or a .npy file, not \"%s\"", text);
        if (!*end)
            break;
        at = end + 1;
    }
    return count == input->count ? STATUS_OK : say_failure("input \"%s\" has %zu elements, not %zu", input->name,
                                                           input->count, count);
}

int explain_read_array(const char *path, const GradcamInput *input, float **data)
{
    Array array;
    int status = npy_load(path, &array);

    if (!status)
        status = array_check(&array, input, path);
    *data = array.data;
    return status;
}

static const GradcamInput *find_input(const Explain *e, const char *name, size_t length)
{
    const GradcamInput *input;

    for (size_t i = 0; (input = gradcam_model_input_at(e->model, i)); i++)
        if (strlen(input->name) == length && !strncmp(input->name, name, length))
            return input;
    if ((input = gradcam_model_input_at(e->model, 0)))
        say_failure("the network has no input \"%.*s\", but \"%s\"", (int)length, name, input->name);
    else
        say_failure("the network has no input \"%.*s\", only the picture", (int)length, name);
    return NULL;
}

// One --input NAME=VALUES.
static int set_input(Explain *e, const char *text)
{
    const char *equals = strchr(text, '=');
    float *data = NULL;

    if (!equals)
        return say_usage("explain", "--input takes NAME=VALUES, not \"%s\"", text);
    const GradcamInput *input = find_input(e, text, equals - text);
    if (!input)
        return STATUS_FAILURE;
    int status = (npy_is_name(equals + 1) ? explain_read_array : read_numbers)(equals + 1, input, &data);
    if (!status) {
        const int error = gradcam_context_set_input(e->context, input->name, data, input->count);
        status = error ? say_library(&e->log, error, input->name) : STATUS_OK;
    }
    free(data);
    return status;
}

static int is_input_given(const Explain *e, const char *name)
{
    const size_t length = strlen(name);

    for (size_t i = 0; i < e->arguments->given_count; i++) {
        const GivenOption *given = &e->arguments->given[i];
        if (!strcmp(given->option->name, "input") && !strncmp(given->value, name, length) &&
            given->value[length] == '=')
            return 1;
    }
    return 0;
}

int explain_set_inputs(Explain *e)
{
    const GradcamInput *input;

    for (size_t i = 0; i < e->arguments->given_count; i++) {
        const GivenOption *given = &e->arguments->given[i];
        const int status = strcmp(given->option->name, "input") ? STATUS_OK : set_input(e, given->value);
        if (status)
            return status;
    }
    for (size_t i = 0; (input = gradcam_model_input_at(e->model, i)); i++)
        if (input->kind != GRADCAM_INPUT_STATE && !is_input_given(e, input->name))
            say_warning("input \"%s\" is not given, and all zeros; use --input %s=VALUES", input->name, input->name);
    return STATUS_OK;
}

// What pixels an array would have been: its newest frame, at the network's size.
int explain_picture_of_array(const Explain *e, const float *data, AVFrame **out)
{
    const GradcamInput *p = gradcam_model_picture(e->model);
    const GradcamPreprocessing *how = &gradcam_model_info(e->model)->preprocessing;
    const int is_last = p->layout[strlen(p->layout) - 1] == 'C', all = p->frames * p->channels;
    AVFrame *frame = *out = av_frame_alloc();

    if (!frame)
        return say_failure("out of memory");
    frame->format = AV_PIX_FMT_RGB24;
    frame->width = p->width;
    frame->height = p->height;
    if (av_frame_get_buffer(frame, 0) < 0)
        return say_failure("out of memory");
    for (int i = 0; i < p->width * p->height; i++)
        for (int k = 0; k < 3; k++) {
            const int c = p->channels == 1 ? 0 : how->bgr ? 2 - k : k, at = all - p->channels + c;
            const float x = data[is_last ? i * all + at : at * p->width * p->height + i] * how->std[c] + how->mean[c];
            frame->data[0][i / p->width * frame->linesize[0] + i % p->width * 3 + k] =
                (uint8_t)lrintf(fminf(fmaxf(x, 0), 255));
        }
    return STATUS_OK;
}
