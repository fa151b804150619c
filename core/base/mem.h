/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Allocation: every block is 64-byte aligned (a cache line, and the widest vector), every product of sizes is
 * checked.
 */
#ifndef GCAM_BASE_MEM_H
#define GCAM_BASE_MEM_H

#include <stddef.h>

// n * size bytes, uninitialised; NULL when the product overflows or memory is short. Zero bytes give a valid
// block.
void *gcam_alloc(size_t n, size_t size);

// The same, filled with zeros.
void *gcam_calloc(size_t n, size_t size);

// A block of another size with as much of the old one's content as fits, in its place; NULL, and the old one still
// there, as above. block may be NULL. Always copies: grow by doubling.
void *gcam_realloc(void *block, size_t n, size_t size);

// A copy of a string, or NULL.
char *gcam_strdup(const char *text);

// Accepts NULL.
void gcam_free(void *block);

// *out = a * b, or -EOVERFLOW with *out unchanged.
int gcam_mul(size_t a, size_t b, size_t *out);

#endif
