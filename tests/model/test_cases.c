/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Small networks, each a construct that exporters write: all of cases/networks of the test data. Each is opened, run on
 * sines and explained; its scores are those of ONNX Runtime, which expected.json beside them holds. A file that ONNX
 * Runtime refuses may be refused, with a sentence.
 *
 * What is known not to work yet stands in `known`, with the reason. A file of that list that works fails too, so that
 * the list can only become shorter.
 */
#include "ops/check.h"

#include <errno.h>

enum { MOST_VALUES = 24 };      // of an output that expected.json has

// By reason; names without .onnx, with a space before and after each.
static const struct {
    const char *reason, *files;
} known[] = {
    { NULL, NULL },
};

// Files without one score for each class: refused, and right once a part of an output is named (logits), which has the
// output's elements from `at` on, `step` apart. Or scores that are a part of an output at once: of the first picture.
static const struct Part {
    const char *file, *logits;
    int at, step, count;
} parts[] = {
    { "fcn_low.onnx", "39[0,:,0,3]", 3, 64, 5 },
    { "fcn_up.onnx", "56@0/*/0/7", 7, 4096, 5 },
    { "seg.onnx", "y[0,:,0,-59]", 5, 4096, 2 },
    { "words.onnx", "y[0,:,1]", 1, 3, 2 },
    { "batch4f.onnx", NULL, 0, 1, 10 },
    { "expand.onnx", "y[1]", 5, 1, 5 },
};

static const struct Part *find_part(const char *file)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (!strcmp(parts[i].file, file))
            return &parts[i];
    return NULL;
}

static int is_listed(const char *files, const char *file)
{
    char name[80];
    snprintf(name, sizeof(name), " %.*s ", (int)strcspn(file, "."), file);
    return strstr(files, name) != NULL;
}

static const char *why_known(const char *file)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].files && is_listed(known[i].files, file))
            return known[i].reason;
    return NULL;
}

// ------------------------------------------------------------------------------------------------------- expected.json

// An output of a file: its name is not asked for, for scores are often taken before its last operator.
typedef struct Output {
    size_t count;               // of its elements
    int listed;                 // the first of them, those that are numbers
    double first[MOST_VALUES];
} Output;

// Numbers of the JSON list that follows `name`, at most `most`; NaN among them. Returns where it ends, NULL where there
// is none before `end`.
static const char *numbers(const char *text, const char *end, const char *name, int most, double *to, int *count)
{
    const char *at = strstr(text, name);
    if (!at || at >= end)
        return NULL;
    at = strchr(at, '[');
    for (*count = 0; at && *at != ']' && *count < most;) {
        char *next;
        at += strspn(at, "[, \n");
        if (*at == ']')
            break;
        to[(*count)++] = strtod(at, &next);
        if (next == at)
            return NULL;
        at = next;
    }
    return at;
}

static const char *next_output(const char *text, const char *end, Output *output)
{
    double dim[8];
    int rank;
    const char *at = numbers(text, end, "\"shape\"", 8, dim, &rank);
    if (!at)
        return NULL;
    output->count = 1;
    for (int i = 0; i < rank; i++)
        output->count *= (size_t)dim[i];
    return numbers(at, end, "\"first\"", MOST_VALUES, output->first, &output->listed);
}

// ------------------------------------------------------------------------------------------------------------ one file

// What the last operator may have made of a score, which is taken before it.
enum Last { LAST_NOTHING, LAST_SOFTMAX, LAST_SIGMOID, LAST_COUNT };

static double as_output(const float *logits, size_t count, size_t i, enum Last last)
{
    double sum = 0;
    if (last == LAST_NOTHING)
        return logits[i];
    if (last == LAST_SIGMOID)
        return 1 / (1 + exp(-(double)logits[i]));
    for (size_t k = 0; k < count; k++)
        sum += exp((double)logits[k] - (double)logits[i]);
    return 1 / sum;
}

// The most probable class's probability alone, which TopK of one made of all.
static int is_top(const Output *output, const float *logits, size_t count)
{
    double top = 0;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, as_output(logits, count, i, LAST_SOFTMAX));
    return output->count == 1 && fabs(output->first[0] - top) < 1e-4;
}

// Where ONNX Runtime makes operators on integers of a file's floats between quantised numbers, whose rounding is not
// what the file says: some elements are off by a step.
static const char *const rounded_otherwise = " qdq ";

static int equals(const Output *output, const float *logits, size_t count, enum Last last, double tolerance)
{
    double largest = 1e-3;
    if (output->count != count)
        return count > 1 && last == LAST_SOFTMAX && is_top(output, logits, count);
    for (int i = 0; i < output->listed; i++)
        largest = isfinite(output->first[i]) ? fmax(largest, fabs(output->first[i])) : largest;
    for (int i = 0; i < output->listed; i++) {
        double got = as_output(logits, count, (size_t)i, last), want = output->first[i];
        if (isnan(want) ? !isnan(got) : !(got == want || fabs(got - want) <= tolerance * largest))
            return 0;
    }
    return 1;
}

// The elements of a part that expected.json lists.
static int part_is_right(const struct Part *part, const Output *output, const float *logits, size_t count)
{
    int right = count == (size_t)part->count;
    for (int i = 0, at = part->at; right && i < part->count && at < output->listed; i++, at += part->step)
        right = fabs((double)logits[i] - output->first[at]) <= 1e-4;
    return right && part->at < output->listed;
}

static int scores_are_right(const char *text, const char *end, const struct Part *part, const float *logits,
                            size_t count, double tolerance)
{
    Output output;
    if (part)
        return next_output(text, end, &output) && part_is_right(part, &output, logits, count);
    while ((text = next_output(text, end, &output)))
        for (enum Last last = LAST_NOTHING; last < LAST_COUNT; last++)
            if (equals(&output, logits, count, last, tolerance))
                return 1;
    return 0;
}

// The map of class 0 at the automatic layer: finite wherever the scores are.
static int explains(GradcamContext *context, size_t count, char *trouble, size_t size)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    const size_t cells = (size_t)layer->width * (size_t)layer->height;
    const GradcamTarget target = { .name = "", .classes = &(const int){ 0 }, .count = 1 };
    float *map = calloc(cells, sizeof(*map));
    GradcamMapInfo info = { 0 };
    int error = !map || !count ? -ENOMEM : gradcam_context_map(context, &target, NULL, map, SIZE_MAX, &info);
    for (size_t i = 0; !error && i < cells; i++)
        if (isfinite(info.score) && !isfinite(map[i]))
            error = -EDOM;
    free(map);
    if (error)
        snprintf(trouble, size, "no map of class 0: %d", error);
    return error;
}

// Opens, runs and explains. 0, or a negative errno and what the trouble is.
static int run_file(const char *path, const char *text, const char *end, const struct Part *part, char *trouble,
                    size_t size)
{
    Messages messages;
    const GradcamModelOptions options = { .log = messages_log(&messages), .labels = "none", .width = 64, .height = 64,
                                          .logits = part ? part->logits : NULL };
    const GradcamSettings settings = { .log = messages_log(&messages), .threads = 1 };
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    float *input = NULL;
    size_t count = 0;
    int error = gradcam_model_open(&model, path, &options);
    snprintf(trouble, size, "%s", messages.text);
    if (error || (error = gradcam_context_open(&context, model, &settings))) {
        snprintf(trouble, size, "%s", messages.text);
        goto end;
    }
    const GradcamInput *picture = gradcam_model_picture(model);
    input = calloc(picture->count, sizeof(*input));
    for (size_t i = 0; input && i < picture->count; i++)
        input[i] = strncmp(picture->type, "float", 5) ? (float)(i % 7) : (float)sin(0.7 * (double)i);
    if (!input || (error = gradcam_context_forward_float(context, input)))
        goto end;
    const float *logits = gradcam_context_logits(context, &count);
    const double tolerance = is_listed(rounded_otherwise, strrchr(path, '/') + 1) ? 2e-3 : 1e-4;
    if (scores_are_right(text, end, part, logits, count, tolerance)) {
        error = explains(context, count, trouble, size);
    } else {
        error = -EDOM;
        snprintf(trouble, size, "%zu scores, the first %g, are not those of ONNX Runtime", count,
                 count ? logits[0] : 0);
    }
end:
    free(input);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    return error;
}

static int check_file(const char *folder, const char *file, const char *text, const char *end)
{
    char path[1024], trouble[1024] = "";
    const char *refused = strstr(text, "\"onnxruntime\""), *reason = why_known(file);
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    const struct Part *part = find_part(file);
    int error = part && part->logits ? run_file(path, text, end, NULL, trouble, sizeof(trouble)) : 0;
    if (part && part->logits && (!error || !strstr(trouble, "for each class; the logits can be a part of it")))
        fail("is not refused for its shape: %s", trouble);
    error = run_file(path, text, end, part, trouble, sizeof(trouble));
    if (refused && refused < end) {
        if (error && !trouble[0])
            fail("refused without a word");
        return 1;
    }
    if (error && !reason)
        fail("%s", trouble[0] ? trouble : "refused without a word");
    else if (!error && reason)
        fail("works: it need not stand in the list of what is known");
    else if (error && !trouble[0])
        fail("fails without a word");
    else if (error)
        note("known: %s", reason);
    return !error;
}

int main(void)
{
    const char *shared = getenv("SHARED");
    char folder[512];
    size_t size;
    snprintf(folder, sizeof(folder), "%s/cases/networks", shared ? shared : "");
    char path[600];
    snprintf(path, sizeof(path), "%s/expected.json", folder);
    if (!shared || !shared[0] || access(path, R_OK)) {
        begin_case("cases");
        skip("no cases/networks in the test data");
        return end_cases();
    }
    uint8_t *bytes = read_file(path, &size);
    char *text = calloc(size + 1, 1);
    memcpy(text, bytes, size);
    int files = 0, right = 0;
    // A file is named where ".onnx": { stands, and what follows up to the next one is about it.
    for (char *at = strstr(text, ".onnx\": {"), *next; at; at = next) {
        char *name = at;
        while (name[-1] != '"')
            name--;
        at[5] = 0;
        next = strstr(at + 6, ".onnx\": {");
        begin_case("%s", name);
        right += check_file(folder, name, at + 6, next ? next : text + size);
        files++;
    }
    begin_case("of all files");
    note("%d of %d behave", right, files);
    CHECK(files > 100);
    free(text);
    free(bytes);
    return end_cases();
}
