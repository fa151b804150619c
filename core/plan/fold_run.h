/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constant folding by the operators themselves.
 */
#ifndef GCAM_PLAN_FOLD_RUN_H
#define GCAM_PLAN_FOLD_RUN_H

#include "ops/ops.h"

// Of a node whose operator has inferred its shapes: where all inputs are constant, and not too large, runs it. Its
// outputs are constants then, in the arena of the graph, and it has no operator left. 0, or a negative errno: -ENOMEM;
// -EOVERFLOW, where the budget of the graph is spent, or -ENOTSUP, with a message.
int gcam_fold_run(GcamInfer *infer);

#endif
