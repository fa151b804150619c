/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Aligned, overflow-checked allocation. Before each block lies a header of its alignment. Large blocks - packed
 * weights, activations - are mappings of their own: they come zeroed, and what is freed goes back to the system at
 * once. Where the system has huge pages they get them: weights are read from end to end, and looking up every 4 KB
 * takes its time.
 */
#include "mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ALIGNMENT = 64,
    HUGE_ENOUGH = 1 << 22,      // for pages of 2 MB
};

// gcc defines a name, clang answers a question.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WATCHED
#endif

#ifdef WATCHED
#define LARGE SIZE_MAX          // the sanitizer watches its own blocks only
#else
#define LARGE ((size_t)1 << 20)
#endif

typedef struct Header {
    _Alignas(ALIGNMENT) size_t mapped;          // bytes of the mapping, header included; 0: not one
    size_t bytes;                               // of the block, header not included
} Header;

int gcam_mul(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return -EOVERFLOW;
    *out = product;
    return 0;
}

static Header *map(size_t bytes)
{
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_ENOUGH)
        madvise(block, bytes, MADV_HUGEPAGE);   // only a hint
#endif
    return block;
}

static void *allocate(size_t n, size_t size, int zeroed)
{
    size_t bytes;
    if (gcam_mul(n, size, &bytes) || bytes > PTRDIFF_MAX - sizeof(Header))
        return NULL;
    bytes += sizeof(Header);
    void *block = NULL;
    int large = bytes >= LARGE;
    if (large)
        block = map(bytes);
    else if (posix_memalign(&block, ALIGNMENT, bytes))
        return NULL;
    if (!block)
        return NULL;
    Header *header = block;
    header->mapped = large ? bytes : 0;
    header->bytes = bytes - sizeof(*header);
    if (zeroed && !large)
        memset(header + 1, 0, bytes - sizeof(*header));
    return header + 1;
}

void *gcam_alloc(size_t n, size_t size)
{
    return allocate(n, size, 0);
}

void *gcam_calloc(size_t n, size_t size)
{
    return allocate(n, size, 1);
}

void *gcam_realloc(void *block, size_t n, size_t size)
{
    void *grown = gcam_alloc(n, size);
    if (!grown || !block)
        return grown;
    const size_t before = ((Header *)block - 1)->bytes, now = ((Header *)grown - 1)->bytes;
    memcpy(grown, block, before < now ? before : now);
    gcam_free(block);
    return grown;
}

char *gcam_strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = gcam_alloc(size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

void gcam_free(void *block)
{
    Header *header = block ? (Header *)block - 1 : NULL;
    if (header && header->mapped)
        munmap(header, header->mapped);
    else
        free(header);
}
