/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps carried by motion vectors: a hot spot must follow a known movement.
 */
#include "gradcam_motion.h"
#include "harness.h"

#include <errno.h>

enum { WIDTH = 320, HEIGHT = 180, COLUMNS = 40, ROWS = 23, MAP = 10, ACROSS = 14, MOST_CELLS = ACROSS * ACROSS };

// Vectors of blocks of 8 x 8: all content came from (dx, dy) away.
static size_t uniform(GradcamMotionVector *v, float dx, float dy, int future)
{
    size_t n = 0;
    for (int y = 0; y < HEIGHT; y += 8)
        for (int x = 0; x < WIDTH; x += 8)
            v[n++] = (GradcamMotionVector){ x, y, 8, 8, dx, dy, future };
    return n;
}

static float spot[MAP * MAP];
static GradcamMotionVector vectors[2 * WIDTH * HEIGHT / 64 + 2 * WIDTH];

// Where a cell of a moved map is, in pixels.
static double place_x(int i)
{
    return (i % COLUMNS + 0.5) * WIDTH / COLUMNS;
}

static double place_y(int i)
{
    return (i / COLUMNS + 0.5) * HEIGHT / ROWS;
}

// Centre of mass of a map, in pixels.
static void centre_of(const float *moved, double *x, double *y)
{
    double sum = 0;
    *x = *y = 0;
    for (int i = 0; i < COLUMNS * ROWS; i++) {
        sum += moved[i];
        *x += moved[i] * place_x(i);
        *y += moved[i] * place_y(i);
    }
    *x /= sum;
    *y /= sum;
}

// Of a map moved along a way; NULL: that of the newest frame.
static void centroid(GradcamMotion *motion, const GradcamShift *way, const float *map, double *x, double *y)
{
    float out[COLUMNS * ROWS];
    CHECK_INT(gradcam_motion_apply(motion, way, map, MAP, MAP, NULL, out, COLUMNS * ROWS), 0);
    centre_of(out, x, y);
}

static void make_key(GradcamMotion *motion)
{
    gradcam_motion_key(motion, spot, MAP, MAP, NULL);
}

// A round spot, two cells of the map in radius, with its centre there.
static void put_spot(double x, double y)
{
    for (int i = 0; i < MAP * MAP; i++) {
        double u = i % MAP + 0.5 - x * MAP / WIDTH, v = i / MAP + 0.5 - y * MAP / HEIGHT;
        double near = fmax(1 - (u * u + v * v) / 4, 0);
        spot[i] = (float)(near * near);
    }
}

static GradcamMotion *create(void)
{
    GradcamMotion *motion = NULL;
    int width, height;
    if (gradcam_motion_create(&motion, WIDTH, HEIGHT))
        fail("cannot be created");
    gradcam_motion_size(motion, &width, &height);
    CHECK_INT(width, COLUMNS);
    CHECK_INT(height, ROWS);
    CHECK(gradcam_motion_way_count(motion) <= MOST_CELLS);
    put_spot(3.5 * WIDTH / MAP, 4.5 * HEIGHT / MAP);
    return motion;
}

static void check_moved(const char *what, GradcamMotion *motion, double x0, double y0, double dx, double dy)
{
    double x, y;
    centroid(motion, NULL, spot, &x, &y);
    if (!(fabs(x - x0 - dx) < 3 && fabs(y - y0 - dy) < 3))
        fail("%s: moved by %.1f, %.1f instead of %.1f, %.1f", what, x - x0, y - y0, dx, dy);
}

static void follows_a_chain_of_p_frames(void)
{
    GradcamMotion *motion = create();
    double x, y;
    gradcam_motion_frame(motion, GRADCAM_PICTURE_I, NULL, 0);
    make_key(motion);
    centroid(motion, NULL, spot, &x, &y);
    CHECK_NEAR(x, 3.5 * WIDTH / MAP, 4);
    for (int i = 1; i <= 10; i++) {
        gradcam_motion_frame(motion, GRADCAM_PICTURE_P, vectors, uniform(vectors, -7, -3, 0));
        check_moved("P", motion, x, y, 7 * i, 3 * i);
    }
    make_key(motion);
    check_moved("a new key frame", motion, x, y, 0, 0);
    gradcam_motion_free(&motion);
}

// In the order of display: I B B P B B P ..., an object that moves 5 pixels a frame.
static void follows_b_frames_and_keys_on_them(void)
{
    for (int key = 0; key < 4; key++) {
        GradcamMotion *motion = create();
        double x = 0, y = 0;
        for (int i = 0; i < 16; i++) {
            int since = i % 3 ? i % 3 : 3;
            size_t n = uniform(vectors, -5.0f * (float)since, 0, 0);
            for (size_t k = 0; i % 3 && k < n; k += 2) {    // every other block refers to the future only
                vectors[k].dx = 5.0f * (float)(3 - since);
                vectors[k].future = 1;
            }
            gradcam_motion_frame(motion, i == 0 ? GRADCAM_PICTURE_I : i % 3 ? GRADCAM_PICTURE_B : GRADCAM_PICTURE_P,
                                 vectors, i ? n : 0);
            if (i == key) {
                make_key(motion);
                centroid(motion, NULL, spot, &x, &y);
            }
            if (i > key)
                check_moved("frame", motion, x, y, 5 * (i - key), 0);
        }
        gradcam_motion_free(&motion);
    }
}

// I b B b P b B b P ...: the B frame in the middle refers to the I or P frame before, the first and the third to the
// frame displayed before them.
static void follows_a_pyramid_of_b_frames(void)
{
    GradcamMotion *motion = create();
    double x, y;
    gradcam_motion_frame(motion, GRADCAM_PICTURE_I, NULL, 0);
    make_key(motion);
    centroid(motion, NULL, spot, &x, &y);
    for (int i = 1; i <= 16; i++) {
        float since = i % 4 == 0 ? 4 : i % 4 == 2 ? 2 : 1;
        gradcam_motion_frame(motion, i % 4 ? GRADCAM_PICTURE_B : GRADCAM_PICTURE_P, vectors,
                             uniform(vectors, -6 * since, 0, 0));
        if (i > 4)                              // from the first P frame on the speed is known
            check_moved("frame", motion, x, y, 6 * i, 0);
        else
            centroid(motion, NULL, spot, &(double){ 0 }, &(double){ 0 });
    }
    gradcam_motion_free(&motion);
}

// What encoders make of flat ground must bring no heat from elsewhere.
static void ignores_vectors_where_no_heat_is(void)
{
    GradcamMotion *motion = create();
    Random random = { 7 };
    double x, y;
    gradcam_motion_frame(motion, GRADCAM_PICTURE_I, NULL, 0);
    make_key(motion);
    centroid(motion, NULL, spot, &x, &y);
    double x0 = x, y0 = y;
    for (int i = 1; i <= 10; i++) {
        size_t n = uniform(vectors, -4, 0, 0);
        for (size_t k = 0; k < n; k++) {        // half of those beside the spot point at it, or anywhere
            double from_x = vectors[k].x + 4 - x, from_y = vectors[k].y + 4 - y;
            if (hypot(from_x, from_y) > 50 && k % 2) {
                vectors[k].dx = k % 4 == 1 ? (float)-from_x : random_float(&random, -100, 100);
                vectors[k].dy = k % 4 == 1 ? (float)-from_y : random_float(&random, -100, 100);
            }
        }
        gradcam_motion_frame(motion, GRADCAM_PICTURE_P, vectors, n);
        centroid(motion, NULL, spot, &x, &y);
        CHECK_NEAR(x, x0 + 4 * i, 6);
        CHECK_NEAR(y, y0, 6);
    }
    gradcam_motion_free(&motion);
}

// What moves is small, and heat lies on still ground around it too.
static void the_halo_goes_with_its_object(void)
{
    GradcamMotion *motion = create();
    double x, y;
    make_key(motion);
    centroid(motion, NULL, spot, &x, &y);
    for (int i = 1; i <= 10; i++) {
        size_t n = uniform(vectors, 0, 0, 0);
        for (size_t k = 0; k < n; k++)
            if (hypot(vectors[k].x + 4 - x - 4 * i, vectors[k].y + 4 - y) < 20)
                vectors[k].dx = -4;
        gradcam_motion_frame(motion, GRADCAM_PICTURE_P, vectors, n);
    }
    float out[COLUMNS * ROWS];
    int hottest = 0;
    CHECK_INT(gradcam_motion_apply(motion, NULL, spot, MAP, MAP, NULL, out, COLUMNS * ROWS), 0);
    for (int i = 0; i < COLUMNS * ROWS; i++)
        hottest = out[i] > out[hottest] ? i : hottest;
    CHECK_NEAR(place_x(hottest), x + 40, 20);
    CHECK_NEAR(place_y(hottest), y, 10);
    gradcam_motion_free(&motion);
}

// The map of a frame that was marked comes three frames later.
static void moves_a_late_map_from_its_frame_on(void)
{
    GradcamMotion *motion = create();
    const double x = 80, y = 90;
    for (int i = 0; i <= 12; i++) {
        gradcam_motion_frame(motion, i % 2 ? GRADCAM_PICTURE_B : GRADCAM_PICTURE_P, vectors,
                             uniform(vectors, i % 2 ? -5 : -10, 0, 0));
        if (i == 4 || i == 7)                   // a P frame, a B frame
            gradcam_motion_mark(motion);
        if (i == 6 || i == 10) {
            put_spot(x + 5 * (i == 6 ? 4 : 7), y);
            gradcam_motion_key_marked(motion, spot, MAP, MAP, NULL);
        }
        if (i >= 6)
            check_moved("late map", motion, x, y, 5 * i, 0);
    }
    gradcam_motion_free(&motion);
}

// Between two key frames, the maps of both are moved to where the object is.
static void meets_between_key_frames(void)
{
    enum { FIRST = 2, STRIDE = 9 };
    static GradcamShift way[STRIDE + 1][MOST_CELLS], on[MOST_CELLS];
    GradcamMotion *motion = create();
    float before[MAP * MAP];
    put_spot(90, 70);
    memcpy(before, spot, sizeof(before));
    for (int i = 0; i <= FIRST + STRIDE; i++) { // I B B P B B P ..., both key frames are B frames
        int since = i % 3 ? i % 3 : 3;
        gradcam_motion_frame(motion, i % 3 ? GRADCAM_PICTURE_B : GRADCAM_PICTURE_P, vectors,
                             i ? uniform(vectors, -6.0f * (float)since, -3.0f * (float)since, 0) : 0);
        if (i == FIRST)
            make_key(motion);
        if (i > FIRST)
            CHECK_INT(gradcam_motion_way(motion, way[i - FIRST], MOST_CELLS), 0);
    }
    put_spot(90 + 6 * STRIDE, 70 + 3 * STRIDE);
    make_key(motion);
    for (int i = 1; i < STRIDE; i++) {
        double x, y;
        CHECK_INT(gradcam_motion_way_on(motion, way[i], way[STRIDE], on, MOST_CELLS), 0);
        centroid(motion, way[i], before, &x, &y);
        CHECK_NEAR(x, 90 + 6 * i, 3);
        CHECK_NEAR(y, 70 + 3 * i, 3);
        centroid(motion, on, spot, &x, &y);
        CHECK_NEAR(x, 90 + 6 * i, 3);
        CHECK_NEAR(y, 70 + 3 * i, 3);
    }
    gradcam_motion_free(&motion);
}

// The camera goes nearer: what is at c + r in the key frame is at c + z r later on.
static void finds_the_way_on(void)
{
    GradcamShift way[MOST_CELLS], next[MOST_CELLS], on[MOST_CELLS];
    GradcamMotion *motion = create();
    const float side = (float)WIDTH / ACROSS, z = 1.2f, z_next = 1.5f;
    int cells = (int)gradcam_motion_way_count(motion), checked = 0;
    for (int i = 0; i < cells; i++) {
        float x = ((float)(i % ACROSS) + 0.5f) * side - WIDTH / 2, y = ((float)(i / ACROSS) + 0.5f) * side - HEIGHT / 2;
        way[i] = (GradcamShift){ x / z - x, y / z - y };
        next[i] = (GradcamShift){ x / z_next - x, y / z_next - y };
    }
    CHECK_INT(gradcam_motion_way_on(motion, way, next, on, MOST_CELLS), 0);
    for (int i = 0; i < cells; i++) {
        float x = ((float)(i % ACROSS) + 0.5f) * side - WIDTH / 2, y = ((float)(i / ACROSS) + 0.5f) * side - HEIGHT / 2;
        if (fabsf(x) > 0.35f * WIDTH || fabsf(y) > 0.35f * HEIGHT)      // leaves the frame
            continue;
        CHECK_NEAR(on[i].x, x * (z_next / z - 1), 0.5);
        CHECK_NEAR(on[i].y, y * (z_next / z - 1), 0.5);
        checked++;
    }
    CHECK(checked > cells / 3);
    gradcam_motion_free(&motion);
}

// The ground moves and the map does not, as where the camera follows what is hot: vectors are no longer believed, until
// the map goes with them again.
static void trusts_what_maps_confirm(void)
{
    GradcamMotion *motion = create();
    const double x = 120, y = 90;
    put_spot(x, y);
    make_key(motion);
    for (int i = 1; i <= 10; i++) {
        gradcam_motion_frame(motion, GRADCAM_PICTURE_P, vectors, uniform(vectors, -6, 0, 0));
        if (i == 5)
            make_key(motion);
    }
    check_moved("a map that does not move", motion, x, y, 0, 0);
    for (int i = 0; i < 5; i++) {
        put_spot(x + 30 * i, y);
        make_key(motion);
        for (int k = 0; k < 5; k++)
            gradcam_motion_frame(motion, GRADCAM_PICTURE_P, vectors, uniform(vectors, -6, 0, 0));
    }
    check_moved("a map that moves again", motion, x + 30 * 4, y, 30, 0);
    gradcam_motion_free(&motion);
}

static void forgets_on_reset(void)
{
    GradcamMotion *motion = create();
    double x, y;
    for (int i = 0; i < 8; i++) {
        gradcam_motion_frame(motion, GRADCAM_PICTURE_P, vectors, uniform(vectors, -9, 0, 0));
        make_key(motion);                       // the map stays: vectors are not believed
    }
    gradcam_motion_reset(motion);
    gradcam_motion_frame(motion, GRADCAM_PICTURE_I, NULL, 0);
    make_key(motion);
    centroid(motion, NULL, spot, &x, &y);
    gradcam_motion_frame(motion, GRADCAM_PICTURE_I, NULL, 0);
    check_moved("no speed is left", motion, x, y, 0, 0);
    gradcam_motion_frame(motion, GRADCAM_PICTURE_P, vectors, uniform(vectors, -9, 0, 0));
    check_moved("vectors count again", motion, x, y, 9, 0);
    gradcam_motion_free(&motion);
}

static void moves_parts_apart(void)
{
    GradcamMotion *motion = create();
    memset(spot, 0, sizeof(spot));
    spot[4 * MAP + 1] = 1;
    spot[4 * MAP + 8] = 1;
    make_key(motion);
    for (int i = 0; i < 8; i++) {               // the left half moves down, the right half stays
        size_t n = uniform(vectors, 0, 0, 0);
        for (size_t k = 0; k < n; k++)
            vectors[k].dy = vectors[k].x < WIDTH / 2 ? -6 : 0;
        gradcam_motion_frame(motion, GRADCAM_PICTURE_P, vectors, n);
    }
    float out[COLUMNS * ROWS];
    CHECK_INT(gradcam_motion_apply(motion, NULL, spot, MAP, MAP, NULL, out, COLUMNS * ROWS), 0);
    int left = 0, right = COLUMNS / 2;
    for (int i = 0; i < COLUMNS * ROWS; i++)
        if (i % COLUMNS < COLUMNS / 2)
            left = out[i] > out[left] ? i : left;
        else
            right = out[i] > out[right] ? i : right;
    CHECK_NEAR(place_y(left), 4.5 * HEIGHT / MAP + 48, 12);
    CHECK_NEAR(place_y(right), 4.5 * HEIGHT / MAP, 12);
    gradcam_motion_free(&motion);
}

static void holds_without_vectors(void)
{
    GradcamMotion *motion = create();
    GradcamRegion region = { 70, 0, 180, 180 };
    float first[COLUMNS * ROWS], out[COLUMNS * ROWS];
    make_key(motion);
    CHECK_INT(gradcam_motion_apply(motion, NULL, spot, MAP, MAP, &region, first, COLUMNS * ROWS), 0);
    for (int i = 0; i < 5; i++)
        gradcam_motion_frame(motion, i % 2 ? GRADCAM_PICTURE_B : GRADCAM_PICTURE_P, NULL, 0);
    CHECK_INT(gradcam_motion_apply(motion, NULL, spot, MAP, MAP, &region, out, COLUMNS * ROWS), 0);
    check_floats("map", out, first, COLUMNS * ROWS, 0, 0);
    CHECK(out[0] == 0 && out[COLUMNS - 1] == 0);        // outside of the region
    gradcam_motion_free(&motion);
}

// One float or shift less than is written, and nothing is.
static void refuses_what_is_too_small(void)
{
    GradcamMotion *motion = create();
    GradcamShift way[MOST_CELLS] = { { 5, 5 } }, on[MOST_CELLS] = { { 5, 5 } };
    const size_t cells = gradcam_motion_way_count(motion), size = COLUMNS * ROWS;
    float out[COLUMNS * ROWS] = { 5 };
    make_key(motion);
    CHECK_INT(gradcam_motion_way(motion, way, cells - 1), -ENOSPC);
    CHECK_INT(gradcam_motion_way_on(motion, way, way, on, cells - 1), -ENOSPC);
    CHECK_INT(gradcam_motion_apply(motion, NULL, spot, MAP, MAP, NULL, out, size - 1), -ENOSPC);
    CHECK_INT(gradcam_motion_apply(motion, NULL, spot, 0, MAP, NULL, out, size), -EINVAL);
    CHECK_INT(gradcam_motion_meet(motion, way, spot, way, spot, 0.5f, MAP, MAP, NULL, out, size - 1), -ENOSPC);
    CHECK_INT(gradcam_motion_meet(motion, way, spot, way, spot, 0.5f, MAP, 0, NULL, out, size), -EINVAL);
    CHECK(way[0].x == 5 && on[0].x == 5 && out[0] == 5);
    CHECK_INT(gradcam_motion_way(motion, way, cells), 0);
    CHECK_INT(gradcam_motion_way_on(motion, way, way, on, cells), 0);
    CHECK_INT(gradcam_motion_meet(motion, way, spot, on, spot, 0.5f, MAP, MAP, NULL, out, size), 0);
    CHECK(way[0].x == 0 && on[0].x == 0 && out[0] == 0);
    gradcam_motion_free(&motion);
}

static void survives_nonsense(void)
{
    GradcamMotion *motion = (GradcamMotion *)spot;
    Random random = { 3 };
    float out[COLUMNS * ROWS];
    CHECK_INT(gradcam_motion_create(&motion, 0, 5), -EINVAL);
    CHECK(!motion);
    motion = create();
    make_key(motion);
    for (int i = 0; i < 200; i++) {
        size_t n = (size_t)random_int(&random, 0, 500);
        for (size_t k = 0; k < n; k++)
            vectors[k] = (GradcamMotionVector){
                random_int(&random, -40, 400), random_int(&random, -40, 400), random_int(&random, -3, 300),
                random_int(&random, -3, 300), random_float(&random, -1e5f, 1e5f),
                k % 50 ? random_float(&random, -50, 50) : NAN, random_int(&random, 0, 3) == 0 };
        gradcam_motion_frame(motion, (enum GradcamPictureType)random_int(&random, 0, 2), vectors, n);
        CHECK_INT(gradcam_motion_apply(motion, NULL, spot, MAP, MAP, NULL, out, COLUMNS * ROWS), 0);
        for (int k = 0; k < COLUMNS * ROWS; k++)
            CHECK(out[k] >= 0 && out[k] <= 1);
    }
    gradcam_motion_free(&motion);
}

int main(void)
{
    RUN(follows_a_chain_of_p_frames);
    RUN(follows_b_frames_and_keys_on_them);
    RUN(follows_a_pyramid_of_b_frames);
    RUN(ignores_vectors_where_no_heat_is);
    RUN(the_halo_goes_with_its_object);
    RUN(moves_a_late_map_from_its_frame_on);
    RUN(meets_between_key_frames);
    RUN(finds_the_way_on);
    RUN(trusts_what_maps_confirm);
    RUN(forgets_on_reset);
    RUN(moves_parts_apart);
    RUN(holds_without_vectors);
    RUN(refuses_what_is_too_small);
    RUN(survives_nonsense);
    return end_cases();
}
