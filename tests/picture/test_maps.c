/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Colour maps against formulas and known entries, normalising and resizing of maps, resizing of pictures
 * against a plain version in double, preprocessing, messages.
 */
#include <errno.h>

#include "gradcam_motion.h"
#include "base/log.h"
#include "base/enum_names.h"
#include "cam/preprocess.h"
#include "harness.h"

static void test_colormap_names(void)
{
    for (int i = 0; i < GCAM_COLORMAPS; i++) {
        const char *name = gradcam_colormap_name(i);
        REQUIRE(name && *name);
        CHECK_INT(gradcam_colormap_find(name), i);
        CHECK(gradcam_colormap_table(i));
    }
    CHECK(!gradcam_colormap_name(GCAM_COLORMAPS) && !gradcam_colormap_name(-1));
    CHECK(!gradcam_colormap_table(GCAM_COLORMAPS) && !gradcam_colormap_table(-1));
    CHECK_INT(gradcam_colormap_find("turb"), -EINVAL);
    CHECK_INT(gradcam_colormap_find(""), -EINVAL);
    CHECK_INT(gradcam_colormap_find(NULL), -EINVAL);
}

static void test_jet_and_gray_follow_their_formulas(void)
{
    const uint8_t (*jet)[3] = gradcam_colormap_table(GRADCAM_COLORMAP_JET);
    const uint8_t (*gray)[3] = gradcam_colormap_table(GRADCAM_COLORMAP_GRAY);

    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 3; c++) {
            const double v = 1.5 - fabs(4 * i / 255.0 - (3 - c));
            CHECK_NEAR(jet[i][c], 255 * fmin(fmax(v, 0), 1), 0.51);
            CHECK_INT(gray[i][c], i);
        }
}

// Entries of the published tables.
static void test_colormap_entries(void)
{
    static const struct {
        enum GradcamColormap map;
        int at, r, g, b;
    } known[] = {
        { GRADCAM_COLORMAP_TURBO, 0, 48, 18, 59 },      { GRADCAM_COLORMAP_TURBO, 128, 164, 252, 60 },
        { GRADCAM_COLORMAP_TURBO, 255, 122, 4, 3 },     { GRADCAM_COLORMAP_VIRIDIS, 0, 68, 1, 84 },
        { GRADCAM_COLORMAP_VIRIDIS, 128, 33, 145, 140 }, { GRADCAM_COLORMAP_VIRIDIS, 255, 253, 231, 37 },
        { GRADCAM_COLORMAP_INFERNO, 128, 188, 55, 84 }, { GRADCAM_COLORMAP_MAGMA, 128, 183, 55, 121 },
        { GRADCAM_COLORMAP_PLASMA, 128, 204, 72, 120 }, { GRADCAM_COLORMAP_CIVIDIS, 128, 125, 124, 120 },
        { GRADCAM_COLORMAP_HOT, 0, 0, 0, 0 },           { GRADCAM_COLORMAP_HOT, 255, 255, 255, 255 },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const uint8_t *color = gradcam_colormap_table(known[i].map)[known[i].at];
        CHECK_NEAR(color[0], known[i].r, 1.0);
        CHECK_NEAR(color[1], known[i].g, 1.0);
        CHECK_NEAR(color[2], known[i].b, 1.0);
    }
}

// Perceptual maps grow lighter from entry to entry.
static void test_lightness_grows(void)
{
    static const enum GradcamColormap maps[] = {
        GRADCAM_COLORMAP_VIRIDIS, GRADCAM_COLORMAP_INFERNO, GRADCAM_COLORMAP_MAGMA, GRADCAM_COLORMAP_PLASMA,
        GRADCAM_COLORMAP_CIVIDIS, GRADCAM_COLORMAP_HOT, GRADCAM_COLORMAP_GRAY,
    };

    for (size_t m = 0; m < sizeof(maps) / sizeof(maps[0]); m++) {
        const uint8_t (*t)[3] = gradcam_colormap_table(maps[m]);
        for (int i = 4; i < 256; i += 4) {
            const int before = 299 * t[i - 4][0] + 587 * t[i - 4][1] + 114 * t[i - 4][2];
            CHECK(299 * t[i][0] + 587 * t[i][1] + 114 * t[i][2] > before - 600);
        }
    }
}

static void test_normalize(void)
{
    float map[] = { 2, 4, 3, 2 }, constant[] = { 7, 7, 7 }, strange[] = { NAN, 1, INFINITY, -INFINITY };

    CHECK_INT(gradcam_map_normalize(map, 4), 1);
    CHECK_NEAR(map[0], 0, 0);
    CHECK_NEAR(map[1], 1, 1e-6);
    CHECK_NEAR(map[2], 0.5, 1e-6);
    CHECK_INT(gradcam_map_normalize(constant, 3), 0);
    CHECK(constant[0] == 0 && constant[1] == 0 && constant[2] == 0);
    CHECK_INT(gradcam_map_normalize(strange, 4), 1);
    CHECK(strange[0] == 0 && strange[2] == 0 && strange[3] == 0);
    CHECK_NEAR(strange[1], 1, 1e-6);
    CHECK_INT(gradcam_map_normalize(map, 0), 0);
}

static void test_map_resize(void)
{
    static const int sizes[][4] = { { 1, 1, 5, 3 }, { 2, 2, 4, 4 }, { 7, 7, 224, 224 }, { 14, 9, 601, 77 },
                                    { 50, 40, 7, 3 }, { 3, 1, 3, 1 } };
    Random random = { 1 };

    for (int i = 0; i < 6; i++) {
        const int w = sizes[i][0], h = sizes[i][1], ow = sizes[i][2], oh = sizes[i][3];
        float *map = malloc(sizeof(*map) * w * h), *out = malloc(sizeof(*out) * (ow * oh + 1));
        random_floats(&random, map, w * h, -1, 1);
        out[ow * oh] = 12345;
        out[0] = 12345;
        CHECK_INT(gradcam_map_resize(map, w, h, out, (size_t)ow * oh - 1, ow, oh), -ENOSPC);
        CHECK(out[0] == 12345);
        CHECK_INT(gradcam_map_resize(map, 0, h, out, (size_t)ow * oh, ow, oh), -EINVAL);
        CHECK_INT(gradcam_map_resize(map, w, h, out, (size_t)ow * oh, ow, oh), 0);
        CHECK(out[ow * oh] == 12345);
        for (int y = 0; y < oh; y++)
            for (int x = 0; x < ow; x++) {
                const double px = fmin(fmax((x + 0.5) * w / ow - 0.5, 0), w - 1);
                const double py = fmin(fmax((y + 0.5) * h / oh - 0.5, 0), h - 1);
                double sum = 0;     // hat functions around each cell
                for (int v = 0; v < h; v++)
                    for (int u = 0; u < w; u++)
                        sum += fmax(0, 1 - fabs(px - u)) * fmax(0, 1 - fabs(py - v)) * map[v * w + u];
                if (fabs(out[y * ow + x] - sum) > 1e-5)
                    fail("%dx%d to %dx%d at %d,%d: %g, not %g", w, h, ow, oh, x, y, out[y * ow + x], sum);
            }
        free(map);
        free(out);
    }
}

// Triangle filter, stretched when it shrinks; columns rounded to 8 bits before the rows.
static double filtered(const uint8_t *in, ptrdiff_t step, int size, int out_size, int at)
{
    const double ratio = (double)size / out_size, support = ratio > 1 ? ratio : 1,
                 center = (at + 0.5) * ratio;
    double sum = 0, weights = 0;

    for (int i = 0; i < size; i++) {
        const double w = fmax(0, 1 - fabs((i + 0.5 - center) / support));
        weights += w;
        sum += w * in[i * step];
    }
    return sum / weights;
}

static void test_resize_rgb(void)
{
    static const int sizes[][4] = { { 1, 1, 4, 4 }, { 5, 4, 5, 4 }, { 100, 60, 7, 9 }, { 13, 11, 50, 3 },
                                    { 3, 90, 90, 3 }, { 640, 3, 224, 224 } };
    Random random = { 2 };

    for (int i = 0; i < 6; i++) {
        const int w = sizes[i][0], h = sizes[i][1], ow = sizes[i][2], oh = sizes[i][3], stride = 3 * w + 5;
        uint8_t *in = malloc((size_t)stride * h), *middle = malloc((size_t)3 * ow * h);
        uint8_t *out = malloc((size_t)(3 * ow + 7) * oh);
        random_bytes(&random, in, (size_t)stride * h);
        memset(out, 99, (size_t)(3 * ow + 7) * oh);
        // Read and written upside down.
        CHECK_INT(gradcam_resize_rgb(in + (h - 1) * stride, -stride, w, h, out, 3 * ow + 7, ow, oh), 0);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < 3 * ow; x++)
                middle[y * 3 * ow + x] =
                    (uint8_t)rint(filtered(in + (h - 1 - y) * stride + x % 3, 3, w, ow, x / 3));
        for (int y = 0; y < oh; y++) {
            for (int x = 0; x < 3 * ow; x++) {
                const double want = filtered(middle + x, 3 * ow, h, oh, y);
                if (fabs(out[y * (3 * ow + 7) + x] - want) > 1.5)
                    fail("%dx%d to %dx%d at %d,%d: %d, not %g", w, h, ow, oh, x, y, out[y * (3 * ow + 7) + x],
                         want);
            }
            for (int x = 0; x < 7; x++)
                CHECK_INT(out[y * (3 * ow + 7) + 3 * ow + x], 99);
        }
        free(in);
        free(middle);
        free(out);
    }
    uint8_t pixel[3] = { 0 };
    CHECK_INT(gradcam_resize_rgb(pixel, 3, 0, 1, pixel, 3, 1, 1), -EINVAL);
    CHECK_INT(gradcam_resize_rgb(pixel, 3, 1, 1, pixel, 3, 1, 32769), -EINVAL);
    CHECK_INT(gradcam_resize_rgb(NULL, 3, 1, 1, pixel, 3, 1, 1), -EINVAL);
}

static void test_preprocess(void)
{
    GradcamPreprocessing p = { { 10, 20, 30 }, { 1, 2, 4 }, 0 };
    GradcamInput picture = { .layout = "NCHW", .frames = 1, .channels = 3, .height = 2, .width = 2 };
    const uint8_t rgb[] = { 12, 24, 38, 10, 20, 30, 0, 0, 99, 11, 22, 34, 14, 28, 46, 0, 0, 99 };
    const float want[] = { 2, 2, 2, 0, 0, 0, 1, 1, 1, 4, 4, 4 };
    float nhwc[13];

    nhwc[12] = 5;
    gcam_preprocess_pixels(NULL, &picture, rgb, 9, 2, &p, nhwc);
    check_floats("rgb", nhwc, want, 12, 0, 1e-6);
    CHECK(nhwc[12] == 5);

    p.bgr = 1;
    const uint8_t bgr_of[] = { 38, 24, 12 };    // R, G, B for a network that wants B, G, R
    picture.width = picture.height = 1;
    gcam_preprocess_pixels(NULL, &picture, bgr_of, 3, 1, &p, nhwc);
    check_floats("bgr", nhwc, want, 3, 0, 1e-6);

    const float nchw[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, turned[] = { 1, 5, 2, 6, 3, 7, 4, 8 };
    picture = (GradcamInput){ .layout = "CHW", .frames = 2, .channels = 1, .height = 2, .width = 2 };
    gcam_preprocess_float(&picture, nchw, nhwc);
    check_floats("float", nhwc, turned, 8, 0, 0);
    picture.layout = "NHWC";
    gcam_preprocess_float(&picture, nchw, nhwc);
    check_floats("channels last", nhwc, nchw, 8, 0, 0);
}

typedef struct Heard {
    char text[2048];
    int count;
} Heard;

static void hear(void *opaque, enum GradcamLogLevel level, const char *message)
{
    Heard *heard = opaque;

    heard->count += level == GRADCAM_LOG_WARNING;
    snprintf(heard->text, sizeof(heard->text), "%s", message);
}

static void test_log(void)
{
    Heard heard = { "", 0 };
    const GradcamLog log = { hear, &heard }, silent = { 0 };
    char many[1500];

    gcam_log(&log, GRADCAM_LOG_WARNING, "node %d of\n\"%s\"", 3, "x\ty");
    CHECK_INT(heard.count, 1);
    CHECK_STR(heard.text, "node 3 of \"x y\"");
    gcam_log(NULL, GRADCAM_LOG_ERROR, "nobody");
    gcam_log(&silent, GRADCAM_LOG_ERROR, "nobody");
    CHECK_STR(heard.text, "node 3 of \"x y\"");
    for (int shift = 0; shift < 3; shift++) {   // the cut falls on each byte of a character in turn
        for (int i = 0; i + 2 < 1400; i += 2)
            memcpy(many + i, "\xc3\xa9", 3);
        gcam_log(&log, GRADCAM_LOG_WARNING, "%.*s%s", shift, "ab", many);
        const size_t length = strlen(heard.text);
        CHECK(length <= 1023 && length >= 1020);
        CHECK_INT((length - (shift > 2 ? 2 : shift)) % 2, 0);
    }
}

static void test_errors(void)
{
    CHECK_STR(gradcam_strerror(0), "success");
    CHECK_STR(gradcam_strerror(-EBADMSG), "malformed model");
    CHECK_STR(gradcam_strerror(-123456), "unknown error");
    CHECK(strlen(gradcam_version()) >= 5);
}

#define NAMES(type, last) do { \
        for (int i = 0; i <= (last); i++) \
            CHECK_INT(gradcam_##type##_find(gradcam_##type##_name(i)), i); \
        CHECK(!gradcam_##type##_name((last) + 1) && !gradcam_##type##_name(-1)); \
        CHECK_INT(gradcam_##type##_find("none of them"), -EINVAL); \
        CHECK_INT(gradcam_##type##_find(NULL), -EINVAL); \
    } while (0)

static void names_lead_back(void)
{
    NAMES(log_level, GRADCAM_LOG_DEBUG);
    NAMES(input_kind, GRADCAM_INPUT_STATE);
    NAMES(method_use, GRADCAM_USE_STILLS);
    NAMES(phase, GRADCAM_PHASE_MAP);
    NAMES(precision, GRADCAM_PRECISION_BF16);
    NAMES(color_model, GRADCAM_COLOR_GRAY);
    NAMES(matrix, GRADCAM_MATRIX_YCGCO);
    NAMES(blend, GRADCAM_BLEND_FLAT);
    NAMES(output, GRADCAM_OUTPUT_ALPHA);
    NAMES(upsample, GRADCAM_UPSAMPLE_SPLINE);
    NAMES(scale, GRADCAM_SCALE_FIXED);
    NAMES(colormap, GRADCAM_COLORMAP_BWR);
    NAMES(picture_type, GRADCAM_PICTURE_B);
}

int main(void)
{
    RUN(test_colormap_names);
    RUN(test_jet_and_gray_follow_their_formulas);
    RUN(test_colormap_entries);
    RUN(test_lightness_grows);
    RUN(test_normalize);
    RUN(test_map_resize);
    RUN(test_resize_rgb);
    RUN(test_preprocess);
    RUN(test_log);
    RUN(test_errors);
    RUN(names_lead_back);
    return end_cases();
}
