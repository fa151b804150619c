/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Aligned, overflow-checked allocation on top of posix_memalign(). Large blocks lie in huge pages where the system has
 * them: weights are read from one end to the other, and looking up every 4 KB costs a quarter of the time.
 */
#include "mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ALIGNMENT = 64,
    HUGE_PAGE = 1 << 21,
    LARGE = 2 * HUGE_PAGE,
};

int gcam_mul(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return -EOVERFLOW;
    *out = product;
    return 0;
}

void *gcam_alloc(size_t n, size_t size)
{
    size_t bytes;
    if (gcam_mul(n, size, &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    void *block = NULL;
    if (posix_memalign(&block, bytes < LARGE ? ALIGNMENT : HUGE_PAGE, bytes ? bytes : 1))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= LARGE)
        madvise(block, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);      // only a hint
#endif
    return block;
}

void *gcam_calloc(size_t n, size_t size)
{
    void *block = gcam_alloc(n, size);
    if (block)
        memset(block, 0, n * size);
    return block;
}

void gcam_free(void *block)
{
    free(block);
}
