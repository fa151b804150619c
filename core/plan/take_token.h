/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What of a transformer one token alone is used of.
 */
#ifndef GCAM_PLAN_TAKE_TOKEN_H
#define GCAM_PLAN_TAKE_TOKEN_H

#include "graph/graph.h"

// After simplifying: computes for one token alone what is thrown away for the others. As gcam_graph_simplify().
int gcam_graph_take_token(GcamGraph *graph, const GradcamLog *log);

#endif
