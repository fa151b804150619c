/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1200
 *
 * Real networks of the shared test data on real photos: each opens, knows its layer and logits, classifies,
 * and its maps point at what is in the picture (the pointing game: the maximum of the enlarged map lies in a
 * box of the labelled class). What is demanded is what exact CAM by another program reaches on the same
 * pictures: Grad-CAM is that where global pooling and one linear layer follow.
 *
 * Arguments: names of networks; default all.
 */
#include "harness.h"

#include "gradcam_picture.h"
#include "model/picture.h"

#include <ctype.h>

typedef struct Network {
    const char *name, *labels, *layer, *logits;
    GradcamPreprocessing preprocessing;
    int pointing;               // of 64 maps, how many of CAM point at the object; 0: not ImageNet
} Network;

#define TORCH { { 123.675f, 116.28f, 103.53f }, { 58.395f, 57.12f, 57.375f }, 0 }
#define CAFFE { { 104, 117, 123 }, { 1, 1, 1 }, 1 }
#define UNIT { { 127.5f, 127.5f, 127.5f }, { 127.5f, 127.5f, 127.5f }, 0 }

// Layers and preprocessing as the data's own description gives them.
static const Network networks[] = {
    { "squeezenet1_1", "imagenet", "fire9/concat", "logits", CAFFE, 59 },
    { "squeezenet1_0_dc", "imagenet", "fire9/concat", "logits", CAFFE, 61 },
    { "resnet18_pqf", "imagenet", "layer4.1.relu", "logits", TORCH, 59 },
    { "resnet50_pqf_fp16", "imagenet", "layer4.2.relu", "logits_f16", TORCH, 61 },
    { "mobilenet_v1_1.0_224", "imagenet", "conv27_relu6", "logits", UNIT, 49 },
    { "mobilenet_v2_1.0_224", "imagenet", "conv62_relu6", "logits", UNIT, 55 },
    { "tiny_darknet", "imagenet", NULL, "logits", { { 0, 0, 0 }, { 255, 255, 255 }, 0 }, 63 },
    { "resnet20_cifar10", "labels/cifar10.txt", "layer3.2.relu", "logits", TORCH, 0 },
    { "resnet56_cifar10", "labels/cifar10.txt", "layer3.8.relu", "logits", TORCH, 0 },
    { "convnetjs_cifar10", "labels/cifar10.txt", "relu3", "logits",
      { { 127.5f, 127.5f, 127.5f }, { 255, 255, 255 }, 0 }, 0 },
};

static void log_error(void *opaque, enum GradcamLogLevel level, const char *message)
{
    (void)opaque;
    if (level == GRADCAM_LOG_ERROR)
        fail("%s", message);
}

static const GradcamLog to_fail = { log_error, NULL };

typedef struct Setup {
    char shared[2048];
    GradcamModel *model;
    GradcamContext *context;
    const GradcamModelInfo *info;
    const GradcamLayer *layer;
    float *map, *large;         // at the layer's size, at the picture's
    size_t large_room;
} Setup;

static int open_setup(Setup *setup, const Network *network)
{
    char path[4096], labels[4096];
    const char *shared = getenv("SHARED");
    memset(setup, 0, sizeof(*setup));
    if (!shared || !*shared || strlen(shared) >= sizeof(setup->shared)) {
        skip("no shared test data");
        return 0;
    }
    strcpy(setup->shared, shared);
    snprintf(path, sizeof(path), "%s/models/%s.onnx", shared, network->name);
    snprintf(labels, sizeof(labels), "%s%s%s", strchr(network->labels, '/') ? shared : "",
             strchr(network->labels, '/') ? "/" : "", network->labels);
    const GradcamModelOptions options = { .log = to_fail,
                                          .labels = labels,
                                          .preprocessing = &network->preprocessing };
    if (gradcam_model_open(&setup->model, path, &options) < 0 ||
        gradcam_context_open(&setup->context, setup->model, &(GradcamSettings){ .log = to_fail }) < 0)
        return 0;
    setup->info = gradcam_model_info(setup->model);
    setup->layer = gradcam_context_layer(setup->context);
    setup->map = calloc((size_t)setup->layer->width * (size_t)setup->layer->height, sizeof(float));
    CHECK_STR(setup->info->logits, network->logits);
    if (network->layer)
        CHECK_STR(setup->info->layer, network->layer);
    return setup->map != NULL;
}

static void close_setup(Setup *setup)
{
    gradcam_context_close(&setup->context);
    gradcam_model_close(&setup->model);
    free(setup->map);
    free(setup->large);
}

// Runs the network on a picture of the data; 0 when it cannot be read.
static int run_picture(Setup *setup, const char *name, int *width, int *height)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/images/%s", setup->shared, name);
    uint8_t *rgb = picture_load(path, setup->info->width, setup->info->height, width, height);
    if (!rgb)
        fail("cannot read %s", path);
    int good = rgb && gradcam_context_forward(setup->context, rgb, 3 * setup->info->width) == 0;
    free(rgb);
    return good;
}

static int make_map(Setup *setup, const GradcamTarget *target, GradcamMapInfo *info)
{
    if (gradcam_context_map(setup->context, target, NULL, setup->map, SIZE_MAX, info) == 0)
        return 1;
    fail("no map");
    return 0;
}

// ---------------------------------------------------------------------------------------- pointing game

enum { MOST_ROWS = 256 };

typedef struct Row {
    char file[64];
    int class, box[4];          // xmin, ymin, xmax, ymax
} Row;

static int read_rows(const Setup *setup, Row rows[MOST_ROWS])
{
    char path[4096], line[512];
    snprintf(path, sizeof(path), "%s/images/open.csv", setup->shared);
    FILE *file = fopen(path, "r");
    int count = 0;
    while (file && count < MOST_ROWS && fgets(line, sizeof(line), file)) {
        Row *row = &rows[count];
        count += sscanf(line, "%63[^,],%d,%d,%d,%d,%d", row->file, &row->class, &row->box[0], &row->box[1],
                        &row->box[2], &row->box[3]) == 6;
    }
    if (file)
        fclose(file);
    return count;
}

// The place of the largest value of the map, enlarged to the picture.
static void find_maximum(Setup *setup, int width, int height, int *x, int *y)
{
    size_t pixels = (size_t)width * (size_t)height, best = 0;
    if (pixels > setup->large_room) {
        free(setup->large);
        setup->large = malloc(pixels * sizeof(float));
        setup->large_room = pixels;
    }
    gradcam_map_resize(setup->map, setup->layer->width, setup->layer->height, setup->large, SIZE_MAX, width, height);
    for (size_t i = 1; i < pixels; i++)
        if (setup->large[i] > setup->large[best])
            best = i;
    *x = (int)(best % (size_t)width);
    *y = (int)(best / (size_t)width);
}

static int is_inside(const Row *row, int x, int y)
{
    return x >= row->box[0] && x < row->box[2] && y >= row->box[1] && y < row->box[3];
}

static void play_pointing_game(Setup *setup, int baseline)
{
    static Row rows[MOST_ROWS];
    int count = read_rows(setup, rows), games = 0, hits = 0, right = 0, width = 0, height = 0;
    char seen[MOST_ROWS] = { 0 };
    REQUIRE(count > 50);
    for (int i = 0; i < count; i++) {
        char name[128];
        GradcamMapInfo info = { 0 };
        const GradcamTarget target = { .name = "", .classes = &rows[i].class, .count = 1 };
        int x, y, hit = 0, same = i > 0 && !strcmp(rows[i].file, rows[i - 1].file);
        if (seen[i])
            continue;
        snprintf(name, sizeof(name), "open/%.63s", rows[i].file);
        if ((!same && !run_picture(setup, name, &width, &height)) || !make_map(setup, &target, &info))
            return;
        find_maximum(setup, width, height, &x, &y);
        for (int k = i; k < count; k++)         // any box of the class in this picture
            if (!strcmp(rows[k].file, rows[i].file) && rows[k].class == rows[i].class) {
                hit |= is_inside(&rows[k], x, y);
                seen[k] = 1;
            }
        hits += hit && !info.empty;
        right += gradcam_context_top(setup->context, 0) == rows[i].class;
        games++;
    }
    note("%d of %d right, %d point at the object", right, games, hits);
    CHECK_INT(games, 64);
    CHECK(right >= 48);
    if (hits < baseline - 1)                    // scaled pictures differ a little between programs
        fail("%d of %d maps point at the object, and %d of CAM", hits, games, baseline);
}

// --------------------------------------------------------------------------------------------- CIFAR-10

static void classify_cifar(Setup *setup)
{
    int right = 0, shown = 0, width, height;
    for (int class = 0; class < 10; class++)
        for (int i = 0; i < 3; i++) {
            char name[128];
            GradcamMapInfo info = { 0 };
            const GradcamTarget top = { .name = "auto" };
            snprintf(name, sizeof(name), "cifar10/%s_%d.jpg",
                     gradcam_model_label(setup->model, (size_t) class), i);
            if (!run_picture(setup, name, &width, &height) || !make_map(setup, &top, &info))
                return;
            right += info.class_index == class;
            shown += !info.empty;
        }
    note("%d of 30 right, %d maps with something to see", right, shown);
    CHECK(right >= 21);
    CHECK(shown >= 25);
}

// --------------------------------------------------------------------------------------------- easy-VQA

enum { WORDS = 27 };

// Counts of the words that the network knows, "what is the green shape?" (lower case, without punctuation).
static void count_words(char *question, const char words[][32], float counts[WORDS])
{
    char *save = NULL;
    memset(counts, 0, WORDS * sizeof(*counts));
    for (char *c = question; *c; c++)
        *c = isalpha((unsigned char)*c) ? (char)tolower((unsigned char)*c) : ' ';
    for (char *word = strtok_r(question, " ", &save); word; word = strtok_r(NULL, " ", &save))
        for (int i = 1; i < WORDS; i++)
            counts[i] += !strcmp(words[i], word);
}

static int read_words(const Setup *setup, char words[WORDS][32])
{
    char path[4096], line[64];
    int count = 0;
    snprintf(path, sizeof(path), "%s/labels/easy_vqa_words.txt", setup->shared);
    FILE *file = fopen(path, "r");
    while (file && count < WORDS && fgets(line, sizeof(line), file))
        sscanf(line, "%31s", words[count++]);
    if (file)
        fclose(file);
    return count;
}

static void answer_questions(void)
{
    static const Network network = { "easy_vqa", "labels/easy_vqa_answers.txt", NULL, "logits",
                                     { { 127.5f, 127.5f, 127.5f }, { 255, 255, 255 }, 0 }, 0 };
    Setup setup;
    char words[WORDS][32] = { "" }, path[4096], line[512], last[64] = "";
    int asked = 0, right = 0, pointed = 0, width = 64, height = 64;
    if (!open_setup(&setup, &network)) {
        close_setup(&setup);
        return;
    }
    const GradcamInput *input = gradcam_model_input_at(setup.model, 0);
    CHECK(input && !gradcam_model_input_at(setup.model, 1) && !strcmp(input->name, "question") &&
          input->count == WORDS);
    CHECK_INT(read_words(&setup, words), WORDS);
    snprintf(path, sizeof(path), "%s/images/easy_vqa/questions.csv", setup.shared);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        char name[64], question[128], answer[32], picture[128];
        float counts[WORDS];
        GradcamMapInfo info = { 0 };
        Row row;
        const GradcamTarget top = { .name = "auto" };
        if (sscanf(line, "%63[^,],%127[^,],%31[^,],%d,%d,%d,%d", name, question, answer, &row.box[0],
                   &row.box[1], &row.box[2], &row.box[3]) != 7)
            continue;
        count_words(question, words, counts);
        CHECK(gradcam_context_set_input(setup.context, "question", counts, WORDS) == 0);
        snprintf(picture, sizeof(picture), "easy_vqa/%s", name);
        snprintf(last, sizeof(last), "%s", name);
        if (!run_picture(&setup, picture, &width, &height) || !make_map(&setup, &top, &info))
            break;
        int x, y;
        find_maximum(&setup, width, height, &x, &y);
        asked++;
        right += !strcmp(gradcam_model_label(setup.model, (size_t)info.class_index), answer);
        pointed += is_inside(&row, x, y);
    }
    if (file)
        fclose(file);
    note("%d of %d answers right, %d maps near the shape", right, asked, pointed);
    CHECK(asked > 100 && right >= 0.97 * asked);
    close_setup(&setup);
}

static int wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], name))
            return 1;
    return argc < 2;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        const Network *network = &networks[i];
        Setup setup;
        if (!wanted(argc, argv, network->name))
            continue;
        begin_case("real network %s", network->name);
        if (open_setup(&setup, network)) {
            if (network->pointing > 0)
                play_pointing_game(&setup, network->pointing);
            else
                classify_cifar(&setup);
        }
        close_setup(&setup);
    }
    if (wanted(argc, argv, "easy_vqa"))
        RUN(answer_questions);
    return end_cases();
}
