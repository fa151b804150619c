/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * slow_network FILE MILLISECONDS: writes an ONNX network of ten classes whose map takes about so long on this
 * machine with all its processors, for tests and benchmarks of what the filter does meanwhile. It is a stack of
 * equal 3x3 convolutions on 224x224 pixels: short stacks are timed, and the file gets as many as the time wants.
 * Prints their number and the least time that the map then took.
 */
#include "ops/onnx_writer.h"

#include "gradcam.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SIDE = 224, MOST = (GRAPH_NODES - 8) / 2, ROUNDS = 5 };

static void write_network(const char *path, int convolutions)
{
    Graph *graph = graph_create(13);

    graph_addf(graph, "input x 1x3x%dx%d; r0 = Conv(x, %%96x3x3x3@-0.5:0.5) pads=[1,1,1,1]", SIDE, SIDE);
    for (int i = 0; i < convolutions; i++)          // weights are such that values neither grow nor fade
        graph_addf(graph, "c%d = Conv(r%d, %%96x96x3x3@-0.083:0.083) pads=[1,1,1,1]; r%d = Relu(c%d)",
                   i + 1, i, i + 1, i + 1);
    graph_addf(graph, "p = GlobalAveragePool(r%d); f = Flatten(p); logits = Gemm(f, %%10x96, %%10) transB=1;"
               "output logits", convolutions);
    graph_save(graph, path);
    graph_free(graph);
}

static double milliseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static int run_map(GradcamContext *context, const uint8_t *picture, float *map)
{
    const GradcamTarget target = { .name = "3", .classes = (const int[]){ 3 }, .count = 1 };
    int ret = gradcam_context_forward(context, picture, 3 * SIDE);

    return ret < 0 ? ret : gradcam_context_map(context, &target, NULL, map, SIZE_MAX, NULL);
}

// The least time of a few maps of the network in the file; negative: it could not be run.
static double time_map(const char *path)
{
    static uint8_t picture[3 * SIDE * SIDE];
    static float map[SIDE * SIDE];
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    double least = -1;
    int ret = gradcam_model_open(&model, path, NULL);

    for (size_t i = 0; i < sizeof(picture); i++)
        picture[i] = (uint8_t)(i * i >> 7);
    if (ret >= 0)
        ret = gradcam_context_open(&context, model, NULL);
    if (ret >= 0)
        ret = run_map(context, picture, map);
    for (int i = 0; ret >= 0 && i < ROUNDS; i++) {
        const double begin = milliseconds();

        ret = run_map(context, picture, map);
        if (least < 0 || milliseconds() - begin < least)
            least = milliseconds() - begin;
    }
    if (ret < 0)
        fprintf(stderr, "slow_network: %s: %s\n", path, gradcam_strerror(ret));
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    return ret < 0 ? -1 : least;
}

int main(int argc, char **argv)
{
    const double wanted = argc == 3 ? atof(argv[2]) : 0;
    double few, more, took;
    int convolutions;

    if (!(wanted > 0)) {
        fprintf(stderr, "usage: slow_network FILE MILLISECONDS\n");
        return 2;
    }
    write_network(argv[1], 1);
    if ((few = time_map(argv[1])) < 0)
        return 1;
    write_network(argv[1], 3);
    if ((more = time_map(argv[1])) < 0)
        return 1;
    convolutions = more > few ? 1 + (int)((wanted - few) / ((more - few) / 2) + 0.5) : MOST;
    convolutions = convolutions < 1 ? 1 : convolutions > MOST ? MOST : convolutions;
    write_network(argv[1], convolutions);
    if ((took = time_map(argv[1])) < 0)
        return 1;
    printf("%d convolutions, %.0f ms\n", convolutions, took);
    return 0;
}
