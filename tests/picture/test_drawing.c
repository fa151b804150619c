/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Drawings: several classes in their colours, alpha, the same picture from any number of slices, no allocation once
 * warm; pictures side by side; maps joined and mixed; where a map is hot; the steady maps of several targets.
 */
#include "base/enum_names.h"
#include "gradcam_picture.h"
#include "harness.h"
#include "model/counted_alloc.h"

enum { W = 40, H = 24, CELLS = 4 };

static uint8_t pixels[H][W][3], alpha[H][W];

static GradcamPicture rgb_picture(void)
{
    GradcamPicture picture = { W, H, { { 0 } } };
    for (int c = 0; c < 3; c++)
        picture.component[c] = (GradcamComponent){ &pixels[0][0][c], W * 3, 3, W, H, 8, 0 };
    memset(pixels, 100, sizeof(pixels));
    return picture;
}

static GradcamOverlaySettings overlay_look;     // of the settings that look() gave last

static GradcamDrawingSettings look(enum GradcamOutput output)
{
    overlay_look = (GradcamOverlaySettings){
        .opacity = 0.8f, .gamma = 1, .output = output, .model = GRADCAM_COLOR_RGB, .depth = { 8, 8, 8 },
    };
    return (GradcamDrawingSettings){ .overlay = &overlay_look, .alpha_depth = 8 };
}

// Draws `count` maps on a grey picture, into `pixels`.
static int draw(GradcamDrawing *drawing, const GradcamDrawingSettings *settings, const float *maps, size_t count,
                int slices)
{
    const GradcamPicture picture = rgb_picture();
    const GradcamComponent a = { &alpha[0][0], W, 1, W, H, 8, 0 };
    int error = gradcam_drawing_prepare(drawing, settings, maps, count, CELLS, CELLS);
    for (int i = slices - 1; !error && i >= 0; i--)
        error = gradcam_drawing_run(drawing, &picture, &a, NULL, i, slices);
    return error;
}

static GradcamDrawing *create(void)
{
    GradcamDrawing *drawing = NULL;
    if (gradcam_drawing_create(&drawing))
        fail("cannot be created");
    return drawing;
}

// Hot on the left, hot on the right, both: of class 0 and of class 1.
static const float two[2][CELLS][CELLS] = {
    { { 1, 0, 0, 0 }, { 1, 0, 0, 0 }, { 1, 0, 0, 0 }, { 1, 1, 1, 1 } },
    { { 0, 0, 0, 1 }, { 0, 0, 0, 1 }, { 0, 0, 0, 1 }, { 1, 1, 1, 1 } },
};

static void one_class_is_an_overlay(void)
{
    GradcamDrawing *drawing = create();
    GradcamDrawingSettings settings = look(GRADCAM_OUTPUT_OVERLAY);
    GradcamOverlay *overlay = NULL;
    uint8_t got[H][W][3];

    CHECK_INT(draw(drawing, &settings, two[0][0], 1, 1), 0);
    memcpy(got, pixels, sizeof(got));
    const GradcamPicture picture = rgb_picture();
    REQUIRE(!gradcam_overlay_create(&overlay, &overlay_look));
    CHECK_INT(gradcam_overlay_blend(overlay, &picture, two[0][0], CELLS, CELLS, NULL, 0, 1), 0);
    CHECK(!memcmp(got, pixels, sizeof(got)));
    gradcam_overlay_free(&overlay);
    gradcam_drawing_free(&drawing);
}

static void check_pixel(const char *where, const uint8_t got[3], double r, double g, double b)
{
    const double want[3] = { r, g, b };
    for (int c = 0; c < 3; c++)
        if (fabs(got[c] - want[c]) > 1.5)
            fail("%s: component %d is %d, not %.1f", where, c, got[c], want[c]);
}

static void each_class_has_its_colour(void)
{
    static const uint8_t colors[2][3] = { { 255, 0, 0 }, { 0, 0, 255 } };
    GradcamDrawing *drawing = create();
    GradcamDrawingSettings settings = look(GRADCAM_OUTPUT_OVERLAY);

    settings.color = colors;
    settings.colors = 2;
    CHECK_INT(draw(drawing, &settings, two[0][0], 2, 1), 0);
    check_pixel("left", pixels[0][0], 100 + 0.8 * 155, 20, 20);
    check_pixel("right", pixels[0][W - 1], 20, 20, 100 + 0.8 * 155);
    check_pixel("neither", pixels[0][W / 2], 100, 100, 100);
    // Half of 0.8 each, one after the other.
    check_pixel("both", pixels[H - 1][W / 2], (100 * 0.6 + 255 * 0.4) * 0.6, 36, 36 + 255 * 0.4);
    overlay_look.output = GRADCAM_OUTPUT_HEATMAP;
    CHECK_INT(draw(drawing, &settings, two[0][0], 2, 1), 0);
    check_pixel("left of heatmap", pixels[0][0], 255, 0, 0);
    check_pixel("right of heatmap", pixels[0][W - 1], 0, 0, 255);
    check_pixel("neither of heatmap", pixels[0][W / 2], 0, 0, 0);
    gradcam_drawing_free(&drawing);
}

static void colours_are_given_or_the_palette(void)
{
    static const uint8_t colors[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    GradcamDrawingSettings settings = look(GRADCAM_OUTPUT_OVERLAY);

    CHECK(!gradcam_drawing_color(&settings, 0, 1));
    CHECK(gradcam_drawing_color(&settings, 1, 2) == gradcam_palette(1));
    settings.one_colormap = 1;
    CHECK(!gradcam_drawing_color(&settings, 1, 2));
    settings.color = colors;
    settings.colors = 2;
    CHECK(gradcam_drawing_color(&settings, 0, 1) == colors[0]);
    CHECK(gradcam_drawing_color(&settings, 3, 4) == colors[1]);
}

static void a_shared_colormap_shows_the_highest(void)
{
    GradcamDrawing *drawing = create();
    GradcamDrawingSettings settings = look(GRADCAM_OUTPUT_HEATMAP);
    const uint8_t (*turbo)[3] = gradcam_colormap_table(GRADCAM_COLORMAP_TURBO);

    settings.one_colormap = 1;
    CHECK_INT(draw(drawing, &settings, two[0][0], 2, 1), 0);
    CHECK(!memcmp(pixels[0][0], turbo[255], 3) && !memcmp(pixels[0][W - 1], turbo[255], 3));
    CHECK(!memcmp(pixels[0][W / 2], turbo[0], 3));
    overlay_look.output = GRADCAM_OUTPUT_MASK;
    settings.one_colormap = 0;
    CHECK_INT(draw(drawing, &settings, two[0][0], 2, 1), 0);
    check_pixel("mask", pixels[0][W - 1], 255, 255, 255);
    gradcam_drawing_free(&drawing);
}

static void alpha_is_the_weight(void)
{
    GradcamDrawing *drawing = create();
    GradcamDrawingSettings settings = look(GRADCAM_OUTPUT_ALPHA);

    for (size_t count = 1; count <= 2; count++) {
        memset(alpha, 77, sizeof(alpha));
        CHECK_INT(draw(drawing, &settings, two[0][0], count, 1), 0);
        CHECK_INT(alpha[0][0], lrint(0.8 * 255));
        CHECK_INT(alpha[0][W / 2], 0);
        CHECK_INT(alpha[0][W - 1], count == 1 ? 0 : lrint(0.8 * 255));
    }
    CHECK(!memcmp(pixels[0][0], gradcam_palette(0), 3));
    CHECK(!memcmp(pixels[0][W - 1], gradcam_palette(1), 3));
    const GradcamPicture picture = rgb_picture();
    CHECK_INT(gradcam_drawing_run(drawing, &picture, NULL, NULL, 0, 1), -EINVAL);
    settings.alpha_depth = 7;
    CHECK_INT(draw(drawing, &settings, two[0][0], 1, 1), -EINVAL);
    gradcam_drawing_free(&drawing);
}

// In any order, for every output; and once all have been drawn, without memory.
static void slices_make_the_same_picture_without_memory(void)
{
    GradcamDrawing *drawing = create();
    uint8_t whole[H][W][3];

    for (int output = 0; output < GCAM_OUTPUTS; output++) {
        const GradcamDrawingSettings settings = look(output);
        CHECK_INT(draw(drawing, &settings, two[0][0], 2, 1), 0);
        memcpy(whole, pixels, sizeof(whole));
        const long calls = atomic_load(&counted.calls);
        CHECK_INT(draw(drawing, &settings, two[0][0], 2, 2), 0);
        CHECK_INT(atomic_load(&counted.calls) - calls, 0);
        CHECK(!memcmp(whole, pixels, sizeof(whole)));
    }
    gradcam_drawing_free(&drawing);
}

// Each allocation fails once; nothing leaks and the drawing still works.
static void memory_may_be_short(void)
{
    const GradcamDrawingSettings settings = look(GRADCAM_OUTPUT_ALPHA);
    const long before = atomic_load(&counted.living);
    int error = -ENOMEM;

    for (int n = 1; n < 50 && error == -ENOMEM; n++) {
        GradcamDrawing *drawing = NULL;
        atomic_store(&counted.fail_at, atomic_load(&counted.calls) + n);
        error = gradcam_drawing_create(&drawing);
        if (!error)
            error = draw(drawing, &settings, two[0][0], 2, 1);
        atomic_store(&counted.fail_at, 0);
        if (drawing)
            CHECK_INT(draw(drawing, &settings, two[0][0], 2, 1), 0);
        gradcam_drawing_free(&drawing);
        CHECK_INT(atomic_load(&counted.living), before);
    }
    CHECK_INT(error, 0);
}

static void wrong_settings(void)
{
    GradcamDrawing *drawing = create();
    GradcamDrawingSettings settings = look(GRADCAM_OUTPUT_OVERLAY);
    const GradcamPicture picture = rgb_picture();

    CHECK_INT(gradcam_drawing_run(drawing, &picture, NULL, NULL, 0, 1), -EINVAL);
    CHECK_INT(gradcam_drawing_prepare(drawing, &settings, two[0][0], 0, CELLS, CELLS), -EINVAL);
    CHECK_INT(gradcam_drawing_prepare(drawing, &settings, two[0][0], 1, 0, CELLS), -EINVAL);
    overlay_look.opacity = 2;
    CHECK_INT(gradcam_drawing_prepare(drawing, &settings, two[0][0], 1, CELLS, CELLS), -EINVAL);
    settings = look(GCAM_OUTPUTS);
    CHECK_INT(gradcam_drawing_prepare(drawing, &settings, two[0][0], 1, CELLS, CELLS), -EINVAL);
    CHECK_INT(gradcam_drawing_run(drawing, &picture, NULL, NULL, 0, 1), -EINVAL);
    gradcam_drawing_free(&drawing);
    gradcam_drawing_free(&drawing);
}

static void outputs_have_names(void)
{
    for (int i = 0; i < GCAM_OUTPUTS; i++)
        CHECK_INT(gradcam_output_find(gradcam_output_name(i)), i);
    CHECK(!gradcam_output_name(GCAM_OUTPUTS));
    CHECK_INT(gradcam_output_find("left"), -EINVAL);
}

// ------------------------------------------------------------------------------------------------------ side by side

static void a_plane_twice(void)
{
    const uint8_t in[2][4] = { { 1, 2, 3, 9 }, { 4, 5, 6, 9 } };
    uint8_t out[2][8];

    memset(out, 0, sizeof(out));
    gradcam_plane_double(out[0], 8, in[0], 4, 3, 2, 4, 1);
    CHECK(!memcmp(out[0], "\1\2\3\3\1\2\3", 8) && !memcmp(out[1], "\4\5\6\6\4\5\6", 8));
    gradcam_plane_double(out[1], -8, in[0], 4, 2, 2, 4, 2);
    CHECK(!memcmp(out[1], "\1\2\1\2\1\2", 6) && !memcmp(out[0], "\4\5\4\5\4\5", 6));
}

// A picture of 97 pixels, and right of column 98 or 100 another one: chroma samples of 2 or 4 pixels.
static void the_right_one_of_two(void)
{
    for (int shift = 0; shift <= 2; shift++) {
        const int column = (97 + (1 << shift) - 1) >> shift << shift, width = column + 97;
        const int chroma = (width + (1 << shift) - 1) >> shift;
        uint8_t data[1];
        GradcamPicture picture = { width, 8, { { data, 256, 1, width, 8, 8, 0 }, { data, 256, 2, chroma, 8, 8, 0 } } };
        gradcam_picture_right(&picture, column);
        CHECK_INT(picture.width, 97);
        CHECK_INT(picture.component[0].width, 97);
        CHECK_INT(picture.component[0].data - data, column);
        CHECK_INT(picture.component[1].width, (97 + (1 << shift) - 1) >> shift);
        CHECK_INT(picture.component[1].data - data, 2 * (column >> shift));
    }
}

// -------------------------------------------------------------------------------------------------------------- maps

static void maps_are_joined_and_mixed(void)
{
    const float maps[6] = { 0, 1, 0.5f, 0.25f, 0.5f, 0.75f };
    float out[3];

    gradcam_maps_join(maps, 2, 3, out);
    CHECK(out[0] == 0.25f && out[1] == 1 && out[2] == 0.75f);
    gradcam_maps_join(maps, 0, 3, out);
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0);
    gradcam_maps_between(maps, maps + 3, 0.25f, 3, out);
    CHECK(out[0] == 0.0625f && out[1] == 0.875f && out[2] == 0.5625f);
}

static void upsampling_keeps_to_the_range(void)
{
    float map[5 * 5] = { 0 }, out[45 * 45], lines[45 * 45];

    map[2 * 5 + 2] = 0.5f;              // a peak of one cell
    gradcam_map_upsample(map, 5, 5, out, 45 * 45, 45, 45, GRADCAM_UPSAMPLE_BILINEAR);
    gradcam_map_resize(map, 5, 5, lines, 45 * 45, 45, 45);
    CHECK(!memcmp(out, lines, sizeof(out)));
    gradcam_map_upsample(map, 5, 5, out, 45 * 45, 45, 45, GRADCAM_UPSAMPLE_SPLINE);
    CHECK_NEAR(out[22 * 45 + 22], 0.5, 1e-6);                           // middle of its cell
    CHECK_NEAR(out[22 * 45 + 31], 0.5 * 0.25, 1e-6);                    // of the next one
    CHECK_NEAR(out[22 * 45 + 40], 0, 1e-6);
    gradcam_map_upsample(map, 5, 5, out, 45 * 45, 45, 45, GRADCAM_UPSAMPLE_BICUBIC);
    CHECK_NEAR(out[22 * 45 + 22], 0.5, 1e-6);
    CHECK_NEAR(out[22 * 45 + 31], 0, 1e-6);
    for (int i = 0; i < 5 * 5; i++)
        map[i] = (float)(i * 7 % 5) / 4;
    for (int upsample = 0; upsample < GCAM_UPSAMPLES; upsample++) {
        out[0] = 5;
        CHECK_INT(gradcam_map_upsample(map, 5, 5, out, 45 * 45 - 1, 45, 45, upsample), -ENOSPC);
        CHECK_INT(gradcam_map_upsample(map, 5, 5, out, 45 * 45, 45, 0, upsample), -EINVAL);
        CHECK(out[0] == 5);
        gradcam_map_upsample(map, 5, 5, out, 45 * 45, 45, 45, upsample);
        for (int i = 0; i < 45 * 45; i++)
            REQUIRE(out[i] >= 0 && out[i] <= 1);
        CHECK_INT(gradcam_upsample_find(gradcam_upsample_name(upsample)), upsample);
    }
    CHECK(!gradcam_upsample_name(GCAM_UPSAMPLES));
    CHECK_INT(gradcam_map_upsample(map, 5, 5, out, 45 * 45, 45, 45, GCAM_UPSAMPLES), -EINVAL);
    CHECK_INT(gradcam_upsample_find("cubic"), -EINVAL);
}

// Wider than what is enlarged at a time, and smaller than it was.
static void upsampling_to_any_size(void)
{
    static float out[3 * 600];
    const float map[3] = { 0, 1, 0 }, many[12] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

    gradcam_map_upsample(map, 3, 1, out, 3 * 600, 600, 3, GRADCAM_UPSAMPLE_SPLINE);
    for (int x = 0; x < 600; x++) {
        CHECK_NEAR(out[x], out[599 - x], 1e-5);
        CHECK_NEAR(out[x], out[1200 + x], 1e-6);
        if (x > 0 && x < 300)
            REQUIRE(out[x] >= out[x - 1] - 1e-6f);
    }
    gradcam_map_upsample(many, 1, 12, out, 2, 1, 2, GRADCAM_UPSAMPLE_BICUBIC);
    CHECK(out[0] == 1 && out[1] == 1);
}

static void a_place_is_found(void)
{
    const float map[3][4] = { { 0, 0, 0, 0 }, { 0, 0, 0.5f, 0.5f }, { 0, 0, 0, 1 } };
    const float empty[2] = { 0, 0 };
    GradcamPlace place = { 0 };

    CHECK_INT(gradcam_map_place(map[0], 4, 3, 0, &place), 0);
    CHECK_NEAR(place.x, (0.5 * 2.5 + 0.5 * 3.5 + 3.5) / 2 / 4, 1e-9);
    CHECK_NEAR(place.y, (1.5 + 2.5) / 2 / 3, 1e-9);
    CHECK_NEAR(place.peak_x, 3.5 / 4, 1e-9);
    CHECK_NEAR(place.peak_y, 2.5 / 3, 1e-9);
    CHECK(place.box.width == 0);
    CHECK_INT(gradcam_map_place(map[0], 4, 3, 0.3, &place), 0);
    CHECK(place.box.width > 0.3 && place.box.width < 0.8 && place.box.x + place.box.width > 0.99);
    CHECK_INT(gradcam_map_place(empty, 2, 1, 0.3, &place), 0);
    CHECK(isnan(place.x) && isnan(place.y) && place.box.width == 0);
    CHECK_INT(gradcam_map_place(empty, 0, 1, 0.3, &place), -EINVAL);
}

static void places_in_pixels_are_on_the_picture(void)
{
    const GradcamPlace place = { .x = 0.5, .y = 1, .box = { 0.25, 0.5, 0.5, 0.5 } }, nothing = { .x = NAN, .y = NAN };
    const GradcamRegion whole = { 0, 0, 80, 40 }, beyond = { -100, 30, 400, 40 };
    GradcamPixels p = { .size = sizeof(p) };

    gradcam_place_pixels(&place, &whole, 80, 40, &p);
    CHECK(p.boxed && p.x == 20 && p.y == 20 && p.width == 40 && p.height == 20);
    CHECK(p.centred && p.centre_x == 40 && p.centre_y == 39);
    gradcam_place_pixels(&place, &beyond, 80, 40, &p);
    CHECK(p.boxed && p.x == 0 && p.y == 39 && p.width == 80 && p.height == 1);
    CHECK(p.centre_x == 79 && p.centre_y == 39);
    // Too far off for any integer, and nowhere.
    gradcam_place_pixels(&place, &(GradcamRegion){ 1e30, -1e30, 80, 40 }, 80, 40, &p);
    CHECK(p.x == 79 && p.y == 0 && p.width == 1 && p.height == 1 && p.centre_x == 79 && p.centre_y == 0);
    gradcam_place_pixels(&place, &(GradcamRegion){ NAN, 0, 80, 40 }, 80, 40, &p);
    CHECK(p.x == 0 && p.width == 1 && p.centre_x == 0);
    gradcam_place_pixels(&nothing, &whole, 80, 40, &p);
    CHECK(!p.boxed && !p.centred && !p.width && !p.centre_x);
}

// ------------------------------------------------------------------------------------------------------- steady maps

static void each_target_is_steady_on_its_own(void)
{
    const GradcamSteadySettings settings = { .smooth = 1, .scale = GRADCAM_SCALE_FIXED, .high = 4 };
    const float first[2] = { 1, 2 }, second[2] = { 3, 4 };
    GradcamResultMap maps[2] = { { .name = "dog", .map = first }, { .name = "cat", .map = first } };
    GradcamResult result = { .width = 2, .height = 1, .count = 2, .map = maps };
    GradcamSteadies *steadies = NULL;
    const float share = (float)(1 - exp(-1));
    float out[4];

    REQUIRE(!gradcam_steadies_create(&steadies));
    out[0] = 5;
    CHECK_INT(gradcam_steadies_update(steadies, &settings, &result, out, 3), -ENOSPC);
    CHECK(out[0] == 5);
    CHECK_INT(gradcam_steadies_update(steadies, &settings, &result, out, 4), 1);
    CHECK_NEAR(out[3], 2 / 4.f, 1e-6);
    maps[0].map = maps[1].map = second;
    maps[1].name = "bird";
    result.time = 1;
    CHECK_INT(gradcam_steadies_update(steadies, &settings, &result, out, 4), 1);
    CHECK_NEAR(out[0], (1 + 2 * share) / 4, 1e-6);              // on the way
    CHECK_NEAR(out[2], 3 / 4.f, 1e-6);                          // anew
    gradcam_steadies_reset(steadies);
    maps[0].map = first;
    result.time = 2;
    CHECK_INT(gradcam_steadies_update(steadies, &settings, &result, out, 4), 1);
    CHECK_NEAR(out[0], 1 / 4.f, 1e-6);
    result.count = 0;
    CHECK_INT(gradcam_steadies_update(steadies, &settings, &result, out, 4), 0);
    gradcam_steadies_free(&steadies);
}

static void steadies_refuse_wrong_settings(void)
{
    const GradcamSteadySettings wrong = { .scale = GRADCAM_SCALE_FIXED, .low = 1, .high = 1 }, right = { 0 };
    const float map[1] = { 1 };
    const GradcamResultMap maps[1] = { { .name = "dog", .map = map } };
    const GradcamResult result = { .width = 1, .height = 1, .count = 1, .map = maps };
    GradcamSteadies *steadies = NULL;
    float out[1];

    REQUIRE(!gradcam_steadies_create(&steadies));
    CHECK_INT(gradcam_steadies_update(steadies, &wrong, &result, out, 1), -EINVAL);
    CHECK_INT(gradcam_steadies_update(steadies, &right, &result, out, 1), 0);      // constant
    gradcam_steadies_free(&steadies);
}

int main(void)
{
    RUN(one_class_is_an_overlay);
    RUN(each_class_has_its_colour);
    RUN(colours_are_given_or_the_palette);
    RUN(a_shared_colormap_shows_the_highest);
    RUN(alpha_is_the_weight);
    RUN(slices_make_the_same_picture_without_memory);
    RUN(memory_may_be_short);
    RUN(wrong_settings);
    RUN(outputs_have_names);
    RUN(a_plane_twice);
    RUN(the_right_one_of_two);
    RUN(maps_are_joined_and_mixed);
    RUN(upsampling_keeps_to_the_range);
    RUN(upsampling_to_any_size);
    RUN(a_place_is_found);
    RUN(places_in_pixels_are_on_the_picture);
    RUN(each_target_is_steady_on_its_own);
    RUN(steadies_refuse_wrong_settings);
    return end_cases();
}
