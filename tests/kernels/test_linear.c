/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Fully connected layers at each CPU level against naive ones in double: each type of weights, both orders,
 * forward and backward, weights aligned to their own size only.
 */
#include "base/half.h"
#include "support.h"
#include "tensor/linear.h"

static const char *const type_names[] = { "fp32", "fp16", "bf16" };

// Element i as the library should read it, and writes it to w.
static double put(void *w, enum GcamType type, size_t i, float x)
{
    if (type == GCAM_F32) {
        memcpy((char *)w + 4 * i, &x, 4);
        return x;
    }
    uint16_t half = type == GCAM_F16 ? gcam_float_to_half(x) : (uint16_t)(gcam_float_to_bits(x) >> 16);
    memcpy((char *)w + 2 * i, &half, 2);
    return type == GCAM_F16 ? gcam_half_to_float(half) : gcam_bfloat16_to_float(half);
}

static void layer(size_t out, size_t in, enum GcamType type, int transposed, int sparse)
{
    Random random = { out * 1000 + in + type };
    size_t bytes = out * in * gcam_type_size(type);
    char *block = gcam_alloc(bytes + 64, 1);
    void *w = block + gcam_type_size(type);
    double *values = gcam_alloc(out * in, sizeof(*values));
    double *y_want = gcam_calloc(out, sizeof(*y_want)), *dx_want = gcam_calloc(in, sizeof(*dx_want));
    float *bias = checked_random(&random, out, -1, 1), *x = checked_random(&random, in, -1, 1);
    float *dy = checked_random(&random, out, -1, 1), *y = checked_alloc(out), *dx = checked_alloc(in);
    float *first_y = gcam_alloc(out, sizeof(float)), *first_dx = gcam_alloc(in, sizeof(float));
    if (sparse) {
        for (size_t i = 0; i < in; i++)
            x[i] = i % 5 == 1 ? x[i] : 0;
        for (size_t o = 0; o < out; o++)
            dy[o] = o == out / 2 ? 1 : 0;
    }
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            values[o * in + i] =
                put(w, type, transposed ? i * out + o : o * in + i, random_float(&random, -1, 1));
    for (size_t o = 0; o < out; o++) {
        y_want[o] = bias[o];
        for (size_t i = 0; i < in; i++) {
            y_want[o] += values[o * in + i] * x[i];
            dx_want[i] += values[o * in + i] * dy[o];
        }
        y_want[o] = fmin(fmax(y_want[o], -0.25), 4);
    }
    for (int threads = 1; threads <= POOLS; threads++) {
        gcam_linear_forward(pool_of(threads), out, in, w, type, transposed, bias, x, y, GCAM_ACT_CLIP, -0.25f,
                            4);
        gcam_linear_backward(pool_of(threads), out, in, w, type, transposed, 1,
                             (const float *[]){ dy }, NULL, &dx);
        if (threads == 1) {
            memcpy(first_y, y, out * sizeof(*y));
            memcpy(first_dx, dx, in * sizeof(*dx));
        }
        CHECK(!memcmp(first_y, y, out * sizeof(*y)) && !memcmp(first_dx, dx, in * sizeof(*dx)));
    }
    CHECK_WORST(y, y_want, out, 1e-5);  // of a largest value of 4
    CHECK_WORST(dx, dx_want, in, 3e-6);
    gcam_linear_backward(NULL, out, in, w, type, transposed, 1, (const float *[]){ dy }, x, &dx);
    for (size_t i = 0; i < in; i++)
        CHECK(x[i] == 0 ? dx[i] == 0 || dx[i] == first_dx[i] : dx[i] == first_dx[i]);
    gcam_linear_forward(NULL, out, in, w, type, transposed, NULL, x, y, GCAM_ACT_RELU, 0, 0);
    CHECK(y[0] >= 0);
    gcam_free(block);
    gcam_free(values);
    gcam_free(y_want);
    gcam_free(dx_want);
    gcam_free(first_y);
    gcam_free(first_dx);
    checked_free("bias", bias, out);
    checked_free("x", x, in);
    checked_free("dy", dy, out);
    checked_free("y", y, out);
    checked_free("dx", dx, in);
}

// Several gradients at once: the bits that each has alone. Some have few elements other than zero, and not the same.
static void several(size_t out, size_t in, enum GcamType type, int transposed)
{
    enum { COUNT = 11 };                // more than are multiplied at once
    Random random = { out + 7 * in + type };
    char *w = gcam_alloc(out * in, gcam_type_size(type));
    float *x = checked_random(&random, in, -1, 1), *dy[COUNT], *dx[COUNT], *alone = gcam_alloc(in, sizeof(*alone));
    for (size_t i = 0; i < out * in; i++)
        put(w, type, i, random_float(&random, -1, 1));
    for (size_t i = 0; i < in; i++)
        x[i] = i % 3 ? x[i] : 0;
    for (size_t k = 0; k < COUNT; k++) {
        dy[k] = checked_random(&random, out, -1, 1);
        dx[k] = checked_alloc(in);
        for (size_t o = 0; o < out; o++)
            dy[k][o] = k % 4 == 1 && o != k % out ? 0 : k % 4 == 2 && o % 2 ? 0 : dy[k][o];
    }
    for (int threads = 1; threads <= POOLS; threads++)
        for (int masked = 0; masked < 2; masked++) {
            gcam_linear_backward(pool_of(threads), out, in, w, type, transposed, COUNT, (const float *const *)dy,
                                 masked ? x : NULL, dx);
            for (size_t k = 0; k < COUNT; k++) {
                gcam_linear_backward(NULL, out, in, w, type, transposed, 1, (const float *const *)&dy[k],
                                     masked ? x : NULL, &alone);
                CHECK(!memcmp(alone, dx[k], in * sizeof(*alone)));
            }
        }
    for (size_t k = 0; k < COUNT; k++) {
        checked_free("dy", dy[k], out);
        checked_free("dx", dx[k], in);
    }
    checked_free("x", x, in);
    gcam_free(alone);
    gcam_free(w);
}

static void converts(enum GcamType type)
{
    uint16_t halves[] = { 0,      0x8000, 1,      0x83ff, 0x0400, 0x3c00, 0xbc00,
                          0x7bff, 0x7c00, 0xfc00, 0x7e01, 0x3555, 0x1234 };
    size_t n = sizeof(halves) / sizeof(halves[0]);
    for (size_t count = 0; count <= n; count++) {
        float *out = checked_alloc(count);
        gcam_convert(out, halves, type, count);
        for (size_t i = 0; i < count; i++) {
            float want = type == GCAM_F16 ? gcam_half_to_float(halves[i]) : gcam_bfloat16_to_float(halves[i]);
            CHECK(isnan(want) ? isnan(out[i]) : gcam_float_to_bits(out[i]) == gcam_float_to_bits(want));
        }
        checked_free("out", out, count);
    }
}

static void narrows(void)
{
    const float in[] = { 0, -0.0f, 1, 1 + 0x1p-11f, 1 + 0x3p-11f, -0x1p-24f, 0x1p-25f, 0x1.8p-25f, 65504, 65519, 65520,
                         1e-5f, 6.1e-5f, 0.1f, INFINITY, -INFINITY, NAN };
    size_t n = sizeof(in) / sizeof(in[0]);
    for (size_t count = 0; count <= n; count++) {
        uint16_t out[sizeof(in) / sizeof(in[0]) + 1] = { 0 };
        out[count] = 0x5a5a;
        gcam_to_half(out, in, count);
        for (size_t i = 0; i < count; i++)
            CHECK(isnan(in[i]) ? isnan(gcam_half_to_float(out[i])) : out[i] == gcam_float_to_half(in[i]));
        CHECK(out[count] == 0x5a5a);
    }
}

static void cases(void)
{
    static const size_t sizes[][2] = { { 1, 1 },     { 3, 5 },     { 10, 64 },  { 17, 100 },
                                       { 1000, 37 }, { 64, 1031 }, { 520, 515 } };
    for (enum GcamType type = GCAM_F32; type <= GCAM_BF16; type++)
        for (int transposed = 0; transposed < 2; transposed++) {
            begin_case("%s: fully connected, %s%s", level(), type_names[type],
                       transposed ? ", transposed" : "");
            for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
                for (int sparse = 0; sparse < 2; sparse++)
                    layer(sizes[i][0], sizes[i][1], type, transposed, sparse);
            begin_case("%s: several gradients of a fully connected layer, %s%s", level(), type_names[type],
                       transposed ? ", transposed" : "");
            for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
                several(sizes[i][0], sizes[i][1], type, transposed);
        }
    for (enum GcamType type = GCAM_F16; type <= GCAM_BF16; type++) {
        begin_case("%s: converts %s", level(), type_names[type]);
        converts(type);
    }
    begin_case("%s: rounds to fp16", level());
    narrows();
}

LEVELS_MAIN(cases)
