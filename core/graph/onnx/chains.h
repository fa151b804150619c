/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators that others together already are, written as these when a file is read.
 */
#ifndef GCAM_GRAPH_ONNX_CHAINS_H
#define GCAM_GRAPH_ONNX_CHAINS_H

#include "graph/graph.h"

// Puts a chain in the place of the graph's last node, whose index that is, where there is a rule for it and the node is
// as the rule knows it. A node that its rule refuses stays, and says why (GcamNode.refusal). 0, -ENOMEM or -EOVERFLOW.
int gcam_onnx_chain(GcamGraph *graph, int index);

#endif
