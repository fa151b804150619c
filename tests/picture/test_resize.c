/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam_resizer_run() against the same sums written plainly in double: layouts, depths, ranges, matrices,
 * siting of chroma, regions that cut and that reach beyond, pictures stored upside down and without a spare
 * byte; wrong arguments; and the kernels of each instruction set against those in C.
 */
#include <errno.h>

#include "base/cpu.h"
#include "format.h"
#include "gradcam_picture.h"
#include "harness.h"
#include "kernels/kernels.h"
#include "picture/color_matrix.h"

static const Format formats[] = {
    { "yuv420p", GRADCAM_COLOR_YUV, PLANAR, 8, 0, 1, 1, 0 },
    { "yuv422p", GRADCAM_COLOR_YUV, PLANAR, 8, 0, 1, 0, 0 },
    { "yuv444p", GRADCAM_COLOR_YUV, PLANAR, 8, 0, 0, 0, 0 },
    { "yuv410p", GRADCAM_COLOR_YUV, PLANAR, 8, 0, 2, 2, 0 },
    { "yuv420p10", GRADCAM_COLOR_YUV, PLANAR, 10, 0, 1, 1, 0 },
    { "yuv444p14", GRADCAM_COLOR_YUV, PLANAR, 14, 0, 0, 0, 0 },
    { "yuv422p16", GRADCAM_COLOR_YUV, PLANAR, 16, 0, 1, 0, 0 },
    { "nv12", GRADCAM_COLOR_YUV, SEMIPLANAR, 8, 0, 1, 1, 0 },
    { "p010", GRADCAM_COLOR_YUV, SEMIPLANAR, 10, 6, 1, 1, 0 },
    { "yuyv422", GRADCAM_COLOR_YUV, YUYV, 8, 0, 1, 0, 0 },
    { "gray", GRADCAM_COLOR_GRAY, PLANAR, 8, 0, 0, 0, 0 },
    { "gray12", GRADCAM_COLOR_GRAY, PLANAR, 12, 0, 0, 0, 0 },
    { "gbrp", GRADCAM_COLOR_RGB, PLANAR, 8, 0, 0, 0, 0 },
    { "gbrp9", GRADCAM_COLOR_RGB, PLANAR, 9, 0, 0, 0, 0 },
    { "rgb24", GRADCAM_COLOR_RGB, PACKED, 8, 0, 0, 0, 3 },
    { "rgba", GRADCAM_COLOR_RGB, PACKED, 8, 0, 0, 0, 4 },
    { "rgb48", GRADCAM_COLOR_RGB, PACKED, 16, 0, 0, 0, 3 },
    { "xv36", GRADCAM_COLOR_YUV, PACKED, 12, 4, 0, 0, 4 },
};
#define FORMATS (int)(sizeof(formats) / sizeof(formats[0]))

// Planes without a byte to spare, so that sanitizers see what is read beside them.
typedef struct Image {
    GradcamPicture picture;
    uint8_t *plane[3];
} Image;

static void image_free(Image *image)
{
    for (int i = 0; i < 3; i++)
        free(image->plane[i]);
}

static void image_init(Image *image, const Format *f, int width, int height, int flip, Random *random)
{
    size_t stride[3] = { 0 };

    memset(image, 0, sizeof(*image));
    image->picture.width = width;
    image->picture.height = height;
    for (int c = 0; c < format_components(f); c++) {
        GradcamComponent *k = &image->picture.component[c];
        const int plane = format_plane(f, c);
        *k = format_component(f, c, width, height);
        if (!image->plane[plane]) {
            stride[plane] = (size_t)(f->layout == YUYV ? (k->width + 1) / 2 * 4 : k->width * k->step);
            image->plane[plane] = malloc(stride[plane] * k->height);
            random_bytes(random, image->plane[plane], stride[plane] * k->height);
            for (size_t i = 0; format_bytes(f) == 2 && i < stride[plane] * k->height / 2; i++) {
                uint16_t *sample = (uint16_t *)image->plane[plane] + i;
                *sample = format_sample(f, *sample);
            }
        }
        k->data = image->plane[plane] + format_offset(f, c) + (flip ? stride[plane] * (k->height - 1) : 0);
        k->stride = flip ? -(ptrdiff_t)stride[plane] : (ptrdiff_t)stride[plane];
    }
}

// ------------------------------------------------------------------------------------------------- reference

static double sample(const GradcamComponent *k, int x, int y)
{
    const uint8_t *at = k->data + y * k->stride + (ptrdiff_t)x * k->step;

    return k->depth > 8 ? *(const uint16_t *)at >> k->shift : *at;
}

// Weight of sample i for an output centred at `center`, both in samples; negative when it is out of reach.
static double triangle(int i, double center, double scale)
{
    return 1 - fabs(i + 0.5 - center) / (scale > 1 ? scale : 1);
}

// Weighted mean around a point, in samples; x_scale, y_scale: samples per output.
static double filtered(const GradcamComponent *k, double x, double y, double x_scale, double y_scale)
{
    double sum = 0, weights = 0;

    x = fmin(fmax(x, 0), k->width);
    y = fmin(fmax(y, 0), k->height);
    for (int j = 0; j < k->height; j++) {
        const double v = triangle(j, y, y_scale);
        for (int i = 0; v > 0 && i < k->width; i++) {
            const double w = triangle(i, x, x_scale);
            if (w > 0) {
                sum += v * w * sample(k, i, j);
                weights += v * w;
            }
        }
    }
    return sum / weights;
}

static void expected(const GradcamResizerSettings *s, const Format *f, const GradcamPicture *p, int x, int y,
                     double rgb[3])
{
    const double px = s->region.x + (x + 0.5) * s->region.width / s->width;
    const double py = s->region.y + (y + 0.5) * s->region.height / s->height;
    const double unit = 1 << (f->depth - 8), most = (1 << f->depth) - 1;
    double v[3] = { 0 }, m[3][3];

    for (int c = 0; c < format_components(f); c++) {
        const int chroma = c > 0 && f->model == GRADCAM_COLOR_YUV;
        const double w = chroma ? 1 << f->log2_w : 1, h = chroma ? 1 << f->log2_h : 1;
        const double code = filtered(&p->component[c], (px - (w > 1 ? s->chroma_x : 0)) / w,
                                     (py - (h > 1 ? s->chroma_y : 0)) / h, s->region.width / s->width / w,
                                     s->region.height / s->height / h);
        if (f->model == GRADCAM_COLOR_RGB || s->full_range)
            v[c] = (code - (chroma ? 128 * unit : 0)) / most;
        else
            v[c] = chroma ? (code / unit - 128) / 224 : (code / unit - 16) / 219;
    }
    gcam_color_matrix_to_rgb(s->matrix, m);
    for (int i = 0; i < 3; i++) {
        const double sum = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
        const double value = f->model == GRADCAM_COLOR_RGB ? v[i] : f->model == GRADCAM_COLOR_GRAY ? v[0] : sum;
        rgb[i] = 255 * fmin(fmax(value, 0), 1);
    }
}

static GradcamResizerSettings make_settings(const Format *f, const Image *image, int width, int height)
{
    return (GradcamResizerSettings){
        .picture = image->picture, .model = f->model, .matrix = GRADCAM_MATRIX_BT709,
        .region = { 0, 0, image->picture.width, image->picture.height }, .width = width, .height = height,
    };
}

// Each code is the reference's, rounded, or at most a tenth beside a boundary; what is outside keeps its value.
static int run_once(const Format *f, const GradcamResizerSettings *s, const GradcamPicture *picture)
{
    const ptrdiff_t stride = 3 * (ptrdiff_t)s->width + 5;
    uint8_t *out = malloc((size_t)stride * s->height);
    GradcamResizer *resizer = NULL;
    int fine = 1;

    memset(out, 201, (size_t)stride * s->height);
    const int error = gradcam_resizer_create(&resizer, s);
    if (error || (fine = gradcam_resizer_run(resizer, picture, out + (s->height - 1) * stride, -stride)) != 0) {
        fail("%s: error %d %d", f->name, error, fine);
        fine = 0;
    } else {
        fine = 1;
    }
    for (int y = 0; y < s->height && fine; y++)
        for (int x = 0; x < s->width && fine; x++) {
            const double px = s->region.x + (x + 0.5) * s->region.width / s->width;
            const double py = s->region.y + (y + 0.5) * s->region.height / s->height;
            const uint8_t *got = out + (s->height - 1 - y) * stride + 3 * x;
            double want[3] = { 201, 201, 201 };
            if (fabs(px) < 1e-6 || fabs(py) < 1e-6 || fabs(px - s->picture.width) < 1e-6 ||
                fabs(py - s->picture.height) < 1e-6)
                continue;       // exactly on the edge: either
            if (px > 0 && py > 0 && px < s->picture.width && py < s->picture.height)
                expected(s, f, picture, x, y, want);
            for (int i = 0; i < 3; i++)
                if (fabs(got[i] - want[i]) > 0.6) {
                    fail("%s %dx%d to %dx%d at %d,%d,%d: %d, not %.2f", f->name, picture->width, picture->height,
                         s->width, s->height, x, y, i, got[i], want[i]);
                    fine = 0;
                }
        }
    for (int y = 0; y < s->height && fine; y++)
        for (int i = 0; i < 5 && y > 0; i++)
            if (out[y * stride - 5 + i] != 201) {
                fail("%s: bytes between rows changed", f->name);
                fine = 0;
            }
    gradcam_resizer_free(&resizer);
    free(out);
    return fine;
}

// ----------------------------------------------------------------------------------------------------- cases

static void test_formats(void)
{
    static const int sizes[][4] = { { 1, 1, 1, 1 },    { 1, 1, 5, 4 },     { 3, 5, 2, 2 },     { 640, 90, 56, 40 },
                                    { 131, 70, 17, 9 }, { 40, 30, 100, 70 }, { 301, 2, 20, 20 }, { 2, 300, 7, 11 },
                                    { 66, 33, 66, 33 }, { 1921, 9, 60, 3 } };
    Random random = { 1 };

    for (int f = 0; f < FORMATS; f++) {
        begin_case("%s like the reference in double", formats[f].name);
        for (int i = 0; i < 10; i++) {
            Image image;
            image_init(&image, &formats[f], sizes[i][0], sizes[i][1], i % 2, &random);
            const GradcamResizerSettings s = make_settings(&formats[f], &image, sizes[i][2], sizes[i][3]);
            if (!run_once(&formats[f], &s, &image.picture))
                i = 10;
            image_free(&image);
        }
    }
}

static void test_colors_and_regions(void)
{
    Random random = { 2 };

    for (int i = 0, fine = 1; i < 400 && fine; i++) {
        const Format *f = &formats[random_int(&random, 0, FORMATS - 1)];
        const int width = random_int(&random, 1, 200), height = random_int(&random, 1, 60);
        Image image;
        image_init(&image, f, width, height, i % 2, &random);
        GradcamResizerSettings s = make_settings(f, &image, random_int(&random, 10, 50), random_int(&random, 10, 50));
        s.matrix = random_int(&random, 0, GRADCAM_MATRIX_YCGCO);
        s.full_range = random_int(&random, 0, 1);
        s.chroma_x = random_int(&random, -1, 0) * 0.5;
        s.chroma_y = random_int(&random, -1, 1) * 0.5;
        if (i % 4)
            s.region = (GradcamRegion){
                random_float(&random, -1, 1) * width, random_float(&random, -1, 1) * height,
                random_float(&random, 0.05f, 3) * width, random_float(&random, 0.05f, 3) * height,
            };
        fine = run_once(f, &s, &image.picture);
        image_free(&image);
    }
}

// Reduced so much that only some of the samples are weighed: still close, and of flat pictures exact.
static void test_great_reduction(void)
{
    const int width = 32768, height = 300;
    const Format *f = &formats[10];
    GradcamResizer *resizer = NULL;
    Image image;
    uint8_t out[3 * 40 * 2];
    Random random = { 3 };

    image_init(&image, f, width, height, 0, &random);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < width * height; i++)
            image.plane[0][i] = pass ? 93 : (uint8_t)(100 + 100 * (i % width) / width + i % 7);
        GradcamResizerSettings s = make_settings(f, &image, 40, 2);
        s.full_range = 1;
        REQUIRE(gradcam_resizer_create(&resizer, &s) == 0);
        CHECK_INT(gradcam_resizer_run(resizer, &image.picture, out, 120), 0);
        for (int x = 0; x < 40; x++) {
            double want[3];
            expected(&s, f, &image.picture, x, 0, want);
            CHECK(fabs(out[3 * x] - want[0]) <= (pass ? 0.5 : 1.5));
        }
        gradcam_resizer_free(&resizer);
    }
    image_free(&image);
}

// One resizer, pictures at several addresses.
static void test_other_pictures(void)
{
    Random random = { 4 };
    GradcamResizer *resizer = NULL;
    uint8_t out[2][30 * 20 * 3];
    Image a, b;

    image_init(&a, &formats[7], 200, 100, 0, &random);
    image_init(&b, &formats[7], 200, 100, 1, &random);
    const GradcamResizerSettings s = make_settings(&formats[7], &a, 30, 20);
    REQUIRE(gradcam_resizer_create(&resizer, &s) == 0);
    CHECK_INT(gradcam_resizer_run(resizer, &a.picture, out[0], 90), 0);
    CHECK_INT(gradcam_resizer_run(resizer, &b.picture, out[1], 90), 0);
    CHECK(memcmp(out[0], out[1], sizeof(out[0])));
    CHECK_INT(gradcam_resizer_run(resizer, &a.picture, out[1], 90), 0);
    CHECK(!memcmp(out[0], out[1], sizeof(out[0])));
    gradcam_resizer_free(&resizer);
    image_free(&a);
    image_free(&b);
}

static void test_wrong_arguments(void)
{
    Random random = { 5 };
    GradcamResizerSettings bad;
    GradcamResizer *resizer = NULL;
    GradcamPicture broken;
    uint8_t out[300];
    Image image;

    image_init(&image, &formats[0], 20, 20, 0, &random);
    const GradcamResizerSettings s = make_settings(&formats[0], &image, 10, 10);
#define REFUSED(change) \
    do { bad = s; bad.change; resizer = (GradcamResizer *)&bad; \
         CHECK_INT(gradcam_resizer_create(&resizer, &bad), -EINVAL); CHECK(!resizer); } while (0)
    REFUSED(width = 0);
    REFUSED(height = 32769);
    REFUSED(picture.width = 32769);
    REFUSED(picture.height = 0);
    REFUSED(region.width = 0);
    REFUSED(region.x = NAN);
    REFUSED(region.height = INFINITY);
    REFUSED(chroma_x = NAN);
    REFUSED(model = 3);
    REFUSED(matrix = 6);
    REFUSED(picture.component[2].depth = 17);
    REFUSED(picture.component[1].step = 0);
    REFUSED(picture.component[1].step = 65);
    REFUSED(picture.component[1].width = 21);
    REFUSED(picture.component[0].shift = 1);
    CHECK_INT(gradcam_resizer_create(&resizer, NULL), -EINVAL);
    REQUIRE(gradcam_resizer_create(&resizer, &s) == 0);
    CHECK_INT(gradcam_resizer_run(NULL, &image.picture, out, 30), -EINVAL);
    CHECK_INT(gradcam_resizer_run(resizer, NULL, out, 30), -EINVAL);
    CHECK_INT(gradcam_resizer_run(resizer, &image.picture, NULL, 30), -EINVAL);
    broken = image.picture;
    broken.width = 21;
    CHECK_INT(gradcam_resizer_run(resizer, &broken, out, 30), -EINVAL);
    broken = image.picture;
    broken.component[1].data = NULL;
    CHECK_INT(gradcam_resizer_run(resizer, &broken, out, 30), -EINVAL);
    broken = image.picture;
    broken.component[2].step = 2;
    CHECK_INT(gradcam_resizer_run(resizer, &broken, out, 30), -EINVAL);
    gradcam_resizer_free(&resizer);
    gradcam_resizer_free(&resizer);
    gradcam_resizer_free(NULL);
    image_free(&image);
}

// --------------------------------------------------------------------------------------------------- kernels

static void check_rows(const GcamResizeKernels *k, const GcamResizeKernels *c, int depth, Random *random)
{
    enum { MOST = 600, ROWS = 40 };
    static uint8_t in[ROWS][2 * MOST];
    int16_t a[MOST + 16], b[MOST + 16];
    const uint8_t *row[ROWS];
    uint16_t weight[ROWS];
    const int count = random_int(random, 0, MOST), taps = random_int(random, 1, ROWS), shift = 16 - depth;
    int rest = GCAM_RESIZE_ROW_ONE;

    random_bytes(random, in[0], sizeof(in));
    if (random_int(random, 0, 3) == 0)
        memset(in, 255, sizeof(in));
    for (int t = 0; t < taps; t++) {
        const int most = rest - (taps - 1 - t);
        weight[t] = (uint16_t)(t == taps - 1 ? rest : random_int(random, 1, most < 3000 ? most : 3000));
        rest -= weight[t];
        row[t] = in[t];
    }
    memset(a, 1, sizeof(a));
    memset(b, 1, sizeof(b));
    if (depth == 8) {
        k->rows8(a, row, weight, taps, count);
        c->rows8(b, row, weight, taps, count);
    } else {
        k->rows16(a, row, weight, taps, count, shift);
        c->rows16(b, row, weight, taps, count, shift);
    }
    if (memcmp(a, b, sizeof(a)))
        fail("rows of %d bits, %d of them, %d samples differ", depth, taps, count);
    for (int i = 0; i < count; i++)
        CHECK(b[i] >= 0);
}

static void check_columns(const GcamResizeKernels *k, const GcamResizeKernels *c, Random *random)
{
    enum { MOST = 112, TAPS = 80, SAMPLES = 700 };
    int16_t in[SAMPLES], a[MOST], b[MOST], weight[MOST * TAPS];
    int first[MOST];
    const GcamResizeTaps taps = { 16 * random_int(random, 1, MOST / 16), 16 * random_int(random, 1, TAPS / 16),
                                  first, (uint16_t *)weight };

    for (int i = 0; i < SAMPLES; i++)
        in[i] = (int16_t)random_int(random, 0, 32767);
    for (int i = 0; i < taps.count; i++) {
        int rest = 1 << GCAM_RESIZE_COLUMN_BITS;
        first[i] = random_int(random, 0, SAMPLES - TAPS);
        for (int t = 0; t < taps.taps; t++) {
            weight[i * taps.taps + t] = (int16_t)(t == taps.taps - 1 ? rest : random_int(random, 0, rest / 4));
            rest -= weight[i * taps.taps + t];
        }
    }
    k->columns(a, in, &taps);
    c->columns(b, in, &taps);
    if (memcmp(a, b, taps.count * sizeof(*a)))
        fail("columns: %d sums of %d differ", taps.count, taps.taps);
}

static void check_color(const GcamResizeKernels *k, const GcamResizeKernels *c, Random *random)
{
    enum { MOST = 200 };
    int16_t in[3][MOST];
    const int16_t *const line[3] = { in[0], in[1], in[2] };
    uint8_t a[3 * MOST + 8], b[3 * MOST + 8];
    const int count = random_int(random, 0, MOST);
    GcamResizeColor color;

    for (int i = 0; i < 3 * MOST; i++)
        in[i / MOST][i % MOST] = (int16_t)random_int(random, 0, 32767);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            color.scale[i][j] = (int16_t)random_int(random, -18000, 18000);
        color.offset[i] = random_int(random, -300, 300) * (1 << GCAM_RESIZE_COLOR_BITS);
    }
    memset(a, 1, sizeof(a));
    memset(b, 1, sizeof(b));
    k->color(a, line, count, &color);
    c->color(b, line, count, &color);
    if (memcmp(a, b, sizeof(a)))
        fail("colours of %d pixels differ", count);
}

static void test_kernels(enum GcamCpu cpu)
{
    const GcamResizeKernels *k = &gcam_kernels_for(cpu)->resize, *c = &gcam_kernels_for(GCAM_CPU_GENERIC)->resize;
    Random random = { 8 };

    begin_case("resize kernels of %s equal those in C", gcam_cpu_name(cpu));
    if (cpu > gcam_cpu_detected()) {
        skip("this machine lacks it");
        return;
    }
    for (int i = 0; i < 1500 && !harness.failed; i++) {
        check_rows(k, c, 8 + i % 9, &random);
        check_columns(k, c, &random);
        check_color(k, c, &random);
    }
}

int main(void)
{
    test_formats();
    RUN(test_colors_and_regions);
    RUN(test_great_reduction);
    RUN(test_other_pictures);
    RUN(test_wrong_arguments);
    for (int cpu = GCAM_CPU_GENERIC; cpu < GCAM_CPU_COUNT; cpu++)
        test_kernels(cpu);
    return end_cases();
}
