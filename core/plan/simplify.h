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
// logits: the tensor or node that computes the scores, NULL or "" for the first output. What they do not need and is
// not supported is dropped without a word, outputs too; an output that merely picks of the scores gives way to them.
int gcam_graph_simplify(GcamGraph *graph, const char *logits, const GradcamLog *log);

#endif
