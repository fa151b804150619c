/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hello MODEL CLASS IN.ppm OUT.ppm: where does a network see a thing? Heat on a picture, by libgradcam alone.
 *
 *     cc hello.c $(pkg-config --cflags --libs gradcam) -o hello        # so does c++, with -x c++
 *     ffmpeg -i photo.jpg photo.ppm
 *     ./hello resnet50.onnx dog photo.ppm heat.ppm
 *
 * "" as MODEL is the small network that is built in.
 */
#include <gradcam.h>
#include <gradcam_picture.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Picture {
    int width, height;
    uint8_t *rgb;               // height rows of 3 * width bytes
} Picture;

static int read_ppm(Picture *picture, const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0, got = 0;

    if (file && fscanf(file, "P6 %5d %5d 255", &picture->width, &picture->height) == 2 && fgetc(file) != EOF &&
        picture->width > 0 && picture->height > 0)
        size = (size_t)3 * picture->width * picture->height;
    if (size && (picture->rgb = (uint8_t *)malloc(size)))
        got = fread(picture->rgb, 1, size, file);
    if (file)
        fclose(file);
    if (size && got == size)
        return 0;
    fprintf(stderr, "%s: not a PPM picture of 8 bits that can be read\n", path);
    return -1;
}

static int write_ppm(const Picture *picture, const char *path)
{
    const size_t size = (size_t)3 * picture->width * picture->height;
    FILE *file = fopen(path, "wb");
    int good = file && fprintf(file, "P6\n%d %d\n255\n", picture->width, picture->height) > 0 &&
               fwrite(picture->rgb, 1, size, file) == size;

    if (file && fclose(file))
        good = 0;
    if (!good)
        perror(path);
    return good ? 0 : -1;
}

// The library tells of each error in one sentence.
static void print(void *opaque, enum GradcamLogLevel level, const char *message)
{
    (void)opaque;
    if (level <= GRADCAM_LOG_WARNING)
        fprintf(stderr, "%s\n", message);
}

// Lays a map with values from 0 to 1 over a picture of 8-bit R, G, B.
static int draw(const Picture *picture, const float *map, int map_width, int map_height)
{
    GradcamOverlay *overlay = NULL;
    GradcamOverlaySettings settings = {};
    GradcamPicture pixels = {};
    int error;

    settings.size = sizeof(settings);       // all else: the default look
    pixels.width = picture->width;
    pixels.height = picture->height;
    for (int i = 0; i < 3; i++) {
        pixels.component[i].data = picture->rgb + i;
        pixels.component[i].stride = (ptrdiff_t)3 * picture->width;
        pixels.component[i].step = 3;
        pixels.component[i].width = picture->width;
        pixels.component[i].height = picture->height;
        pixels.component[i].depth = 8;
    }
    error = gradcam_overlay_create(&overlay, &settings);
    if (!error)
        error = gradcam_overlay_blend(overlay, &pixels, map, map_width, map_height, NULL, 0, 1);
    gradcam_overlay_free(&overlay);
    return error;
}

// The map of a class, from 0 to 1, laid over the picture. `input` has room for the picture at the network's size.
static int add_heat(const Picture *picture, GradcamContext *context, const GradcamTarget *target, uint8_t *input,
                    int input_width, int input_height)
{
    const ptrdiff_t pixel = 3;          // bytes of one
    int error, width, height;
    float *map;

    gradcam_context_map_size(context, NULL, &width, &height);   // the layer's: another one in each network
    map = (float *)malloc(sizeof(float) * width * height);
    error = map ? 0 : -ENOMEM;
    if (!error)
        error = gradcam_resize_rgb(picture->rgb, pixel * picture->width, picture->width, picture->height,
                                   input, pixel * input_width, input_width, input_height);
    if (!error)
        error = gradcam_context_forward(context, input, pixel * input_width);
    if (!error)
        error = gradcam_context_map(context, target, NULL, map, (size_t)width * height, NULL);      // Grad-CAM
    if (!error && !gradcam_map_normalize(map, (size_t)width * height))
        fprintf(stderr, "nothing in the picture speaks for %s\n", target->name);
    if (!error)
        error = draw(picture, map, width, height);
    free(map);
    return error;
}

static int explain(const Picture *picture, const char *path, const char *class_name)
{
    GradcamModel *model = NULL;
    GradcamTargets *targets = NULL;
    GradcamContext *context = NULL;
    GradcamModelOptions options = {};
    GradcamSettings settings = {};
    int error;

    options.size = sizeof(options);
    settings.size = sizeof(settings);
    options.log.callback = settings.log.callback = print;
    error = gradcam_model_open(&model, *path ? path : NULL, &options);
    if (!error)
        error = gradcam_targets_resolve(&targets, model, class_name, &options.log);
    if (!error)
        error = gradcam_context_open(&context, model, &settings);
    if (!error) {
        const GradcamModelInfo *info = gradcam_model_info(model);
        uint8_t *input = (uint8_t *)malloc((size_t)info->channels * info->width * info->height);

        error = !input ? -ENOMEM : info->channels != 3 ? -ENOTSUP : 0;
        if (!error)
            error = add_heat(picture, context, gradcam_targets_at(targets, 0), input, info->width, info->height);
        free(input);
    }
    gradcam_context_close(&context);
    gradcam_targets_free(&targets);
    gradcam_model_close(&model);
    return error;
}

int main(int argc, char **argv)
{
    Picture picture = {};
    int error;

    if (argc != 5) {
        fprintf(stderr, "usage: %s MODEL CLASS IN.ppm OUT.ppm\n", argv[0]);
        return 2;
    }
    error = read_ppm(&picture, argv[3]);
    if (!error && (error = explain(&picture, argv[1], argv[2])))
        fprintf(stderr, "no heat: %s\n", gradcam_strerror(error));
    if (!error)
        error = write_ppm(&picture, argv[4]);
    free(picture.rgb);
    return error ? 1 : 0;
}
