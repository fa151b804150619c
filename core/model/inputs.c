/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the inputs of a graph as it was exported, dimensions that are open being 0. Out: what each of them is, with all
 * dimensions known, in the graph's arena.
 *
 * A picture has rows, columns and channels, with a batch before them or without. Channels come first, as ONNX has them,
 * or last where that alone is 3 or 1, or less than both others. As cameras give grey or three colours, other numbers
 * of channels are frames: a multiple of 3 so many pictures in colour, any other number so many grey ones. (Mnih et al.
 * 2015 show their players the last four frames.)
 *
 * Inside, a picture always has four dimensions, and lies rows first, channels last. Where the network takes it without
 * a batch, a Reshape is put before it. So it is where a batch of several is a video's frames: they are channels of one
 * picture then, too.
 */
#include "inputs.h"

#include "base/enum_names.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOST_COUNT ((size_t)1 << 40)    // elements of an input

// What the dimensions that a graph leaves open become.
typedef struct Sizes {
    int width, height;
    size_t batch;               // of the picture as it was exported, which becomes 1 wherever it stands; 0: open
    int frames;                 // ... or stays what it is
} Sizes;

// Where the dimensions of a picture are; the batch is before them, or there is none.
typedef struct Layout {
    const char *name;
    int rank, channels, rows, columns;
} Layout;

static const Layout layouts[] = {
    { "NCHW", 4, 1, 2, 3 }, { "NHWC", 4, 3, 1, 2 }, { "CHW", 3, 0, 1, 2 }, { "HWC", 3, 2, 0, 1 },
};

static const char *const kinds[] = { "picture", "numbers", "state" };

const char *gradcam_input_kind_name(enum GradcamInputKind kind)
{
    return GCAM_ENUM_NAME(kinds, kind);
}

int gradcam_input_kind_find(const char *name)
{
    return GCAM_ENUM_FIND(kinds, name);
}

static int is_usual(size_t channels)
{
    return channels == 3 || channels == 1;
}

// NULL for a tensor that is no picture.
static const Layout *find_layout(const GcamShape *shape)
{
    if (shape->rank != 3 && shape->rank != 4)
        return NULL;
    const Layout *first = &layouts[shape->rank == 4 ? 0 : 2], *last = first + 1;
    size_t early = shape->dim[first->channels], late = shape->dim[last->channels], between = shape->dim[last->columns];
    if (is_usual(early) || !late)
        return first;
    return is_usual(late) || (late < early && late < between) ? last : first;
}

// ---------------------------------------------------------------------------------------------------------- dimensions

// The size of a dimension that the graph leaves open.
static size_t open_size(const Layout *layout, int dim, const Sizes *sizes)
{
    if (!layout || (dim == 0 && layout->rank == 3))
        return 1;
    return dim == layout->channels ? 3 : dim == layout->rows ? (size_t)sizes->height
                                       : dim == layout->columns ? (size_t)sizes->width : 1;
}

// Sizes for what is open, and a batch of 1. What is no picture may have an open batch, and nothing else.
static int complete_shape(GcamValue *value, const Layout *layout, const Sizes *sizes, const GradcamLog *log)
{
    GcamShape *shape = &value->shape;
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (!shape->dim[i] && !layout && i > 0) {
            gcam_log(log, GRADCAM_LOG_ERROR, "dimension %d of input '%s' is open", i, value->name);
            return -ENOTSUP;
        }
        if (!shape->dim[i])
            shape->dim[i] = open_size(layout, i, sizes);
        int is_batch = layout ? layout->rank == 4 : shape->rank > 1 && shape->dim[i] == sizes->batch;
        if (i == 0 && is_batch && !(sizes->frames && shape->dim[i] == sizes->batch))
            shape->dim[i] = 1;
        if (gcam_mul(count, shape->dim[i], &count) < 0 || count > MOST_COUNT) {
            char text[GCAM_SHAPE_TEXT];
            gcam_log(log, GRADCAM_LOG_ERROR, "input '%s' has an impossible shape %s", value->name,
                     gcam_shape_text(shape, text));
            return -EBADMSG;
        }
    }
    return 0;
}

static int check_sides(const GcamValue *value, const Layout *layout, const GradcamLog *log)
{
    const GcamShape *shape = &value->shape;
    const size_t batch = layout->rank == 4 ? shape->dim[0] : 1, channels = shape->dim[layout->channels];
    if (shape->dim[layout->rows] <= GCAM_MOST_PIXELS && shape->dim[layout->columns] <= GCAM_MOST_PIXELS &&
        channels <= GCAM_MOST_CHANNELS && batch <= GCAM_MOST_CHANNELS && batch * channels <= GCAM_MOST_CHANNELS)
        return 0;
    char text[GCAM_SHAPE_TEXT];
    gcam_log(log, GRADCAM_LOG_ERROR,
             "input '%s' has shape %s; the sides of a picture are 1 to %d, its channels 1 to %d", value->name,
             gcam_shape_text(shape, text), GCAM_MOST_PIXELS, GCAM_MOST_CHANNELS);
    return -ENOTSUP;
}

static GradcamInput describe(const GcamValue *value, int type, const Layout *layout)
{
    const GcamShape *shape = &value->shape;
    GradcamInput input = {
        .name = value->name, .kind = layout ? GRADCAM_INPUT_PICTURE : GRADCAM_INPUT_NUMBERS,
        .type = gcam_data_name(type), .count = gcam_shape_count(shape), .rank = shape->rank, .layout = "",
        .state = "",
    };
    memcpy(input.shape, shape->dim, sizeof(input.shape));
    if (!layout)
        return input;
    size_t channels = shape->dim[layout->channels], batch = layout->rank == 4 ? shape->dim[0] : 1;
    input.layout = layout->name;
    input.channels = channels % 3 ? 1 : 3;
    input.frames = (int)(channels / (size_t)input.channels * batch);
    input.height = (int)shape->dim[layout->rows];
    input.width = (int)shape->dim[layout->columns];
    return input;
}

// Sets *input to what graph input `index` is.
static int decide(GcamGraph *graph, int index, int is_picture, const Sizes *sizes, GradcamInput *input,
                  const GradcamLog *log)
{
    GcamValue *value = &graph->value[graph->input[index]];
    // Only a tensor with a batch can be told from a table of numbers; the picture can do without one.
    const Layout *layout = value->shape.rank == 4 || is_picture ? find_layout(&value->shape) : NULL;
    int open = layout && (!value->shape.dim[layout->rows] || !value->shape.dim[layout->columns]);
    int error = complete_shape(value, layout, sizes, log);
    if (!error && layout)
        error = check_sides(value, layout, log);
    if (error)
        return error;
    *input = describe(value, graph->input_type[index], layout);
    input->is_open = open;
    return 0;
}

// --------------------------------------------------------------------------------------------------------- the picture

// The first input with a batch, rows, columns and the channels of one picture; else with any channels; else without a
// batch. Its index among the inputs, or -1: there is none.
static int find_picture(const GcamGraph *graph)
{
    int found = -1, best = 0;
    for (int i = 0; i < graph->inputs; i++) {
        const GcamShape *shape = &graph->value[graph->input[i]].shape;
        const Layout *layout = find_layout(shape);
        size_t channels = layout ? shape->dim[layout->channels] : 0;
        int rank = !layout ? 0 : layout->rank == 3 ? 1 : channels && !is_usual(channels) ? 2 : 3;
        if (rank > best) {
            found = i;
            best = rank;
        }
    }
    return found;
}

// A constant with a shape, for Reshape.
static int add_shape(GcamGraph *graph, const GcamShape *shape)
{
    int index = gcam_graph_add_value(graph, "");
    int64_t *dims = gcam_arena_alloc(&graph->arena, GCAM_MAX_RANK, sizeof(*dims));
    if (index < 0 || !dims)
        return -ENOMEM;
    for (int i = 0; i < shape->rank; i++)
        dims[i] = (int64_t)shape->dim[i];
    GcamValue *value = &graph->value[index];
    value->type = GCAM_TYPE_INT64;
    value->shape = (GcamShape){ 1, { (size_t)shape->rank } };
    value->data = dims;
    return index;
}

// Puts a node before all others.
static GcamNode *add_first_node(GcamGraph *graph)
{
    if (gcam_graph_add_node(graph) < 0)
        return NULL;
    memmove(graph->node + 1, graph->node, (size_t)(graph->nodes - 1) * sizeof(*graph->node));
    for (int i = 0; i < graph->values; i++)
        if (graph->value[i].node >= 0)
            graph->value[i].node++;
    graph->node[0] = (GcamNode){ 0 };
    return graph->node;
}

// The picture becomes one with a batch of 1, and what the network took is made of that: a picture without a batch, or
// several whose channels it has.
static int add_batch(GcamGraph *graph, int index, size_t channels)
{
    int bare = graph->input[index];
    const char *name = graph->value[bare].name;
    size_t room = strlen(name) + 16;
    char *bare_name = gcam_arena_alloc(&graph->arena, room, 1);
    int picture = gcam_graph_add_value(graph, name), shape = add_shape(graph, &graph->value[bare].shape);
    GcamNode *node = add_first_node(graph);
    if (picture < 0 || shape < 0 || !node || !bare_name)
        return -ENOMEM;
    snprintf(bare_name, room, "%s/batch", name);
    node->name = bare_name;
    node->type = "Reshape";
    node->domain = "";
    node->input = gcam_arena_alloc(&graph->arena, 2, sizeof(int));
    node->output = gcam_arena_alloc(&graph->arena, 1, sizeof(int));
    if (!node->input || !node->output)
        return -ENOMEM;
    node->inputs = 2;
    node->outputs = 1;
    node->input[0] = picture;
    node->input[1] = shape;
    node->output[0] = bare;
    GcamValue *from = &graph->value[picture], *to = &graph->value[bare];
    from->type = to->type;
    from->shape = to->shape.rank == 3 ? (GcamShape){ 4, { 1, to->shape.dim[0], to->shape.dim[1], to->shape.dim[2] } }
                                      : (GcamShape){ 4, { 1, channels, to->shape.dim[2], to->shape.dim[3] } };
    to->name = bare_name;
    to->node = 0;
    graph->input[index] = picture;
    return 0;
}

size_t gcam_inputs_batch(const GcamGraph *graph)
{
    const int picture = find_picture(graph);
    const GcamShape *shape = picture < 0 ? NULL : &graph->value[graph->input[picture]].shape;
    const Layout *layout = shape ? find_layout(shape) : NULL;
    return layout && layout->rank == 4 && layout->channels == 1 && shape->dim[0] ? shape->dim[0] : 1;
}

int gcam_inputs_decide(GcamInputs *inputs, GcamGraph *graph, int width, int height, int frames, const GradcamLog *log)
{
    int picture = find_picture(graph);
    *inputs = (GcamInputs){ .batch = 1 };
    graph->batch = frames ? 1 : gcam_inputs_batch(graph);
    inputs->other = gcam_arena_alloc(&graph->arena, (size_t)graph->inputs + 1, sizeof(*inputs->other));
    inputs->other_value = gcam_arena_alloc(&graph->arena, (size_t)graph->inputs + 1, sizeof(int));
    inputs->state_value = gcam_arena_alloc(&graph->arena, (size_t)graph->inputs + 1, sizeof(int));
    if (!inputs->other || !inputs->other_value || !inputs->state_value)
        return -ENOMEM;
    if (picture < 0) {
        gcam_log(log, GRADCAM_LOG_ERROR, "no input is a picture (a tensor of three or four dimensions)");
        return -ENOTSUP;
    }
    const GcamShape *shape = &graph->value[graph->input[picture]].shape;
    const Sizes sizes = { width, height, shape->rank == 4 ? shape->dim[0] : 0, frames };
    for (int i = 0; i < graph->inputs; i++) {
        GradcamInput input;
        int error = decide(graph, i, i == picture, &sizes, &input, log);
        if (error)
            return error;
        if (i != picture) {
            inputs->state_value[inputs->others] = -1;
            inputs->other[inputs->others] = input;
            inputs->other_value[inputs->others++] = graph->input[i];
            continue;
        }
        const size_t batch = input.rank == 4 ? input.shape[0] : 1;
        if ((input.rank == 3 || batch > 1) &&
            (error = add_batch(graph, i, (size_t)input.frames * (size_t)input.channels)))
            return error;
        inputs->batch = batch;
        inputs->picture = input;
        inputs->picture_value = graph->input[i];
        graph->value[graph->input[i]].channels_last = input.layout[strlen(input.layout) - 1] == 'W';
    }
    return 0;
}

// -------------------------------------------------------------------------------------------------------------- states

// Whether a word of a name tells only where a state stands: "memory_in", "memory_out", "new_state", "h0", "hn".
static int is_filler(const char *word, size_t length)
{
    static const char *const fillers[] = { "in", "out", "input", "output", "prev", "previous", "last", "next", "new",
                                           "old", "init", "initial", "final", "n", "t" };
    for (size_t i = 0; i < sizeof(fillers) / sizeof(fillers[0]); i++)
        if (strlen(fillers[i]) == length && !memcmp(fillers[i], word, length))
            return 1;
    return 0;
}

// What is left of a name without such words, digits, case and punctuation; "hn" and "cn" are "h" and "c" here.
static void find_stem(const char *name, char stem[64])
{
    size_t used = 0, begin = 0;
    for (size_t i = 0;; i++) {
        char c = name[i];
        int is_upper = c >= 'A' && c <= 'Z', is_letter = is_upper || (c >= 'a' && c <= 'z');
        if (is_letter && used < 63) {
            stem[used++] = (char)(is_upper ? c - 'A' + 'a' : c);
            continue;
        }
        if (used - begin == 2 && stem[used - 1] == 'n' && (stem[begin] == 'h' || stem[begin] == 'c'))
            used--;
        if (is_filler(stem + begin, used - begin))
            used = begin;
        begin = used;
        if (!c || used == 63)
            break;
    }
    stem[used] = 0;
}

static int can_be_state(const GcamInputs *inputs, const GcamGraph *graph, size_t input, int output, int logits)
{
    return output != logits && graph->value[output].node >= 0 &&
           gcam_shape_equal(&graph->value[inputs->other_value[input]].shape, &graph->value[output].shape);
}

// The one output of the shape and the stem of an input; -1 where there is none, or several.
static int guess_state(const GcamInputs *inputs, const GcamGraph *graph, size_t input, int logits)
{
    char stem[64], other[64];
    int found = -1, count = 0;
    find_stem(inputs->other[input].name, stem);
    for (int i = 0; i < graph->outputs; i++) {
        if (!can_be_state(inputs, graph, input, graph->output[i], logits))
            continue;
        find_stem(graph->value[graph->output[i]].name, other);
        if (stem[0] && !strcmp(stem, other)) {
            found = graph->output[i];
            count++;
        }
    }
    return count == 1 ? found : -1;
}

static void set_state(GcamInputs *inputs, GcamGraph *graph, size_t input, int output)
{
    if (inputs->state_value[input] < 0)
        inputs->states++;
    inputs->state_value[input] = output;
    inputs->other[input].kind = GRADCAM_INPUT_STATE;
    inputs->other[input].state = graph->value[output].name;
}

// One "input=output" of a list.
static int read_state(GcamInputs *inputs, GcamGraph *graph, int logits, const char *text, size_t length,
                      const GradcamLog *log)
{
    const char *equals = memchr(text, '=', length);
    size_t input = 0, name = equals ? (size_t)(equals - text) : 0;
    int output = 0;
    while (input < inputs->others &&
           (strlen(inputs->other[input].name) != name || memcmp(inputs->other[input].name, text, name)))
        input++;
    while (equals && output < graph->outputs &&
           (strlen(graph->value[graph->output[output]].name) != length - name - 1 ||
            memcmp(graph->value[graph->output[output]].name, equals + 1, length - name - 1)))
        output++;
    if (!equals || input == inputs->others || output == graph->outputs) {
        gcam_log(log, GRADCAM_LOG_ERROR, "the state '%.*s' is no pair of an input and an output of the network",
                 (int)length, text);
        return -ENOENT;
    }
    if (!can_be_state(inputs, graph, input, graph->output[output], logits)) {
        char a[GCAM_SHAPE_TEXT], b[GCAM_SHAPE_TEXT];
        gcam_log(log, GRADCAM_LOG_ERROR, "the state '%.*s' pairs shapes %s and %s%s", (int)length, text,
                 gcam_shape_text(&graph->value[inputs->other_value[input]].shape, a),
                 gcam_shape_text(&graph->value[graph->output[output]].shape, b),
                 graph->output[output] == logits ? ": the scores" : "");
        return -EINVAL;
    }
    set_state(inputs, graph, input, graph->output[output]);
    return 0;
}

int gcam_inputs_find_states(GcamInputs *inputs, GcamGraph *graph, int logits, const char *wanted,
                            const GradcamLog *log)
{
    int is_auto = !wanted || !wanted[0] || !strcmp(wanted, "auto");
    for (size_t i = 0; is_auto && i < inputs->others; i++) {
        int output = guess_state(inputs, graph, i, logits);
        if (output >= 0)
            set_state(inputs, graph, i, output);
    }
    for (const char *at = wanted; !is_auto && strcmp(wanted, "none") && *at;) {
        size_t length = strcspn(at, ",");
        int error = read_state(inputs, graph, logits, at, length, log);
        if (error)
            return error;
        at += length + (at[length] == ',');
    }
    graph->carried = gcam_arena_alloc(&graph->arena, inputs->states + 1, sizeof(int));
    if (!graph->carried)
        return -ENOMEM;
    for (size_t i = 0; i < inputs->others; i++)
        if (inputs->state_value[i] >= 0)
            graph->carried[graph->carrieds++] = inputs->state_value[i];
    return 0;
}
