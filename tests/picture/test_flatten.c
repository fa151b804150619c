/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures with alpha over even grey.
 */
#include "gradcam_picture.h"
#include "harness.h"

#include <errno.h>

static GradcamOverlaySettings settings_of(enum GradcamColorModel model, int depth)
{
    return (GradcamOverlaySettings){ .size = sizeof(GradcamOverlaySettings), .model = model,
                                     .depth = { depth, depth, depth } };
}

// R, G, B, A of 8 bits, interleaved, in a picture of 3 x 1.
static void values_by_hand(void)
{
    uint8_t rgba[12] = { 200, 0, 255, 255, 200, 0, 255, 0, 200, 0, 255, 128 };
    const uint8_t want[12] = { 200, 0, 255, 255, 128, 128, 128, 0, 164, 64, 192, 128 };
    const GradcamComponent alpha = { rgba + 3, 12, 4, 3, 1, 8, 0 };
    const GradcamOverlaySettings settings = settings_of(GRADCAM_COLOR_RGB, 8);
    GradcamPicture picture = { .width = 3, .height = 1 };

    for (int c = 0; c < 3; c++)
        picture.component[c] = (GradcamComponent){ rgba + c, 12, 4, 3, 1, 8, 0 };
    CHECK_INT(gradcam_picture_is_opaque(&alpha), 0);
    CHECK_INT(gradcam_picture_flatten(&picture, &alpha, &settings), 0);
    for (int i = 0; i < 12; i++)
        if (rgba[i] != want[i])
            fail("byte %d is %d, not %d", i, rgba[i], want[i]);
    rgba[7] = rgba[11] = 255;
    CHECK_INT(gradcam_picture_is_opaque(&alpha), 1);
}

// 4:2:0 of 10 bits in 3 x 3: a sample of chroma has the mean of the alpha of its pixels, of those that there are.
static void chroma_has_the_mean_alpha(void)
{
    uint16_t y[9], u[4] = { 912, 912, 912, 912 }, v[4] = { 112, 112, 112, 112 };
    uint16_t a[9] = { 1023, 0, 1023, 0, 0, 0, 1023, 1023, 0 };
    const GradcamComponent alpha = { (uint8_t *)a, 6, 2, 3, 3, 10, 0 };
    const GradcamOverlaySettings settings = settings_of(GRADCAM_COLOR_YUV, 10);
    GradcamPicture picture = { 3, 3, { { (uint8_t *)y, 6, 2, 3, 3, 10, 0 }, { (uint8_t *)u, 4, 2, 2, 2, 10, 0 },
                                       { (uint8_t *)v, 4, 2, 2, 2, 10, 0 } } };

    for (int i = 0; i < 9; i++)
        y[i] = 900;
    CHECK_INT(gradcam_picture_flatten(&picture, &alpha, &settings), 0);
    for (int i = 0; i < 9; i++)
        CHECK_INT(y[i], a[i] ? 900 : 504);      // 64 + 876 * 128 / 255
    CHECK_INT(u[0], 612);                       // a quarter of the way from 512 to 912
    CHECK_INT(u[1], 712);                       // two pixels, one of them seen
    CHECK_INT(u[2], 912);
    CHECK_INT(u[3], 512);
    CHECK_INT(v[0], 412);
}

static void grey_of_hdr_is_the_same_grey(void)
{
    uint16_t y[1] = { 900 }, a[1] = { 0 };
    const GradcamComponent alpha = { (uint8_t *)a, 2, 2, 1, 1, 10, 0 };
    GradcamOverlaySettings settings = settings_of(GRADCAM_COLOR_GRAY, 10);
    GradcamPicture picture = { 1, 1, { { (uint8_t *)y, 2, 2, 1, 1, 10, 0 } } };

    settings.full_range = 1;
    settings.transfer = GRADCAM_TRANSFER_PQ;
    CHECK_INT(gradcam_picture_flatten(&picture, &alpha, &settings), 0);
    CHECK_NEAR(gradcam_transfer_to_sdr(GRADCAM_TRANSFER_PQ, y[0] / 1023.0), 128 / 255.0, 2e-3);
}

static void what_does_not_fit_is_refused(void)
{
    uint8_t rgba[16] = { 0 };
    const GradcamComponent alpha = { rgba + 3, 8, 4, 2, 2, 8, 0 }, small = { rgba + 3, 8, 4, 1, 2, 8, 0 };
    const GradcamComponent none = { NULL, 8, 4, 2, 2, 8, 0 };
    const GradcamOverlaySettings settings = settings_of(GRADCAM_COLOR_GRAY, 8);
    GradcamPicture picture = { 2, 2, { { rgba, 8, 4, 2, 2, 8, 0 } } };

    CHECK_INT(gradcam_picture_flatten(&picture, &small, &settings), -EINVAL);
    CHECK_INT(gradcam_picture_flatten(&picture, &none, &settings), -EINVAL);
    CHECK_INT(gradcam_picture_flatten(&picture, NULL, &settings), -EINVAL);
    CHECK_INT(gradcam_picture_flatten(NULL, &alpha, &settings), -EINVAL);
    CHECK_INT(gradcam_picture_flatten(&picture, &alpha, NULL), -EINVAL);
    CHECK_INT(gradcam_picture_is_opaque(NULL), -EINVAL);
    picture.component[0].depth = 7;
    CHECK_INT(gradcam_picture_flatten(&picture, &alpha, &settings), -EINVAL);
}

int main(void)
{
    RUN(values_by_hand);
    RUN(chroma_has_the_mean_alpha);
    RUN(grey_of_hdr_is_the_same_grey);
    RUN(what_does_not_fit_is_refused);
    return end_cases();
}
