/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of operators, and what their shape rules share.
 */
#include "ops.h"

#include "base/enum_names.h"
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_ELEMENTS ((size_t)INT32_MAX)      // counts and sizes fit an int

// One row for each, by the last part of its name: gcam_op_conv is in conv.c.
#define OPERATORS(_) \
    _(conv) _(conv_transpose) _(gemm) _(matmul) \
    _(max_pool) _(average_pool) _(lp_pool) _(global_average_pool) _(global_max_pool) _(global_lp_pool) \
    _(batch_norm) _(layer_norm) _(lrn) \
    _(reduce_mean) _(reduce_sum) _(softmax) _(log_softmax) \
    _(concat) _(split) _(slice) _(pad) _(transpose) _(expand) _(tile) _(gather) _(where) _(trilu) _(cumsum) \
    _(grid_sample) _(hardmax) \
    _(reshape) _(flatten) _(squeeze) _(unsqueeze)

// Files that hold a table of their own, which is named as the file is.
#define FAMILIES(_) _(unary) _(binary) _(reduce_fold) _(norm_groups) _(depth_space) _(resize) \
    _(quantize) _(recurrent) _(places) _(picks)

#define DECLARE(name) extern const GcamOp gcam_op_##name;
#define ROW(name) &gcam_op_##name,
#define DECLARE_FAMILY(name) extern const GcamOp gcam_op_##name[]; extern const size_t gcam_op_##name##_count;
#define FAMILY(name) { gcam_op_##name, &gcam_op_##name##_count },

OPERATORS(DECLARE)
FAMILIES(DECLARE_FAMILY)

static const GcamOp *const table[] = { OPERATORS(ROW) };
static const struct {
    const GcamOp *op;
    const size_t *count;
} families[] = { FAMILIES(FAMILY) };

const GcamOp *gcam_op_at(size_t index)
{
    const size_t own = sizeof(table) / sizeof(table[0]);
    if (index < own)
        return table[index];
    index -= own;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); index -= *families[i++].count)
        if (index < *families[i].count)
            return &families[i].op[index];
    return NULL;
}

const GcamOp *gcam_op_find(const char *type)
{
    const GcamOp *op;
    for (size_t i = 0; (op = gcam_op_at(i)); i++)
        if (!strcmp(op->type, type))
            return op;
    return NULL;
}

const GcamOp *gcam_op_of(const GcamInfer *infer)
{
    const GcamOp *op = infer->node->domain[0] ? NULL : gcam_op_find(infer->node->type);
    return op && op->variant ? op->variant(infer) : op;
}

int gcam_moves_rows(const GcamStep *step, const GcamValue *values)
{
    const GcamOp *op = step->op;
    if (!values[step->input[0]].shape.rank || !values[step->output[0]].shape.rank)
        return 0;
    return op->flags & GCAM_OP_VIEW || (op->moves_rows && op->moves_rows(step, values));
}

int gcam_step_bias(const GcamStep *step, const GcamValue *values, float *bias)
{
    const GcamShape *shape = &values[step->output[0]].shape;
    const size_t channels = shape->rank > 1 ? shape->dim[1] : 0;
    const GcamValue *own = step->op->flags & GCAM_OP_WEIGHTS && step->inputs > 2 && step->input[2] >= 0
                               ? &values[step->input[2]] : NULL;
    if (step->bias)
        memcpy(bias, step->bias, channels * sizeof(*bias));
    else if (own)
        for (size_t i = 0; i < channels; i++)
            bias[i] = (float)gcam_constant_double(own, gcam_shape_count(&own->shape) == 1 ? 0 : i);
    else if (step->op->affine)
        step->op->affine(step->node, values, NULL, bias);
    return step->bias || own || step->op->affine;
}

static void complain(const GcamInfer *infer, const char *format, va_list arguments)
{
    char text[256];
    vsnprintf(text, sizeof(text), format, arguments);
    gcam_log(infer->log, GRADCAM_LOG_ERROR, "node '%s' (%s, opset %d): %s", infer->node->name, infer->node->type,
             infer->graph->opset, text);
}

int gcam_infer_bad(const GcamInfer *infer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(infer, format, arguments);
    va_end(arguments);
    return -EBADMSG;
}

int gcam_infer_unsupported(const GcamInfer *infer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(infer, format, arguments);
    va_end(arguments);
    return -ENOTSUP;
}

int gcam_infer_arity(const GcamInfer *infer, int required, int most)
{
    const GcamNode *node = infer->node;
    if (node->inputs < required || node->inputs > most || node->outputs < 1 || node->output[0] < 0)
        return gcam_infer_bad(infer, "has %d inputs and %d outputs", node->inputs, node->outputs);
    for (int i = 0; i < required; i++)
        if (node->input[i] < 0)
            return gcam_infer_bad(infer, "input %d is missing", i);
    return 0;
}

GcamValue *gcam_infer_input(const GcamInfer *infer, int input)
{
    if (input >= infer->node->inputs || infer->node->input[input] < 0)
        return NULL;
    return &infer->graph->value[infer->node->input[input]];
}

int gcam_infer_output(const GcamInfer *infer, int output, const GcamShape *shape)
{
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (!shape->dim[i] || shape->dim[i] > MOST_ELEMENTS || (count *= shape->dim[i]) > MOST_ELEMENTS) {
            char text[GCAM_SHAPE_TEXT];
            return gcam_infer_unsupported(infer, "its output would have the shape %s", gcam_shape_text(shape, text));
        }
    }
    GcamValue *value = &infer->graph->value[infer->node->output[output]];
    value->shape = *shape;
    value->type = GCAM_TYPE_FLOAT;
    return 0;
}

int gcam_infer_ints(const GcamInfer *infer, const char *name, int input, int64_t list[GCAM_MAX_RANK])
{
    const GcamAttribute *attribute = name ? gcam_node_attribute(infer->node, name) : NULL;
    const GcamValue *value = input >= 0 ? gcam_infer_input(infer, input) : NULL;
    size_t count;
    if (value && !value->data)
        return gcam_infer_unsupported(infer, "input %d ('%s') depends on the picture", input, value->name);
    if (!value && !attribute)
        return -ENOENT;
    count = value ? gcam_shape_count(&value->shape) : attribute->int_count;
    if (count > GCAM_MAX_RANK)
        return gcam_infer_bad(infer, "'%s' has %zu entries", value ? value->name : name, count);
    for (size_t i = 0; i < count; i++)
        list[i] = value ? gcam_constant_int(value, i) : attribute->ints[i];
    return (int)count;
}

int gcam_infer_name(const GcamInfer *infer, const char *attribute, const char *fallback, const char *const *names,
                    int count)
{
    const char *name = gcam_node_string(infer->node, attribute, fallback);
    int found = gcam_enum_find(names, count, name);
    return found >= 0 ? found : gcam_infer_unsupported(infer, "%s '%s'", attribute, name);
}

int gcam_infer_axis(const GcamInfer *infer, int64_t axis, int rank)
{
    if (axis < -rank || axis >= rank)
        return gcam_infer_bad(infer, "axis %lld of %d dimensions", (long long)axis, rank);
    return (int)(axis < 0 ? axis + rank : axis);
}

int64_t gcam_slice_range(int64_t size, int64_t start, int64_t end, int64_t step, size_t *count)
{
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    start = start < 0 ? start + size : start;
    end = end < 0 && end >= -size ? end + size : end;
    start = start < (step > 0 ? 0 : low) ? low : start > high ? high : start;
    end = end < low ? low : end > high ? high : end;
    int64_t n = step > 0 ? end - start : start - end, stride = step > 0 ? step : step == INT64_MIN ? INT64_MAX : -step;
    *count = n > 0 ? (size_t)((n - 1) / stride + 1) : 0;
    return *count ? start : 0;
}

void *gcam_infer_alloc(const GcamInfer *infer, size_t size)
{
    return gcam_arena_alloc(&infer->graph->arena, 1, size);
}
