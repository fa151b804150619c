/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constant folding.
 */
#ifndef GCAM_PLAN_FOLD_H
#define GCAM_PLAN_FOLD_H

#include "graph/graph.h"

// Tries to compute node `index` from its constant inputs: 1 folded, its outputs are constants of the graph now; 0 not
// foldable; or a negative errno with a message.
int gcam_graph_fold(GcamGraph *graph, int index, const GradcamLog *log);

// The ONNX operators that are folded, one after the other; NULL past the last.
const char *gcam_fold_type_at(size_t index);

#endif
