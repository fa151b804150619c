/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inputs beside the picture as users write them. In: "question=1/0/2|age=30". Out: they are set in the context.
 */
#include "context.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Numbers joined by '/' or ',' up to `end`: how many, or -1. At most `room` are written.
static long read_numbers(const char *text, const char *end, float *out, size_t room)
{
    long count = 0;
    for (;;) {
        char *after;
        float value = strtof(text, &after);
        if (after == text || after > end || (after < end && *after != '/' && *after != ','))
            return -1;
        if ((size_t)count < room)
            out[count] = value;
        count++;
        if (after == end)
            return count;
        text = after + 1;
    }
}

static const GradcamInput *find_input(const GcamInputs *inputs, const char *name, size_t length)
{
    for (size_t i = 0; i < inputs->others; i++)
        if (strlen(inputs->other[i].name) == length && !memcmp(inputs->other[i].name, name, length))
            return &inputs->other[i];
    return NULL;
}

// One "name=numbers".
static int read_input(GradcamContext *context, const char *text, const char *end)
{
    const GcamInputs *inputs = &context->model->inputs;
    const GradcamLog *log = &context->setup.log;
    const char *equals = memchr(text, '=', (size_t)(end - text));
    size_t length = equals ? (size_t)(equals - text) : (size_t)(end - text);
    const GradcamInput *input = find_input(inputs, text, length);
    if (!equals)
        return gcam_fail(log, -EINVAL, "the input '%.*s' has no value: name=numbers", (int)length, text);
    if (!input)
        return gcam_fail(log, -ENOENT, "the network has no input '%.*s'%s%s%s", (int)length, text,
                         inputs->others ? ", but '" : " beside the picture",
                         inputs->others ? inputs->other[0].name : "", inputs->others ? "'" : "");
    float *numbers = gcam_alloc(input->count, sizeof(*numbers));
    if (!numbers)
        return -ENOMEM;
    long count = read_numbers(equals + 1, end, numbers, input->count);
    int error = count == (long)input->count ? gradcam_context_set_input(context, input->name, numbers, input->count)
                                            : -EINVAL;
    if (count < 0)
        gcam_log(log, GRADCAM_LOG_ERROR, "input '%s' takes numbers joined by /, not '%.*s'", input->name,
                 (int)(end - equals - 1), equals + 1);
    else if (error)
        gcam_log(log, GRADCAM_LOG_ERROR, "input '%s' has %zu elements, not %ld", input->name, input->count, count);
    gcam_free(numbers);
    return error;
}

int gradcam_context_read_inputs(GradcamContext *context, const char *text)
{
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, "|");
        int error = read_input(context, text, end);
        if (error)
            return error;
    }
    return 0;
}
