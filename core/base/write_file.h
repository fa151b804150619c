/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing files: the one way in which the library and its tools do. A file is under its name only when it is complete
 * and on disk; until then, and when anything fails, what was there before stays, and nothing else is left.
 *
 * Where the system can (O_TMPFILE) the new file has no name until it is complete, so that nothing is left even when the
 * process is killed; else it has one beside the target that nobody can guess and that is not there yet. What is no
 * regular file is never replaced: FIFOs, character devices and all below /dev are written into, a symbolic link stays
 * and the file that it leads to is replaced. Directories, block devices and links to nothing are refused.
 */
#ifndef GCAM_BASE_WRITE_FILE_H
#define GCAM_BASE_WRITE_FILE_H

#include <stdio.h>

typedef struct GcamWriteFile {
    FILE *stream;               // to write to; whoever leaves errors for gcam_write_file_close() to find gets -EIO
    char *path;                 // of the file, links followed
    char *temporary;            // its name so far; NULL: it has none, or has been there and is written into
    int is_written_into;
} GcamWriteFile;

// A new file with the mode of the one that it replaces, else what the umask leaves of 0666. -EISDIR, -EPERM for a block
// device, -ENOENT also for a link to nothing, or what the system said; *out is then all zeros.
int gcam_write_file_open(GcamWriteFile *out, const char *path);

// Ends what is open. error: what went wrong so far, or 0. Without one the file is brought to disk and gets its name;
// with one it is gone. Returns error, or what went wrong now, writes before included. All zeros are accepted.
int gcam_write_file_close(GcamWriteFile *file, int error);

#endif
