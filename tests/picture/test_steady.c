/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Smoothing and scaling over time.
 */
#include "base/enum_names.h"
#include "gradcam_picture.h"
#include "harness.h"

#include <errno.h>

static GradcamSteady *create(double smooth, enum GradcamScale scale)
{
    GradcamSteadySettings settings = { .smooth = smooth, .scale = scale, .release = 1, .low = 1, .high = 3 };
    GradcamSteady *steady = NULL;
    if (gradcam_steady_create(&steady, &settings))
        fail("cannot be created");
    return steady;
}

// After one time constant 1 - 1/e of a step is reached, whatever the distance of the maps.
static void smoothing_is_a_time_constant(void)
{
    for (int steps = 1; steps <= 64; steps *= 4) {
        GradcamSteady *steady = create(0.5, GRADCAM_SCALE_FIXED);
        float low[2] = { 1, 1 }, high[2] = { 3, 1 }, out[2];
        gradcam_steady_update(steady, low, 2, 0, out);
        for (int i = 1; i <= steps; i++)
            gradcam_steady_update(steady, high, 2, 0.5 * i / steps, out);
        CHECK_NEAR(out[0], 1 - exp(-1), 1e-5);
        CHECK_NEAR(out[1], 0, 1e-6);
        gradcam_steady_free(&steady);
    }
}

static void running_scale_rises_at_once_and_falls_slowly(void)
{
    GradcamSteady *steady = create(0, GRADCAM_SCALE_RUNNING);
    float weak[2] = { 0, 1 }, strong[2] = { 0, 4 }, out[2];
    gradcam_steady_update(steady, weak, 2, 0, out);
    CHECK_NEAR(out[1], 1, 1e-6);
    gradcam_steady_update(steady, strong, 2, 0.1, out);
    CHECK_NEAR(out[1], 1, 1e-6);
    gradcam_steady_update(steady, weak, 2, 0.2, out);
    CHECK_NEAR(out[1], 1 / (1 + 3 * exp(-0.1)), 1e-5);
    gradcam_steady_update(steady, weak, 2, 60, out);
    CHECK_NEAR(out[1], 1, 1e-5);
    gradcam_steady_free(&steady);
}

// A running maximum fallen so far that its inverse is no number any more; floats further apart than one reaches.
static void what_comes_out_is_finite(void)
{
    GradcamSteady *steady = create(0, GRADCAM_SCALE_RUNNING);
    float heat[2] = { 0, 4 }, none[2] = { 0, 0 }, out[2];
    gradcam_steady_update(steady, heat, 2, 0, out);
    CHECK_INT(gradcam_steady_update(steady, none, 2, 720, out), 0);
    CHECK(out[0] == 0 && out[1] == 0);
    gradcam_steady_free(&steady);

    float far[3] = { -3e38f, 0, 3e38f }, near[3] = { 3e38f, 0, -3e38f }, both[3];
    steady = create(1, GRADCAM_SCALE_FRAME);
    gradcam_steady_update(steady, far, 3, 0, both);
    CHECK(both[0] == 0 && both[1] == 0.5f && both[2] == 1);
    gradcam_steady_update(steady, near, 3, 9, both);
    CHECK(both[0] == 1 && both[1] == 0.5f && both[2] == 0);
    gradcam_steady_free(&steady);

    GradcamSteadySettings endless = { .scale = GRADCAM_SCALE_FIXED, .low = -INFINITY, .high = 1 };
    CHECK_INT(gradcam_steady_create(&steady, &endless), -EINVAL);
    endless = (GradcamSteadySettings){ .smooth = INFINITY };
    CHECK_INT(gradcam_steady_create(&steady, &endless), -EINVAL);
}

static void frame_scale_is_min_max(void)
{
    GradcamSteady *steady = create(0, GRADCAM_SCALE_FRAME);
    float map[3] = { 2, 3, 6 }, want[3] = { 2, 3, 6 }, flat[3] = { 2, 2, 2 }, out[3];
    gradcam_map_normalize(want, 3);
    CHECK_INT(gradcam_steady_update(steady, map, 3, 0, out), 1);
    check_floats("map", out, want, 3, 0, 0);
    CHECK_INT(gradcam_steady_update(steady, flat, 3, 1, out), 0);
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0);
    gradcam_steady_free(&steady);
}

static void starts_anew(void)
{
    GradcamSteady *steady = create(10, GRADCAM_SCALE_FIXED);
    float a[2] = { 1, 3 }, b[2] = { 3, 1 }, c[3] = { 3, 3, 3 }, out[3];
    gradcam_steady_update(steady, a, 2, 5, out);
    gradcam_steady_update(steady, b, 2, 5.01, out);
    CHECK(out[0] < 0.01);                       // still the old one
    gradcam_steady_reset(steady);
    gradcam_steady_update(steady, b, 2, 5.02, out);
    CHECK(out[0] == 1 && out[1] == 0);
    gradcam_steady_update(steady, a, 2, 4, out);        // time goes back
    CHECK(out[0] == 0 && out[1] == 1);
    gradcam_steady_update(steady, c, 3, 4.1, out);      // another size
    CHECK(out[0] == 1 && out[2] == 1);
    gradcam_steady_free(&steady);
}

static void bad_settings_and_values(void)
{
    GradcamSteadySettings range = { .scale = GRADCAM_SCALE_FIXED, .low = 1, .high = 1 }, time = { .smooth = -1 };
    GradcamSteady *steady = (GradcamSteady *)&range;
    CHECK_INT(gradcam_steady_create(&steady, &range), -EINVAL);
    CHECK(!steady);
    CHECK_INT(gradcam_steady_create(&steady, &time), -EINVAL);
    steady = create(1, GRADCAM_SCALE_RUNNING);
    float map[2] = { NAN, 1 }, out[2];
    gradcam_steady_update(steady, map, 2, 0, out);
    CHECK(out[0] == 0 && out[1] == 1);
    gradcam_steady_update(steady, map, 2, NAN, out);
    CHECK(out[0] == 0 && out[1] == 1);
    gradcam_steady_free(&steady);
    for (int i = 0; i < GCAM_SCALES; i++)
        CHECK_INT(gradcam_scale_find(gradcam_scale_name(i)), i);
    CHECK_INT(gradcam_scale_find("nothing"), -EINVAL);
}

int main(void)
{
    RUN(smoothing_is_a_time_constant);
    RUN(running_scale_rises_at_once_and_falls_slowly);
    RUN(what_comes_out_is_finite);
    RUN(frame_scale_is_min_max);
    RUN(starts_anew);
    RUN(bad_settings_and_values);
    return end_cases();
}
