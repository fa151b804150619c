/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running a graph in the engine through the public interface, beside the reference: logits, the layer's
 * activations A, and its gradients G against central differences of the reference in double.
 */
#ifndef TESTS_OPS_CHECK_H
#define TESTS_OPS_CHECK_H

#include <unistd.h>

#include "gradcam.h"
#include "harness.h"
#include "ops/reference.h"

// The last error that a GradcamLog from messages_log() received, and how many.
typedef struct Messages {
    char text[1024];
    int count;
} Messages;

static inline void take_message(void *opaque, enum GradcamLogLevel level, const char *message)
{
    Messages *messages = opaque;
    if (level != GRADCAM_LOG_ERROR)
        return;
    snprintf(messages->text, sizeof(messages->text), "%s", message);
    messages->count++;
}

static inline GradcamLog messages_log(Messages *messages)
{
    *messages = (Messages){ .count = 0 };
    return (GradcamLog){ take_message, messages };
}

// Opens the graph as a model, by way of a file. The result of gradcam_model_open().
static inline int open_graph(GradcamModel **out, const Graph *graph, const GradcamModelOptions *options)
{
    graph_save(graph, "graph.onnx");
    int error = gradcam_model_open(out, "graph.onnx", options);
    unlink("graph.onnx");
    return error;
}

// Largest difference in units of the largest element wanted; NaN counts as infinite.
static inline double scaled_difference(const float *got, const double *want, size_t count)
{
    double largest = 1e-3, worst = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)got[i] - want[i]);
        largest = fmax(largest, fabs(want[i]));
        worst = difference <= worst ? worst : isnan(difference) ? INFINITY : difference;
    }
    return worst / largest;
}

// From [height][width][channels] to ONNX's order.
static inline float *to_plain(const float *from, const GradcamLayer *layer, int tokens)
{
    size_t c = (size_t)layer->channels, cells = (size_t)layer->width * (size_t)layer->height;
    float *to = malloc(c * cells * sizeof(*to));
    for (size_t i = 0; to && i < c * cells; i++)
        to[tokens ? i : i % c * cells + i / c] = from[i];
    return to;
}

// Whether a layer lies in ONNX's order as it is shown: [1, N, C] or [1, H, W, C].
static inline int is_tokens(const RefTensor *tensor, const GradcamLayer *layer)
{
    return tensor->rank == 3 || (tensor->rank == 4 && tensor->dim[1] != (size_t)layer->channels);
}

typedef struct Tolerances {
    double forward, backward;   // of the largest element
} Tolerances;

// What the operators must keep: float32 forward, and gradients well within the 1e-3 that is demanded.
static const Tolerances usual = { 2e-5, 2e-4 };

static inline void check_gradient(GradcamContext *context, Reference *reference, const char *logits,
                                  const int *classes, size_t count, Tolerances tolerances)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    const RefTensor *want_a = reference_find(reference, layer->name);
    size_t elements = (size_t)layer->channels * (size_t)layer->width * (size_t)layer->height;
    const GradcamTarget target = { .name = "", .classes = classes, .count = count };
    float *map = calloc(elements, sizeof(*map));
    double *want = calloc(want_a ? want_a->count : 1, sizeof(*want));
    const float *a, *g;
    GradcamMapInfo info = { 0 };
    const int tokens = want_a && is_tokens(want_a, layer);
    // A class token comes before the picture's.
    const size_t skip = tokens && want_a->count > elements ? want_a->count - elements : 0;
    if (!want_a || want_a->count != elements + skip || skip > (size_t)layer->channels) {
        fail("layer '%s' has %zu elements", layer->name, elements);
    } else if (gradcam_context_map(context, &target, NULL, map, SIZE_MAX, &info) < 0 ||
               gradcam_context_tensors(context, &a, &g) < 0) {
        fail("no map of layer '%s'", layer->name);
    } else {
        float *plain_a = to_plain(a, layer, tokens), *plain_g = to_plain(g, layer, tokens);
        double score = reference_score(reference_find(reference, logits), classes, count);
        double off = scaled_difference(plain_a, want_a->data + skip, elements);
        if (!(off <= tolerances.forward))
            fail("layer '%s': activations off by %.2g of the largest", layer->name, off);
        if (!(fabs(info.score - score) <= 1e-4 * (1 + fabs(score))))
            fail("layer '%s': score %g, not %g", layer->name, info.score, score);
        reference_gradient(reference, layer->name, logits, classes, count, want);
        off = scaled_difference(plain_g, want + skip, elements);
        if (!(off <= tolerances.backward))
            fail("layer '%s', %zu class%s from %d: gradient off by %.2g of the largest", layer->name, count,
                 count == 1 ? "" : "es", classes[0], off);
        free(plain_a);
        free(plain_g);
    }
    free(want);
    free(map);
}

// One layer: forward, then backward for the first class, the last, and the group of all.
static inline void check_layer(GradcamModel *model, Reference *reference, const char *layer,
                               const float *picture, Tolerances tolerances)
{
    Messages messages;
    const GradcamSettings settings = { .log = messages_log(&messages), .layer = layer, .threads = 1 };
    const GradcamModelInfo *info = gradcam_model_info(model);
    GradcamContext *context = NULL;
    if (gradcam_context_open(&context, model, &settings) < 0) {
        fail("layer '%s': %s", layer, messages.text);
        return;
    }
    CHECK(gradcam_context_forward_float(context, picture) == 0);
    size_t count = 0;
    const float *logits = gradcam_context_logits(context, &count);
    const RefTensor *want = reference_find(reference, info->logits);
    int *classes = calloc(info->classes, sizeof(*classes));
    for (size_t i = 0; i < info->classes; i++)
        classes[i] = (int)i;
    if (!want || want->count != count) {
        fail("%zu logits in '%s'", count, info->logits);
    } else {
        double off = scaled_difference(logits, want->data, count);
        if (!(off <= tolerances.forward))
            fail("layer '%s': logits off by %.2g of the largest", layer, off);
        check_gradient(context, reference, info->logits, classes, 1, tolerances);
        check_gradient(context, reference, info->logits, classes + count - 1, 1, tolerances);
        check_gradient(context, reference, info->logits, classes, count, tolerances);
    }
    free(classes);
    gradcam_context_close(&context);
}

// A random picture for the input of the graph, the same in the reference.
static inline float *random_picture(Reference *reference, const char *input, float low, float high,
                                    uint64_t seed)
{
    RefTensor *x = reference_find(reference, input);
    float *picture = malloc(x->count * sizeof(*picture));
    Random random = { seed };
    random_floats(&random, picture, x->count, low, high);
    for (size_t i = 0; i < x->count; i++)
        x->data[i] = picture[i];
    return picture;
}

#endif
