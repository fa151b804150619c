/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SHA-256 of files, by libavutil.
 */
#include "digest.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/mem.h>
#include <libavutil/sha.h>

#include "say.h"

enum { BLOCK = 1 << 16, BYTES = 32 };

int file_sha256(const char *path, char digest[DIGEST_SIZE])
{
    uint8_t sum[BYTES], *block = malloc(BLOCK);
    struct AVSHA *sha = av_sha_alloc();
    FILE *file = fopen(path, "rb");
    int reason = !file ? errno : !block || !sha || av_sha_init(sha, 8 * BYTES) < 0 ? ENOMEM : 0;

    for (size_t count; !reason && (count = fread(block, 1, BLOCK, file));)
        av_sha_update(sha, block, count);
    if (!reason && ferror(file))
        reason = EIO;
    if (!reason)
        av_sha_final(sha, sum);
    for (int i = 0; !reason && i < BYTES; i++)
        snprintf(digest + 2 * i, 3, "%02x", sum[i]);
    if (file)
        fclose(file);
    av_free(sha);
    free(block);
    return reason ? say_failure("cannot read %s: %s", path, strerror(reason)) : STATUS_OK;
}
