/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The functions of gradcam_picture.h and gradcam_motion.h, called in ways that the bytes choose: pictures of any
 * layout, maps with any floats, settings in and out of range, regions anywhere. Blocks have exactly the size that the
 * functions are told, so that a sanitizer sees each step beyond; without one, bytes between rows are compared. Slices,
 * in any number, must give the picture that one slice gives.
 */
#include "fuzz/targets.h"

#include "gradcam_motion.h"
#include "gradcam_picture.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// What is left of the bytes; zeros follow.
typedef struct Bytes {
    const uint8_t *data;
    size_t size;
} Bytes;

static uint32_t take(Bytes *bytes, size_t count)
{
    uint32_t value = 0;
    for (; count; count--)
        if (bytes->size) {
            value = value << 8 | *bytes->data++;
            bytes->size--;
        }
    return value;
}

// low..high
static int take_int(Bytes *bytes, int low, int high)
{
    return low + (int)(take(bytes, 2) % (unsigned)(high - low + 1));
}

// Mostly from 0 to 1, else any float.
static float take_float(Bytes *bytes)
{
    static const float special[] = { 0, 1, -1, NAN, INFINITY, -INFINITY, 1e-45f, 3e38f, -3e38f, 0.5f, 2, 255 };
    const uint32_t kind = take(bytes, 1), value = take(bytes, 2);
    float any;
    if (kind < 200)
        return (float)value / 65535;
    if (kind < 250)
        return special[value % (sizeof(special) / sizeof(special[0]))];
    memcpy(&any, &(uint32_t){ value << 16 | take(bytes, 2) }, sizeof(any));
    return any;
}

// A length in pixels: mostly a usual one.
static double take_length(Bytes *bytes)
{
    return take(bytes, 1) < 220 ? take_int(bytes, -64, 192) / 2.0 : take_float(bytes) * 1e6;
}

static GradcamRegion take_region(Bytes *bytes)
{
    GradcamRegion region;
    region.x = take_length(bytes);
    region.y = take_length(bytes);
    region.width = take_length(bytes);
    region.height = take_length(bytes);
    return region;
}

// Mostly a value of an enum of `count` values.
static int take_enum(Bytes *bytes, int count)
{
    return take(bytes, 1) < 250 ? take_int(bytes, 0, count - 1) : take_int(bytes, -3, 32000);
}

// To be freed. finite: of finite floats only.
static float *take_map(Bytes *bytes, size_t count, int finite)
{
    float *map = malloc(count * sizeof(*map));
    for (size_t i = 0; map && i < count; i++) {
        map[i] = take_float(bytes);
        if (finite && !(fabsf(map[i]) <= 3e38f))
            map[i] = 0;
    }
    return map;
}

// ------------------------------------------------------------------------------------------------------------ pictures

enum { PLANES = 3 };

// A picture in memory of its own; the planes may be one.
typedef struct Canvas {
    GradcamPicture picture;
    uint8_t *plane[PLANES];
    size_t bytes[PLANES];
    int planes;
} Canvas;

static void canvas_free(Canvas *canvas)
{
    for (int i = 0; i < canvas->planes; i++)
        free(canvas->plane[i]);
}

// Bytes of a plane from the first sample's to behind the last one's of all that share it, rows `stride` apart.
static void place_plane(Canvas *canvas, Bytes *bytes, int first, int count, int sample)
{
    GradcamComponent *c = &canvas->picture.component[first];
    const int padding = take_int(bytes, 0, 5) * sample, flipped = take_int(bytes, 0, 3) == 3;
    size_t row = 0;
    for (int k = 0; k < count; k++) {
        const size_t end = (size_t)k * (size_t)sample + (size_t)(c[k].width - 1) * (size_t)c[k].step + (size_t)sample;
        row = end > row ? end : row;
    }
    const size_t stride = row + (size_t)padding, size = stride * (size_t)(c->height - 1) + row;
    uint8_t *plane = malloc(size);
    if (!plane)
        abort();
    for (size_t i = 0; i < size; i++)
        plane[i] = (uint8_t)(i * 151 >> 2);
    canvas->plane[canvas->planes] = plane;
    canvas->bytes[canvas->planes++] = size;
    for (int k = 0; k < count; k++) {
        c[k].data = plane + (size_t)k * (size_t)sample + (flipped ? stride * (size_t)(c->height - 1) : 0);
        c[k].stride = flipped ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
    }
}

// Components apart, or side by side in one plane.
static Canvas take_canvas(Bytes *bytes, int components, const int depth[3])
{
    Canvas canvas = { .planes = 0 };
    GradcamPicture *p = &canvas.picture;
    const int packed = take_int(bytes, 0, 1), x_half = take_int(bytes, 0, 2), y_half = take_int(bytes, 0, 2);
    const int spare = take_int(bytes, 0, 2), word = depth[0] > 8;
    p->width = take_int(bytes, 1, 97);
    p->height = take_int(bytes, 1, 40);
    for (int i = 0; i < components; i++) {
        GradcamComponent *c = &p->component[i];
        const int is_chroma = i > 0 && !packed;
        c->depth = depth[packed ? 0 : i];
        c->width = is_chroma ? (p->width + (1 << x_half) - 1) >> x_half : p->width;
        c->height = is_chroma ? (p->height + (1 << y_half) - 1) >> y_half : p->height;
        c->step = (packed ? components + spare : 1) * ((packed ? word : c->depth > 8) ? 2 : 1);
        c->shift = c->depth > 8 ? take_int(bytes, 0, 16 - c->depth) : 0;
    }
    for (int i = 0; i < components; i += packed ? components : 1)
        place_plane(&canvas, bytes, i, packed ? components : 1, p->component[i].depth > 8 ? 2 : 1);
    return canvas;
}

static Canvas canvas_copy(const Canvas *from)
{
    Canvas to = *from;
    for (int i = 0; i < from->planes; i++) {
        to.plane[i] = malloc(from->bytes[i]);
        if (!to.plane[i])
            abort();
        memcpy(to.plane[i], from->plane[i], from->bytes[i]);
    }
    for (int c = 0; c < PLANES; c++)
        for (int i = 0; i < from->planes; i++) {
            const uint8_t *data = from->picture.component[c].data;
            if (data && data >= from->plane[i] && data < from->plane[i] + from->bytes[i])
                to.picture.component[c].data = to.plane[i] + (data - from->plane[i]);
        }
    return to;
}

static int canvas_equal(const Canvas *a, const Canvas *b)
{
    for (int i = 0; i < a->planes; i++)
        if (memcmp(a->plane[i], b->plane[i], a->bytes[i]))
            return 0;
    return 1;
}

// ------------------------------------------------------------------------------------------------------------- drawing

static GradcamOverlaySettings take_overlay(Bytes *bytes)
{
    GradcamOverlaySettings s = { .size = sizeof(s) };
    const int same = take_int(bytes, 0, 3) > 0, depth = take_int(bytes, 0, 1) ? 8 : take_int(bytes, 8, 16);
    s.colormap = (enum GradcamColormap)take_enum(bytes, GRADCAM_COLORMAP_BWR + 1);
    s.blend = (enum GradcamBlend)take_enum(bytes, 2);
    s.output = (enum GradcamOutput)take_enum(bytes, GRADCAM_OUTPUT_MASK + 1);
    s.opacity = take_float(bytes);
    s.gamma = take_float(bytes) * 2;
    s.threshold = take_float(bytes);
    s.model = (enum GradcamColorModel)take_enum(bytes, GRADCAM_COLOR_GRAY + 1);
    s.matrix = (enum GradcamMatrix)take_enum(bytes, GRADCAM_MATRIX_YCGCO + 1);
    s.full_range = take_int(bytes, 0, 1);
    s.upsample = (enum GradcamUpsample)take_enum(bytes, GRADCAM_UPSAMPLE_SPLINE + 1);
    s.two_sided = take_int(bytes, 0, 1);
    for (int i = 0; i < 3; i++)
        s.depth[i] = same ? depth : take_int(bytes, 8, 16);
    return s;
}

static void draw(Bytes *bytes)
{
    const GradcamOverlaySettings settings = take_overlay(bytes);
    const int width = take_int(bytes, 1, 70), height = take_int(bytes, 1, 20), slices = take_int(bytes, 1, 5);
    const GradcamRegion region = take_region(bytes), *where = take_int(bytes, 0, 1) ? &region : NULL;
    Canvas one = take_canvas(bytes, settings.model == GRADCAM_COLOR_GRAY ? 1 : 3, settings.depth);
    Canvas parts = canvas_copy(&one);
    float *map = take_map(bytes, (size_t)width * (size_t)height, 0);
    GradcamOverlay *overlay = NULL;
    int error = gradcam_overlay_create(&overlay, &settings);
    if (!error != (overlay != NULL) || !map)
        abort();
    fuzz_opened += !error;
    if (!error) {
        error = gradcam_overlay_blend(overlay, &one.picture, map, width, height, where, 0, 1);
        for (int i = 0; i < slices; i++)
            if (gradcam_overlay_blend(overlay, &parts.picture, map, width, height, where, i, slices) != error)
                abort();
        if (!canvas_equal(&one, &parts))
            abort();
    }
    gradcam_overlay_free(&overlay);
    free(map);
    canvas_free(&one);
    canvas_free(&parts);
}

static void draw_several(Bytes *bytes)
{
    static const uint8_t colors[2][3] = { { 255, 0, 0 }, { 0, 0, 255 } };
    const GradcamOverlaySettings overlay = take_overlay(bytes);
    GradcamDrawingSettings settings = { .size = sizeof(settings), .overlay = &overlay };
    const int width = take_int(bytes, 1, 30), height = take_int(bytes, 1, 12), count = take_int(bytes, 1, 5);
    const GradcamRegion region = take_region(bytes), *where = take_int(bytes, 0, 1) ? &region : NULL;
    Canvas canvas = take_canvas(bytes, overlay.model == GRADCAM_COLOR_GRAY ? 1 : 3, overlay.depth);
    float *maps = take_map(bytes, (size_t)width * (size_t)height * (size_t)count, 0);
    GradcamDrawing *drawing = NULL;
    settings.colors = (size_t)take_int(bytes, 0, 2);
    settings.color = settings.colors ? colors : NULL;
    settings.one_colormap = take_int(bytes, 0, 1);
    if (gradcam_drawing_create(&drawing) < 0 || !maps)
        abort();
    if (gradcam_drawing_prepare(drawing, &settings, maps, (size_t)count, width, height) == 0) {
        fuzz_opened++;
        gradcam_drawing_run(drawing, &canvas.picture, NULL, where, 0, 1);
    }
    gradcam_drawing_free(&drawing);
    free(maps);
    canvas_free(&canvas);
}

// Bytes around the output, and between its rows, stay.
static void resize(Bytes *bytes)
{
    const GradcamOverlaySettings look = take_overlay(bytes);
    Canvas canvas = take_canvas(bytes, look.model == GRADCAM_COLOR_GRAY ? 1 : 3, look.depth);
    GradcamResizerSettings settings = {
        .size = sizeof(settings), .picture = canvas.picture, .model = look.model, .matrix = look.matrix,
        .full_range = look.full_range, .width = take_int(bytes, 1, 50), .height = take_int(bytes, 1, 50),
        .gray = take_int(bytes, 0, 1),
    };
    GradcamResizer *resizer = NULL;
    settings.chroma_x = take_length(bytes) / 64;
    settings.chroma_y = take_length(bytes) / 64;
    settings.region = take_int(bytes, 0, 2) ? take_region(bytes)
                    : (GradcamRegion){ 0, 0, canvas.picture.width, canvas.picture.height };
    const size_t row = (size_t)settings.width * (settings.gray ? 1 : 3), stride = row + (size_t)take_int(bytes, 0, 9);
    const size_t size = stride * (size_t)(settings.height - 1) + row;
    uint8_t *out = calloc(size, 1);
    const int error = gradcam_resizer_create(&resizer, &settings);
    if (!error != (resizer != NULL) || !out)
        abort();
    fuzz_opened += !error;
    if (!error)
        gradcam_resizer_run(resizer, &canvas.picture, out, (ptrdiff_t)stride);
    for (size_t i = 0; i < size; i++)
        if (i % stride >= row && out[i])
            abort();
    gradcam_resizer_free(&resizer);
    free(out);
    canvas_free(&canvas);
}

// ---------------------------------------------------------------------------------------------------------------- maps

static void find_places(Bytes *bytes)
{
    const int width = take_int(bytes, 1, 40), height = take_int(bytes, 1, 40);
    const GradcamRegion region = take_region(bytes);
    float *map = take_map(bytes, (size_t)width * (size_t)height, 0), threshold = take_float(bytes);
    GradcamPlace place = { .size = sizeof(place) };
    GradcamPixels pixels = { .size = sizeof(pixels) };
    const int columns = take_int(bytes, 0, 90), rows = take_int(bytes, 0, 90);
    GradcamRegion box;
    if (!map)
        abort();
    fuzz_opened += gradcam_map_box(map, width, height, columns, rows, threshold, &box) == 1;
    if (gradcam_map_place(map, width, height, take_float(bytes), &place) == 0) {
        const int w = take_int(bytes, 1, 4000), h = take_int(bytes, 1, 4000);
        gradcam_place_pixels(&place, &region, w, h, &pixels);
        if (pixels.x < 0 || pixels.y < 0 || (pixels.boxed && (pixels.width < 1 || pixels.height < 1)) ||
            pixels.width > w - pixels.x || pixels.height > h - pixels.y || pixels.centre_x < 0 ||
            pixels.centre_y < 0 || pixels.centre_x >= w || pixels.centre_y >= h)
            abort();
    }
    free(map);
}

static void enlarge(Bytes *bytes)
{
    const int width = take_int(bytes, 1, 40), height = take_int(bytes, 1, 40);
    const int columns = take_int(bytes, 1, 90), rows = take_int(bytes, 1, 90);
    float *map = take_map(bytes, (size_t)width * (size_t)height, 1);
    const size_t size = (size_t)columns * (size_t)rows;
    float *out = malloc(size * sizeof(*out));
    if (!map || !out)
        abort();
    gradcam_map_upsample(map, width, height, out, size, columns, rows,
                         (enum GradcamUpsample)take_int(bytes, 0, GRADCAM_UPSAMPLE_SPLINE));
    fuzz_opened++;
    free(map);
    free(out);
}

// What comes out is never NaN, and within 0..1 or -1..1.
static void make_steady(Bytes *bytes)
{
    GradcamSteadySettings settings = {
        .size = sizeof(settings), .smooth = take_float(bytes), .scale = (enum GradcamScale)take_enum(bytes, 3),
        .release = take_float(bytes), .low = take_float(bytes), .high = take_float(bytes),
        .is_signed = take_int(bytes, 0, 1), .of_pixels = take_int(bytes, 0, 1),
    };
    GradcamSteady *steady = NULL;
    const int error = gradcam_steady_create(&steady, &settings);
    if (!error != (steady != NULL))
        abort();
    fuzz_opened += !error;
    for (int i = 0; !error && i < 4; i++) {
        const size_t count = (size_t)take_int(bytes, 1, 60);
        float *map = take_map(bytes, count, 0), *out = malloc(count * sizeof(*out));
        if (!map || !out)
            abort();
        gradcam_steady_update(steady, map, count, take_float(bytes) * 10, out);
        for (size_t k = 0; k < count; k++)
            if (!(out[k] >= (settings.is_signed ? -1 : 0) && out[k] <= 1))
                abort();
        if (take_int(bytes, 0, 7) == 7)
            gradcam_steady_reset(steady);
        free(map);
        free(out);
    }
    gradcam_steady_free(&steady);
}

static GradcamMotionVector take_vector(Bytes *bytes)
{
    GradcamMotionVector v = {
        take_int(bytes, -40, 200), take_int(bytes, -40, 200), take_int(bytes, -2, 64), take_int(bytes, -2, 64),
        (take_float(bytes) - 0.5f) * 64, (take_float(bytes) - 0.5f) * 64, take_int(bytes, 0, 1),
    };
    if (take(bytes, 1) > 250)
        v.x = INT_MAX - take_int(bytes, 0, 3);
    if (take(bytes, 1) > 250)
        v.width = INT_MAX - take_int(bytes, 0, 3);
    return v;
}

static void move(Bytes *bytes)
{
    const int width = take_int(bytes, 0, 200), height = take_int(bytes, 0, 200);
    const int cells = take_int(bytes, 1, 14), lines = take_int(bytes, 1, 14);
    GradcamMotion *motion = NULL;
    int columns, rows;
    const int error = gradcam_motion_create(&motion, width, height);
    if (!error != (motion != NULL))
        abort();
    if (error)
        return;
    fuzz_opened++;
    gradcam_motion_size(motion, &columns, &rows);
    float *map = take_map(bytes, (size_t)cells * (size_t)lines, 0);
    const size_t size = (size_t)columns * (size_t)rows, shifts = gradcam_motion_way_count(motion);
    float *out = malloc(size * sizeof(*out));
    GradcamShift *way = calloc(shifts, sizeof(*way));
    if (!map || !out || !way)
        abort();
    for (int i = take_int(bytes, 1, 8); i > 0; i--) {
        const GradcamRegion region = take_region(bytes), *where = take_int(bytes, 0, 1) ? &region : NULL;
        const size_t count = (size_t)take_int(bytes, 0, 12);
        GradcamMotionVector *vector = malloc((count + 1) * sizeof(*vector));
        for (size_t k = 0; vector && k < count; k++)
            vector[k] = take_vector(bytes);
        gradcam_motion_frame(motion, (enum GradcamPictureType)take_int(bytes, 0, 2), vector, count);
        free(vector);
        switch (take_int(bytes, 0, 6)) {
        case 0: gradcam_motion_key(motion, map, cells, lines, where); break;
        case 1: gradcam_motion_mark(motion); break;
        case 2: gradcam_motion_key_marked(motion, map, cells, lines, where); break;
        case 3: gradcam_motion_reset(motion); break;
        case 4: gradcam_motion_way(motion, way, shifts); break;
        case 5: gradcam_motion_meet(motion, way, map, way, map, 0.5f, cells, lines, where, out, size); break;
        default: gradcam_motion_apply(motion, NULL, map, cells, lines, where, out, size); break;
        }
    }
    free(map);
    free(out);
    free(way);
    gradcam_motion_free(&motion);
}

static void (*const uses[])(Bytes *bytes) = { draw, draw_several, resize, find_places, enlarge, make_steady, move };

int fuzz_picture(const uint8_t *data, size_t size)
{
    Bytes bytes = { data, size };
    uses[take(&bytes, 1) % (sizeof(uses) / sizeof(uses[0]))](&bytes);
    return 0;
}

// Each use, with bytes that look like chance, and that are accepted: most are.
int fuzz_picture_seeds(FuzzSeed seeds[FUZZ_SEEDS])
{
    enum { EACH = 4, SIZE = 1500 };
    const int count = EACH * (int)(sizeof(uses) / sizeof(uses[0]));
    uint32_t state = 1;
    for (int i = 0; i < count; i++) {
        const long opened = fuzz_opened;
        seeds[i].data = malloc(SIZE);
        seeds[i].size = SIZE;
        for (int tries = 0; tries < 1000 && fuzz_opened == opened; tries++) {
            for (size_t k = 0; k < SIZE; k++)
                seeds[i].data[k] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
            seeds[i].data[0] = (uint8_t)(i / EACH);
            fuzz_picture(seeds[i].data, SIZE);
        }
    }
    return count;
}
