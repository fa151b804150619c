/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Memory: nothing is allocated per picture, nothing leaks, and when the n-th allocation or thread fails, for
 * every n, each call says -ENOMEM (-EAGAIN for a thread), leaves NULL behind and frees what it had.
 */
#define _GNU_SOURCE
#include "model/counted_alloc.h"

#include "method.h"
#include "ops/check.h"

#include <fcntl.h>

static const char text[] =
    "input x 1x3x8x8; input q 1x6; c = Conv(x, %8x3x3x3, %8) pads=[1,1,1,1];"
    "b = BatchNormalization(c, %8, %8, %8, %8@0.5:2); r = Relu(b); d = Conv(r, %8x1x3x3) group=8 "
    "pads=[1,1,1,1];"
    "s = Add(d, r); v = Relu(s); t = Transpose(v) perm=[0,2,3,1]; n = LayerNormalization(t, %8, %8);"
    "m = MatMul(n, %8x8); u = Transpose(m) perm=[0,3,1,2]; k = Concat(u, v) axis=1; l = Softmax(k) axis=1;"
    "w = Conv(l, %300x16x1x1); y = MaxPool(w) kernel_shape=[3,3] strides=[2,2]; p = GlobalAveragePool(y);"
    "f = Flatten(p); z = Shape(f); g = Gemm(f, %5x300, %5) transB=1; h = Gemm(q, %6x5); i = Mul(g, h);"
    "a = Reshape(i, #-1/5); o = Softmax(a); output o";

typedef struct Setup {
    GradcamModel *model;
    GradcamTargets *targets;
    GradcamContext *context;
    const char *path;
} Setup;

static int open_model(Setup *setup)
{
    const GradcamModelOptions options = { .labels = "labels.tsv" };
    return gradcam_model_open(&setup->model, setup->path, &options);
}

static int resolve_targets(Setup *setup)
{
    return gradcam_targets_resolve(&setup->targets, setup->model, "pet|auto:2|fox|3", NULL);
}

static int open_context(Setup *setup)
{
    const GradcamSettings settings = { .threads = 3 };
    return gradcam_context_open(&setup->context, setup->model, &settings);
}

static int compile(Setup *setup)
{
    const GradcamCompileOptions options = { .fp16 = 1 };
    return gradcam_model_compile(setup->model, "out.bin", &options, NULL);
}

static void close_all(Setup *setup)
{
    gradcam_context_close(&setup->context);
    gradcam_targets_free(&setup->targets);
    gradcam_model_close(&setup->model);
}

// Runs a call with each of its allocations failing in turn; the last run succeeds.
static void fail_each(Setup *setup, const char *what, int (*call)(Setup *setup), void **result)
{
    int error = -ENOMEM, n = 0;
    long living = atomic_load(&counted.living);
    while (error) {
        void *before = result ? *result : NULL;
        atomic_store(&counted.fail_at, atomic_load(&counted.calls) + ++n);
        error = call(setup);
        int failed = atomic_load(&counted.calls) >= atomic_load(&counted.fail_at);
        atomic_store(&counted.fail_at, 0);
        if (!error && failed && n < 100000) {
            // Something that can be done without; run on with the next.
            if (result && *result != before)
                break;
            error = -ENOMEM;
        } else if (error && error != -ENOMEM && error != -EAGAIN) {
            fail("%s: allocation %d failed and the error is %d (%s)", what, n, error,
                 gradcam_strerror(error));
            break;
        }
        if (error && result && *result)
            fail("%s: allocation %d failed and the result is there", what, n);
        if (error && atomic_load(&counted.living) != living)
            fail("%s: allocation %d failed and %ld blocks leak", what, n,
                 atomic_load(&counted.living) - living);
        if (error)
            living = atomic_load(&counted.living);
        if (n > 100000)
            break;
    }
    note("%s %d", what, n - 1);
    CHECK(n > 3);
}

static void write_files(void)
{
    static const char labels[] =
        "#gradcam labels\nclass\t0\t\tfox\nclass\t1\t\tcat\nclass\t2\t\tdog\nclass\t3\t\tox\n"
        "class\t4\t\thare\ngroup\tg\tpet, companion\t1-2\n";
    Setup setup = { .path = "net.onnx" };
    Graph *graph = graph_create(17);
    graph_add(graph, text);
    graph_save(graph, "net.onnx");
    graph_free(graph);
    write_file("labels.tsv", labels, sizeof(labels) - 1);
    if (open_model(&setup) || gradcam_model_compile(setup.model, "net.bin", NULL, NULL))
        fail("cannot be compiled");
    close_all(&setup);
}

static void every_allocation_fails(const char *path)
{
    Setup setup = { .path = path };
    // What is made once for the whole program comes first.
    if (open_model(&setup) || resolve_targets(&setup) || open_context(&setup) || compile(&setup)) {
        fail("cannot be opened");
        return;
    }
    close_all(&setup);
    long living = atomic_load(&counted.living);
    fail_each(&setup, "model", open_model, (void **)&setup.model);
    fail_each(&setup, "targets", resolve_targets, (void **)&setup.targets);
    fail_each(&setup, "context", open_context, (void **)&setup.context);
    fail_each(&setup, "compile", compile, NULL);
    CHECK(setup.model && setup.targets && setup.context);
    if (setup.context) {
        float picture[3 * 64] = { 1 }, map[64];
        CHECK(gradcam_context_forward_float(setup.context, picture) == 0);
        CHECK(gradcam_context_map(setup.context, &setup.targets->target[0], NULL, map, SIZE_MAX, NULL) == 0);
    }
    close_all(&setup);
    CHECK_INT(atomic_load(&counted.living), living);
}

static void nothing_is_allocated_per_picture(void)
{
    Setup setup = { .path = "net.onnx" };
    float picture[3 * 64], question[6] = { 1, 2, 3, 4, 5, 6 }, map[64];     // as many cells as pixels
    uint8_t rgb[8 * 8 * 3];
    Random random = { 1 };
    size_t count;
    REQUIRE(open_model(&setup) == 0 && resolve_targets(&setup) == 0 && open_context(&setup) == 0);
    CHECK(gradcam_context_set_input(setup.context, "q", question, 6) == 0);
    for (int i = 0; i < 20; i++) {
        random_floats(&random, picture, 3 * 64, -1, 1);
        random_bytes(&random, rgb, sizeof(rgb));
        long calls = atomic_load(&counted.calls);
        CHECK(gradcam_context_forward(setup.context, rgb, 24) == 0);
        CHECK(gradcam_context_forward_float(setup.context, picture) == 0);
        CHECK(gradcam_context_set_input(setup.context, "q", question, 6) == 0);
        for (size_t k = 0; k < setup.targets->count; k++) {
            GradcamMapInfo info = { 0 };
            const GradcamMethodInfo *method;
            for (size_t m = 0; (method = gradcam_method_at(m)); m++) {
                const GradcamMethod made = method_named(method->name);
                int error = gradcam_context_map(setup.context, &setup.targets->target[k], &made, map, SIZE_MAX, &info);
                CHECK(!error || method_refused(&made, error));
            }
        }
        CHECK(gradcam_context_logits(setup.context, &count) != NULL &&
              gradcam_context_top(setup.context, 1) >= 0);
        if (i)
            CHECK_INT(atomic_load(&counted.calls) - calls, 0);
    }
    close_all(&setup);
}

// As many files are open after as before.
static void no_file_stays_open(void)
{
    Setup setup = { .path = "net.bin" };
    int before = open("/dev/null", O_RDONLY);
    for (int i = 0; i < 5; i++) {
        CHECK(open_model(&setup) == 0);
        close_all(&setup);
        setup.path = i % 2 ? "net.bin" : "net.onnx";
    }
    int after = open("/dev/null", O_RDONLY);
    CHECK_INT(after, before + 1);
    close(before);
    close(after);
}

int main(void)
{
    RUN(write_files);
    begin_case("every allocation fails: .onnx");
    every_allocation_fails("net.onnx");
    begin_case("every allocation fails: .bin");
    every_allocation_fails("net.bin");
    RUN(nothing_is_allocated_per_picture);
    RUN(no_file_stays_open);
    return end_cases();
}
