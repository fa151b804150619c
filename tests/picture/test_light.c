/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Colours of HDR and of wide gamuts. The values were computed apart from the library, from the formulas of ITU-R
 * BT.2100 and the matrix of BT.2087; white is that of BT.2408: 58 % of PQ, 75 % of HLG.
 */
#include "gradcam_picture.h"
#include "harness.h"

#include <errno.h>

enum { SIZE = 8 };

typedef struct Canvas {
    uint16_t sample[3][SIZE * SIZE];
    GradcamPicture picture;
} Canvas;

// A picture of 10 bits in 4:4:4, in one colour.
static void make_canvas(Canvas *canvas, const int code[3])
{
    canvas->picture = (GradcamPicture){ .width = SIZE, .height = SIZE };
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < SIZE * SIZE; i++)
            canvas->sample[c][i] = (uint16_t)code[c];
        canvas->picture.component[c] = (GradcamComponent){
            (uint8_t *)canvas->sample[c], SIZE * 2, 2, SIZE, SIZE, 10, 0
        };
    }
}

typedef struct Case {
    const char *name;
    enum GradcamTransfer transfer;
    enum GradcamPrimaries primaries;
    enum GradcamColorModel model;
    uint8_t srgb[3];
    double code[3];             // of 10 bits, of YUV in limited range
} Case;

static const Case cases[] = {
    { "white, PQ", GRADCAM_TRANSFER_PQ, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_YUV, { 255, 255, 255 },
      { 572.7, 512, 512 } },
    { "white, HLG", GRADCAM_TRANSFER_HLG, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_YUV, { 255, 255, 255 },
      { 720.9, 512, 512 } },
    { "white, PQ, RGB", GRADCAM_TRANSFER_PQ, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_RGB, { 255, 255, 255 },
      { 594.0, 594.0, 594.0 } },
    { "white, PQ of BT.709", GRADCAM_TRANSFER_PQ, GRADCAM_PRIMARIES_BT709, GRADCAM_COLOR_RGB, { 255, 255, 255 },
      { 594.0, 594.0, 594.0 } },
    { "red, PQ", GRADCAM_TRANSFER_PQ, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_RGB, { 255, 0, 0 },
      { 544.8, 334.5, 225.1 } },
    { "red, PQ, YUV", GRADCAM_TRANSFER_PQ, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_YUV, { 255, 0, 0 },
      { 392.2, 438.4, 607.9 } },
    { "red, HLG", GRADCAM_TRANSFER_HLG, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_RGB, { 255, 0, 0 },
      { 724.8, 272.7, 132.8 } },
    { "blue, HLG, YUV", GRADCAM_TRANSFER_HLG, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_YUV, { 0, 0, 255 },
      { 229.6, 809.3, 537.4 } },
    { "red, SDR of BT.2020", GRADCAM_TRANSFER_SDR, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_RGB, { 255, 0, 0 },
      { 832.5, 298.2, 138.4 } },
    { "blue, SDR of BT.2020", GRADCAM_TRANSFER_SDR, GRADCAM_PRIMARIES_BT2020, GRADCAM_COLOR_RGB, { 0, 0, 255 },
      { 235.5, 110.8, 974.5 } },
    { "red, SDR", GRADCAM_TRANSFER_SDR, GRADCAM_PRIMARIES_BT709, GRADCAM_COLOR_RGB, { 255, 0, 0 }, { 1023, 0, 0 } },
    { "mid grey, linear", GRADCAM_TRANSFER_LINEAR, GRADCAM_PRIMARIES_BT709, GRADCAM_COLOR_RGB, { 188, 188, 188 },
      { 514.1, 514.1, 514.1 } },
};

// A map of ones, drawn at full weight in the colour.
static void draw(Canvas *canvas, const Case *c, enum GradcamOutput output)
{
    const float one = 1;
    uint8_t table[256][3];
    GradcamOverlaySettings settings = {
        .size = sizeof(settings), .table = (const uint8_t (*)[3])table, .blend = GRADCAM_BLEND_FLAT, .output = output,
        .opacity = 1, .gamma = 1, .model = c->model, .matrix = GRADCAM_MATRIX_BT2020, .depth = { 10, 10, 10 },
        .transfer = c->transfer, .primaries = c->primaries
    };
    GradcamOverlay *overlay;

    for (int i = 0; i < 256; i++)
        memcpy(table[i], c->srgb, 3);
    if (gradcam_overlay_create(&overlay, &settings)) {
        fail("no overlay");
        return;
    }
    CHECK_INT(gradcam_overlay_blend(overlay, &canvas->picture, &one, 1, 1, NULL, 0, 1), 0);
    gradcam_overlay_free(&overlay);
}

static void colours_are_drawn_in_the_pictures_light(void)
{
    const int black[3] = { 64, 512, 512 };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const Case *c = &cases[i];
        Canvas canvas;
        make_canvas(&canvas, black);
        draw(&canvas, c, GRADCAM_OUTPUT_HEATMAP);
        for (int k = 0; k < 3; k++)
            if (fabs(canvas.sample[k][0] - c->code[k]) > 1)
                fail("%s: component %d is %d, not %.1f", c->name, k, canvas.sample[k][0], c->code[k]);
    }
}

static void a_mask_is_white_at_graphics_white(void)
{
    const int black[3] = { 64, 512, 512 };
    Canvas canvas;

    make_canvas(&canvas, black);
    draw(&canvas, &cases[0], GRADCAM_OUTPUT_MASK);
    CHECK_INT(canvas.sample[0][0], 573);
    CHECK_INT(canvas.sample[1][0], 512);
}

static void look(const Canvas *canvas, const Case *c, int gray, uint8_t *out)
{
    GradcamResizerSettings settings = {
        .size = sizeof(settings), .picture = canvas->picture, .model = c->model, .matrix = GRADCAM_MATRIX_BT2020,
        .region = { 0, 0, SIZE, SIZE }, .width = 4, .height = 4, .gray = gray, .transfer = c->transfer,
        .primaries = c->primaries
    };
    GradcamResizer *resizer;

    if (gradcam_resizer_create(&resizer, &settings)) {
        fail("no resizer");
        return;
    }
    CHECK_INT(gradcam_resizer_run(resizer, &canvas->picture, out, gray ? 4 : 12), 0);
    gradcam_resizer_free(&resizer);
}

static void networks_see_what_sdr_would_show(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const Case *c = &cases[i];
        const int code[3] = { (int)lrint(c->code[0]), (int)lrint(c->code[1]), (int)lrint(c->code[2]) };
        uint8_t rgb[48], gray[16];
        Canvas canvas;
        make_canvas(&canvas, code);
        look(&canvas, c, 0, rgb);
        for (int k = 0; k < 3; k++)
            // Codes of 10 bits are coarse where the light of one colour is next to nothing beside another's.
            if (abs(rgb[k] - c->srgb[k]) > (c->srgb[k] ? 2 : 24) || rgb[k] != rgb[45 + k])
                fail("%s: %d, %d, %d", c->name, rgb[0], rgb[1], rgb[2]);
        look(&canvas, c, 1, gray);
        if (c->srgb[0] == c->srgb[1] && c->srgb[1] == c->srgb[2] && abs(gray[0] - c->srgb[0]) > 1)
            fail("%s: grey %d", c->name, gray[0]);
    }
}

static void what_is_brighter_than_white_is_white(void)
{
    const int code[3] = { 800, 512, 512 };      // some 1,600 cd/m2
    uint8_t rgb[48];
    Canvas canvas;

    make_canvas(&canvas, code);
    look(&canvas, &cases[0], 0, rgb);
    CHECK_INT(rgb[0], 255);
    CHECK_INT(rgb[1], 255);
    CHECK_INT(rgb[2], 255);
}

static void greys_by_hand(void)
{
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_PQ, 0.580689), 1, 1e-4);
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_PQ, 0.5), 0.704492, 1e-5);
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_PQ, 0.9), 1, 1e-9);
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_HLG, 0.5), 0.536841, 1e-5);
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_HLG, 0.75), 1, 1e-3);
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_SDR, 0.3), 0.3, 1e-9);
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_LINEAR, 0.5), 0.735357, 1e-5);
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_PQ, NAN), 0, 1e-9);
    CHECK_NEAR(gradcam_transfer_to_sdr((enum GradcamTransfer)9, 0.5), 0, 1e-9);
}

static void names_and_refusals(void)
{
    const GradcamOverlaySettings wrong = { .size = sizeof(wrong), .transfer = (enum GradcamTransfer)4 };
    const GradcamOverlaySettings also = { .size = sizeof(also), .primaries = (enum GradcamPrimaries)3 };
    GradcamOverlay *overlay;

    for (int i = 0; i < 4; i++)
        CHECK_INT(gradcam_transfer_find(gradcam_transfer_name(i)), i);
    for (int i = 0; i < 3; i++)
        CHECK_INT(gradcam_primaries_find(gradcam_primaries_name(i)), i);
    CHECK(!gradcam_transfer_name(4) && !gradcam_primaries_name(3));
    CHECK_INT(gradcam_transfer_find("gamma"), -EINVAL);
    CHECK_INT(gradcam_primaries_find(NULL), -EINVAL);
    CHECK_INT(gradcam_overlay_create(&overlay, &wrong), -EINVAL);
    CHECK_INT(gradcam_overlay_create(&overlay, &also), -EINVAL);
}

int main(void)
{
    RUN(colours_are_drawn_in_the_pictures_light);
    RUN(a_mask_is_white_at_graphics_white);
    RUN(networks_see_what_sdr_would_show);
    RUN(what_is_brighter_than_white_is_white);
    RUN(greys_by_hand);
    RUN(names_and_refusals);
    return end_cases();
}
