/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Players of Atari games (greydanus/baby-a3c) on videos of their games: what they see is grey, and they remember. For
 * every frame the scores of their actions are known, made by the players themselves.
 */
#include "scale.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gradcam.h"
#include "harness.h"

enum { SIDE = 80, SOURCE = 160, ACTIONS = 6, FRAMES = 900 };

static const struct {
    const char *name;
    float low, high;            // grey levels that become 0 and 1
} games[] = { { "pong", 87.258f, 236 }, { "spaceinvaders", 0, 142 } };

typedef struct Player {
    int game;
    GradcamModel *model;
    GradcamContext *context;
    GcamScaler *scaler;
    FILE *csv;
    int is_exact;               // fed what the player itself was
    int frames, same;           // the best action is the same
    double difference[FRAMES];  // by frame: the largest
} Player;

// ------------------------------------------------------------------------------------------------------------- pixels

// One pass of Pillow's bilinear resize by half, 8 bits: of a line of `step` apart samples.
static void halve(const uint8_t *in, int step, uint8_t *out, int out_step)
{
    for (int i = 0; i < SIDE; i++) {
        const double center = 2 * i + 1;
        const int first = (int)fmax(center - 2 + 0.5, 0), last = (int)fmin(center + 2 + 0.5, SOURCE);
        double weight[8], total = 0;
        int sum = 1 << 21;
        for (int k = first; k < last; k++)
            total += weight[k - first] = fmax(1 - fabs((k - center + 0.5) / 2), 0);
        for (int k = first; k < last; k++)
            sum += in[k * step] * (int)(0.5 + weight[k - first] / total * (1 << 22));
        out[i * out_step] = (uint8_t)(sum >> 22);
    }
}

// As the player made them: grey levels stretched and rounded, then the picture halved.
static void exact_input(const Player *p, const AVFrame *rgb, float *out)
{
    static uint8_t gray[SOURCE * SOURCE], wide[SIDE * SOURCE], small[SIDE * SIDE];
    const double low = games[p->game].low, high = games[p->game].high;
    for (int y = 0; y < SOURCE; y++)
        for (int x = 0; x < SOURCE; x++) {
            double g = 0;
            for (int c = 0; c < 3; c++)         // planes G, B, R
                g += (const double[]){ .587, .114, .299 }[c] * rgb->data[c][y * rgb->linesize[c] + x];
            gray[y * SOURCE + x] = (uint8_t)(fmin(fmax((g - low) * 255 / (high - low), 0), 255) + .5);
        }
    for (int y = 0; y < SOURCE; y++)
        halve(gray + y * SOURCE, 1, wide + y * SIDE, 1);
    for (int x = 0; x < SIDE; x++)
        halve(wide + x, SIDE, small + x, SIDE);
    for (int i = 0; i < SIDE * SIDE; i++)
        out[i] = (float)small[i] / 255;
}

// ------------------------------------------------------------------------------------------------------------- frames

// Compares the scores of the last forward with the next line of the .csv.
static void compare(Player *p)
{
    char line[512], *at = line;
    size_t count;
    const float *scores = gradcam_context_logits(p->context, &count);
    REQUIRE(p->frames < FRAMES && fgets(line, sizeof(line), p->csv) && scores && count == ACTIONS);
    strtol(at, &at, 10);
    const long best = strtol(at + 1, &at, 10);
    at = strchr(at + 1, ',');
    for (int i = 0; i < ACTIONS; i++) {
        const double difference = fabs(strtod(at + 1, &at) - scores[i]);
        p->difference[p->frames] = fmax(p->difference[p->frames], difference);
    }
    p->same += gradcam_context_top(p->context, 0) == best;
    p->frames++;
}

static void play_frame(Player *p, const AVFrame *frame)
{
    static float exact[SIDE * SIDE];
    uint8_t pixels[SIDE * SIDE];
    if (p->is_exact) {
        REQUIRE(frame->format == AV_PIX_FMT_GBRP && frame->width == SOURCE && frame->height == SOURCE);
        exact_input(p, frame, exact);
        CHECK_INT(gradcam_context_forward_float(p->context, exact), 0);
    } else {
        CHECK_INT(gcam_scaler_run(p->scaler, frame, pixels, SIDE, SIDE, SIDE), 0);
        CHECK_INT(gradcam_context_forward(p->context, pixels, SIDE), 0);
    }
    compare(p);
}

static void play_packet(Player *p, AVCodecContext *decoder, const AVPacket *packet, AVFrame *frame)
{
    CHECK(avcodec_send_packet(decoder, packet) >= 0);
    while (avcodec_receive_frame(decoder, frame) >= 0) {
        play_frame(p, frame);
        av_frame_unref(frame);
    }
}

static void play_video(Player *p, const char *path)
{
    AVFormatContext *file = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    REQUIRE(avformat_open_input(&file, path, NULL, NULL) >= 0 && file->nb_streams == 1);
    const AVCodec *codec = avcodec_find_decoder(file->streams[0]->codecpar->codec_id);
    AVCodecContext *decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!decoder || avcodec_parameters_to_context(decoder, file->streams[0]->codecpar) < 0 ||
        avcodec_open2(decoder, codec, NULL) < 0) {
        skip("no decoder for H.264");
    } else {
        while (av_read_frame(file, packet) >= 0) {
            play_packet(p, decoder, packet, frame);
            av_packet_unref(packet);
        }
        play_packet(p, decoder, NULL, frame);
    }
    avcodec_free_context(&decoder);
    avformat_close_input(&file);
    av_frame_free(&frame);
    av_packet_free(&packet);
}

// -------------------------------------------------------------------------------------------------------------- games

static int compare_doubles(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static const char *file_of(const Player *p, const char *ending)
{
    char name[64];
    snprintf(name, sizeof(name), "models/play/%s.%s", games[p->game].name, ending);
    return shared_file(name);
}

static int open_player(Player *p)
{
    char line[256];
    // Grey levels are whole numbers here: what has the lowest is to become 0.
    const float low = roundf(games[p->game].low), std = games[p->game].high - games[p->game].low;
    const GradcamPreprocessing preprocessing = { { low, 0, 0 }, { std, 1, 1 }, 0 };
    const GradcamModelOptions options = { .labels = "none", .preprocessing = &preprocessing };
    const char *path = file_of(p, "onnx");
    if (!path || gradcam_model_open(&p->model, path, &options) < 0)
        return -1;
    CHECK_INT(gradcam_model_info(p->model)->channels, 1);
    CHECK_INT(gradcam_model_info(p->model)->states, 1);
    const GradcamInput *memory = gradcam_model_input_at(p->model, 0);
    CHECK(memory && !gradcam_model_input_at(p->model, 1));
    CHECK(memory && memory->kind == GRADCAM_INPUT_STATE && !strcmp(memory->state, "memory_out"));
    path = file_of(p, "csv");
    p->csv = path ? fopen(path, "r") : NULL;
    return p->csv && fgets(line, sizeof(line), p->csv) && gradcam_context_open(&p->context, p->model, NULL) == 0 &&
           gcam_scaler_create(&p->scaler, GCAM_FIT_STRETCH, 1, NULL) == 0 ? 0 : -1;
}

static void play(Player *p)
{
    const char *video;
    if (open_player(p) == 0 && (video = file_of(p, "mkv"))) {
        play_video(p, video);
        CHECK_INT(p->frames, FRAMES);
        qsort(p->difference, FRAMES, sizeof(*p->difference), compare_doubles);
        const double median = p->difference[FRAMES / 2], most = p->difference[FRAMES - 1];
        note("%s: median difference %.2g, largest %.2g, same best action on %.1f %%", games[p->game].name, median, most,
             100.0 * p->same / FRAMES);
        if (!(p->is_exact ? most <= 1e-4 : median <= 0.05) || p->same < 0.97 * FRAMES)
            fail("differences of %.2g in the median, %.2g at most; the best action is the same on %.1f %%", median,
                 most,
                 100.0 * p->same / FRAMES);
    }
    if (p->csv)
        fclose(p->csv);
    gcam_scaler_free(&p->scaler);
    gradcam_context_close(&p->context);
    gradcam_model_close(&p->model);
}

int main(void)
{
    for (int i = 0; i < 4; i++) {
        Player p = { .game = i / 2, .is_exact = i % 2 };
        begin_case("%s, %s", games[p.game].name, p.is_exact ? "fed what it was" : "fed the frames of its video");
        play(&p);
        end_case();
    }
    return end_cases();
}
