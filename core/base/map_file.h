/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bytes of a file, for reading: the one way in which the library opens what somebody else names.
 *
 * Only regular files are opened: what is a FIFO, a device or a directory is refused at once, without waiting for
 * whoever may write to it. Small files are read; larger ones are mapped, unless a copy is asked for. What a copy holds
 * cannot change. A mapping does when the file is written to, and reading it beyond the new end of a file that was cut
 * short kills the process with SIGBUS: so nobody may do that while it is open. To replace a file is safe (write another
 * and rename it, as all of gradcam's own writing does): the mapping keeps the old one.
 */
#ifndef GCAM_BASE_MAP_FILE_H
#define GCAM_BASE_MAP_FILE_H

#include <stddef.h>

#include "gradcam.h"

typedef struct GcamMapFile {
    const void *data;           // aligned to 64 bytes; NULL: not open
    size_t size;                // may be 0
    int is_mapped;              // else a copy
} GcamMapFile;

// what: "model", "labels file", for messages. most: bytes that it may have, 0 for any number. copy: read it, whatever
// its size. -EISDIR, -EINVAL where it is not a regular file, -EFBIG, -EIO where it became shorter meanwhile, -ENOMEM,
// or what the system said; the log has a sentence, and *out is all zeros.
int gcam_map_file(GcamMapFile *out, const char *path, const char *what, size_t most, int copy, const GradcamLog *log);

// Accepts one that is not open.
void gcam_unmap_file(GcamMapFile *file);

#endif
