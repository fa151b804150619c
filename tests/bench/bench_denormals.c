/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What denormals cost: a network whose layers pass numbers of about 1e-40 to each other, beside the same one with
 * numbers of about 1. Maps of both in turn, the least time of all rounds; where denormals are taken for zero the ratio
 * is about 1, where the processor computes with them it is 10 to 100.
 *
 *     bench_denormals [-t THREADS] [-n ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "gradcam.h"
#include "ops/onnx_writer.h"

enum { SIZE = 56, NETWORKS = 2 };

typedef struct Network {
    const char *name, *text;
    GradcamModel *model;
    GradcamContext *context;
    double least;
} Network;

// Weights about 1 / 576 keep what they are given; the first layer decides what that is.
#define LAYERS(first) \
    "input x 1x3x56x56; a = Conv(x, %64x3x3x3@" first ") pads=[1,1,1,1]; ra = Relu(a);" \
    "b = Conv(ra, %64x64x3x3@0.001:0.002) pads=[1,1,1,1]; rb = Relu(b);" \
    "c = Conv(rb, %64x64x3x3@0.001:0.002) pads=[1,1,1,1]; rc = Relu(c);" \
    "d = Conv(rc, %128x64x1x1@0.01:0.02); sd = Sigmoid(d); m = Mul(d, sd); e = Conv(m, %64x128x1x1@0.01:0.02);" \
    "p = GlobalAveragePool(e); f = Flatten(p); logits = Gemm(f, %10x64, %10) transB=1; output logits"

static void check(const char *what, int error)
{
    if (error >= 0)
        return;
    fprintf(stderr, "bench_denormals: %s: %s\n", what, gradcam_strerror(error));
    exit(1);
}

static void open_network(Network *network, int threads)
{
    const GradcamSettings settings = { .threads = threads };
    Graph *graph = graph_create(17);
    graph_add(graph, network->text);
    graph_save(graph, "bench_denormals.onnx");
    graph_free(graph);
    int error = gradcam_model_open(&network->model, "bench_denormals.onnx", &(GradcamModelOptions){ .labels = "none" });
    unlink("bench_denormals.onnx");
    check(network->name, error);
    check(network->name, gradcam_context_open(&network->context, network->model, &settings));
}

static void run(Network *network, const float *picture)
{
    static float map[SIZE * SIZE];
    const int class = 3;
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    const double begin = gcam_time();
    check("forward", gradcam_context_forward_float(network->context, picture));
    check("map", gradcam_context_map(network->context, &target, NULL, map, sizeof(map) / sizeof(*map), NULL));
    const double seconds = gcam_time() - begin;
    if (network->least == 0 || seconds < network->least)
        network->least = seconds;
}

int main(int argc, char **argv)
{
    static float picture[3 * SIZE * SIZE];
    Network network[NETWORKS] = {
        { .name = "about 1", .text = LAYERS("0.05:0.1") },
        { .name = "about 1e-40", .text = LAYERS("5e-42:1e-41") },
    };
    int threads = 1, rounds = 20, option;
    while ((option = getopt(argc, argv, "t:n:")) != -1)
        *(option == 't' ? &threads : &rounds) = atoi(optarg);
    for (int i = 0; i < 3 * SIZE * SIZE; i++)
        picture[i] = 1;
    for (int i = 0; i < NETWORKS; i++)
        open_network(&network[i], threads);
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < NETWORKS; i++)
            run(&network[i], picture);
    for (int i = 0; i < NETWORKS; i++) {
        printf("numbers %-12s %8.2f ms\n", network[i].name, 1e3 * network[i].least);
        gradcam_context_close(&network[i].context);
        gradcam_model_close(&network[i].model);
    }
    printf("ratio %.2f\n", network[1].least / network[0].least);
    return 0;
}
