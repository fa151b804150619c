/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How a gradient goes back. The first three are ways through a ReLU, of which x is what it was given, g the gradient by
 * what it made; other operators have one way back by all of them (GcamOp.backward). By the others each operator has its
 * own (GcamOp.excite), and what goes back is no gradient (excitation.h).
 */
#ifndef GCAM_OPS_RULE_H
#define GCAM_OPS_RULE_H

enum GcamRule {
    GCAM_RULE_PLAIN,            // g where x > 0: the derivative
    GCAM_RULE_GUIDED,           // g where x > 0 and g > 0: guided backpropagation, Springenberg et al. 2014
    GCAM_RULE_DECONVOLUTION,    // g where g > 0: the deconvolution network, Zeiler and Fergus 2014
    GCAM_RULE_EXCITATION,       // shares of the score by weights above 0: Zhang et al. 2016
    GCAM_RULE_INHIBITION,       // the same with the weights of the last product negated
};

// Whether a rule is one of those three.
static inline int gcam_rule_is_gradient(enum GcamRule rule)
{
    return rule <= GCAM_RULE_DECONVOLUTION;
}

#endif
