/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What every C test uses. A test program is a list of cases, each a function without arguments:
 *
 *     static void adds(void)
 *     {
 *         CHECK_INT(add(1, 2), 3);
 *         REQUIRE(open(&thing) == 0);              // leaves the case when it fails
 *         check_floats("sum", got, want, n, 1e-6, 1e-5);
 *     }
 *     int main(void)
 *     {
 *         RUN(adds);
 *         for (int n = 1; n < 9; n++)              // or cases that are not functions of their own
 *             if (begin_case("adds %d numbers", n))
 *                 CHECK(...);
 *         return end_cases();
 *     }
 *
 * It prints `ok - NAME`, `not ok - NAME: reason` or `skip - NAME: reason` for each case, the reason being the
 * first check that failed; further ones go to stderr. Checks may be made by one thread at a time.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Elements of an array, as the capacity of a map.
#define FLOATS(array) (sizeof(array) / sizeof(*(array)))

static struct {
    char name[256], reason[512], note[256];
    int open, failed, skipped;          // of the case under way
    int cases, failures;                // so far
} harness;

// Ends the case under way and prints its line.
static inline void end_case(void)
{
    if (!harness.open)
        return;
    harness.open = 0;
    harness.cases++;
    harness.failures += harness.failed;
    if (harness.failed)
        printf("not ok - %s: %s\n", harness.name, harness.reason);
    else if (harness.skipped)
        printf("skip - %s: %s\n", harness.name, harness.reason);
    else
        printf("ok - %s%s\n", harness.name, harness.note);
    fflush(stdout);
}

// Begins a case, ending the one before. Always 1.
__attribute__((format(printf, 1, 2)))
static inline int begin_case(const char *format, ...)
{
    va_list args;

    end_case();
    va_start(args, format);
    vsnprintf(harness.name, sizeof(harness.name), format, args);
    va_end(args);
    harness.open = 1;
    harness.failed = harness.skipped = 0;
    harness.reason[0] = harness.note[0] = 0;
    return 1;
}

// Fails the case under way.
__attribute__((format(printf, 1, 2)))
static inline void fail(const char *format, ...)
{
    char text[sizeof(harness.reason)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!harness.open)
        begin_case("outside of any case");
    if (harness.failed)
        fprintf(stderr, "%s: also %s\n", harness.name, text);
    else
        memcpy(harness.reason, text, sizeof(text));
    harness.failed = 1;
}

// Marks the case under way as skipped; the caller returns from it. A failure seen before stands.
__attribute__((format(printf, 1, 2)))
static inline void skip(const char *format, ...)
{
    va_list args;

    if (harness.failed)
        return;
    va_start(args, format);
    vsnprintf(harness.reason, sizeof(harness.reason), format, args);
    va_end(args);
    harness.skipped = 1;
}

// Appends to the line of the case if it passes, in brackets.
__attribute__((format(printf, 1, 2)))
static inline void note(const char *format, ...)
{
    size_t used = strlen(harness.note);
    va_list args;
    char text[128];

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(harness.note + used, sizeof(harness.note) - used, " (%s)", text);
}

// Ends the last case. The exit status of the program: 0 when cases ran and none failed.
static inline int end_cases(void)
{
    end_case();
    return harness.cases == 0 || harness.failures > 0;
}

#define RUN(function) do { begin_case("%s", #function); function(); end_case(); } while (0)

#define CHECK(condition) \
    do { if (!(condition)) fail("%s:%d: %s", __FILE__, __LINE__, #condition); } while (0)

// The same, and returns from the (void) function.
#define REQUIRE(condition) \
    do { if (!(condition)) { fail("%s:%d: %s", __FILE__, __LINE__, #condition); return; } } while (0)

#define CHECK_INT(got, want) check_int(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define CHECK_STR(got, want) check_str(__FILE__, __LINE__, #got, got, want)
#define CHECK_NEAR(got, want, tolerance) check_near(__FILE__, __LINE__, #got, got, want, tolerance)

static inline void check_int(const char *file, int line, const char *what, long long got, long long want)
{
    if (got != want)
        fail("%s:%d: %s is %lld, not %lld", file, line, what, got, want);
}

static inline void check_str(const char *file, int line, const char *what, const char *got, const char *want)
{
    if (!got || strcmp(got, want))
        fail("%s:%d: %s is \"%s\", not \"%s\"", file, line, what, got ? got : "(NULL)", want);
}

static inline void check_near(const char *file, int line, const char *what,
                              double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail("%s:%d: %s is %.9g, not %.9g within %g", file, line, what, got, want, tolerance);
}

// Each |got - want| <= absolute + relative * |want|; NaN only where NaN is wanted, infinities equal. Returns
// the largest difference, which is noted in the case's line.
static inline double check_floats(const char *what, const float *got, const float *want, size_t count,
                                  double absolute, double relative)
{
    double max = 0;
    size_t bad = 0, first = 0, at = 0;

    for (size_t i = 0; i < count; i++) {
        double diff = fabs((double)got[i] - want[i]);
        if (got[i] == want[i] || (isnan(got[i]) && isnan(want[i])))
            continue;
        if (!(diff <= absolute + relative * fabs(want[i])) && bad++ == 0)
            first = i;
        if (diff > max) {
            max = diff;
            at = i;
        }
    }
    if (bad)
        fail("%s: %zu of %zu differ, first [%zu] is %.9g, not %.9g; max difference %g at [%zu]",
             what, bad, count, first, got[first], want[first], max, at);
    else
        note("%s: max difference %.2g", what, max);
    return max;
}

// -------------------------------------------------------------------------------------------- random numbers

// splitmix64 (Steele, Lea, Flood 2014): any seed does, and the same numbers come everywhere.
typedef struct Random {
    uint64_t state;
} Random;

static inline uint64_t random_bits(Random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// Uniform in low..high, high not included.
static inline float random_float(Random *random, float low, float high)
{
    return low + (high - low) * ((float)(random_bits(random) >> 40) * 0x1p-24f);
}

// Uniform in low..high, both included.
static inline int random_int(Random *random, int low, int high)
{
    return low + (int)(random_bits(random) % ((uint64_t)(int64_t)high - (uint64_t)(int64_t)low + 1));
}

static inline void random_floats(Random *random, float *out, size_t count, float low, float high)
{
    for (size_t i = 0; i < count; i++)
        out[i] = random_float(random, low, high);
}

static inline void random_bytes(Random *random, void *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((uint8_t *)out)[i] = (uint8_t)(random_bits(random) >> 56);
}

// ----------------------------------------------------------------------------------------------------- files

// Path of a file of the shared test data, in a buffer that the next call overwrites; NULL, and the case is
// skipped, when there is no such data.
static inline const char *shared_file(const char *name)
{
    static char path[4096];
    const char *shared = getenv("SHARED");
    FILE *file;

    if (shared && *shared && snprintf(path, sizeof(path), "%s/%s", shared, name) < (int)sizeof(path)
        && (file = fopen(path, "rb"))) {
        fclose(file);
        return path;
    }
    skip("no shared test data (%s)", name);
    return NULL;
}

#endif
