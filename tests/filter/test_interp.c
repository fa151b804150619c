/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 300
 *
 * interp=hold, linear and motion on scenes whose movement is known: how far the centre of the heat is from the centre of
 * the object that was asked for, over all frames of a clip as x264 codes it, B frames included. Motion has to beat the
 * other two at each stride.
 */
#include "harness.h"
#include "scenes.h"

#include <unistd.h>

enum { WIDTH = 640, HEIGHT = 360, RATE = 30, FRAMES = 180, FIRST = 25 };

static const struct { uint32_t seed; int object; } asked[] = { { 2907, 0 }, { 2907, 1 }, { 2907, 2 } };
enum { CLIPS = sizeof(asked) / sizeof(asked[0]) };

static const char *build;
static GcamShapes *shapes;

static void scene_of(GcamScene *scene, uint32_t seed, int frame)
{
    GcamScene first;
    gcam_scene_describe(&first, shapes, seed, (float)WIDTH / HEIGHT, GCAM_SCENE_OBJECTS,
                        GCAM_SCENE_OBJECTS);
    gcam_scene_at(scene, &first, (double)frame / RATE);
}

static int write_clip(const char *path, uint32_t seed)
{
    static uint8_t rgb[3 * WIDTH * HEIGHT];
    char command[8192];
    GcamScene scene;
    snprintf(command, sizeof(command), "'%s/bin/ffmpeg' -v error -y -f rawvideo -pix_fmt rgb24 -s %dx%d -r %d -i - "
             "-c:v libx264 -preset fast -crf 20 -pix_fmt yuv420p '%s'", build, WIDTH, HEIGHT, RATE, path);
    FILE *pipe = popen(command, "w");
    for (int i = 0; pipe && i < FRAMES; i++) {
        scene_of(&scene, seed, i);
        gcam_scene_render(&scene, shapes, rgb, 3 * WIDTH, WIDTH, HEIGHT);
        if (fwrite(rgb, sizeof(rgb), 1, pipe) != 1)
            break;
    }
    return pipe && pclose(pipe) == 0;
}

// Mean distance in pixels between the centre of the hotter half of the mask and the object.
static double measure(const char *path, const GcamScene *first, int clip, const char *interp, int stride)
{
    static uint8_t mask[WIDTH * HEIGHT];
    char command[8192];
    double total = 0;
    int counted = 0;
    const int shape = first->object[asked[clip].object].shape;
    snprintf(command, sizeof(command), "'%s/bin/ffmpeg' -v error -flags2 +export_mvs -i '%s' -vf 'format=gray,"
             "gradcam=class=%s:stride=%d:interp=%s:output=mask' -f rawvideo -pix_fmt gray -",
             build, path, gcam_shape_name(shape), stride, interp);
    FILE *pipe = popen(command, "r");
    for (int i = 0; pipe && i < FRAMES && fread(mask, sizeof(mask), 1, pipe) == 1; i++) {
        double sum = 0, x = 0, y = 0;
        GcamScene scene;
        int object = 0;
        for (int k = 0; k < WIDTH * HEIGHT; k++)
            if (mask[k] > 128) {
                double weight = mask[k] - 128;
                sum += weight;
                x += weight * (k % WIDTH);
                y += weight * (k / WIDTH);
            }
        scene_of(&scene, asked[clip].seed, i);
        while (object + 1 < scene.objects && scene.object[object].shape != shape)
            object++;
        if (i < FIRST || sum <= 0)
            continue;
        total += hypot(x / sum - scene.object[object].x * HEIGHT, y / sum - scene.object[object].y * HEIGHT);
        counted++;
    }
    if (!pipe || pclose(pipe) || counted < (FRAMES - FIRST) / 2)
        fail("ffmpeg with interp=%s gave %d frames with heat", interp, counted);
    return counted ? total / counted : 1e9;
}

int main(void)
{
    static const int strides[] = { 1, 5, 10, 25 };
    double hold[4] = { 0 }, linear[4] = { 0 }, motion[4] = { 0 };
    char path[64], ffmpeg[4096];
    build = getenv("BUILD");
    snprintf(ffmpeg, sizeof(ffmpeg), "%s/bin/ffmpeg", build ? build : "");
    begin_case("maps between key frames: clips");
    if (access(ffmpeg, X_OK)) {
        skip("no ffmpeg was built");
        return end_cases();
    }
    if (gcam_shapes_create(&shapes))
        return 1;
    for (int c = 0; c < CLIPS; c++) {
        GcamScene first;
        scene_of(&first, asked[c].seed, 0);
        snprintf(path, sizeof(path), "clip%d.mp4", c);
        if (!write_clip(path, asked[c].seed))
            fail("a clip cannot be coded");
        for (int s = 0; s < 4; s++) {
            hold[s] += measure(path, &first, c, "hold", strides[s]) / CLIPS;
            if (!s)
                continue;
            linear[s] += measure(path, &first, c, "linear", strides[s]) / CLIPS;
            motion[s] += measure(path, &first, c, "motion", strides[s]) / CLIPS;
        }
    }
    note("a map for each frame: %.1f pixels off", hold[0]);
    for (int s = 1; s < 4; s++) {
        begin_case("motion beats hold and linear at stride %d", strides[s]);
        note("pixels off: hold %.1f, linear %.1f, motion %.1f", hold[s], linear[s], motion[s]);
        if (!(motion[s] < hold[s] && motion[s] < linear[s]))
            fail("pixels off: hold %.1f, linear %.1f, motion %.1f", hold[s], linear[s], motion[s]);
    }
    gcam_shapes_free(&shapes);
    return end_cases();
}
