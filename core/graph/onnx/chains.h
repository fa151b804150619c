/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ONNX operators of any number of inputs, written as chains of those of two.
 */
#ifndef GCAM_GRAPH_ONNX_CHAINS_H
#define GCAM_GRAPH_ONNX_CHAINS_H

#include <stddef.h>

#include "graph/graph.h"

// Nodes that a node of that operator and so many inputs becomes: 1 for all that are no chains.
size_t gcam_onnx_chain_nodes(const char *type, const char *domain, size_t inputs);

// Turns the graph's node of that index into its chain, in the room of gcam_onnx_chain_nodes() nodes from there on.
// How many they are, or -ENOMEM.
int gcam_onnx_chain(GcamGraph *graph, int index);

#endif
