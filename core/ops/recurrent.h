/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of recurrent networks: what is read off a node, and what its cells compute element by element.
 */
#ifndef GCAM_OPS_RECURRENT_H
#define GCAM_OPS_RECURRENT_H

#include "ops.h"

enum GcamCell { GCAM_CELL_RNN, GCAM_CELL_LSTM, GCAM_CELL_GRU };

typedef struct GcamGate {
    int which;                  // a row of the activations' table
    float a, b;
} GcamGate;

typedef struct GcamRecurrent {
    enum GcamCell cell;
    size_t gates;               // products at a time: 1, 4 or 3
    size_t steps, batch, in, hidden, directions;
    int batch_first;            // layout=1
    int backwards;              // the only direction there is
    int linear_before_reset;
    GcamGate activation[2][3];  // by direction: f, g, h
} GcamRecurrent;

// GcamOp.infer: node->params becomes a GcamRecurrent.
int gcam_recurrent_infer(GcamInfer *infer);

// In place: y = f(x). gcam_slope: f' where it is y.
void gcam_activate(const GcamGate *gate, float *x, size_t count);
float gcam_slope(const GcamGate *gate, float y);

// A step of RNN and LSTM. z: the gates' products, which are activated; c and h: [2][hidden], before and after; beside:
// [hidden], h(c) of LSTM.
void gcam_cell_forward(const GcamRecurrent *p, size_t direction, float *z, float *c, float *h, float *beside);
// Its gradients: dz, by the products, from dh and dc; dc becomes that by c before.
void gcam_cell_backward(const GcamRecurrent *p, size_t direction, const float *z, const float *c, const float *h,
                        const float *beside, const float *dh, float *dc, float *dz);

#endif
