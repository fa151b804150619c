/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The library takes models by path, so the bytes go through a file in memory (memfd_create). Networks that a
 * mutation made large are opened but not run: what they cost is no fault.
 */
#define _GNU_SOURCE
#include "fuzz/targets.h"

#include "gradcam.h"
#include "model/labels.h"
#include "model/model.h"
#include "ops/onnx_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_FLOATS ((size_t)1 << 20)
#define MOST_WORK 2e7

long fuzz_opened;

// A message must be one line of text that ends.
static void take_message(void *opaque, enum GradcamLogLevel level, const char *message)
{
    (void)level;
    if (!message[0] || strchr(message, '\n'))
        abort();
    ++*(int *)opaque;
}

// Multiplications of a forward pass, roughly: elements of each result times those of the weights that make
// it.
static double work_of(const GradcamModel *model)
{
    const GcamGraph *graph = &model->graph;
    double work = 0;
    for (int i = 0; i < graph->nodes; i++) {
        const GcamNode *node = &graph->node[i];
        double factor = 1;
        for (int j = 0; j < node->inputs; j++)
            if (node->input[j] >= 0)
                factor += (double)gcam_shape_count(&graph->value[node->input[j]].shape);
        for (int j = 0; j < node->outputs; j++)
            if (node->output[j] >= 0)
                work += factor * (double)gcam_shape_count(&graph->value[node->output[j]].shape);
    }
    return work;
}

static int is_small(const GradcamModel *model)
{
    size_t floats = 0;
    for (int i = 0; i < model->graph.values; i++)
        if ((floats += gcam_shape_count(&model->graph.value[i].shape)) > MOST_FLOATS)
            return 0;
    return work_of(model) < MOST_WORK;
}

static void run_layer(GradcamModel *model, const char *name, const GradcamLog *log)
{
    const GradcamModelInfo *info = gradcam_model_info(model);
    const GradcamSettings settings = { .log = *log, .layer = name, .threads = 1 };
    GradcamContext *context = NULL;
    if (gradcam_context_open(&context, model, &settings) < 0)
        return;
    const GradcamLayer *layer = gradcam_context_layer(context);
    size_t pixels = (size_t)info->width * (size_t)info->height, count;
    size_t cells = (size_t)layer->width * (size_t)layer->height;
    uint8_t *rgb = calloc(pixels, 3);
    float *map = calloc(cells, sizeof(*map));
    const GradcamTarget target = { .name = "auto" };
    GradcamMapInfo map_info = { 0 };
    for (size_t i = 0; rgb && i < 3 * pixels; i++)
        rgb[i] = (uint8_t)(i * 37);
    if (rgb && map && gradcam_context_forward(context, rgb, info->channels * info->width) == 0) {
        const float *logits = gradcam_context_logits(context, &count);
        if (!logits || count != info->classes)
            abort();
        gradcam_context_map(context, &target, NULL, map, SIZE_MAX, &map_info);
        gradcam_map_normalize(map, cells);
    }
    free(rgb);
    free(map);
    gradcam_context_close(&context);
}

static int open_path(const char *path)
{
    int messages = 0;
    GradcamModel *model = NULL;
    const GradcamModelOptions options = { .log = { take_message, &messages } };
    int error = gradcam_model_open(&model, path, &options);
    if (!error != (model != NULL) || (error && messages != 1))
        abort();
    fuzz_opened += model != NULL;
    if (model && is_small(model)) {
        size_t count = 0;
        while (gradcam_model_layer_at(model, count))
            count++;
        messages = 0;
        run_layer(model, NULL, &options.log);
        for (size_t i = 0; i < count && i < 3; i++)
            run_layer(model, gradcam_model_layer_at(model, i * (count - 1) / 2 % count)->name, &options.log);
    }
    gradcam_model_close(&model);
    return 0;
}

static int open_bytes(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    char path[64];
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    open_path(path);
    close(fd);
    return 0;
}

int fuzz_onnx(const uint8_t *data, size_t size)
{
    return open_bytes(data, size);
}

int fuzz_bin(const uint8_t *data, size_t size)
{
    return open_bytes(data, size);
}

// In the working directory: external data lies beside the model, by a name that is in it.
int fuzz_external(const uint8_t *data, size_t size)
{
    size_t first = size < 2 ? 0 : (size_t)data[0] << 8 | data[1];
    data += size < 2 ? size : 2;
    size -= size < 2 ? size : 2;
    first = first > size ? size : first;
    write_file("fuzz.onnx", data, first);
    write_file("fuzz.data", data + first, size - first);
    open_path("fuzz.onnx");
    return 0;
}

int fuzz_labels(const uint8_t *data, size_t size)
{
    static const char *const words[] = { "dog", "0", "fox", "a", "red", "cats", "99999999999999999999", "" };
    GcamLabels *labels = NULL;
    int told = 0;
    const GradcamLog log = { take_message, &told };
    char *copy = malloc(size + 1);              // of its own, so that a sanitizer sees reads past its end
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    int error = gcam_labels_parse(&labels, copy, size, "fuzz", &log);
    free(copy);
    if (!error != (labels != NULL) || (error && !told))
        abort();
    fuzz_opened += labels != NULL;
    for (size_t i = 0; labels && i < sizeof(words) / sizeof(words[0]); i++) {
        GcamClassSet set;
        error = gcam_labels_resolve(labels, labels->count, words[i], &set, &log);
        for (size_t k = 0; !error && k < set.count; k++)
            if (set.classes[k] < 0 || (size_t)set.classes[k] >= labels->count)
                abort();
        gcam_class_set_clear(&set);
    }
    for (size_t i = 0; labels && i < labels->count && i < 8; i++) {
        GcamClassSet set;
        gcam_labels_resolve(labels, labels->count, labels->label[i], &set, &log);
        gcam_class_set_clear(&set);
    }
    gcam_labels_free(&labels);
    return 0;
}

// ------------------------------------------------------------------------------------------------ seeds

// Small, and among them every operator.
static const char *const graphs[] = {
    "input x 1x3x4x4; c = Conv(x, %4x3x3x3, %4) pads=[1,1,1,1]; b = BatchNormalization(c, %4, %4, %4, "
    "%4@0.5:2);"
    "r = Relu(b); d = Conv(r, %4x1x3x3) group=4 pads=[1,1,1,1]; s = Add(d, r); p = GlobalAveragePool(s);"
    "f = Flatten(p); y = Gemm(f, %3x4, %3) transB=1 alpha=0.5; o = Softmax(y); output o",
    "input x 1x3x5x5; m = MaxPool(x) kernel_shape=[2,2] strides=[2,2] ceil_mode=1 auto_pad=NOTSET;"
    "a = AveragePool(x) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] count_include_pad=1; k = Concat(m, "
    "a) axis=1;"
    "c = Conv(k, %2x3x2x2) group=2 dilations=[1,1] auto_pad=SAME_UPPER; q = ReduceMean(c) axes=[2,3] "
    "keepdims=0;"
    "y = MatMul(q, %2x4); o = Sigmoid(y); output o",
    "input x 1x3x4x4; l, r = Split(x, #1/2) axis=1; s = Slice(r, #0/3, #4/-5, #2/3, #1/-1);"
    "p = Pad(s, #0/1/0/0/0/0/-1/1, =0.5); g = Gather(p, #2/0) axis=1; t = Transpose(g) perm=[0,2,3,1];"
    "n = LayerNormalization(t, %2, %2); u = Transpose(n) perm=[0,3,1,2]; c = Conv(u, %3x2x1x1);"
    "e = LRN(c) size=3; w = Clip(e, =-0.5, =0.5); f = Flatten(w); y = Gemm(f, %45x3); output y",
    "input x 1x3x4x4; s = Shape(x); h = Gather(s, $0); i = Unsqueeze(h, #0); j = Concat(i, #-1) axis=0;"
    "c = Conv(x, %2x3x1x1); z = GlobalMaxPool(c); v = Expand(z, #1/2/3/3); e = Elu(v); q = Div(e, =2.0);"
    "f = Reshape(q, j); r = Range($0, $9, $2); g = Gather(f, r) axis=1; w = Where(%5, =1.0, =0.5);"
    "d = Mul(g, w); y = PRelu(d, %5); output y",
    "input x 1x3x4x4; c = Conv(x, %4x3x1x1); v = Reshape(c, #4/16); t = Transpose(v); k = MatMul(v, t);"
    "h = Softmax(k) axis=-1; o = MatMul(h, v); w = Reshape(o, #1/4/4/4); a = HardSwish(w); b = Conv(a, "
    "%4x4x1x1);"
    "p = ReduceSum(b, #2/3) keepdims=1; q = Squeeze(p, #2/3); m = Sqrt(%4@0.5:1); n = Pow(m, =2.0);"
    "y = Add(q, n); output y",
    "input x 1x4x4x3; input u 1x6; t = Transpose(x) perm=[0,3,1,2]; c = Conv(t, %4x3x2x2) strides=[2,2];"
    "r = LeakyRelu(c) alpha=0.2; d = Dropout(r); f = Flatten(d); g = Gemm(f, %16x4); h = Gemm(u, %6x4);"
    "y = Mul(g, h); output y",
};

static Graph *seed_graph(size_t index)
{
    Graph *graph = graph_create(index == 1 ? 11 : 17);
    graph->seed = 100 + index;
    graph_add(graph, graphs[index]);
    if (index == 2)                             // typed fields, narrow ones too
        for (int i = 0; i < graph->tensors; i++)
            graph->tensor[i].typed = 1;
    return graph;
}

int fuzz_onnx_seeds(FuzzSeed seeds[FUZZ_SEEDS])
{
    int count = (int)(sizeof(graphs) / sizeof(graphs[0]));
    for (int i = 0; i < count; i++) {
        Graph *graph = seed_graph((size_t)i);
        seeds[i].data = graph_pack(graph, &seeds[i].size);
        graph_free(graph);
    }
    return count;
}

// The weights of a seed moved out, each behind the one before.
int fuzz_external_seeds(FuzzSeed seeds[FUZZ_SEEDS])
{
    int count = (int)(sizeof(graphs) / sizeof(graphs[0]));
    for (int i = 0; i < count; i++) {
        Graph *graph = seed_graph((size_t)i);
        uint8_t *weights = NULL;
        size_t bytes = 0, size;
        for (int k = 0; k < graph->tensors; k++) {
            GraphTensor *t = &graph->tensor[k];
            if (t->type != 1)
                continue;
            weights = realloc(weights, bytes + t->bytes);
            memcpy(weights + bytes, t->data, t->bytes);
            snprintf(t->location, sizeof(t->location), "fuzz.data");
            t->offset = (int64_t)bytes;
            t->length = (int64_t)t->bytes;
            bytes += t->bytes;
            free(t->data);
            t->data = NULL;
        }
        uint8_t *model = graph_pack(graph, &size);
        seeds[i].size = 2 + size + bytes;
        seeds[i].data = malloc(seeds[i].size);
        seeds[i].data[0] = (uint8_t)(size >> 8);
        seeds[i].data[1] = (uint8_t)size;
        memcpy(seeds[i].data + 2, model, size);
        if (bytes)
            memcpy(seeds[i].data + 2 + size, weights, bytes);
        free(model);
        free(weights);
        graph_free(graph);
    }
    return count;
}

int fuzz_bin_seeds(FuzzSeed seeds[FUZZ_SEEDS])
{
    int count = 0;
    for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++) {
        GradcamModel *model = NULL;
        Graph *graph = seed_graph(i);
        graph_save(graph, "seed.onnx");
        graph_free(graph);
        if (gradcam_model_open(&model, "seed.onnx", NULL) == 0 &&
            gradcam_model_compile(model, "seed.bin", NULL, NULL) == 0) {
            seeds[count].data = read_file("seed.bin", &seeds[count].size);
            count++;
        }
        gradcam_model_close(&model);
    }
    unlink("seed.onnx");
    unlink("seed.bin");
    return count;
}

int fuzz_labels_seeds(FuzzSeed seeds[FUZZ_SEEDS])
{
    static const char *const texts[] = {
        "cat\ndog\nred fox, Vulpes vulpes\n", "\xef\xbb\xbf""cat\r\ndog\r\nna\xc3\xafve caf\xc3\xa9\r\n",
        "#gradcam labels\nclass\t0\tn01\tcat, tom cat\nclass\t1\t\tdog\nclass\t2\tn03\tfox\n"
        "group\tg1\tpet, companion\t0-1\ngroup\tg2\tcanine\t1,2\n# end\n",
        "#gradcam labels\nclass\t0\t\ta\n", "a\n", "",
    };
    int count = (int)(sizeof(texts) / sizeof(texts[0]));
    for (int i = 0; i < count; i++) {
        seeds[i].size = strlen(texts[i]);
        seeds[i].data = malloc(seeds[i].size + 1);
        memcpy(seeds[i].data, texts[i], seeds[i].size + 1);
    }
    return count;
}
