/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A page of HTML that needs nothing else: its style, text, and pictures with maps, inside of it. Light or dark, as the
 * reader's browser is.
 */
#ifndef GCAM_EVAL_PAGE_H
#define GCAM_EVAL_PAGE_H

#include <stdio.h>

#include "subject.h"

// Up to the heading, and what ends it.
void page_begin(FILE *out, const char *title);
void page_end(FILE *out);

// Any text, its signs escaped; and the same in an element.
void page_text(FILE *out, const char *text);
void page_element(FILE *out, const char *name, const char *text);

// The subject's picture, small, with its map, the data set's boxes and, dashed, the map's own. Returns a status.
int page_overlay(FILE *out, const Subject *subject, const AVFrame *frame, double threshold);

#endif
