/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Results of a stream: reference counted, each in one block of memory,
 *
 *     count of references, GradcamResult | GradcamResultMap[count] | GradcamMapInfo[count] |
 *     float[count][height][width] | names
 *
 * so that they outlive the stream and the model that they came from.
 */
#include "result.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct Result {
    GradcamResult result;       // first: a pointer to it is one to the whole
    atomic_int references;
    GradcamResultMap map[];
};

// Adds a * b to *sum; returns 1 when that overflows.
static int add_product(size_t *sum, size_t a, size_t b)
{
    size_t product;

    return __builtin_mul_overflow(a, b, &product) || __builtin_add_overflow(*sum, product, sum);
}

int gcam_result_create(GradcamResult **out, const GradcamTarget *targets, size_t count, int width, int height)
{
    size_t elements = 0, size = sizeof(struct Result);
    struct Result *block;
    GradcamMapInfo *info;
    float *map;
    char *name;

    *out = NULL;
    if (width < 1 || height < 1 || add_product(&elements, (size_t)width, (size_t)height) ||
        add_product(&size, count, sizeof(block->map[0]) + sizeof(*info)) || elements > SIZE_MAX / sizeof(float) ||
        add_product(&size, count, elements * sizeof(float)))
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        size += strlen(targets[i].name) + 1;
    block = gcam_alloc(size, 1);
    if (!block)
        return -ENOMEM;

    memset(&block->result, 0, sizeof(block->result));
    atomic_init(&block->references, 1);
    block->result.width = width;
    block->result.height = height;
    block->result.count = count;
    block->result.map = block->map;
    info = memset(block->map + count, 0, count * sizeof(*info));
    map = (float *)(info + count);
    name = (char *)(map + count * elements);
    for (size_t i = 0; i < count; i++) {
        block->map[i].info = info + i;
        block->map[i].map = map + i * elements;
        block->map[i].name = strcpy(name, targets[i].name);
        name += strlen(name) + 1;
    }
    *out = &block->result;
    return 0;
}

int gcam_result_copy(GradcamResult **out, const GradcamResult *from, const GradcamTarget *targets)
{
    const int error = gcam_result_create(out, targets, from->count, from->width, from->height);

    for (size_t i = 0; !error && i < from->count; i++) {
        memcpy(gcam_result_map(*out, i), from->map[i].map,
               (size_t)from->width * (size_t)from->height * sizeof(*from->map[i].map));
        *gcam_result_info(*out, i) = *from->map[i].info;
    }
    return error;
}

float *gcam_result_map(GradcamResult *result, size_t i)
{
    return (float *)((struct Result *)result)->map[i].map;
}

GradcamMapInfo *gcam_result_info(GradcamResult *result, size_t i)
{
    return (GradcamMapInfo *)((struct Result *)result)->map[i].info;
}

GradcamResult *gradcam_result_ref(GradcamResult *result)
{
    atomic_fetch_add_explicit(&((struct Result *)result)->references, 1, memory_order_relaxed);
    return result;
}

void gradcam_result_unref(GradcamResult **result)
{
    struct Result *block = result ? (struct Result *)*result : NULL;

    if (!block)
        return;
    *result = NULL;
    if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1)
        gcam_free(block);
}
