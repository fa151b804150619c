/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which operators of ONNX graphs are read: those that run, those that are written as others when a file is read or
 * when shapes are known, those that the graph is simplified by, and those that are computed once from constants.
 */
#include "gradcam.h"

#include <string.h>

#include "base/sized.h"
#include "graph/onnx/chain.h"
#include "ops/ops.h"
#include "plan/fold.h"
#include "plan/rewrite.h"

static int operator_that_runs(size_t index, GradcamOperator *out)
{
    const GcamOp *op = gcam_op_at(index);
    out->type = op ? op->type : NULL;
    return op != NULL;
}

static int operator_as_chain(size_t index, GradcamOperator *out)
{
    const GcamChainRule *rule = gcam_chain_rule_at(index);
    if (rule)
        out->type = rule->type, out->domain = rule->domain;
    return rule != NULL;
}

static int operator_as_others(size_t index, GradcamOperator *out)
{
    const GcamRewriteRule *rule = gcam_rewrite_rule_at(index);
    out->type = rule ? rule->type : NULL;
    return rule != NULL;
}

static int operator_simplified(size_t index, GradcamOperator *out)
{
    static const char *const types[] = { "Identity", "Dropout", "If" };
    const int found = index < sizeof(types) / sizeof(types[0]);
    if (found)
        out->type = types[index];
    out->constant = found && !strcmp(types[index], "If");
    return found;
}

static int operator_folded(size_t index, GradcamOperator *out)
{
    out->type = gcam_fold_type_at(index);
    out->constant = 1;
    return out->type != NULL;
}

typedef int Source(size_t index, GradcamOperator *out);

static Source *const sources[] = { operator_that_runs, operator_as_chain, operator_as_others, operator_simplified,
                                   operator_folded };

static int is_same(const GradcamOperator *a, const GradcamOperator *b)
{
    return !strcmp(a->type, b->type) && !strcmp(a->domain, b->domain);
}

// Whether it stands before place `index` of source `source` already.
static int is_known(const GradcamOperator *operator, size_t source, size_t index)
{
    for (size_t s = 0; s <= source; s++)
        for (size_t i = 0; s < source || i < index; i++) {
            GradcamOperator other = { .domain = "" };
            if (!sources[s](i, &other))
                break;
            if (is_same(operator, &other))
                return 1;
        }
    return 0;
}

int gradcam_operator_at(size_t index, GradcamOperator *out)
{
    for (size_t s = 0; s < sizeof(sources) / sizeof(sources[0]); s++)
        for (size_t i = 0;; i++) {
            GradcamOperator operator = { .domain = "" };
            if (!sources[s](i, &operator))
                break;
            if (is_known(&operator, s, i) || index--)
                continue;
            GCAM_GIVE(out, operator);
            return 1;
        }
    return 0;
}
