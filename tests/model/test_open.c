/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What gradcam_model_open() and what follows it say of files and settings that cannot be used: the right
 * errno, the result NULL, and one sentence that names the thing at fault.
 */
#include "base/enum_names.h"
#include "ops/check.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

// A message of one line that has each of the words (separated by '|') in it.
static void check_message(const Messages *messages, const char *words)
{
    char list[256], *save = NULL;
    snprintf(list, sizeof(list), "%s", words);
    if (messages->count != 1)
        fail("%d messages, the last: %s", messages->count, messages->text);
    for (char *word = strtok_r(list, "|", &save); word; word = strtok_r(NULL, "|", &save))
        if (!strstr(messages->text, word))
            fail("'%s' is not in: %s", word, messages->text);
    CHECK(!strpbrk(messages->text, "\n\r"));
}

static void check_open(const char *path, GradcamModelOptions options, int error, const char *words)
{
    Messages messages;
    GradcamModel *model = (GradcamModel *)&messages;
    options.log = messages_log(&messages);
    int got = gradcam_model_open(&model, path, &options);
    if (got != error)
        fail("%s: error %d (%s), not %d: %s", path, got, gradcam_strerror(got), error, messages.text);
    if (error) {
        CHECK(model == NULL);
        check_message(&messages, words);
    }
    gradcam_model_close(&model);
}

static const GradcamModelOptions nothing = { .labels = "none" };

// ------------------------------------------------------------------------------------------------ files

static void files_that_are_no_models(void)
{
    static const unsigned char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\2\0\0\0\x90wS\xde";
    static const char prose[] =
        "It is a truth universally acknowledged, that a network in possession of weights\n";
    check_open("absent.onnx", nothing, -ENOENT, "absent.onnx|No such file");
    REQUIRE(mkdir("folder.onnx", 0700) == 0);
    check_open("folder.onnx", nothing, -EISDIR, "folder.onnx|directory");
    write_file("empty.onnx", "", 0);
    check_open("empty.onnx", nothing, -EBADMSG, "empty.onnx|empty");
    write_file("picture.png", png, sizeof(png));
    check_open("picture.png", nothing, -EBADMSG, "picture.png|not a model");
    write_file("prose.txt", prose, sizeof(prose));
    check_open("prose.txt", nothing, -EBADMSG, "prose.txt|not a model");
    write_file("zeros.onnx", (const char[4096]){ 0 }, 4096);
    check_open("zeros.onnx", nothing, -EBADMSG, "zeros.onnx|not a model");
    write_file("gguf.bin", "GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
    check_open("gguf.bin", nothing, -ENOTSUP, "gguf.bin");
    check_open("/dev/null", nothing, -EINVAL, "/dev/null");
}

static const char small[] =
    "input x 1x3x8x8; c = Conv(x, %4x3x3x3, %4); r = Relu(c); p = GlobalAveragePool(r); f = Flatten(p);"
    "logits = Gemm(f, %5x4, %5) transB=1; output logits";

static Graph *make_graph(const char *text, int opset)
{
    Graph *graph = graph_create(opset);
    graph_add(graph, text);
    return graph;
}

// Cut at every length. What lies at the end of an .onnx file may be missing without harm; no one of the cuts
// may open with fewer nodes or crash, and each says one thing.
static void check_truncated(const char *name)
{
    size_t size;
    uint8_t *whole = read_file(name, &size);
    int opened = 0;
    for (size_t length = 0; length < size; length++) {
        Messages messages;
        const GradcamModelOptions options = { .log = messages_log(&messages), .labels = "none" };
        GradcamModel *model = NULL;
        uint8_t *bytes = malloc(length + 1); // of its own, so that a sanitizer sees reads past its end
        memcpy(bytes, whole, length);
        write_file("cut", bytes, length);
        free(bytes);
        int error = gradcam_model_open(&model, "cut", &options);
        if (error)
            CHECK(messages.count == 1 && !model && (error == -EBADMSG || error == -ENOTSUP));
        else
            CHECK_INT(gradcam_model_info(model)->nodes, 5);
        opened += !error;
        gradcam_model_close(&model);
    }
    note("%s: %zu cuts, %d harmless", name, size, opened);
    CHECK(opened < 40);
    free(whole);
}

static void truncated_files(void)
{
    Graph *graph = make_graph(small, 17);
    GradcamModel *model = NULL;
    graph_save(graph, "small.onnx");
    graph_free(graph);
    REQUIRE(gradcam_model_open(&model, "small.onnx", &nothing) == 0);
    CHECK(gradcam_model_compile(model, "small.bin", NULL, NULL) == 0);
    gradcam_model_close(&model);
    check_truncated("small.onnx");
    check_truncated("small.bin");
}

// ----------------------------------------------------------------------------------------------- graphs

static const struct {
    const char *name, *text;
    int error;
    const char *words;
    int opset;
} graphs[] = {
    { "an operator that is not supported", "input x 1x3x4x4; y = Frobnicate(x); output y", -ENOTSUP,
      "node_0|Frobnicate|opset 17|not supported", 17 },
    { "use before definition", "input x 1x3x4x4; y = Relu(z); z = Relu(x); output y", -EBADMSG,
      "node_0|Relu|'z'|nothing before it", 17 },
    { "a tensor made twice", "input x 1x3x4x4; y = Relu(x); y = Neg(x); output y", -EBADMSG, "'y'|twice",
      17 },
    { "an output that nothing makes", "input x 1x3x4x4; y = Relu(x); output z", -EBADMSG, "'z'", 17 },
    { "an output that is the input", "input x 1x3x4x4; y = Relu(x); output x", -ENOTSUP, "no output", 17 },
    { "a constant output", "input x 1x3x4x4; y = Neg(%5); output y", -ENOTSUP, "no output", 17 },
    { "no output", "input x 1x3x4x4; y = Relu(x)", -ENOTSUP, "no output", 17 },
    { "an output with rows and columns", "input x 1x3x4x4; y = Relu(x); output y", -ENOTSUP, "'y'|1x3x4x4",
      17 },
    { "no picture among the inputs", "input x 1x48; y = Relu(x); output y", -ENOTSUP, "no input is a picture",
      17 },
    { "a picture of too many channels", "input x 1x2000x4x4; p = GlobalAveragePool(x); y = Flatten(p); output y",
      -ENOTSUP, "'x'|1x2000x4x4|channels", 17 },
    { "an input of open size", "input x 1x3x4x4; input q 1x0; y = Relu(x); output y", -ENOTSUP, "'q'|open",
      17 },
    { "an input of nine dimensions", "input x 1x3x4x4x1x1x1x1x1; y = Relu(x); output y", -ENOTSUP,
      "'x'|9 dimensions", 17 },
    { "a picture beyond any size", "input x 1x3x4x70000; p = GlobalAveragePool(x); y = Flatten(p); output y",
      -ENOTSUP, "'x'|70000", 17 },
    { "a picture whose size overflows", "input x 1x3x4294967296x4294967296; y = Flatten(x); output y",
      -EBADMSG, "'x'|4294967296", 17 },
    { "weights that do not fit", "input x 1x3x4x4; y = Conv(x, %4x2x3x3); output y", -EBADMSG,
      "node_0|Conv|4x2x3x3|1x3x4x4", 17 },
    { "a bias that does not fit", "input x 1x3x4x4; y = Conv(x, %4x3x3x3, %3); output y", -EBADMSG,
      "node_0|Conv|3", 17 },
    { "weights that depend on the picture", "input x 1x3x4x4; y = Conv(x, x); output y", -ENOTSUP,
      "node_0|Conv", 17 },
    { "a window larger than the picture", "input x 1x3x4x4; y = MaxPool(x) kernel_shape=[5,5]; output y",
      -ENOTSUP, "node_0|MaxPool|5x5|4x4", 17 },
    { "a window without a size", "input x 1x3x4x4; y = MaxPool(x); output y", -EBADMSG,
      "MaxPool|kernel_shape", 17 },
    { "a stride of 0", "input x 1x3x4x4; y = MaxPool(x) kernel_shape=[2,2] strides=[0,1]; output y", -EBADMSG,
      "MaxPool|strides|0", 17 },
    { "shapes that do not broadcast", "input x 1x3x4x4; y = Add(x, %5); output y", -EBADMSG, "Add|1x3x4x4|5",
      17 },
    { "matrices that do not fit", "input x 1x3x4x4; y = MatMul(x, %5x4); output y", -EBADMSG,
      "MatMul|1x3x4x4|5x4", 17 },
    { "a matrix with nothing in it", "input x 1x3x4x4; y = MatMul(%0x4, x); output y", -ENOTSUP, "MatMul|0x4",
      17 },
    { "rows that do not fit", "input x 1x3x4x4; y = Gemm(x, %5x4); output y", -EBADMSG, "Gemm|5x4", 17 },
    { "an axis out of range", "input x 1x3x4x4; y = Concat(x, x) axis=4; output y", -EBADMSG, "Concat|axis 4",
      17 },
    { "a reshape of another size", "input x 1x3x4x4; y = Reshape(x, #5/5); output y", -EBADMSG, "Reshape|5x5",
      17 },
    { "a reshape by the picture", "input x 1x3x4x4; y = Reshape(x, x); output y", -ENOTSUP, "Reshape|depends",
      17 },
    { "too few inputs", "input x 1x3x4x4; y = Add(x); output y", -EBADMSG, "Add|1 inputs", 17 },
    { "a missing input", "input x 1x3x4x4; y = Add(x, _); output y", -EBADMSG, "Add|input 1 is missing", 17 },
    { "an axis sliced twice", "input x 1x3x4x4; c = Slice(%1x5, #3/3, #5/5, #1/1); y = Mul(x, c); output y",
      -EBADMSG, "Slice|twice", 17 },
    { "an axis sliced twice, of the picture", "input x 1x3x4x4; y = Slice(x, #3/3, #4/4, #2/2); output y",
      -EBADMSG, "Slice|twice", 17 },
    { "an index out of range", "input x 1x3x4x4; y = Gather(x, #3) axis=1; output y", -EBADMSG,
      "Gather|3 of 3", 17 },
    { "division by zero", "input x 1x3x4x4; z = Div(#4, #0); y = Reshape(x, z); output y", -EBADMSG,
      "Div|zero", 17 },
    { "an expansion beyond memory", "input x 1x3x4x4; y = Expand(x, #100000/100000/1/1); output y", -EBADMSG,
      "Expand", 17 },
    { "a constant beyond memory", "input x 1x3x4x4; c = Expand(%1, #100000/100000); y = Add(x, c); output y",
      -ENOTSUP, "Expand", 17 },
    { "padding with nothing", "input x 1x3x4x4; y = Pad(x, #0/0/1/1/0/0/1/1, %0); output y", -EBADMSG,
      "Pad|one number", 17 },
    { "a padding of no known mode", "input x 1x3x4x4; y = Pad(x, #0/0/1/1/0/0/1/1) mode=mirror; output y",
      -ENOTSUP, "Pad|mirror", 17 },
    { "more classes than any network has",
      "input x 1x3x4x4; g = GlobalAveragePool(x); e = Expand(g, #9000/3/40/40); y = Reshape(e, #1/-1); "
      "output y",
      -ENOTSUP, "classes", 17 },
};

static void check_graph(const char *text, int opset, int error, const char *words)
{
    Graph *graph = make_graph(text, opset);
    graph_save(graph, "graph.onnx");
    graph_free(graph);
    check_open("graph.onnx", nothing, error, words);
}

// Folding may take an eighth of 64 MB: a million numbers are made, and not read again. Where the scores do not need
// them, they are lost, and what the scores do need is folded all the same.
static void constants_that_take_too_much(void)
{
    static const char too_much[] = "input x 1x3x8x8; k = Expand(%1, #1000/1000); e = Exp(k); m = ReduceMean(e);";
    static const char network[] = "c = Conv(x, %4x3x3x3, %4); r = Relu(c); p = GlobalAveragePool(r);"
                                  "s = Mul(%1x4x1x1, =2.0); w = Exp(s); q = Mul(p, w); f = Flatten(q);"
                                  "y = Gemm(f, %5x4, %5) transB=1;";
    static const struct {
        const char *last;
        int error;
    } ends[] = { { "z = Add(y, m); output z", -EOVERFLOW }, { "output y", 0 }, { "output y; output m", 0 } };
    GradcamModelOptions options = nothing;
    options.memory = 64 << 20;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        Graph *graph = make_graph(too_much, 17);
        graph_add(graph, network);
        graph_add(graph, ends[i].last);
        graph_save(graph, "graph.onnx");
        graph_free(graph);
        check_open("graph.onnx", options, ends[i].error, "memory allowed");
    }
}

static void operator_of_another_domain(void)
{
    Graph *graph = make_graph(small, 17);
    strcpy(graph->node[1].domain, "com.example");
    graph_save(graph, "graph.onnx");
    check_open("graph.onnx", nothing, -ENOTSUP, "node_1|com.example.Relu");
    strcpy(graph->node[1].domain, "ai.onnx");
    graph_save(graph, "graph.onnx");
    check_open("graph.onnx", nothing, 0, "");
    graph_free(graph);
}

// Whole numbers go in as they are; texts do not.
static void input_of_integers(void)
{
    Graph *graph = make_graph(small, 17);
    graph->input[0].type = 2;
    graph_save(graph, "graph.onnx");
    GradcamModel *model = NULL;
    REQUIRE(gradcam_model_open(&model, "graph.onnx", &nothing) == 0);
    CHECK(!strcmp(gradcam_model_picture(model)->type, "uint8"));
    CHECK(gradcam_model_info(model)->preprocessing.mean[0] == 0);
    CHECK(gradcam_model_info(model)->preprocessing.std[2] == 1);
    gradcam_model_close(&model);
    graph->input[0].type = 8;
    graph_save(graph, "graph.onnx");
    check_open("graph.onnx", nothing, -ENOTSUP, "'x'|string|numbers");
    graph_free(graph);
}

// Open dimensions: the size that is asked for, else 224 x 224.
static void input_of_open_size(void)
{
    static const int asked[][2] = { { 0, 0 }, { 32, 48 } };
    Graph *graph = make_graph(small, 17);
    graph->input[0].dim[0] = graph->input[0].dim[2] = graph->input[0].dim[3] = 0;
    graph_save(graph, "graph.onnx");
    for (int i = 0; i < 2; i++) {
        const GradcamModelOptions options = { .labels = "none", .width = asked[i][0], .height = asked[i][1] };
        GradcamModel *model = NULL;
        REQUIRE(gradcam_model_open(&model, "graph.onnx", &options) == 0);
        CHECK_INT(gradcam_model_info(model)->width, asked[i][0] ? asked[i][0] : 224);
        CHECK_INT(gradcam_model_info(model)->height, asked[i][1] ? asked[i][1] : 224);
        gradcam_model_close(&model);
    }
    graph_free(graph);
}

// ----------------------------------------------------------------------------------------- initializers

static void check_tensor(void (*damage)(GraphTensor *tensor), int error, const char *words)
{
    Graph *graph = make_graph(small, 17);
    damage(&graph->tensor[0]);
    graph_save(graph, "graph.onnx");
    graph_free(graph);
    check_open("graph.onnx", nothing, error, words);
}

static void nine_dimensions(GraphTensor *tensor)
{
    tensor->rank = 9;
    for (int i = 4; i < 9; i++)
        tensor->dim[i] = 1;
}

static void huge_dimensions(GraphTensor *tensor)
{
    tensor->dim[0] = tensor->dim[1] = (int64_t)1 << 40;
}

static void negative_dimension(GraphTensor *tensor)
{
    tensor->dim[1] = -3;
}

static void too_few_bytes(GraphTensor *tensor)
{
    tensor->bytes -= 4;
}

static void strings(GraphTensor *tensor)
{
    tensor->type = 8;
}

static void complex_numbers(GraphTensor *tensor)
{
    tensor->type = 14;
}

static void place_outside(GraphTensor *tensor, const char *location, int64_t offset, int64_t length)
{
    strcpy(tensor->location, location);
    tensor->offset = offset;
    tensor->length = length;
}

static void file_absent(GraphTensor *tensor)
{
    place_outside(tensor, "absent.data", 0, -1);
}

static void file_elsewhere(GraphTensor *tensor)
{
    place_outside(tensor, "../weights.data", 0, -1);
}

static void file_absolute(GraphTensor *tensor)
{
    place_outside(tensor, "/etc/passwd", 0, -1);
}

static void file_too_short(GraphTensor *tensor)
{
    place_outside(tensor, "weights.data", 400, 432);
}

static void offset_beyond(GraphTensor *tensor)
{
    place_outside(tensor, "weights.data", 1 << 20, -1);
}

static void offset_negative(GraphTensor *tensor)
{
    place_outside(tensor, "weights.data", -8, 432);
}

static void length_other(GraphTensor *tensor)
{
    place_outside(tensor, "weights.data", 0, 428);
}

static void no_location(GraphTensor *tensor)
{
    place_outside(tensor, "(none)", -1, -1);
}

static void external_whole(GraphTensor *tensor)
{
    place_outside(tensor, "weights.data", 68, 432);
}

static void initializers_that_cannot_be_used(void)
{
    write_file("weights.data", (const char[500]){ 0 }, 500);
    check_tensor(nine_dimensions, -ENOTSUP, "constant_0|9 dimensions|8");
    check_tensor(huge_dimensions, -EBADMSG, "constant_0|1099511627776");
    check_tensor(negative_dimension, -EBADMSG, "constant_0|-3");
    check_tensor(too_few_bytes, -EBADMSG, "constant_0|4x3x3x3|432|428");
    check_tensor(strings, -ENOTSUP, "constant_0|string");
    check_tensor(complex_numbers, -ENOTSUP, "constant_0|complex64");
    check_tensor(file_absent, -ENOENT, "absent.data|No such file");
    check_tensor(file_elsewhere, -EBADMSG, "../weights.data|outside");
    check_tensor(file_absolute, -EBADMSG, "/etc/passwd|outside");
    check_tensor(file_too_short, -EBADMSG, "constant_0|400|432|500");
    check_tensor(offset_beyond, -EBADMSG, "constant_0|1048576|500");
    check_tensor(offset_negative, -EBADMSG, "constant_0|500");
    check_tensor(length_other, -EBADMSG, "constant_0|432|428");
    check_tensor(no_location, -EBADMSG, "constant_0|without a location");
    check_tensor(external_whole, 0, "");
}

// Constants of any type that the scores do not need, and integers without a sign that they do.
static void initializers_beside(void)
{
    static const int types[] = { 8, 14, 12, 13, 99 };
    const int64_t two = 2;
    const uint64_t last[] = { 0, UINT64_MAX };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        Graph *graph = make_graph(small, 17);
        graph_tensor(graph, "beside", types[i], 1, &two, last, types[i] == 12 ? 8 : sizeof(last));
        graph_add(graph, "z = Identity(beside); output z");
        graph_save(graph, "graph.onnx");
        graph_free(graph);
        check_open("graph.onnx", nothing, 0, "");
    }
    for (int type = 12; type <= 13; type++) {
        const uint32_t narrow[] = { 1, 12 };
        const uint64_t wide[] = { 1, 12 };
        Graph *graph = make_graph("input x 1x3x2x2", 17);
        graph_tensor(graph, "to", type, 1, &two, type == 12 ? (const void *)narrow : wide, type == 12 ? 8 : 16);
        graph_add(graph, "c = Relu(x); y = Reshape(c, to); output y");
        graph_save(graph, "graph.onnx");
        graph_free(graph);
        check_open("graph.onnx", nothing, 0, "");
    }
}

// ---------------------------------------------------------------------------------------------- options

static void options_that_do_not_fit(void)
{
    static const GradcamPreprocessing zero_std = { { 0, 0, 0 }, { 1, 0, 1 }, 0 };
    static const GradcamPreprocessing no_number = { { 0, NAN, 0 }, { 1, 1, 1 }, 0 };
    Graph *graph = make_graph(small, 17);
    graph_save(graph, "small.onnx");
    graph_free(graph);
    write_file("two.txt", "cat\ndog\n", 8);
    write_file("control.txt", "a\nb\nc\nd\n\1\n", 10);
    write_file("bytes.txt", "a\nb\nc\nd\n\xff\xfe\n", 11);
    const struct {
        GradcamModelOptions options;
        int error;
        const char *words;
    } cases[] = {
        { { .labels = "none", .layer = "q9" }, -ENOENT, "'q9'|small.onnx|last ones are 'r' (automatic), 'c'" },
        { { .labels = "none", .layer = "conv9" }, -ENOENT, "'conv9'|near it: 'c'" },
        { { .labels = "none", .layer = "logits" }, -ENOENT, "'logits'" },
        { { .labels = "none", .logits = "prob" }, -ENOENT, "'prob'" },
        { { .labels = "none", .logits = "x" }, -ENOENT, "'x'" },
        { { .labels = "none", .logits = "r" }, -ENOTSUP, "'r'|1x4x6x6" },
        { { .labels = "two.txt" }, -EINVAL, "2 labels|two.txt|5 classes" },
        { { .labels = "imagenet" }, -EINVAL, "1000 labels|imagenet|5 classes" },
        { { .labels = "absent.txt" }, -ENOENT, "absent.txt" },
        { { .labels = "control.txt" }, -EBADMSG, "control.txt" },
        { { .labels = "bytes.txt" }, -EBADMSG, "bytes.txt" },
        { { .labels = "none", .preprocessing = &zero_std }, -EINVAL, "std above 0" },
        { { .labels = "none", .preprocessing = &no_number }, -EINVAL, "mean" },
        { { .labels = "none", .width = -1 }, -EINVAL, "-1" },
        { { .labels = "none", .height = 1 << 20 }, -EINVAL, "1048576" },
        { { .labels = "none", .layer = "auto", .logits = "" }, 0, "" },
        { { .labels = "none", .layer = "c" }, 0, "" },
        { { .labels = "none", .layer = "node_1" }, 0, "" },
        { { .labels = "none", .layer = "x" }, 0, "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_open("small.onnx", cases[i].options, cases[i].error, cases[i].words);
}

static void settings_that_do_not_fit(void)
{
    GradcamModel *model = NULL;
    Graph *graph = make_graph(small, 17);
    REQUIRE(open_graph(&model, graph, &nothing) == 0);
    graph_free(graph);
    const struct {
        GradcamSettings settings;
        int error;
        const char *words;
    } cases[] = {
        { { .threads = -1 }, -EINVAL, "-1 threads" },
        { { .threads = 1 << 20 }, -EINVAL, "1048576 threads" },
        { { .layer = "relu" }, -ENOENT, "'relu'" },
        { { .layer = "f" }, -ENOENT, "'f'" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Messages messages;
        GradcamSettings settings = cases[i].settings;
        GradcamContext *context = (GradcamContext *)model;
        settings.log = messages_log(&messages);
        CHECK_INT(gradcam_context_open(&context, model, &settings), cases[i].error);
        CHECK(context == NULL);
        check_message(&messages, cases[i].words);
    }
    gradcam_model_close(&model);
}

// What Identity, Dropout and Cast make is known by their input's name, and may be asked for by its own.
static void names_that_were_dropped(void)
{
    const GradcamModelOptions options = { .labels = "none", .layer = "drop", .logits = "out" };
    GradcamModel *model = NULL;
    Graph *graph = make_graph("input x 1x3x8x8; c = Conv(x, %4x3x3x3); r = Relu(c); same = Identity(r);"
                              "drop = Dropout(same); p = GlobalAveragePool(drop); f = Flatten(p);"
                              "logits = Gemm(f, %4x5); out = Cast(logits) to=1; y = Softmax(out); output y",
                              17);
    REQUIRE(open_graph(&model, graph, &options) == 0);
    CHECK_STR(gradcam_model_info(model)->layer, "r");
    CHECK_STR(gradcam_model_info(model)->logits, "logits");
    CHECK_STR(gradcam_model_info(model)->probabilities, "softmax");
    gradcam_model_close(&model);
    graph_free(graph);
}

static void no_layer_to_explain(void)
{
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    Messages messages;
    Graph *graph = make_graph("input x 1x3x4x4; f = Flatten(x); y = Gemm(f, %48x5); output y", 17);
    REQUIRE(open_graph(&model, graph, &nothing) == 0);
    graph_free(graph);
    CHECK_STR(gradcam_model_info(model)->layer, "");
    GradcamSettings settings = { .log = messages_log(&messages) };
    CHECK_INT(gradcam_context_open(&context, model, &settings), -ENOTSUP);
    check_message(&messages, "no layer with rows and columns");
    settings.layer = "x";                       // the picture itself can be: its gradient
    CHECK_INT(gradcam_context_open(&context, model, &settings), 0);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
}

static void calls_out_of_place(void)
{
    static const GradcamMethodInfo nobody = { .name = "gradcam" };
    static const int one[] = { 1 }, beyond[] = { 5 }, below[] = { -1 };
    const GradcamTarget good = { .name = "", .classes = one, .count = 1 }, rank = { .name = "", .rank = 5 };
    const GradcamTarget high = { .name = "", .classes = beyond, .count = 1 };
    const GradcamTarget low = { .name = "", .classes = below, .count = 1 };
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    float picture[3 * 64] = { 0 }, map[36];
    const float *a, *g;
    size_t count = 7;
    Graph *graph = make_graph(small, 17);
    REQUIRE(open_graph(&model, graph, &nothing) == 0);
    graph_free(graph);
    REQUIRE(gradcam_context_open(&context, model, NULL) == 0);
    CHECK(gradcam_context_logits(context, &count) == NULL && count == 0);
    CHECK_INT(gradcam_context_map(context, &good, NULL, map, SIZE_MAX, NULL), -EINVAL);
    CHECK_INT(gradcam_context_tensors(context, &a, &g), -EINVAL);
    CHECK_INT(gradcam_context_top(context, 0), -EINVAL);
    CHECK(isnan(gradcam_context_probability(context, &good)));
    CHECK_INT(gradcam_context_set_input(context, "question", picture, 5), -ENOENT);
    CHECK_INT(gradcam_context_forward_float(context, picture), 0);
    CHECK_INT(gradcam_context_tensors(context, &a, &g), 0);
    CHECK(a != NULL && g == NULL);
    CHECK_INT(gradcam_context_map(context, &good, &(GradcamMethod){ .info = &nobody }, map, SIZE_MAX, NULL), -EINVAL);
    CHECK_INT(gradcam_context_map(context, &high, NULL, map, SIZE_MAX, NULL), -EINVAL);
    CHECK_INT(gradcam_context_map(context, &low, NULL, map, SIZE_MAX, NULL), -EINVAL);
    CHECK_INT(gradcam_context_map(context, &rank, NULL, map, SIZE_MAX, NULL), -EINVAL);
    CHECK_INT(gradcam_context_map(context, &good, NULL, map, SIZE_MAX, NULL), 0);
    CHECK_INT(gradcam_context_tensors(context, &a, &g), 0);
    CHECK(g != NULL);
    for (int i = 0; i < GCAM_PRECISIONS; i++)
        CHECK_INT(gradcam_precision_find(gradcam_precision_name(i)), i);
    CHECK(gradcam_precision_name(GCAM_PRECISIONS) == NULL && gradcam_precision_find("f16") == -EINVAL);
    gradcam_context_close(&context);
    gradcam_context_close(&context);
    gradcam_context_close(NULL);
    gradcam_model_close(&model);
    gradcam_model_close(&model);
    gradcam_model_close(NULL);
    gradcam_targets_free(NULL);
}

static void targets_that_name_nothing(void)
{
    static const struct {
        const char *text;
        int error;
        const char *words;
    } cases[] = {
        { "zebra", -ENOENT, "zebra" },
        { "5", -ENOENT, "5" },
        { "auto:0", -EINVAL, "auto:0|1 to 5" },
        { "auto:6", -EINVAL, "auto:6|1 to 5" },
        { "auto:x", -EINVAL, "auto:x" },
        { "auto:1x", -EINVAL, "auto:1x" },
        { "", -EINVAL, "" },
        { "1||2", -EINVAL, "" },
        { "a b|cat", -ENOENT, "a b" },
        { "cat|2|auto:2", 0, "" },
        { " cat | dog ", 0, "" },
    };
    GradcamModel *model = NULL;
    Graph *graph = make_graph(small, 17);
    const GradcamModelOptions options = { .labels = "five.txt" };
    write_file("five.txt", "cat\ndog\nred fox\nhorse\ncow\n", 26);
    REQUIRE(open_graph(&model, graph, &options) == 0);
    graph_free(graph);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Messages messages;
        const GradcamLog log = messages_log(&messages);
        GradcamTargets *targets = (GradcamTargets *)model;
        int error = gradcam_targets_resolve(&targets, model, cases[i].text, &log);
        if (error != cases[i].error)
            fail("'%s': %d, not %d: %s", cases[i].text, error, cases[i].error, messages.text);
        if (error) {
            CHECK(targets == NULL);
            check_message(&messages, cases[i].words);
        }
        gradcam_targets_free(&targets);
    }
    gradcam_model_close(&model);
}

static char *read_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(1 << 20);
    *size = file && bytes ? fread(bytes, 1, 1 << 20, file) : 0;
    if (file)
        fclose(file);
    return bytes;
}

// As from a file, and the bytes are not needed any more.
static void from_memory(void)
{
    Messages messages;
    GradcamModelOptions options = { .size = sizeof(options), .log = messages_log(&messages), .labels = "none" };
    GradcamModel *model = NULL, *file = NULL;
    Graph *graph = make_graph(small, 17);
    graph_save(graph, "memory.onnx");
    graph_free(graph);
    REQUIRE(gradcam_model_open(&file, "memory.onnx", &options) == 0);
    REQUIRE(gradcam_model_compile(file, "memory.bin", NULL, NULL) == 0);
    static const char *const names[] = { "memory.onnx", "memory.bin" };
    for (int i = 0; i < 2; i++) {
        size_t size;
        char *bytes = read_bytes(names[i], &size);
        REQUIRE(size > 0);
        CHECK_INT(gradcam_model_open_memory(&model, bytes, size, names[i], &options), 0);
        memset(bytes, 0xff, size);
        free(bytes);
        REQUIRE(model != NULL);
        CHECK_INT((int)gradcam_model_info(model)->parameters, (int)gradcam_model_info(file)->parameters);
        CHECK_STR(gradcam_model_info(model)->format, i ? "bin" : "onnx");
        GradcamContext *context = NULL;
        CHECK_INT(gradcam_context_open(&context, model, NULL), 0);
        gradcam_context_close(&context);
        gradcam_model_close(&model);
    }
    gradcam_model_close(&file);
    CHECK_INT(gradcam_model_open_memory(&model, NULL, 5, "nothing", &options), -EINVAL);
    CHECK_INT(gradcam_model_open_memory(&model, "no model", 8, "eight bytes", &options), -EBADMSG);
    CHECK(model == NULL && strstr(messages.text, "eight bytes"));
}

static void versions(void)
{
    char text[32];
    const int number = gradcam_version_number();
    snprintf(text, sizeof(text), "%d.%d.%d", number / 1000000, number / 1000 % 1000, number % 1000);
    CHECK_STR(gradcam_version(), text);
    CHECK_INT(number, GRADCAM_VERSION);
}

// A buffer that is too small for the layer's maps stays as it is.
static void maps_that_do_not_fit(void)
{
    Messages messages;
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    GradcamSettings settings = { .size = sizeof(settings), .log = messages_log(&messages), .threads = 1 };
    const GradcamTarget top[2] = { { .name = "auto" }, { .name = "auto" } };
    Graph *graph = make_graph(small, 17);
    REQUIRE(open_graph(&model, graph, &nothing) == 0);
    graph_free(graph);
    REQUIRE(gradcam_context_open(&context, model, &settings) == 0);
    const GradcamModelInfo *info = gradcam_model_info(model);
    uint8_t *pixels = calloc((size_t)info->width * info->height, info->channels);
    REQUIRE(pixels && gradcam_context_forward(context, pixels, info->width * info->channels) == 0);
    free(pixels);
    int width, height;
    gradcam_context_map_size(context, NULL, &width, &height);
    const size_t size = (size_t)width * (size_t)height;
    float *map = malloc(2 * size * sizeof(*map));
    REQUIRE(map != NULL);
    for (size_t i = 0; i < 2 * size; i++)
        map[i] = -7;
    CHECK_INT(gradcam_context_map(context, top, NULL, map, size - 1, NULL), -ENOSPC);
    CHECK_INT(gradcam_context_maps(context, top, 2, NULL, map, 2 * size - 1, NULL), -ENOSPC);
    CHECK(map[0] == -7 && strstr(messages.text, "do not fit"));
    CHECK_INT(gradcam_context_map(context, top, NULL, map, size, NULL), 0);
    CHECK(map[size - 1] != -7 && map[size] == -7);
    CHECK_INT(gradcam_context_maps(context, top, 2, NULL, map, 2 * size, NULL), 0);
    CHECK(map[2 * size - 1] != -7);
    free(map);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
}

int main(void)
{
    RUN(files_that_are_no_models);
    RUN(truncated_files);
    for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++) {
        begin_case("%s", graphs[i].name);
        check_graph(graphs[i].text, graphs[i].opset, graphs[i].error, graphs[i].words);
    }
    RUN(constants_that_take_too_much);
    RUN(operator_of_another_domain);
    RUN(input_of_integers);
    RUN(input_of_open_size);
    RUN(initializers_that_cannot_be_used);
    RUN(initializers_beside);
    RUN(options_that_do_not_fit);
    RUN(settings_that_do_not_fit);
    RUN(names_that_were_dropped);
    RUN(no_layer_to_explain);
    RUN(calls_out_of_place);
    RUN(targets_that_name_nothing);
    RUN(from_memory);
    RUN(versions);
    RUN(maps_that_do_not_fit);
    return end_cases();
}
