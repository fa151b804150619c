/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plans that go back by the rules of excitation and inhibition (ops/excitation.h).
 */
#ifndef GCAM_PLAN_EXCITE_H
#define GCAM_PLAN_EXCITE_H

#include "plan.h"

// Marks the steps of the head for it (GcamStep.excites), before they are made ready. -ENOTSUP for one that has no such
// way back, which the log then names.
int gcam_plan_excite(GcamPlan *plan, const GradcamLog *log);

// Whether a product with weights comes between the layer and the scores: else there is nothing to negate.
int gcam_plan_can_inhibit(const GcamPlan *plan);

#endif
