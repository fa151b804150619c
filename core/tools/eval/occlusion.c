/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Faithfulness (Selvaraju et al. 2017, section 5.3): rank correlation of the map with an occlusion map, which is how
 * much the score falls when a patch of mean colour lies there. The map is averaged over each patch.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

static int ask_covered(Subject *s, int left, int top, int size, float *score, float *mean)
{
    double sum = 0;
    int count = 0;

    memcpy(s->changed, s->input, s->samples * sizeof(*s->changed));
    for (int y = top < 0 ? 0 : top; y < top + size && y < s->height; y++)
        for (int x = left < 0 ? 0 : left; x < left + size && x < s->width; x++) {
            const size_t at = (size_t)y * (size_t)s->width + (size_t)x;
            for (int c = 0; c < s->channels; c++)
                s->changed[subject_sample(s, at, c)] = 0;
            sum += s->shown[at];
            count++;
        }
    *mean = (float)(sum / count);
    return subject_ask(s, s->changed, NULL, score);
}

static int occlusion(Subject *s, const MeasureSettings *settings, double *value)
{
    const int step = settings->patch_step;
    const int columns = (s->width + step - 1) / step, rows = (s->height + step - 1) / step;
    const size_t count = (size_t)columns * (size_t)rows;
    float *drop = malloc(2 * count * sizeof(*drop)), *mean = drop ? drop + count : NULL, whole;
    int error = drop ? subject_ask(s, s->input, NULL, &whole) : -ENOMEM;

    for (size_t i = 0; i < count && !error; i++) {
        const int x = (int)(i % (size_t)columns) * step + step / 2 - settings->patch / 2;
        const int y = (int)(i / (size_t)columns) * step + step / 2 - settings->patch / 2;
        error = ask_covered(s, x, y, settings->patch, &drop[i], &mean[i]);
        drop[i] = whole - drop[i];
    }
    *value = NAN;
    if (!error)
        error = rank_correlation(drop, mean, count, value);
    free(drop);
    return error;
}

const Measure measure_occlusion = {
    .name = "occlusion_rank_correlation", .better = 1, .reference = "Selvaraju et al. 2017, section 5.3",
    .summary = "Spearman's correlation with how much the score falls when a patch lies there", .needs = IS_DEAR,
    .value = occlusion,
};
