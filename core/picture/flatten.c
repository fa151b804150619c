/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture with alpha. Out: what is seen of it on even grey.
 */
#include <errno.h>

#include "blend.h"
#include "gradcam_picture.h"
#include "picture.h"

#define GREY 128                // of 255, sRGB

static unsigned read_sample(const GradcamComponent *c, const uint8_t *row, int x)
{
    const uint8_t *at = row + (ptrdiff_t)x * c->step;

    return (c->depth > 8 ? *(const uint16_t *)at : *at) >> c->shift & ((1U << c->depth) - 1);
}

static void write_sample(const GradcamComponent *c, uint8_t *row, int x, unsigned value)
{
    uint8_t *at = row + (ptrdiff_t)x * c->step;

    if (c->depth > 8)
        *(uint16_t *)at = (uint16_t)(value << c->shift);
    else
        *at = (uint8_t)value;
}

// The pixels that the sample at `at` of `samples` stands for.
static void find_pixels(int at, int samples, int pixels, int *begin, int *end)
{
    int each = 1;

    while ((pixels + each - 1) / each > samples)
        each *= 2;
    *begin = at * each < pixels ? at * each : pixels - 1;
    *end = *begin + each < pixels ? *begin + each : pixels;
}

// Of a block of pixels.
static uint64_t sum_alpha(const GradcamComponent *alpha, int x0, int x1, int y0, int y1)
{
    uint64_t sum = 0;

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            sum += read_sample(alpha, alpha->data + y * alpha->stride, x);
    return sum;
}

static void flatten_component(const GradcamComponent *c, const GradcamComponent *alpha, unsigned grey)
{
    const unsigned most = (1U << alpha->depth) - 1;

    for (int y = 0; y < c->height; y++) {
        uint8_t *row = c->data + y * c->stride;
        int y0, y1;
        find_pixels(y, c->height, alpha->height, &y0, &y1);
        for (int x = 0; x < c->width; x++) {
            int x0, x1;
            find_pixels(x, c->width, alpha->width, &x0, &x1);
            const uint64_t whole = (uint64_t)most * (uint64_t)((x1 - x0) * (y1 - y0));
            const uint64_t share = sum_alpha(alpha, x0, x1, y0, y1);
            const uint64_t value = read_sample(c, row, x) * share + grey * (whole - share);
            write_sample(c, row, x, (unsigned)((value + whole / 2) / whole));
        }
    }
}

int gradcam_picture_is_opaque(const GradcamComponent *alpha)
{
    if (!alpha || !alpha->data || !gcam_component_valid(alpha))
        return -EINVAL;
    const unsigned most = (1U << alpha->depth) - 1;
    for (int y = 0; y < alpha->height; y++)
        for (int x = 0; x < alpha->width; x++)
            if (read_sample(alpha, alpha->data + y * alpha->stride, x) != most)
                return 0;
    return 1;
}

int gradcam_picture_flatten(const GradcamPicture *picture, const GradcamComponent *alpha,
                            const GradcamOverlaySettings *settings)
{
    uint16_t grey[3];
    const int error = gcam_overlay_code(settings, GREY, grey);

    if (error || !picture || !alpha || !alpha->data || !gcam_component_valid(alpha) || alpha->width != picture->width ||
        alpha->height != picture->height)
        return -EINVAL;
    const int components = settings->model == GRADCAM_COLOR_GRAY ? 1 : 3;
    for (int i = 0; i < components; i++) {
        const GradcamComponent *c = &picture->component[i];
        if (!c->data || !gcam_component_valid(c) || c->width > picture->width || c->height > picture->height)
            return -EINVAL;
    }
    for (int i = 0; i < components; i++)
        flatten_component(&picture->component[i], alpha, grey[i]);
    return 0;
}
