/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps with two sides, for and against, and maps of pixels: their scale, their colours, and where they are hot.
 */
#include "base/enum_names.h"
#include "gradcam_picture.h"
#include "harness.h"

enum { W = 32, H = 16, CELLS = 4 };

static uint8_t pixels[H][W][3];

static const GradcamOverlaySettings plain = {
    .colormap = GRADCAM_COLORMAP_BWR, .opacity = 0.8f, .gamma = 1, .model = GRADCAM_COLOR_RGB, .depth = { 8, 8, 8 },
    .two_sided = 1,
};

// Against on the left, for on the right, and nothing in between.
static const float sides[CELLS * CELLS] = { -1, 0, 0, 1, -1, 0, 0, 1, -1, 0, 0, 1, -1, 0, 0, 1 };

static void draw(const GradcamDrawingSettings *settings, const float *maps, size_t count, const GradcamRegion *region)
{
    GradcamPicture picture = { W, H, { { 0 } } };
    GradcamDrawing *drawing = NULL;
    for (int c = 0; c < 3; c++)
        picture.component[c] = (GradcamComponent){ &pixels[0][0][c], W * 3, 3, W, H, 8, 0 };
    memset(pixels, 100, sizeof(pixels));
    REQUIRE(!gradcam_drawing_create(&drawing));
    CHECK_INT(gradcam_drawing_prepare(drawing, settings, maps, count, CELLS, CELLS), 0);
    CHECK_INT(gradcam_drawing_run(drawing, &picture, NULL, region, 0, 1), 0);
    gradcam_drawing_free(&drawing);
}

static void check_pixel(const char *where, int x, int y, int r, int g, int b)
{
    const int want[3] = { r, g, b };
    for (int c = 0; c < 3; c++)
        if (abs(pixels[y][x][c] - want[c]) > 6)
            fail("%s: component %d is %d, not %d", where, c, pixels[y][x][c], want[c]);
}

static void for_is_red_and_against_is_blue(void)
{
    for (int upsample = 0; upsample < GCAM_UPSAMPLES; upsample++) {
        GradcamOverlaySettings overlay = plain;
        const GradcamDrawingSettings settings = { .overlay = &overlay };
        overlay.upsample = upsample;
        draw(&settings, sides, 1, NULL);
        check_pixel("against", 0, 8, 20, 20, 224);
        check_pixel("nothing", W / 2, 8, 100, 100, 100);
        check_pixel("for", W - 1, 8, 224, 20, 20);
        overlay.output = GRADCAM_OUTPUT_HEATMAP;
        draw(&settings, sides, 1, NULL);
        check_pixel("heatmap against", 0, 8, 0, 0, 255);
        check_pixel("heatmap nothing", W / 2, 8, 255, 255, 255);
        check_pixel("heatmap for", W - 1, 8, 255, 0, 0);
    }
}

static void what_is_outside_is_nothing(void)
{
    const GradcamRegion region = { 8, 4, 16, 8 };
    for (int upsample = 0; upsample < GCAM_UPSAMPLES; upsample++) {
        GradcamOverlaySettings overlay = plain;
        const GradcamDrawingSettings settings = { .overlay = &overlay };
        overlay.upsample = upsample;
        draw(&settings, sides, 1, &region);
        check_pixel("left of it", 0, 8, 100, 100, 100);
        check_pixel("above it", 8, 0, 100, 100, 100);
        overlay.output = GRADCAM_OUTPUT_MASK;
        draw(&settings, sides, 1, &region);
        check_pixel("mask left of it", 0, 8, 127, 127, 127);
        check_pixel("mask right of it", W - 1, 8, 127, 127, 127);
        check_pixel("mask above it", 8, 0, 127, 127, 127);
        check_pixel("mask against", 8, 8, 0, 0, 0);
        check_pixel("mask for", 23, 8, 255, 255, 255);
    }
}

static void a_threshold_is_of_both_sides(void)
{
    float weak[CELLS * CELLS];
    GradcamOverlaySettings overlay = plain;
    const GradcamDrawingSettings settings = { .overlay = &overlay };
    overlay.threshold = 0.5f;
    for (int i = 0; i < CELLS * CELLS; i++)
        weak[i] = i % CELLS < 2 ? 0.45f * sides[i] : sides[i];
    draw(&settings, weak, 1, NULL);
    check_pixel("weakly against", 0, 8, 100, 100, 100);
    check_pixel("strongly for", W - 1, 8, 224, 20, 20);
}

// Of two maps the value farthest from 0 is shown; classes with colours show what is above 0.
static void several_classes(void)
{
    static const uint8_t colors[2][3] = { { 0, 255, 0 }, { 255, 255, 0 } };
    float both[2][CELLS * CELLS];
    GradcamDrawingSettings settings = { .overlay = &plain, .one_colormap = 1 };
    for (int i = 0; i < CELLS * CELLS; i++) {
        both[0][i] = sides[i];
        both[1][i] = 0.5f * sides[CELLS * CELLS - 1 - i];
    }
    draw(&settings, both[0], 2, NULL);
    check_pixel("joined left", 0, 8, 20, 20, 224);
    check_pixel("joined right", W - 1, 8, 224, 20, 20);
    settings = (GradcamDrawingSettings){ .overlay = &plain, .color = colors, .colors = 2 };
    draw(&settings, both[0], 2, NULL);
    check_pixel("the second's left", 0, 8, 162, 162, 60);
    check_pixel("the first's right", W - 1, 8, 20, 224, 20);
}

static void signed_scales_keep_zero(void)
{
    static const struct {
        enum GradcamScale scale;
        float want[3];
    } known[] = {
        { GRADCAM_SCALE_FRAME, { -1, 0, 0.5f } }, { GRADCAM_SCALE_RUNNING, { -1, 0, 0.5f } },
        { GRADCAM_SCALE_FIXED, { -0.5f, 0, 0.25f } },
    };
    const float raw[3] = { -4, 0, 2 }, none[3] = { 0 };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        GradcamSteadySettings settings = { .scale = known[i].scale, .low = 0, .high = 8, .is_signed = 1 };
        GradcamSteady *steady = NULL;
        float out[3];
        REQUIRE(!gradcam_steady_create(&steady, &settings));
        CHECK_INT(gradcam_steady_update(steady, raw, 3, 0, out), 1);
        for (int k = 0; k < 3; k++)
            CHECK_NEAR(out[k], known[i].want[k], 1e-6);
        gradcam_steady_reset(steady);
        CHECK_INT(gradcam_steady_update(steady, none, 3, 0, out), 0);
        CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0);
        gradcam_steady_free(&steady);
    }
}

// A hundredth of the pixels is far above the others and makes none of them pale.
static void the_scale_of_pixels_leaves_out_the_highest(void)
{
    GradcamSteadySettings settings = { .scale = GRADCAM_SCALE_FRAME, .of_pixels = 1 };
    GradcamSteady *steady = NULL;
    float raw[1000], out[1000];
    for (int i = 0; i < 1000; i++)
        raw[i] = i < 10 ? 1000 : i < 500 ? 1 : 0;
    REQUIRE(!gradcam_steady_create(&steady, &settings));
    CHECK_INT(gradcam_steady_update(steady, raw, 1000, 0, out), 1);
    CHECK_NEAR(out[0], 1, 1e-6);
    CHECK_NEAR(out[400], 1, 2e-3);
    CHECK_NEAR(out[900], 0, 1e-6);
    gradcam_steady_free(&steady);
}

static void places_are_of_what_is_above_0(void)
{
    GradcamPlace place = { 0 };
    CHECK_INT(gradcam_map_place(sides, CELLS, CELLS, 0.5, &place), 0);
    CHECK_NEAR(place.x, 3.5 / CELLS, 1e-6);
    CHECK(place.box.x > 0.5 && place.box.width > 0);
}

static void the_colours_of_methods(void)
{
    const GradcamMethodInfo *info;
    for (size_t i = 0; (info = gradcam_method_at(i)); i++)
        CHECK_INT(gradcam_colormap_for(info), info->is_signed ? GRADCAM_COLORMAP_BWR : GRADCAM_COLORMAP_TURBO);
    CHECK_INT(gradcam_colormap_for(NULL), GRADCAM_COLORMAP_TURBO);
}

int main(void)
{
    RUN(for_is_red_and_against_is_blue);
    RUN(what_is_outside_is_nothing);
    RUN(a_threshold_is_of_both_sides);
    RUN(several_classes);
    RUN(signed_scales_keep_zero);
    RUN(the_scale_of_pixels_leaves_out_the_highest);
    RUN(places_are_of_what_is_above_0);
    RUN(the_colours_of_methods);
    return end_cases();
}
