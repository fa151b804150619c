/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam_overlay_blend() against the same blend written plainly in double, for pictures of many formats
 * and sizes; that nothing beside the samples is touched; regions, slices, odd maps, wrong arguments; and
 * the kernels of each instruction set against those in C.
 */
#include <errno.h>

#include "base/cpu.h"
#include "base/enum_names.h"
#include "format.h"
#include "gradcam_picture.h"
#include "harness.h"
#include "kernels/kernels.h"
#include "picture/blend.h"

static const Format formats[] = {
    { "yuv420p", GRADCAM_COLOR_YUV, PLANAR, 8, 0, 1, 1, 0 },
    { "yuv422p", GRADCAM_COLOR_YUV, PLANAR, 8, 0, 1, 0, 0 },
    { "yuv444p", GRADCAM_COLOR_YUV, PLANAR, 8, 0, 0, 0, 0 },
    { "yuv410p", GRADCAM_COLOR_YUV, PLANAR, 8, 0, 2, 2, 0 },
    { "yuv420p10", GRADCAM_COLOR_YUV, PLANAR, 10, 0, 1, 1, 0 },
    { "yuv422p12", GRADCAM_COLOR_YUV, PLANAR, 12, 0, 1, 0, 0 },
    { "yuv444p14", GRADCAM_COLOR_YUV, PLANAR, 14, 0, 0, 0, 0 },
    { "yuv444p16", GRADCAM_COLOR_YUV, PLANAR, 16, 0, 0, 0, 0 },
    { "nv12", GRADCAM_COLOR_YUV, SEMIPLANAR, 8, 0, 1, 1, 0 },
    { "p010", GRADCAM_COLOR_YUV, SEMIPLANAR, 10, 6, 1, 1, 0 },
    { "p016", GRADCAM_COLOR_YUV, SEMIPLANAR, 16, 0, 1, 1, 0 },
    { "gray", GRADCAM_COLOR_GRAY, PLANAR, 8, 0, 0, 0, 0 },
    { "gray10", GRADCAM_COLOR_GRAY, PLANAR, 10, 0, 0, 0, 0 },
    { "gray16", GRADCAM_COLOR_GRAY, PLANAR, 16, 0, 0, 0, 0 },
    { "gbrp", GRADCAM_COLOR_RGB, PLANAR, 8, 0, 0, 0, 0 },
    { "gbrp12", GRADCAM_COLOR_RGB, PLANAR, 12, 0, 0, 0, 0 },
    { "rgb24", GRADCAM_COLOR_RGB, PACKED, 8, 0, 0, 0, 3 },
    { "rgba", GRADCAM_COLOR_RGB, PACKED, 8, 0, 0, 0, 4 },
    { "rgb48", GRADCAM_COLOR_RGB, PACKED, 16, 0, 0, 0, 3 },
    { "rgba64", GRADCAM_COLOR_RGB, PACKED, 16, 0, 0, 0, 4 },
    { "vuyx", GRADCAM_COLOR_YUV, PACKED, 8, 0, 0, 0, 4 },
    { "xv36", GRADCAM_COLOR_YUV, PACKED, 12, 4, 0, 0, 4 },
};
#define FORMATS (int)(sizeof(formats) / sizeof(formats[0]))

enum { MOST_SIDE = 500 };       // of pictures with curves

#define PAD 80                  // bytes before, between and after rows that must not change

// Up to three planes in one block, all of it random, and a copy to compare with.
typedef struct Image {
    GradcamPicture picture;
    const Format *format;
    uint8_t *block, *before;
    size_t size;
} Image;

static void image_free(Image *image)
{
    free(image->block);
    free(image->before);
}

// Rows are stored from the last to the first when `flip`.
static int image_init(Image *image, const Format *f, int width, int height, int flip, Random *random)
{
    size_t start[3], stride[3], size = PAD;     // of the planes

    memset(image, 0, sizeof(*image));
    image->format = f;
    image->picture.width = width;
    image->picture.height = height;
    for (int c = 0; c < format_components(f); c++) {
        GradcamComponent *k = &image->picture.component[c];
        const int plane = format_plane(f, c), shared = c > 0 && plane == format_plane(f, c - 1);
        *k = format_component(f, c, width, height);
        if (shared)
            continue;
        stride[plane] = (size_t)k->width * k->step + PAD;
        start[plane] = size;
        size += stride[plane] * k->height;
    }
    size += PAD;
    image->size = size;
    image->block = malloc(size);
    image->before = malloc(size);
    if (!image->block || !image->before)
        return 0;
    random_bytes(random, image->block, size);
    for (int c = 0; c < format_components(f); c++) {
        GradcamComponent *k = &image->picture.component[c];
        const int plane = format_plane(f, c);
        k->data = image->block + start[plane] + format_offset(f, c) + (flip ? stride[plane] * (k->height - 1) : 0);
        k->stride = flip ? -(ptrdiff_t)stride[plane] : (ptrdiff_t)stride[plane];
        for (int y = 0; y < k->height && format_bytes(f) == 2; y++)
            for (int x = 0; x < k->width; x++) {
                uint16_t *sample = (uint16_t *)(k->data + y * k->stride + x * k->step);
                *sample = format_sample(f, *sample);
            }
    }
    memcpy(image->before, image->block, size);
    return 1;
}

static int sample_get(const uint8_t *at, int depth)
{
    uint16_t wide;

    if (depth == 8)
        return *at;
    memcpy(&wide, at, 2);
    return wide;
}

// ------------------------------------------------------------------------------------------------- reference

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static double cell(const float *map, int width, int x, int y)
{
    const float m = map[y * width + x];

    return isnan(m) ? 0.0 : clamp(m, 0.0, 1.0);
}

// The map at a position in cells, half-pixel centres already taken off.
static double map_at(const float *map, int width, int height, double x, double y)
{
    x = clamp(x, 0.0, width - 1.0);
    y = clamp(y, 0.0, height - 1.0);
    const int x0 = (int)x, y0 = (int)y, x1 = x0 + 1 < width ? x0 + 1 : x0, y1 = y0 + 1 < height ? y0 + 1 : y0;
    const double fx = x - x0, fy = y - y0;
    const double top = (1.0 - fx) * cell(map, width, x0, y0) + fx * cell(map, width, x1, y0);
    const double bottom = (1.0 - fx) * cell(map, width, x0, y1) + fx * cell(map, width, x1, y1);
    return (1.0 - fy) * top + fy * bottom;
}

// Matrices written out, rows Y, Cb, Cr.
static const double matrices[][3][3] = {
    { { 0.299, 0.587, 0.114 }, { -0.168735892, -0.331264108, 0.5 }, { 0.5, -0.418687589, -0.081312411 } },
    { { 0.2126, 0.7152, 0.0722 }, { -0.114572106, -0.385427894, 0.5 }, { 0.5, -0.454152908, -0.045847092 } },
    { { 0.2627, 0.6780, 0.0593 }, { -0.139630063, -0.360369937, 0.5 }, { 0.5, -0.459785705, -0.040214295 } },
    { { 0.212, 0.701, 0.087 }, { -0.116100767, -0.383899233, 0.5 }, { 0.5, -0.444796954, -0.055203046 } },
    { { 0.30, 0.59, 0.11 }, { -0.168539326, -0.331460674, 0.5 }, { 0.5, -0.421428571, -0.078571429 } },
    { { 0.25, 0.5, 0.25 }, { -0.25, 0.5, -0.25 }, { 0.5, 0.0, -0.5 } },
};

static double color_of(const GradcamOverlaySettings *s, int c, int level)
{
    const uint8_t *color = (s->table ? s->table : gradcam_colormap_table(s->colormap))[level];
    const int depth = s->depth[c];
    const double unit = 1 << (depth - 8), most = (1 << depth) - 1;
    double rgb[3], value = 0;

    for (int i = 0; i < 3; i++)
        rgb[i] = (s->output == GRADCAM_OUTPUT_MASK ? level : color[i]) / 255.0;
    if (s->model == GRADCAM_COLOR_RGB)
        return rint(rgb[c] * most);
    for (int i = 0; i < 3; i++)
        value += matrices[s->model == GRADCAM_COLOR_GRAY ? 0 : s->matrix][c][i] * rgb[i];
    if (s->full_range)
        return rint(clamp(value * most + (c ? 128 * unit : 0), 0, most));
    return rint(clamp((value * (c ? 224 : 219) + (c ? 128 : 16)) * unit, 0, most));
}

static double expected(const GradcamOverlaySettings *s, int c, double in, double m)
{
    const int level = (int)clamp(floor(255.0 * m), 0, 255);
    const double color = color_of(s, c, level);
    double weight = 1.0;

    if (s->output == GRADCAM_OUTPUT_OVERLAY)
        weight = s->blend == GRADCAM_BLEND_FLAT ? s->opacity : s->opacity * pow(level / 255.0, s->gamma);
    return in + weight * (color - in);
}

// Every sample within one code value of the reference, for the level here or just beside; every other byte
// unchanged.
static int compare(Image *image, const GradcamOverlaySettings *s, const float *map, int mw, int mh,
                   const GradcamRegion *region)
{
    const GradcamPicture *p = &image->picture;
    const GradcamRegion whole = { 0, 0, p->width, p->height };
    const GradcamRegion *r = region ? region : &whole;
    const int components = s->model == GRADCAM_COLOR_GRAY ? 1 : 3;

    for (int c = 0; c < components; c++) {
        const GradcamComponent *k = &p->component[c];
        for (int y = 0; y < k->height; y++)
            for (int x = 0; x < k->width; x++) {
                uint8_t *at = k->data + y * k->stride + x * k->step;
                uint8_t *was = image->before + (at - image->block);
                const double px = (x + 0.5) * p->width / k->width, py = (y + 0.5) * p->height / k->height;
                const int out = sample_get(at, k->depth), in = sample_get(was, k->depth) >> k->shift;
                double m = 0.0;
                int fine = 0;
                if (px >= r->x && px < r->x + r->width && py >= r->y && py < r->y + r->height) {
                    m = map_at(map, mw, mh, (px - r->x) / r->width * mw - 0.5,
                               (py - r->y) / r->height * mh - 0.5);
                } else if (s->output == GRADCAM_OUTPUT_OVERLAY) {
                    if (out != in << k->shift) {
                        fail("component %d at %d,%d is outside and changed", c, x, y);
                        return 0;
                    }
                    fine = 1;
                }
                for (int side = -1; side <= 1 && !fine; side++)
                    fine = fabs((out >> k->shift) - rint(expected(s, c, in, m + side * 1e-6))) <= 1.0;
                if (!fine || (out & ((1 << k->shift) - 1))) {
                    fail("component %d at %d,%d: %d became %d, not %.2f (m %.6f)", c, x, y, in,
                         out >> k->shift, expected(s, c, in, m), m);
                    return 0;
                }
                memcpy(at, was, k->depth > 8 ? 2 : 1);
            }
    }
    if (memcmp(image->block, image->before, image->size)) {
        fail("bytes beside the samples changed");
        return 0;
    }
    return 1;
}

static GradcamOverlaySettings make_settings(const Format *f)
{
    return (GradcamOverlaySettings) {
        .colormap = GRADCAM_COLORMAP_TURBO, .blend = GRADCAM_BLEND_HEAT, .opacity = 0.6f, .gamma = 1.0f,
        .model = f->model, .matrix = GRADCAM_MATRIX_BT709, .depth = { f->depth, f->depth, f->depth },
    };
}

static void fill_map(float *map, int count, Random *random)
{
    for (int i = 0; i < count; i++) {
        const float v = random_float(random, -0.6f, 1.2f);
        map[i] = random_int(random, 0, 9) ? v : 0.0f;      // many below zero, some above one
    }
}

static int run_once(const Format *f, const GradcamOverlaySettings *s, int width, int height, int mw, int mh,
                    const GradcamRegion *region, int slices, Random *random)
{
    float *map = malloc(sizeof(*map) * mw * mh);
    GradcamOverlay *overlay = NULL;
    Image image = { 0 };
    int fine = 0;

    fill_map(map, mw * mh, random);
    if (!image_init(&image, f, width, height, random_int(random, 0, 1), random) ||
        gradcam_overlay_create(&overlay, s)) {
        fail("no memory");
    } else {
        int error = 0;
        for (int i = 0; i < slices && !error; i++)
            error = gradcam_overlay_blend(overlay, &image.picture, map, mw, mh, region, i, slices);
        if (error)
            fail("%s %dx%d: error %d", f->name, width, height, error);
        else
            fine = compare(&image, s, map, mw, mh, region);
        if (!fine && !error)
            fail("that was %s %dx%d, map %dx%d", f->name, width, height, mw, mh);
    }
    gradcam_overlay_free(&overlay);
    image_free(&image);
    free(map);
    return fine;
}

// ----------------------------------------------------------------------------------------------------- cases

static void test_formats(void)
{
    static const int sizes[][2] = { { 1, 1 },  { 2, 2 },   { 3, 5 },    { 17, 9 },  { 131, 70 },
                                    { 1, 40 }, { 301, 2 }, { 4300, 3 }, { 640, 66 } };
    static const int maps[][2] = {
        { 1, 1 }, { 2, 2 }, { 7, 7 }, { 14, 14 }, { 33, 3 }, { 1, 9 }, { 600, 5 }
    };
    Random random = { 1 };

    for (int f = 0; f < FORMATS; f++) {
        begin_case("%s like the reference in double", formats[f].name);
        for (int i = 0; i < 9; i++)
            for (int k = 0; k < 7; k++) {
                const GradcamOverlaySettings s = make_settings(&formats[f]);
                if (!run_once(&formats[f], &s, sizes[i][0], sizes[i][1], maps[k][0], maps[k][1], NULL, 1,
                              &random))
                    i = k = 9;
            }
    }
}

static void test_looks(void)
{
    Random random = { 2 };

    for (int i = 0; i < 300; i++) {
        const Format *f = &formats[random_int(&random, 0, FORMATS - 1)];
        GradcamOverlaySettings s = make_settings(f);
        s.colormap = random_int(&random, 0, GCAM_COLORMAPS - 1);
        s.blend = random_int(&random, 0, 1);
        s.output = random_int(&random, 0, 2);
        s.opacity = random_int(&random, 0, 4) / 4.0f;
        s.gamma = random_float(&random, 0.3f, 3.0f);
        s.matrix = random_int(&random, 0, GRADCAM_MATRIX_YCGCO);
        s.full_range = random_int(&random, 0, 1);
        if (!run_once(f, &s, random_int(&random, 1, 200), random_int(&random, 1, 70),
                      random_int(&random, 1, 20), random_int(&random, 1, 20), NULL, random_int(&random, 1, 5),
                      &random))
            break;
    }
}

static void test_regions(void)
{
    Random random = { 3 };

    for (int i = 0; i < 400; i++) {
        const Format *f = &formats[random_int(&random, 0, FORMATS - 1)];
        const int width = random_int(&random, 1, 150), height = random_int(&random, 1, 80);
        GradcamOverlaySettings s = make_settings(f);
        GradcamRegion region = {
            random_float(&random, -1.5f, 1.5f) * width, random_float(&random, -1.5f, 1.5f) * height,
            random_float(&random, 0.01f, 3.0f) * width, random_float(&random, 0.01f, 3.0f) * height,
        };
        s.output = random_int(&random, 0, 2);
        s.blend = random_int(&random, 0, 1);
        if (!run_once(f, &s, width, height, random_int(&random, 1, 20), random_int(&random, 1, 20), &region,
                      random_int(&random, 1, 4), &random))
            break;
    }
}

static void test_slices_are_equal(void)
{
    Random random = { 4 };
    float map[49];
    GradcamOverlaySettings s = make_settings(&formats[0]);
    GradcamOverlay *overlay = NULL;
    Image image;

    random_floats(&random, map, 49, 0, 1);
    REQUIRE(image_init(&image, &formats[0], 333, 211, 0, &random));
    REQUIRE(gradcam_overlay_create(&overlay, &s) == 0);
    uint8_t *whole = malloc(image.size);
    CHECK_INT(gradcam_overlay_blend(overlay, &image.picture, map, 7, 7, NULL, 0, 1), 0);
    memcpy(whole, image.block, image.size);
    for (int slices = 2; slices < 300; slices += 7) {
        memcpy(image.block, image.before, image.size);
        for (int i = slices - 1; i >= 0; i--)
            CHECK_INT(gradcam_overlay_blend(overlay, &image.picture, map, 7, 7, NULL, i, slices), 0);
        CHECK(!memcmp(image.block, whole, image.size));
    }
    free(whole);
    image_free(&image);
    gradcam_overlay_free(&overlay);
}

static void test_strange_maps(void)
{
    static const float maps[][4] = {
        { NAN, NAN, NAN, NAN }, { -1, -2, -INFINITY, 0 }, { INFINITY, 2, 1, 1e30f }, { NAN, 1, 0, 1 },
        { 1, 0, 0, 1 }, { 1e-30f, 1e-8f, 0, 0 }, { 0.99999994f, 1, 1, 0.99999994f },
    };
    Random random = { 5 };
    GradcamOverlaySettings s = make_settings(&formats[0]);
    GradcamOverlay *overlay = NULL;

    REQUIRE(gradcam_overlay_create(&overlay, &s) == 0);
    for (int i = 0; i < 7; i++) {
        Image image;
        REQUIRE(image_init(&image, &formats[0], 203, 41, 0, &random));
        CHECK_INT(gradcam_overlay_blend(overlay, &image.picture, maps[i], 2, 2, NULL, 0, 1), 0);
        if (i < 2)
            CHECK(!memcmp(image.block, image.before, image.size));
        compare(&image, &s, maps[i], 2, 2, NULL);
        image_free(&image);
    }
    gradcam_overlay_free(&overlay);
}

static void test_full_opacity_is_the_color(void)
{
    Random random = { 6 };

    for (int f = 0; f < FORMATS; f++) {
        GradcamOverlaySettings s = make_settings(&formats[f]);
        GradcamOverlay *overlay = NULL;
        const float one = 1.0f;
        Image image;
        s.blend = GRADCAM_BLEND_FLAT;
        s.opacity = 1.0f;
        REQUIRE(gradcam_overlay_create(&overlay, &s) == 0);
        REQUIRE(image_init(&image, &formats[f], 70, 3, 0, &random));
        CHECK_INT(gradcam_overlay_blend(overlay, &image.picture, &one, 1, 1, NULL, 0, 1), 0);
        for (int x = 0; x < 70; x++) {
            const GradcamComponent *k = &image.picture.component[0];
            CHECK_INT(sample_get(k->data + x * k->step, k->depth) >> k->shift, color_of(&s, 0, 255));
        }
        image_free(&image);
        gradcam_overlay_free(&overlay);
    }
}

// What a class of its own colour shows: the same colour at every level.
static void test_own_tables(void)
{
    Random random = { 9 };
    uint8_t table[256][3], solid[256][3];

    random_bytes(&random, table[0], sizeof(table));
    for (int i = 0; i < 256; i++)
        memcpy(solid[i], gradcam_palette(0), 3);
    for (int i = 0; i < 150; i++) {
        const Format *f = &formats[random_int(&random, 0, FORMATS - 1)];
        GradcamOverlaySettings s = make_settings(f);
        s.table = (const uint8_t (*)[3])(i % 2 ? table : solid);
        s.output = random_int(&random, 0, 2);
        s.matrix = random_int(&random, 0, GRADCAM_MATRIX_YCGCO);
        s.full_range = random_int(&random, 0, 1);
        if (!run_once(f, &s, random_int(&random, 1, 200), random_int(&random, 1, 70), random_int(&random, 1, 20),
                      random_int(&random, 1, 20), NULL, random_int(&random, 1, 3), &random))
            break;
    }
}

static void test_own_table_is_copied(void)
{
    Random random = { 10 };
    uint8_t table[256][3];
    GradcamOverlaySettings s = make_settings(&formats[0]);
    GradcamOverlay *overlay = NULL;
    float map[9];
    Image image;

    random_bytes(&random, table[0], sizeof(table));
    random_floats(&random, map, 9, 0, 1);
    s.table = (const uint8_t (*)[3])table;
    REQUIRE(gradcam_overlay_create(&overlay, &s) == 0);
    uint8_t (*before)[3] = malloc(sizeof(table));
    memcpy(before, table, sizeof(table));
    memset(table, 0, sizeof(table));
    REQUIRE(image_init(&image, &formats[0], 100, 60, 0, &random));
    CHECK_INT(gradcam_overlay_blend(overlay, &image.picture, map, 3, 3, NULL, 0, 1), 0);
    s.table = (const uint8_t (*)[3])before;
    compare(&image, &s, map, 3, 3, NULL);
    free(before);
    image_free(&image);
    gradcam_overlay_free(&overlay);
}

// A weight in each entry, written to a plane of its own as full-range grey: an alpha plane.
static void test_alpha_plane(void)
{
    Random random = { 11 };
    uint8_t weights[256][3];
    float map[16];

    random_floats(&random, map, 16, -0.2f, 1.2f);
    for (int i = 0; i < 256; i++)
        memset(weights[i], (int)lrint(0.7 * i), 3);
    for (int depth = 8; depth <= 16; depth++) {
        const Format f = { "alpha", GRADCAM_COLOR_GRAY, PLANAR, depth, 0, 0, 0, 0 };
        GradcamOverlaySettings s = make_settings(&f);
        GradcamOverlay *overlay = NULL;
        Image image;
        s.table = (const uint8_t (*)[3])weights;
        s.output = GRADCAM_OUTPUT_HEATMAP;
        s.full_range = 1;
        REQUIRE(gradcam_overlay_create(&overlay, &s) == 0);
        REQUIRE(image_init(&image, &f, 91, 33, 0, &random));
        CHECK_INT(gradcam_overlay_blend(overlay, &image.picture, map, 4, 4, NULL, 0, 1), 0);
        const GradcamComponent *k = &image.picture.component[0];
        for (int x = 0; x < 91; x++) {
            const double m = clamp(map_at(map, 4, 4, (x + 0.5) / 91 * 4 - 0.5, 0), 0, 1);
            int fine = 0;
            for (int side = -1; side <= 1; side++)
                fine |= sample_get(k->data + x * k->step, depth) ==
                        lrint(weights[(int)clamp(floor(255 * m + side * 1e-4), 0, 255)][0] / 255.0 *
                              ((1 << depth) - 1));
            CHECK(fine);
        }
        compare(&image, &s, map, 4, 4, NULL);
        image_free(&image);
        gradcam_overlay_free(&overlay);
    }
}

// Several classes, a colour each, one over the other: each step is within one code value of the reference.
static void test_several_in_sequence(void)
{
    Random random = { 12 };
    float map[4][30];

    for (int i = 0; i < 4; i++)
        fill_map(map[i], 30, &random);
    for (int f = 0; f < FORMATS; f++) {
        GradcamOverlaySettings s = make_settings(&formats[f]);
        Image image;
        REQUIRE(image_init(&image, &formats[f], 203, 67, 0, &random));
        uint8_t *step = malloc(image.size);
        for (int i = 0; i < 4; i++) {
            uint8_t solid[256][3];
            GradcamOverlay *overlay = NULL;
            for (int level = 0; level < 256; level++)
                memcpy(solid[level], gradcam_palette((size_t)i), 3);
            s.table = (const uint8_t (*)[3])solid;
            REQUIRE(gradcam_overlay_create(&overlay, &s) == 0);
            CHECK_INT(gradcam_overlay_blend(overlay, &image.picture, map[i], 6, 5, NULL, 0, 1), 0);
            memcpy(step, image.block, image.size);
            const int fine = compare(&image, &s, map[i], 6, 5, NULL);
            memcpy(image.block, step, image.size);
            memcpy(image.before, step, image.size);
            gradcam_overlay_free(&overlay);
            if (!fine) {
                fail("that was %s, class %d", formats[f].name, i);
                f = FORMATS;
                break;
            }
        }
        free(step);
        image_free(&image);
    }
}

static void test_palette(void)
{
    for (size_t i = 0; i < 8; i++) {
        CHECK(gradcam_palette(i + 8) == gradcam_palette(i));
        for (size_t k = 0; k < i; k++) {
            int distance = 0;
            for (int c = 0; c < 3; c++)
                distance += abs(gradcam_palette(i)[c] - gradcam_palette(k)[c]);
            CHECK(distance > 60);
        }
    }
}

// All zeros are the defaults that the header names; an opacity of 0 beside a gamma stays what it is.
static void test_defaults(void)
{
    const GradcamOverlaySettings none = { 0 }, plain = { .opacity = 0.6f, .gamma = 1, .depth = { 8, 8, 8 } };
    const GradcamOverlaySettings clear = { .gamma = 1 };
    const GradcamOverlaySettings *const settings[] = { &none, &plain, &clear };
    const float map[4] = { 0, 1, 0.5f, 0.25f };
    uint8_t seen[3][8 * 8 * 3];
    for (int i = 0; i < 3; i++) {
        GradcamOverlay *overlay = NULL;
        GradcamPicture picture = { .width = 8, .height = 8 };
        memset(seen[i], 100, sizeof(seen[i]));
        for (int c = 0; c < 3; c++)
            picture.component[c] = (GradcamComponent){
                .data = seen[i] + c, .stride = 24, .step = 3, .width = 8, .height = 8, .depth = 8,
            };
        REQUIRE(gradcam_overlay_create(&overlay, settings[i]) == 0);
        CHECK_INT(gradcam_overlay_blend(overlay, &picture, map, 2, 2, NULL, 0, 1), 0);
        gradcam_overlay_free(&overlay);
    }
    CHECK(!memcmp(seen[0], seen[1], sizeof(seen[0])) && seen[0][21] != 100);
    CHECK(seen[2][21] == 100);
}

static void test_wrong_arguments(void)
{
    Random random = { 7 };
    const float map[4] = { 0 };
    GradcamOverlaySettings s = make_settings(&formats[0]), bad;
    GradcamOverlay *overlay = NULL;
    GradcamRegion region = { 0, 0, 0, 1 };
    Image image;

#define REFUSED(change) \
    do { bad = s; bad.change; overlay = (GradcamOverlay *)&bad; \
         CHECK_INT(gradcam_overlay_create(&overlay, &bad), -EINVAL); CHECK(!overlay); } while (0)
    REFUSED(opacity = -0.1f);
    REFUSED(opacity = 1.01f);
    REFUSED(opacity = NAN);
    REFUSED(gamma = -1);
    REFUSED(gamma = NAN);
    REFUSED(gamma = INFINITY);
    REFUSED(depth[2] = 7);
    REFUSED(depth[0] = 17);
    REFUSED(colormap = GCAM_COLORMAPS);
    REFUSED(model = 3);
    REFUSED(matrix = 6);
    REFUSED(blend = 2);
    REFUSED(output = 3);
    CHECK_INT(gradcam_overlay_create(&overlay, NULL), -EINVAL);

    REQUIRE(gradcam_overlay_create(&overlay, &s) == 0);
    REQUIRE(image_init(&image, &formats[0], 20, 20, 0, &random));
    GradcamPicture *p = &image.picture, broken;
    CHECK_INT(gradcam_overlay_blend(NULL, p, map, 2, 2, NULL, 0, 1), -EINVAL);
    CHECK_INT(gradcam_overlay_blend(overlay, NULL, map, 2, 2, NULL, 0, 1), -EINVAL);
    CHECK_INT(gradcam_overlay_blend(overlay, p, NULL, 2, 2, NULL, 0, 1), -EINVAL);
    CHECK_INT(gradcam_overlay_blend(overlay, p, map, 0, 2, NULL, 0, 1), -EINVAL);
    CHECK_INT(gradcam_overlay_blend(overlay, p, map, 2, 2, NULL, 1, 1), -EINVAL);
    CHECK_INT(gradcam_overlay_blend(overlay, p, map, 2, 2, NULL, -1, 1), -EINVAL);
    CHECK_INT(gradcam_overlay_blend(overlay, p, map, 2, 2, NULL, 0, 0), -EINVAL);
    CHECK_INT(gradcam_overlay_blend(overlay, p, map, 2, 2, &region, 0, 1), -EINVAL);
    region.width = NAN;
    CHECK_INT(gradcam_overlay_blend(overlay, p, map, 2, 2, &region, 0, 1), -EINVAL);
    broken = *p;
    broken.component[1].depth = 10;
    CHECK_INT(gradcam_overlay_blend(overlay, &broken, map, 2, 2, NULL, 0, 1), -EINVAL);
    broken = *p;
    broken.component[2].data = NULL;
    CHECK_INT(gradcam_overlay_blend(overlay, &broken, map, 2, 2, NULL, 0, 1), -EINVAL);
    broken = *p;
    broken.component[0].step = 0;
    CHECK_INT(gradcam_overlay_blend(overlay, &broken, map, 2, 2, NULL, 0, 1), -EINVAL);
    CHECK(!memcmp(image.block, image.before, image.size));
    image_free(&image);
    gradcam_overlay_free(&overlay);
    gradcam_overlay_free(&overlay);
    gradcam_overlay_free(NULL);
}

// --------------------------------------------------------------------------------------------------- kernels

// One row with margins, blended by two versions.
static int check_mix(const GcamBlendKernels *k, const GcamBlendTable *table, int depth, int step, int shift,
                     Random *random)
{
    enum { MOST = 700 };
    uint8_t index[MOST + GCAM_BLEND_MARGIN], a[MOST * 10 + 128], b[MOST * 10 + 128];
    const int count = random_int(random, 0, MOST), offset = 64 + 2 * random_int(random, 0, 15);
    const uint32_t first = (uint32_t)random_bits(random);
    const uint32_t slope = (uint32_t)random_int(random, -(1 << random_int(random, 18, 27)), 1 << 25);

    for (int i = 0; i < MOST; i++)
        index[i] = (uint8_t)((first + (uint32_t)i * slope) >> 24);
    random_bytes(random, a, sizeof(a));
    if (depth > 8)
        for (size_t i = 0; i < sizeof(a); i += 2)
            a[i + 1] &= (uint8_t)((1 << (depth + shift - 8)) - 1);
    memcpy(b, a, sizeof(a));
    if (depth == 8) {
        k->mix8(a + offset, step, index, count, table);
        gcam_blend_mix8_c(b + offset, step, index, count, table);
    } else if (depth <= GCAM_BLEND_DEPTH) {
        k->mix16(a + offset, step, shift, index, count, table);
        gcam_blend_mix16_c(b + offset, step, shift, index, count, table);
    } else {
        k->mix_deep(a + offset, step, shift, index, count, table);
        gcam_blend_mix_deep_c(b + offset, step, shift, index, count, table);
    }
    if (!memcmp(a, b, sizeof(a)))
        return 1;
    fail("depth %d, step %d, shift %d, %d samples differ", depth, step, shift, count);
    return 0;
}

static int check_index(const GcamBlendKernels *k, Random *random)
{
    enum { RAMPS = 5, MOST = 200 };
    uint8_t a[RAMPS * MOST + GCAM_BLEND_MARGIN + 1], b[RAMPS * MOST + GCAM_BLEND_MARGIN];
    GcamRamp ramp[RAMPS];
    int x = random_int(random, 0, 3), begin = x;

    for (int i = 0; i < RAMPS; i++) {
        ramp[i] = (GcamRamp){ x, random_int(random, 1, i % 2 ? MOST - 1 : 9), (uint32_t)random_bits(random),
                              (uint32_t)random_bits(random) };
        x += ramp[i].count;
    }
    a[x + GCAM_BLEND_MARGIN] = 55;
    k->index(a, ramp, RAMPS);
    gcam_kernels_for(GCAM_CPU_GENERIC)->blend.index(b, ramp, RAMPS);
    if (!memcmp(a + begin, b + begin, x - begin) && a[x + GCAM_BLEND_MARGIN] == 55)
        return 1;
    fail("indices of %d samples differ", x - begin);
    return 0;
}

// Curves of any kind: most leave the range on their way.
static int check_curve(const GcamBlendKernels *k, Random *random)
{
    enum { CURVES = 5, MOST = 200 };
    uint8_t a[CURVES * MOST + GCAM_BLEND_MARGIN + 1], b[CURVES * MOST + GCAM_BLEND_MARGIN];
    GcamCurve curve[CURVES];
    int x = random_int(random, 0, 3), begin = x;

    for (int i = 0; i < CURVES; i++) {
        curve[i].x = x;
        curve[i].count = random_int(random, 1, i % 2 ? MOST - 1 : 9);
        for (int j = 0; j < 4; j++)
            curve[i].step[j] = (uint32_t)((int32_t)random_bits(random) >> (i % 3 ? 5 * j : 0));
        x += curve[i].count;
    }
    a[x + GCAM_BLEND_MARGIN] = 55;
    k->curve(a, curve, CURVES);
    gcam_kernels_for(GCAM_CPU_GENERIC)->blend.curve(b, curve, CURVES);
    if (!memcmp(a + begin, b + begin, x - begin) && a[x + GCAM_BLEND_MARGIN] == 55)
        return 1;
    fail("curves of %d samples differ", x - begin);
    return 0;
}

static void test_kernels(enum GcamCpu cpu)
{
    const GcamBlendKernels *k = &gcam_kernels_for(cpu)->blend;
    Random random = { 8 };

    begin_case("blend kernels of %s equal those in C", gcam_cpu_name(cpu));
    if (cpu > gcam_cpu_detected()) {
        skip("this machine lacks it");
        return;
    }
    for (int depth = 8; depth <= 16; depth += 2) {
        GradcamOverlaySettings s = make_settings(&formats[0]);
        GradcamOverlay *overlay = NULL;
        s.depth[0] = s.depth[1] = s.depth[2] = depth;
        s.opacity = 1.0f;
        REQUIRE(gradcam_overlay_create(&overlay, &s) == 0);
        for (int i = 0, fine = 1; i < 2500 && fine; i++) {
            const int step = depth == 8 ? 1 + i % 5 : 2 + 2 * (i % 5),
                      shift = depth == 8 ? 0 : i % (17 - depth);
            fine =
                check_index(k, &random) && check_curve(k, &random) &&
                check_mix(k, &overlay->table[i % 3], depth, step, shift, &random);
        }
        gradcam_overlay_free(&overlay);
    }
}

// The mask of a map along curves against the map enlarged by gradcam_map_upsample(), whatever its size and the
// picture's.
static void check_curved(enum GradcamUpsample upsample, int cells, int width, int height, int slices, Random *random)
{
    static uint8_t mask[MOST_SIDE * MOST_SIDE];
    static float enlarged[MOST_SIDE * MOST_SIDE];
    const GradcamPicture picture = { width, height, { { mask, width, 1, width, height, 8, 0 } } };
    const GradcamOverlaySettings settings = {
        .output = GRADCAM_OUTPUT_MASK, .gamma = 1, .model = GRADCAM_COLOR_GRAY, .full_range = 1, .depth = { 8 },
        .upsample = upsample,
    };
    GradcamOverlay *overlay = NULL;
    float map[64 * 64];
    int most = 0;

    for (int i = 0; i < cells * cells; i++)
        map[i] = random_int(random, 0, 2) ? (float)random_int(random, 0, 1000) / 1000 : 0;
    map[0] = 1;                         // what curves pass beyond is cut off there
    map[cells * cells - 1] = cells > 1 ? 0 : 1;
    REQUIRE(gradcam_overlay_create(&overlay, &settings) == 0);
    for (int slice = 0; slice < slices; slice++)
        CHECK_INT(gradcam_overlay_blend(overlay, &picture, map, cells, cells, NULL, slice, slices), 0);
    gradcam_map_upsample(map, cells, cells, enlarged, (size_t)width * height, width, height, upsample);
    for (int i = 0; i < width * height; i++) {
        const int off = abs(mask[i] - (int)(255 * enlarged[i]));
        most = off > most ? off : most;
    }
    if (most > 4)
        fail("%s, %dx%d cells on %dx%d: %d levels off", gradcam_upsample_name(upsample), cells, cells, width, height,
             most);
    gradcam_overlay_free(&overlay);
}

static void test_curves(void)
{
    static const int sizes[][2] = { { 500, 500 }, { 320, 200 }, { 97, 63 }, { 200, 1 } };
    Random random = { 3 };

    for (int upsample = GRADCAM_UPSAMPLE_BICUBIC; upsample < GCAM_UPSAMPLES; upsample++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            check_curved(upsample, 7, sizes[i][0], sizes[i][1], 1, &random);
            check_curved(upsample, 2, sizes[i][0], sizes[i][1], 2, &random);
            check_curved(upsample, 1, sizes[i][0], sizes[i][1], 1, &random);
        }
}

// No more levels than a constant map has, with any slices the same picture, and a fine map as by straight lines.
static void test_curves_keep_what_is_flat(void)
{
    uint8_t mask[3][300 * 40];
    float map[65 * 65];
    GradcamOverlaySettings settings = {
        .output = GRADCAM_OUTPUT_MASK, .gamma = 1, .model = GRADCAM_COLOR_GRAY, .full_range = 1, .depth = { 8 },
    };

    for (int i = 0; i < 65 * 65; i++)
        map[i] = i % 7 / 6.0f;
    for (int upsample = 0; upsample < GCAM_UPSAMPLES; upsample++) {
        const GradcamPicture picture = { 300, 40, { { mask[upsample], 300, 1, 300, 40, 8, 0 } } };
        const float flat[4] = { 1, 1, 1, 1 };
        GradcamOverlay *overlay = NULL;
        settings.upsample = upsample;
        REQUIRE(gradcam_overlay_create(&overlay, &settings) == 0);
        CHECK_INT(gradcam_overlay_blend(overlay, &picture, flat, 2, 2, NULL, 0, 1), 0);
        for (int i = 0; i < 300 * 40; i++)
            REQUIRE(mask[upsample][i] == 255);
        CHECK_INT(gradcam_overlay_blend(overlay, &picture, map, 65, 65, NULL, 0, 1), 0);
        CHECK(!memcmp(mask[upsample], mask[0], sizeof(mask[0])));
        gradcam_overlay_free(&overlay);
    }
    settings.upsample = GCAM_UPSAMPLES;
    GradcamOverlay *overlay = NULL;
    CHECK_INT(gradcam_overlay_create(&overlay, &settings), -EINVAL);
}

int main(void)
{
    test_formats();
    RUN(test_curves);
    RUN(test_curves_keep_what_is_flat);
    RUN(test_looks);
    RUN(test_regions);
    RUN(test_slices_are_equal);
    RUN(test_strange_maps);
    RUN(test_full_opacity_is_the_color);
    RUN(test_own_tables);
    RUN(test_own_table_is_copied);
    RUN(test_alpha_plane);
    RUN(test_several_in_sequence);
    RUN(test_palette);
    RUN(test_defaults);
    RUN(test_wrong_arguments);
    for (int cpu = GCAM_CPU_GENERIC; cpu < GCAM_CPU_COUNT; cpu++)
        test_kernels(cpu);
    return end_cases();
}
