/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is accepted at most from files, options and callers: far more than anybody needs, and little enough that sizes
 * computed from it fit.
 */
#ifndef GCAM_BASE_LIMITS_H
#define GCAM_BASE_LIMITS_H

#include <stddef.h>

#define GCAM_MOST_PIXELS 16384          // of each side of a network's picture
#define GCAM_MOST_CHANNELS 1024         // of all its frames
#define GCAM_MOST_PICTURE (1 << 27)     // pixels of a picture that the command line decodes
#define GCAM_MOST_CLASSES (1 << 20)
#define GCAM_MOST_GROUPS (1 << 16)      // of classes
#define GCAM_MOST_MEMBERS (1 << 24)     // classes of all groups together
#define GCAM_MOST_TARGETS 64            // classes explained at once
#define GCAM_MOST_LABELS_TEXT (16 << 20)        // bytes of a labels file
#define GCAM_MOST_THREADS 1024
#define GCAM_MOST_PATH 4096             // bytes of the path of a network, its end included
#define GCAM_MOST_NODES (1 << 18)       // of a graph

#define GCAM_MEMORY ((size_t)4 << 30)   // bytes that running a model may take, unless more are asked for
#define GCAM_FOLDED_SHARE 8             // and this part of them is for constants that are computed from others

#endif
