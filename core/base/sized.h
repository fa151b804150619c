/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Structs of the interface that may grow. Each begins with a size_t that its owner, the caller, sets to the size that
 * it was compiled with; 0 stands for that of the first release. Both ways between the caller's struct and the library's
 * own one only copy what both have.
 */
#ifndef GCAM_BASE_SIZED_H
#define GCAM_BASE_SIZED_H

#include <stddef.h>

// Size of what is at `given`, which may be NULL: then 0. first: of the first release.
size_t gcam_sized(const void *given, size_t first);

// Reads the caller's struct into the library's own of `size` bytes: fields that the caller does not know are zero, and
// so are all of them where given is NULL. Its first member becomes `size`.
void gcam_sized_take(void *own, size_t size, size_t first, const void *given);

// Fills the caller's struct from the library's own one, but for its first member; fields that the library does not know
// are left alone. given may be NULL.
void gcam_sized_give(void *given, size_t first, const void *own, size_t size);

// Nothing was released yet, so that the first release has what there is now. A struct that grows after it passes the
// offset of the first new member to the functions above, in the place of its size here.
#define GCAM_TAKE(own, given) gcam_sized_take(&(own), sizeof(own), sizeof(own), given)
#define GCAM_GIVE(given, own) gcam_sized_give(given, sizeof(own), &(own), sizeof(own))

#endif
