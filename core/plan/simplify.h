/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the graph as exported to the graph as run.
 */
#ifndef GCAM_PLAN_SIMPLIFY_H
#define GCAM_PLAN_SIMPLIFY_H

#include "graph/graph.h"

// Infers shapes, folds constants, drops nodes that do nothing at inference and those no output needs, resolves
// operators, and turns small constants into float32 or int64. 0, -EBADMSG, -ENOTSUP or -ENOMEM; messages name node,
// operator and opset. What it makes belongs to the graph's arena.
int gcam_graph_simplify(GcamGraph *graph, const GradcamLog *log);

#endif
