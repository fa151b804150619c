/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators that others together already are, written as these once the shapes of their inputs are known: gradients and
 * all that is known of the others hold for them too. What can be written without shapes is, when a file is read
 * (graph/onnx/chains.h).
 *
 * A rule is a function of the table in rewrite.c. It looks at inputs and attributes of the node, adds others one by one
 * with gcam_rewrite_add(), and the last of them makes the node's output. Each that is added is folded, rewritten itself
 * or has its shape inferred before the next one is, so that a rule knows what it has made so far.
 */
#ifndef GCAM_PLAN_REWRITE_H
#define GCAM_PLAN_REWRITE_H

#include "ops/ops.h"

// Makes ready the node of that index, which is the graph's last. 0 and the value that its first output is, or is
// another name of; or a negative errno.
typedef int (*GcamRewriteVisit)(void *opaque, int index, int *resolved);

// A node that is being rewritten. infer.node is a copy of it: the graph's own may move.
typedef struct GcamRewrite {
    GcamInfer infer;
    GcamNode whole;
    GcamRewriteVisit visit;
    void *opaque;
    int parts;                  // values on the way to the output
    int error;                  // the first; nothing is added after it
} GcamRewrite;

typedef struct GcamRewriteRule {
    const char *type;           // ONNX operator; NULL ends a table
    // 1 when the node was rewritten, 0 when it is to stay as it is, or a negative errno with a message.
    int (*apply)(GcamRewrite *rewrite);
} GcamRewriteRule;

extern const GcamRewriteRule gcam_rewrite_rules_products[];
extern const GcamRewriteRule gcam_rewrite_rules_einsum[];
extern const GcamRewriteRule gcam_rewrite_rules_norm[];
extern const GcamRewriteRule gcam_rewrite_rules_windows[];

// The rules one after the other; NULL past the last.
const GcamRewriteRule *gcam_rewrite_rule_at(size_t index);

// 1 when the node of that index was written as others, which lie behind all nodes of the graph, 0 when no rule is for
// it, or a negative errno with a message.
int gcam_rewrite(GcamGraph *graph, int index, const GradcamLog *log, GcamRewriteVisit visit, void *opaque);

// ---------------------------------------------------------------------------------------------------------- for rules

// The shape of a value.
const GcamShape *gcam_rewrite_shape(const GcamRewrite *rewrite, int value);

// A node that computes `output`, or a new value where that is -1, from the inputs. The value, or -1 once there was an
// error, which `rewrite` keeps. Attributes are copied, what they point to is not.
int gcam_rewrite_add(GcamRewrite *rewrite, const char *type, int inputs, const int *input, int attributes,
                     const GcamAttribute *attribute, int output);
// The same without attributes, of one input and of two; b may be -1 where a was an error.
int gcam_rewrite_unary(GcamRewrite *rewrite, const char *type, int a, int output);
int gcam_rewrite_binary(GcamRewrite *rewrite, const char *type, int a, int b, int output);
// An attribute that is a list, which is copied.
GcamAttribute gcam_rewrite_ints(GcamRewrite *rewrite, const char *name, const int64_t *list, int count);
// A value put into another shape of as many elements, and into another order of dimensions.
int gcam_rewrite_reshape(GcamRewrite *rewrite, int a, const GcamShape *shape, int output);
int gcam_rewrite_transpose(GcamRewrite *rewrite, int a, const int *perm, int output);
// A reduction (ReduceSum, ReduceMean ...) over `count` dimensions from `axis` on, which remain as 1 or are dropped.
int gcam_rewrite_reduce(GcamRewrite *rewrite, const char *type, int a, int axis, int count, int keepdims);

// Constants: one number, a list, and a tensor of float32 whose elements are the caller's to fill in. A value, or -1.
int gcam_rewrite_number(GcamRewrite *rewrite, float number);
int gcam_rewrite_list(GcamRewrite *rewrite, const int64_t *list, size_t count);
int gcam_rewrite_floats(GcamRewrite *rewrite, const GcamShape *shape, float **data);

// What a rule returns once all is added: 1, or the error.
int gcam_rewrite_end(const GcamRewrite *rewrite);

#endif
