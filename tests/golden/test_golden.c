/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1800
 *
 * Maps, weights and logits against those of public implementations (the shared test data says which), for each network
 * there: the zoo's architectures with made-up weights, and real networks on a photo of a dog and a cat. Demanded:
 * logits to 1e-4 of the largest, maps and channel weights to 1e-3 of their largest, gradients by the input to 1e-3,
 * the same bits with one and with two threads, the automatic choice of the layer. At precision bf16, where the
 * processor has it: logits to 3e-2 of the largest, the first class's map to 6e-2, the same bits again. (EfficientNet:
 * to 1.5e-1. With its made-up weights all errors grow; that of f32 is ten times the others', too.)
 *
 * Arguments: names of networks; default all.
 */
#include "golden/npy.h"
#include "golden/zoo.h"
#include "gradcam.h"
#include "harness.h"
#include "method.h"

#include <unistd.h>

static const char *const zoo[] = {
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mnasnet1_0",
    "mobilenet_v2", "mobilenet_v3_large", "regnet_y_400mf", "resnet18", "resnet50", "shufflenet_v2_x1_0",
    "squeezenet1_1", "vgg16",
};
static const char *const real_networks[] = {
    "mobilenet_v1_1.0_224", "mobilenet_v2_1.0_224", "resnet18_pqf", "squeezenet1_0_dc", "squeezenet1_1", "tiny_darknet",
};

static void log_error(void *opaque, enum GradcamLogLevel level, const char *message)
{
    (void)opaque;
    if (level == GRADCAM_LOG_ERROR)
        fail("%s", message);
}

static const GradcamLog to_fail = { log_error, NULL };

static double largest(const float *x, size_t count)
{
    double max = 0;
    for (size_t i = 0; i < count; i++)
        max = fabs(x[i]) > max ? fabs(x[i]) : max;
    return max;
}

// Within `tolerance` of the largest element wanted.
static void check_scaled(const char *what, const float *got, const Npy *want, size_t count, double tolerance)
{
    double scale = want->floats ? largest(want->floats, want->count) : 0, worst = 0;
    if (!want->floats || want->count != count) {
        fail("%s: the reference has %zu elements, not %zu", what, want->count, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)got[i] - want->floats[i]);
        worst = difference > worst || isnan(difference) ? difference : worst;
    }
    if (!(worst <= tolerance * scale))
        fail("%s: off by %g of the largest", what, worst / scale);
    note("%s %.1e", what, scale > 0 ? worst / scale : worst);
}

static void read_key(Npy *npy, const char *reference, int class_index, const char *what)
{
    char key[128];
    snprintf(key, sizeof(key), "%d/%s", class_index, what);
    if (!npy_read(npy, reference, key))
        fail("the reference has no %s", key);
}

// alpha_k = mean of G over the cells, as the public interface shows G
static void check_alpha(GradcamContext *context, const char *reference, int class_index)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    size_t channels = (size_t)layer->channels, cells = (size_t)layer->width * (size_t)layer->height;
    float *alpha = calloc(channels, sizeof(*alpha));
    const float *a, *g;
    Npy want;
    CHECK(gradcam_context_tensors(context, &a, &g) == 0);
    for (size_t i = 0; alpha && i < cells * channels; i++)
        alpha[i % channels] += g[i] / (float)cells;
    read_key(&want, reference, class_index, "alpha");
    check_scaled("alpha", alpha, &want, channels, 1e-3);
    npy_free(&want);
    free(alpha);
}

// A principal component of the reference has any sign and no ReLU: as we have it, with its largest magnitude above 0
// and nothing below.
static void settle_component(Npy *want)
{
    float most = 0;
    for (size_t i = 0; i < want->count; i++)
        most = fabsf(want->floats[i]) > fabsf(most) ? want->floats[i] : most;
    for (size_t i = 0; i < want->count; i++)
        want->floats[i] = fmaxf(most < 0 ? -want->floats[i] : want->floats[i], 0);
}

static void check_class(GradcamContext *context, const char *reference, int class_index)
{
    const GradcamLayer *layer = gradcam_context_layer(context);
    size_t cells = (size_t)layer->width * (size_t)layer->height;
    float *map = calloc(cells, sizeof(*map));
    const GradcamTarget target = { .name = "", .classes = &class_index, .count = 1 };
    int compared = 0;
    const GradcamMethodInfo *method;
    for (size_t i = 0; map && (method = gradcam_method_at(i)); i++) {
        char key[128];
        Npy want;
        GradcamMapInfo info = { 0 };
        const GradcamMethod made = method_named(method->name);
        snprintf(key, sizeof(key), "%d/%s", class_index, method->name);
        if (npy_read(&want, reference, key)) {          // else there is nothing to hold it against
            compared++;
            if (!strncmp(method->name, "eigen", 5))
                settle_component(&want);
            CHECK_INT(gradcam_context_map(context, &target, &made, map, SIZE_MAX, &info), 0);
            CHECK(info.class_index == class_index);
            check_scaled(method->name, map, &want, cells, 1e-3);
        }
        npy_free(&want);
    }
    CHECK(compared >= 3);
    check_alpha(context, reference, class_index);
    free(map);
}

// One thread and two: the same bits.
static void check_threads(GradcamContext *one, GradcamContext *two, int class_index)
{
    const GradcamLayer *layer = gradcam_context_layer(one);
    size_t cells = (size_t)layer->width * (size_t)layer->height;
    float *a = calloc(2 * cells, sizeof(*a)), *b = a + cells;
    const GradcamTarget target = { .name = "", .classes = &class_index, .count = 1 };
    CHECK(gradcam_context_map(one, &target, NULL, a, SIZE_MAX, NULL) == 0);
    CHECK(gradcam_context_map(two, &target, NULL, b, SIZE_MAX, NULL) == 0);
    if (memcmp(a, b, cells * sizeof(*a)))
        fail("one and two threads give different maps");
    free(a);
}

static void check_network(GradcamModel *model, const char *reference, int check_auto)
{
    Npy input, logits, layer, classes;
    GradcamContext *context = NULL, *two = NULL;
    size_t count;
    if (!npy_read(&input, reference, "input") || !npy_read(&logits, reference, "logits") ||
        !npy_read(&layer, reference, "layer") || !npy_read(&classes, reference, "classes")) {
        fail("the reference cannot be read");
        return;
    }
    GradcamSettings settings = { .log = to_fail, .layer = layer.text, .threads = 1 };
    if (check_auto)
        CHECK_STR(gradcam_model_info(model)->layer, layer.text);
    int error = gradcam_context_open(&context, model, &settings);
    settings.threads = 2;
    if (!error)
        error = gradcam_context_open(&two, model, &settings);
    if (!error) {
        CHECK(gradcam_context_forward_float(context, input.floats) == 0);
        CHECK(gradcam_context_forward_float(two, input.floats) == 0);
        const float *y = gradcam_context_logits(context, &count);
        check_scaled("logits", y, &logits, count, 1e-4);
        for (size_t i = 0; i < classes.count; i++)
            check_class(context, reference, (int)classes.ints[i]);
        check_threads(context, two, (int)classes.ints[0]);
    } else {
        fail("cannot run: %s", gradcam_strerror(error));
    }
    gradcam_context_close(&context);
    gradcam_context_close(&two);
    npy_free(&input);
    npy_free(&logits);
    npy_free(&layer);
    npy_free(&classes);
}

static int open_bf16(GradcamContext **out, GradcamModel *model, int threads)
{
    const GradcamSettings settings = { .log = to_fail, .threads = threads, .precision = GRADCAM_PRECISION_BF16 };
    int error = gradcam_context_open(out, model, &settings);
    if (error)
        fail("cannot run: %s", gradcam_strerror(error));
    return error;
}

static void check_bf16(GradcamModel *model, const char *reference, double logits_limit, double map_limit)
{
    GradcamContext *one = NULL, *two = NULL;
    Npy input, logits, classes, want;
    size_t count;
    if (!npy_read(&input, reference, "input") || !npy_read(&logits, reference, "logits") ||
        !npy_read(&classes, reference, "classes")) {
        fail("the reference cannot be read");
        return;
    }
    if (!open_bf16(&one, model, 1) && !open_bf16(&two, model, 2)) {
        const GradcamLayer *layer = gradcam_context_layer(one);
        const int first = (int)classes.ints[0];
        const GradcamTarget target = { .name = "", .classes = &first, .count = 1 };
        size_t cells = (size_t)layer->width * (size_t)layer->height;
        float *map = calloc(cells, sizeof(*map));
        CHECK(gradcam_context_forward_float(one, input.floats) == 0);
        CHECK(gradcam_context_forward_float(two, input.floats) == 0);
        check_scaled("logits", gradcam_context_logits(one, &count), &logits, logits.count, logits_limit);
        CHECK(gradcam_context_map(one, &target, NULL, map, SIZE_MAX, NULL) == 0);
        read_key(&want, reference, first, "gradcam");
        check_scaled("gradcam", map, &want, cells, map_limit);
        check_threads(one, two, first);
        npy_free(&want);
        free(map);
    }
    gradcam_context_close(&one);
    gradcam_context_close(&two);
    npy_free(&input);
    npy_free(&logits);
    npy_free(&classes);
}

// The map of pixels by a context for another layer, which needs a plan of its own for that.
static void check_pixels(GradcamModel *model, const Npy *input, const GradcamTarget *target,
                         const GradcamMethod *method, const float *want, size_t cells)
{
    GradcamContext *context = NULL;
    int width, height;
    float *map = calloc(cells, sizeof(*map));
    CHECK(gradcam_context_open(&context, model, NULL) == 0 && !gradcam_context_serves(context, method));
    gradcam_context_map_size(context, method, &width, &height);
    CHECK((size_t)width * (size_t)height == cells);
    CHECK(gradcam_context_forward_float(context, input->floats) == 0);
    CHECK(gradcam_context_map(context, target, method, map, SIZE_MAX, NULL) == 0);
    double worst = 0, scale = largest(want, cells);
    for (size_t i = 0; i < cells; i++)
        worst = fmax(worst, fabs((double)map[i] - want[i]));
    if (!(worst <= 1e-4 * scale))
        fail("%s from the default layer is off by %g", method->info->name, worst / scale);
    gradcam_context_close(&context);
    free(map);
}

// The gradient by the picture itself is the same machinery with the cut at the very bottom.
static void check_saliency(GradcamModel *model, const char *reference, const char *saliency, int class_index)
{
    const GradcamModelInfo *info = gradcam_model_info(model);
    GradcamSettings settings = { .log = to_fail, .layer = info->input, .threads = 2 };
    GradcamContext *context = NULL;
    size_t cells = (size_t)info->width * (size_t)info->height;
    float *map = calloc(4 * cells, sizeof(*map)), *planes = map + cells;
    const GradcamTarget target = { .name = "", .classes = &class_index, .count = 1 };
    const float *a, *g;
    Npy input, want;
    if (!npy_read(&input, reference, "input"))
        fail("the reference has no input");
    else if (gradcam_context_open(&context, model, &settings) == 0) {
        CHECK(gradcam_context_forward_float(context, input.floats) == 0);
        for (int m = 0; m < 2; m++) {
            const GradcamMethod method = method_named(m ? "guided" : "gradient");
            const char *key = m ? "guided" : "backprop";
            CHECK(gradcam_context_map(context, &target, &method, map, SIZE_MAX, NULL) == 0);
            CHECK(gradcam_context_tensors(context, &a, &g) == 0);
            for (size_t i = 0; i < 3 * cells; i++)
                planes[i % 3 * cells + i / 3] = g[i];
            read_key(&want, saliency, class_index, key);
            check_scaled(key, planes, &want, 3 * cells, 1e-3);
            npy_free(&want);
            check_pixels(model, &input, &target, &method, map, cells);
        }
    }
    gradcam_context_close(&context);
    npy_free(&input);
    free(map);
}

// Maps, and the gradient by the input where there is a reference for it.
static void check_all(GradcamModel *model)
{
    Npy classes;
    check_network(model, "reference", 1);
    if (access("saliency", R_OK) == 0 && npy_read(&classes, "reference", "classes")) {
        check_saliency(model, "reference", "saliency", (int)classes.ints[0]);
        npy_free(&classes);
    }
}

static int wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], name))
            return 1;
    return argc < 2;
}

// As a case of its own.
static void test_bf16(GradcamModel *model, const char *name, const char *kind)
{
    begin_case("bf16 maps of %s (%s)", name, kind);
    if (strcmp(gradcam_cpu(), "avx512bf16"))
        skip("the processor multiplies no bfloat16");
    else
        check_bf16(model, "reference", strcmp(name, "efficientnet_b0") ? 3e-2 : 0.15,
                   strcmp(name, "efficientnet_b0") ? 6e-2 : 0.15);
}

// Compiled, connected layers behind a ReLU are stored the other way round, and are added up in another order.
static void test_compiled(GradcamModel *model, const char *name)
{
    const GradcamModelOptions options = { .log = to_fail };
    GradcamModel *compiled = NULL;
    begin_case("reference maps of %s, compiled (zoo)", name);
    if (gradcam_model_compile(model, "compiled.bin", NULL, &to_fail) ||
        gradcam_model_open(&compiled, "compiled.bin", &options))
        fail("cannot be compiled");
    else
        check_all(compiled);
    gradcam_model_close(&compiled);
    remove("compiled.bin");
}

static void test_zoo(const char *shared, const char *name)
{
    GradcamModelOptions options = { .log = to_fail };
    GradcamModel *model = NULL;
    char path[4096], onnx[256];
    snprintf(path, sizeof(path), "%s/zoo", shared);
    snprintf(onnx, sizeof(onnx), "%s.onnx", name);
    if (!zoo_fill(path, name)) {
        fail("the weights cannot be made");
        return;
    }
    snprintf(path, sizeof(path), "%s/golden/%s.npz", shared, name);
    if (!npz_unpack(path, "reference"))
        fail("the reference cannot be unpacked");
    else if (gradcam_model_open(&model, onnx, &options) == 0) {
        snprintf(path, sizeof(path), "%s/golden/%s.saliency.npz", shared, name);
        if (access(path, R_OK) == 0 && !npz_unpack(path, "saliency"))
            fail("the gradients cannot be unpacked");
        check_all(model);
        if (!strcmp(name, "alexnet") || !strcmp(name, "vgg16"))
            test_compiled(model, name);
        test_bf16(model, name, "zoo");
    } else {
        fail("cannot be opened");
    }
    gradcam_model_close(&model);
    zoo_remove(name);
    if (system("rm -rf reference saliency"))
        fail("cannot remove what was unpacked");
}

static void test_real(const char *shared, const char *name)
{
    GradcamModelOptions options = { .log = to_fail };
    GradcamModel *model = NULL;
    char path[4096];
    snprintf(path, sizeof(path), "%s/golden/real/%s.npz", shared, name);
    if (!npz_unpack(path, "reference"))
        fail("the reference cannot be unpacked");
    snprintf(path, sizeof(path), "%s/models/%s.onnx", shared, name);
    if (gradcam_model_open(&model, path, &options) == 0) {
        check_network(model, "reference", 1);
        test_bf16(model, name, "real");
    } else {
        fail("cannot be opened");
    }
    gradcam_model_close(&model);
    if (system("rm -rf reference"))
        fail("cannot remove what was unpacked");
}

int main(int argc, char **argv)
{
    const char *shared = getenv("SHARED");
    int there = shared && *shared;
    for (size_t i = 0; i < sizeof(zoo) / sizeof(zoo[0]); i++) {
        if (!wanted(argc, argv, zoo[i]))
            continue;
        begin_case("reference maps of %s (zoo)", zoo[i]);
        if (there)
            test_zoo(shared, zoo[i]);
        else
            skip("no shared test data");
    }
    for (size_t i = 0; i < sizeof(real_networks) / sizeof(real_networks[0]); i++) {
        if (!wanted(argc, argv, real_networks[i]))
            continue;
        begin_case("reference maps of %s (real)", real_networks[i]);
        if (there)
            test_real(shared, real_networks[i]);
        else
            skip("no shared test data");
    }
    return end_cases();
}
