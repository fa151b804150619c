/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Draws scenes (scenes.h) for other programs: a clip as raw rgb24 frames to standard output, to be piped into
 * ffmpeg, or one picture with the masks of its objects as PPM and PGM files.
 *
 *     scenes clip 640 360 30 360 7 | ffmpeg -f rawvideo -pixel_format rgb24 -video_size 640x360 -i - a.mp4
 *     scenes still 640 480 7 garden            # garden.ppm, garden-star.pgm, ...
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenes.h"

// A whole number within limits, or -1.
static long number(const char *text, long min, long max)
{
    char *end;
    long value = strtol(text, &end, 10);

    return *text && !*end && value >= min && value <= max ? value : -1;
}

static int clip(const GcamShapes *shapes, int width, int height, long rate, long frames, uint32_t seed)
{
    size_t size = (size_t)width * (size_t)height * 3;
    uint8_t *rgb = malloc(size);
    GcamScene scene, now;

    if (!rgb)
        return -ENOMEM;
    gcam_scene_describe(&scene, shapes, seed, (float)width / (float)height,
                        GCAM_SCENE_OBJECTS, GCAM_SCENE_OBJECTS);
    for (long i = 0; i < frames; i++) {
        gcam_scene_at(&now, &scene, (double)i / (double)rate);
        gcam_scene_render(&now, shapes, rgb, 3 * width, width, height);
        if (fwrite(rgb, 1, size, stdout) != size) {
            free(rgb);
            return -EIO;
        }
    }
    free(rgb);
    return fflush(stdout) ? -EIO : 0;
}

// Writes a binary PPM (3 channels) or PGM (1 channel).
static int write_picture(const char *path, const uint8_t *pixels, int width, int height, int channels)
{
    size_t size = (size_t)width * (size_t)height * (size_t)channels;
    FILE *file = fopen(path, "wb");
    int failed;

    if (!file)
        return -errno;
    failed = fprintf(file, "P%d\n%d %d\n255\n", channels == 3 ? 6 : 5, width, height) < 0;
    failed |= fwrite(pixels, 1, size, file) != size;
    failed |= fclose(file) != 0;
    return failed ? -EIO : 0;
}

static int still(const GcamShapes *shapes, int width, int height, uint32_t seed, const char *prefix)
{
    uint8_t *pixels = malloc((size_t)width * (size_t)height * 3);
    char path[4096];
    GcamScene scene;
    int ret;

    if (!pixels)
        return -ENOMEM;
    gcam_scene_describe(&scene, shapes, seed, (float)width / (float)height, 2, GCAM_SCENE_OBJECTS);
    gcam_scene_render(&scene, shapes, pixels, 3 * width, width, height);
    snprintf(path, sizeof(path), "%s.ppm", prefix);
    ret = write_picture(path, pixels, width, height, 3);
    for (int i = 0; i < scene.objects && !ret; i++) {
        gcam_scene_mask(&scene, shapes, i, pixels, width, width, height);
        snprintf(path, sizeof(path), "%s-%s.pgm", prefix, gcam_shape_name(scene.object[i].shape));
        ret = write_picture(path, pixels, width, height, 1);
    }
    free(pixels);
    return ret;
}

int main(int argc, char **argv)
{
    GcamShapes *shapes = NULL;
    long width, height, rate, frames, seed;
    int ret;

    if (!(argc == 7 && !strcmp(argv[1], "clip")) && !(argc == 6 && !strcmp(argv[1], "still"))) {
        fprintf(stderr, "usage: %s clip WIDTH HEIGHT RATE FRAMES SEED\n"
                        "       %s still WIDTH HEIGHT SEED PREFIX\n", argv[0], argv[0]);
        return 2;
    }
    width = number(argv[2], 16, 8192);
    height = number(argv[3], 16, 8192);
    seed = number(argv[argc == 7 ? 6 : 4], 0, 1L << 30);
    rate = argc == 7 ? number(argv[4], 1, 1000) : 1;
    frames = argc == 7 ? number(argv[5], 1, 1 << 20) : 1;
    if (width < 0 || height < 0 || seed < 0 || rate < 0 || frames < 0) {
        fprintf(stderr, "%s: sizes are 16..8192 pixels, rates 1..1000, frames and seed whole numbers\n",
                argv[0]);
        return 2;
    }
    ret = gcam_shapes_create(&shapes);
    if (!ret && argc == 7)
        ret = clip(shapes, (int)width, (int)height, rate, frames, (uint32_t)seed);
    else if (!ret)
        ret = still(shapes, (int)width, (int)height, (uint32_t)seed, argv[5]);
    if (ret)
        fprintf(stderr, "%s: %s\n", argv[0], strerror(-ret));
    gcam_shapes_free(&shapes);
    return ret ? 1 : 0;
}
