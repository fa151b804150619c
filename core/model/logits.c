/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which tensor has the scores. By default the first output, before a softmax or sigmoid that ends it; where that has
 * not one score for each class, as a map of features has not, the first output that has. A user names a tensor, a
 * node, or a part of one: `caption[0,2]` is the row of a caption's third word, `mask[0,:,31,40]` what a pixel of a mask
 * may be. A part is a Slice that is put behind the graph before it is simplified.
 */
#include "model.h"

#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// -------------------------------------------------------------------------------------------------------------- parts

// Where the indices begin: behind the last [ where a ] ends the text, else behind the last @. NULL: there are none.
static const char *find_indices(const char *text)
{
    size_t length = strlen(text);
    const char *at = length && text[length - 1] == ']' ? strrchr(text, '[') : strrchr(text, '@');
    return at && at > text ? at + 1 : NULL;
}

// A number; *at moves on. Returns whether there was one.
static int read_number(const char **at, int64_t *number)
{
    char *end;
    *number = strtoll(*at, &end, 10);
    int there = end != *at;
    *at = end;
    return there;
}

// "3", "2:5", "2..5", ":", "*" as Slice takes it. Where it ends, NULL where it is none of these.
static const char *read_range(const char *at, int64_t *start, int64_t *end)
{
    *start = 0;
    *end = INT64_MAX;
    at += strspn(at, " ");
    if (*at == '*') {
        at++;
    } else {
        const int has_start = read_number(&at, start), is_range = *at == ':' || !strncmp(at, "..", 2);
        if (!is_range && !has_start)
            return NULL;
        if (is_range) {
            at += *at == ':' ? 1 : 2;
            if (!read_number(&at, end))
                *end = INT64_MAX;
        } else {
            *end = *start == -1 ? INT64_MAX : *start + 1;
        }
    }
    return at + strspn(at, " ");
}

typedef struct Ranges {
    int64_t start[GCAM_MAX_RANK], end[GCAM_MAX_RANK], axis[GCAM_MAX_RANK];
    size_t count;
} Ranges;

static int read_ranges(const char *at, Ranges *ranges)
{
    while (ranges->count < GCAM_MAX_RANK) {
        ranges->axis[ranges->count] = (int64_t)ranges->count;
        at = read_range(at, &ranges->start[ranges->count], &ranges->end[ranges->count]);
        ranges->count++;
        if (!at || !*at || !strcmp(at, "]"))
            return at ? 0 : -EINVAL;
        if (*at != '/' && *at != ',')
            return -EINVAL;
        at++;
    }
    return -EINVAL;
}

static int add_list(GcamGraph *graph, const int64_t *list, size_t count)
{
    int index = gcam_graph_add_value(graph, "");
    if (index < 0)
        return index;
    graph->value[index].type = GCAM_TYPE_INT64;
    graph->value[index].shape = (GcamShape){ 1, { count } };
    graph->value[index].data = list;
    return index;
}

// Slice has its lists as attributes up to opset 9, as inputs since. ranges: in the arena.
static int add_slice(GcamGraph *graph, int from, const char *name, const Ranges *ranges)
{
    const int64_t *const list[3] = { ranges->start, ranges->end, ranges->axis };
    static const char *const names[3] = { "starts", "ends", "axes" };
    const int is_input = graph->opset >= 10;
    int *io = gcam_arena_alloc(&graph->arena, 5, sizeof(*io)), output = gcam_graph_add_value(graph, name);
    GcamAttribute *attribute = gcam_arena_alloc(&graph->arena, 3, sizeof(*attribute));
    int index = gcam_graph_add_node(graph);
    if (!io || !attribute || output < 0 || index < 0)
        return -ENOMEM;
    io[0] = from;
    for (int i = 0; i < 3; i++) {
        attribute[i] = (GcamAttribute){ .name = names[i], .ints = list[i], .int_count = ranges->count };
        if (is_input && (io[1 + i] = add_list(graph, list[i], ranges->count)) < 0)
            return -ENOMEM;
    }
    io[4] = output;
    graph->value[output].node = index;
    graph->node[index] = (GcamNode){ .name = "", .type = "Slice", .domain = "", .input = io, .output = io + 4,
                                     .inputs = is_input ? 4 : 1, .outputs = 1, .attribute = attribute,
                                     .attributes = is_input ? 0 : 3 };
    return 0;
}

int gcam_model_add_logits(GcamGraph *graph, const char *wanted, const GradcamLog *log)
{
    const char *indices = wanted ? find_indices(wanted) : NULL;
    if (!indices || gcam_graph_find_tensor(graph, wanted) >= 0)         // a name may have such signs itself
        return 0;
    char *name = gcam_arena_strdup(&graph->arena, wanted), *base = gcam_arena_strdup(&graph->arena, wanted);
    Ranges *ranges = gcam_arena_alloc(&graph->arena, 1, sizeof(*ranges));
    if (!name || !base || !ranges)
        return -ENOMEM;
    base[indices - 1 - wanted] = 0;
    int from = gcam_graph_find_tensor(graph, base);
    if (from < 0)
        return 0;                               // whoever looks for the whole says that there is none
    if (read_ranges(indices, ranges) < 0)
        return gcam_fail(log, -EINVAL, "the logits '%s' are no part of '%s': at most %d indices or ranges, as in "
                         "'%s[0,:,3]'", wanted, base, GCAM_MAX_RANK, base);
    return add_slice(graph, from, name, ranges);
}

// ------------------------------------------------------------------------------------------------------------- scores

// Walks back over what only turns scores into probabilities, another shape or quantised numbers. *kind: "softmax",
// "sigmoid", or "".
static int before_softmax(const GcamGraph *graph, int output, const char **kind)
{
    *kind = "";
    for (int value = output; graph->value[value].node >= 0;) {
        const GcamNode *node = &graph->node[graph->value[value].node];
        value = node->input[0];
        if (node->op->probabilities) {
            *kind = node->op->probabilities;
            return value;
        }
        if (!(node->op->flags & (GCAM_OP_VIEW | GCAM_OP_ROUNDS)))
            break;
    }
    return output;
}

// All dimensions but one are 1.
static int is_one_row(const GcamShape *shape)
{
    int more = 0;
    for (int i = 0; i < shape->rank; i++)
        more += shape->dim[i] > 1;
    return more <= 1;
}

// The first output that has one row of scores; -1: there is none.
static int find_row(const GcamGraph *graph)
{
    const char *kind;
    for (int i = 0; i < graph->outputs; i++) {
        const int value = before_softmax(graph, graph->output[i], &kind);
        if (graph->value[value].node >= 0 && is_one_row(&graph->value[value].shape) &&
            gcam_shape_count(&graph->value[value].shape) > 1)
            return value;
    }
    return -1;
}

// How a row of a tensor is named: the channels in the middle of a picture, the last dimension of others; of a batch the
// last, which is the newest picture's.
static void say_row(const GcamValue *value, size_t batch, char *text, size_t size)
{
    const GcamShape *shape = &value->shape;
    size_t used = (size_t)snprintf(text, size, "%.80s[", value->name);
    for (int i = 0; i < shape->rank && used < size; i++) {
        const int is_classes = i == (shape->rank == 4 && shape->dim[1] > 1 ? 1 : shape->rank - 1);
        const size_t middle = shape->rank == 4 && i > 1 ? shape->dim[i] / 2
                            : i == 0 && shape->dim[i] == batch ? batch - 1 : 0;
        used += is_classes ? (size_t)snprintf(text + used, size - used, "%s:", i ? "," : "")
                           : (size_t)snprintf(text + used, size - used, "%s%zu", i ? "," : "", middle);
    }
    if (used < size)
        snprintf(text + used, size - used, "]");
}

// Lists the outputs, and how a row of `value` is named.
static int refuse(const GradcamModel *model, int value, const GradcamLog *log)
{
    const GcamGraph *graph = &model->graph;
    char list[512] = "", row[160], text[GCAM_SHAPE_TEXT];
    size_t used = 0;
    for (int i = 0; graph->outputs > 1 && i < graph->outputs && used < sizeof(list) - 160; i++) {
        const GcamValue *output = &graph->value[graph->output[i]];
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s'%.80s' (%s)", i ? ", " : "; outputs are ",
                                 output->name, gcam_shape_text(&output->shape, text));
    }
    say_row(&graph->value[value], model->inputs.batch, row, sizeof(row));
    return gcam_fail(log, -ENOTSUP, "the output '%s' has shape %s: not one score for each class; the logits can be a "
                     "part of it, as '%s'%s", graph->value[value].name,
                     gcam_shape_text(&graph->value[value].shape, text), row, list);
}

int gcam_model_find_logits(GradcamModel *model, const char *wanted, const GradcamLog *log)
{
    const GcamGraph *graph = &model->graph;
    const char *kind;
    int named = wanted && wanted[0];
    model->logits = named ? gcam_graph_find_tensor(graph, wanted)
                  : graph->outputs ? before_softmax(graph, graph->output[0], &kind) : -1;
    if (model->logits < 0 || graph->value[model->logits].node < 0)
        return gcam_fail(log, named ? -ENOENT : -ENOTSUP, named ? "no tensor or node computes the logits '%s'"
                                                               : "no output depends on the picture%s",
                         named ? wanted : "");
    if (!is_one_row(&graph->value[model->logits].shape)) {
        const int other = named ? -1 : find_row(graph);
        if (other < 0)
            return refuse(model, model->logits, log);
        gcam_log(log, GRADCAM_LOG_INFO, "the scores are those of '%s': '%s', the first output, has not one for each "
                 "class", graph->value[other].name, graph->value[model->logits].name);
        model->logits = other;
    }
    // Of several outputs one may be the softmax of another.
    model->info.probabilities = "";
    for (int i = 0; i < graph->outputs && !model->info.probabilities[0]; i++)
        if (before_softmax(graph, graph->output[i], &kind) == model->logits)
            model->info.probabilities = kind;
    const GcamValue *logits = &graph->value[model->logits];
    model->info.logits = logits->name;
    model->info.classes = gcam_shape_count(&logits->shape);
    if (model->info.classes > GCAM_MOST_CLASSES)
        return gcam_fail(log, -ENOTSUP, "the output '%s' has %zu classes, more than %d", logits->name,
                         model->info.classes, GCAM_MOST_CLASSES);
    return 0;
}
