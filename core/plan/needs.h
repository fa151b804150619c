/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is asked of a network beside its scores. Methods (cam/method.h) say it; plans are made for it.
 */
#ifndef GCAM_PLAN_NEEDS_H
#define GCAM_PLAN_NEEDS_H

#include "ops/rule.h"

enum {
    GCAM_NEEDS_SUMS = 1,                // the sums over all cells of the gradient by the layer, by channel
    GCAM_NEEDS_GRADIENT = 2,            // the gradient by the layer
    GCAM_NEEDS_PICTURE_GRADIENT = 4,    // the gradient by the picture
    GCAM_NEEDS_HEAD = 8,                // scores of other activations of the layer
    GCAM_NEEDS_NETWORK = 16,            // scores of other pictures
    GCAM_NEEDS_ONLY_ACTIVE = 32,        // of the gradient by the layer only what is where the layer is not zero
    GCAM_NEEDS_EXCITATION = 64,         // the ways back of excitation and inhibition, to the layer (ops/excitation.h)
    GCAM_NEEDS_ATTENTION = 128,         // the attention probabilities of each block of a transformer
    GCAM_NEEDS_ATTENTION_GRADIENT = 256,        // ... and the gradient by them
    // Those that plans are made for: any plan serves the others.
    GCAM_NEEDS_OF_PLANS = GCAM_NEEDS_PICTURE_GRADIENT | GCAM_NEEDS_EXCITATION | GCAM_NEEDS_ATTENTION,
};

#endif
