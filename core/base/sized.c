/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Copies between structs of one name and two sizes.
 */
#include "sized.h"

#include <string.h>

size_t gcam_sized(const void *given, size_t first)
{
    size_t size = 0;
    if (given)
        memcpy(&size, given, sizeof(size));
    return given && size < sizeof(size) ? first : size;
}

void gcam_sized_take(void *own, size_t size, size_t first, const void *given)
{
    size_t theirs = gcam_sized(given, first), both = theirs < size ? theirs : size;
    memset(own, 0, size);
    if (given)
        memcpy(own, given, both);
    memcpy(own, &size, sizeof(size));
}

void gcam_sized_give(void *given, size_t first, const void *own, size_t size)
{
    size_t theirs = gcam_sized(given, first), both = theirs < size ? theirs : size;
    if (!given)
        return;
    memcpy((char *)given + sizeof(size), (const char *)own + sizeof(size), both - sizeof(size));
}
