/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What operators share that can compute a part of their output. A part is a rectangle of rows and columns of a value
 * that lies in memory as [1][rows][columns][channels]; of windows, which outputs a change of inputs reaches, and which
 * inputs a part of the outputs reads.
 */
#include "part.h"

#include <limits.h>
#include <string.h>

// Which dimensions are rows and columns: channels last in memory is [N][H][W][C], whatever a network calls it.
static void find_dims(const GcamValue *value, int *rows, int *columns, int *channels)
{
    *rows = value->channels_last ? 2 : 1;
    *columns = *rows + 1;
    *channels = value->channels_last ? 1 : 3;
}

int gcam_value_lines(const GcamValue *value, int *rows, int *columns, size_t *channels)
{
    int h, w, c;
    if (value->shape.rank != 4 || value->shape.dim[0] != 1)
        return 0;
    find_dims(value, &h, &w, &c);
    *rows = (int)value->shape.dim[h];
    *columns = (int)value->shape.dim[w];
    *channels = value->shape.dim[c];
    return 1;
}

GcamRect gcam_rect_all(void)
{
    return (GcamRect){ 0, INT_MAX, 0, INT_MAX };
}

GcamRect gcam_reach_same(const GcamStep *step, const GcamValue *values, int value, const GcamRect *in)
{
    int rows, columns, out_rows, out_columns;
    size_t channels;
    if (!gcam_value_lines(&values[value], &rows, &columns, &channels) ||
        !gcam_value_lines(&values[step->output[0]], &out_rows, &out_columns, &channels) || rows != out_rows ||
        columns != out_columns || values[value].channels_last != values[step->output[0]].channels_last)
        return gcam_rect_all();
    return *in;
}

// Rounded down, where / rounds to zero.
static int floor_div(int a, int b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

// Output i reads inputs i * stride - pad to that plus `reach`.
static void reach_along(int stride, int pad, int reach, int size, int *first, int *last)
{
    int from = -floor_div(-(*first + pad - reach), stride), to = floor_div(*last - 1 + pad, stride) + 1;
    *first = from < 0 ? 0 : from;
    *last = to > size ? size : to;
}

GcamRect gcam_reach_window(const GcamWindow *w, const GcamRect *in)
{
    GcamRect out = *in;
    if (out.bottom > w->in_h)
        out.bottom = w->in_h;
    if (out.right > w->in_w)
        out.right = w->in_w;
    reach_along(w->stride_h, w->pad_top, (w->kernel_h - 1) * w->dilation_h, w->out_h, &out.top, &out.bottom);
    reach_along(w->stride_w, w->pad_left, (w->kernel_w - 1) * w->dilation_w, w->out_w, &out.left, &out.right);
    return out;
}

static void reads_along(int stride, int pad, int reach, int size, int *first, int *last)
{
    int from = *first * stride - pad, to = (*last - 1) * stride - pad + reach + 1;
    *first = from < 0 ? 0 : from;
    *last = to > size ? size : to;
}

GcamRect gcam_window_reads(const GcamWindow *w, const GcamRect *out)
{
    GcamRect in = *out;
    reads_along(w->stride_h, w->pad_top, (w->kernel_h - 1) * w->dilation_h, w->in_h, &in.top, &in.bottom);
    reads_along(w->stride_w, w->pad_left, (w->kernel_w - 1) * w->dilation_w, w->in_w, &in.left, &in.right);
    return in;
}

GcamStretches gcam_part_floats(const GcamRun *run, const GcamValue *value)
{
    const GcamRect *part = run->part;
    int rows, columns;
    size_t channels;
    if (!part || !gcam_value_lines(value, &rows, &columns, &channels))
        return (GcamStretches){ 0, gcam_shape_count(&value->shape), 0, 1 };
    size_t line = (size_t)columns * channels, width = (size_t)(part->right - part->left) * channels;
    size_t first = (size_t)part->top * line + (size_t)part->left * channels, lines = (size_t)(part->bottom - part->top);
    if (width == line)
        return (GcamStretches){ first, lines * line, 0, 1 };
    return (GcamStretches){ first, width, line, lines };
}

size_t gcam_pieces(const GcamStretches *s, size_t length)
{
    return s->lines * ((s->count + length - 1) / length);
}

size_t gcam_piece(const GcamStretches *s, size_t length, size_t index, size_t *count)
{
    size_t pieces = (s->count + length - 1) / length, at = index % pieces * length;
    *count = s->count - at < length ? s->count - at : length;
    return s->first + index / pieces * s->line + at;
}

void gcam_clear(const GcamRun *run, int value, float *data)
{
    memset(data, 0, gcam_shape_count(&run->value[value].shape) * sizeof(*data));
}

GcamBox gcam_box_all(const GcamShape *shape)
{
    GcamBox box = { .shape = *shape };
    for (int i = 0; i < shape->rank; i++)
        box.step[i] = 1;
    return box;
}

void gcam_move_part(GcamMove *move, const GcamRun *run, const GcamValue *value)
{
    const GcamRect *part = run->part;
    int rows, columns, channels;
    if (!part)
        return;
    find_dims(value, &rows, &columns, &channels);
    move->from_offset += part->top * move->from[rows] + part->left * move->from[columns];
    move->to_offset += part->top * move->to[rows] + part->left * move->to[columns];
    move->dim[rows] = (size_t)(part->bottom - part->top);
    move->dim[columns] = (size_t)(part->right - part->left);
}
