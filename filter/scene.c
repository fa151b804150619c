/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the frames in order. Out: where something else is seen.
 *
 * Two scores from 0 to 1 are looked at. One is the scene score of FFmpeg's select filter: with d the mean absolute
 * difference of two frames, in code values of 8 bits, and d' that of the frames before, min(d, |d - d'|) / 100, at most
 * 1. Here it is taken of the first plane alone, and of some of its rows; codes of HDR are made those of SDR before. It
 * says nothing where one cut follows the other, and it knows the frame before only.
 *
 * The other is of sketches, frames of a few cells, which motion does not change much: their mean absolute difference in
 * parts of what it would be if the cells of one frame had been shuffled, which is near 1 for pictures of different
 * things, bright or dark, flat or full of contrast. Of 400 pairs of photos, 396 had more than 0.72; frames of seven
 * clips, a fifth of a second apart, at most 0.44. Two thirds of it are the score.
 */
#include "scene.h"

#include <math.h>

#include "libavutil/common.h"
#include "libavutil/imgutils.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"

#include "gradcam_picture.h"
#include "frame.h"
#include "unpack.h"

// Rows of a frame that are compared, about; with more than 8 bits, where FFmpeg has plain C only.
#define ROWS 270
#define ROWS_16 68

// Rows and samples of a row that are averaged for a cell, at most.
#define CELL_ROWS 4
#define CELL_SAMPLES 64

// Share of the sketches' difference that is the score, and how much of it is noise, in codes of 8 bits.
#define SKETCH_SHARE (2.0 / 3)
#define SKETCH_NOISE 6

// Some rows of a frame's first plane.
typedef struct Rows {
    const uint8_t *data;
    ptrdiff_t stride;           // bytes from one to the next
    int width, height;          // samples, rows
    int bits;                   // of a sample
} Rows;

// Makes the table of what the frame's codes are in SDR. All samples of the plane are taken for grey.
static int make_sdr(GcamScene *s, const GradcamOverlaySettings *colors, int bits, int shift)
{
    const int count = 1 << bits;
    const int full = colors->full_range || colors->model == GRADCAM_COLOR_RGB, most = (count >> shift) - 1;
    const double unit = (most + 1) / 256.0, low = full ? 0 : 16 * unit, range = full ? most : 219 * unit;

    if (s->sdr_bits == bits && s->sdr_full == full && s->sdr_transfer == (int)colors->transfer)
        return 0;
    s->sdr_bits = s->width = 0;
    s->last.known = s->key.known = 0;
    if (av_reallocp(&s->sdr, count) < 0)
        return AVERROR(ENOMEM);
    for (int i = 0; i < count; i++)
        s->sdr[i] = lrint(255 * gradcam_transfer_to_sdr(colors->transfer, ((i >> shift) - low) / range));
    s->sdr_bits = bits;
    s->sdr_full = full;
    s->sdr_transfer = colors->transfer;
    return 0;
}

// The same of a frame that is unpacked, as bytes: of its first component.
static int unpack_rows(GcamScene *s, const AVFrame *frame, Rows *rows)
{
    const int bits = gcam_unpacked_depth(frame->format, 0), skip = FFMAX(frame->height / ROWS_16, 1);
    uint16_t *line;

    *rows = (Rows){ NULL, frame->width, frame->width, frame->height / skip, 8 };
    av_fast_malloc(&s->converted, &s->converted_size, (size_t)rows->width * (rows->height + 2));
    if (!s->converted)
        return AVERROR(ENOMEM);
    line = (uint16_t *)s->converted;            // the rows behind it
    rows->data = s->converted + 2 * (size_t)rows->width;
    for (int y = 0; y < rows->height; y++) {
        gcam_unpack_row(frame, 0, y * skip, line);
        for (int x = 0; x < rows->width; x++)
            ((uint8_t *)rows->data)[y * rows->stride + x] = s->sdr_bits ? s->sdr[line[x]] : line[x] >> (bits - 8);
    }
    return 0;
}

// The rows in SDR, in memory of the scene.
static int convert_rows(GcamScene *s, Rows *rows)
{
    uint8_t *to;

    av_fast_malloc(&s->converted, &s->converted_size, (size_t)rows->width * rows->height);
    if (!(to = s->converted))
        return AVERROR(ENOMEM);
    for (int y = 0; y < rows->height; y++) {
        const uint8_t *line = rows->data + y * rows->stride;

        for (int x = 0; x < rows->width; x++)
            *to++ = s->sdr[rows->bits > 8 ? ((const uint16_t *)line)[x] & ((1 << rows->bits) - 1) : line[x]];
    }
    *rows = (Rows){ s->converted, rows->width, rows->width, rows->height, 8 };
    return 0;
}

static int find_rows(GcamScene *s, const AVFrame *frame, Rows *rows)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const int unpacked = gcam_format_unpacked(frame->format);
    const int shift = unpacked ? 0 : desc->comp[0].shift;
    const int bits = unpacked ? gcam_unpacked_depth(frame->format, 0) : desc->comp[0].depth + shift;
    const int bytes = bits > 8 ? 2 : 1, skip = FFMAX(frame->height / (bits > 8 ? ROWS_16 : ROWS), 1);
    GradcamOverlaySettings colors = { .size = sizeof(colors) };
    int ret = gcam_frame_colors(frame, &colors);

    if (ret >= 0 && colors.transfer == GRADCAM_TRANSFER_SDR)
        s->sdr_bits = 0;
    else if (ret >= 0 && (ret = make_sdr(s, &colors, bits, shift)) < 0)
        return ret;
    if (unpacked)
        return unpack_rows(s, frame, rows);
    *rows = (Rows){ frame->data[0], (ptrdiff_t)frame->linesize[0] * skip,
                    av_image_get_linesize(frame->format, frame->width, 0) / bytes, frame->height / skip, bits };
    return ret < 0 || !s->sdr_bits ? 0 : convert_rows(s, rows);
}

// Keeps the rows for the next frame.
static int keep_rows(GcamScene *s, const Rows *rows)
{
    const size_t line = (size_t)rows->width * (rows->bits > 8 ? 2 : 1), size = line * rows->height;

    if (size > s->luma_size) {
        av_freep(&s->luma);
        s->luma_size = 0;
        s->width = 0;
        if (!(s->luma = av_malloc(size)))
            return AVERROR(ENOMEM);
        s->luma_size = size;
    }
    for (int y = 0; y < rows->height; y++)
        memcpy(s->luma + y * line, rows->data + y * rows->stride, line);
    s->width = rows->width;
    s->height = rows->height;
    s->bits = rows->bits;
    return 0;
}

// ------------------------------------------------------------------------------------------------------ sketches

static float find_cell(const Rows *rows, int column, int row)
{
    const int x0 = column * rows->width / GCAM_SKETCH_WIDTH, x1 = (column + 1) * rows->width / GCAM_SKETCH_WIDTH;
    const int y0 = row * rows->height / GCAM_SKETCH_HEIGHT, y1 = (row + 1) * rows->height / GCAM_SKETCH_HEIGHT;
    const int skip_x = FFMAX((x1 - x0) / CELL_SAMPLES, 1), skip_y = FFMAX((y1 - y0) / CELL_ROWS, 1);
    unsigned sum = 0, count = 0;

    // Of a frame with fewer samples than cells, some are in several.
    for (int y = y0; y < FFMAX(y1, y0 + 1); y += skip_y) {
        const uint8_t *line = rows->data + y * rows->stride;

        for (int x = x0; x < FFMAX(x1, x0 + 1); x += skip_x, count++)
            sum += rows->bits > 8 ? ((const uint16_t *)line)[x] : line[x];
    }
    return ldexpf((float)sum / count, 8 - FFMAX(rows->bits, 8));
}

static void make_sketch(GcamSketch *sketch, const Rows *rows)
{
    for (int i = 0; i < GCAM_SKETCH_CELLS; i++)
        sketch->cell[i] = find_cell(rows, i % GCAM_SKETCH_WIDTH, i / GCAM_SKETCH_WIDTH);
    sketch->known = 1;
}

// Mean absolute difference of each cell of the one from each of the other.
static double find_shuffled(const GcamSketch *a, const GcamSketch *b)
{
    double sum = 0;

    for (int i = 0; i < GCAM_SKETCH_CELLS; i++)
        for (int k = 0; k < GCAM_SKETCH_CELLS; k++)
            sum += fabsf(a->cell[i] - b->cell[k]);
    return sum / GCAM_SKETCH_CELLS / GCAM_SKETCH_CELLS;
}

// The score of two sketches; that of one that is not known is 0.
static double compare_sketches(const GcamSketch *a, const GcamSketch *b)
{
    double difference = 0, score;

    if (!a->known || !b->known)
        return 0;
    for (int i = 0; i < GCAM_SKETCH_CELLS; i++)
        difference += fabsf(a->cell[i] - b->cell[i]) / GCAM_SKETCH_CELLS;
    if (difference < SKETCH_NOISE)
        return 0;
    score = SKETCH_SHARE * difference / find_shuffled(a, b);
    return FFMIN(score, 1);
}

// ------------------------------------------------------------------------------------------------------ frames

// Score by the frame before, whose rows were kept; and notes the difference from it.
static double compare_rows(GcamScene *s, const Rows *rows)
{
    const double last = s->difference;
    uint64_t sum = 0;

    s->difference = 0;
    if (rows->width != s->width || rows->height != s->height || rows->bits != s->bits) {
        s->sad = ff_scene_sad_get_fn(rows->bits > 8 ? 16 : 8);
        if (!s->sad)
            s->sad = rows->bits > 8 ? ff_scene_sad16_c : ff_scene_sad_c;
        return 0;
    }
    s->sad(s->luma, rows->width * (rows->bits > 8 ? 2 : 1), rows->data, rows->stride, rows->width, rows->height, &sum);
    s->difference = sum / ((double)rows->width * rows->height) / (1 << (rows->bits - 8));
    return FFMIN3(s->difference / 100, fabs(s->difference - last) / 100, 1);
}

int gcam_scene_frame(GcamScene *s, const AVFrame *frame, double threshold)
{
    Rows rows;
    int change = 0, ret = find_rows(s, frame, &rows);
    GcamSketch now;
    double score;

    if (ret < 0)
        return ret;
    score = compare_rows(s, &rows);
    make_sketch(&now, &rows);
    if (score >= threshold || compare_sketches(&s->last, &now) >= threshold)
        change |= GCAM_SCENE_CUT;
    if (compare_sketches(&s->key, &now) >= threshold)
        change |= GCAM_SCENE_DRIFT;
    s->last = now;
    ret = keep_rows(s, &rows);
    return ret < 0 ? ret : change;
}

void gcam_scene_key(GcamScene *s)
{
    s->key = s->last;
}

void gcam_scene_anew(GcamScene *s)
{
    s->difference = 0;
}

void gcam_scene_reset(GcamScene *s)
{
    av_freep(&s->luma);
    av_freep(&s->sdr);
    av_freep(&s->converted);
    *s = (GcamScene){ 0 };
}
