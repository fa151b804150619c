/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One model on many threads: contexts of their own give the same bits, whatever their own number of threads,
 * while others open and close contexts, resolve targets, and drop their references. To be run under a thread
 * sanitizer too.
 */
#include <pthread.h>

#include "ops/check.h"

enum { THREADS = 4, ROUNDS = 6, CELLS = 64, CLASSES = 7 };

static const char text[] = "input x 1x3x16x16; c = Conv(x, %24x3x3x3, %24) strides=[2,2] pads=[1,1,1,1];"
                           "b = BatchNormalization(c, %24, %24, %24, %24@0.5:2); r = Relu(b); d = Conv(r, "
                           "%24x1x3x3) group=24 pads=[1,1,1,1];"
                           "e = HardSwish(d); s = Add(e, r); k = Concat(s, r) axis=1; w = Conv(k, "
                           "%32x48x3x3@-0.2:0.2, %32) pads=[1,1,1,1];"
                           "y = Relu(w);";
// What is behind: a gradient that no picture changes, and one whose sums come from summed weights, which all share.
static const char *const behind[] = {
    "p = GlobalAveragePool(y); f = Flatten(p); logits = Gemm(f, %7x32, %7) transB=1; output logits",
    "p = MaxPool(y) kernel_shape=[2,2] strides=[2,2]; f = Flatten(p); g = Gemm(f, %48x512, %48) transB=1; h = Relu(g);"
    "logits = Gemm(h, %7x48, %7) transB=1; output logits",
};

static GradcamModel *shared;
static float pictures[ROUNDS][3 * 256];
static float wanted[ROUNDS][CLASSES][CELLS];
static const char *const layers[] = { NULL, "y", "s", "r" };

// Harness functions are for one thread: the workers count what goes wrong.
typedef struct Worker {
    pthread_t thread;
    int index, wrong;
} Worker;

static int make_maps(GradcamContext *context, int round, float map[CLASSES][CELLS])
{
    if (gradcam_context_forward_float(context, pictures[round]))
        return -1;
    for (int class = 0; class < CLASSES; class++) {
        const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
        if (gradcam_context_map(context, &target, NULL, map[class], SIZE_MAX, NULL))
            return -1;
    }
    return 0;
}

// One context, all pictures, each in its own order.
static void *map_pictures(void *opaque)
{
    Worker *worker = opaque;
    const GradcamSettings settings = { .threads = 1 + worker->index % 3 };
    GradcamModel *model = gradcam_model_ref(shared);
    GradcamContext *context = NULL;
    float map[CLASSES][CELLS];
    worker->wrong += gradcam_context_open(&context, model, &settings) != 0;
    gradcam_model_close(&model);
    for (int i = 0; context && i < ROUNDS; i++) {
        int round = (i * (worker->index + 1)) % ROUNDS;
        worker->wrong += make_maps(context, round, map) || memcmp(map, wanted[round], sizeof(map));
    }
    gradcam_context_close(&context);
    return NULL;
}

// Contexts come and go, of several layers, so that plans are made, shared and dropped.
static void *open_and_close(void *opaque)
{
    Worker *worker = opaque;
    float map[CLASSES][CELLS];
    for (int i = 0; i < ROUNDS; i++) {
        const char *layer = layers[(i + worker->index) % 4];
        const GradcamSettings settings = { .threads = 1 + i % 2, .layer = layer };
        GradcamModel *model = gradcam_model_ref(shared);
        GradcamContext *context = NULL;
        GradcamTargets *targets = NULL;
        worker->wrong += gradcam_targets_resolve(&targets, model, "3|auto:2", NULL) != 0;
        worker->wrong += gradcam_context_open(&context, model, &settings) != 0;
        gradcam_model_close(&model);
        if (context)
            worker->wrong += make_maps(context, i, map) || ((!layer || !strcmp(layer, "y")) &&
                                                            memcmp(map, wanted[i], sizeof(map)));
        gradcam_targets_free(&targets);
        gradcam_context_close(&context);
    }
    return NULL;
}

static void run_threads(void *(*run)(void *))
{
    Worker worker[THREADS] = { 0 };
    for (int i = 0; i < THREADS; i++) {
        worker[i].index = i;
        if (pthread_create(&worker[i].thread, NULL, run, &worker[i]))
            abort();
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(worker[i].thread, NULL);
        if (worker[i].wrong)
            fail("thread %d: %d maps differ or fail", i, worker[i].wrong);
    }
}

static void open_shared(const char *rest)
{
    const GradcamModelOptions options = { .labels = "none" };
    GradcamContext *context = NULL;
    Random random = { 8 };
    Graph *graph = graph_create(17);
    graph_add(graph, text);
    graph_add(graph, rest);
    random_floats(&random, pictures[0], sizeof(pictures) / sizeof(float), -1, 1);
    REQUIRE(open_graph(&shared, graph, &options) == 0);
    graph_free(graph);
    REQUIRE(gradcam_context_open(&context, shared, &(GradcamSettings){ .threads = 1 }) == 0);
    for (int i = 0; i < ROUNDS; i++)
        CHECK(make_maps(context, i, wanted[i]) == 0);
    gradcam_context_close(&context);
}

static void four_contexts_give_the_same_maps(void)
{
    run_threads(map_pictures);
}

static void contexts_open_and_close_at_once(void)
{
    run_threads(open_and_close);
}

// The last reference may be a context's: the model outlives the caller's.
static void context_keeps_its_model(void)
{
    GradcamContext *context = NULL;
    float map[CLASSES][CELLS];
    REQUIRE(gradcam_context_open(&context, shared, NULL) == 0);
    gradcam_model_close(&shared);
    CHECK(make_maps(context, 1, map) == 0);
    CHECK(!memcmp(map, wanted[1], sizeof(map)));
    CHECK_STR(gradcam_context_layer(context)->name, "y");
    gradcam_context_close(&context);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        begin_case("open shared, %zu of %zu networks", i + 1, sizeof(behind) / sizeof(behind[0]));
        open_shared(behind[i]);
        if (shared) {
            RUN(four_contexts_give_the_same_maps);
            RUN(contexts_open_and_close_at_once);
            RUN(context_keeps_its_model);
        }
    }
    return end_cases();
}
