/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rectangles of a picture, or of activations that have rows and columns.
 */
#ifndef GCAM_BASE_RECT_H
#define GCAM_BASE_RECT_H

typedef struct GcamRect {
    int top, bottom, left, right;       // rows top..bottom - 1, columns left..right - 1; nothing where one is empty
} GcamRect;

static inline int gcam_rect_is_empty(const GcamRect *rect)
{
    return rect->top >= rect->bottom || rect->left >= rect->right;
}

static inline int gcam_rect_is_all(const GcamRect *rect, int height, int width)
{
    return rect->top <= 0 && rect->left <= 0 && rect->bottom >= height && rect->right >= width;
}

// The smallest that holds both.
static inline GcamRect gcam_rect_union(const GcamRect *a, const GcamRect *b)
{
    if (gcam_rect_is_empty(a) || gcam_rect_is_empty(b))
        return gcam_rect_is_empty(a) ? *b : *a;
    return (GcamRect){
        a->top < b->top ? a->top : b->top, a->bottom > b->bottom ? a->bottom : b->bottom,
        a->left < b->left ? a->left : b->left, a->right > b->right ? a->right : b->right,
    };
}

#endif
