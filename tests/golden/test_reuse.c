/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1800
 *
 * Pictures that differ from the one before in a part: contexts that compute only what the difference can reach give the
 * logits, activations, gradients and maps of those that compute everything, bit for bit; and so do streams, of pictures
 * whose blocks stay as they were until they differ by more than is asked for.
 */
#include "frames.h"
#include "golden/networks.h"
#include "gradcam.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const zoo[] = {
    "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mobilenet_v2",
    "mobilenet_v3_large", "regnet_y_400mf", "resnet18", "resnet50", "shufflenet_v2_x1_0", "squeezenet1_1",
    "swin_t_dynamo", "vgg16",
};
static const char *const real_networks[] = {
    "mobilenet_v1_1.0_224", "mobilenet_v2_1.0_224", "resnet18_pqf", "squeezenet1_1", "tiny_darknet",
};

typedef struct Frame {
    int width, height;
    unsigned char *rgb;
} Frame;

// New noise in a rectangle, of any shape, of at most a part of the picture; now and then nothing, or all is new.
static void change(Frame *frame, Random *random, int index)
{
    int part = index % 5 == 3 ? 1 : 2 + index % 3, high = random_int(random, 1, frame->height / part);
    int wide = random_int(random, 1, frame->width / part);
    int top = random_int(random, 0, frame->height - high), left = random_int(random, 0, frame->width - wide);
    if (index % 7 == 6)
        return;
    for (int y = top; y < top + high; y++)
        random_bytes(random, frame->rgb + 3 * ((size_t)y * (size_t)frame->width + (size_t)left), 3 * (size_t)wide);
}

static void compare(const char *what, const float *got, const float *want, size_t count)
{
    size_t i = 0;
    while (i < count && !memcmp(&got[i], &want[i], sizeof(*got)))
        i++;
    if (i < count)
        fail("%s differ at %zu of %zu: %g for %g", what, i, count, got[i], want[i]);
}

// Both have run on the same picture.
static void compare_contexts(GradcamContext *partly, GradcamContext *wholly, float *const map[2])
{
    const GradcamLayer *layer = gradcam_context_layer(wholly);
    const GradcamTarget top = { .name = "auto" };
    size_t cells = (size_t)layer->width * (size_t)layer->height, count;
    const float *a[2], *g[2], *logits[2] = { gradcam_context_logits(partly, &count),
                                             gradcam_context_logits(wholly, &count) };
    compare("logits", logits[0], logits[1], count);
    CHECK_INT(gradcam_context_map(partly, &top, NULL, map[0], SIZE_MAX, NULL), 0);
    CHECK_INT(gradcam_context_map(wholly, &top, NULL, map[1], SIZE_MAX, NULL), 0);
    compare("maps", map[0], map[1], cells);
    CHECK_INT(gradcam_context_tensors(partly, &a[0], &g[0]), 0);
    CHECK_INT(gradcam_context_tensors(wholly, &a[1], &g[1]), 0);
    compare("activations", a[0], a[1], cells * (size_t)layer->channels);
    compare("gradients", g[0], g[1], cells * (size_t)layer->channels);
}

static void check_pictures(GradcamModel *model, const char *layer, enum GradcamPrecision precision, int threads,
                           int pictures)
{
    const GradcamModelInfo *info = gradcam_model_info(model);
    const GradcamSettings some = { .layer = layer, .threads = threads, .precision = precision, .reuse = 1 };
    const GradcamSettings all = { .layer = layer, .threads = 2, .precision = precision };
    Frame frame = { info->width, info->height, NULL };
    GradcamContext *partly = NULL, *wholly = NULL;
    Random random = { (uint64_t)threads + info->parameters };
    REQUIRE(gradcam_context_open(&partly, model, &some) == 0 && gradcam_context_open(&wholly, model, &all) == 0);
    size_t bytes = 3 * (size_t)frame.width * (size_t)frame.height;
    const GradcamLayer *at = gradcam_context_layer(wholly);
    float *map[2];
    frame.rgb = malloc(bytes);
    for (int i = 0; i < 2; i++)
        map[i] = malloc((size_t)at->width * (size_t)at->height * sizeof(**map));
    random_bytes(&random, frame.rgb, bytes);
    for (int i = 0; i < pictures && !harness.failed; i++) {
        CHECK_INT(gradcam_context_forward(partly, frame.rgb, 3 * (ptrdiff_t)frame.width), 0);
        CHECK_INT(gradcam_context_forward(wholly, frame.rgb, 3 * (ptrdiff_t)frame.width), 0);
        compare_contexts(partly, wholly, map);
        change(&frame, &random, i);
    }
    free(frame.rgb);
    free(map[0]);
    free(map[1]);
    gradcam_context_close(&partly);
    gradcam_context_close(&wholly);
}

// Another layer is explained, early enough that some of what is kept is behind it.
static const char *early_layer(const GradcamModel *model)
{
    size_t count = 0;
    while (gradcam_model_layer_at(model, count))
        count++;
    return gradcam_model_layer_at(model, count / 4)->name;
}

static void check_model(const char *path, const char *name)
{
    GradcamModel *model = NULL;
    CHECK_INT(gradcam_model_open(&model, path, NULL), 0);
    if (!model)
        return;
    check_pictures(model, NULL, GRADCAM_PRECISION_F32, 1, 10);
    check_pictures(model, NULL, GRADCAM_PRECISION_BF16, 3, 5);
    if (strcmp(name, "vgg16"))                  // whose gradients take their time
        check_pictures(model, early_layer(model), GRADCAM_PRECISION_F32, 2, 4);
    gradcam_model_close(&model);
}

// ------------------------------------------------------------------------------------------------------------- streams

// What a stream takes a picture for whose blocks keep the pixels that they had where these differ by little.
static void settle(uint8_t *seen, const uint8_t *frame, int width, int height, double threshold)
{
    for (int y = 0; y < height; y += 16)
        for (int x = 0; x < width; x += 16) {
            double sum = 0, count = 0;
            for (int step = 0; step < 2; step++)
                for (int v = y; v < y + 16 && v < height; v++)
                    for (int i = 3 * x; i < 3 * (x + 16) && i < 3 * width; i++) {
                        size_t at = 3 * (size_t)v * (size_t)width + (size_t)i;
                        if (step && sum > threshold * count)
                            seen[at] = frame[at];
                        sum += step ? 0 : abs(frame[at] - seen[at]);
                        count += !step;
                    }
        }
}

// A thing that moves before a noisy camera that stands still: the maps are those of the pictures as they settle.
static void check_stream(GradcamModel *model, float still, int jobs)
{
    enum { FRAMES = 12, SIDE = 40, NOISE = 2 };
    const GradcamModelInfo *info = gradcam_model_info(model);
    const GradcamStreamSettings settings = { .threads = 2, .jobs = jobs, .load = frame_load, .release = frame_release,
                                             .still = still };
    const GradcamSettings all = { .threads = 2 };
    const int width = info->width, height = info->height, classes[] = { 5 };
    const size_t bytes = 3 * (size_t)width * (size_t)height;
    GradcamTarget target = { .name = "five", .classes = classes, .count = 1 };
    const GradcamTargets targets = { &target, 1 };
    GradcamStream *stream = NULL;
    GradcamContext *wholly = NULL;
    Random random = { 3 };
    uint8_t *scene = malloc(bytes), *frame = malloc(FRAMES * bytes), *seen = calloc(bytes, 1);
    int submitted = 0;
    REQUIRE(gradcam_stream_open(&stream, model, &targets, &settings) == 0);
    REQUIRE(gradcam_context_open(&wholly, model, &all) == 0);
    const GradcamLayer *layer = gradcam_context_layer(wholly);
    size_t cells = (size_t)layer->width * (size_t)layer->height;
    float *map = malloc(cells * sizeof(*map));
    random_bytes(&random, scene, bytes);
    for (size_t i = 0; i < FRAMES * bytes; i++) {
        int x = (int)(i % bytes / 3) % width, y = (int)(i % bytes / 3) / width, left = 8 * (int)(i / bytes);
        int thing = x >= left && x < left + SIDE && y >= height / 2 && y < height / 2 + SIDE;
        int noise = still > 0 && !thing ? random_int(&random, -NOISE, NOISE) : 0, value = scene[i % bytes] + noise;
        frame[i] = (uint8_t)(thing ? 200 + x - left : value < 0 ? 0 : value > 255 ? 255 : value);
    }
    for (int i = 0; i < FRAMES; i++) {
        uint64_t ticket;
        GradcamResult *result = NULL;
        while (submitted < FRAMES && gradcam_stream_submit(stream, frame + (size_t)submitted * bytes, 0, &ticket) == 0)
            submitted++;
        CHECK_INT(gradcam_stream_collect(stream, (uint64_t)i + 1, 1, &result), 0);
        REQUIRE(result);
        settle(seen, frame + (size_t)i * bytes, width, height, i && still > 0 ? still : 0);
        CHECK_INT(gradcam_context_forward(wholly, seen, 3 * (ptrdiff_t)width), 0);
        CHECK_INT(gradcam_context_map(wholly, &target, NULL, map, SIZE_MAX, NULL), 0);
        compare("maps of the stream", result->map[0].map, map, cells);
        gradcam_result_unref(&result);
    }
    gradcam_stream_close(&stream);
    gradcam_context_close(&wholly);
    free(scene);
    free(frame);
    free(seen);
    free(map);
}

static void check_streams(void)
{
    static const float still[] = { 0, 3, -1 };
    GradcamModel *model = NULL;
    REQUIRE(gradcam_model_open(&model, NULL, NULL) == 0);
    for (size_t i = 0; i < sizeof(still) / sizeof(still[0]); i++)
        for (int jobs = 1; jobs <= 2; jobs++) {
            begin_case("streams of a camera that stands still, still=%g, %d jobs", still[i], jobs);
            check_stream(model, still[i], jobs);
        }
    gradcam_model_close(&model);
}

int main(int argc, char **argv)
{
    static const char title[] = "pictures that change in parts:";
    for (size_t i = 0; i < sizeof(zoo) / sizeof(zoo[0]); i++)
        if (argc < 2 || !strcmp(argv[1], zoo[i]))
            check_network(title, zoo[i], 1, check_model);
    for (size_t i = 0; i < sizeof(real_networks) / sizeof(real_networks[0]); i++)
        if (argc < 2 || !strcmp(argv[1], real_networks[i]))
            check_network(title, real_networks[i], 0, check_model);
    if (argc < 2)
        check_streams();
    return end_cases();
}
