/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FullGrad, Srinivas and Fleuret 2019: the score of a network of ReLUs is the sum of the picture times its gradient and
 * of all biases times theirs. In: the picture x and its gradient, [pixels][channels], and the probe, which tells of the
 * biases. Out: what is at each pixel of all these maps together, each scaled to 0..1 and enlarged (eq. 5). Of a
 * convolution whose batch normalization is folded in, the bias is what both come to.
 */
#include "picture/upsample.h"
#include "methods.h"
#include "probe.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { SCALE_LAYER, SCALE_CHANNEL };

typedef struct Total {
    const GcamCam *picture;
    int scale;                  // what is scaled: a layer, or each channel by itself
    float *low, *high;          // [channels]: of the numbers at hand
    float *small, *large;       // a map of a layer, the same enlarged
    float *map;
} Total;

// A map of channels: abs(factor * g), factor one number a channel or one for each element.
typedef struct Product {
    size_t height, width, channels;
    const float *factor, *g;
    size_t stride;              // of factor, from cell to cell: 0 or the channels
} Product;

static float at(const Product *p, size_t cell, size_t k)
{
    return fabsf(p->factor[cell * p->stride + k] * p->g[cell * p->channels + k]);
}

// The least and the most of each channel, or of all of them.
static void find_range(const Product *p, const Total *total)
{
    float low = INFINITY, high = 0;
    for (size_t k = 0; k < p->channels; k++) {
        total->low[k] = INFINITY;
        total->high[k] = 0;
    }
    for (size_t i = 0; i < p->height * p->width; i++)
        for (size_t k = 0; k < p->channels; k++) {
            const float v = at(p, i, k);
            total->low[k] = fminf(total->low[k], v);
            total->high[k] = fmaxf(total->high[k], v);
        }
    for (size_t k = 0; k < p->channels; k++) {
        low = fminf(low, total->low[k]);
        high = fmaxf(high, total->high[k]);
    }
    for (size_t k = 0; k < p->channels && total->scale == SCALE_LAYER; k++) {
        total->low[k] = low;
        total->high[k] = high;
    }
}

static void add(const Product *p, const Total *total)
{
    const size_t cells = p->height * p->width, pixels = total->picture->cells;
    find_range(p, total);
    for (size_t i = 0; i < cells; i++) {
        double sum = 0;
        for (size_t k = 0; k < p->channels; k++)
            sum += (at(p, i, k) - total->low[k]) / (total->high[k] - total->low[k] + 1e-7);
        total->small[i] = (float)sum;
    }
    gcam_map_resize(total->small, (int)p->width, (int)p->height, total->large, (int)total->picture->width,
                    (int)total->picture->height);
    for (size_t i = 0; i < pixels; i++)
        total->map[i] += total->large[i];
}

static void add_bias(void *opaque, const GcamBiased *biased)
{
    const Product product = { biased->height, biased->width, biased->channels, biased->bias, biased->g, 0 };
    add(&product, opaque);
}

static int fullgrad(GcamProbe *probe, const GcamCam *cam, float *map)
{
    size_t channels = cam->channels, cells = cam->cells;
    gcam_probe_most_biased(probe, &channels, &cells);
    float *own = gcam_probe_floats(probe, 2 * channels + cells + cam->cells);
    if (!own)
        return -ENOMEM;
    float *small = own + 2 * channels;
    Total total = { cam, (int)cam->option[0], own, own + channels, small, small + cells, map };
    const Product whole = { cam->height, cam->width, cam->channels, cam->a, cam->g, cam->channels };
    memset(map, 0, cam->cells * sizeof(*map));
    add(&whole, &total);
    return gcam_probe_biases(probe, add_bias, &total);
}

const GcamMethod gcam_method_fullgrad = {
    .info = {
        .name = "fullgrad",
        .summary = "which pixels the score comes from, by the picture and all biases of the network",
        .formula = "sum_k N(abs(x_k G_k)) + sum_lk N(abs(b_lk G_lk)), of all layers l with a bias b, enlarged",
        .reference = "Srinivas and Fleuret, NeurIPS 2019, arXiv 1905.00780",
        .cost = "F + 2 B to the picture",
        .use = GRADCAM_USE_KEY_FRAMES,
        .of_pixels = 1,
        .option = (const GradcamMethodOption[]){
            { .name = "scale", .help = "what N scales to 0..1: all of a layer, or each channel by itself, as "
              "pytorch-grad-cam does", .words = (const char *const[]){ "layer", "channel", NULL } },
        },
        .options = 1,
    },
    .needs = GCAM_NEEDS_PICTURE_GRADIENT,
    .run = fullgrad,
};
