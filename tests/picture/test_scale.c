/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filter/scale.c: frames of many pixel formats to 8-bit RGB, the three fits and where they lie, and every
 * format that FFmpeg knows as a picture for the overlay: its samples described by us are those that FFmpeg
 * itself reads.
 */
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

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
            REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, NULL) == 0);
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
                CHECK_INT(gcam_scaler_create(&scaler, fit, (const uint8_t[3]) { 128, 128, 128 }), 0);
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
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_PAD, pad) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, rgb, 300, 100, 100), 0);
    check_pixel(rgb, 300, 50, 24, 1, 2, 3, "bar");
    check_pixel(rgb, 300, 50, 75, 1, 2, 3, "bar");
    check_pixel(rgb, 300, 20, 30, 20, 180, 40, "pad");
    check_pixel(rgb, 300, 20, 70, 200, 30, 40, "pad");
    gcam_scaler_region(GCAM_FIT_PAD, frame, 100, 100, &region);
    CHECK_NEAR(region.x, 0, 1e-9);
    CHECK_NEAR(region.y, -100, 1e-9);
    CHECK_NEAR(region.width, 400, 1e-9);
    CHECK_NEAR(region.height, 400, 1e-9);
    gcam_scaler_free(&scaler);

    // Crop: the middle 200x200.
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_CROP, pad) == 0);
    CHECK_INT(gcam_scaler_run(scaler, frame, rgb, 300, 100, 100), 0);
    check_pixel(rgb, 300, 40, 60, 200, 30, 40, "crop");
    check_pixel(rgb, 300, 60, 60, 20, 30, 220, "crop");
    gcam_scaler_region(GCAM_FIT_CROP, frame, 100, 100, &region);
    CHECK_NEAR(region.x, 100, 1e-9);
    CHECK_NEAR(region.y, 0, 1e-9);
    CHECK_NEAR(region.width, 200, 1e-9);
    CHECK_NEAR(region.height, 200, 1e-9);

    // Pixels twice as high as wide make it square.
    frame->sample_aspect_ratio = (AVRational) { 1, 2 };
    gcam_scaler_region(GCAM_FIT_CROP, frame, 100, 100, &region);
    CHECK_NEAR(region.width, 400, 1e-9);
    CHECK_NEAR(region.height, 200, 1e-9);
    gcam_scaler_region(GCAM_FIT_STRETCH, frame, 33, 44, &region);
    CHECK(region.x == 0 && region.y == 0 && region.width == 400 && region.height == 200);
    gcam_scaler_free(&scaler);
    gcam_scaler_free(&scaler);
    gcam_scaler_free(NULL);
    CHECK_INT(gcam_scaler_create(&scaler, GCAM_FIT_COUNT, NULL), AVERROR(EINVAL));
    av_frame_free(&frame);
}

// One scaler for frames that change in every way.
static void test_changing_frames(void)
{
    GcamScaler *scaler = NULL;
    uint8_t rgb[64 * 192];

    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, NULL) == 0);
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
    REQUIRE(gcam_scaler_create(&scaler, GCAM_FIT_STRETCH, NULL) == 0);
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
    RUN(test_sizes);
    RUN(test_fits);
    RUN(test_changing_frames);
    RUN(test_antialiasing);
    RUN(test_pictures_of_all_formats);
    RUN(test_colors);
    return end_cases();
}
