/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Speed of the kernels: `bench_kernels [threads] [word]`, all shapes or those whose name contains the word.
 * Prints the shortest of many runs and GFLOP/s, for convolutions counted as direct ones whatever the
 * algorithm. GRADCAM_CPU chooses a lower level. With one thread processor time is measured, so that other
 * work on the machine disturbs less.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "gradcam.h"
#include "tensor/conv/conv.h"
#include "tensor/linear.h"

static GcamThreads *pool;
static int threads = 1;
static const char *word = "";

static double now(void)
{
    struct timespec t;
    clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(size_t n)
{
    float *out = gcam_alloc(n, sizeof(*out));
    for (size_t i = 0; out && i < n; i++)
        out[i] = (float)((i * 2654435761u) >> 8 & 0xffff) / 65536 - 0.5f;
    return out;
}

// Shortest run within about a quarter of a second, at least five.
static double shortest(void (*run)(void *), void *opaque)
{
    double best = 1e9, begin = now();
    for (int i = 0; i < 5 || now() - begin < 0.25; i++) {
        double start = now();
        run(opaque);
        double time = now() - start;
        best = time < best ? time : best;
    }
    return best;
}

static int wanted(const char *name)
{
    return strstr(name, word) != NULL;
}

// ----------------------------------------------------------------------------------------------------- matrix products

typedef struct Product {
    const char *name;
    size_t m, n, k;
    float *a, *b, *c, *scratch;
    GcamPackedB *packed;
} Product;

static void run_packed(void *opaque)
{
    Product *p = opaque;
    gcam_gemm_packed(pool, p->m, p->a, (ptrdiff_t)p->k, p->packed, p->c, (ptrdiff_t)p->n, NULL);
}

static void run_unpacked(void *opaque)
{
    Product *p = opaque;
    gcam_gemm(pool, GCAM_F32, p->m, p->n, p->k, p->a, (ptrdiff_t)p->k, 1, p->b, (ptrdiff_t)p->n, 1, p->c,
              (ptrdiff_t)p->n, NULL, p->scratch);
}

static void products(void)
{
    static const Product table[] = {
        { .name = "gemm square 2048", .m = 2048, .n = 2048, .k = 2048 },
        { .name = "gemm square 512", .m = 512, .n = 512, .k = 512 },
        { .name = "gemm VGG F(4,3) 3136x64x64", .m = 3136, .n = 64, .k = 64 },
        { .name = "gemm VGG F(4,3) 196x256x256", .m = 196, .n = 256, .k = 256 },
        { .name = "gemm VGG F(4,3) 49x512x512", .m = 49, .n = 512, .k = 512 },
        { .name = "gemm R50 784x128x512", .m = 784, .n = 128, .k = 512 },
        { .name = "gemm R50 196x1024x256", .m = 196, .n = 1024, .k = 256 },
        { .name = "gemm R50 196x256x1024", .m = 196, .n = 256, .k = 1024 },
        { .name = "gemm R50 49x2048x512", .m = 49, .n = 2048, .k = 512 },
        { .name = "gemm R50 49x512x2048", .m = 49, .n = 512, .k = 2048 },
        { .name = "gemm ViT 197x3072x768", .m = 197, .n = 3072, .k = 768 },
        { .name = "gemm ViT 197x64x197", .m = 197, .n = 64, .k = 197 },
        { .name = "gemm MobileNet 12544x96x16", .m = 12544, .n = 96, .k = 16 },
        { .name = "gemm MobileNet 3136x24x144", .m = 3136, .n = 24, .k = 144 },
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        Product p = table[i];
        if (!wanted(p.name))
            continue;
        p.a = numbers(p.m * p.k);
        p.b = numbers(p.k * p.n);
        p.c = numbers(p.m * p.n);
        p.scratch = numbers(gcam_gemm_scratch(p.m, p.n, p.k));
        if (gcam_packed_b_create(&p.packed, GCAM_F32, p.k, p.n, p.b, (ptrdiff_t)p.n, 1))
            exit(1);
        double flops = 2e-9 * (double)p.m * (double)p.n * (double)p.k;
        double packed = shortest(run_packed, &p), unpacked = shortest(run_unpacked, &p);
        printf("%-44s %8.3f ms %7.1f GFLOP/s   packing B each time %8.3f ms %7.1f GFLOP/s\n",
               p.name, 1e3 * packed, flops / packed, 1e3 * unpacked, flops / unpacked);
        gcam_packed_b_free(&p.packed);
        gcam_free(p.a);
        gcam_free(p.b);
        gcam_free(p.c);
        gcam_free(p.scratch);
    }
}

// ---------------------------------------------------------------------------------------------- convolutions

typedef struct Layer {
    const char *name;
    int size, c, out_c, kernel, stride, depthwise;
    int times;                  // in its network
} Layer;

typedef struct Job {
    GcamConv *conv;
    GcamConvBackward *backward;
    float *x, *y, *scratch;
} Job;

static void run_forward(void *opaque)
{
    Job *job = opaque;
    gcam_conv_forward(job->conv, pool, job->x, NULL, job->y, job->scratch);
}

static void run_backward(void *opaque)
{
    Job *job = opaque;
    gcam_conv_backward_run(job->backward, pool, job->y, NULL, job->x, job->scratch);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

// Milliseconds of one forward run; prints a line.
static double layer(const char *network, const Layer *l)
{
    int groups = l->depthwise ? l->c : 1, pad = l->kernel / 2,
        out = (l->size + 2 * pad - l->kernel) / l->stride + 1;
    GcamConvShape s = {
        .n = 1, .h = l->size, .w = l->size, .c = l->c, .out_c = l->out_c, .out_h = out, .out_w = out,
        .kernel_h = l->kernel, .kernel_w = l->kernel, .stride_h = l->stride, .stride_w = l->stride,
        .pad_top = pad, .pad_left = pad, .pad_bottom = pad, .pad_right = pad,
        .dilation_h = 1, .dilation_w = 1, .groups = groups,
    };
    size_t weights = (size_t)l->out_c * (l->c / groups) * l->kernel * l->kernel;
    float *w = numbers(weights), *bias = numbers((size_t)l->out_c);
    Job job = { .x = numbers((size_t)l->size * l->size * l->c), .y = numbers((size_t)out * out * l->out_c) };
    if (gcam_conv_create(&job.conv, &s, w, NULL, bias, GCAM_ACT_RELU, 0, 0) ||
        gcam_conv_backward_create(&job.backward, &s, w, NULL))
        exit(1);
    job.scratch = gcam_alloc(larger(gcam_conv_scratch(job.conv, threads),
                                    gcam_conv_backward_scratch(job.backward, threads)), sizeof(float));
    double flops = 2e-9 * (double)weights * out * out;
    double forward = shortest(run_forward, &job), backward = shortest(run_backward, &job);
    char name[128];
    snprintf(name, sizeof(name), "%s %s %d<-%d %dx%d/%d at %d", network, l->name, l->out_c, l->c, l->kernel,
             l->kernel, l->stride, l->size);
    printf("%-44s %8.3f ms %7.1f GFLOP/s %-10s  backward %8.3f ms %7.1f GFLOP/s %s\n", name, 1e3 * forward,
           flops / forward, gcam_conv_algorithm(job.conv), 1e3 * backward, flops / backward,
           gcam_conv_backward_algorithm(job.backward));
    gcam_conv_free(&job.conv);
    gcam_conv_backward_free(&job.backward);
    gcam_free(w);
    gcam_free(bias);
    gcam_free(job.x);
    gcam_free(job.y);
    gcam_free(job.scratch);
    return 1e3 * forward;
}

static void network(const char *name, const Layer *layers, size_t count)
{
    double total = 0;
    if (!wanted(name))
        return;
    for (size_t i = 0; i < count; i++)
        total += layers[i].times * layer(name, &layers[i]);
    printf("%-44s %8.3f ms\n", name, total);
}

#define NETWORK(name, layers) network(name, layers, sizeof(layers) / sizeof(layers[0]))

static void convolutions(void)
{
    static const Layer vgg[] = {
        { "1_1", 224, 3, 64, 3, 1, 0, 1 }, { "1_2", 224, 64, 64, 3, 1, 0, 1 },
        { "2_1", 112, 64, 128, 3, 1, 0, 1 }, { "2_2", 112, 128, 128, 3, 1, 0, 1 },
        { "3_1", 56, 128, 256, 3, 1, 0, 1 }, { "3_2", 56, 256, 256, 3, 1, 0, 2 },
        { "4_1", 28, 256, 512, 3, 1, 0, 1 }, { "4_2", 28, 512, 512, 3, 1, 0, 2 },
        { "5", 14, 512, 512, 3, 1, 0, 3 },
    };
    static const Layer resnet50[] = {
        { "stem", 224, 3, 64, 7, 2, 0, 1 },           { "1 first", 56, 64, 64, 1, 1, 0, 1 },
        { "1 in", 56, 256, 64, 1, 1, 0, 2 },          { "1 3x3", 56, 64, 64, 3, 1, 0, 3 },
        { "1 out", 56, 64, 256, 1, 1, 0, 4 },         { "2 first", 56, 256, 128, 1, 1, 0, 1 },
        { "2 in", 28, 512, 128, 1, 1, 0, 3 },         { "2 3x3 first", 56, 128, 128, 3, 2, 0, 1 },
        { "2 3x3", 28, 128, 128, 3, 1, 0, 3 },        { "2 out", 28, 128, 512, 1, 1, 0, 4 },
        { "2 shortcut", 56, 256, 512, 1, 2, 0, 1 },   { "3 first", 28, 512, 256, 1, 1, 0, 1 },
        { "3 in", 14, 1024, 256, 1, 1, 0, 5 },        { "3 3x3 first", 28, 256, 256, 3, 2, 0, 1 },
        { "3 3x3", 14, 256, 256, 3, 1, 0, 5 },        { "3 out", 14, 256, 1024, 1, 1, 0, 6 },
        { "3 shortcut", 28, 512, 1024, 1, 2, 0, 1 },  { "4 first", 14, 1024, 512, 1, 1, 0, 1 },
        { "4 in", 7, 2048, 512, 1, 1, 0, 2 },         { "4 3x3 first", 14, 512, 512, 3, 2, 0, 1 },
        { "4 3x3", 7, 512, 512, 3, 1, 0, 2 },         { "4 out", 7, 512, 2048, 1, 1, 0, 3 },
        { "4 shortcut", 14, 1024, 2048, 1, 2, 0, 1 },
    };
    static const Layer other[] = {
        { "MobileNetV2 stem", 224, 3, 32, 3, 2, 0, 1 }, { "depthwise", 112, 96, 96, 3, 2, 1, 1 },
        { "depthwise", 56, 144, 144, 3, 1, 1, 1 }, { "depthwise", 14, 576, 576, 3, 1, 1, 1 },
        { "depthwise", 7, 960, 960, 3, 1, 1, 1 }, { "depthwise", 28, 240, 240, 5, 1, 1, 1 },
        { "AlexNet 1", 227, 3, 96, 11, 4, 0, 1 }, { "AlexNet 2", 27, 64, 192, 5, 1, 0, 1 },
    };
    NETWORK("VGG-16", vgg);
    NETWORK("ResNet-50", resnet50);
    NETWORK("other", other);
}

// ----------------------------------------------------------------------------------------------------- fully connected

typedef struct Connected {
    size_t out, in;
    enum GcamType type;
    void *w;
    float *x, *y;
} Connected;

static void run_linear(void *opaque)
{
    Connected *c = opaque;
    gcam_linear_forward(pool, c->out, c->in, c->w, c->type, 0, NULL, c->x, c->y, GCAM_ACT_NONE, 0, 0);
}

static void run_linear_backward(void *opaque)
{
    Connected *c = opaque;
    gcam_linear_backward(pool, c->out, c->in, c->w, c->type, 0, 1, (const float *[]){ c->y }, NULL, &c->x);
}

static void connected(void)
{
    static const size_t sizes[][2] = { { 4096, 25088 }, { 4096, 4096 }, { 1000, 4096 }, { 1000, 2048 } };
    for (size_t i = 0; i < 4 && wanted("linear"); i++)
        for (int type = GCAM_F32; type <= GCAM_BF16; type++) {
            Connected c = { .out = sizes[i][0], .in = sizes[i][1], .type = (enum GcamType)type };
            double bytes = 1e-9 * (double)(c.out * c.in * gcam_type_size(c.type));
            c.w = gcam_calloc(c.out * c.in, gcam_type_size(c.type));
            c.x = numbers(c.in);
            c.y = numbers(c.out);
            double forward = shortest(run_linear, &c);
            gcam_free(c.y);
            c.y = numbers(c.out);
            double backward = shortest(run_linear_backward, &c);
            printf("linear %zu<-%zu %-28s %8.3f ms %7.1f GB/s   backward %8.3f ms %7.1f GB/s\n", c.out, c.in,
                   type == GCAM_F32   ? "fp32"
                   : type == GCAM_F16 ? "fp16"
                                      : "bf16",
                   1e3 * forward, bytes / forward, 1e3 * backward, bytes / backward);
            gcam_free(c.w);
            gcam_free(c.x);
            gcam_free(c.y);
        }
}

int main(int argc, char **argv)
{
    threads = argc > 1 ? atoi(argv[1]) : 1;
    word = argc > 2 ? argv[2] : "";
    if (threads < 1 || gcam_threads_create(&pool, threads, 0)) {
        fprintf(stderr, "usage: bench_kernels [threads] [word]\n");
        return 2;
    }
    printf("%s, %d thread%s\n", gradcam_cpu(), threads, threads > 1 ? "s" : "");
    products();
    convolutions();
    connected();
    gcam_threads_free(&pool);
    return 0;
}
