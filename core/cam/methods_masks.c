/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods that ask for the score with parts of the activations taken away, or of the picture covered. They need no
 * gradient. In: activations A of the layer, [cells][channels], the picture, and the probe. Out: the map over the cells.
 */
#include "methods.h"
#include "probe.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------ cells by themselves

// Byun and Lee 2022, section 3.2: how much each mask keeps, around its cell.
static const float masks[2][3][3] = {
    { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 0, 0 } },
    { { 1 / 16.0f, 1 / 8.0f, 1 / 16.0f }, { 1 / 8.0f, 1 / 4.0f, 1 / 8.0f }, { 1 / 16.0f, 1 / 8.0f, 1 / 16.0f } },
};

// The activations around one cell, zeros elsewhere.
static void keep_around(const GcamCam *cam, size_t cell, const float mask[3][3], float *out)
{
    const size_t row = cell / cam->width, column = cell % cam->width, channels = cam->channels;
    memset(out, 0, cam->cells * channels * sizeof(*out));
    for (size_t y = row ? row - 1 : 0; y < cam->height && y <= row + 1; y++)
        for (size_t x = column ? column - 1 : 0; x < cam->width && x <= column + 1; x++) {
            const size_t at = (y * cam->width + x) * channels;
            for (size_t k = 0; k < channels; k++)
                out[at + k] = mask[y + 1 - row][x + 1 - column] * cam->a[at + k];
        }
}

static int reciprocam(GcamProbe *probe, const GcamCam *cam, float *map)
{
    float *kept = gcam_probe_floats(probe, cam->cells * cam->channels);
    int error = kept ? 0 : -ENOMEM;
    for (size_t i = 0; i < cam->cells && !error; i++) {
        double score = 0;
        keep_around(cam, i, masks[(size_t)cam->option[0]], kept);
        error = gcam_probe_score_of_layer(probe, kept, &score);
        map[i] = (float)score;
    }
    return error;
}

const GcamMethod gcam_method_reciprocam = {
    .info = {
        .name = "reciprocam",
        .summary = "the score of each place of the layer alone",
        .formula = "s with A zero but around the cell",
        .reference = "Byun and Lee 2022, arXiv 2209.14074",
        .cost = "F + a run from the layer to the score for each cell",
        .use = GRADCAM_USE_KEY_FRAMES,
        .is_signed = 1,
        .option = (const GradcamMethodOption[]){
            { .name = "mask", .help = "what is kept of the activations: those of the cell, or 3x3 cells by weights",
              .words = (const char *const[]){ "cell", "gauss", NULL } },
        },
        .options = 1,
    },
    .needs = GCAM_NEEDS_HEAD,
    .run = reciprocam,
};

// --------------------------------------------------------------------------------------------------- channels left out

// w_k = (s - s without channel k) / s, Desai and Ramaswamy 2020, eq. 2 and 3; a score of 0 divides nothing.
static int ablationcam(GcamProbe *probe, const GcamCam *cam, float *map)
{
    const size_t floats = cam->cells * cam->channels;
    float *left = gcam_probe_floats(probe, floats + cam->channels), *weight = left ? left + floats : NULL;
    double whole;
    if (!left)
        return -ENOMEM;
    int error = gcam_probe_score_of_layer(probe, cam->a, &whole);
    memcpy(left, cam->a, floats * sizeof(*left));
    for (size_t k = 0; k < cam->channels && !error; k++) {
        double score = 0;
        for (size_t i = k; i < floats; i += cam->channels)
            left[i] = 0;
        error = gcam_probe_score_of_layer(probe, left, &score);
        weight[k] = (float)((whole - score) / (whole == 0 ? 1 : whole));
        for (size_t i = k; i < floats; i += cam->channels)
            left[i] = cam->a[i];
    }
    if (!error)
        gcam_weighted_sum(cam, weight, 1, map);
    return error;
}

const GcamMethod gcam_method_ablationcam = {
    .info = {
        .name = "ablationcam",
        .summary = "what speaks for the class, each channel by what the score loses without it",
        .formula = "relu(sum_k w_k A_k), w_k = (s - s with A_k zero) / s",
        .reference = "Desai and Ramaswamy, WACV 2020",
        .cost = "F + a run from the layer to the score for each channel",
        .use = GRADCAM_USE_KEY_FRAMES,
    },
    .needs = GCAM_NEEDS_HEAD,
    .run = ablationcam,
};

// --------------------------------------------------------------------------------------- pictures covered by channels

// Channel k at the picture's size: bilinear, corners on corners.
static void enlarge(const GcamCam *layer, size_t k, const GcamCam *picture, float *mask)
{
    const double down = picture->height > 1 ? (double)(layer->height - 1) / (double)(picture->height - 1) : 0;
    const double across = picture->width > 1 ? (double)(layer->width - 1) / (double)(picture->width - 1) : 0;
    for (size_t y = 0; y < picture->height; y++) {
        const size_t top = (size_t)(y * down), bottom = top + 1 < layer->height ? top + 1 : top;
        const double fy = y * down - (double)top;
        for (size_t x = 0; x < picture->width; x++) {
            const size_t left = (size_t)(x * across), right = left + 1 < layer->width ? left + 1 : left;
            const double fx = x * across - (double)left;
            const float *upper = layer->a + top * layer->width * layer->channels + k;
            const float *lower = layer->a + bottom * layer->width * layer->channels + k;
            const double above = (1 - fx) * upper[left * layer->channels] + fx * upper[right * layer->channels];
            const double below = (1 - fx) * lower[left * layer->channels] + fx * lower[right * layer->channels];
            mask[y * picture->width + x] = (float)((1 - fy) * above + fy * below);
        }
    }
}

// The picture times the mask, scaled to 0..1.
static void cover(const GcamCam *picture, const float *mask, float *covered)
{
    float low = mask[0], high = mask[0];
    for (size_t i = 1; i < picture->cells; i++) {
        low = fminf(low, mask[i]);
        high = fmaxf(high, mask[i]);
    }
    for (size_t i = 0; i < picture->cells; i++)
        for (size_t k = 0; k < picture->channels; k++)
            covered[i * picture->channels + k] = picture->a[i * picture->channels + k] * (mask[i] - low) /
                                                 (high - low + 1e-8f);
}

static void softmax(float *x, size_t count)
{
    double most = x[0], sum = 0;
    for (size_t i = 1; i < count; i++)
        most = fmax(most, x[i]);
    for (size_t i = 0; i < count; i++)
        sum += exp(x[i] - most);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(exp(x[i] - most) / sum);
}

// Wang et al. 2020, eq. 5 and 6; that the score of no picture is subtracted from each is nothing to the softmax.
static int scorecam(GcamProbe *probe, const GcamCam *cam, float *map)
{
    const GcamCam *picture = gcam_probe_picture(probe);
    float *own = gcam_probe_floats(probe, cam->channels + picture->cells * (1 + picture->channels));
    int error = own ? 0 : -ENOMEM;
    for (size_t k = 0; k < cam->channels && !error; k++) {
        float *mask = own + cam->channels, *covered = mask + picture->cells;
        double score = 0;
        enlarge(cam, k, picture, mask);
        cover(picture, mask, covered);
        error = gcam_probe_score_of_picture(probe, covered, &score);
        own[k] = (float)score;
    }
    if (!error) {
        softmax(own, cam->channels);
        gcam_weighted_sum(cam, own, 1, map);
    }
    return error;
}

const GcamMethod gcam_method_scorecam = {
    .info = {
        .name = "scorecam",
        .summary = "what speaks for the class, each channel by the score of the picture covered with it",
        .formula = "relu(sum_k w_k A_k), w = softmax_k s(x N(A_k)), N at the size of the picture x, from 0 to 1",
        .reference = "Wang et al., CVPRW 2020, arXiv 1910.01279",
        .cost = "F for each channel",
        .use = GRADCAM_USE_STILLS,
    },
    .needs = GCAM_NEEDS_NETWORK,
    .run = scorecam,
};
