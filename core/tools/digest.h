/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SHA-256 of files.
 */
#ifndef GCAM_TOOLS_DIGEST_H
#define GCAM_TOOLS_DIGEST_H

#define DIGEST_SIZE 65

// The digest in hexadecimal digits. Returns a status (say.h).
int file_sha256(const char *path, char digest[DIGEST_SIZE]);

#endif
