/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Layers by the names of modules, as both exporters of PyTorch leave them in a file.
 */
#include "ops/check.h"

#include <errno.h>

static const char text[] =
    "input x 1x3x16x16; a = Conv(x, %4x3x3x3, %4); b = Relu(a); c = Conv(b, %4x4x3x3, %4); d = Relu(c);"
    "e = MaxPool(d) kernel_shape=[2,2] strides=[2,2]; f = Conv(e, %4x4x3x3, %4); g = Relu(f);"
    "p = GlobalAveragePool(g); q = Flatten(p); logits = Gemm(q, %5x4, %5) transB=1; output logits";

// As they are called where the exporter traces, and what the other one has in its metadata.
static const struct {
    const char *name, *scopes;
} nodes[] = {
    { "/features/features.0/Conv", "['', 'features', 'features.0', 'conv2d']" },
    { "/features/features.1/Relu", "['', 'features', 'features.1', 'relu']" },
    { "/layer1/layer1.0/conv/conv.0/Conv", "['', 'layer1', 'layer1.0', 'layer1.0.conv.0', 'conv2d_1']" },
    { "/layer1/layer1.0/relu/Relu", "['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_1']" },
    { "/layer1/layer1.1/MaxPool", "['', 'layer1', 'layer1.1', 'max_pool2d']" },
    { "/layer10/conv/Conv", "['', 'layer10', 'layer10.conv', 'conv2d_2']" },
    { "/layer10/relu_1/Relu", "['', 'layer10', 'layer10.relu', 'relu_2']" },
};
#define NODES (sizeof(nodes) / sizeof(nodes[0]))

static const struct {
    const char *module, *layer;         // layer: "" where there is none
} cases[] = {
    { "features", "b" }, { "features.0", "a" }, { "features.1", "b" }, { "layer1", "e" }, { "layer1.0", "d" },
    { "layer1.0.conv.0", "c" }, { "layer1.0.conv", "c" }, { "layer1.0.relu", "d" }, { "layer10", "g" },
    { "layer10.conv", "f" }, { "layer", "" }, { "layer1.", "" }, { "layer1.2", "" }, { "conv.0", "" }, { "Conv", "" },
    { "relu", "" }, { "conv2d_1", "" },
};

static void check_cases(const char *path)
{
    Messages messages;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const GradcamModelOptions options = { .labels = "none", .layer = cases[i].module,
                                              .log = messages_log(&messages) };
        GradcamModel *model;
        const int error = gradcam_model_open(&model, path, &options), want = cases[i].layer[0] ? 0 : -ENOENT;
        if (error != want)
            fail("%s of %s: error %d: %s", cases[i].module, path, error, messages.text);
        else if (!error && strcmp(gradcam_model_info(model)->layer, cases[i].layer))
            fail("%s of %s is %s, not %s", cases[i].module, path, gradcam_model_info(model)->layer, cases[i].layer);
        gradcam_model_close(&model);
    }
}

static Graph *make_graph(int scopes)
{
    Graph *graph = graph_create(17);
    graph_add(graph, text);
    for (size_t i = 0; i < NODES; i++)
        if (scopes)
            graph->node[i].scopes = nodes[i].scopes;
        else
            snprintf(graph->node[i].name, sizeof(graph->node[i].name), "%s", nodes[i].name);
    return graph;
}

static void check_graph(int scopes)
{
    Graph *graph = make_graph(scopes);
    GradcamModel *model;
    graph_save(graph, "modules.onnx");
    graph_free(graph);
    check_cases("modules.onnx");
    REQUIRE(!gradcam_model_open(&model, "modules.onnx", NULL));
    CHECK_INT(gradcam_model_compile(model, "modules.bin", NULL, NULL), 0);
    gradcam_model_close(&model);
    check_cases("modules.bin");
}

static void names_of_nodes(void)
{
    check_graph(0);
}

static void metadata_of_nodes(void)
{
    check_graph(1);
}

static void several_joined(void)
{
    const GradcamModelOptions options = { .labels = "none" };
    const GradcamSettings settings = { .size = sizeof(settings), .layer = "features.1+layer10" };
    Graph *graph = make_graph(0);
    GradcamModel *model;
    GradcamContext *context;
    REQUIRE(!open_graph(&model, graph, &options));
    REQUIRE(!gradcam_context_open(&context, model, &settings));
    CHECK(!strcmp(gradcam_context_layer_at(context, 0)->name, "b"));
    CHECK(!strcmp(gradcam_context_layer_at(context, 1)->name, "g"));
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    graph_free(graph);
}

// Lists and names that are none.
static void broken_texts(void)
{
    static const char *const lists[] = { "", "'", "''", "''''", "['features", "[features]", "'features'" };
    static const char *const names[] = { "", "/", "//", "features", "/features", "features/Conv" };
    const GradcamModelOptions options = { .labels = "none", .layer = "features" };
    Graph *graph = make_graph(0);
    GradcamModel *model;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t n = 0; n < NODES; n++) {
            graph->node[n].scopes = lists[i];
            snprintf(graph->node[n].name, sizeof(graph->node[n].name), "%s%zu", i < 6 ? names[i] : "", n);
        }
        if (open_graph(&model, graph, &options) != -ENOENT)
            fail("%s", lists[i]);
        gradcam_model_close(&model);
    }
    graph_free(graph);
}

int main(void)
{
    RUN(names_of_nodes);
    RUN(metadata_of_nodes);
    RUN(several_joined);
    RUN(broken_texts);
    return end_cases();
}
