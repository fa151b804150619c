/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Convolutions of every kind at each CPU level, forward and backward, against naive ones in double; of floats, and of
 * bfloat16 where there are such products; and parts of outputs against whole ones.
 */
#include <errno.h>

#include "support.h"
#include "tensor/conv/conv.h"

typedef struct Case {
    const char *algorithm;      // that should be chosen forward
    int n, h, w, c, out_c, kernel_h, kernel_w, stride_h, stride_w;
    int pads[4];                // top, left, bottom, right
    int dilation_h, dilation_w, groups;
} Case;

static const Case shapes[] = {
    { "gemm", 1, 7, 9, 5, 3, 1, 1, 1, 1, { 0 }, 1, 1, 1 },
    { "gemm", 2, 14, 14, 96, 40, 1, 1, 1, 1, { 0 }, 1, 1, 1 },
    { "gemm", 1, 7, 7, 1024, 70, 1, 1, 1, 1, { 0 }, 1, 1, 1 },
    { "gemm", 1, 5, 6, 12, 18, 1, 1, 1, 1, { 0 }, 1, 1, 3 },
    { "im2col", 1, 9, 8, 24, 20, 1, 1, 2, 2, { 0 }, 1, 1, 1 },
    { "im2col", 1, 6, 5, 7, 9, 1, 1, 1, 1, { 1, 0, 0, 2 }, 1, 1, 1 },
    { "direct", 1, 12, 11, 3, 10, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "direct", 2, 13, 15, 3, 16, 3, 3, 2, 2, { 0, 0, 1, 1 }, 1, 1, 1 },
    { "larger", 1, 20, 22, 6, 8, 5, 5, 1, 1, { 2, 2, 2, 2 }, 1, 1, 1 },
    { "direct", 1, 31, 29, 3, 24, 7, 7, 2, 2, { 3, 3, 3, 3 }, 1, 1, 1 },
    { "direct", 1, 47, 51, 3, 20, 11, 11, 4, 4, { 2, 2, 2, 2 }, 1, 1, 1 },
    { "larger", 1, 9, 11, 20, 24, 1, 7, 1, 1, { 0, 3, 0, 3 }, 1, 1, 1 },
    { "larger", 1, 9, 11, 20, 24, 7, 1, 1, 1, { 3, 0, 3, 0 }, 1, 1, 1 },
    { "larger", 1, 10, 9, 8, 12, 3, 3, 1, 1, { 2, 0, 1, 3 }, 1, 1, 1 },
    { "larger", 1, 12, 13, 32, 32, 3, 3, 1, 1, { 2, 2, 2, 2 }, 2, 2, 1 },
    { "larger", 1, 12, 13, 8, 12, 3, 2, 2, 1, { 1, 0, 0, 1 }, 2, 3, 1 },
    { "direct", 1, 11, 10, 12, 18, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 3 },
    { "direct", 2, 11, 10, 16, 24, 5, 3, 2, 1, { 2, 1, 2, 1 }, 1, 1, 4 },
    { "direct", 1, 9, 9, 6, 12, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 6 },
    { "larger", 1, 8, 9, 40, 33, 2, 2, 1, 1, { 0 }, 1, 1, 1 },
    { "larger", 1, 8, 8, 5, 6, 2, 2, 2, 2, { 0 }, 1, 1, 1 },
    { "direct", 1, 14, 15, 64, 64, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 8 },
    { "direct", 1, 13, 12, 96, 72, 3, 3, 2, 2, { 1, 1, 1, 1 }, 1, 1, 3 },
    { "larger", 1, 29, 30, 8, 160, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 2 },
    { "larger", 1, 7, 7, 256, 208, 3, 3, 2, 2, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "larger", 1, 9, 9, 80, 84, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 2 },
    { "larger", 1, 7, 7, 40, 48, 7, 7, 1, 1, { 0 }, 1, 1, 1 },
    { "larger", 1, 1, 1, 32, 32, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "direct", 1, 4, 4, 3, 4, 3, 3, 3, 3, { 4, 4, 4, 4 }, 1, 1, 1 },
    { "im2col", 1, 3, 2, 2, 3, 2, 2, 1, 1, { 1200, 1200, 1200, 1200 }, 1201, 1201, 1 },
    { "depthwise", 1, 12, 11, 32, 32, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 32 },
    { "depthwise", 2, 13, 14, 72, 72, 3, 3, 2, 2, { 1, 1, 1, 1 }, 1, 1, 72 },
    { "depthwise", 1, 15, 14, 67, 67, 5, 5, 2, 2, { 1, 2, 2, 1 }, 1, 1, 67 },
    { "depthwise", 1, 7, 7, 130, 130, 7, 7, 1, 1, { 3, 3, 3, 3 }, 1, 1, 130 },
    { "depthwise", 1, 9, 30, 20, 20, 5, 5, 1, 1, { 2, 2, 2, 2 }, 1, 1, 20 },
    { "depthwise", 1, 9, 33, 48, 48, 7, 7, 2, 2, { 3, 3, 3, 3 }, 1, 1, 48 },
    { "depthwise", 1, 10, 25, 17, 17, 2, 3, 1, 1, { 4, 5, 4, 6 }, 1, 1, 17 },
    { "depthwise", 1, 12, 12, 5, 5, 3, 3, 2, 1, { 2, 2, 2, 2 }, 2, 2, 5 },
    { "winograd4", 1, 12, 12, 32, 48, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "winograd4", 1, 20, 17, 16, 48, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "winograd4", 2, 15, 18, 64, 32, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "winograd4", 1, 56, 56, 64, 64, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "winograd4", 1, 14, 14, 256, 272, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "winograd4", 1, 14, 13, 48, 32, 3, 3, 1, 1, { 0, 2, 1, 0 }, 1, 1, 1 },
    { "winograd4", 1, 10, 10, 32, 32, 3, 3, 1, 1, { 0 }, 1, 1, 1 },
    { "winograd2", 1, 6, 6, 64, 96, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "winograd2", 2, 5, 6, 160, 192, 3, 3, 1, 1, { 1, 1, 1, 1 }, 1, 1, 1 },
    { "winograd2 5x5", 1, 13, 17, 48, 80, 5, 5, 1, 1, { 2, 2, 2, 2 }, 1, 1, 1 },
    { "winograd2 5x5", 2, 9, 12, 32, 48, 5, 5, 1, 1, { 2, 2, 2, 2 }, 1, 1, 1 },
    { "winograd2 5x5", 1, 8, 7, 48, 32, 5, 5, 1, 1, { 0, 3, 1, 2 }, 1, 1, 1 },
    { "winograd2 5x5", 1, 7, 8, 192, 208, 5, 5, 1, 1, { 0 }, 1, 1, 1 },
    { "winograd2 5x5", 1, 3, 3, 32, 32, 5, 5, 1, 1, { 2, 2, 2, 2 }, 1, 1, 1 },
};

// What is multiplied.
static enum GcamType type;

// Largest error in parts of the largest value. The tiles of Winograd's algorithm make rounding errors larger.
static double limit_of(const char *algorithm)
{
    int winograd = !strncmp(algorithm, "winograd", 8);
    if (type == GCAM_BF16 && strcmp(algorithm, "depthwise") && strcmp(algorithm, "direct"))
        return winograd ? 2.5e-2 : 8e-3;
    return winograd ? 5e-6 : 2e-6;
}

// Large kernels of many channels: read in place, but OpenBLAS and bfloat16 need a matrix.
static const char *expected(const Case *test)
{
    if (strcmp(test->algorithm, "larger"))
        return test->algorithm;
    return strcmp(level(), "generic") && type == GCAM_F32 ? "direct" : "im2col";
}

static GcamConvShape shape_of(const Case *t)
{
    return (GcamConvShape){
        .n = t->n, .h = t->h, .w = t->w, .c = t->c, .out_c = t->out_c,
        .out_h = (t->h + t->pads[0] + t->pads[2] - t->dilation_h * (t->kernel_h - 1) - 1) / t->stride_h + 1,
        .out_w = (t->w + t->pads[1] + t->pads[3] - t->dilation_w * (t->kernel_w - 1) - 1) / t->stride_w + 1,
        .kernel_h = t->kernel_h, .kernel_w = t->kernel_w, .stride_h = t->stride_h, .stride_w = t->stride_w,
        .pad_top = t->pads[0], .pad_left = t->pads[1], .pad_bottom = t->pads[2], .pad_right = t->pads[3],
        .dilation_h = t->dilation_h, .dilation_w = t->dilation_w, .groups = t->groups,
        .type = type,
    };
}

// For every product x * w that the convolution adds up: y[y_at] += x[x_at] * w[w_at], or with `back` the
// gradient x[x_at] += y[y_at] * w[w_at].
static void convolve(const GcamConvShape *s, double *x, const float *w, const float *scale, double *y,
                     int back)
{
    int in = s->c / s->groups, out = s->out_c / s->groups;
    for (int n = 0; n < s->n; n++)
        for (int oy = 0; oy < s->out_h; oy++)
            for (int ox = 0; ox < s->out_w; ox++)
                for (int ky = 0; ky < s->kernel_h; ky++)
                    for (int kx = 0; kx < s->kernel_w; kx++) {
                        int iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
                        int ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
                        if (iy < 0 || iy >= s->h || ix < 0 || ix >= s->w)
                            continue;
                        double *xp = x + ((size_t)(n * s->h + iy) * s->w + ix) * s->c;
                        double *yp = y + ((size_t)(n * s->out_h + oy) * s->out_w + ox) * s->out_c;
                        for (int o = 0; o < s->out_c; o++)
                            for (int i = 0; i < in; i++) {
                                double weight = (double)scale[o] *
                                    w[(((size_t)o * in + i) * s->kernel_h + ky) * s->kernel_w + kx];
                                if (back)
                                    xp[o / out * in + i] += yp[o] * weight;
                                else
                                    yp[o] += xp[o / out * in + i] * weight;
                            }
                    }
}

static double *widen(const float *in, size_t n)
{
    double *out = gcam_calloc(n, sizeof(*out));
    for (size_t i = 0; in && i < n; i++)
        out[i] = in[i];
    return out;
}

typedef struct Tensors {
    size_t x_size, w_size, y_size;
    float *x, *w, *scale, *bias, *add, *y, *dy, *dx;
} Tensors;

static Tensors make(const GcamConvShape *s)
{
    Random random = { (uint64_t)s->h * s->c + s->out_c };
    Tensors t;
    t.x_size = (size_t)s->n * s->h * s->w * s->c;
    t.y_size = (size_t)s->n * s->out_h * s->out_w * s->out_c;
    t.w_size = (size_t)s->out_c * (s->c / s->groups) * s->kernel_h * s->kernel_w;
    t.x = checked_random(&random, t.x_size, -1, 1);
    t.w = checked_random(&random, t.w_size, -1, 1);
    t.scale = checked_random(&random, (size_t)s->out_c, 0.5, 1.5);
    t.bias = checked_random(&random, (size_t)s->out_c, -1, 1);
    t.add = checked_random(&random, t.y_size, -1, 1);
    t.dy = checked_random(&random, t.y_size, -1, 1);
    t.y = checked_alloc(t.y_size);
    t.dx = checked_alloc(t.x_size);
    return t;
}

static void drop(Tensors *t, const GcamConvShape *s)
{
    checked_free("x", t->x, t->x_size);
    checked_free("w", t->w, t->w_size);
    checked_free("scale", t->scale, (size_t)s->out_c);
    checked_free("bias", t->bias, (size_t)s->out_c);
    checked_free("add", t->add, t->y_size);
    checked_free("dy", t->dy, t->y_size);
    checked_free("y", t->y, t->y_size);
    checked_free("dx", t->dx, t->x_size);
}

// Runs with one to three threads; a scratch of exactly the size asked for, with canaries behind it. with_add: forward,
// a residual; backward, the same tensor as an output after a ReLU.
static void run(const GcamConv *forward, const GcamConvBackward *backward, const Tensors *t, int with_add)
{
    size_t size = forward ? t->y_size : t->x_size;
    float *out = forward ? t->y : t->dx, *first = gcam_alloc(size, sizeof(*first));
    for (int threads = 1; threads <= POOLS; threads++) {
        size_t room =
            forward ? gcam_conv_scratch(forward, threads) : gcam_conv_backward_scratch(backward, threads);
        float *scratch = gcam_alloc(room + CANARIES, sizeof(*scratch));
        memset(scratch, 0xff, (room + CANARIES) * sizeof(*scratch));    // NaN
        memset(out, 0xff, size * sizeof(*out));
        if (forward)
            gcam_conv_forward(forward, pool_of(threads), t->x, with_add ? t->add : NULL, out, scratch);
        else
            gcam_conv_backward_run(backward, pool_of(threads), t->dy, with_add ? t->add : NULL, out, scratch);
        for (int i = 0; i < CANARIES; i++)
            CHECK(isnan(scratch[room + i]));
        gcam_free(scratch);
        if (threads == 1)
            memcpy(first, out, size * sizeof(*out));
        else if (memcmp(first, out, size * sizeof(*out)))
            fail("differs with %d threads", threads);
    }
    gcam_free(first);
}

static void forward(const Case *test)
{
    GcamConvShape s = shape_of(test);
    Tensors t = make(&s);
    double *x = widen(t.x, t.x_size), *want = widen(NULL, t.y_size);
    GcamConv *conv;
    convolve(&s, x, t.w, t.scale, want, 0);
    double limit = limit_of(test->algorithm);
    if (gcam_conv_create(&conv, &s, t.w, t.scale, NULL, GCAM_ACT_NONE, 0, 0)) {
        fail("not created");
    } else {
        CHECK_STR(gcam_conv_algorithm(conv), expected(test));
        run(conv, NULL, &t, 0);
        CHECK_WORST(t.y, want, t.y_size, limit);
        note("%.1e", worst(t.y, want, t.y_size));
        gcam_conv_free(&conv);
        CHECK(!conv);
    }
    for (size_t i = 0; i < t.y_size; i++) {
        want[i] += t.bias[i % s.out_c] + t.add[i];
        want[i] = fmin(fmax(want[i], -0.5), 6);
    }
    if (gcam_conv_create(&conv, &s, t.w, t.scale, t.bias, GCAM_ACT_CLIP, -0.5, 6) == 0) {
        run(conv, NULL, &t, 1);
        CHECK_WORST(t.y, want, t.y_size, 20 * limit);   // of a largest value of 6
        gcam_conv_free(&conv);
    }
    gcam_free(x);
    gcam_free(want);
    drop(&t, &s);
}

// An output whose pixels lie apart has the same values, and nothing between them is touched.
static void apart(const Case *test)
{
    enum { GAP = 3 };
    GcamConvShape s = shape_of(test);
    Tensors t = make(&s);
    size_t channels = (size_t)s.out_c, pixel = channels + GAP, pixels = t.y_size / channels;
    float *y = gcam_calloc(pixels * pixel, sizeof(*y));
    for (int wide = 0; wide < 2; wide++) {
        GcamConv *conv;
        s.y_pixel = wide ? (int)pixel : 0;
        REQUIRE(gcam_conv_create(&conv, &s, t.w, t.scale, t.bias, GCAM_ACT_RELU, 0, 0) == 0);
        float *scratch = gcam_alloc(gcam_conv_scratch(conv, 2), sizeof(*scratch));
        gcam_conv_forward(conv, pool_of(2), t.x, NULL, wide ? y : t.y, scratch);
        gcam_free(scratch);
        gcam_conv_free(&conv);
    }
    for (size_t p = 0; p < pixels; p++) {
        CHECK(!memcmp(y + p * pixel, t.y + p * channels, channels * sizeof(*y)));
        for (size_t i = channels; i < pixel; i++)
            CHECK(y[p * pixel + i] == 0);
    }
    gcam_free(y);
    drop(&t, &s);
}

// Index of the first float that a part of an output should not hold; `size` where all is well. What was not written is
// NaN.
static size_t first_wrong(const GcamConvShape *s, const GcamRect *part, const float *y, const float *whole, size_t size)
{
    size_t pixel = (size_t)s->y_pixel, i = 0;
    for (; i < size; i++) {
        int column = (int)(i / pixel) % s->out_w, row = (int)(i / pixel) / s->out_w % s->out_h;
        int inside = row >= part->top && row < part->bottom && column >= part->left && column < part->right;
        int between = i % pixel >= (size_t)s->out_c;
        if (between || (!inside && isnan(y[i])) ? !isnan(y[i]) : memcmp(&y[i], &whole[i], sizeof(*y)))
            break;
    }
    return i;
}

// Parts of an output have the bits of the whole; so has what is written around them.
static void parts(const Case *test, int gap)
{
    GcamConvShape s = shape_of(test);
    Random random = { (uint64_t)s.w + (uint64_t)gap };
    size_t pixel = (size_t)(s.y_pixel = s.out_c + gap), size = (size_t)s.n * s.out_h * s.out_w * pixel;
    Tensors t = make(&s);
    float *y = gcam_alloc(size, sizeof(*y)), *whole = gcam_calloc(size, sizeof(*y)), *add = gap ? NULL : t.add;
    GcamConv *conv;
    REQUIRE(gcam_conv_create(&conv, &s, t.w, t.scale, t.bias, GCAM_ACT_CLIP, -0.5, 6) == 0);
    size_t room = gcam_conv_scratch(conv, 2);
    float *scratch = gcam_alloc(room + CANARIES, sizeof(*scratch));
    memset(scratch, 0xff, (room + CANARIES) * sizeof(*scratch));
    gcam_conv_forward(conv, pool_of(2), t.x, add, whole, scratch);
    for (int i = 0; i < 12; i++) {
        int top = random_int(&random, 0, s.out_h - 1), left = random_int(&random, 0, s.out_w - 1);
        GcamRect part = { top, random_int(&random, top + 1, (top + 1 + s.out_h) / 2),
                          left, random_int(&random, left + 1, (left + 1 + s.out_w) / 2) };
        memset(y, 0xff, size * sizeof(*y));
        gcam_conv_forward_part(conv, pool_of(1 + i % 2), &part, t.x, add, y, scratch);
        if (first_wrong(&s, &part, y, whole, size) < size)
            fail("rows %d..%d, columns %d..%d differ", part.top, part.bottom - 1, part.left, part.right - 1);
    }
    for (int i = 0; i < CANARIES; i++)
        CHECK(isnan(scratch[room + i]));
    gcam_conv_free(&conv);
    gcam_free(scratch);
    gcam_free(whole);
    gcam_free(y);
    drop(&t, &s);
}

// `of`: of that many output channels all but one have a gradient of zero. relu: one was applied to the output.
static void backward(const Case *test, int of, int relu)
{
    GcamConvShape s = shape_of(test);
    Tensors t = make(&s);
    for (size_t i = 0; i < t.y_size; i++)
        t.dy[i] = i % (size_t)s.out_c % (size_t)of ? 0 : t.dy[i];
    double *dy = widen(t.dy, t.y_size), *want = widen(NULL, t.x_size);
    for (size_t i = 0; relu && i < t.y_size; i++)
        dy[i] = t.add[i] > 0 ? dy[i] : 0;
    GcamConvBackward *conv;
    convolve(&s, want, t.w, t.scale, dy, 1);
    if (gcam_conv_backward_create(&conv, &s, t.w, t.scale)) {
        fail("not created");
    } else {
        run(NULL, conv, &t, relu);
        note("%s, %.1e", gcam_conv_backward_algorithm(conv), worst(t.dx, want, t.x_size));
        CHECK_WORST(t.dx, want, t.x_size, limit_of(gcam_conv_backward_algorithm(conv)));
        gcam_conv_backward_free(&conv);
        CHECK(!conv);
    }
    gcam_free(dy);
    gcam_free(want);
    drop(&t, &s);
}

static void refuses_what_does_not_fit(void)
{
    const GcamConvShape good = shape_of(&shapes[0]);
    float w[15] = { 0 };
    GcamConv *conv;
    GcamConvBackward *back;
    for (int i = 0; i < 8; i++) {
        GcamConvShape s = good;
        int *const fields[] = {
            &s.n, &s.h, &s.c, &s.out_w, &s.kernel_h, &s.stride_w, &s.dilation_h, &s.groups
        };
        for (int value = -1; value <= 0; value++) {
            *fields[i] = value;
            CHECK_INT(gcam_conv_create(&conv, &s, w, NULL, NULL, GCAM_ACT_NONE, 0, 0), -EINVAL);
            CHECK(!conv);
            CHECK_INT(gcam_conv_backward_create(&back, &s, w, NULL), -EINVAL);
            CHECK(!back);
        }
    }
    GcamConvShape s = good;
    s.out_h++;
    CHECK_INT(gcam_conv_create(&conv, &s, w, NULL, NULL, GCAM_ACT_NONE, 0, 0), -EINVAL);
    s = good;
    s.groups = 2;
    CHECK_INT(gcam_conv_create(&conv, &s, w, NULL, NULL, GCAM_ACT_NONE, 0, 0), -EINVAL);
    s = good;
    s.pad_left = -1;
    s.out_w--;
    CHECK_INT(gcam_conv_create(&conv, &s, w, NULL, NULL, GCAM_ACT_NONE, 0, 0), -EINVAL);
    s = good;
    s.n = s.c = s.out_c = 1 << 30;
    CHECK_INT(gcam_conv_create(&conv, &s, w, NULL, NULL, GCAM_ACT_NONE, 0, 0), -ENOMEM);
    gcam_conv_free(NULL);
    gcam_conv_backward_free(NULL);
}

static void cases_of_type(const char *name)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const Case *t = &shapes[i];
        for (int back = 0; back < 2; back++) {
            begin_case(
                "%s: %s convolution %s %dx%dx%dx%d to %d, %dx%d/%d,%d pads %d,%d,%d,%d dilation %d,%d groups %d",
                level(), name, back ? "backward" : "forward", t->n, t->h, t->w, t->c, t->out_c, t->kernel_h,
                t->kernel_w, t->stride_h, t->stride_w, t->pads[0], t->pads[1], t->pads[2], t->pads[3],
                t->dilation_h, t->dilation_w, t->groups);
            if (back)
                backward(t, 1, 0);
            else
                forward(t);
            if (!back) {
                apart(t);
                parts(t, 0);
                parts(t, 5);
            }
        }
    }
    static const int few[] = { 7, 8, 10, 9999 };
    for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++) {
        begin_case("%s: %s convolution backward, gradient in one of %d channels", level(), name, few[i]);
        backward(&shapes[1], few[i], 0);
        backward(&shapes[2], few[i], 0);
    }
    for (int i = 0; i < 20; i += 4) {
        begin_case("%s: %s convolution backward behind a ReLU, %dx%d", level(), name, shapes[i].h, shapes[i].w);
        backward(&shapes[i], 1, 1);
        backward(&shapes[i], 20, 1);
    }
}

static void cases(void)
{
    cases_of_type("f32");
    begin_case("%s: refuses what does not fit", level());
    refuses_what_does_not_fit();
    type = GCAM_BF16;
    if (gcam_gemm_has(type))
        cases_of_type("bf16");
}

LEVELS_MAIN(cases)
