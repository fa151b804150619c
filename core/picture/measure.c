/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a map with values in 0..1, or -1..1. Out: where it is hot (centre, peak, box), in parts of the map, and the same
 * in pixels of a picture.
 */
#include "gradcam_picture.h"

#include <errno.h>
#include <math.h>

#include "base/sized.h"

// Maps are enlarged to so many columns and rows to find their boxes.
#define BOX_CELLS 112

static void find_centre(GradcamPlace *place, const float *map, int width, int height)
{
    double sum = 0, x = 0, y = 0;
    for (int j = 0; j < height; j++)
        for (int i = 0; i < width; i++) {
            double m = map[j * width + i] < 0 ? 0 : map[j * width + i];
            sum += m;
            x += m * (i + 0.5);
            y += m * (j + 0.5);
        }
    place->x = sum > 0 ? x / sum / width : NAN;
    place->y = sum > 0 ? y / sum / height : NAN;
}

static void find_peak(GradcamPlace *place, const float *map, int width, int height)
{
    int best = 0;
    for (int i = 1; i < width * height; i++)
        if (map[i] > map[best])
            best = i;
    place->peak_x = (best % width + 0.5) / width;
    place->peak_y = (best / width + 0.5) / height;
}

int gradcam_map_place(const float *map, int width, int height, double share, GradcamPlace *place)
{
    GradcamPlace p = { 0 };
    if (width < 1 || height < 1)
        return -EINVAL;
    find_centre(&p, map, width, height);
    find_peak(&p, map, width, height);
    int found = 0;
    if (!isnan(p.x) && share > 0)
        found = gradcam_map_box(map, width, height, BOX_CELLS, BOX_CELLS, (float)share, &p.box);
    GCAM_GIVE(place, p);
    return found < 0 ? found : 0;
}

// A whole number that may be too large for an int, or NaN: least.
static int clip(double v, int least, int most)
{
    return !(v > least) ? least : v > most ? most : (int)v;
}

void gradcam_place_pixels(const GradcamPlace *place, const GradcamRegion *region, int width, int height,
                          GradcamPixels *pixels)
{
    GradcamPlace own;
    GCAM_TAKE(own, place);
    place = &own;
    const GradcamRegion *box = &place->box, *r = region;
    double left = r->x + box->x * r->width, top = r->y + box->y * r->height;
    GradcamPixels p = { .boxed = box->width > 0, .centred = !isnan(place->x) };
    if (p.boxed) {
        p.x = clip(rint(left), 0, width - 1);
        p.y = clip(rint(top), 0, height - 1);
        p.width = clip(rint(left + box->width * r->width), p.x + 1, width) - p.x;
        p.height = clip(rint(top + box->height * r->height), p.y + 1, height) - p.y;
    }
    if (p.centred) {
        p.centre_x = clip(floor(r->x + place->x * r->width), 0, width - 1);
        p.centre_y = clip(floor(r->y + place->y * r->height), 0, height - 1);
    }
    GCAM_GIVE(pixels, p);
}
