/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods that ask for the score of the picture with parts of its activations taken away. They need no gradient. In:
 * activations A of the layer, [cells][channels], and the probe. Out: the map over the cells.
 */
#include "methods.h"
#include "probe.h"

#include <errno.h>
#include <string.h>

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
