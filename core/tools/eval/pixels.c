/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Does the map lie on the thing's own pixels? In: a map and masks. Out: how many of its pixels reach each threshold, on
 * the thing and beside it; results.c makes an average precision of those of all pictures.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tools/picture.h"
#include "measure.h"

enum { PIXELS = PIXEL_SIZE * PIXEL_SIZE, IS_ON = 1, IS_IGNORED = 2 };

// Sets a bit of the pixels where the picture is brighter than half: the nearest one above and to the left counts.
static int read_mask(const char *path, uint8_t bit, uint8_t *marks)
{
    AVFrame *frame = NULL, *rgb = NULL;
    int status = picture_read(&frame, path);

    if (!status)
        status = picture_to_rgb8(&rgb, frame, path);
    for (int at = 0; !status && at < PIXELS; at++) {
        const int x = at % PIXEL_SIZE * rgb->width / PIXEL_SIZE, y = at / PIXEL_SIZE * rgb->height / PIXEL_SIZE;
        if (rgb->data[0][y * rgb->linesize[0] + 3 * x + 1] > 127)
            marks[at] |= bit;
    }
    av_frame_free(&frame);
    av_frame_free(&rgb);
    return status;
}

static int read_masks(const Item *item, uint8_t *marks)
{
    int status = 0;

    for (size_t i = 0; i < item->masks && !status; i++)
        status = read_mask(item->mask[i], IS_ON, marks);
    return status || !item->ignore ? status : read_mask(item->ignore, IS_IGNORED, marks);
}

static void count_pixels(const float *map, const uint8_t *marks, PixelCounts *counts)
{
    for (int at = 0; at < PIXELS; at++) {
        const int t = (int)(fminf(fmaxf(map[at], 0), 1) * (THRESHOLDS - 1));
        if (marks[at] & IS_ON)
            counts->on[t]++;
        else if (!(marks[at] & IS_IGNORED))
            counts->off[t]++;
    }
}

static int fill(Subject *s, const MeasureSettings *settings, void *record, int *found)
{
    float *map = malloc(PIXELS * sizeof(*map));
    uint8_t *marks = calloc(PIXELS, 1);
    int error = map && marks ? 0 : -ENOMEM;

    (void)settings;
    if (!error)
        *found = !read_masks(s->item, marks);
    if (!error && *found)
        error = gradcam_map_upsample(s->map, s->columns, s->rows, map, PIXELS, PIXEL_SIZE, PIXEL_SIZE,
                                     GRADCAM_UPSAMPLE_BICUBIC);
    if (!error && *found) {
        gradcam_map_normalize(map, PIXELS);
        count_pixels(map, marks, record);
    }
    free(map);
    free(marks);
    return error;
}

const Measure measure_pxap = {
    .name = "pxap", .summary = "average precision of the map's pixels by the masks, over all pictures' pixels together",
    .better = 1, .reference = "Choe et al. 2020", .needs = NEEDS_CLASS | NEEDS_MASK, .reduce = REDUCE_PRECISION,
    .fill = fill,
};
