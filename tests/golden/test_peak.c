/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1800
 *
 * The most memory that a process has ever held when it opened a network and made a map: at most the network's weights
 * and 150 MB, for each network there. The weights are the file's bytes, or four for each where it stores them smaller.
 */
#define _GNU_SOURCE             // wait4
#include "golden/networks.h"
#include "gradcam.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM 150e6

static const char *const zoo[] = {
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mnasnet1_0",
    "mobilenet_v2", "mobilenet_v2_dynamo", "mobilenet_v3_large", "regnet_y_400mf", "resnet18", "resnet50",
    "shufflenet_dynamo", "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "swin_t_dynamo", "vgg16", "vit_b_16",
    "vit_b_16_dynamo",
};
static const char *const real_networks[] = {
    "mobilenet_v1_1.0_224", "mobilenet_v2_1.0_224", "resnet18_pqf", "resnet50_pqf_fp16", "squeezenet1_0_dc",
    "squeezenet1_1", "tiny_darknet",
};

// In a process of its own: opens the network, makes a map, and tells the number of weights through the pipe.
static int make_map(const char *path, int pipe)
{
    const GradcamSettings settings = { .threads = 2 };
    const GradcamTarget top = { .name = "auto" };
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    if (gradcam_model_open(&model, path, NULL) || gradcam_context_open(&context, model, &settings))
        return 1;
    const GradcamModelInfo *info = gradcam_model_info(model);
    const GradcamLayer *layer = gradcam_context_layer(context);
    unsigned char *rgb = calloc(3 * (size_t)info->width, (size_t)info->height);
    float *map = calloc((size_t)layer->width * (size_t)layer->height, sizeof(*map));
    int error = !rgb || !map || gradcam_context_forward(context, rgb, 3 * (ptrdiff_t)info->width) ||
                gradcam_context_map(context, &top, NULL, map, SIZE_MAX, NULL) ||
                write(pipe, &info->parameters, sizeof(info->parameters)) != sizeof(info->parameters);
    free(rgb);
    free(map);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
    return error;
}

static double file_size(const char *format, const char *name)
{
    char path[4096];
    struct stat status;
    snprintf(path, sizeof(path), format, name);
    return stat(path, &status) ? 0 : (double)status.st_size;
}

static void check_peak(const char *path, const char *name)
{
    double bytes = file_size("%s", path) + file_size("%s.weights", name);
    size_t parameters = 0;
    int ends[2], status = 0;
    struct rusage usage;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip("a sanitizer has memory of its own");
    return;
#endif
    CHECK(!pipe(ends));
    fflush(stdout);
    pid_t child = fork();
    if (!child)
        _exit(make_map(path, ends[1]));
    CHECK(child > 0 && wait4(child, &status, 0, &usage) == child);
    close(ends[1]);
    CHECK(read(ends[0], &parameters, sizeof(parameters)) == sizeof(parameters));
    close(ends[0]);
    CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
    double peak = 1024.0 * (double)usage.ru_maxrss, weights = fmax(bytes, 4.0 * (double)parameters);
    if (peak > weights + ROOM)
        fail("%.0f MB of memory for %.0f MB of weights", 1e-6 * peak, 1e-6 * weights);
    note("%.0f MB, weights and %.0f", 1e-6 * peak, 1e-6 * (peak - weights));
}

int main(void)
{
    for (size_t i = 0; i < sizeof(zoo) / sizeof(zoo[0]); i++)
        check_network("peak memory of", zoo[i], 1, check_peak);
    for (size_t i = 0; i < sizeof(real_networks) / sizeof(real_networks[0]); i++)
        check_network("peak memory of", real_networks[i], 0, check_peak);
    return end_cases();
}
