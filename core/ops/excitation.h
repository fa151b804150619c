/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Excitation backpropagation, Zhang et al. 2016: what goes back is no derivative but a share p of the score, which a
 * product hands on to its inputs as p_j = x_j sum_i w+_ij p_i / (sum_k w+_ik x_k), w+ being the weights above 0.
 *
 * Steps pass on r = p / x, which stands where other rules have the gradient. A ReLU, a pooling, a sum, whatever only
 * moves elements then has its usual way back (of a sum a + b, for one, the share p a / (a + b) of a is r a). A product
 * has r_j = sum_i w+_ij r_i y_i / z_i, z being what it makes of x by w+ alone. What treats each element by itself and
 * keeps nothing has r_in x = r_out y. At the end the share of an element is r times the element. What is 0 has no
 * share, and where z is not above 0 that of y is lost.
 */
#ifndef GCAM_OPS_EXCITATION_H
#define GCAM_OPS_EXCITATION_H

#include "ops.h"

// Weights above 0, or below 0 with their sign changed: what `excite` of a product reads by one rule or by the other.
enum { GCAM_EXCITATION, GCAM_INHIBITION, GCAM_EXCITATIONS };

// Which of them a run goes by at a step.
int gcam_excitation_of(const GcamRun *run, const GcamStep *step);
// Which of them a step is made ready for.
int gcam_excitation_wanted(const GcamStep *step, int which);

// w to what of it counts: max(factor w, 0), or max(-factor w, 0). out may be w.
void gcam_excitation_weights(const float *w, size_t count, float factor, int which, float *out);

// z to r y / z, 0 where z is not above 0.
void gcam_excitation_shares(const float *r, const float *y, float *z, size_t count);

// A GcamOp.excite of operators with an element of y for each of x, that pass p on: dx = r y / x.
void gcam_excite_same(const GcamRun *run, const GcamStep *step, int input, float *dx);

#endif
