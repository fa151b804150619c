/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes of maps.
 */
#include "gradcam_picture.h"
#include "harness.h"

#include <errno.h>

static void check_box(const char *what, const float *map, int width, int height, double x, double y, double w, double h)
{
    GradcamRegion box = { 0 };
    int found = gradcam_map_box(map, width, height, width, height, 0.15f, &box);
    if (found != 1 || fabs(box.x - x / width) > 1e-9 || fabs(box.y - y / height) > 1e-9 ||
        fabs(box.width - w / width) > 1e-9 || fabs(box.height - h / height) > 1e-9)
        fail("%s: found %d, box %g %g %g %g", what, found, box.x * width, box.y * height, box.width * width,
             box.height * height);
}

static void takes_the_largest_part(void)
{
    float map[8 * 6] = { 0 };
    map[0] = 10;                                // hot, but small
    for (int y = 2; y < 5; y++)
        for (int x = 3; x < 7; x++)
            map[8 * y + x] = 2;
    map[8 * 4 + 3] = 0.1f;                      // too cold
    check_box("largest", map, 8, 6, 3, 2, 4, 3);
}

static void corners_touch_and_ties_go_to_the_sum(void)
{
    float map[8 * 4] = { 0 };
    map[8 * 0 + 0] = map[8 * 1 + 1] = map[8 * 2 + 2] = 1;        // connected by corners
    check_box("diagonal", map, 8, 4, 0, 0, 3, 3);
    map[8 * 0 + 5] = map[8 * 0 + 6] = map[8 * 0 + 7] = 2;
    check_box("tie", map, 8, 4, 5, 0, 3, 1);
}

static void enlarges_first(void)
{
    float map[3 * 3] = { 0, 0, 0, 0, 1, 0, 0, 0, 0 };
    GradcamRegion box;
    CHECK_INT(gradcam_map_box(map, 3, 3, 300, 300, 0.5f, &box), 1);
    CHECK_NEAR(box.x + box.width / 2, 0.5, 0.005);
    CHECK(box.width > 0.2 && box.width < 0.5);
}

static void empty_and_wrong(void)
{
    float map[4] = { 0, 0, 0, 0 }, bad[4] = { NAN, 0, 0, 0 };
    GradcamRegion box;
    CHECK_INT(gradcam_map_box(map, 2, 2, 8, 8, 0.15f, &box), 0);
    CHECK(gradcam_map_box(bad, 2, 2, 8, 8, 0.15f, &box) <= 1);
    CHECK_INT(gradcam_map_box(map, 2, 2, 0, 8, 0.15f, &box), -EINVAL);
    CHECK_INT(gradcam_map_box(map, 2, 2, 8, 5000, 0.15f, &box), -EINVAL);
}

int main(void)
{
    RUN(takes_the_largest_part);
    RUN(corners_touch_and_ties_go_to_the_sum);
    RUN(enlarges_first);
    RUN(empty_and_wrong);
    return end_cases();
}
