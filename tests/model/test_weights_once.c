/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps of several targets at once read the weights of connected layers once for all of them. The kernels that read
 * weights are exchanged for ones that keep account (the program is linked with --wrap=gcam_kernels, which the Makefile
 * says): rows that were not read lately come from memory, as the matrix is larger than what a processor keeps near.
 */
#include "kernels/kernels.h"
#include "ops/check.h"

enum {
    TARGETS = 6,
    CELLS = 100,
    LATELY = 40,                // sets of rows; the matrices of the networks here have 70 at least
};

const GcamKernels *__real_gcam_kernels(void);
const GcamKernels *__wrap_gcam_kernels(void);

static struct {
    const void *lately[LATELY]; // the first rows of sets
    size_t reads, from_memory;
} account;

static GcamKernels original;

static void read_set(const void *w)
{
    for (size_t i = 0; i < LATELY; i++)
        if (account.lately[i] == w)
            return;
    account.lately[account.from_memory++ % LATELY] = w;
}

static void dot(float out[GCAM_LINEAR_ROWS], const void *const w[GCAM_LINEAR_ROWS],
                const void *const next[GCAM_LINEAR_ROWS], const float *x, size_t n)
{
    account.reads++;
    read_set(w[0]);
    original.dot[GCAM_F32](out, w, next, x, n);
}

static void axpy(float *y, const void *const w[GCAM_LINEAR_ROWS], const void *const next[GCAM_LINEAR_ROWS],
                 const float factor[GCAM_LINEAR_ROWS], size_t n)
{
    account.reads++;
    read_set(w[0]);
    original.axpy[GCAM_F32](y, w, next, factor, n);
}

const GcamKernels *__wrap_gcam_kernels(void)
{
    static GcamKernels kernels;
    if (!kernels.dot[GCAM_F32]) {           // one thread only
        kernels = original = *__real_gcam_kernels();
        kernels.dot[GCAM_F32] = dot;
        kernels.axpy[GCAM_F32] = axpy;
    }
    return &kernels;
}

// Heads whose weights lie by output and by input, without sums of weights and with them.
static const char *const heads[] = {
    "p = AveragePool(y) kernel_shape=[2,2] strides=[2,2] pads=[0,0,2,2]; f = Flatten(p);"
    "g = Gemm(f, %300x288@-0.1:0.1, %300) transB=1; h = Sigmoid(g); logits = Gemm(h, %9x300) transB=1;",
    "p = AveragePool(y) kernel_shape=[2,2] strides=[2,2] pads=[0,0,2,2]; f = Flatten(p);"
    "g = Gemm(f, %288x300@-0.1:0.1, %300); h = Sigmoid(g); logits = Gemm(h, %300x9);",
    "p = MaxPool(y) kernel_shape=[2,2] strides=[2,2]; f = Flatten(p);"
    "g = Gemm(f, %400x200@-0.1:0.1, %400) transB=1; h = Sigmoid(g); i = Gemm(h, %300x400@-0.1:0.1, %300) transB=1;"
    "j = Sigmoid(i); logits = Gemm(j, %9x300) transB=1;",
};

static size_t sets_read(GradcamContext *context, const GradcamTarget *targets, size_t count)
{
    static float maps[TARGETS * CELLS];
    memset(&account, 0, sizeof(account));
    CHECK_INT(gradcam_context_maps(context, targets, count, 0, maps, FLOATS(maps), NULL), 0);
    return account.from_memory;
}

static void read_once(const char *head)
{
    static const int classes[TARGETS] = { 0, 7, 2, 5, 3, 8 };
    GradcamTarget targets[TARGETS];
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    float picture[3 * CELLS];
    Random random = { 4 };
    Graph *graph = graph_create(17);
    graph_addf(graph, "input x 1x3x10x10; c = Conv(x, %%8x3x3x3, %%8) pads=[1,1,1,1]; y = Relu(c); %s output logits",
               head);
    random_floats(&random, picture, 3 * CELLS, -1, 1);
    for (size_t i = 0; i < TARGETS; i++)
        targets[i] = (GradcamTarget){ .name = "", .classes = &classes[i], .count = 1 };
    REQUIRE(open_graph(&model, graph, &(GradcamModelOptions){ .labels = "none" }) == 0);
    REQUIRE(gradcam_context_open(&context, model, &(GradcamSettings){ .threads = 1, .layer = "y" }) == 0);
    CHECK_INT(gradcam_context_forward_float(context, picture), 0);
    sets_read(context, targets, TARGETS);                       // sums of weights are made when they are first asked
                                                                // for
    size_t once = sets_read(context, targets, 1), all = sets_read(context, targets, TARGETS), reads = account.reads;
    note("%zu sets of rows for one, %zu for %d", once, all, TARGETS);
    CHECK(once >= 70 && reads >= TARGETS * once);               // that is: the kernels here are those that run
    CHECK(all <= once + once / 4);                              // the last layer's rows are other ones for each class
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    graph_free(graph);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        begin_case("weights are read once for all classes: head %zu", i + 1);
        read_once(heads[i]);
    }
    return end_cases();
}
