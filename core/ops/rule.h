/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How a gradient goes back through a ReLU. x is what the ReLU was given, g the gradient by what it made. Other
 * operators have one way back; a rule that changes theirs too would be a further function of GcamOp beside `backward`.
 */
#ifndef GCAM_OPS_RULE_H
#define GCAM_OPS_RULE_H

enum GcamRule {
    GCAM_RULE_PLAIN,            // g where x > 0: the derivative
    GCAM_RULE_GUIDED,           // g where x > 0 and g > 0: guided backpropagation, Springenberg et al. 2014
    GCAM_RULE_DECONVOLUTION,    // g where g > 0: the deconvolution network, Zeiler and Fergus 2014
};

#endif
