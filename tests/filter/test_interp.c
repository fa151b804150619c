/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1800
 *
 * interp=hold, linear and motion on scenes whose movement is known, as x264 codes them, B frames included. Maps
 * have an offset of their own from the object, so two distances are measured over all frames: of the centre of the
 * heat from where a map for each frame has it, and from the centre of the object. Motion, which moves the maps of
 * the key frames before and after to where they meet, has to beat both others. Its box has to go with the object.
 */
#include "harness.h"
#include "scenes.h"

enum { WIDTH = 640, HEIGHT = 360, RATE = 30, FRAMES = 120, FIRST = 25 };

// Objects move by about 75 pixels a second, times pace.
static const struct { uint32_t seed; int object; double pace; } asked[] = {
    { 2907, 0, 1 }, { 11, 2, 1 }, { 123, 3, 2 }
};
enum { CLIPS = sizeof(asked) / sizeof(asked[0]) };

typedef struct Distance {
    double map, object;         // pixels
} Distance;

static const char *build;
static double own[CLIPS][FRAMES][2];    // centres of the heat with a map for each frame; 0, 0: none
static GcamShapes *shapes;

static void scene_of(GcamScene *scene, int clip, int frame)
{
    GcamScene first;
    gcam_scene_describe(&first, shapes, asked[clip].seed, (float)WIDTH / HEIGHT, GCAM_SCENE_OBJECTS,
                        GCAM_SCENE_OBJECTS);
    gcam_scene_at(scene, &first, asked[clip].pace * frame / RATE);
}

static int shape_of(int clip)
{
    GcamScene scene;
    scene_of(&scene, clip, 0);
    return scene.object[asked[clip].object].shape;
}

// How far a place is from the object's centre.
static double from_object(int clip, int frame, double x, double y)
{
    const int shape = shape_of(clip);
    GcamScene scene;
    int object = 0;
    scene_of(&scene, clip, frame);
    while (object + 1 < scene.objects && scene.object[object].shape != shape)
        object++;
    return hypot(x - scene.object[object].x * HEIGHT, y - scene.object[object].y * HEIGHT);
}

static int write_clip(const char *path, int clip)
{
    static uint8_t rgb[3 * WIDTH * HEIGHT];
    char command[8192];
    GcamScene scene;
    snprintf(command, sizeof(command), "'%s/bin/ffmpeg' -v error -y -f rawvideo -pix_fmt rgb24 -s %dx%d -r %d -i - "
             "-c:v libx264 -preset fast -crf 20 -pix_fmt yuv420p '%s'", build, WIDTH, HEIGHT, RATE, path);
    FILE *pipe = popen(command, "w");
    for (int i = 0; pipe && i < FRAMES; i++) {
        scene_of(&scene, clip, i);
        gcam_scene_render(&scene, shapes, rgb, 3 * WIDTH, WIDTH, HEIGHT);
        if (fwrite(rgb, sizeof(rgb), 1, pipe) != 1)
            break;
    }
    return pipe && pclose(pipe) == 0;
}

// Centre of the hotter half of a mask. Returns 0 where all is cold.
static int centre_of(const uint8_t *mask, double *x, double *y)
{
    double sum = 0;
    *x = *y = 0;
    for (int k = 0; k < WIDTH * HEIGHT; k++)
        if (mask[k] > 128) {
            double weight = mask[k] - 128;
            sum += weight;
            *x += weight * (k % WIDTH);
            *y += weight * (k / WIDTH);
        }
    if (sum > 0) {
        *x /= sum;
        *y /= sum;
    }
    return sum > 0;
}

static FILE *open_masks(int clip, const char *interp, int stride, const char *more)
{
    char command[8192];
    snprintf(command, sizeof(command), "'%s/bin/ffmpeg' -v error -flags2 +export_mvs -i clip%d.mp4 -vf 'format=gray,"
             "%sgradcam=class=%s:stride=%d:interp=%s:output=mask%s' -f rawvideo -pix_fmt gray -",
             build, clip, *more ? "realtime," : "", gcam_shape_name(shape_of(clip)), stride, interp, more);
    return popen(command, "r");
}

// Adds a clip's share to the mean. With stride 1, remembers the centres of the maps.
static void measure(int clip, const char *interp, int stride, const char *more, int clips, Distance *mean)
{
    static uint8_t mask[WIDTH * HEIGHT];
    Distance total = { 0, 0 };
    int counted = 0;
    FILE *pipe = open_masks(clip, interp, stride, more);
    for (int i = 0; pipe && i < FRAMES && fread(mask, sizeof(mask), 1, pipe) == 1; i++) {
        double x, y;
        int hot = centre_of(mask, &x, &y);
        if (stride == 1) {
            own[clip][i][0] = x;
            own[clip][i][1] = y;
        }
        if (i < FIRST || !hot || (own[clip][i][0] <= 0 && own[clip][i][1] <= 0))
            continue;
        total.map += hypot(x - own[clip][i][0], y - own[clip][i][1]);
        total.object += from_object(clip, i, x, y);
        counted++;
    }
    if (!pipe || pclose(pipe) || counted < (FRAMES - FIRST) / 2)
        fail("ffmpeg with interp=%s gave %d frames with heat", interp, counted);
    mean->map += total.map / (counted ? counted : 1) / clips;
    mean->object += total.object / (counted ? counted : 1) / clips;
}

// Mean over the clips.
static Distance measure_all(const char *interp, int stride, const char *more, int clips)
{
    Distance mean = { 0, 0 };
    for (int c = 0; c < clips; c++)
        measure(c, interp, stride, more, clips, &mean);
    return mean;
}

static void compare(int stride)
{
    begin_case("interp=motion at stride %d", stride);
    Distance hold = measure_all("hold", stride, "", CLIPS), linear = measure_all("linear", stride, "", CLIPS);
    Distance motion = measure_all("motion", stride, "", CLIPS);
    char text[256];
    snprintf(text, sizeof(text), "pixels from each frame's own map: hold %.2f, linear %.2f, motion %.2f; "
             "from the object: %.1f, %.1f, %.1f",
             hold.map, linear.map, motion.map, hold.object, linear.object, motion.object);
    note("%s", text);
    if (!(motion.map < 0.5 * hold.map && motion.map < linear.map && motion.object < 1.05 * linear.object))
        fail("%s", text);
}

// Mean distance of the box's centre from the object.
static double measure_boxes(int clip, const char *interp, int stride)
{
    char command[8192], line[256];
    double sum = 0, x = 0, y = 0, w = 0, h = 0;
    int frame = -1, counted = 0;
    snprintf(command, sizeof(command), "'%s/bin/ffmpeg' -v error -flags2 +export_mvs -i clip%d.mp4 -vf "
             "'gradcam=class=%s:stride=%d:interp=%s:box=0.5,metadata=print:file=-' -f null -", build, clip,
             gcam_shape_name(shape_of(clip)), stride, interp);
    FILE *pipe = popen(command, "r");
    while (pipe && fgets(line, sizeof(line), pipe)) {
        sscanf(line, "frame:%d", &frame);
        sscanf(line, "lavfi.gradcam.x=%lf", &x);
        sscanf(line, "lavfi.gradcam.y=%lf", &y);
        sscanf(line, "lavfi.gradcam.w=%lf", &w);
        if (sscanf(line, "lavfi.gradcam.h=%lf", &h) == 1 && frame >= FIRST) {
            sum += from_object(clip, frame, x + w / 2, y + h / 2);
            counted++;
        }
    }
    if (!pipe || pclose(pipe) || counted < (FRAMES - FIRST) / 2)
        fail("ffmpeg with interp=%s gave %d boxes", interp, counted);
    return sum / (counted ? counted : 1);
}

static void compare_boxes(void)
{
    begin_case("boxes go with the map");
    double hold = measure_boxes(CLIPS - 1, "hold", 25), linear = measure_boxes(CLIPS - 1, "linear", 25);
    double motion = measure_boxes(CLIPS - 1, "motion", 25);
    note("pixels from the object at stride 25: hold %.1f, linear %.1f, motion %.1f", hold, linear, motion);
    if (!(motion < 0.5 * hold && motion < linear))
        fail("pixels from the object: hold %.1f, linear %.1f, motion %.1f", hold, linear, motion);
}

// Maps come later than their key frames, and move on from there.
static void compare_live(void)
{
    begin_case("interp=motion with live=1");
    Distance hold = measure_all("hold", 25, ":live=1", 1), motion = measure_all("motion", 25, ":live=1", 1);
    note("pixels from the object: hold %.1f, motion %.1f", hold.object, motion.object);
    if (!(motion.object < 0.75 * hold.object))
        fail("pixels from the object: hold %.1f, motion %.1f", hold.object, motion.object);
}

int main(void)
{
    char path[64], command[4096];
    build = getenv("BUILD");
    snprintf(command, sizeof(command), "'%s/bin/ffmpeg' -v quiet -encoders | grep -q libx264", build ? build : "");
    begin_case("maps between key frames: clips");
    if (system(command)) {
        skip("no ffmpeg with libx264 was built");
        return end_cases();
    }
    if (gcam_shapes_create(&shapes))
        return 1;
    for (int c = 0; c < CLIPS; c++) {
        snprintf(path, sizeof(path), "clip%d.mp4", c);
        if (!write_clip(path, c))
            fail("a clip cannot be coded");
    }
    note("a map for each frame: %.1f pixels from the object", measure_all("hold", 1, "", CLIPS).object);
    compare(5);
    compare(10);
    compare(25);
    compare_boxes();
    compare_live();
    gcam_shapes_free(&shapes);
    return end_cases();
}
