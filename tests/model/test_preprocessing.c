/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How pixels become a network's input where nobody says: what metadata, constants at the input, statistics of
 * training, names, producers and padding tell; that a network's own is found in the shared test data wherever there is
 * a clue; and numbers that are refused.
 */
#include "ops/check.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// --------------------------------------------------------------------------------------------------------- small files

typedef struct Case {
    const char *what, *begin;   // what is done with the input x; z comes out
    const char *producer, *name, *metadata[4][2];
    const char *preset, *source;
    int bgr, is_bytes;
} Case;

#define PLAIN "input x 1x3x8x8; z = Relu(x)"
#define META(...) .begin = PLAIN, .metadata = { __VA_ARGS__ }

static const Case cases[] = {
    { "nothing", PLAIN, .preset = "torchvision", .source = "assumed" },
    { "grey", "input x 1x1x8x8; z = Concat(x, x, x) axis=1", .preset = "unit", .source = "assumed" },
    { "grey of TensorFlow", "input x 1x1x8x8; z = Concat(x, x, x) axis=1", .producer = "tf2onnx", .preset = "unit",
      .source = "assumed" },
    { "Caffe's name", "input data 1x3x8x8; z = Relu(data)", .preset = "caffe", .source = "assumed", .bgr = 1 },
    { "Caffe2's name", "input gpu_0/data_0 1x3x8x8; z = Relu(gpu_0/data_0)", .preset = "caffe", .source = "assumed",
      .bgr = 1 },
    { "MXNet", "input data 1x3x8x8; z = Relu(data)", .name = "mxnet_converted_model", .preset = "torchvision",
      .source = "assumed" },
    { "PyTorch's data", "input data 1x3x8x8; z = Relu(data)", .producer = "pytorch", .preset = "torchvision",
      .source = "assumed" },
    { "channels last", "input x 1x8x8x3; z = Transpose(x) perm=[0,3,1,2]", .preset = "tf", .source = "assumed" },
    { "tf2onnx", PLAIN, .producer = "tf2onnx", .preset = "tf", .source = "assumed" },
    { "padding of SAME", "input x 1x3x8x8; z = Conv(x, %3x3x3x3) pads=[0,0,1,1] strides=[2,2]", .preset = "tf",
      .source = "assumed" },
    { "PyTorch with such padding", "input x 1x3x8x8; z = Conv(x, %3x3x3x3) pads=[0,0,1,1] strides=[2,2]",
      .producer = "pytorch", .preset = "torchvision", .source = "assumed" },
    { "whole numbers", "input x 1x3x8x8; z = Cast(x) to=1", .is_bytes = 1, .preset = "none", .source = "file" },

    { "of 1 / 255", "input x 1x3x8x8; z = Mul(x, =0.00392156862)", .preset = "none", .source = "graph" },
    { "divided by 255", "input x 1x3x8x8; z = Div(x, =255.0)", .preset = "none", .source = "graph" },
    { "-1..1 of 0..255", "input x 1x3x8x8; a = Div(x, =127.5); z = Sub(a, =1.0)", .preset = "none", .source = "graph" },
    { "the same by Add", "input x 1x3x8x8; a = Mul(x, =0.0078431); z = Add(=-1.0, a)", .preset = "none",
      .source = "graph" },
    { "-1..1 of 0..1", "input x 1x3x8x8; a = Mul(x, =2.0); z = Sub(a, =1.0)", .preset = "unit", .source = "graph" },
    { "mean and std of 0..1", "input x 1x3x8x8; a = Sub(x, mean1); z = Div(a, std1)", .preset = "unit",
      .source = "graph" },
    { "of channels last", "input x 1x8x8x3; t = Transpose(x) perm=[0,3,1,2]; a = Sub(t, mean1); z = Div(a, std1)",
      .preset = "unit", .source = "graph" },
    { "before a Transpose", "input x 1x8x8x3; a = Sub(x, list1); t = Transpose(a) perm=[0,3,1,2]; z = Div(t, std1)",
      .preset = "unit", .source = "graph" },
    { "without a batch", "input x 3x8x8; u = Unsqueeze(x, #0); a = Sub(u, mean1); z = Div(a, std1)",
      .preset = "unit", .source = "graph" },
    { "mean and std of 0..255", "input x 1x3x8x8; a = Sub(x, mean255); z = Div(a, std255)", .preset = "none",
      .source = "graph" },
    { "Caffe's mean", "input x 1x3x8x8; z = Sub(x, caffe)", .preset = "none", .source = "graph", .bgr = 1 },
    { "torchvision's pixels to -1..1", "input x 1x3x8x8; a = Mul(x, halves); z = Add(a, rests)",
      .preset = "torchvision", .source = "graph" },
    { "BatchNormalization as a scaling", "input x 1x3x8x8; z = BatchNormalization(x, one, zero, list255, squares255)",
      .preset = "none", .source = "graph" },
    { "constants that bring nothing to anything", "input x 1x3x8x8; z = Mul(x, =3.7)", .preset = "torchvision",
      .source = "assumed" },
    { "a number over pixels", "input x 1x3x8x8; z = Div(=1.0, x)", .preset = "torchvision", .source = "assumed" },
    { "infinite constants", "input x 1x3x8x8; z = Div(x, =0.0)", .preset = "torchvision", .source = "assumed" },
    { "grey, -1..1 of 0..255", "input x 1x1x8x8; a = Div(x, =127.5); b = Sub(a, =1.0); z = Concat(b, b, b) axis=1",
      .preset = "none", .source = "graph" },

    { "Ultralytics", META({ "author", "Ultralytics" }), .preset = "unit", .source = "file" },
    { "Windows ML", META({ "Image.BitmapPixelFormat", "Bgr8" }, { "Image.NominalPixelRange", "NominalRange_0_255" }),
      .preset = "none", .source = "file", .bgr = 1 },
    { "Windows ML, format alone", META({ "Image.BitmapPixelFormat", "Rgb8" }), .preset = "none", .source = "file" },
    { "Windows ML, 0..1", META({ "Image.NominalPixelRange", "Normalized_0_1" }), .preset = "unit", .source = "file" },
    { "Windows ML, -1..1", META({ "Image.NominalPixelRange", "Normalized_1_1" }), .preset = "tf", .source = "file" },
    { "numbers for 0..1", META({ "mean", "[0.485, 0.456, 0.406]" }, { "std", "0.229;0.224;2.25e-1" }),
      .preset = "torchvision", .source = "file" },
    { "numbers for 0..255", META({ "input_mean", "127.5" }, { "input_std", "127.5" }), .preset = "tf",
      .source = "file" },
    { "a mean alone", META({ "MEAN", "103.939 116.779 123.68" }, { "color", "BGR" }), .preset = "caffe",
      .source = "file", .bgr = 1 },
    { "a preset's name", META({ "preprocessing", "TF" }), .preset = "tf", .source = "file" },
    { "numbers that are none", META({ "mean", "0.485, x" }, { "std", "1" }), .preset = "torchvision",
      .source = "assumed" },
    { "too many numbers", META({ "mean", "1, 2, 3, 4" }), .preset = "torchvision", .source = "assumed" },
    { "a std of 0", META({ "mean", "1" }, { "std", "0" }), .preset = "torchvision", .source = "assumed" },
    { "numbers too large", META({ "mean", "1e39" }), .preset = "torchvision", .source = "assumed" },
};

static GradcamPreprocessing preset_of(const char *name, int bgr)
{
    const GradcamPreset *preset;
    for (size_t i = 0; (preset = gradcam_preset_at(i)); i++)
        if (!strcmp(preset->name, name)) {
            GradcamPreprocessing p = preset->preprocessing;
            for (int c = 0; c < 3 && p.bgr != bgr; c++) {
                p.mean[c] = preset->preprocessing.mean[2 - c];
                p.std[c] = preset->preprocessing.std[2 - c];
            }
            p.bgr = bgr;
            return p;
        }
    return (GradcamPreprocessing){ .bgr = -1 };
}

static int same(const GradcamPreprocessing *a, const GradcamPreprocessing *b)
{
    int equal = a->bgr == b->bgr;
    for (int c = 0; c < 3; c++)
        equal &= fabsf(a->mean[c] - b->mean[c]) <= 1e-3f && fabsf(a->std[c] - b->std[c]) <= 1e-3f;
    return equal;
}

static void add_constants(Graph *graph)
{
    static const struct { const char *name; float value[3]; int is_list; } constants[] = {
        { "mean1", { 0.485f, 0.456f, 0.406f }, 0 },     { "std1", { 0.229f, 0.224f, 0.225f }, 0 },
        { "mean255", { 123.675f, 116.28f, 103.53f }, 0 }, { "std255", { 58.395f, 57.12f, 57.375f }, 0 },
        { "caffe", { 104, 117, 123 }, 0 },              { "list1", { 0.485f, 0.456f, 0.406f }, 1 },
        { "halves", { 0.458f, 0.448f, 0.45f }, 0 },     { "rests", { -0.03f, -0.088f, -0.188f }, 0 },
        { "one", { 1, 1, 1 }, 1 },                      { "zero", { 0, 0, 0 }, 1 },
        { "list255", { 123.675f, 116.28f, 103.53f }, 1 }, { "squares255", { 3410, 3263, 3292 }, 1 },
    };
    static const int64_t dims[] = { 1, 3, 1, 1 };
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
        graph_tensor(graph, constants[i].name, 1, constants[i].is_list ? 1 : 4, dims + constants[i].is_list,
                     constants[i].value, sizeof(constants[i].value));
}

static void check_case(const Case *c)
{
    const GradcamModelOptions options = { .labels = "none" };
    Graph *graph = graph_create(17);
    GradcamModel *model = NULL, *bin = NULL;
    add_constants(graph);
    graph_add(graph, c->begin);
    graph_add(graph, "; k = Conv(z, %4x3x1x1); p = GlobalAveragePool(k); y = Flatten(p); output y");
    graph->producer = c->producer;
    graph->input[0].type = c->is_bytes ? 2 : graph->input[0].type;
    graph->name = c->name;
    memcpy(graph->metadata, c->metadata, sizeof(graph->metadata));
    int error = open_graph(&model, graph, &options);
    graph_free(graph);
    if (error) {
        fail("%s: %s", c->what, gradcam_strerror(error));
        return;
    }
    const GradcamPreprocessing want = preset_of(c->preset, c->bgr);
    const GradcamModelInfo *info = gradcam_model_info(model);
    if (!same(&info->preprocessing, &want) || strcmp(info->preprocessing_source, c->source))
        fail("%s: mean %g, std %g, bgr %d, %s (%s), not %s, %s", c->what, (double)info->preprocessing.mean[0],
             (double)info->preprocessing.std[0], info->preprocessing.bgr, info->preprocessing_reason,
             info->preprocessing_source, c->preset, c->source);
    // A compiled model does not pass for one that was told what was only assumed.
    int is_told = !strcmp(c->source, "file");
    CHECK_INT(gradcam_model_compile(model, "pixels.bin", NULL, NULL), 0);
    CHECK_INT(gradcam_model_open(&bin, "pixels.bin", &options), 0);
    const GradcamModelInfo *again = gradcam_model_info(bin);
    CHECK(!memcmp(&again->preprocessing, &info->preprocessing, sizeof(again->preprocessing)));
    CHECK_STR(again->preprocessing_source, c->source);
    CHECK_STR(again->preprocessing_reason, is_told ? "" : info->preprocessing_reason);
    gradcam_model_close(&bin);
    gradcam_model_close(&model);
    unlink("pixels.bin");
}

static void clues_of_small_files(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_case(&cases[i]);
}

// ---------------------------------------------------------------------------------------------------------- statistics

enum { FILTERS = 12 };

// Opens a network whose first convolution, of one pixel, is followed by the statistics that pixels of mean `mean` and
// spread `std` leave there: by the definition of mean and variance, colours being correlated by 0.9.
static void check_statistics(const char *begin, const double mean[3], double std, const char *preset, int bgr,
                             const char *source)
{
    static const int64_t dims[] = { FILTERS, 3, 1, 1 };
    const GradcamModelOptions options = { .labels = "none" };
    float weights[FILTERS][3], bias[FILTERS], means[FILTERS], variances[FILTERS];
    Random random = { 3 };
    GradcamModel *model = NULL;
    Graph *graph = graph_create(17);
    add_constants(graph);
    random_floats(&random, weights[0], FILTERS * 3, -1, 1);
    random_floats(&random, bias, FILTERS, -1, 1);
    for (int o = 0; o < FILTERS; o++) {
        double sum = (double)bias[o], square = 0;
        for (int c = 0; c < 3; c++) {
            sum += (double)weights[o][c] * mean[c];
            for (int d = 0; d < 3; d++)
                square += (double)weights[o][c] * (double)weights[o][d] * (c == d ? 1 : 0.9);
        }
        means[o] = (float)sum;
        variances[o] = (float)(square * std * std);
    }
    graph_tensor(graph, "w", 1, 4, dims, weights, sizeof(weights));
    graph_tensor(graph, "b", 1, 1, dims, bias, sizeof(bias));
    graph_tensor(graph, "m", 1, 1, dims, means, sizeof(means));
    graph_tensor(graph, "v", 1, 1, dims, variances, sizeof(variances));
    graph_addf(graph, "input x 1x3x8x8; %s; k = Conv(z, w, b); n = BatchNormalization(k, %%12, %%12, m, v);"
               "r = Relu(n); p = GlobalAveragePool(r); y = Flatten(p); output y", begin);
    int error = open_graph(&model, graph, &options);
    graph_free(graph);
    REQUIRE(!error);
    const GradcamPreprocessing want = preset_of(preset, bgr);
    const GradcamModelInfo *info = gradcam_model_info(model);
    if (!same(&info->preprocessing, &want) || strcmp(info->preprocessing_source, source))
        fail("pixels of mean %g, std %g: %s, %s, not %s", mean[0], std, info->preprocessing_reason,
             info->preprocessing_source, preset);
    gradcam_model_close(&model);
}

static void clues_of_statistics(void)
{
    static const double zero[] = { 0.02, -0.01, 0.01 }, unit[] = { 0.485, 0.456, 0.406 },
                        tiug[] = { 0.406, 0.456, 0.485 }, tf[] = { -0.04, -0.1, -0.18 }, none[] = { 124, 116, 104 },
                        odd[] = { 4, 5, 6 };
    check_statistics("z = Identity(x)", zero, 1.2, "torchvision", 0, "graph");
    check_statistics("z = Identity(x)", unit, 0.27, "unit", 0, "graph");
    check_statistics("z = Identity(x)", tiug, 0.27, "unit", 1, "graph");
    check_statistics("z = Identity(x)", tf, 0.56, "tf", 0, "graph");
    check_statistics("z = Identity(x)", none, 70, "none", 0, "graph");
    check_statistics("z = Identity(x)", zero, 70, "caffe", 1, "graph");
    check_statistics("z = Identity(x)", odd, 0.3, "torchvision", 0, "assumed");
    check_statistics("z = Identity(x)", zero, 9, "torchvision", 0, "assumed");
    check_statistics("z = Relu(x)", unit, 0.27, "torchvision", 0, "assumed");
    // Twice the pixels, less 1: what the statistics show is behind that.
    check_statistics("a = Mul(x, =4.0); z = Sub(a, =2.0)", (const double[]){ -0.06, -0.18, -0.38 }, 1.1, "unit", 0,
                     "graph");
}

// ------------------------------------------------------------------------------------------------------- real networks

// What the data's own description gives, or where the file tells nothing what is said to be assumed.
static void clues_of_real_networks(void)
{
    static const struct { const char *file, *preset, *source; } networks[] = {
        { "models/squeezenet1_1.onnx", "caffe", "assumed" },
        { "models/squeezenet1_0_dc.onnx", "caffe", "assumed" },
        { "models/resnet18_pqf.onnx", "torchvision", "assumed" },
        { "models/resnet50_pqf_fp16.onnx", "torchvision", "assumed" },
        { "models/mobilenet_v1_1.0_224.onnx", "tf", "assumed" },
        { "models/mobilenet_v2_1.0_224.onnx", "tf", "assumed" },
        { "models/tiny_darknet.onnx", "unit", "graph" },
        { "models/resnet20_cifar10.onnx", "torchvision", "graph" },
        { "models/resnet56_cifar10.onnx", "torchvision", "graph" },
        { "cases/networks/names.onnx", "unit", "file" },
    };
    const GradcamModelOptions options = { .labels = "none" };
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        const char *path = shared_file(networks[i].file);
        GradcamModel *model;
        if (!path)
            return;
        REQUIRE(!gradcam_model_open(&model, path, &options));
        const GradcamModelInfo *info = gradcam_model_info(model);
        const GradcamPreprocessing want = preset_of(networks[i].preset, !strcmp(networks[i].preset, "caffe"));
        if (!same(&info->preprocessing, &want) || strcmp(info->preprocessing_source, networks[i].source))
            fail("%s: %s, %s", networks[i].file, info->preprocessing_reason, info->preprocessing_source);
        gradcam_model_close(&model);
    }
}

// -------------------------------------------------------------------------------------------------------------- checks

static void last_error(void *opaque, enum GradcamLogLevel level, const char *message)
{
    if (level == GRADCAM_LOG_ERROR)
        snprintf(opaque, 256, "%s", message);
}

// Numbers that a user takes from PyTorch are those of pixels in 0..1: either of the two, with whatever the other is.
static void numbers_of_other_pixels(void)
{
    static const struct { GradcamPreprocessing p; const char *says; } refused[] = {
        { { { 0.485f, 0.456f, 0.406f }, { 0.229f, 0.224f, 0.225f }, 0 }, "mean 0.485 is one of pixels in 0..1" },
        { { { 0.485f, 0.456f, 0.406f }, { 58, 57, 57 }, 0 }, "mean 0.485" },
        { { { 0.485f, 0.456f, 0.406f }, { 1, 1, 1 }, 0 }, "mean 0.485" },
        { { { 0.5f, 0.5f, 0.5f }, { 127.5f, 127.5f, 127.5f }, 0 }, "mean 0.5" },
        { { { 123.675f, 116.28f, 103.53f }, { 0.229f, 0.224f, 0.225f }, 0 }, "std 0.229 is one" },
        { { { 0, 0, 0 }, { 0.5f, 0.5f, 0.5f }, 0 }, "std 0.5" },
        { { { 0, 0, 0 }, { 1, 0, 1 }, 0 }, "std above 0" },
    }, taken[] = {
        { { { 0, 0, 0 }, { 1, 1, 1 }, 0 }, NULL },      { { { 0, 0, 0 }, { 255, 255, 255 }, 0 }, NULL },
        { { { 1, 1, 1 }, { 2, 2, 2 }, 0 }, NULL },      { { { 127.5f, 0, 0 }, { 127.5f, 1, 1 }, 0 }, NULL },
    };
    Graph *graph = graph_create(17);
    graph_add(graph, "input x 1x3x8x8; p = GlobalAveragePool(x); y = Flatten(p); output y");
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) + sizeof(taken) / sizeof(taken[0]); i++) {
        const size_t bad = sizeof(refused) / sizeof(refused[0]);
        const GradcamPreprocessing *p = i < bad ? &refused[i].p : &taken[i - bad].p;
        char message[256] = "";
        const GradcamModelOptions options = { .log = { last_error, message }, .labels = "none", .preprocessing = p };
        GradcamModel *model;
        CHECK_INT(open_graph(&model, graph, &options), i < bad ? -EINVAL : 0);
        if (i < bad && !strstr(message, refused[i].says))
            fail("mean %g, std %g: \"%s\"", (double)p->mean[0], (double)p->std[0], message);
        gradcam_model_close(&model);
    }
    graph_free(graph);
}

int main(void)
{
    RUN(clues_of_small_files);
    RUN(clues_of_statistics);
    RUN(clues_of_real_networks);
    RUN(numbers_of_other_pixels);
    return end_cases();
}
