/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Matrix products at each CPU level against a naive product in double: odd sizes, every epilogue, any
 * strides, the same bits for any number of threads. Where there are products of bfloat16, those too.
 */
#include "base/half.h"
#include "support.h"
#include "tensor/gemm.h"

typedef struct Case {
    size_t m, n, k;
} Case;

static const Case cases_of_sizes[] = {
    { 1, 1, 1 },      { 1, 7, 3 },      { 2, 16, 5 },      { 3, 17, 8 },   { 5, 31, 16 },
    { 6, 32, 9 },     { 7, 33, 1 },     { 13, 48, 27 },    { 14, 64, 64 }, { 15, 65, 147 },
    { 28, 96, 512 },  { 29, 100, 513 }, { 49, 130, 1100 }, { 56, 24, 33 }, { 100, 300, 70 },
    { 197, 64, 197 }, { 257, 129, 40 }, { 9, 40, 1024 },   { 4, 3, 0 },    { 225, 520, 24 },
    { 21, 1100, 300 },
};

// To the nearest bfloat16, ties to even; of a number.
static float rounded(float x)
{
    uint32_t bits = gcam_float_to_bits(x);
    return gcam_bits_to_float((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
}

static void round_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = rounded(x[i]);
}

static double reference(const Case *s, const float *a, ptrdiff_t a_row, ptrdiff_t a_col, const float *b,
                        ptrdiff_t b_row, ptrdiff_t b_col, size_t i, size_t j)
{
    double sum = 0;
    for (size_t p = 0; p < s->k; p++)
        sum += (double)a[i * a_row + p * a_col] * b[p * b_row + j * b_col];
    return sum;
}

static double finish(const GcamEpilogue *ep, double x, double before, size_t i, size_t j)
{
    x += (ep->accumulate ? before : 0) + (ep->bias ? ep->bias[j] : 0) +
         (ep->add ? ep->add[i * ep->add_stride + j] : 0);
    if (ep->act == GCAM_ACT_RELU)
        return x < 0 ? 0 : x;
    if (ep->act == GCAM_ACT_CLIP)
        return x < ep->lo ? ep->lo : x > ep->hi ? ep->hi : x;
    return x;
}

// variant: bit 0 bias, bit 1 add, bit 2 accumulate; bits 3-4 activation; bit 5 unpacked with transposed A,
// bit 6 with transposed B, bit 7 unpacked.
static void product(const Case *s, enum GcamType type, unsigned variant)
{
    Random random = { s->m * 31 + s->n * 7 + s->k + variant };
    int unpacked = (variant & 0xe0) != 0, a_turned = variant & 0x20, b_turned = variant & 0x40;
    size_t ldc = s->n + variant % 5, lda = s->k + variant % 3, add_row = s->n + 2;
    size_t a_size = s->m * s->k + s->m * 3 + 3 * s->k, c_size = (s->m - 1) * ldc + s->n;
    float *a = checked_random(&random, a_size, -1, 1), *b = checked_random(&random, s->k * s->n, -1, 1);
    float *bias = checked_random(&random, s->n, -1, 1), *add = checked_random(&random, s->m * add_row, -1, 1);
    float *before = checked_random(&random, c_size, -1, 1), *first = checked_alloc(c_size),
          *c = checked_alloc(c_size);
    double *want = gcam_calloc(c_size, sizeof(*want));
    GcamEpilogue ep = {
        .bias = variant & 1 ? bias : NULL,
        .add = variant & 2 ? add : NULL,
        .add_stride = (ptrdiff_t)add_row,
        .accumulate = (variant & 4) != 0,
        .act = (enum GcamActivation)((variant >> 3 & 3) % 3),
        .lo = -0.5f,
        .hi = 2,
    };
    if (type == GCAM_BF16) {
        round_all(a, a_size);
        round_all(b, s->k * s->n);
    }
    ptrdiff_t a_row = a_turned ? 1 : (ptrdiff_t)lda, a_col = a_turned ? (ptrdiff_t)s->m : 1;
    ptrdiff_t b_row = b_turned ? 1 : (ptrdiff_t)s->n, b_col = b_turned ? (ptrdiff_t)s->k : 1;
    for (size_t i = 0; i < c_size; i++)
        want[i] = before[i];
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++)
            want[i * ldc + j] = finish(&ep, reference(s, a, a_row, a_col, b, b_row, b_col, i, j),
                                       before[i * ldc + j], i, j);

    GcamPackedB *packed = NULL;
    float *scratch = gcam_alloc(gcam_gemm_scratch(s->m, s->n, s->k), sizeof(*scratch));
    if (!unpacked && gcam_packed_b_create(&packed, type, s->k, s->n, b, b_row, b_col))
        fail("no memory");
    for (int threads = 1; threads <= POOLS; threads++) {
        memcpy(c, before, c_size * sizeof(*c));
        if (unpacked)
            gcam_gemm(pool_of(threads), type, s->m, s->n, s->k, a, a_row, a_col, b, b_row, b_col, c, (ptrdiff_t)ldc,
                      &ep, scratch);
        else
            gcam_gemm_packed(pool_of(threads), s->m, a, (ptrdiff_t)lda, packed, c, (ptrdiff_t)ldc, &ep);
        if (threads == 1)
            memcpy(first, c, c_size * sizeof(*c));
        else if (memcmp(first, c, c_size * sizeof(*c)))
            fail("differs with %d threads", threads);
    }
    CHECK_WORST(c, want, c_size, ep.act == GCAM_ACT_CLIP ? 2e-5 : 2e-6);  // of a largest value of 2
    gcam_packed_b_free(&packed);
    gcam_free(scratch);
    gcam_free(want);
    checked_free("a", a, a_size);
    checked_free("b", b, s->k * s->n);
    checked_free("bias", bias, s->n);
    checked_free("add", add, s->m * add_row);
    checked_free("before", before, c_size);
    checked_free("first", first, c_size);
    checked_free("c", c, c_size);
}

// From packed B, the product with B transposed.
static void across(const Case *s, enum GcamType type)
{
    Random random = { s->m + s->n + s->k };
    float *a = checked_random(&random, s->m * s->n, -1, 1), *b = checked_random(&random, s->k * s->n, -1, 1);
    float *c = checked_alloc(s->m * s->k), *scratch = gcam_alloc(gcam_gemm_scratch(s->m, s->k, s->n), sizeof(*scratch));
    double *want = gcam_calloc(s->m * s->k + 1, sizeof(*want));
    GcamPackedB *packed = NULL;
    if (type == GCAM_BF16) {
        round_all(a, s->m * s->n);
        round_all(b, s->k * s->n);
    }
    const Case turned = { s->m, s->k, s->n };
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->k; j++)
            want[i * s->k + j] = reference(&turned, a, (ptrdiff_t)s->n, 1, b, 1, (ptrdiff_t)s->n, i, j);
    if (!scratch || gcam_packed_b_create(&packed, type, s->k, s->n, b, (ptrdiff_t)s->n, 1))
        fail("no memory");
    gcam_gemm_packed_across(NULL, s->m, a, (ptrdiff_t)s->n, packed, c, (ptrdiff_t)s->k, scratch);
    CHECK_WORST(c, want, s->m * s->k, 2e-6);
    gcam_packed_b_free(&packed);
    gcam_free(scratch);
    gcam_free(want);
    checked_free("a", a, s->m * s->n);
    checked_free("b", b, s->k * s->n);
    checked_free("c", c, s->m * s->k);
}

// Both operands are rounded to the nearest, ties to even, wherever they stand; not a number stays none.
static void rounds(void)
{
    enum { K = 35, N = 33 };
    const float hard[] = { 1 + 0x1p-8f, 1 + 0x3p-8f, -1 - 0x1p-8f, 1 + 0x1p-8f + 0x1p-20f, 0.1f, 3e38f };
    float a[K] = { 0 }, b[K * N] = { 0 }, c[N];
    for (size_t h = 0; h < sizeof(hard) / sizeof(hard[0]); h++)
        for (size_t p = 0; p < K; p++) {
            GcamPackedB *packed;
            for (size_t j = 0; j < N; j++)
                b[p * N + j] = j % 2 ? hard[h] : 0.5f;
            a[p] = hard[h];
            REQUIRE(gcam_packed_b_create(&packed, GCAM_BF16, K, N, b, N, 1) == 0);
            gcam_gemm_packed(NULL, 1, a, K, packed, c, N, NULL);
            for (size_t j = 0; j < N; j++)
                CHECK(c[j] == rounded(hard[h]) * (j % 2 ? rounded(hard[h]) : 0.5f));
            gcam_packed_b_free(&packed);
            a[p] = NAN;
            REQUIRE(gcam_packed_b_create(&packed, GCAM_BF16, K, N, b, N, 1) == 0);
            gcam_gemm_packed(NULL, 1, a, K, packed, c, N, NULL);
            CHECK(isnan(c[0]) && isnan(c[N - 1]));
            gcam_packed_b_free(&packed);
            a[p] = 0;
            memset(b, 0, sizeof(b));
        }
}

static void keeps_nan(void)
{
    float a[3] = { 1, NAN, 2 }, b[1] = { 1 }, c[3];
    GcamPackedB *packed;
    GcamEpilogue ep = { .act = GCAM_ACT_CLIP, .lo = 0, .hi = 1.5f };
    REQUIRE(gcam_packed_b_create(&packed, GCAM_F32, 1, 1, b, 1, 1) == 0);
    gcam_gemm_packed(NULL, 3, a, 1, packed, c, 1, &ep);
    CHECK(c[0] == 1 && isnan(c[1]) && c[2] == 1.5f);
    gcam_packed_b_free(&packed);
    CHECK(!packed);
}

static void computes_nothing_of_empty(void)
{
    float a[4] = { 0 }, c[4] = { 7, 7, 7, 7 };
    GcamPackedB *packed;
    REQUIRE(gcam_packed_b_create(&packed, GCAM_F32, 2, 0, NULL, 0, 1) == 0);
    gcam_gemm_packed(NULL, 2, a, 2, packed, c, 2, NULL);
    gcam_packed_b_free(&packed);
    REQUIRE(gcam_packed_b_create(&packed, GCAM_F32, 2, 2, a, 2, 1) == 0);
    gcam_gemm_packed(NULL, 0, a, 2, packed, c, 2, NULL);
    CHECK(c[0] == 7 && c[3] == 7);
    gcam_packed_b_free(&packed);
}

static void knows_its_limits(void)
{
    GcamPackedB *packed = (GcamPackedB *)&packed;
    float b = 0;
    CHECK(gcam_gemm_scratch(SIZE_MAX / 2, 3, 1u << 20) == SIZE_MAX);
    CHECK(gcam_packed_b_create(&packed, GCAM_F32, SIZE_MAX / 8, 64, &b, 0, 0) < 0);
    CHECK(!packed);
}

static void cases(void)
{
    static const char *const names[] = { [GCAM_F32] = "f32", [GCAM_BF16] = "bf16" };
    for (enum GcamType type = GCAM_F32; type <= GCAM_BF16; type++) {
        for (size_t i = 0; gcam_gemm_has(type) && i < sizeof(cases_of_sizes) / sizeof(cases_of_sizes[0]); i++) {
            const Case *s = &cases_of_sizes[i];
            begin_case("%s: product %zux%zux%zu of %s", level(), s->m, s->n, s->k, names[type]);
            for (unsigned variant = 0; variant < 256; variant += s->m * s->n * s->k > 100000 ? 7 : 1)
                product(s, type, variant);
            if (s->k)
                across(s, type);
        }
    }
    if (gcam_gemm_has(GCAM_BF16)) {
        begin_case("%s: rounds both operands to bfloat16", level());
        rounds();
    }
    begin_case("%s: keeps NaN", level());
    keeps_nan();
    begin_case("%s: computes nothing of empty matrices", level());
    computes_nothing_of_empty();
    begin_case("%s: knows its limits", level());
    knows_its_limits();
}

LEVELS_MAIN(cases)
