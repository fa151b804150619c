/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Remembered pictures and answers, and what of two pictures is the same. Differences are taken by blocks: their mean is
 * hardly moved by a camera's noise, and it is by a small thing that moves, which would drown in the mean of the whole.
 */
#include "picture_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cam/method.h"
#include "cam/score.h"

enum { BLOCK = 16, HEAD = 9 };

int gcam_seen_picture_create(GcamSeenPicture **out, int width, int height, int samples, size_t classes)
{
    const size_t logits = sizeof(GcamSeenPicture) + classes * sizeof(float), pixels = (size_t)width * (size_t)height;
    GcamSeenPicture *picture = gcam_alloc(logits + (size_t)samples * pixels, 1);

    *out = picture;
    if (!picture)
        return -ENOMEM;
    *picture = (GcamSeenPicture){ .references = 1 };
    picture->pixels = (uint8_t *)picture + logits;
    return 0;
}

void gcam_seen_picture_unref(GcamSeenPicture *picture)
{
    if (picture && --picture->references == 0) {
        gcam_answer_unref(picture->answer);
        gcam_free(picture);
    }
}

// All that makes a target's score what it is, as numbers from `at` on, or only counted where that is NULL. Returns how
// many there are.
static size_t pack_target(const GradcamTarget *target, int *at)
{
    const size_t count = target->count, rivals = target->rival_count;
    const size_t letters = target->tensor ? strlen(target->tensor) + 1 : 0;
    const size_t all = HEAD + count + rivals + 2 * target->ranges + letters;
    int strength;

    if (!at)
        return all;
    memcpy(&strength, &target->strength, sizeof(strength));
    const int head[HEAD] = { (int)gcam_score_index(target->score), target->negative, target->even, strength,
                             target->rank, (int)count, (int)rivals, (int)target->ranges, (int)letters };
    memcpy(at, head, sizeof(head));
    at += HEAD;
    if (count)
        memcpy(at, target->classes, count * sizeof(*at));
    at += count;
    if (rivals)
        memcpy(at, target->rivals, rivals * sizeof(*at));
    at += rivals;
    for (size_t i = 0; i < target->ranges; i++) {
        *at++ = (int)target->range[i].begin;
        *at++ = (int)target->range[i].end;
    }
    for (size_t i = 0; i < letters; i++)
        *at++ = target->tensor[i];
    return all;
}

int gcam_answer_create(GcamAnswer **out, const GcamLayers *layers, const GradcamMethod *method,
                       const GradcamTarget *target, size_t count)
{
    size_t length = 0;
    GcamAnswer *answer;

    for (size_t i = 0; i < count; i++)
        length += pack_target(&target[i], NULL);
    *out = answer = gcam_alloc(sizeof(*answer) + length * sizeof(answer->question[0]), 1);
    if (!answer)
        return -ENOMEM;
    *answer = (GcamAnswer){ .references = 1, .layers = *layers, .method = *method, .length = length };
    int *at = answer->question;
    for (size_t i = 0; i < count; i++)
        at += pack_target(&target[i], at);
    return 0;
}

void gcam_answer_unref(GcamAnswer *answer)
{
    if (answer && --answer->references == 0) {
        gradcam_result_unref(&answer->result);
        gcam_free(answer);
    }
}

int gcam_answer_alike(const GcamAnswer *a, const GcamAnswer *b)
{
    return gcam_layers_equal(&a->layers, &b->layers) && a->length == b->length &&
           gcam_method_equal(&a->method, &b->method) &&
           !memcmp(a->question, b->question, a->length * sizeof(a->question[0]));
}

static unsigned row_difference(const uint8_t *a, const uint8_t *b, int bytes)
{
    unsigned sum = 0;

    for (int i = 0; i < bytes; i++)
        sum += (unsigned)abs(a[i] - b[i]);
    return sum;
}

// Whether the block of `rows` rows of `bytes` bytes is still; it then becomes the old one.
static int settle_block(const uint8_t *last, uint8_t *picture, size_t stride, int rows, int bytes, float threshold)
{
    unsigned sum = 0;
    for (int i = 0; i < rows; i++)
        sum += row_difference(last + (size_t)i * stride, picture + (size_t)i * stride, bytes);
    if ((float)sum > threshold * (float)(rows * bytes))
        return 0;
    for (int i = 0; sum && i < rows; i++)
        memcpy(picture + (size_t)i * stride, last + (size_t)i * stride, (size_t)bytes);
    return 1;
}

int gcam_pixels_settle(const uint8_t *last, uint8_t *picture, int width, int height, int samples, float threshold)
{
    const size_t stride = (size_t)samples * (size_t)width;
    int still = 1;

    if (threshold == 0)
        return !memcmp(last, picture, stride * (size_t)height);
    for (int y = 0; y < height; y += BLOCK)
        for (int x = 0; x < width; x += BLOCK) {
            const int rows = height - y < BLOCK ? height - y : BLOCK;
            const int bytes = samples * (width - x < BLOCK ? width - x : BLOCK);
            const size_t corner = (size_t)y * stride + (size_t)samples * (size_t)x;
            still &= settle_block(last + corner, picture + corner, stride, rows, bytes, threshold);
        }
    return still;
}
