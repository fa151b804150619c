/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter/scale.c: frames of many pixel formats to 8-bit RGB, how near that is to scaling RGB itself, the
 * three fits and where they lie, where chroma is, frames stored upside down, and every
 * format that FFmpeg knows as a picture for the overlay: its samples described by us are those that FFmpeg
 * itself reads.
 */
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "gradcam_picture.h"
#include "harness.h"
#include "scale.h"

static AVFrame *make_frame(enum AVPixelFormat format, int width, int height)
{
    AVFrame *frame = av_frame_alloc();

    frame->format = format;
    frame->width = width;
    frame->height = height;
    if (av_frame_get_buffer(frame, 0) < 0)
        av_frame_free(&frame);
    return frame;
}

// Left half red, right half blue, top quarter green.
static void paint(AVFrame *rgb)
{
    for (int y = 0; y < rgb->height; y++)
        for (int x = 0; x < rgb->width; x++) {
            uint8_t *p = rgb->data[0] + y * rgb->linesize[0] + 3 * x;
            const int green = y < rgb->height / 4;
            p[0] = !green && x < rgb->width / 2 ? 200 : 20;
            p[1] = green ? 180 : 30;
            p[2] = !green && x >= rgb->width / 2 ? 220 : 40;
        }
}

// The painting in another format, converted by swscale with the matrix and range the frame then says it has.
static AVFrame *painting(enum AVPixelFormat format, int width, int height, enum AVColorSpace space, int full)
{
    AVFrame *rgb = make_frame(AV_PIX_FMT_RGB24, width, height), *out = make_frame(format, width, height);
    struct SwsContext *sws =
        sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, format,
                       SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    const int *table = sws_getCoefficients(space);

    paint(rgb);
    sws_setColorspaceDetails(sws, table, 1, table, full, 0, 1 << 16, 1 << 16);
    sws_scale(sws, (const uint8_t *const *)rgb->data, rgb->linesize, 0, height, out->data, out->linesize);
    out->colorspace = space;
    out->color_range = full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    sws_freeContext(sws);
    av_frame_free(&rgb);
    return out;
}

static void check_pixel(const uint8_t *rgb, int stride, int x, int y, int r, int g, int b, const char *what)
{
    const uint8_t *p = rgb + y * stride + 3 * x;

    if (abs(p[0] - r) > 6 || abs(p[1] - g) > 6 || abs(p[2] - b) > 6)
        fail("%s: pixel %d,%d is %d,%d,%d, not %d,%d,%d", what, x, y, p[0], p[1], p[2], r, g, b);
}

static void test_formats_to_rgb(void)
{
    static const enum AVPixelFormat formats[] = {
        AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P,   AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUVA420P,
        AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV444P12, AV_PIX_FMT_NV12,    AV_PIX_FMT_NV21,
        AV_PIX_FMT_P010,      AV_PIX_FMT_YUYV422,   AV_PIX_FMT_RGB24,   AV_PIX_FMT_BGR24,
        AV_PIX_FMT_RGBA,      AV_PIX_FMT_ARGB,      AV_PIX_FMT_BGR0,    AV_PIX_FMT_GBRP,
        AV_PIX_FMT_GBRP10,    AV_PIX_FMT_RGB48,     AV_PIX_FMT_RGBA64,  AV_PIX_FMT_YUVJ420P,
        AV_PIX_FMT_RGB565,    AV_PIX_FMT_GBRPF32,
    };
    static const enum AVColorSpace spaces[] = { AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT2020_NCL };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        for (int k = 0; k < 6; k++) {
            const int full = k & 1 || formats[i] == AV_PIX_FMT_YUVJ420P;
            AVFrame *frame = painting(formats[i], 320, 200, spaces[k / 2], full);
            GcamScaler *scaler = NULL;
            uint8_t rgb[96 * 300 + 16];
            memset(rgb, 77, sizeof(rgb));
            REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) == 0);
            CHECK_INT(gcam_scaler_run(scaler, frame, rgb, 300, 96, 96), 0);
            check_pixel(rgb, 300, 20, 60, 200, 30, 40, av_get_pix_fmt_name(formats[i]));
            check_pixel(rgb, 300, 75, 60, 20, 30, 220, av_get_pix_fmt_name(formats[i]));
            check_pixel(rgb, 300, 40, 10, 20, 180, 40, av_get_pix_fmt_name(formats[i]));
            for (int y = 0; y < 96; y++)
                for (int x = 288; x < 300; x++)
                    CHECK_INT(rgb[y * 300 + x], 77);
            gcam_scaler_free(&scaler);
            av_frame_free(&frame);
        }
}

// Grey is the luma of the frame's matrix, in full range; of an RGB frame that of BT.601.
static void test_formats_to_gray(void)
{
    static const enum AVPixelFormat formats[] = {
        AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV420P10, AV_PIX_FMT_NV12,    AV_PIX_FMT_YUYV422,  AV_PIX_FMT_YUVJ420P,
        AV_PIX_FMT_RGB24,     AV_PIX_FMT_BGR0,      AV_PIX_FMT_GBRP,    AV_PIX_FMT_GBRP10,   AV_PIX_FMT_RGB48,
        AV_PIX_FMT_RGB565,    AV_PIX_FMT_YUV420P10BE,
    };
    static const enum AVColorSpace spaces[] = { AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M };
    static const double shares[][3] = { { 0.2126, 0.7152, 0.0722 }, { 0.299, 0.587, 0.114 } };
    static const int places[][5] = { { 20, 60, 200, 30, 40 }, { 75, 60, 20, 30, 220 }, { 40, 10, 20, 180, 40 } };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        for (int k = 0; k < 4; k++) {
            const int rgb = av_pix_fmt_desc_get(formats[i])->flags & AV_PIX_FMT_FLAG_RGB;
            const double *share = shares[rgb ? 1 : k / 2];
            AVFrame *frame = painting(formats[i], 320, 200, spaces[k / 2], k & 1 || formats[i] == AV_PIX_FMT_YUVJ420P);
            GcamScaler *scaler = NULL;
            uint8_t gray[96 * 100 + 16];
            memset(gray, 77, sizeof(gray));
            REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 1, NULL) == 0);
            CHECK_INT(gcam_scaler_run(scaler, frame, gray, 100, 96, 96), 0);
            for (int p = 0; p < 3; p++) {
                const int *at = places[p], got = gray[100 * at[1] + at[0]];
                const double want = share[0] * at[2] + share[1] * at[3] + share[2] * at[4];
                if (fabs(got - want) > (formats[i] == AV_PIX_FMT_RGB565 ? 5 : 1.6))
                    fail("%s: grey %d,%d is %d, not %.1f", av_get_pix_fmt_name(formats[i]), at[0], at[1], got, want);
            }
            for (int y = 0; y < 96; y++)
                CHECK_INT(gray[y * 100 + 96], 77);
            gcam_scaler_free(&scaler);
            av_frame_free(&frame);
        }
}

static void test_sizes(void)
{
    static const int sizes[][2] = { { 1, 1 }, { 1, 50 }, { 50, 1 }, { 2, 2 }, { 3, 3 }, { 7, 5 }, { 1921, 3 },
                                    { 2, 3000 }, { 641, 359 } };
    static const enum AVPixelFormat formats[] = { AV_PIX_FMT_YUV420P, AV_PIX_FMT_RGB24, AV_PIX_FMT_GRAY8,
                                                  AV_PIX_FMT_YUV422P10, AV_PIX_FMT_NV12 };

    for (int i = 0; i < 9; i++)
        for (int f = 0; f < 5; f++)
            for (int fit = 0; fit < GCAM_FIT_COUNT; fit++) {
                AVFrame *frame = make_frame(formats[f], sizes[i][0], sizes[i][1]);
                GcamScaler *scaler = NULL;
                uint8_t rgb[31 * 29 * 3 + 1];
                for (int p = 0; p < 3 && frame->buf[p]; p++)
                    memset(frame->buf[p]->data, 128, frame->buf[p]->size);
                rgb[31 * 29 * 3] = 77;
                CHECK_INT(gcam_scaler_create(&scaler, fit, 3, (const uint8_t[3]) { 128, 128, 128 }), 0);
                const int ret = gcam_scaler_run(scaler, frame, rgb, 31 * 3, 31, 29);
                if (ret)
                    fail("%s %dx%d fit %d: %s", av_get_pix_fmt_name(formats[f]), sizes[i][0], sizes[i][1],
                         fit, av_err2str(ret));
                CHECK_INT(rgb[31 * 29 * 3], 77);
                gcam_scaler_free(&scaler);
                CHECK(!scaler);
                av_frame_free(&frame);
            }
}

static void test_fits(void)
{
    AVFrame *frame = painting(AV_PIX_FMT_RGB24, 400, 200, AVCOL_SPC_BT709, 1);
    const uint8_t pad[3] = { 1, 2, 3 };
    GcamScaler *scaler = NULL;
    GradcamRegion region;
    uint8_t rgb[100 * 300];

    // Pad: 400x200 becomes 100x50 with 25 rows of bars above and below.
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_PAD, 3, pad) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, rgb, 300, 100, 100), 0);
    check_pixel(rgb, 300, 50, 24, 1, 2, 3, "bar");
    check_pixel(rgb, 300, 50, 75, 1, 2, 3, "bar");
    check_pixel(rgb, 300, 20, 30, 20, 180, 40, "pad");
    check_pixel(rgb, 300, 20, 70, 200, 30, 40, "pad");
    gcam_scaler_region(GCAM_FIT_PAD, frame, 0, 100, 100, &region);
    CHECK_NEAR(region.x, 0, 1e-9);
    CHECK_NEAR(region.y, -100, 1e-9);
    CHECK_NEAR(region.width, 400, 1e-9);
    CHECK_NEAR(region.height, 400, 1e-9);
    gcam_scaler_free(&scaler);

    // Crop: the middle 200x200.
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_CROP, 3, pad) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, rgb, 300, 100, 100), 0);
    check_pixel(rgb, 300, 40, 60, 200, 30, 40, "crop");
    check_pixel(rgb, 300, 60, 60, 20, 30, 220, "crop");
    gcam_scaler_region(GCAM_FIT_CROP, frame, 0, 100, 100, &region);
    CHECK_NEAR(region.x, 100, 1e-9);
    CHECK_NEAR(region.y, 0, 1e-9);
    CHECK_NEAR(region.width, 200, 1e-9);
    CHECK_NEAR(region.height, 200, 1e-9);

    // Pixels twice as high as wide make it square.
    frame->sample_aspect_ratio = (AVRational) { 1, 2 };
    gcam_scaler_region(GCAM_FIT_CROP, frame, 0, 100, 100, &region);
    CHECK_NEAR(region.width, 400, 1e-9);
    CHECK_NEAR(region.height, 200, 1e-9);
    gcam_scaler_region(GCAM_FIT_STRETCH, frame, 0, 33, 44, &region);
    CHECK(region.x == 0 && region.y == 0 && region.width == 400 && region.height == 200);
    gcam_scaler_free(&scaler);
    gcam_scaler_free(&scaler);
    gcam_scaler_free(NULL);
    CHECK_INT(gcam_scaler_create(&scaler, GCAM_FIT_COUNT, 3, NULL), AVERROR(EINVAL));
    av_frame_free(&frame);
}

// One scaler for frames that change in every way.
static void test_changing_frames(void)
{
    GcamScaler *scaler = NULL;
    uint8_t rgb[64 * 192];

    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) == 0);
    for (int i = 0; i < 12; i++) {
        AVFrame *frame = painting(i % 3 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P, 100 + 50 * (i % 4), 120,
                                  i % 2 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M, i % 5 == 0);
        CHECK_INT(gcam_scaler_run(scaler, frame, rgb, 192, 64, 64), 0);
        check_pixel(rgb, 192, 10, 50, 200, 30, 40, "changing frame");
        av_frame_free(&frame);
    }
    gcam_scaler_free(&scaler);
}

// A fine checkerboard becomes grey when it shrinks, not a pattern.
static void test_antialiasing(void)
{
    AVFrame *frame = make_frame(AV_PIX_FMT_RGB24, 896, 896);
    GcamScaler *scaler = NULL;
    static uint8_t rgb[224 * 672];

    for (int y = 0; y < 896; y++)
        for (int x = 0; x < 896; x++)
            memset(frame->data[0] + y * frame->linesize[0] + 3 * x, (x + y) % 2 ? 255 : 0, 3);
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, rgb, 672, 224, 224), 0);
    for (int y = 2; y < 222; y++)
        for (int x = 6; x < 666; x++)
            if (abs(rgb[y * 672 + x] - 128) > 3) {
                fail("pixel %d,%d is %d", x / 3, y, rgb[y * 672 + x]);
                x = y = 1000;
            }
    gcam_scaler_free(&scaler);
    av_frame_free(&frame);
}

// ----------------------------------------------------------------------------------------- against a reference

enum { REF_WIDTH = 478, REF_HEIGHT = 271, REF_SIZE = 112 };

typedef double Rgb[REF_HEIGHT][REF_WIDTH][3];

static const double from_rgb[3][3] = { { 0.2126, 0.7152, 0.0722 },
                                       { -0.2126 / 1.8556, -0.7152 / 1.8556, 0.5 },
                                       { 0.5, -0.7152 / 1.5748, -0.0722 / 1.5748 } };

// Rings that grow finer, a ramp, and blocks with sharp edges.
static double scene(int x, int y, int c)
{
    const double rings = 128 + 70 * cos((x * x + y * y) / (900.0 + 200 * c)), ramp = 255.0 * x / REF_WIDTH;

    return (x / 60 + y / 50) % 3 == 0 ? rings : (x / 60 + y / 50) % 3 == 1 ? ramp : 50 + 60 * ((x / 7 + y / 9 + c) % 3);
}

// Cuts off what does not fit.
static double byte(double v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

// Sample of a chroma plane, between its neighbours.
static double between(const AVFrame *frame, int plane, double x, double y)
{
    const int width = (REF_WIDTH + 1) / 2, height = (REF_HEIGHT + 1) / 2;
    const int x0 = (int)floor(x), y0 = (int)floor(y);
    double sum = 0;

    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++) {
            const int at_x = av_clip(x0 + i, 0, width - 1), at_y = av_clip(y0 + j, 0, height - 1);
            sum += (i ? x - x0 : 1 - x + x0) * (j ? y - y0 : 1 - y + y0) *
                   frame->data[plane][at_y * frame->linesize[plane] + at_x];
        }
    return sum;
}

// Full-range 4:2:0 of the scene, chroma the mean of four pixels; and the RGB it stands for.
static AVFrame *scene_420(Rgb rgb)
{
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P, REF_WIDTH, REF_HEIGHT);

    for (int p = 0; p < 3; p++)
        for (int y = 0; y < (p ? (REF_HEIGHT + 1) / 2 : REF_HEIGHT); y++)
            for (int x = 0; x < (p ? (REF_WIDTH + 1) / 2 : REF_WIDTH); x++) {
                const int n = p ? 2 : 1;
                double sum = 0;
                for (int k = 0; k < n * n * 3; k++)
                    sum += from_rgb[p][k % 3] * scene(n * x + k / 3 % n, n * y + k / 3 / n, k % 3) / (n * n);
                frame->data[p][y * frame->linesize[p] + x] = (uint8_t)rint(byte(sum + (p ? 128 : 0)));
            }
    for (int y = 0; y < REF_HEIGHT; y++)
        for (int x = 0; x < REF_WIDTH; x++) {
            const double luma = frame->data[0][y * frame->linesize[0] + x];
            const double cb = between(frame, 1, (x + 0.5) / 2 - 0.5, (y + 0.5) / 2 - 0.5) - 128;
            const double cr = between(frame, 2, (x + 0.5) / 2 - 0.5, (y + 0.5) / 2 - 0.5) - 128;
            rgb[y][x][0] = rint(byte(luma + 1.5748 * cr));
            rgb[y][x][1] = rint(byte(luma - (0.2126 * 1.5748 * cr + 0.0722 * 1.8556 * cb) / 0.7152));
            rgb[y][x][2] = rint(byte(luma + 1.8556 * cb));
        }
    frame->colorspace = AVCOL_SPC_BT709;
    frame->color_range = AVCOL_RANGE_JPEG;
    return frame;
}

static AVFrame *scene_rgb(Rgb rgb)
{
    AVFrame *frame = make_frame(AV_PIX_FMT_RGB24, REF_WIDTH, REF_HEIGHT);

    for (int y = 0; y < REF_HEIGHT; y++)
        for (int x = 0; x < REF_WIDTH; x++)
            for (int c = 0; c < 3; c++) {
                rgb[y][x][c] = rint(byte(scene(x, y, c)));
                frame->data[0][y * frame->linesize[0] + 3 * x + c] = (uint8_t)rgb[y][x][c];
            }
    return frame;
}

// The weighted mean of Pillow and torchvision, not rounded.
static double shrunk(Rgb rgb, int x, int y, int c)
{
    const double sx = (double)REF_WIDTH / REF_SIZE, sy = (double)REF_HEIGHT / REF_SIZE;
    const double px = (x + 0.5) * sx, py = (y + 0.5) * sy;
    double sum = 0, weights = 0;

    for (int j = FFMAX((int)(py - sy - 1), 0); j < FFMIN((int)(py + sy + 2), REF_HEIGHT); j++)
        for (int i = FFMAX((int)(px - sx - 1), 0); i < FFMIN((int)(px + sx + 2), REF_WIDTH); i++) {
            const double w = fmax(1 - fabs(i + 0.5 - px) / sx, 0) * fmax(1 - fabs(j + 0.5 - py) / sy, 0);
            sum += w * rgb[j][i][c];
            weights += w;
        }
    return sum / weights;
}

typedef struct Errors {
    double most, mean;
} Errors;

static Errors find_errors(Rgb rgb, const uint8_t *got)
{
    Errors e = { 0, 0 };

    for (int i = 0; i < REF_SIZE * REF_SIZE * 3; i++) {
        const double error = fabs(got[i] - shrunk(rgb, i / 3 % REF_SIZE, i / 3 / REF_SIZE, i % 3));
        e.most = fmax(e.most, error);
        e.mean += error / (REF_SIZE * REF_SIZE * 3);
    }
    return e;
}

static Errors swscale_errors(Rgb rgb, const AVFrame *frame)
{
    static uint8_t out[REF_SIZE * REF_SIZE * 3 + 64];
    const int *matrix = sws_getCoefficients(SWS_CS_ITU709);
    uint8_t *const planes[4] = { out };
    const int strides[4] = { 3 * REF_SIZE };
    struct SwsContext *sws =
        sws_getContext(frame->width, frame->height, frame->format, REF_SIZE, REF_SIZE, AV_PIX_FMT_RGB24,
                       SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);

    sws_setColorspaceDetails(sws, matrix, 1, matrix, 1, 0, 1 << 16, 1 << 16);
    sws_scale(sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
    sws_freeContext(sws);
    return find_errors(rgb, out);
}

// Not farther from what training code makes of the same picture in RGB than swscale is, and within a code where
// chroma does not come into it.
static void test_near_the_reference(void)
{
    static uint8_t out[REF_SIZE * REF_SIZE * 3];
    Rgb *rgb = malloc(sizeof(*rgb));

    for (int i = 0; i < 2; i++) {
        AVFrame *frame = i ? scene_420(*rgb) : scene_rgb(*rgb);
        GcamScaler *scaler = NULL;
        REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) == 0);
        CHECK_INT(gcam_scaler_run(scaler, frame, out, 3 * REF_SIZE, REF_SIZE, REF_SIZE), 0);
        const Errors ours = find_errors(*rgb, out), theirs = swscale_errors(*rgb, frame);
        note("%s: most %.2f, mean %.3f; swscale %.2f, %.3f", i ? "yuv420p" : "rgb24", ours.most, ours.mean,
             theirs.most, theirs.mean);
        CHECK(ours.most <= theirs.most && ours.mean <= theirs.mean);
        CHECK(i || ours.most <= 0.6);
        gcam_scaler_free(&scaler);
        av_frame_free(&frame);
    }
    free(rgb);
}

// Chroma that grows by a code value from sample to sample, so that half a sample to the left is half a code more.
static void test_chroma_siting(void)
{
    static const struct {
        enum AVChromaLocation at;
        double x, y;            // where chroma lies, in samples of it from the middle
    } site[] = {
        { AVCHROMA_LOC_UNSPECIFIED, 0, 0 },     { AVCHROMA_LOC_CENTER, 0, 0 }, { AVCHROMA_LOC_LEFT, -0.25, 0 },
        { AVCHROMA_LOC_TOPLEFT, -0.25, -0.25 }, { AVCHROMA_LOC_TOP, 0, -0.25 },
        { AVCHROMA_LOC_BOTTOMLEFT, -0.25, 0.25 },
    };
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P, 200, 200);
    GcamScaler *scaler = NULL;
    static uint8_t rgb[50 * 150];

    memset(frame->data[0], 128, frame->linesize[0] * 200);
    for (int y = 0; y < 100; y++)
        for (int x = 0; x < 100; x++) {
            frame->data[1][y * frame->linesize[1] + x] = (uint8_t)(78 + x);
            frame->data[2][y * frame->linesize[2] + x] = (uint8_t)(78 + y);
        }
    frame->colorspace = AVCOL_SPC_BT709;
    frame->color_range = AVCOL_RANGE_JPEG;
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) == 0);
    for (size_t i = 0; i < sizeof(site) / sizeof(site[0]); i++) {
        double blue = 0, red = 0;
        frame->chroma_location = site[i].at;
        CHECK_INT(gcam_scaler_run(scaler, frame, rgb, 150, 50, 50), 0);
        for (int k = 5; k < 45; k++) {
            blue += (rgb[25 * 150 + 3 * k + 2] - (128 + 1.8556 * (78 + 2 * k + 0.5 - site[i].x - 128))) / 40;
            red += (rgb[k * 150 + 3 * 25] - (128 + 1.5748 * (78 + 2 * k + 0.5 - site[i].y - 128))) / 40;
        }
        if (fabs(blue) > 0.1 || fabs(red) > 0.1)
            fail("siting %d: off by %.2f, %.2f", site[i].at, blue, red);
    }
    gcam_scaler_free(&scaler);
    av_frame_free(&frame);
}

// The same picture stored from the last row to the first gives the same bits.
static void test_upside_down(void)
{
    static const enum AVPixelFormat formats[] = { AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12, AV_PIX_FMT_RGB24,
                                                  AV_PIX_FMT_P010, AV_PIX_FMT_RGB565 };

    for (int f = 0; f < 5; f++) {
        AVFrame *frame = painting(formats[f], 320, 200, AVCOL_SPC_BT709, 0), *other = make_frame(formats[f], 320, 200);
        uint8_t rgb[2][60 * 180];
        GcamScaler *scaler = NULL;
        for (int p = 0; p < 4 && other->data[p]; p++) {
            const int rows = p && av_pix_fmt_desc_get(formats[f])->log2_chroma_h ? 100 : 200;
            for (int y = 0; y < rows; y++)
                memcpy(other->data[p] + (rows - 1 - y) * other->linesize[p], frame->data[p] + y * frame->linesize[p],
                       FFMIN(other->linesize[p], frame->linesize[p]));
            other->data[p] += (rows - 1) * other->linesize[p];
            other->linesize[p] *= -1;
        }
        other->colorspace = frame->colorspace;
        other->color_range = frame->color_range;
        REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) == 0);
        CHECK_INT(gcam_scaler_run(scaler, frame, rgb[0], 180, 60, 60), 0);
        CHECK_INT(gcam_scaler_run(scaler, other, rgb[1], 180, 60, 60), 0);
        CHECK(!memcmp(rgb[0], rgb[1], sizeof(rgb[0])));
        gcam_scaler_free(&scaler);
        av_frame_free(&other);
        av_frame_free(&frame);
    }
}

// A cut or a bar hides nothing else: what is seen is the stretched picture of the part.
static void test_fits_agree(void)
{
    AVFrame *frame = painting(AV_PIX_FMT_YUV420P, 400, 200, AVCOL_SPC_BT709, 0);
    uint8_t whole[60 * 360], part[60 * 180];
    GcamScaler *scaler = NULL;

    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, whole, 360, 120, 60), 0);
    gcam_scaler_free(&scaler);
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_CROP, 3, NULL) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, part, 180, 60, 60), 0);
    for (int y = 0; y < 60; y++)
        CHECK(!memcmp(part + 180 * y, whole + 360 * y + 3 * 30, 180));
    gcam_scaler_free(&scaler);

    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, 3, NULL) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, whole, 180, 60, 30), 0);
    gcam_scaler_free(&scaler);
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_PAD, 3, NULL) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, part, 180, 60, 60), 0);
    CHECK(!memcmp(part + 180 * 15, whole, 180 * 30));
    gcam_scaler_free(&scaler);
    av_frame_free(&frame);
}

// Reads every sample of every format both ways.
static void test_pictures_of_all_formats(void)
{
    const AVPixFmtDescriptor *desc = NULL;
    int supported = 0;
    Random random = { 1 };

    while ((desc = av_pix_fmt_desc_next(desc))) {
        const enum AVPixelFormat format = av_pix_fmt_desc_get_id(desc);
        GradcamOverlaySettings settings = { 0 };
        GradcamPicture picture;
        if (!gcam_format_supported(format))
            continue;
        supported++;
        AVFrame *frame = make_frame(format, 37, 21);
        REQUIRE(frame);
        for (int p = 0; p < 4 && frame->buf[p]; p++)
            random_bytes(&random, frame->buf[p]->data, frame->buf[p]->size);
        CHECK_INT(gcam_frame_picture(frame, &picture), 0);
        CHECK_INT(gcam_frame_colors(frame, &settings), 0);
        for (int c = 0; c < (settings.model == GRADCAM_COLOR_GRAY ? 1 : 3); c++) {
            const GradcamComponent *k = &picture.component[c];
            CHECK_INT(settings.depth[c], desc->comp[c].depth);
            for (int y = 0; y < k->height; y++) {
                uint16_t line[64], wide;
                av_read_image_line(line, (const uint8_t **)frame->data, frame->linesize, desc, 0, y, c,
                                   k->width, 0);
                for (int x = 0; x < k->width; x++) {
                    const uint8_t *at = k->data + y * k->stride + x * k->step;
                    memcpy(&wide, at, k->depth > 8 ? 2 : 1);
                    const int value = k->depth > 8 ? (wide >> k->shift) & ((1 << k->depth) - 1) : *at;
                    if (value != line[x]) {
                        fail("%s component %d at %d,%d: %d, not %d", desc->name, c, x, y, value, line[x]);
                        x = y = 1000;
                    }
                }
            }
        }
        av_frame_free(&frame);
    }
    CHECK(supported > 60);
    note("%d formats", supported);
    CHECK(gcam_format_supported(AV_PIX_FMT_YUV420P) && gcam_format_supported(AV_PIX_FMT_P010));
    CHECK(!gcam_format_supported(AV_PIX_FMT_PAL8) && !gcam_format_supported(AV_PIX_FMT_RGB565));
    CHECK(!gcam_format_supported(AV_PIX_FMT_NONE) && !gcam_format_supported(AV_PIX_FMT_VAAPI));
}

static void test_colors(void)
{
    AVFrame *frame = make_frame(AV_PIX_FMT_YUV420P, 640, 480);
    GradcamOverlaySettings s = { .opacity = 0.25f };

    CHECK_INT(gcam_frame_colors(frame, &s), 0);
    CHECK(s.model == GRADCAM_COLOR_YUV && s.matrix == GRADCAM_MATRIX_BT601 && !s.full_range &&
          s.opacity == 0.25f);
    frame->width = 1920;
    CHECK(gcam_frame_colors(frame, &s) == 0 && s.matrix == GRADCAM_MATRIX_BT709);
    frame->colorspace = AVCOL_SPC_BT2020_NCL;
    frame->color_range = AVCOL_RANGE_JPEG;
    CHECK(gcam_frame_colors(frame, &s) == 0 && s.matrix == GRADCAM_MATRIX_BT2020 && s.full_range);
    frame->color_range = AVCOL_RANGE_UNSPECIFIED;
    frame->format = AV_PIX_FMT_YUVJ420P;
    CHECK(gcam_frame_colors(frame, &s) == 0 && s.full_range);
    frame->format = AV_PIX_FMT_GRAY8;
    CHECK(gcam_frame_colors(frame, &s) == 0 && s.full_range && s.model == GRADCAM_COLOR_GRAY);
    frame->format = AV_PIX_FMT_GBRP;
    CHECK(gcam_frame_colors(frame, &s) == 0 && s.model == GRADCAM_COLOR_RGB);
    frame->format = AV_PIX_FMT_PAL8;
    CHECK_INT(gcam_frame_colors(frame, &s), AVERROR(EINVAL));
    av_frame_free(&frame);
}

int main(void)
{
    av_log_set_level(AV_LOG_ERROR);     // swscale remarks on what the paintings are converted to
    RUN(test_formats_to_rgb);
    RUN(test_formats_to_gray);
    RUN(test_sizes);
    RUN(test_fits);
    RUN(test_changing_frames);
    RUN(test_antialiasing);
    RUN(test_near_the_reference);
    RUN(test_chroma_siting);
    RUN(test_upside_down);
    RUN(test_fits_agree);
    RUN(test_pictures_of_all_formats);
    RUN(test_colors);
    return end_cases();
}
