/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From candidates to detections: the surest ones, in order, without those that lie over a surer one of their class.
 */
#include "detect.h"

#include <math.h>
#include <string.h>

double gcam_box_overlap(const GcamDetectBox *a, const GcamDetectBox *b)
{
    const double width = fmin(a->right, b->right) - fmax(a->left, b->left);
    const double height = fmin(a->bottom, b->bottom) - fmax(a->top, b->top);
    const double all = (double)(a->right - a->left) * (a->bottom - a->top) +
                       (double)(b->right - b->left) * (b->bottom - b->top);
    if (!(width > 0 && height > 0))
        return 0;
    return width * height / (all - width * height);
}

size_t gcam_detections_suppress(GcamDetection *list, size_t count, double iou, size_t most)
{
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < most; i++) {
        int is_new = 1;
        for (size_t j = 0; j < kept && is_new; j++)
            is_new = list[j].class != list[i].class || gcam_box_overlap(&list[j].box, &list[i].box) <= iou;
        if (is_new)
            list[kept++] = list[i];
    }
    return kept;
}

static int is_box(const GcamDetectBox *box)
{
    return isfinite(box->left) && isfinite(box->top) && box->right > box->left && box->bottom > box->top &&
           isfinite(box->right) && isfinite(box->bottom);
}

// Puts one into its place by confidence, behind equal ones; of too many the least sure goes.
static size_t add(GcamDetection *list, size_t count, const GcamDetection *new)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (list[middle].confidence >= new->confidence)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == GCAM_MOST_SUPPRESSED)
        return count;
    count += count < GCAM_MOST_SUPPRESSED;
    memmove(&list[low + 1], &list[low], (count - low - 1) * sizeof(*list));
    list[low] = *new;
    return count;
}

size_t gcam_detector_detect(const GcamDetector *d, const float *y, double threshold, double iou, GcamDetection *list)
{
    size_t count = 0;
    for (size_t i = 0; i < d->candidates; i++) {
        double confidence = 0;
        const int class = gcam_detector_class(d, y, i, &confidence);
        if (class < 0 || confidence < threshold)
            continue;
        const GcamDetection new = { gcam_detector_box(d, y, i), class, i, (float)confidence };
        if (is_box(&new.box))
            count = add(list, count, &new);
    }
    return gcam_detections_suppress(list, count, d->decoder->suppresses ? iou : 1, GCAM_MOST_DETECTIONS);
}
