/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which tensor has the scores: outputs of one row, parts of others, several outputs; and networks that were exported
 * for several pictures.
 */
#include "ops/check.h"

// A dense output, [1, 4, 3, 3], and what is made of it.
static const char dense[] = "input x 1x3x6x6; c = Conv(x, %4x3x3x3, %4) strides=[2,2] pads=[1,1,1,1]; d = Relu(c); "
                            "y = Conv(d, %4x4x1x1, %4); output y";

// Opens the graph of a text; messages->text has the last error.
static int open_text(GradcamModel **model, const char *text, int opset, const char *logits, Messages *messages)
{
    const GradcamModelOptions options = { .log = messages_log(messages), .labels = "none", .logits = logits };
    Graph *graph = graph_create(opset);
    graph->seed = 3;
    graph_add(graph, text);
    int error = open_graph(model, graph, &options);
    graph_free(graph);
    return error;
}

static void refuses(const char *text, const char *logits, const char *says)
{
    GradcamModel *model = NULL;
    Messages messages;
    if (!open_text(&model, text, 17, logits, &messages))
        fail("opens: %.60s", text);
    else if (!strstr(messages.text, says))
        fail("says '%s'", messages.text);
    CHECK_INT(messages.count, 1);
    gradcam_model_close(&model);
}

static void more_than_one_row(void)
{
    refuses(dense, NULL, "the output 'y' has shape 1x4x3x3: not one score for each class; the logits can be a part of "
                         "it, as 'y[0,:,1,1]'");
    refuses("input x 1x3x6x6; y = Reshape(x, #2/54); output y", NULL, "as 'y[0,:]'");
    refuses("input x 1x3x6x6; y = Reshape(x, #1/6/18); z = Relu(x); output y; output z", NULL,
            "as 'y[0,0,:]'; outputs are 'y' (1x6x18), 'z' (1x3x6x6)");
    refuses(dense, "y[0,:]", "has shape 1x4x3x3");
    refuses(dense, "d", "as 'd[0,:,1,1]'");
}

// Operators as they are in training, and outputs that only training has.
static void training(void)
{
    refuses("input x 1x3x6x6; r = Reshape(x, #3/1/36); a, b, c = BatchNormalization(r, %1, %1, %1, %1@0.5:2) "
            "training_mode=1; y = Reshape(a, #1/108); output y", NULL, "as in training");
    refuses("input x 1x3x6x6; a, b, c = BatchNormalization(x, %3, %3, %3, %3@0.5:2); y = Reshape(b, #1/3); output y",
            NULL, "input 'b' has no value");
    refuses("input x 1x3x6x6; a = Dropout(x, =0.5, ^bool:1); y = ReduceMean(a) axes=[2,3] keepdims=0; output y", NULL,
            "Dropout is as in training");
    refuses("input x 1x3x6x6; a, b = Dropout(x, =0.5); c = Where(b, x, a); y = ReduceMean(c) axes=[2,3] keepdims=0; "
            "output y", NULL, "input 'b' has no value");
}

static void bad_parts(void)
{
    refuses(dense, "y[0,:,a]", "the logits 'y[0,:,a]' are no part of 'y'");
    refuses(dense, "y[0,:,1", "no tensor or node computes the logits 'y[0,:,1'");
    refuses(dense, "y[0,0,0,0,0,0,0,0,0]", "are no part of 'y'");
    refuses(dense, "z[0]", "no tensor or node computes the logits 'z[0]'");
    refuses(dense, "y[0,:,9]", "1x4x0x3");
    refuses(dense, "y[0,,1]", "are no part of 'y'");
}

// A part's scores and gradient are those of the slice, in each way to write it.
static void parts(void)
{
    static const char *const names[] = { "y[0,:,1,2]", "y@0/*/1/2", "y[0, :, -2, -1]", "y[0:1,0:4,1,2:]",
                                         "y[:1,..,1,2]" };
    for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
        const int opset = i % 2 ? 9 : 17;
        GradcamModel *model = NULL;
        Messages messages;
        Graph *graph = graph_create(opset);
        graph->seed = 3;
        graph_add(graph, dense);
        graph_add(graph, opset == 9 ? "s = Slice(y) starts=[0,0,1,2] ends=[1,4,2,3]"
                                    : "s = Slice(y, #0/0/1/2, #1/4/2/3)");
        Reference *reference = reference_create(graph);
        float *picture = random_picture(reference, "x", -1, 1, 5);
        reference_run(reference);
        if (open_text(&model, dense, opset, names[i / 2], &messages)) {
            fail("%s: %s", names[i / 2], messages.text);
        } else {
            const GradcamModelInfo *info = gradcam_model_info(model);
            CHECK_STR(info->logits, names[i / 2]);
            CHECK_INT(info->classes, 4);
            // What the reference calls the same.
            RefTensor *s = reference_find(reference, "s");
            GradcamContext *context = NULL;
            const GradcamSettings settings = { .log = messages_log(&messages), .layer = "d", .threads = 1 };
            REQUIRE(gradcam_context_open(&context, model, &settings) == 0);
            CHECK(gradcam_context_forward_float(context, picture) == 0);
            size_t count = 0;
            const float *logits = gradcam_context_logits(context, &count);
            CHECK(count == s->count && scaled_difference(logits, s->data, s->count) < 1e-5);
            gradcam_context_close(&context);
        }
        gradcam_model_close(&model);
        reference_free(reference);
        graph_free(graph);
        free(picture);
    }
}

// The first output that has one row of scores, where the first of all has not.
static void other_output(void)
{
    GradcamModel *model = NULL;
    Messages messages;
    static const char text[] = "input x 1x3x6x6; c = Conv(x, %4x3x3x3); d = Relu(c); g = GlobalAveragePool(d); "
                               "f = Flatten(g); y = Gemm(f, %4x5); n = ReduceMean(y) keepdims=1; p = Softmax(y); "
                               "output d; output n; output p";
    REQUIRE(open_text(&model, text, 17, NULL, &messages) == 0);
    CHECK_STR(gradcam_model_info(model)->logits, "y");
    CHECK_STR(gradcam_model_info(model)->probabilities, "softmax");
    CHECK_INT(gradcam_model_info(model)->classes, 5);
    gradcam_model_close(&model);
}

// ------------------------------------------------------------------------------------------------------------- batches

// A batch whose pictures make one row of scores are frames; the map is that of the last.
static void frames_in_the_batch(void)
{
    static const char text[] = "input x 3x3x6x6; c = Conv(x, %4x3x3x3, %4); d = Relu(c); g = GlobalAveragePool(d); "
                               "f = Reshape(g, #1/12); y = Gemm(f, %12x5); output y";
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    Messages messages;
    const GradcamSettings settings = { .log = messages_log(&messages), .threads = 1 };
    Graph *graph = graph_create(17);
    graph->seed = 3;
    graph_add(graph, text);
    Reference *reference = reference_create(graph);
    float *picture = random_picture(reference, "x", -1, 1, 5);
    reference_run(reference);
    REQUIRE(open_text(&model, text, 17, NULL, &messages) == 0);
    const GradcamInput *input = gradcam_model_picture(model);
    CHECK_INT(input->frames, 3);
    CHECK_INT(input->channels, 3);
    CHECK_INT(input->count, 324);
    CHECK_STR(gradcam_model_info(model)->layer, "d");
    REQUIRE(gradcam_context_open(&context, model, &settings) == 0);
    CHECK(gradcam_context_forward_float(context, picture) == 0);
    size_t count = 0;
    const float *logits = gradcam_context_logits(context, &count), *a, *g;
    const RefTensor *y = reference_find(reference, "y"), *d = reference_find(reference, "d");
    CHECK(count == 5 && scaled_difference(logits, y->data, 5) < 1e-5);
    const GradcamTarget target = { .name = "", .classes = &(const int){ 2 }, .count = 1 };
    GradcamMapInfo info = { 0 };
    float map[16];
    double gradient[3 * 64];
    REQUIRE(gradcam_context_map(context, &target, NULL, map, SIZE_MAX, &info) == 0);
    REQUIRE(gradcam_context_tensors(context, &a, &g) == 0);
    const GradcamLayer *layer = gradcam_context_layer(context);
    REQUIRE(layer->channels == 4 && layer->width == 4 && layer->height == 4);
    float *plain_a = to_plain(a, layer, 0), *plain_g = to_plain(g, layer, 0);
    CHECK(scaled_difference(plain_a, d->data + 128, 64) < 1e-5);
    reference_gradient(reference, "d", "y", &(const int){ 2 }, 1, gradient);
    CHECK(scaled_difference(plain_g, gradient + 128, 64) < 2e-4);
    free(plain_a);
    free(plain_g);
    free(picture);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    reference_free(reference);
    graph_free(graph);
}

// One with a row for each is run for one picture; where its shapes are fixed for more, a row is to be named.
static void rows_of_a_batch(void)
{
    static const char text[] = "input x 4x3x6x6; c = Conv(x, %4x3x3x3, %4); g = GlobalAveragePool(c); f = Flatten(g); "
                               "y = Gemm(f, %4x5); output y";
    static const char fixed[] = "input x 4x3x6x6; c = Conv(x, %4x3x3x3, %4); g = GlobalAveragePool(c); "
                                "f = Reshape(g, #2/8); h = Gemm(f, %8x10); y = Reshape(h, #4/5); output y";
    static const char flat[] = "input x 4x3x6x6; c = Conv(x, %4x3x3x3, %4); f = Reshape(c, #4/-1); "
                               "y = Gemm(f, %64x5); output y";
    GradcamModel *model = NULL;
    Messages messages;
    REQUIRE(open_text(&model, text, 17, NULL, &messages) == 0);
    CHECK_INT(gradcam_model_picture(model)->frames, 1);
    CHECK_INT(gradcam_model_info(model)->classes, 5);
    gradcam_model_close(&model);
    REQUIRE(open_text(&model, flat, 17, NULL, &messages) == 0);
    CHECK_INT(gradcam_model_info(model)->classes, 5);
    gradcam_model_close(&model);
    refuses(fixed, NULL, "as 'y[3,:]'");
    REQUIRE(open_text(&model, fixed, 17, "y[3]", &messages) == 0);
    CHECK_INT(gradcam_model_picture(model)->frames, 4);
    CHECK_INT(gradcam_model_info(model)->classes, 5);
    gradcam_model_close(&model);
}

int main(void)
{
    RUN(more_than_one_row);
    RUN(training);
    RUN(bad_parts);
    RUN(parts);
    RUN(other_output);
    RUN(frames_in_the_batch);
    RUN(rows_of_a_batch);
    return end_cases();
}
