/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiling: .onnx to .bin and back into a model. Maps must stay the same bit for bit, with fp16 weights
 * within 1e-2 of the largest; labels, groups, preprocessing, target layer and all kinds of initializers must
 * survive. Weights of connected layers behind a ReLU are turned, and maps are then the same but for rounding.
 */
#include "base/half.h"
#include "model/file.h"
#include "model/model.h"
#include "ops/check.h"

#include <errno.h>

enum { CELLS = 36 };

// Large initializers of each type, typed and raw, inside and beside the file.
static Graph *make_graph(void)
{
    Graph *graph = graph_create(17);
    graph->seed = 9;
    graph_add(
        graph,
        "input x 1x3x8x8; c = Conv(x, %40x3x3x3, %40); b = BatchNormalization(c, %40, %40, %40, %40@0.5:2);"
        "r = Relu(b); d = Conv(r, half, _); e = Relu(d); p = GlobalAveragePool(e); f = Flatten(p);"
        "g = Gemm(f, beside) transB=1; i = Gather(g, order) axis=1; h = Mul(i, double); j = Mul(h, few);"
        "logits = Add(j, brain); output logits");
    return graph;
}

static void add_weights(Graph *graph)
{
    static const int64_t half_dim[] = { 40, 40, 1, 1 }, beside_dim[] = { 5, 40 }, five[] = { 5 },
                         order[] = { 4, 0, 3, 1, 2 };
    uint16_t half[1600], few[5], brain[5];
    double doubles[5];
    float beside[200 + 2];
    Random random = { 77 };
    for (int i = 0; i < 1600; i++)
        half[i] = gcam_float_to_half(random_float(&random, -0.3f, 0.3f));
    random_floats(&random, beside, 202, -1, 1);
    for (int i = 0; i < 5; i++) {
        few[i] = gcam_float_to_half(random_float(&random, 0.5f, 2));
        brain[i] = (uint16_t)(0x3f80 + 3 * i);
        doubles[i] = random_float(&random, 0.5f, 2);
    }
    graph_tensor(graph, "half", 10, 4, half_dim, half, sizeof(half))->typed = 1;
    graph_tensor(graph, "few", 10, 1, five, few, sizeof(few))->typed = 1;
    graph_tensor(graph, "brain", 16, 1, five, brain, sizeof(brain));
    write_file("beside.data", beside, sizeof(beside));
    write_file("order.data", order, sizeof(order));
    write_file("double.data", doubles, sizeof(doubles));
    GraphTensor *tensor = graph_tensor(graph, "beside", 1, 2, beside_dim, NULL, 0);
    strcpy(tensor->location, "beside.data");
    tensor->offset = 8;
    tensor->length = 800;
    strcpy(graph_tensor(graph, "order", 7, 1, five, NULL, 0)->location, "order.data");
    strcpy(graph_tensor(graph, "double", 11, 1, five, NULL, 0)->location, "double.data");
}

static const GradcamPreprocessing preprocessing = { { 10, 20.5f, 30 }, { 1.5f, 2.5f, 255 }, 1 };

static const char labels[] = "#gradcam labels\nclass\t0\tn01\tred fox, Vulpes vulpes\nclass\t1\tn02\tcat\n"
                             "class\t2\t\tdog\nclass\t3\tn04\thorse\nclass\t4\tn05\tcow\n"
                             "group\tn10\tpet, companion\t1-2\ngroup\tn11\tanimal\t0-4\n";

static int open_model(GradcamModel **model, const char *path, const GradcamModelOptions *options)
{
    Messages messages;
    GradcamModelOptions with_log = options ? *options : (GradcamModelOptions){ .labels = NULL };
    with_log.log = messages_log(&messages);
    int error = gradcam_model_open(model, path, &with_log);
    if (error)
        fail("%s: %s", path, messages.text);
    return !error;
}

static void make_map(GradcamModel *model, int class_index, float map[CELLS])
{
    GradcamContext *context = NULL;
    const GradcamTarget target = { .name = "", .classes = &class_index, .count = 1 };
    uint8_t picture[8 * 8 * 3];
    Random random = { 3 };
    random_bytes(&random, picture, sizeof(picture));
    REQUIRE(gradcam_context_open(&context, model, &(GradcamSettings){ .threads = 1 }) == 0);
    CHECK(gradcam_context_forward(context, picture, 24) == 0);
    CHECK(gradcam_context_map(context, &target, NULL, map, CELLS, NULL) == 0);
    gradcam_context_close(&context);
}

static double largest(const float *x)
{
    double max = 0;
    for (int i = 0; i < CELLS; i++)
        max = fabs(x[i]) > max ? fabs(x[i]) : max;
    return max;
}

static void compare_maps(GradcamModel *a, GradcamModel *b, double tolerance)
{
    double worst = 0;
    int shown = 0;
    for (int class = 0; class < 5; class++) {
        float first[CELLS] = { 0 }, second[CELLS] = { 0 };
        make_map(a, class, first);
        make_map(b, class, second);
        double scale = largest(first);
        shown += scale > 0;
        if (tolerance == 0 && memcmp(first, second, sizeof(first)))
            fail("the map of class %d is another", class);
        for (int i = 0; i < CELLS; i++) {
            double difference = scale > 0 ? fabs(first[i] - second[i]) / scale : fabs(second[i]);
            if (!(difference <= worst))
                worst = difference;             // NaN too
        }
    }
    if (!(worst <= tolerance))
        fail("a map differs by %.2g of its largest", worst);
    note("%.1e", worst);
    CHECK(shown > 1);
}

static void check_strings(const GradcamModel *a, const GradcamModel *b)
{
    const GradcamModelInfo *x = gradcam_model_info(a), *y = gradcam_model_info(b);
    CHECK_STR(y->layer, x->layer);
    CHECK_STR(y->logits, x->logits);
    CHECK_STR(y->input, x->input);
    CHECK_STR(y->producer, x->producer);
    CHECK_STR(y->probabilities, x->probabilities);
    CHECK(y->width == x->width && y->height == x->height && y->opset == x->opset && y->nodes == x->nodes);
    CHECK(y->classes == x->classes && y->labels == x->labels && y->groups == x->groups);
    CHECK_INT(y->parameters, x->parameters);
    CHECK(!memcmp(&y->preprocessing, &x->preprocessing, sizeof(x->preprocessing)));
    for (size_t i = 0; i < x->classes; i++)
        CHECK_STR(gradcam_model_label(b, i), gradcam_model_label(a, i));
    for (size_t i = 0; i < x->groups; i++) {
        const int *of_a, *of_b;
        size_t in_a, in_b;
        const char *name = gradcam_model_group(a, i, &of_a, &in_a);
        CHECK_STR(gradcam_model_group(b, i, &of_b, &in_b), name);
        CHECK(in_a == in_b && !memcmp(of_a, of_b, in_a * sizeof(*of_a)));
    }
}

static GradcamModel *open_original(void)
{
    static const GradcamModelOptions options = { .labels = "labels.tsv",
                                                 .layer = "r",
                                                 .preprocessing = &preprocessing };
    GradcamModel *model = NULL;
    Graph *graph = make_graph();
    add_weights(graph);
    graph_save(graph, "net.onnx");
    graph_free(graph);
    write_file("labels.tsv", labels, sizeof(labels) - 1);
    open_model(&model, "net.onnx", &options);
    return model;
}

static void bin_gives_the_same_maps(void)
{
    const GradcamCompileOptions options = { .name = "a net", .licence = "MIT", .source_sha256 =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" };
    GradcamModel *onnx = open_original(), *bin = NULL, *again = NULL;
    REQUIRE(onnx);
    CHECK_INT(gradcam_model_compile(onnx, "net.bin", &options, NULL), 0);
    if (open_model(&bin, "net.bin", NULL)) {
        const GradcamModelInfo *info = gradcam_model_info(bin);
        CHECK_STR(info->format, "bin");
        CHECK_STR(info->name, "a net");
        CHECK_STR(info->licence, "MIT");
        CHECK_STR(info->source_sha256, options.source_sha256);
        CHECK_STR(info->layer, "r");
        CHECK_STR(gradcam_model_label(bin, 0), "red fox, Vulpes vulpes");
        CHECK_INT(info->groups, 2);
        check_strings(onnx, bin);
        compare_maps(onnx, bin, 0);
        // Compiled once more, from the .bin: the same bytes.
        CHECK_INT(gradcam_model_compile(bin, "again.bin", NULL, NULL), 0);
        size_t first_size, second_size;
        uint8_t *first = read_file("net.bin", &first_size), *second = read_file("again.bin", &second_size);
        CHECK(first_size == second_size && !memcmp(first, second, first_size));
        free(first);
        free(second);
        if (open_model(&again, "again.bin", NULL))
            compare_maps(onnx, again, 0);
    }
    gradcam_model_close(&again);
    gradcam_model_close(&bin);
    gradcam_model_close(&onnx);
}

static void half_weights_are_near(void)
{
    const GradcamCompileOptions options = { .fp16 = 1 };
    GradcamModel *onnx = open_original(), *bin = NULL, *again = NULL;
    size_t full, small;
    REQUIRE(onnx);
    CHECK_INT(gradcam_model_compile(onnx, "full.bin", NULL, NULL), 0);
    CHECK_INT(gradcam_model_compile(onnx, "half.bin", &options, NULL), 0);
    free(read_file("full.bin", &full));
    free(read_file("half.bin", &small));
    CHECK(small + 2000 < full);
    if (open_model(&bin, "half.bin", NULL)) {
        check_strings(onnx, bin);
        compare_maps(onnx, bin, 1e-2);
        // What is half already stays as it is.
        CHECK_INT(gradcam_model_compile(bin, "again.bin", &options, NULL), 0);
        if (open_model(&again, "again.bin", NULL))
            compare_maps(bin, again, 0);
    }
    gradcam_model_close(&again);
    gradcam_model_close(&bin);
    gradcam_model_close(&onnx);
}

enum { OUT = 640, IN = 576 };

// A graph of 6 x 6 cells at layers c and r, with weights "initializer.2" of OUT x IN behind what `pool` says.
static GradcamModel *open_connected(const char *pool, const char *layer)
{
    const GradcamModelOptions options = { .layer = layer };
    GradcamModel *model = NULL;
    Graph *graph = graph_create(13);
    graph_addf(graph, "input x 1x3x8x8; c = Conv(x, %%64x3x3x3, %%64); r = Relu(c); %s f = Flatten(p);"
                      "g = Gemm(f, %%640x576@-0.1:0.1, %%640) transB=1 alpha=0.5; h = Relu(g);"
                      "logits = Gemm(h, %%5x640) transB=1; output logits", pool);
    graph_save(graph, "connected.onnx");
    graph_free(graph);
    open_model(&model, "connected.onnx", &options);
    return model;
}

// Whether the weights are stored as [IN][OUT]: all of them, as the original has them, rounded where they are halves.
static int are_turned(const char *path, const float *original)
{
    GcamModelFile *file = NULL;
    GcamMapFile bytes;
    if (gcam_map_file(&bytes, path, "model", 0, 0, NULL) || gcam_modelfile_open(&file, &bytes, path, NULL)) {
        fail("%s cannot be opened", path);
        return 0;
    }
    const GcamFileTensor *tensor = gcam_modelfile_find_tensor(file, "initializer.2");
    int turned = tensor && tensor->rank == 2 && tensor->dims[0] == IN && tensor->dims[1] == OUT;
    CHECK(tensor && tensor->count == (size_t)IN * OUT);
    for (size_t i = 0; tensor && i < (size_t)IN * OUT; i++) {
        float want = turned ? original[i % OUT * IN + i / OUT] : original[i], got;
        if (tensor->type == GCAM_FILE_F16) {
            got = gcam_half_to_float(((const uint16_t *)tensor->data)[i]);
            want = gcam_half_to_float(gcam_float_to_half(want));
        } else {
            got = ((const float *)tensor->data)[i];
        }
        if (got != want) {
            fail("%s: weight %zu is %g, not %g", path, i, got, want);
            break;
        }
    }
    gcam_modelfile_close(&file);
    return turned;
}

static const float *find_weights(const GradcamModel *model)
{
    for (int i = 0; i < model->graph.values; i++)
        if (model->graph.value[i].initializer == 2)
            return model->graph.value[i].data;
    return NULL;
}

static void check_turned(const char *pool, const char *layer, int fp16, int turned)
{
    const GradcamCompileOptions options = { .fp16 = fp16 };
    GradcamModel *onnx = open_connected(pool, layer), *bin = NULL;
    const float *weights = onnx ? find_weights(onnx) : NULL;
    REQUIRE(weights);
    CHECK_INT(gradcam_model_compile(onnx, "connected.bin", &options, NULL), 0);
    CHECK_INT(are_turned("connected.bin", weights), turned);
    if (open_model(&bin, "connected.bin", NULL)) {
        compare_maps(onnx, bin, fp16 ? 1e-2 : 1e-5);
        // Turned once and for all.
        CHECK_INT(gradcam_model_compile(bin, "again.bin", &options, NULL), 0);
        CHECK_INT(are_turned("again.bin", weights), turned);
    }
    gradcam_model_close(&bin);
    gradcam_model_close(&onnx);
}

// Behind a ReLU rows are skipped both ways, unless it is that ReLU that is explained.
static void weights_behind_a_relu_are_turned(void)
{
    static const char *const pools[] = { "p = MaxPool(r) kernel_shape=[2,2] strides=[2,2];",
        "q = MaxPool(r) kernel_shape=[2,2] strides=[2,2]; p = AveragePool(q) kernel_shape=[1,1];" };
    for (int i = 0; i < 2; i++)
        for (int fp16 = 0; fp16 < 2; fp16++) {
            check_turned(pools[i], "r", fp16, 1);
            check_turned(pools[i], "c", fp16, 1);
        }
}

// Summed weights, [OUT][64], if the file has any; `place`: where in the file.
static int has_sums(const char *path, const float *original, size_t *place)
{
    GcamModelFile *file = NULL;
    size_t size, cells = IN / 64;
    GcamMapFile bytes;
    if (gcam_map_file(&bytes, path, "model", 0, 0, NULL) || gcam_modelfile_open(&file, &bytes, path, NULL)) {
        fail("%s cannot be opened", path);
        return 0;
    }
    const GcamFileTensor *tensor = gcam_modelfile_find_tensor(file, "sums");
    int there = tensor != NULL;
    for (size_t i = 0; there && original && i < (size_t)OUT * 64; i++) {
        double want = 0;
        for (size_t cell = 0; cell < cells; cell++)
            want += original[i * cells + cell];
        CHECK(fabs(((const float *)tensor->data)[i] - want) < 1e-6);
    }
    if (there) {
        CHECK(tensor->rank == 2 && tensor->dims[0] == OUT && tensor->dims[1] == 64);
        *place = (size_t)((const char *)tensor->data - (const char *)gcam_modelfile_mapping(file, &size));
    }
    gcam_modelfile_close(&file);
    return there;
}

// Sums of the weights behind the default layer are stored, and are what its maps are made from; those of other layers
// are made from the weights.
static void sums_are_stored(void)
{
    static const char pool[] = "p = MaxPool(r) kernel_shape=[2,2] strides=[2,2];";
    GradcamModel *onnx = open_connected(pool, "r"), *bin = NULL, *before = open_connected(pool, "c");
    size_t place = 0, size;
    REQUIRE(onnx && before);
    CHECK_INT(gradcam_model_compile(onnx, "sums.bin", NULL, NULL), 0);
    CHECK(has_sums("sums.bin", find_weights(onnx), &place));
    if (open_model(&bin, "sums.bin", NULL)) {
        size_t sizes[2];
        CHECK_INT(gradcam_model_compile(bin, "again.bin", NULL, NULL), 0);
        uint8_t *first = read_file("sums.bin", &sizes[0]), *second = read_file("again.bin", &sizes[1]);
        CHECK(sizes[0] == sizes[1] && !memcmp(first, second, sizes[0]));
        free(first);
        free(second);
    }
    gradcam_model_close(&bin);
    uint8_t *bytes = read_file("sums.bin", &size);
    memset(bytes + place, 0, (size_t)OUT * 64 * sizeof(float));
    write_file("zero.bin", bytes, size);
    free(bytes);
    if (open_model(&bin, "zero.bin", NULL)) {
        float map[CELLS];
        for (int class = 0; class < 5; class++) {
            make_map(bin, class, map);
            CHECK(largest(map) == 0);
        }
    }
    gradcam_model_close(&bin);
    if (open_model(&bin, "zero.bin", &(GradcamModelOptions){ .layer = "c" }))
        compare_maps(before, bin, 1e-5);
    gradcam_model_close(&bin);
    CHECK_INT(gradcam_model_compile(before, "before.bin", NULL, NULL), 0);
    CHECK(!has_sums("before.bin", NULL, &place));
    gradcam_model_close(&before);
    gradcam_model_close(&onnx);
}

static void other_weights_stay(void)
{
    check_turned("p = AveragePool(r) kernel_shape=[2,2] strides=[2,2];", "r", 0, 0);
    check_turned("q = Sigmoid(c); p = MaxPool(q) kernel_shape=[2,2] strides=[2,2];", "c", 0, 0);
}

// Options given when a .bin is opened win over what is in it.
static void options_win_over_the_file(void)
{
    static const GradcamPreprocessing other = { { 1, 2, 3 }, { 4, 5, 6 }, 0 };
    const GradcamModelOptions options = { .labels = "none", .layer = "e", .preprocessing = &other };
    GradcamModel *onnx = open_original(), *bin = NULL;
    REQUIRE(onnx);
    CHECK_INT(gradcam_model_compile(onnx, "net.bin", NULL, NULL), 0);
    if (open_model(&bin, "net.bin", &options)) {
        CHECK_STR(gradcam_model_info(bin)->layer, "e");
        CHECK_INT(gradcam_model_info(bin)->labels, 0);
        CHECK_STR(gradcam_model_label(bin, 3), "3");
        CHECK(gradcam_model_label(bin, 5) == NULL && gradcam_model_group(bin, 0, NULL, NULL) == NULL);
        CHECK(!memcmp(&gradcam_model_info(bin)->preprocessing, &other, sizeof(other)));
    }
    gradcam_model_close(&bin);
    gradcam_model_close(&onnx);
}

static void targets_of_a_compiled_model(void)
{
    GradcamModel *onnx = open_original(), *bin = NULL;
    GradcamTargets *targets = NULL;
    REQUIRE(onnx);
    CHECK_INT(gradcam_model_compile(onnx, "net.bin", NULL, NULL), 0);
    gradcam_model_close(&onnx);
    if (open_model(&bin, "net.bin", NULL) &&
        gradcam_targets_resolve(&targets, bin, "pet|Vulpes vulpes|auto:2|cow", NULL) == 0) {
        REQUIRE(targets->count == 5);
        CHECK(targets->target[0].count == 2 && targets->target[0].classes[0] == 1);
        CHECK(targets->target[1].count == 1 && targets->target[1].classes[0] == 0);
        CHECK(targets->target[2].count == 0 && targets->target[2].rank == 0 && targets->target[3].rank == 1);
        CHECK_STR(targets->target[4].name, "cow");
        gradcam_targets_free(&targets);
    } else {
        fail("cannot be resolved");
    }
    gradcam_model_close(&bin);
}

// A file that cannot be written leaves nothing behind.
static void places_that_cannot_be_written(void)
{
    Messages messages;
    const GradcamLog log = messages_log(&messages);
    GradcamModel *onnx = open_original();
    REQUIRE(onnx);
    CHECK_INT(gradcam_model_compile(onnx, "absent/net.bin", NULL, &log), -ENOENT);
    CHECK_INT(messages.count, 1);
    CHECK(strstr(messages.text, "absent/net.bin") != NULL);
    gradcam_model_close(&onnx);
}

int main(void)
{
    RUN(bin_gives_the_same_maps);
    RUN(half_weights_are_near);
    RUN(weights_behind_a_relu_are_turned);
    RUN(sums_are_stored);
    RUN(other_weights_stay);
    RUN(options_win_over_the_file);
    RUN(targets_of_a_compiled_model);
    RUN(places_that_cannot_be_written);
    return end_cases();
}
